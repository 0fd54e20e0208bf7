/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "verify/attention_data.h"
#include "verify/merge_cases.h"

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

void merge_draw(const merge_case *spec, uint64_t seed, test_tensor *tensors[MERGE_SLOTS]) {
  random_state random = random_start(seed);
  int64_t out[4] = {spec->batch, spec->time, spec->heads, spec->dv};
  int64_t lse[4] = {spec->batch, spec->heads, spec->time, 1};
  case_layout layout =
      spec->layout == LAYOUT_PADDED || spec->layout == LAYOUT_BHTD ? spec->layout : LAYOUT_BTHD;
  int32_t out_type = spec->out_f32 ? SEQMIX_F32 : spec->dtype;
  tensors[MERGE_OUTS] = new_partial(spec, "outs", spec->dtype, 5, out);
  tensors[MERGE_LSES] = new_partial(spec, "lses", SEQMIX_F32, 4, lse);
  draw_parts(spec, &random, tensors[MERGE_OUTS], tensors[MERGE_LSES]);
  tensors[MERGE_SINKS] = draw_sinks(spec, &random);
  tensors[MERGE_OUT] = layout_tensor("out", out_type, out, layout, spec->skew);
  tensors[MERGE_LSE] = spec->no_lse ? NULL : new_lse(spec);
  tensor_poison(tensors[MERGE_OUT]);
  if (tensors[MERGE_LSE]) tensor_poison(tensors[MERGE_LSE]);
}
