/* SPDX-License-Identifier: Apache-2.0 */
/* attention_merge on the device under test against the reference. That merging the parts of an
 * attention gives the whole is tested in test_attention_split.c. */
#include <math.h>

#include "test_attention.h"
#include "verify/attention_data.h"
#include "verify/check_everywhere.h"
#include "verify/merge_call.h"

/* What some of the partial lse are. */
typedef enum case_lses {
  LSES_NORMAL,
  LSES_SOME_DEAD, /* -inf in a third of the parts, and garbage in their outs */
  LSES_ALL_DEAD,  /* the same in all */
  LSES_SPREAD,    /* some a thousand apart */
  LSES_ONE_NAN,
  LSES_ONE_INF
} case_lses;

typedef struct merge_case {
  const char *name;
  int32_t dtype;
  int64_t parts, batch, time, heads, dv;
  case_lses lses;
  case_layout layout;
  case_sinks sinks;
  int skew, out_f32, no_lse, sinks_own_type;
} merge_case;

#define SIZE(p, b, t, h, n) .parts = p, .batch = b, .time = t, .heads = h, .dv = n
#define F32 .dtype = SEQMIX_F32
#define F16 .dtype = SEQMIX_F16
#define BF16 .dtype = SEQMIX_BF16

static const merge_case cases[] = {
    {.name = "merge_f32", F32, SIZE(3, 2, 17, 4, 64)},
    {.name = "merge_f16", F16, SIZE(3, 2, 17, 4, 33)},
    {.name = "merge_bf16", BF16, SIZE(3, 2, 17, 4, 65)},
    {.name = "merge_f16_to_f32", F16, SIZE(3, 2, 17, 4, 16), .out_f32 = 1},
    {.name = "merge_bf16_to_f32", BF16, SIZE(3, 2, 17, 4, 16), .out_f32 = 1, .no_lse = 1},
    {.name = "merge_no_parts", F32, SIZE(0, 2, 5, 3, 8)},
    {.name = "merge_no_parts_sinks", F32, SIZE(0, 2, 5, 3, 8), .sinks = SINKS_NORMAL},
    {.name = "merge_one_part", BF16, SIZE(1, 2, 5, 3, 8)},
    {.name = "merge_many_parts", F32, SIZE(65, 1, 5, 3, 8), .lses = LSES_SOME_DEAD},
    {.name = "merge_batch_zero", F32, SIZE(2, 0, 5, 3, 8)},
    {.name = "merge_time_zero", F32, SIZE(2, 2, 0, 3, 8)},
    {.name = "merge_dim_1", F32, SIZE(2, 1, 9, 3, 1)},
    {.name = "merge_dim_300", F16, SIZE(2, 1, 9, 3, 300)},
    {.name = "merge_long", F32, SIZE(4, 1, 300, 2, 16)},
    {.name = "merge_some_dead", F32, SIZE(4, 2, 17, 4, 24), .lses = LSES_SOME_DEAD},
    {.name = "merge_some_dead_bf16", BF16, SIZE(4, 2, 17, 4, 24), .lses = LSES_SOME_DEAD},
    {.name = "merge_all_dead", F32, SIZE(4, 2, 7, 4, 24), .lses = LSES_ALL_DEAD},
    {.name = "merge_all_dead_sinks",
     F16,
     SIZE(4, 2, 7, 4, 24),
     .lses = LSES_ALL_DEAD,
     .sinks = SINKS_NEG_INF},
    {.name = "merge_spread", F32, SIZE(5, 2, 17, 4, 24), .lses = LSES_SPREAD},
    {.name = "merge_nan", F32, SIZE(3, 2, 7, 4, 24), .lses = LSES_ONE_NAN},
    {.name = "merge_nan_sinks",
     BF16,
     SIZE(3, 2, 7, 4, 24),
     .lses = LSES_ONE_NAN,
     .sinks = SINKS_NORMAL},
    {.name = "merge_inf", F32, SIZE(3, 2, 7, 4, 24), .lses = LSES_ONE_INF},
    {.name = "merge_sinks", F32, SIZE(3, 2, 7, 4, 24), .sinks = SINKS_NORMAL},
    {.name = "merge_sinks_large", F32, SIZE(3, 2, 7, 4, 24), .sinks = SINKS_LARGE},
    {.name = "merge_sinks_negative_infinity",
     F32,
     SIZE(3, 2, 7, 4, 24),
     .sinks = SINKS_NEG_INF,
     .lses = LSES_SOME_DEAD},
    {.name = "merge_sinks_own_type",
     BF16,
     SIZE(3, 2, 7, 4, 24),
     .sinks = SINKS_NORMAL,
     .sinks_own_type = 1,
     .layout = LAYOUT_PADDED},
    {.name = "merge_padded", F32, SIZE(3, 2, 7, 4, 24), .layout = LAYOUT_PADDED, .skew = 1},
    {.name = "merge_padded_f16", F16, SIZE(3, 2, 7, 4, 31), .layout = LAYOUT_PADDED, .skew = 3},
    {.name = "merge_heads_outside", F32, SIZE(3, 2, 7, 4, 24), .layout = LAYOUT_BHTD},
    {.name = "merge_reversed", F32, SIZE(3, 2, 7, 4, 24), .layout = LAYOUT_REVERSED},
    {.name = "merge_shared_parts", BF16, SIZE(3, 2, 7, 4, 24), .layout = LAYOUT_SHARED_BATCH},
};
enum { CASES = sizeof cases / sizeof cases[0] };

