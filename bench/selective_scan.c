/* SPDX-License-Identifier: Apache-2.0 */
/* selective_scan as an operator of the bench. */
#include <math.h>
#include <stdio.h>

#include "bench/scan.h"

enum {
  VALUE_B,
  VALUE_T,
  VALUE_C,
  VALUE_S,
  VALUE_G,
  VALUE_LAYOUT,
  VALUE_COMPLEX,
  VALUE_SOFTPLUS,
  VALUE_D,
  VALUE_Z,
  VALUE_BIAS,
  VALUE_STATE_TYPE,
  VALUE_STATES,
  VALUES
};

static const bench_parameter parameters[VALUES] = {
    [VALUE_B] = {"B", 1, 1, 65536, 1, "sequences", NULL},
    [VALUE_T] = {"T", 1024, 1, SCAN_LONGEST, 1, "tokens of each", NULL},
    [VALUE_C] = {"C", 1536, 1, SCAN_WIDEST, 1, "channels", NULL},
    [VALUE_S] = {"S", 16, 1, 4096, 1, "states of a channel", NULL},
    [VALUE_G] = {"G", 1, 1, 4096, 1, "groups of B and C, a divisor of C", NULL},
    [VALUE_LAYOUT] = {"layout", 0, 0, 1, 1, "order of the axes of u, delta, z and out in memory",
                      scan_layouts},
    [VALUE_COMPLEX] = {"complex", 0, 0, 1, 1, "1: A, B, C and states are complex", NULL},
    [VALUE_SOFTPLUS] = {"softplus", 1, 0, 1, 1, "1: steps are softplus of delta", NULL},
    [VALUE_D] = {"skip", 1, 0, 1, 1, "1: with D", NULL},
    [VALUE_Z] = {"gate", 1, 0, 1, 1, "1: with z", NULL},
    [VALUE_BIAS] = {"bias", 1, 0, 1, 1, "1: with delta_bias", NULL},
    [VALUE_STATE_TYPE] = {"state_type", 0, 0, 2, 1, "type of states", scan_types},
    [VALUE_STATES] = {"states", 0, 0, 2, 1, SCAN_STATES_MEANING, scan_states_names},
};

static scan_shape shape_of(const double *values) {
  return (scan_shape){
      .b = (int64_t)values[VALUE_B],
      .t = (int64_t)values[VALUE_T],
      .c = (int64_t)values[VALUE_C],
      .s = (int64_t)values[VALUE_S],
      .groups = (int64_t)values[VALUE_G],
      .is_time_inside = values[VALUE_LAYOUT] != 0,
      .is_complex = values[VALUE_COMPLEX] != 0,
      .has_softplus = values[VALUE_SOFTPLUS] != 0,
      .has_d = values[VALUE_D] != 0,
      .has_z = values[VALUE_Z] != 0,
      .has_bias = values[VALUE_BIAS] != 0,
      .state_type = scan_type(values[VALUE_STATE_TYPE]),
      .states = (scan_states)values[VALUE_STATES],
  };
}

static int complete(double *values, char *error) {
  if (values[VALUE_T] == 1) values[VALUE_STATES] = SCAN_STATES_UPDATE;
  if (fmod(values[VALUE_C], values[VALUE_G]) != 0) {
    snprintf(error, BENCH_TEXT, "G is %.0f, which does not divide C = %.0f", values[VALUE_G],
             values[VALUE_C]);
    return 0;
  }
  double rows = values[VALUE_B] * fmax(values[VALUE_T], 2);
  return scan_check_size(rows * values[VALUE_C], error) &&
         scan_check_size(rows * values[VALUE_G] * values[VALUE_S], error) &&
         scan_check_size(2 * values[VALUE_B] * values[VALUE_C] * values[VALUE_S], error);
}

static const char *phase(const double *values) {
  scan_shape shape = shape_of(values);
  return scan_phase(&shape);
}

static void label(const double *values, char *text, size_t room) {
  scan_shape s = shape_of(values);
  snprintf(text, room, "selective%s%s%s", s.is_complex ? "-complex" : "",
           s.is_time_inside ? "-bct" : "", scan_is_decode(&s) ? "-decode" : "");
}

static void set_length(double *values, int64_t length) {
  if (values[VALUE_T] > 1) values[VALUE_T] = (double)length;
}

/* u, delta, z and out are real whatever the states are. */
static scan_layout over_tokens(const scan_shape *s, int32_t dtype) {
  scan_shape real = *s;
  real.is_complex = 0;
  return scan_over_tokens(&real, dtype);
}

static scan_layout over_states(const scan_shape *s, int32_t dtype) {
  const int64_t extent[] = {s->b, s->t, s->groups, s->s, 2};
  scan_layout layout = scan_dense(dtype, s->is_complex ? 5 : 4, extent);
  layout.sequences = 0;
  layout.tokens = 1;
  layout.groups = 2;
  return layout;
}

static scan_layout state_layout(const scan_shape *s) {
  const int64_t extent[] = {s->b, s->c, s->s, 2};
  scan_layout layout = scan_dense(s->state_type, s->is_complex ? 4 : 3, extent);
  layout.sequences = 0;
  layout.channels = 1;
  return layout;
}

static scan_layout decay_layout(const scan_shape *s) {
  const int64_t extent[] = {s->c, s->s, 2};
  scan_layout layout = scan_dense(SEQMIX_F32, s->is_complex ? 3 : 2, extent);
  layout.channels = 0;
  return layout;
}

/* A, D and the bias are parameters, f32 in models; the rest comes from layers of the input's type.
 */
