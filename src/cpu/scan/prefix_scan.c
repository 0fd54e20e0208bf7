/* SPDX-License-Identifier: Apache-2.0 */
/* prefix_scan of f32, f16 and bf16. */
#include "cpu/cpu.h"
#include "cpu/scan/prefix_streams.h"
#include "cpu/scan/walk.h"

typedef seqmix_prefix_scan_problem prefix;

static int uses(const prefix *p, uint64_t feature) { return (p->header.features & feature) != 0; }

static scan_plane plane_of(const seqmix_view *view, int64_t at, int64_t step, int64_t channel) {
  int64_t bytes = view->dtype == SEQMIX_F32 ? 4 : 2;
  return (scan_plane){
      .data = (char *)view->data + at * bytes,
      .time = step,
      .channel = channel,
      .dtype = view->dtype,
  };
}

static scan_stream open_stream(const seqmix_problem *problem, int64_t stream) {
  const prefix *p = (const prefix *)problem;
  const prefix_stream at = prefix_stream_at(p, stream);
  return (scan_stream){
      .x = plane_of(&p->x, at.x, at.x_step, at.x_channel),
      .out = plane_of(&p->out, at.out, at.out_step, at.out_channel),
      .tokens = at.tokens,
  };
}

static scan_plan plan_of(const seqmix_problem *problem, int32_t workers) {
  const prefix *p = (const prefix *)problem;
  const prefix_streams all = prefix_streams_of(p);
  const scan_shape shape = {
      .streams = all.count,
      .channels = all.channels,
      .longest = p->longest,
      .elements = all.count / p->segments * all.channels * p->length,
      .is_turned = p->x_strides[all.axis] != 1,
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
      .channels = prefix_streams_of(p).channels,
      .problem = problem,
      .open = open_stream,
  };
  scan_walk(call, &job);
  return SEQMIX_OK;
}
