/* SPDX-License-Identifier: Apache-2.0 */
/* Scans and convolutions of models, of whole sequences and of one token after the other. */
#include "tools/pack/common.h"

static const struct { int64_t batch, length; } shapes[] = {{8, 4096}, {64, 1}};
enum { SHAPES = 2, CHANNELS = 4096 };

/* ---- linear recurrence ----------------------------------------------------------------------- */

static seqmix_status make_recurrence(seqmix_context *context, int32_t index) {
  seqmix_linear_recurrence_args args = SEQMIX_LINEAR_RECURRENCE_ARGS_INIT;
  int32_t type = common_type(common_digit(&index, COMMON_TYPES));
  int32_t shape = common_digit(&index, SHAPES);
  int64_t batch = shapes[shape].batch, length = shapes[shape].length, pair = index ? 2 : 0;
  seqmix_tensor a = common_tensor(type, batch, length, CHANNELS, pair);
  seqmix_tensor b = common_tensor(type, batch, length, CHANNELS, pair);
  seqmix_tensor out = common_tensor(type, batch, length, CHANNELS, pair);
  seqmix_tensor past = common_tensor(SEQMIX_F32, batch, CHANNELS, pair, 0);
  seqmix_tensor present = common_tensor(SEQMIX_F32, batch, CHANNELS, pair, 0);
  args.a = &a;
  args.b = &b;
  args.out = &out;
  args.past_state = &past;
  args.present_state = &present;
  args.is_complex = index;
  return seqmix_linear_recurrence(context, &args);
}

const common_calls common_linear_recurrence = {"linear_recurrence", 2 * COMMON_TYPES *SHAPES,
                                               make_recurrence};

/* ---- prefix scan ----------------------------------------------------------------------------- */

static const int32_t scan_types[] = {SEQMIX_F32, SEQMIX_F16, SEQMIX_BF16, SEQMIX_I32};
enum { SCAN_TYPES = 4, SCAN_KINDS = 4, SCAN_SHAPES = 2, SCAN_LONG = 1 << 24 };

static seqmix_status make_prefix_scan(seqmix_context *context, int32_t index) {
  seqmix_prefix_scan_args args = SEQMIX_PREFIX_SCAN_ARGS_INIT;
  int32_t kind = common_digit(&index, SCAN_KINDS);
  int32_t type = scan_types[common_digit(&index, SCAN_TYPES)];
  /* There is none of integers: then a sum, once more. */
  if (type == SEQMIX_I32 && kind == SEQMIX_SCAN_LOGSUMEXP) kind = SEQMIX_SCAN_SUM;
  int64_t rows = index ? CHANNELS : 0, length = index ? CHANNELS : SCAN_LONG;
  seqmix_tensor x = common_tensor(type, rows, length, 0, 0);
  seqmix_tensor out = common_tensor(type, rows, length, 0, 0);
  args.x = &x;
  args.out = &out;
  args.op = kind;
  return seqmix_prefix_scan(context, &args);
}

const common_calls common_prefix_scan = {"prefix_scan", SCAN_KINDS *SCAN_TYPES *SCAN_SHAPES,
                                         make_prefix_scan};

/* ---- selective scan -------------------------------------------------------------------------- */

enum { STATES = 16, GROUPS = 1 };

typedef struct selective_tensors {
  seqmix_tensor u, delta, A, B, C, D, z, bias, out, past, present;
} selective_tensors;

/* A, B, C and the states are the same of both kinds, but for a last axis. */
static seqmix_tensor with_states(int64_t n0, int64_t n1, int32_t is_complex) {
  const int64_t shape[] = {n0, n1, GROUPS, STATES, 2};
  seqmix_tensor x = common_tensor(SEQMIX_F32, n0, n1, STATES, 2);
  return seqmix_tensor_nd(x.data, SEQMIX_F32, is_complex ? 5 : 4, shape, NULL);
}

static seqmix_status make_selective(seqmix_context *context, int32_t index) {
  seqmix_selective_scan_args args = SEQMIX_SELECTIVE_SCAN_ARGS_INIT;
  selective_tensors x;
  int32_t type = common_type(common_digit(&index, COMMON_TYPES));
  int32_t shape = common_digit(&index, SHAPES);
  int64_t batch = shapes[shape].batch, length = shapes[shape].length, pair = index ? 2 : 0;
  x.u = common_tensor(type, batch, length, CHANNELS, 0);
  x.delta = common_tensor(type, batch, length, CHANNELS, 0);
  x.z = common_tensor(type, batch, length, CHANNELS, 0);
  x.out = common_tensor(type, batch, length, CHANNELS, 0);
  x.A = common_tensor(SEQMIX_F32, CHANNELS, STATES, pair, 0);
  x.B = with_states(batch, length, index);
  x.C = with_states(batch, length, index);
  x.D = common_tensor(SEQMIX_F32, CHANNELS, 0, 0, 0);
  x.bias = common_tensor(SEQMIX_F32, CHANNELS, 0, 0, 0);
  x.past = common_tensor(SEQMIX_F32, batch, CHANNELS, STATES, pair);
  x.present = common_tensor(SEQMIX_F32, batch, CHANNELS, STATES, pair);
  args.u = &x.u;
  args.delta = &x.delta;
  args.A = &x.A;
  args.B = &x.B;
  args.C = &x.C;
  args.D = &x.D;
  args.z = &x.z;
  args.delta_bias = &x.bias;
  args.out = &x.out;
  args.past_state = &x.past;
  args.present_state = &x.present;
  args.delta_softplus = 1;
  args.is_complex = index;
  return seqmix_selective_scan(context, &args);
}

const common_calls common_selective_scan = {"selective_scan", 2 * COMMON_TYPES *SHAPES,
                                            make_selective};

/* ---- convolution ----------------------------------------------------------------------------- */

enum { WIDTH_LEAST = 2, WIDTHS = 3 };

static seqmix_status make_conv(seqmix_context *context, int32_t index) {
  seqmix_causal_conv1d_args args = SEQMIX_CAUSAL_CONV1D_ARGS_INIT;
  int32_t type = common_type(common_digit(&index, COMMON_TYPES));
  int32_t shape = common_digit(&index, SHAPES);
  int64_t batch = shapes[shape].batch, length = shapes[shape].length;
  int64_t width = WIDTH_LEAST + index;
  seqmix_tensor x = common_tensor(type, batch, length, CHANNELS, 0);
  seqmix_tensor out = common_tensor(type, batch, length, CHANNELS, 0);
  seqmix_tensor weight = common_tensor(type, CHANNELS, width, 0, 0);
  seqmix_tensor bias = common_tensor(type, CHANNELS, 0, 0, 0);
  seqmix_tensor past = common_tensor(type, batch, width - 1, CHANNELS, 0);
  seqmix_tensor present = common_tensor(type, batch, width - 1, CHANNELS, 0);
  args.x = &x;
  args.weight = &weight;
  args.bias = &bias;
  args.out = &out;
  args.past_state = &past;
  args.present_state = &present;
  args.activation = SEQMIX_ACTIVATION_SILU;
  return seqmix_causal_conv1d(context, &args);
}

const common_calls common_causal_conv1d = {"causal_conv1d", COMMON_TYPES *SHAPES *WIDTHS,
                                           make_conv};