static scan_layout layout_of(const scan_shape *s, int32_t dtype, scan_part part) {
  const scan_layout none = {0};
  switch (part) {
    case SCAN_X:
    case SCAN_DELTA:
    case SCAN_OUT: return over_tokens(s, dtype);
    case SCAN_Z: return s->has_z ? over_tokens(s, dtype) : none;
    case SCAN_B:
    case SCAN_C: return over_states(s, dtype);
    case SCAN_A: return decay_layout(s);
    case SCAN_D: return s->has_d ? scan_over_channels(SEQMIX_F32, s->c, 0) : none;
    case SCAN_BIAS: return s->has_bias ? scan_over_channels(SEQMIX_F32, s->c, 0) : none;
    case SCAN_STATE: return s->states == SCAN_STATES_NONE ? none : state_layout(s);
    default: return none;
  }
}

static double negative_exp(double deviate, double argument) {
  (void)argument;
  return -exp(deviate);
}

static double small_step(double deviate, double argument) { return exp(deviate - argument); }

static double below(double deviate, double argument) { return deviate / 2 - argument; }

/* Steps of about 0.05 without softplus as with it, if a bias lowers delta. */
static scan_numbers numbers_of(const scan_shape *s, scan_part part) {
  if (part == SCAN_A) return (scan_numbers){negative_exp, 0};
  if (part == SCAN_DELTA && !s->has_softplus) return (scan_numbers){small_step, 3};
  if (part == SCAN_BIAS)
    return s->has_softplus ? (scan_numbers){below, 3} : (scan_numbers){small_step, 6};
  return (scan_numbers){0};
}

/* Of each state and token, an operation each: step A, its exp, that times h, B times step u, their
 * sum, C h and the sum of those. In complex numbers: 2, 5, 6, 2, 2, 3 and 1. */
static bench_cost work_of(const scan_shape *s, int32_t dtype) {
  double updates = (double)s->b * (double)s->t * (double)s->c * (double)s->s;
  bench_cost cost = {.flops = (s->is_complex ? 21 : 7) * updates,
                     .traffic = TRAFFIC_COPY_ADD,
                     .state_updates = updates};
  (void)dtype;
  if (scan_is_decode(s)) {
    scan_layout states = state_layout(s);
    cost.traffic = TRAFFIC_UPDATE;
    cost.updated = scan_bytes(&states);
  }
  return cost;
}

static seqmix_status call(seqmix_context *context, const scan_shape *s, const scan_tensors *tensors,
                          uint64_t *workspace) {
  seqmix_selective_scan_args args = SEQMIX_SELECTIVE_SCAN_ARGS_INIT;
  args.u = tensors->part[SCAN_X];
  args.delta = tensors->part[SCAN_DELTA];
  args.A = tensors->part[SCAN_A];
  args.B = tensors->part[SCAN_B];
  args.C = tensors->part[SCAN_C];
  args.D = tensors->part[SCAN_D];
  args.z = tensors->part[SCAN_Z];
  args.delta_bias = tensors->part[SCAN_BIAS];
  args.out = tensors->part[SCAN_OUT];
  args.delta_softplus = s->has_softplus;
  args.is_complex = s->is_complex;
  args.past_state = tensors->past;
  args.present_state = tensors->part[SCAN_STATE];
  if (workspace) return seqmix_selective_scan_workspace_size(context, &args, workspace);
  return seqmix_selective_scan(context, &args);
}

const scan_kind selective_scan_kind = {
    SEQMIX_OP_SELECTIVE_SCAN, shape_of, layout_of, numbers_of, work_of, call};

static void *open_instance(const bench_case *item, const bench_world *world, char *error) {
  return scan_open(&selective_scan_kind, item, world, error);
}

/* With 16 states: softplus, D, z and delta_bias, f32 states. */
#define MAMBA(batch, tokens, channels, layout, states) \
  { batch, tokens, channels, 16, 1, layout, 0, 1, 1, 1, 1, 0, states }

/* A prompt, whose last state is kept, and one token for 1 and 64 sequences. */
#define MODEL(name, channels)                                                               \
  {"models", name "-prefill", "prefill", MAMBA(1, 2048, channels, 0, SCAN_STATES_PRESENT)}, \
      {"models", name "-decode", "decode", MAMBA(1, 1, channels, 0, SCAN_STATES_UPDATE)}, { \
    "models", name "-decode-b64", "decode", MAMBA(64, 1, channels, 0, SCAN_STATES_UPDATE)   \
  }

/* Columns: B, T, C, S, G, layout, complex, softplus, skip, gate, bias, state_type, states. */
static const bench_preset presets[] = {
    MODEL("mamba-130m", 1536),
    MODEL("mamba-370m", 2048),
    MODEL("mamba-790m", 3072),
    MODEL("mamba-1.4b", 4096),
    MODEL("mamba-2.8b", 5120),

    {"kernel", "selective", "prefill", MAMBA(1, 2048, 5120, 0, SCAN_STATES_PRESENT)},
    {"kernel", "selective-bct", "prefill", MAMBA(1, 2048, 5120, 1, SCAN_STATES_PRESENT)},
    {"kernel", "selective-decode", "decode", MAMBA(1, 1, 5120, 0, SCAN_STATES_UPDATE)},
    {"kernel", "selective-decode-b64", "decode", MAMBA(64, 1, 5120, 0, SCAN_STATES_UPDATE)},
};

const bench_operator selective_scan_operator = {
    .name = "selective_scan",
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
