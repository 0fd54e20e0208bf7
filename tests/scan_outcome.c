/* SPDX-License-Identifier: Apache-2.0 */
#include "scan_outcome.h"

#include "every_variant.h"
#include "test_attention.h"

/* ---- runs ------------------------------------------------------------------------------------ */

int scan_compute(test_report *report, scan_outcome *run, const char *variant) {
  run->call = scan_call(&run->data);
  return run_by_variant(report, &run->call, variant, &run->result);
}

void scan_outcome_release(scan_outcome *run) {
  harness_free(&run->call, &run->result);
  scan_release(&run->data);
}

/* A case and its check. */
typedef struct trial {
  const scan_property *property;
  scan_property_check check;
} trial;

static void check_by(test_report *report, const void *what, const char *variant) {
  const trial *t = what;
  const scan_case *spec = &t->property->spec;
  scan_outcome whole = {.data = scan_draw(t->property->of, spec, suite_seed(spec->name))};
  if (scan_compute(report, &whole, variant)) t->check(report, &whole, variant);
  scan_outcome_release(&whole);
}

void scan_property_holds(const scan_property *property, scan_property_check check) {
  trial t = {property, check};
  check_every_variant(property->of->op, check_by, &t);
}

void scan_properties_add(TCase *tcase, const TTest *test, const scan_property *properties,
                         int count) {
  for (int i = 0; i < count; i++) {
    if (suite_wants_case(properties[i].spec.name)) suite_add_loop(tcase, test, i, i + 1);
  }
}

/* ---- copies ---------------------------------------------------------------------------------- */

/* Copies all elements whose first `fixed` indices are those of a and b; the other axes are alike.
 */
static void copy_slice(test_tensor *to, int64_t *a, const test_tensor *from,
                       const unsigned char *image, int64_t *b, int fixed) {
  const seqmix_tensor *view = &to->view;
  int64_t left = 1;
  for (int axis = fixed; axis < view->ndim; axis++) {
    left *= view->shape[axis];
    a[axis] = b[axis] = 0;
  }
  for (; left > 0; left--) {
    tensor_store(to, tensor_at(to, a), tensor_load(from, image, tensor_at(from, b)));
    for (int axis = view->ndim - 1; axis >= fixed; axis--) {
      b[axis] = ++a[axis];
      if (a[axis] < view->shape[axis]) break;
      a[axis] = b[axis] = 0;
    }
  }
}

static int is_constant(const scan_data *data, int slot) {
  return slot < SCAN_PAST && data->tensors[slot] && !(data->has_tokens >> slot & 1);
}

void scan_copy_token(scan_data *to, int64_t n, int64_t i, const scan_data *from, int64_t from_n,
                     int64_t from_i) {
  int64_t a[SEQMIX_MAX_DIMS], b[SEQMIX_MAX_DIMS];
  for (int slot = 0; slot < SCAN_PAST; slot++) {
    if (!(to->has_tokens >> slot & 1)) continue;
    const test_tensor *source = from->tensors[slot];
    sequences_token(&to->sequences, n, i, a);
    sequences_token(&from->sequences, from_n, from_i, b);
    copy_slice(to->tensors[slot], a, source, source->storage->bytes, b, 2);
  }
}

void scan_copy_constants(scan_data *to, const scan_data *from) {
  int64_t a[SEQMIX_MAX_DIMS], b[SEQMIX_MAX_DIMS];
  for (int slot = 0; slot < SCAN_PAST; slot++) {
    if (!is_constant(to, slot)) continue;
    const test_tensor *source = from->tensors[slot];
    copy_slice(to->tensors[slot], a, source, source->storage->bytes, b, 0);
  }
}

static void copy_row(test_tensor *to, int64_t row, const test_tensor *from,
                     const unsigned char *image, int64_t from_row) {
  int64_t a[SEQMIX_MAX_DIMS] = {row}, b[SEQMIX_MAX_DIMS] = {from_row};
  copy_slice(to, a, from, image, b, 1);
}

void scan_copy_past(scan_data *to, int64_t row, const scan_data *from, int64_t from_row) {
  const test_tensor *source = from->tensors[SCAN_PAST];
  if (!source || !to->tensors[SCAN_PAST]) return;
  copy_row(to->tensors[SCAN_PAST], row, source, source->storage->bytes, from_row);
}

void scan_copy_present(scan_data *to, int64_t row, const scan_outcome *from, int64_t from_row) {
  copy_row(to->tensors[SCAN_PAST], row, from->call.tensors[SCAN_PRESENT],
           from->result.images[SCAN_PRESENT], from_row);
}

/* ---- expectations ---------------------------------------------------------------------------- */

scan_expectation scan_expect(const scan_outcome *whole) {
  scan_expectation e = {whole, {0}};
  scan_judge_call(&whole->data, e.own);
  return e;
}

void scan_expect_token(scan_expectation *e, int64_t n, int64_t i, const scan_outcome *from,
                       int64_t from_n, int64_t from_i) {
  int64_t a[SEQMIX_MAX_DIMS], b[SEQMIX_MAX_DIMS];
  sequences_token(&e->whole->data.sequences, n, i, a);
  sequences_token(&from->data.sequences, from_n, from_i, b);
  copy_slice(e->own[SCAN_OUT], a, from->call.tensors[SCAN_OUT], from->result.images[SCAN_OUT], b,
             2);
}

void scan_expect_zeros(scan_expectation *e, int64_t n, int64_t i) {
  test_tensor *out = e->own[SCAN_OUT];
  int64_t token[2];
  sequences_token(&e->whole->data.sequences, n, i, token);
  for (tensor_walk w = tensor_start(out); w.left; tensor_next(&w)) {
    if (w.index[0] == token[0] && w.index[1] == token[1]) tensor_store(out, w.at, 0);
  }
}

void scan_expect_present(scan_expectation *e, int64_t row, const scan_outcome *from,
                         int64_t from_row) {
  if (!e->own[SCAN_PRESENT]) return;
  copy_row(e->own[SCAN_PRESENT], row, from->call.tensors[SCAN_PRESENT],
           from->result.images[SCAN_PRESENT], from_row);
}

void scan_compare(test_report *report, scan_expectation *e, const char *variant) {
  const scan_outcome *whole = e->whole;
  for (int slot = SCAN_OUT; slot < SCAN_SLOTS; slot++) {
    if (!e->own[slot]) continue;
    compare_computed(report, &whole->call, slot, &whole->result, e->own[slot],
                     scan_bound(&whole->data, (scan_slot)slot), variant);
  }
  for (int slot = 0; slot < SCAN_SLOTS; slot++) tensor_free(e->own[slot]);
}
