/* SPDX-License-Identifier: Apache-2.0 */
#include "linear_attention_outcome.h"

#include "every_variant.h"
#include "test_attention.h"

/* ---- runs --------------------------------------------------------------------------------- */

int outcome_compute(test_report *report, outcome *run, const char *variant) {
  run->call = linear_attention_call(&run->data);
  return run_by_variant(report, &run->call, variant, &run->result);
}

void outcome_release(outcome *run) {
  harness_free(&run->call, &run->result);
  linear_attention_release(&run->data);
}

/* A case and its check. */
typedef struct property {
  const linear_attention_case *spec;
  property_check check;
} property;

static void check_by(test_report *report, const void *what, const char *variant) {
  const property *p = what;
  outcome whole = {.data = linear_attention_draw(p->spec, suite_seed(p->spec->name))};
  if (outcome_compute(report, &whole, variant)) p->check(report, &whole, variant);
  outcome_release(&whole);
}

void property_holds(const linear_attention_case *spec, property_check check) {
  property p = {spec, check};
  check_every_variant(SEQMIX_OP_LINEAR_ATTENTION, check_by, &p);
}

/* ---- copies ---------------------------------------------------------------------------------- */

/* Where elements are copied from: a tensor, and the image its storage has. */
typedef struct source {
  const test_tensor *tensor;
  const unsigned char *image;
} source;

static source own_image(const test_tensor *tensor) {
  return (source){tensor, tensor->storage->bytes};
}

static source result_image(const outcome *run, int slot) {
  return (source){run->call.tensors[slot], run->result.images[slot]};
}

/* The head of `count` that stands for head h of `of`: one that is shared, or the first of those
 * that share. */
static int64_t head_for(int64_t h, int64_t of, int64_t count, int tiled) {
  if (tiled) return count < of ? h % count : h;
  return count < of ? h / (of / count) : h * (count / of);
}

/* Copies all elements whose first `fixed` indices are those of a and b, of those that both have. */
static void copy_slice(test_tensor *to, int64_t *a, source from, int64_t *b, int fixed,
                       int head_axis, int tiled) {
  const seqmix_tensor *mine = &to->view, *other = &from.tensor->view;
  int64_t counts[SEQMIX_MAX_DIMS], left = 1;
  for (int axis = fixed; axis < mine->ndim; axis++) {
    int fewer = axis != head_axis && other->shape[axis] < mine->shape[axis];
    counts[axis] = fewer ? other->shape[axis] : mine->shape[axis];
    left *= counts[axis];
    a[axis] = 0;
  }
  for (; left > 0; left--) {
    for (int axis = fixed; axis < mine->ndim; axis++) {
      b[axis] =
          axis == head_axis ? head_for(a[axis], counts[axis], other->shape[axis], tiled) : a[axis];
    }
    tensor_store(to, tensor_at(to, a),
                 tensor_load(from.tensor, from.image, tensor_at(from.tensor, b)));
    for (int axis = mine->ndim - 1; axis >= fixed && ++a[axis] == counts[axis]; axis--) a[axis] = 0;
  }
}

static int both_have(const linear_attention_data *to, const linear_attention_data *from, int slot) {
  return to->tensors[slot] && from->tensors[slot] &&
         to->tensors[slot]->view.ndim == from->tensors[slot]->view.ndim;
}

void copy_token(linear_attention_data *to, int64_t n, int64_t i, const linear_attention_data *from,
                int64_t from_n, int64_t from_i) {
  int64_t a[SEQMIX_MAX_DIMS], b[SEQMIX_MAX_DIMS];
  for (int slot = LINEAR_Q; slot <= LINEAR_INPUT_GATE; slot++) {
    if (!both_have(to, from, slot) || to->tensors[slot]->view.ndim < 3) continue;
    linear_attention_token(to, n, i, a);
    linear_attention_token(from, from_n, from_i, b);
    copy_slice(to->tensors[slot], a, own_image(from->tensors[slot]), b, 2, 2,
               from->spec.tiled_heads);
  }
}

void copy_constants(linear_attention_data *to, const linear_attention_data *from) {
  int64_t a[SEQMIX_MAX_DIMS], b[SEQMIX_MAX_DIMS];
  for (int slot = LINEAR_Q; slot <= LINEAR_INPUT_GATE; slot++) {
    if (!both_have(to, from, slot) || to->tensors[slot]->view.ndim > 2) continue;
    copy_slice(to->tensors[slot], a, own_image(from->tensors[slot]), b, 0, 0,
               from->spec.tiled_heads);
  }
}

