/* SPDX-License-Identifier: Apache-2.0 */
/* Attention over parts of the keys, merged, is attention over all of them. */
#include <math.h>

#include "support/accepted.h"
#include "test_attention.h"
#include "verify/attention_data.h"
#include "verify/devices.h"
#include "verify/merge_call.h"

#define MAX_PARTS 6

/* Who counts the sinks: exactly one may. */
typedef enum sink_owner { SINKS_OF_NOBODY, SINKS_OF_FIRST_PART, SINKS_OF_MERGE } sink_owner;

typedef struct split_case {
  attention_case whole;
  int parts;
  int64_t ends[MAX_PARTS]; /* part p is keys ends[p-1] .. ends[p]-1 */
  sink_owner sinks;
} split_case;

#define SIZE(b, i, j, h, g, n) .batch = b, .tq = i, .tk = j, .hq = h, .hkv = g, .d = n

static const split_case splits[] = {
    {{.name = "split_even", SIZE(2, 17, 60, 4, 2, 32)}, 3, {20, 40, 60}, SINKS_OF_NOBODY},
    {{.name = "split_uneven", SIZE(2, 17, 200, 4, 2, 32)}, 4, {1, 7, 130, 200}, SINKS_OF_NOBODY},
    {{.name = "split_empty_parts", SIZE(2, 17, 60, 4, 2, 32)}, 5, {0, 30, 30, 60, 60}, 0},
    {{.name = "split_one_part", SIZE(2, 17, 60, 4, 2, 32)}, 1, {60}, SINKS_OF_NOBODY},
    {{.name = "split_no_parts", SIZE(2, 17, 0, 4, 2, 32)}, 0, {0}, SINKS_OF_NOBODY},
    {{.name = "split_no_parts_sinks", SIZE(2, 17, 0, 4, 2, 32), .sinks = SINKS_NORMAL},
     0,
     {0},
     SINKS_OF_MERGE},
    {{.name = "split_sinks_in_part", SIZE(2, 17, 60, 4, 2, 32), .sinks = SINKS_NORMAL},
     3,
     {20, 40, 60},
     SINKS_OF_FIRST_PART},
    {{.name = "split_sinks_in_merge", SIZE(2, 17, 60, 4, 2, 32), .sinks = SINKS_NORMAL},
     3,
     {0, 40, 60},
     SINKS_OF_MERGE},
    {{.name = "split_causal", SIZE(2, 100, 100, 4, 2, 32), .causal = 1},
     4,
     {10, 64, 65, 100},
     SINKS_OF_NOBODY},
    {{.name = "split_causal_rows_without_keys", SIZE(2, 60, 40, 4, 2, 32), .causal = 1},
     2,
     {10, 40},
     SINKS_OF_NOBODY},
    {{.name = "split_f16", .dtype = SEQMIX_F16, SIZE(2, 17, 130, 4, 2, 32), .causal = 1},
     3,
     {50, 100, 130},
     SINKS_OF_NOBODY},
    {{.name = "split_bf16", .dtype = SEQMIX_BF16, SIZE(2, 17, 130, 4, 2, 32), .softcap = 5},
     3,
     {50, 100, 130},
     SINKS_OF_NOBODY},
    {{.name = "split_padded", SIZE(2, 17, 60, 4, 2, 33), .layout = LAYOUT_PADDED, .skew = 1},
     3,
     {20, 40, 60},
     SINKS_OF_NOBODY},
};
enum { SPLITS = sizeof splits / sizeof splits[0] };

/* ---- the parts --------------------------------------------------------------------------------
 */

/* Keys (or values) begin .. end-1 of the whole. */
static test_tensor *key_slice(const test_tensor *whole, int64_t begin, int64_t end) {
  const seqmix_tensor *view = &whole->view;
  int64_t shape[4] = {view->shape[0], end - begin, view->shape[2], view->shape[3]};
  return tensor_view_of(whole, whole->name, 4, shape, view->stride, begin * view->stride[1]);
}

/* Copies a partial result to its place among the inputs of the merge. What a row without keys has
 * in `out` is replaced by NaN: merging must not look at it. */
static void keep_part(const operator_call *call, const call_result *result, int64_t part,
                      test_tensor *outs, test_tensor *lses) {
  const test_tensor *out = call->tensors[SLOT_OUT], *lse = call->tensors[SLOT_LSE];
  for (tensor_walk w = tensor_start(lse); w.left; tensor_next(&w)) {
    double value = tensor_load(lse, result->images[SLOT_LSE], w.at);
    int64_t to[5] = {part, w.index[0], w.index[1], w.index[2], 0};
    tensor_store(lses, tensor_at(lses, to), value);
  }
  for (tensor_walk w = tensor_start(out); w.left; tensor_next(&w)) {
    double value = tensor_load(out, result->images[SLOT_OUT], w.at);
    int64_t to[5] = {part, w.index[0], w.index[1], w.index[2], w.index[3]};
    int64_t row[4] = {part, w.index[0], w.index[2], w.index[1]};
    double of_row = tensor_load(lses, lses->storage->bytes, tensor_at(lses, row));
    tensor_store(outs, tensor_at(outs, to), of_row == -(double)INFINITY ? NAN : value);
  }
}

