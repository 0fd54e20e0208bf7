/* SPDX-License-Identifier: Apache-2.0 */
/* linear_recurrence as an operator of the bench. */
#include <math.h>
#include <stdio.h>

#include "bench/scan.h"

enum {
  VALUE_B,
  VALUE_T,
  VALUE_C,
  VALUE_LAYOUT,
  VALUE_COMPLEX,
  VALUE_CONSTANT,
  VALUE_REVERSE,
  VALUE_STATE_TYPE,
  VALUE_STATES,
  VALUES
};

static const bench_parameter parameters[VALUES] = {
    [VALUE_B] = {"B", 1, 1, 65536, 1, "sequences", NULL},
    [VALUE_T] = {"T", 1024, 1, SCAN_LONGEST, 1, "tokens of each", NULL},
    [VALUE_C] = {"C", 1024, 1, SCAN_WIDEST, 1, "channels", NULL},
    [VALUE_LAYOUT] = {"layout", 0, 0, 1, 1, "order of axes in memory", scan_layouts},
    [VALUE_COMPLEX] = {"complex", 0, 0, 1, 1, "1: numbers are complex", NULL},
    [VALUE_CONSTANT] = {"constant", 0, 0, 1, 1, "1: factors are [C], in f32", NULL},
    [VALUE_REVERSE] = {"reverse", 0, 0, 1, 1, "1: time runs backwards", NULL},
    [VALUE_STATE_TYPE] = {"state_type", 0, 0, 2, 1, "type of states", scan_types},
    [VALUE_STATES] = {"states", 0, 0, 2, 1, SCAN_STATES_MEANING, scan_states_names},
};

static scan_shape shape_of(const double *values) {
  return (scan_shape){
      .b = (int64_t)values[VALUE_B],
      .t = (int64_t)values[VALUE_T],
      .c = (int64_t)values[VALUE_C],
      .is_time_inside = values[VALUE_LAYOUT] != 0,
      .is_complex = values[VALUE_COMPLEX] != 0,
      .is_constant = values[VALUE_CONSTANT] != 0,
      .is_reverse = values[VALUE_REVERSE] != 0,
      .state_type = scan_type(values[VALUE_STATE_TYPE]),
      .states = (scan_states)values[VALUE_STATES],
  };
}

static int complete(double *values, char *error) {
  if (values[VALUE_T] == 1) values[VALUE_STATES] = SCAN_STATES_UPDATE;
  return scan_check_size(2 * values[VALUE_B] * values[VALUE_T] * values[VALUE_C], error);
}

static const char *phase(const double *values) {
  scan_shape shape = shape_of(values);
  return scan_phase(&shape);
}

static void label(const double *values, char *text, size_t room) {
  scan_shape s = shape_of(values);
  snprintf(text, room, "recurrence%s%s%s%s", s.is_complex ? "-complex" : "",
           s.is_constant ? "-constant" : "", s.is_reverse ? "-reverse" : "",
           s.is_time_inside ? "-bct" : "");
}

static void set_length(double *values, int64_t length) {
  if (values[VALUE_T] > 1) values[VALUE_T] = (double)length;
}

static scan_layout state_layout(const scan_shape *s) {
  const int64_t extent[] = {s->b, s->c, 2};
  scan_layout layout = scan_dense(s->state_type, s->is_complex ? 3 : 2, extent);
  layout.sequences = 0;
  layout.channels = 1;
  return layout;
}

static scan_layout layout_of(const scan_shape *s, int32_t dtype, scan_part part) {
  const scan_layout none = {0};
  switch (part) {
    case SCAN_X:
    case SCAN_OUT: return scan_over_tokens(s, dtype);
    case SCAN_A:
      if (s->is_constant) return scan_over_channels(SEQMIX_F32, s->c, s->is_complex ? 2 : 0);
      return scan_over_tokens(s, dtype);
    case SCAN_STATE: return s->states == SCAN_STATES_NONE ? none : state_layout(s);
    default: return none;
  }
}

/* Most memories last for tens of tokens. */
static double factor_of(double deviate, double argument) {
  (void)argument;
  return exp(-exp(deviate - 3));
}

/* Both parts of a complex number: together they stay within the unit circle. */
static double part_of_factor(double deviate, double argument) { return tanh(deviate) * argument; }