/* One row of a state. */
static void copy_row(test_tensor *to, int64_t row, source from, int64_t from_row, int tiled) {
  int64_t a[SEQMIX_MAX_DIMS] = {row}, b[SEQMIX_MAX_DIMS] = {from_row};
  copy_slice(to, a, from, b, 1, 1, tiled);
}

void copy_past(linear_attention_data *to, int64_t row, const linear_attention_data *from,
               int64_t from_row) {
  for (int slot = LINEAR_PAST_STATE; slot <= LINEAR_PAST_STABILIZER; slot++) {
    if (!both_have(to, from, slot)) continue;
    copy_row(to->tensors[slot], row, own_image(from->tensors[slot]), from_row,
             from->spec.tiled_heads);
  }
}

void copy_present(linear_attention_data *to, int64_t row, const outcome *from, int64_t from_row) {
  for (int i = 0; i < 3; i++) {
    if (!to->tensors[LINEAR_PAST_STATE + i]) continue;
    copy_row(to->tensors[LINEAR_PAST_STATE + i], row, result_image(from, LINEAR_PRESENT_STATE + i),
             from_row, from->data.spec.tiled_heads);
  }
}

void copy_all(linear_attention_data *to, const linear_attention_data *from) {
  copy_constants(to, from);
  for (int64_t n = 0; n < to->spec.batch; n++) {
    for (int64_t i = 0; i < to->sequences.each[n].length; i++) copy_token(to, n, i, from, n, i);
    copy_past(to, to->sequences.each[n].past_row, from, from->sequences.each[n].past_row);
  }
}

/* ---- expectations ---------------------------------------------------------------------------- */

expectation expectation_start(const outcome *whole) {
  expectation e = {whole, {0}};
  linear_attention_judge_call(&whole->data, e.own);
  return e;
}

void expect_token(expectation *e, int64_t n, int64_t i, const outcome *from, int64_t from_n,
                  int64_t from_i) {
  int64_t a[SEQMIX_MAX_DIMS], b[SEQMIX_MAX_DIMS];
  linear_attention_token(&e->whole->data, n, i, a);
  linear_attention_token(&from->data, from_n, from_i, b);
  copy_slice(e->own[LINEAR_OUT], a, result_image(from, LINEAR_OUT), b, 2, 2, 0);
}

void expect_zeros(expectation *e, int64_t n, int64_t i) {
  test_tensor *out = e->own[LINEAR_OUT];
  int64_t token[2];
  linear_attention_token(&e->whole->data, n, i, token);
  for (tensor_walk w = tensor_start(out); w.left; tensor_next(&w)) {
    if (w.index[0] == token[0] && w.index[1] == token[1]) tensor_store(out, w.at, 0);
  }
}

void expect_present(expectation *e, int64_t row, const outcome *from, int64_t from_row) {
  for (int slot = LINEAR_PRESENT_STATE; slot <= LINEAR_PRESENT_STABILIZER; slot++) {
    if (!e->own[slot]) continue;
    copy_row(e->own[slot], row, result_image(from, slot), from_row,
             e->whole->data.spec.tiled_heads);
  }
}

void expect_all(expectation *e, const outcome *from) {
  const linear_attention_data *whole = &e->whole->data;
  for (int64_t n = 0; n < whole->spec.batch; n++) {
    for (int64_t i = 0; i < whole->sequences.each[n].length; i++) expect_token(e, n, i, from, n, i);
    expect_present(e, whole->sequences.each[n].present_row, from,
                   from->data.sequences.each[n].present_row);
  }
}

void expectation_compare(test_report *report, expectation *e, const char *label) {
  const outcome *whole = e->whole;
  for (int slot = LINEAR_OUT; slot < LINEAR_SLOTS; slot++) {
    if (!e->own[slot]) continue;
    compare_computed(report, &whole->call, slot, &whole->result, e->own[slot],
                     linear_attention_bound(&whole->data, (linear_slot)slot), label);
  }
  for (int slot = 0; slot < LINEAR_SLOTS; slot++) tensor_free(e->own[slot]);
}
