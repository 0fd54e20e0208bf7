/* SPDX-License-Identifier: Apache-2.0 */
/* What must not change a prefix scan, or changes it in a known way: which axis it goes along, its
 * direction, whether the element itself counts, segments. */
#include <math.h>

#include "every_variant.h"
#include "test_attention.h"
#include "verify/prefix_scan_data.h"

#define F16 .dtype = SEQMIX_F16
#define BF16 .dtype = SEQMIX_BF16
#define SUM .op = SEQMIX_SCAN_SUM
#define PRODUCT .op = SEQMIX_SCAN_PRODUCT
#define MAX .op = SEQMIX_SCAN_MAX
#define LOGSUMEXP .op = SEQMIX_SCAN_LOGSUMEXP

/* Every operation on a shape, the axis the one in the middle. */
#define OPERATIONS(name_of, a, b, c, ...)                                                   \
  {.name = name_of "_sum", SUM, .rank = 3, .axis = 1, .shape = {a, b, c}, __VA_ARGS__},     \
      {.name = name_of "_product",                                                          \
       PRODUCT,                                                                             \
       .rank = 3,                                                                           \
       .axis = 1,                                                                           \
       .shape = {a, b, c},                                                                  \
       __VA_ARGS__},                                                                        \
      {.name = name_of "_max", MAX, .rank = 3, .axis = 1, .shape = {a, b, c}, __VA_ARGS__}, \
      {.name = name_of "_logsumexp",                                                        \
       LOGSUMEXP,                                                                           \
       .rank = 3,                                                                           \
       .axis = 1,                                                                           \
       .shape = {a, b, c},                                                                  \
       __VA_ARGS__},

static const prefix_case scans[] = {
    OPERATIONS("t70", 2, 70, 9, .skew = 0) OPERATIONS("t1000", 1, 1000, 2, .skew = 0)
        OPERATIONS("f16", 2, 70, 17, F16) OPERATIONS("bf16", 2, 70, 33, BF16)
            OPERATIONS("turned", 2, 70, 9, .layout = PREFIX_TURNED)
                OPERATIONS("axis_inside", 2, 300, 9, .layout = PREFIX_AXIS_INSIDE)
                    OPERATIONS("segments", 2, 30, 9, .segmented = 1, .segments = 5)
                        OPERATIONS("zeros", 2, 70, 9, .values = VALUES_SOME_ZERO)
                            OPERATIONS("infinities", 2, 70, 9, .values = VALUES_SOME_INFINITE)};
enum { SCANS = sizeof scans / sizeof scans[0] };

/* ---- runs ------------------------------------------------------------------------------------ */

typedef struct prefix_outcome {
  const prefix_case *from; /* what data was drawn from */
  prefix_data data;
  operator_call call;
  call_result result;
} prefix_outcome;

/* The same numbers and segments whenever only options differ. */
static prefix_outcome draw(const prefix_case *spec) {
  return (prefix_outcome){.from = spec, .data = prefix_draw(spec, suite_seed(spec->name))};
}

static int compute(test_report *report, prefix_outcome *run, const char *variant) {
  run->call = prefix_call(&run->data);
  return run_by_variant(report, &run->call, variant, &run->result);
}

static void release(prefix_outcome *run) {
  harness_free(&run->call, &run->result);
  prefix_release(&run->data);
}

/* Compares a whole with what else there is to compute. */
typedef void (*prefix_property)(test_report *report, const prefix_outcome *whole,
                                const char *variant);

typedef struct trial {
  const prefix_case *spec;
  prefix_property check;
} trial;

static void check_by(test_report *report, const void *what, const char *variant) {
  const trial *t = what;
  prefix_outcome whole = draw(t->spec);
  if (compute(report, &whole, variant)) t->check(report, &whole, variant);
  release(&whole);
}

static void holds(const prefix_case *spec, prefix_property check) {
  trial t = {spec, check};
  check_every_variant(SEQMIX_OP_PREFIX_SCAN, check_by, &t);
}

static double x_at(const prefix_data *data, const int64_t *index) {
  const test_tensor *x = data->tensors[PREFIX_X];
  return tensor_load(x, x->storage->bytes, tensor_at(x, index));
}

static double out_at(const prefix_outcome *run, const int64_t *index) {
  const test_tensor *out = run->data.tensors[PREFIX_OUT];
  return tensor_load(out, run->result.images[PREFIX_OUT], tensor_at(out, index));
}

/* An f32 tensor for what a run's output should be. */
static test_tensor *expect(const prefix_outcome *run) {
  const seqmix_tensor *view = &run->data.tensors[PREFIX_OUT]->view;
  return tensor_new("out", SEQMIX_F32, view->ndim, view->shape, NULL, 0);
}

static void compare(test_report *report, const prefix_outcome *run, test_tensor *expected,
                    const char *variant) {
  compare_computed(report, &run->call, PREFIX_OUT, &run->result, expected, prefix_bound(&run->data),
                   variant);
  tensor_free(expected);
}

/* The segment element i of the axis is in. */
static const test_sequence *segment_of(const prefix_data *data, int64_t i) {
  const test_sequence *at = data->segments.each;
  while (i >= at->start + at->length) at++;
  return at;
}

/* ---- exclusive ------------------------------------------------------------------------------- */