/* ---- tensors ----------------------------------------------------------------------------------
 */

/* outs and lses: five and four axes, the parts first. */
static test_tensor *new_partial(const merge_case *spec, const char *name, int32_t dtype, int axes,
                                const int64_t *inner) {
  int64_t shape[5] = {spec->parts, inner[0], inner[1], inner[2], axes == 5 ? inner[3] : 1};
  int64_t gap = spec->layout == LAYOUT_PADDED || spec->layout == LAYOUT_REVERSED ? 3 : 0;
  int64_t stride[5], step = 1;
  for (int axis = axes - 1; axis >= 0; axis--) {
    stride[axis] = step;
    step = shape[axis] * step + gap;
  }
  if (spec->layout == LAYOUT_BHTD && axes == 5) {
    stride[2] = shape[4];
    stride[3] = shape[2] * shape[4];
  }
  for (int axis = 0; axis < axes - 1 && spec->layout == LAYOUT_REVERSED; axis++) {
    stride[axis] = -stride[axis];
  }
  if (spec->layout == LAYOUT_SHARED_BATCH) stride[0] = 0;
  test_tensor *tensor = tensor_new(name, dtype, axes, shape, stride, spec->skew);
  tensor_fill_gaps(tensor);
  return tensor;
}

static double drawn_lse(const merge_case *spec, random_state *random) {
  double value = 3 * random_normal(random);
  if (spec->lses == LSES_ALL_DEAD) return -(double)INFINITY;
  if (spec->lses == LSES_SOME_DEAD && random_one_in(random, 3)) return -(double)INFINITY;
  if (spec->lses == LSES_SPREAD && random_one_in(random, 2)) value += 1000;
  return value;
}

/* Parts without keys keep the NaN of the gaps in their outs: they must count for nothing. */
static void draw_parts(const merge_case *spec, random_state *random, test_tensor *outs,
                       test_tensor *lses) {
  for (tensor_walk w = tensor_start(lses); w.left; tensor_next(&w)) {
    double lse = drawn_lse(spec, random);
    tensor_store(lses, w.at, lse);
    int64_t index[5] = {w.index[0], w.index[1], w.index[3], w.index[2], 0};
    for (; index[4] < spec->dv; index[4]++) {
      double value = random_normal(random);
      if (lse > -(double)INFINITY) tensor_store(outs, tensor_at(outs, index), value);
    }
  }
  if (tensor_elements(lses) == 0) return;
  int64_t first[4] = {spec->parts - 1, 0, spec->heads - 1, 0};
  if (spec->lses == LSES_ONE_NAN) tensor_store(lses, tensor_at(lses, first), NAN);
  if (spec->lses == LSES_ONE_INF) tensor_store(lses, tensor_at(lses, first), INFINITY);
}

static test_tensor *draw_sinks(const merge_case *spec, random_state *random) {
  if (!spec->sinks) return NULL;
  int64_t stride = spec->layout == LAYOUT_PADDED ? 2 : 1;
  test_tensor *sinks = tensor_new("sinks", spec->sinks_own_type ? spec->dtype : SEQMIX_F32, 1,
                                  &spec->heads, &stride, spec->skew);
  tensor_fill_gaps(sinks);
  for (tensor_walk w = tensor_start(sinks); w.left; tensor_next(&w)) {
    double value = random_normal(random);
    if (spec->sinks == SINKS_LARGE) value += w.index[0] % 2 ? 40 : 400;
    int dead = spec->sinks == SINKS_NEG_INF && w.index[0] % 2 == 0;
    tensor_store(sinks, w.at, dead ? -(double)INFINITY : value);
  }
  return sinks;
}