/* Part p of the whole: its keys, the queries' positions counted from its first key. */
static void run_part(test_report *report, seqmix_context *context, const split_case *split,
                     const attention_data *whole, int part, test_tensor *outs, test_tensor *lses) {
  int64_t begin = part ? split->ends[part - 1] : 0, end = split->ends[part];
  seqmix_attention_args args = whole->args;
  operator_call call = attention_call(whole);
  test_tensor *k = key_slice(whole->tensors[SLOT_K], begin, end);
  test_tensor *v = key_slice(whole->tensors[SLOT_V], begin, end);
  args.query_offset = whole->sequences[0].offset - begin;
  call.options = &args;
  call.tensors[SLOT_K] = k;
  call.tensors[SLOT_V] = v;
  if (split->sinks != SINKS_OF_FIRST_PART || part > 0) call.tensors[SLOT_SINKS] = NULL;
  call_result result = harness_run(report, context, &call, WORKSPACE_ARENA, "part");
  assert_accepted(result.status, "part");
  keep_part(&call, &result, part, outs, lses);
  harness_free(&call, &result);
  tensor_free(k);
  tensor_free(v);
}

/* ---- the merge --------------------------------------------------------------------------------
 */

static test_tensor *new_parts(const char *name, const test_tensor *one, int parts) {
  int64_t shape[5] = {parts, 1, 1, 1, 1};
  for (int axis = 0; axis < one->view.ndim; axis++) shape[axis + 1] = one->view.shape[axis];
  return tensor_new(name, one->view.dtype, one->view.ndim + 1, shape, NULL, 0);
}

/* Twice the bound: parts and merge round on their own. */
static test_bound merged_bound(const attention_data *whole, attention_slot slot) {
  test_bound bound = attention_bound(whole, slot);
  bound.norm *= 2;
  bound.largest *= 2;
  return bound;
}

/* Compares the merge of the parts on `context` with the whole on the reference device. */
static void check_split(test_report *report, seqmix_context *context, const split_case *split) {
  attention_data whole = attention_draw(&split->whole, suite_seed(split->whole.name));
  test_tensor *own[ATTENTION_SLOTS];
  operator_call judge = attention_judge_call(&whole, own);
  call_result expected =
      harness_run(report, device_reference(), &judge, WORKSPACE_ARENA, "reference");
  ck_assert_msg(expected.status == SEQMIX_OK, "%s", seqmix_last_error());
  test_tensor *outs = new_parts("outs", whole.tensors[SLOT_OUT], split->parts);
  test_tensor *lses = new_parts("lses", whole.tensors[SLOT_LSE], split->parts);
  for (int p = 0; p < split->parts; p++) {
    run_part(report, context, split, &whole, p, outs, lses);
  }
  test_tensor *tensors[MERGE_SLOTS] = {
      outs, lses, split->sinks == SINKS_OF_MERGE ? whole.tensors[SLOT_SINKS] : NULL,
      whole.tensors[SLOT_OUT], whole.tensors[SLOT_LSE]};
  operator_call merge = merge_call(split->whole.name, tensors);
  call_result merged = harness_run(report, context, &merge, WORKSPACE_ARENA, "merged");
  assert_accepted(merged.status, "merged");
  harness_compare(report, &merge, MERGE_OUT, &merged, own[SLOT_OUT], expected.images[SLOT_OUT],
                  merged_bound(&whole, SLOT_OUT), "merged");
  harness_compare(report, &merge, MERGE_LSE, &merged, own[SLOT_LSE], expected.images[SLOT_LSE],
                  merged_bound(&whole, SLOT_LSE), "merged");
  harness_free(&merge, &merged);
  harness_free(&judge, &expected);
  tensor_free(outs);
  tensor_free(lses);
  for (int slot = 0; slot < ATTENTION_SLOTS; slot++) tensor_free(own[slot]);
  attention_release(&whole);
}

START_TEST(merged_parts_are_the_whole) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  test_report report = {0};
  check_split(&report, device_under_test(DEVICE_TWO_THREADS), &splits[_i]);
  report_assert(&report);
}
END_TEST

START_TEST(merged_parts_are_the_whole_on_the_reference) {
  test_report report = {0};
  check_split(&report, device_reference(), &splits[_i]);
  report_assert(&report);
}
END_TEST

void suite_attention_split(Suite *suite) {
  TCase *tcase = tcase_create("attention split");
  tcase_add_unchecked_fixture(tcase, open_devices, devices_close);
  for (int i = 0; i < SPLITS; i++) {
    if (!suite_wants_case(splits[i].whole.name)) continue;
    suite_add_loop(tcase, merged_parts_are_the_whole, i, i + 1);
    suite_add_loop(tcase, merged_parts_are_the_whole_on_the_reference, i, i + 1);
  }
  suite_add_tcase(suite, tcase);
}