static double first_value(int32_t op) {
  return op == SEQMIX_SCAN_SUM ? 0 : op == SEQMIX_SCAN_PRODUCT ? 1 : -(double)INFINITY;
}

static void check_exclusive(test_report *report, const prefix_outcome *whole, const char *variant) {
  prefix_case spec = *whole->from;
  spec.exclusive = 1;
  prefix_outcome other = draw(&spec);
  compute(report, &other, variant);
  test_tensor *expected = expect(&other);
  for (tensor_walk w = tensor_start(expected); w.left; tensor_next(&w)) {
    int64_t before[3] = {w.index[0], w.index[1] - 1, w.index[2]};
    int is_first = segment_of(&whole->data, w.index[1])->start == w.index[1];
    tensor_store(expected, w.at, is_first ? first_value(spec.op) : out_at(whole, before));
  }
  compare(report, &other, expected, variant);
  release(&other);
}

START_TEST(exclusive_scan_is_moved_on_by_one) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  holds(&scans[_i], check_exclusive);
}
END_TEST

/* ---- directions and axes --------------------------------------------------------------------- */

/* Each segment written down in the other order. */
static void check_reverse(test_report *report, const prefix_outcome *whole, const char *variant) {
  prefix_case spec = *whole->from;
  spec.reverse = 1;
  prefix_outcome other = draw(&spec);
  test_tensor *x = other.data.tensors[PREFIX_X], *expected = expect(&other);
  for (tensor_walk w = tensor_start(x); w.left; tensor_next(&w)) {
    const test_sequence *at = segment_of(&whole->data, w.index[1]);
    int64_t from[3] = {w.index[0], 2 * at->start + at->length - 1 - w.index[1], w.index[2]};
    tensor_store(x, w.at, x_at(&whole->data, from));
    tensor_store(expected, tensor_at(expected, w.index), out_at(whole, from));
  }
  compute(report, &other, variant);
  compare(report, &other, expected, variant);
  release(&other);
}

START_TEST(reverse_prefix_scan_is_written_backwards) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  holds(&scans[_i], check_reverse);
}
END_TEST

/* The same lines as rows of a matrix. */
static void check_axis(test_report *report, const prefix_outcome *whole, const char *variant) {
  prefix_case spec = *whole->from;
  int64_t columns = spec.shape[2];
  spec.rank = 2;
  spec.layout = PREFIX_CONTIGUOUS;
  spec.shape[0] *= columns;
  prefix_outcome other = draw(&spec);
  test_tensor *x = other.data.tensors[PREFIX_X], *expected = expect(&other);
  for (tensor_walk w = tensor_start(x); w.left; tensor_next(&w)) {
    int64_t from[3] = {w.index[0] / columns, w.index[1], w.index[0] % columns};
    tensor_store(x, w.at, x_at(&whole->data, from));
    tensor_store(expected, tensor_at(expected, w.index), out_at(whole, from));
  }
  compute(report, &other, variant);
  compare(report, &other, expected, variant);
  release(&other);
}

START_TEST(any_axis_gives_what_the_last_does) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  holds(&scans[_i], check_axis);
}
END_TEST

/* ---- segments -------------------------------------------------------------------------------- */

/* Fills in the part of one segment. */
static void expect_segment(test_report *report, const prefix_outcome *whole,
                           const test_sequence *at, test_tensor *expected, const char *variant) {
  prefix_case spec = *whole->from;
  spec.segmented = 0;
  spec.shape[1] = at->length;
  prefix_outcome other = draw(&spec);
  test_tensor *x = other.data.tensors[PREFIX_X];
  for (tensor_walk w = tensor_start(x); w.left; tensor_next(&w)) {
    int64_t from[3] = {w.index[0], at->start + w.index[1], w.index[2]};
    tensor_store(x, w.at, x_at(&whole->data, from));
  }
  compute(report, &other, variant);
  for (tensor_walk w = tensor_start(x); w.left; tensor_next(&w)) {
    int64_t to[3] = {w.index[0], at->start + w.index[1], w.index[2]};
    tensor_store(expected, tensor_at(expected, to), out_at(&other, w.index));
  }
  release(&other);
}

static void check_segments(test_report *report, const prefix_outcome *whole, const char *variant) {
  test_tensor *expected = expect(whole);
  for (int64_t n = 0; n < whole->data.segments.options.batch; n++) {
    expect_segment(report, whole, &whole->data.segments.each[n], expected, variant);
  }
  compare(report, whole, expected, variant);
}

START_TEST(segments_are_scans_of_their_own) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  holds(&scans[_i], check_segments);
}
END_TEST

void suite_prefix_scan_properties(Suite *suite) {
  TCase *tcase = tcase_create("prefix_scan properties");
  tcase_add_unchecked_fixture(tcase, open_devices, devices_close);
  for (int i = 0; i < SCANS; i++) {
    if (!suite_wants_case(scans[i].name)) continue;
    suite_add_loop(tcase, exclusive_scan_is_moved_on_by_one, i, i + 1);
    suite_add_loop(tcase, reverse_prefix_scan_is_written_backwards, i, i + 1);
    suite_add_loop(tcase, any_axis_gives_what_the_last_does, i, i + 1);
    suite_add_loop(tcase, segments_are_scans_of_their_own, i, i + 1);
  }
  suite_add_tcase(suite, tcase);
}
