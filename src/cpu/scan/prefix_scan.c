/* SPDX-License-Identifier: Apache-2.0 */
/* prefix_scan of f32, f16 and bf16. One of the axes that are not scanned gives the channels; the
 * others, and the segments, are sequences of their own. */
#include <string.h>

#include "cpu/cpu.h"
#include "cpu/scan/walk.h"

typedef seqmix_prefix_scan_problem prefix;

static int uses(const prefix *p, uint64_t feature) { return (p->header.features & feature) != 0; }

/* Channels are the axis that is contiguous; if none is, the longest. */
static int channel_axis(const prefix *p) {
  int best = 0;
  for (int i = 0; i < p->axes; i++) {
    if (p->x_strides[i] == 1) return i;
    if (p->sizes[i] > p->sizes[best]) best = i;
  }
  return best;
}

/* Sequence `stream` is a segment of the scanned axis, at indices of all axes but the channels'. */
static scan_stream open_stream(const seqmix_problem *problem, int64_t stream) {
  const prefix *p = (const prefix *)problem;
  int channels = channel_axis(p);
  int64_t segment = stream % p->segments, rest = stream / p->segments, x = 0, out = 0;
  for (int i = p->axes - 1; i >= 0; i--) {
    if (i == channels) continue;
    x += rest % p->sizes[i] * p->x_strides[i];
    out += rest % p->sizes[i] * p->out_strides[i];
    rest /= p->sizes[i];
  }
  int64_t first = 0, length = p->length;
  if (p->cu_seqlens.bits) {
    first = seqmix_index_at(&p->cu_seqlens, segment, 0);
    length = seqmix_index_at(&p->cu_seqlens, segment + 1, 0) - first;
  }
  /* The other axes' place takes that of the batch, which is walked one at a time. */
  seqmix_view from = p->x, to = p->out;
  memcpy(from.stride, (const int64_t[4]){x, p->x_step, p->x_strides[channels], 0},
         sizeof from.stride);
  memcpy(to.stride, (const int64_t[4]){out, p->out_step, p->out_strides[channels], 0},
         sizeof to.stride);
  int reverse = uses(p, SEQMIX_PREFIX_SCAN_REVERSE);
  return (scan_stream){
      .x = scan_plane_of(&from, 1, first, length, reverse),
      .out = scan_plane_of(&to, 1, first, length, reverse),
      .tokens = length,
  };
}

static scan_plan plan_of(const seqmix_problem *problem, int32_t workers) {
  const prefix *p = (const prefix *)problem;
  int channels = channel_axis(p);
  int64_t others = 1;
  for (int i = 0; i < p->axes; i++)
    if (i != channels) others *= p->sizes[i];
  const scan_shape shape = {
      .streams = others * p->segments,
      .channels = p->sizes[channels],
      .longest = p->longest,
      .elements = others * p->sizes[channels] * p->length,
      .is_turned = p->x_strides[channels] != 1,
  };
  return seqmix_scan_plan(&shape, workers);
}

uint64_t LEVEL(prefix_scan_workspace)(const seqmix_problem *problem,
                                      const seqmix_device_properties *device, int32_t workers) {
  (void)device;
  scan_plan plan = plan_of(problem, workers);
  return scan_walk_workspace(&plan, workers);
}

seqmix_status VARIANT(prefix_scan, blocked)(const seqmix_call *call,
                                            const seqmix_problem *problem) {
  static const scan_kind kinds[] = {
      [SEQMIX_SCAN_SUM] = SCAN_SUM,
      [SEQMIX_SCAN_PRODUCT] = SCAN_PRODUCT,
      [SEQMIX_SCAN_MAX] = SCAN_MAX,
      [SEQMIX_SCAN_LOGSUMEXP] = SCAN_LOGSUMEXP,
  };
  const prefix *p = (const prefix *)problem;
  const scan_job job = {
      .kind = kinds[p->scan_op],
      .is_exclusive = uses(p, SEQMIX_PREFIX_SCAN_EXCLUSIVE),
      .plan = plan_of(problem, call->workers),
      .channels = p->sizes[channel_axis(p)],
      .problem = problem,
      .open = open_stream,
  };
  scan_walk(call, &job);
  return SEQMIX_OK;
}
