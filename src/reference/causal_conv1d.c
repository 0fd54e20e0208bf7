/* SPDX-License-Identifier: Apache-2.0 */
/* causal_conv1d, an output at a time in float64. A channel of a sequence is a task. */
#include <math.h>
#include <string.h>

#include "core/work.h"
#include "reference/reference.h"
#include "reference/sequence.h"

/* Address of x at token t, which is before the sequence's start if it is negative: then that of
 * the past, or NULL of no past. */
static const void *input_at(const seqmix_causal_conv1d_problem *p, const reference_sequence *s,
                            int64_t t, int64_t c) {
  const seqmix_view *view = t < 0 ? &p->past_state : &p->x;
  int64_t at =
      t < 0 ? s->from * view->stride[0] + (p->width - 1 + t) * view->stride[1] + c * view->stride[2]
            : reference_token_at(s, view, t, c, 0);
  if (!view->dtype) return NULL;
  return (const char *)view->data + at * (int64_t)seqmix_dtype_size(view->dtype);
}

static double input(const seqmix_causal_conv1d_problem *p, const reference_sequence *s, int64_t t,
                    int64_t c) {
  const void *address = input_at(p, s, t, c);
  return address ? (double)seqmix_load(address, p->x.dtype, 0) : 0;
}

static double answer(const seqmix_causal_conv1d_problem *p, const reference_sequence *s, int64_t t,
                     int64_t c) {
  double sum = p->bias.dtype ? reference_load(&p->bias, c * p->bias.stride[0]) : 0;
  for (int64_t k = 0; k < p->width; k++) {
    double weight = reference_load(&p->weight, c * p->weight.stride[0] + k * p->weight.stride[1]);
    sum += weight * input(p, s, t - p->width + 1 + k, c);
  }
  return p->activation == SEQMIX_ACTIVATION_SILU ? sum / (1 + exp(-sum)) : sum;
}

/* Bits are copied, so that even a NaN stays the one it was. The oldest comes first: in place, what
 * is written has been read. */
static void keep_last(const seqmix_causal_conv1d_problem *p, const reference_sequence *s,
                      int64_t c) {
  const seqmix_view *to = &p->present_state;
  uint64_t size = seqmix_dtype_size(p->x.dtype);
  if (s->to < 0 || !to->dtype) return;
  for (int64_t k = 0; k < p->width - 1; k++) {
    char *address = (char *)to->data +
                    (s->to * to->stride[0] + k * to->stride[1] + c * to->stride[2]) * (int64_t)size;
    const void *from = input_at(p, s, s->length - (p->width - 1) + k, c);
    if (from)
      memmove(address, from, size);
    else
      memset(address, 0, size);
  }
}

static void convolve(void *arg, int64_t task, int32_t worker) {
  (void)worker;
  const seqmix_causal_conv1d_problem *p = *(const seqmix_causal_conv1d_problem **)arg;
  int64_t c = task % p->channels;
  reference_sequence s = reference_sequence_at(&p->at, task / p->channels);
  if (s.from < 0) {
    reference_write_zeros(&s, &p->out, c, 1);
    return;
  }
  for (int64_t t = 0; t < s.length; t++)
    reference_store(&p->out, reference_token_at(&s, &p->out, t, c, 0), answer(p, &s, t, c));
  keep_last(p, &s, c);
}

seqmix_status causal_conv1d__any_reference_literal(const seqmix_call *call,
                                                   const seqmix_problem *problem) {
  const seqmix_causal_conv1d_problem *p = (const seqmix_causal_conv1d_problem *)problem;
  seqmix_run_tasks(call, p->at.count * p->channels, convolve, &p);
  return SEQMIX_OK;
}
