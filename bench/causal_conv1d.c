/* SPDX-License-Identifier: Apache-2.0 */
/* causal_conv1d as an operator of the bench. */
#include <math.h>
#include <stdio.h>

#include "bench/scan.h"

enum {
  VALUE_B,
  VALUE_T,
  VALUE_C,
  VALUE_W,
  VALUE_LAYOUT,
  VALUE_SILU,
  VALUE_BIAS,
  VALUE_STATES,
  VALUES
};

static const bench_parameter parameters[VALUES] = {
    [VALUE_B] = {"B", 1, 1, 65536, 1, "sequences", NULL},
    [VALUE_T] = {"T", 1024, 1, SCAN_LONGEST, 1, "tokens of each", NULL},
    [VALUE_C] = {"C", 1536, 1, SCAN_WIDEST, 1, "channels", NULL},
    [VALUE_W] = {"W", 4, 1, SCAN_WIDTHS, 1, "width: a token sees itself and W-1 before", NULL},
    [VALUE_LAYOUT] = {"layout", 0, 0, 1, 1, "order of axes in memory", scan_layouts},
    [VALUE_SILU] = {"silu", 1, 0, 1, 1, "1: outputs pass through silu", NULL},
    [VALUE_BIAS] = {"bias", 1, 0, 1, 1, "1: with a bias", NULL},
    [VALUE_STATES] = {"states", 0, 0, 2, 1, SCAN_STATES_MEANING, scan_states_names},
};

static scan_shape shape_of(const double *values) {
  return (scan_shape){
      .b = (int64_t)values[VALUE_B],
      .t = (int64_t)values[VALUE_T],
      .c = (int64_t)values[VALUE_C],
      .width = (int64_t)values[VALUE_W],
      .is_time_inside = values[VALUE_LAYOUT] != 0,
      .has_silu = values[VALUE_SILU] != 0,
      .has_bias = values[VALUE_BIAS] != 0,
      .states = (scan_states)values[VALUE_STATES],
  };
}

static int complete(double *values, char *error) {
  if (values[VALUE_T] == 1) values[VALUE_STATES] = SCAN_STATES_UPDATE;
  if (values[VALUE_W] == 1) values[VALUE_STATES] = SCAN_STATES_NONE;
  double rows = fmax(values[VALUE_T], values[VALUE_W]);
  return scan_check_size(values[VALUE_B] * rows * values[VALUE_C], error);
}

static const char *phase(const double *values) {
  scan_shape shape = shape_of(values);
  return scan_phase(&shape);
}

static void label(const double *values, char *text, size_t room) {
  scan_shape s = shape_of(values);
  snprintf(text, room, "conv-w%d%s%s%s", (int)s.width, s.has_silu ? "-silu" : "",
           s.is_time_inside ? "-bct" : "", scan_is_decode(&s) ? "-decode" : "");
}

static void set_length(double *values, int64_t length) {
  if (values[VALUE_T] > 1) values[VALUE_T] = (double)length;
}

/* States lie in memory as inputs do. */
static scan_layout state_layout(const scan_shape *s, int32_t dtype) {
  scan_shape state = *s;
  state.t = s->width - 1;
  return scan_over_tokens(&state, dtype);
}

static scan_layout layout_of(const scan_shape *s, int32_t dtype, scan_part part) {
  const scan_layout none = {0};
  switch (part) {
    case SCAN_X:
    case SCAN_OUT: return scan_over_tokens(s, dtype);
    case SCAN_WEIGHT: return scan_over_channels(dtype, s->c, s->width);
    case SCAN_BIAS: return s->has_bias ? scan_over_channels(dtype, s->c, 0) : none;
    case SCAN_STATE: return s->states == SCAN_STATES_NONE ? none : state_layout(s, dtype);
    default: return none;
  }
}

static double times(double deviate, double factor) { return deviate * factor; }

static scan_numbers numbers_of(const scan_shape *s, scan_part part) {
  if (part != SCAN_WEIGHT) return (scan_numbers){0};
  return (scan_numbers){times, 1 / sqrt((double)s->width)};
}

/* A multiply-add per tap; neither bias nor silu are counted. */
static bench_cost work_of(const scan_shape *s, int32_t dtype) {
  (void)dtype;
  double numbers = (double)s->b * (double)s->t * (double)s->c;
  return (bench_cost){.flops = 2 * (double)s->width * numbers, .traffic = TRAFFIC_COPY};
}

static seqmix_status call(seqmix_context *context, const scan_shape *s, const scan_tensors *tensors,
                          uint64_t *workspace) {
  seqmix_causal_conv1d_args args = SEQMIX_CAUSAL_CONV1D_ARGS_INIT;
  args.x = tensors->part[SCAN_X];
  args.weight = tensors->part[SCAN_WEIGHT];
  args.bias = tensors->part[SCAN_BIAS];
  args.out = tensors->part[SCAN_OUT];
  args.activation = s->has_silu ? SEQMIX_ACTIVATION_SILU : SEQMIX_ACTIVATION_NONE;
  args.past_state = tensors->past;
  args.present_state = tensors->part[SCAN_STATE];
  if (workspace) return seqmix_causal_conv1d_workspace_size(context, &args, workspace);
  return seqmix_causal_conv1d(context, &args);
}

const scan_kind causal_conv1d_kind = {
    SEQMIX_OP_CAUSAL_CONV1D, shape_of, layout_of, numbers_of, work_of, call};

static void *open_instance(const bench_case *item, const bench_world *world, char *error) {
  return scan_open(&causal_conv1d_kind, item, world, error);
}

/* In front of the scan of a Mamba model: names differ from those of its scan. */
#define MODEL(name, channels)                                                                   \
  {"models", name "-prefill", "prefill", {1, 2048, channels, 4, 0, 1, 1, SCAN_STATES_PRESENT}}, \
      {"models", name "-decode", "decode", {1, 1, channels, 4, 0, 1, 1, SCAN_STATES_UPDATE}}, { \
    "models", name "-decode-b64", "decode", { 64, 1, channels, 4, 0, 1, 1, SCAN_STATES_UPDATE } \
  }

/* Columns: B, T, C, W, layout, silu, bias, states. */
static const bench_preset presets[] = {
    MODEL("mamba-130m-conv", 1536),
    MODEL("mamba-370m-conv", 2048),
    MODEL("mamba-790m-conv", 3072),
    MODEL("mamba-1.4b-conv", 4096),
    MODEL("mamba-2.8b-conv", 5120),

    {"kernel", "conv-w4-silu", "prefill", {1, 4096, 4096, 4, 0, 1, 1}},
    {"kernel", "conv-w4-silu-bct", "prefill", {1, 4096, 4096, 4, 1, 1, 1}},
    {"kernel", "conv-w4", "prefill", {1, 4096, 4096, 4, 0, 0, 1}},
    {"kernel", "conv-w4-silu-decode-b64", "decode", {64, 1, 4096, 4, 0, 1, 1, SCAN_STATES_UPDATE}},
};

const bench_operator causal_conv1d_operator = {
    .name = "causal_conv1d",
    .parameters = parameters,
    .parameter_count = VALUES,
    .presets = presets,
    .preset_count = sizeof presets / sizeof *presets,
    .complete = complete,
    .phase = phase,
    .label = label,
    .set_length = set_length,
    .open = open_instance,
    SCAN_FUNCTIONS,
};