static scan_numbers numbers_of(const scan_shape *s, scan_part part) {
  if (part != SCAN_A) return (scan_numbers){0};
  return s->is_complex ? (scan_numbers){part_of_factor, sqrt(0.5)} : (scan_numbers){factor_of, 0};
}

/* A multiplication and an addition; in complex numbers these are six and two. With constant factors
 * memory does what it does for a copy. */
static bench_cost work_of(const scan_shape *s, int32_t dtype) {
  (void)dtype;
  double numbers = (double)s->b * (double)s->t * (double)s->c;
  return (bench_cost){.flops = (s->is_complex ? 8 : 2) * numbers,
                      .traffic = s->is_constant ? TRAFFIC_COPY : TRAFFIC_COPY_ADD};
}

static seqmix_status call(seqmix_context *context, const scan_shape *s, const scan_tensors *tensors,
                          uint64_t *workspace) {
  seqmix_linear_recurrence_args args = SEQMIX_LINEAR_RECURRENCE_ARGS_INIT;
  args.a = tensors->part[SCAN_A];
  args.b = tensors->part[SCAN_X];
  args.out = tensors->part[SCAN_OUT];
  args.is_complex = s->is_complex;
  args.reverse = s->is_reverse;
  args.past_state = tensors->past;
  args.present_state = tensors->part[SCAN_STATE];
  if (workspace) return seqmix_linear_recurrence_workspace_size(context, &args, workspace);
  return seqmix_linear_recurrence(context, &args);
}

const scan_kind linear_recurrence_kind = {
    SEQMIX_OP_LINEAR_RECURRENCE, shape_of, layout_of, numbers_of, work_of, call};

static void *open_instance(const bench_case *item, const bench_world *world, char *error) {
  return scan_open(&linear_recurrence_kind, item, world, error);
}

/* A prompt of a layer, and a token for 64 sequences. `...`: layout, complex, constant. */
#define MODEL(name, batch, tokens, channels, ...)                      \
  {"models",                                                           \
   name "-prefill",                                                    \
   "prefill",                                                          \
   {batch, tokens, channels, __VA_ARGS__, 0, 0, SCAN_STATES_PRESENT}}, \
  {                                                                    \
    "models", name "-decode-b64", "decode", {                          \
      64, 1, channels, __VA_ARGS__, 0, 0, SCAN_STATES_UPDATE           \
    }                                                                  \
  }

/* Columns: B, T, C, layout, complex, constant, reverse, state_type, states. */
static const bench_preset presets[] = {
    /* HGRN 350M and 1.3B, and the RG-LRU of RecurrentGemma 2B: real, gated by each token. */
    MODEL("hgrn-350m", 1, 2048, 1024, 0, 0, 0),
    MODEL("hgrn-1.3b", 1, 2048, 2048, 0, 0, 0),
    MODEL("recurrentgemma-2b", 1, 8192, 2560, 0, 0, 0),
    /* LRU on the Long Range Arena: complex and constant in time; pictures of 1024 pixels, and paths
     * of 16384. */
    {"models", "lru-cifar", "encode", {50, 1024, 384, 0, 1, 1}},
    {"models", "lru-path-x", "encode", {16, 16384, 256, 0, 1, 1}},
    {"models", "lru-path-x-backward", "encode", {16, 16384, 256, 0, 1, 1, 1}},

    {"kernel", "recurrence", "prefill", {8, 4096, 1024}},
    {"kernel", "recurrence-bct", "prefill", {8, 4096, 1024, 1}},
    {"kernel", "recurrence-complex", "prefill", {8, 4096, 1024, 0, 1}},
    {"kernel", "recurrence-complex-bct", "prefill", {8, 4096, 1024, 1, 1}},
    {"kernel", "recurrence-constant", "prefill", {8, 4096, 1024, 0, 0, 1}},
    {"kernel", "recurrence-reverse", "prefill", {8, 4096, 1024, 0, 0, 0, 1}},
    /* A million tokens: time is all there is to share among threads. */
    {"kernel", "recurrence-1m-c8", "prefill", {1, 1048576, 8}},
    {"kernel", "recurrence-1m-c1", "prefill", {1, 1048576, 1}},
    {"kernel", "recurrence-1m-c8-complex", "prefill", {1, 1048576, 8, 0, 1}},
};

const bench_operator linear_recurrence_operator = {
    .name = "linear_recurrence",
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