static test_tensor *new_lse(const merge_case *spec) {
  int64_t shape[3] = {spec->batch, spec->heads, spec->time};
  int64_t padded[3] = {spec->heads * (2 * spec->time + 3) + 1, 2 * spec->time + 3, 2};
  const int64_t *stride = spec->layout == LAYOUT_PADDED ? padded : NULL;
  return tensor_new("lse", SEQMIX_F32, 3, shape, stride, spec->skew);
}

static void draw(const merge_case *spec, test_tensor *tensors[MERGE_SLOTS]) {
  random_state random = random_start(suite_seed(spec->name));
  int64_t out[4] = {spec->batch, spec->time, spec->heads, spec->dv};
  int64_t lse[4] = {spec->batch, spec->heads, spec->time, 1};
  case_layout layout =
      spec->layout == LAYOUT_PADDED || spec->layout == LAYOUT_BHTD ? spec->layout : LAYOUT_BTHD;
  int32_t out_type = spec->out_f32 ? SEQMIX_F32 : spec->dtype;
  tensors[MERGE_OUTS] = new_partial(spec, "outs", spec->dtype, 5, out);
  tensors[MERGE_LSES] = new_partial(spec, "lses", SEQMIX_F32, 4, lse);
  draw_parts(spec, &random, tensors[MERGE_OUTS], tensors[MERGE_LSES]);
  tensors[MERGE_SINKS] = draw_sinks(spec, &random);
  tensors[MERGE_OUT] = attention_lay_out("out", out_type, out, layout, spec->skew);
  tensors[MERGE_LSE] = spec->no_lse ? NULL : new_lse(spec);
  tensor_poison(tensors[MERGE_OUT]);
  if (tensors[MERGE_LSE]) tensor_poison(tensors[MERGE_LSE]);
}

/* ---- tests ------------------------------------------------------------------------------------
 */

static void check_case(test_report *report, const merge_case *spec) {
  test_tensor *tensors[MERGE_SLOTS], *judged[MERGE_SLOTS];
  test_bound bounds[TEST_MAX_TENSORS] = {{0, 0, 0, 0}};
  draw(spec, tensors);
  for (int slot = 0; slot < MERGE_SLOTS; slot++) {
    judged[slot] = tensors[slot];
    if (slot < MERGE_OUT || !tensors[slot]) continue;
    const seqmix_tensor *view = &tensors[slot]->view;
    judged[slot] = tensor_new(tensors[slot]->name, SEQMIX_F32, view->ndim, view->shape, NULL, 0);
    tensor_poison(judged[slot]);
  }
  double limit = spec->lses == LSES_SPREAD ? 1000 : spec->sinks == SINKS_LARGE ? 404 : 8;
  bounds[MERGE_OUT] =
      tolerance_bound(SEQMIX_OP_ATTENTION_MERGE, spec->dtype, tensors[MERGE_OUT]->view.dtype,
                      tensor_elements(tensors[MERGE_OUT]), 1, limit);
  bounds[MERGE_LSE] = tolerance_log_bound(SEQMIX_OP_ATTENTION_MERGE, limit);
  operator_call call = merge_call(spec->name, tensors), judge = merge_call(spec->name, judged);
  check_everywhere(report, SEQMIX_OP_ATTENTION_MERGE, &call, &judge, bounds, suite_counters());
  for (int slot = 0; slot < MERGE_SLOTS; slot++) {
    if (judged[slot] != tensors[slot]) tensor_free(judged[slot]);
    tensor_free(tensors[slot]);
  }
}

START_TEST(attention_merge_cases) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  test_report report = {0};
  check_case(&report, &cases[_i]);
  report_assert(&report);
}
END_TEST

/* After the cases, whose acceptances it counts. */
START_TEST(attention_merge_variants_used) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  if (suite_is_partial()) suite_skip("only part of the cases ran");
  test_report report = {0};
  check_variants_used(&report, SEQMIX_OP_ATTENTION_MERGE, suite_counters());
  report_assert(&report);
}
END_TEST

void suite_attention_merge(Suite *suite) {
  TCase *tcase = tcase_create("attention_merge");
  tcase_add_unchecked_fixture(tcase, devices_open, devices_close);
  for (int i = 0; i < CASES; i++) {
    if (suite_wants_case(cases[i].name)) suite_add_loop(tcase, attention_merge_cases, i, i + 1);
  }
  suite_add(tcase, attention_merge_variants_used);
  suite_add_tcase(suite, tcase);
  suite_attention_split(suite);
}
