/* SPDX-License-Identifier: Apache-2.0 */
#include "small_call.h"

#include <math.h>
#include <string.h>

#include "verify/random.h"

static void fill(float *data, random_state *random) {
  for (int i = 0; i < SMALL_ELEMENTS; i++) data[i] = (float)random_normal(random);
}

void small_call_make(small_call *call, uint64_t seed) {
  static const seqmix_attention_args initial = SEQMIX_ATTENTION_ARGS_INIT;
  random_state random = random_start(seed);
  const int64_t time = SMALL_TIME, heads = SMALL_HEADS, dim = SMALL_DIM;
  fill(call->q_data, &random);
  fill(call->k_data, &random);
  fill(call->v_data, &random);
  call->q = seqmix_tensor_4d(call->q_data, SEQMIX_F32, 1, time, heads, dim);
  call->k = seqmix_tensor_4d(call->k_data, SEQMIX_F32, 1, time, heads, dim);
  call->v = seqmix_tensor_4d(call->v_data, SEQMIX_F32, 1, time, heads, dim);
  call->out = seqmix_tensor_4d(call->out_data, SEQMIX_F32, 1, time, heads, dim);
  call->args = initial;
  call->args.q = &call->q;
  call->args.k = &call->k;
  call->args.v = &call->v;
  call->args.out = &call->out;
  call->args.causal = 1;
}

seqmix_status small_call_run(small_call *call, seqmix_context *context) {
  memset(call->out_data, 0xff, sizeof call->out_data);
  return seqmix_attention(context, &call->args);
}

static int at(int time, int head, int d) { return (time * SMALL_HEADS + head) * SMALL_DIM + d; }

static double score(const small_call *call, int i, int j, int head) {
  double sum = 0;
  for (int d = 0; d < SMALL_DIM; d++) {
    sum += (double)call->q_data[at(i, head, d)] * call->k_data[at(j, head, d)];
  }
  return sum / sqrt(SMALL_DIM);
}

static int row_is_right(const small_call *call, int i, int head) {
  double weights[SMALL_TIME], total = 0;
  for (int j = 0; j <= i; j++) total += weights[j] = exp(score(call, i, j, head));
  for (int d = 0; d < SMALL_DIM; d++) {
    double wanted = 0;
    for (int j = 0; j <= i; j++) wanted += weights[j] * call->v_data[at(j, head, d)];
    /* Written so that a NaN is wrong. */
    if (!(fabs(call->out_data[at(i, head, d)] - wanted / total) <= 1e-4)) return 0;
  }
  return 1;
}

int small_call_is_right(const small_call *call) {
  for (int i = 0; i < SMALL_TIME; i++) {
    for (int head = 0; head < SMALL_HEADS; head++) {
      if (!row_is_right(call, i, head)) return 0;
    }
  }
  return 1;
}
