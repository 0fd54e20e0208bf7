/* SPDX-License-Identifier: Apache-2.0 */
/* prefix_scan as an operator of the bench. */
#include <math.h>
#include <stdio.h>

#include "bench/scan.h"

enum { VALUE_B, VALUE_T, VALUE_C, VALUE_OP, VALUE_AXIS, VALUE_EXCLUSIVE, VALUE_REVERSE, VALUES };

static const char *const ops[] = {"sum", "product", "max", "logsumexp"};
static const char *const axes[] = {"time", "last"};

static const bench_parameter parameters[VALUES] = {
    [VALUE_B] = {"B", 1, 1, 65536, 1, "the first of three axes", NULL},
    [VALUE_T] = {"T", 1024, 1, SCAN_LONGEST, 1, "the second, time", NULL},
    [VALUE_C] = {"C", 1024, 1, SCAN_LONGEST, 1, "the last", NULL},
    [VALUE_OP] = {"op", 0, 0, 3, 1, "what is accumulated", ops},
    [VALUE_AXIS] = {"axis", 0, 0, 1, 1, "along which", axes},
    [VALUE_EXCLUSIVE] = {"exclusive", 0, 0, 1, 1, "1: an element is left out of its result", NULL},
    [VALUE_REVERSE] = {"reverse", 0, 0, 1, 1, "1: from the end", NULL},
};

/* What is outside the scanned axis is one axis, and so is what is inside. */
static scan_shape shape_of(const double *values) {
  int64_t b = (int64_t)values[VALUE_B], t = (int64_t)values[VALUE_T];
  int64_t c = (int64_t)values[VALUE_C];
  int is_last = values[VALUE_AXIS] != 0;
  return (scan_shape){
      .b = is_last ? b * t : b,
      .t = is_last ? c : t,
      .c = is_last ? 1 : c,
      .is_time_inside = is_last,
      .scan_op = (int32_t)values[VALUE_OP],
      .is_exclusive = values[VALUE_EXCLUSIVE] != 0,
      .is_reverse = values[VALUE_REVERSE] != 0,
  };
}

/* NOLINTNEXTLINE(readability-non-const-parameter): others change them */
static int complete(double *values, char *error) {
  return scan_check_size(values[VALUE_B] * values[VALUE_T] * values[VALUE_C], error);
}

static const char *phase(const double *values) {
  (void)values;
  return "call";
}

static void label(const double *values, char *text, size_t room) {
  snprintf(text, room, "scan-%s-%s", ops[(int)values[VALUE_OP]], axes[(int)values[VALUE_AXIS]]);
}

static void set_length(double *values, int64_t length) { values[VALUE_T] = (double)length; }

static scan_layout layout_of(const scan_shape *s, int32_t dtype, scan_part part) {
  if (part == SCAN_X || part == SCAN_OUT) return scan_over_tokens(s, dtype);
  return (scan_layout){0};
}

static double near_one(double deviate, double argument) { return exp(deviate * argument); }

/* Products neither vanish nor overflow. */
static scan_numbers numbers_of(const scan_shape *s, scan_part part) {
  (void)part;
  if (s->scan_op != SEQMIX_SCAN_PRODUCT) return (scan_numbers){0};
  return (scan_numbers){near_one, 1 / sqrt((double)s->t)};
}

/* An operation per element, even if that is a logarithm of two exponentials. */
static bench_cost work_of(const scan_shape *s, int32_t dtype) {
  (void)dtype;
  return (bench_cost){.flops = (double)s->b * (double)s->t * (double)s->c, .traffic = TRAFFIC_COPY};
}

static seqmix_status call(seqmix_context *context, const scan_shape *s, const scan_tensors *tensors,
                          uint64_t *workspace) {
  seqmix_prefix_scan_args args = SEQMIX_PREFIX_SCAN_ARGS_INIT;
  args.x = tensors->part[SCAN_X];
  args.out = tensors->part[SCAN_OUT];
  args.op = s->scan_op;
  args.axis = 1;
  args.exclusive = s->is_exclusive;
  args.reverse = s->is_reverse;
  if (workspace) return seqmix_prefix_scan_workspace_size(context, &args, workspace);
  return seqmix_prefix_scan(context, &args);
}

const scan_kind prefix_scan_kind = {
    SEQMIX_OP_PREFIX_SCAN, shape_of, layout_of, numbers_of, work_of, call};

static void *open_instance(const bench_case *item, const bench_world *world, char *error) {
  return scan_open(&prefix_scan_kind, item, world, error);
}

/* Columns: B, T, C, op, axis, exclusive, reverse. */
static const bench_preset presets[] = {
    {"kernel", "scan-sum-time", "call", {8, 4096, 1024, SEQMIX_SCAN_SUM, 0}},
    {"kernel", "scan-sum-last", "call", {8, 4096, 1024, SEQMIX_SCAN_SUM, 1}},
    {"kernel", "scan-product-time", "call", {8, 4096, 1024, SEQMIX_SCAN_PRODUCT, 0}},
    {"kernel", "scan-product-last", "call", {8, 4096, 1024, SEQMIX_SCAN_PRODUCT, 1}},
    {"kernel", "scan-max-time", "call", {8, 4096, 1024, SEQMIX_SCAN_MAX, 0}},
    {"kernel", "scan-max-last", "call", {8, 4096, 1024, SEQMIX_SCAN_MAX, 1}},
    {"kernel", "scan-logsumexp-time", "call", {8, 4096, 1024, SEQMIX_SCAN_LOGSUMEXP, 0}},
    {"kernel", "scan-logsumexp-last", "call", {8, 4096, 1024, SEQMIX_SCAN_LOGSUMEXP, 1}},
    {"kernel", "scan-sum-1m", "call", {1, 1, 1048576, SEQMIX_SCAN_SUM, 1}},
};

const bench_operator prefix_scan_operator = {
    .name = "prefix_scan",
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
