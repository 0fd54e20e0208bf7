/* SPDX-License-Identifier: Apache-2.0 */
/* What must not change the result of attention on the device under test: calling for some of the
 * queries at a time, the order of the keys, and how the same keys and queries are laid out,
 * packed or paged. Each test computes a whole call, and the same rows by other calls. */
#include "support/accepted.h"
#include "test_attention.h"
#include "verify/attention_data.h"
#include "verify/devices.h"

/* ---- rows -------------------------------------------------------------------------------------
 */

/* A run of one case. */
typedef struct outcome {
  attention_data data;
  operator_call call;
  call_result result;
} outcome;

static void compute(test_report *report, outcome *run) {
  run->call = attention_call(&run->data);
  run->result = harness_run(report, device_under_test(DEVICE_TWO_THREADS), &run->call,
                            WORKSPACE_ARENA, "property");
  assert_accepted(run->result.status, run->call.name);
}

static void release(outcome *run) {
  harness_free(&run->call, &run->result);
  attention_release(&run->data);
}

/* Copies a row (all heads) of one tensor to another of the same type. */
static void copy_row(test_tensor *to, const int64_t to_row[4], const test_tensor *from,
                     const int64_t from_row[4]) {
  int64_t a[4] = {to_row[0], to_row[1], 0, 0}, b[4] = {from_row[0], from_row[1], 0, 0};
  for (; a[2] < to->view.shape[2]; a[2]++, b[2]++) {
    for (a[3] = b[3] = 0; a[3] < to->view.shape[3]; a[3]++, b[3]++) {
      double value = tensor_load(from, from->storage->bytes, tensor_at(from, b));
      tensor_store(to, tensor_at(to, a), value);
    }
  }
}

static void copy_query(attention_data *to, int64_t n, int64_t i, const attention_data *from,
                       int64_t from_n, int64_t from_i) {
  int64_t a[4], b[4];
  attention_query_index(to, n, i, a);
  attention_query_index(from, from_n, from_i, b);
  copy_row(to->tensors[SLOT_Q], a, from->tensors[SLOT_Q], b);
}

static void copy_key(attention_data *to, int64_t n, int64_t j, const attention_data *from,
                     int64_t from_n, int64_t from_j) {
  int64_t a[4], b[4];
  attention_key_index(to, n, j, a);
  attention_key_index(from, from_n, from_j, b);
  copy_row(to->tensors[SLOT_K], a, from->tensors[SLOT_K], b);
  copy_row(to->tensors[SLOT_V], a, from->tensors[SLOT_V], b);
}

/* ---- comparing with the whole -----------------------------------------------------------------
 */

/* Outputs as the whole call has them, put together from other calls. */
typedef struct assembly {
  const outcome *whole;
  test_tensor *own[ATTENTION_SLOTS];
} assembly;

static assembly assembly_start(const outcome *whole) {
  assembly parts = {whole, {0}};
  attention_judge_call(&whole->data, parts.own);
  return parts;
}

/* Row i of sequence n of a run becomes row whole_i of sequence whole_n. */
static void assemble_row(assembly *parts, int64_t whole_n, int64_t whole_i, const outcome *run,
                         int64_t n, int64_t i) {
  int64_t to[4] = {0}, from[4] = {0};
  const test_tensor *out = run->call.tensors[SLOT_OUT], *lse = run->call.tensors[SLOT_LSE];
  attention_query_index(&parts->whole->data, whole_n, whole_i, to);
  attention_query_index(&run->data, n, i, from);
  for (int64_t h = 0; h < out->view.shape[2]; h++) {
    to[2] = from[2] = h;
    for (int64_t d = 0; d < out->view.shape[3]; d++) {
      to[3] = from[3] = d;
      double value = tensor_load(out, run->result.images[SLOT_OUT], tensor_at(out, from));
      tensor_store(parts->own[SLOT_OUT], tensor_at(parts->own[SLOT_OUT], to), value);
    }
    int64_t lse_to[3] = {to[0], h, to[1]}, lse_from[3] = {from[0], h, from[1]};
    double value = tensor_load(lse, run->result.images[SLOT_LSE], tensor_at(lse, lse_from));
    tensor_store(parts->own[SLOT_LSE], tensor_at(parts->own[SLOT_LSE], lse_to), value);
  }
}

/* Both sides may be off by the bound. */
static void assembly_compare(test_report *report, assembly *parts) {
  for (int slot = SLOT_OUT; slot <= SLOT_LSE; slot++) {
    test_bound bound = attention_bound(&parts->whole->data, (attention_slot)slot);
    bound.norm *= 2;
    bound.largest *= 2;
    harness_compare(report, &parts->whole->call, slot, &parts->whole->result, parts->own[slot],
                    parts->own[slot]->storage->bytes, bound, "property");
  }
  for (int slot = 0; slot < ATTENTION_SLOTS; slot++) tensor_free(parts->own[slot]);
}

/* Some queries of sequence n of the whole, drawn as a plain call with a batch of one. */
static attention_data draw_alone(const attention_data *whole, int64_t n, int64_t first,
                                 int64_t count) {
  const attention_sequence *at = &whole->sequences[n];
  attention_case spec = whole->spec;
  spec.batch = 1;
  spec.tq = count;
  spec.tk = at->k_live;
  spec.packed_queries = spec.packed_keys = spec.empty_ends = 0;
  spec.page_size = 0;
  spec.key_lengths = LENGTHS_ABSENT;
  spec.layout = LAYOUT_BTHD;
  spec.offset_kind = OFFSET_VALUE;
  spec.offset = at->offset + first;
  attention_data alone = attention_draw(&spec, 0);
  for (int64_t i = 0; i < count; i++) copy_query(&alone, 0, i, whole, n, first + i);
  for (int64_t j = 0; j < at->k_live; j++) copy_key(&alone, 0, j, whole, n, j);
  return alone;
}

/* Adds queries first .. first+count-1 of sequence n, computed alone. */
static void assemble_alone(test_report *report, assembly *parts, int64_t n, int64_t first,
                           int64_t count) {
  outcome run = {.data = draw_alone(&parts->whole->data, n, first, count)};
  compute(report, &run);
  for (int64_t i = 0; i < count; i++) assemble_row(parts, n, first + i, &run, 0, i);
  release(&run);
}

/* ---- tests ------------------------------------------------------------------------------------
 */

#define SIZE(b, i, j, h, g, n) .batch = b, .tq = i, .tk = j, .hq = h, .hkv = g, .d = n
#define F16 .dtype = SEQMIX_F16
#define BF16 .dtype = SEQMIX_BF16

/* Sequences that may be packed, paged, cut by key_lengths: each alone gives the same. */
static const attention_case sequences[] = {
    {.name = "property_batch", SIZE(3, 20, 70, 4, 2, 32), .causal = 1},
    {.name = "property_key_lengths",
     SIZE(5, 20, 70, 4, 2, 32),
     .causal = 1,
     .key_lengths = LENGTHS_RANDOM},
    {.name = "property_key_lengths_bf16",
     BF16,
     SIZE(5, 20, 70, 4, 2, 32),
     .key_lengths = LENGTHS_RANDOM},
    {.name = "property_packed",
     SIZE(5, 40, 70, 4, 2, 32),
     .causal = 1,
     .packed_queries = 1,
     .packed_keys = 1,
     .alibi = 1},
    {.name = "property_packed_f16",
     F16,
     SIZE(5, 40, 70, 4, 2, 32),
     .packed_queries = 1,
     .packed_keys = 1,
     .window = 1,
     .window_left = 20,
     .window_right = 3},
    {.name = "property_packed_queries", SIZE(4, 40, 70, 4, 2, 32), .packed_queries = 1},
    {.name = "property_paged", SIZE(4, 10, 100, 4, 2, 32), .causal = 1, .page_size = 16},
    {.name = "property_paged_bf16", BF16, SIZE(4, 10, 100, 4, 2, 32), .page_size = 3},
    {.name = "property_paged_packed",
     F16,
     SIZE(4, 10, 100, 4, 2, 32),
     .causal = 1,
     .page_size = 16,
     .packed_queries = 1},
    {.name = "property_heads_outside", SIZE(2, 20, 70, 4, 2, 32), .layout = LAYOUT_BHTD},
    {.name = "property_padded", BF16, SIZE(2, 20, 70, 4, 2, 33), .layout = LAYOUT_PADDED},
    {.name = "property_reversed", SIZE(2, 20, 70, 4, 2, 32), .layout = LAYOUT_REVERSED},
    {.name = "property_packed_qkv", F16, SIZE(2, 70, 70, 4, 2, 32), .layout = LAYOUT_PACKED_QKV},
};
enum { SEQUENCES = sizeof sequences / sizeof sequences[0] };

START_TEST(sequences_alone_are_the_same) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  test_report report = {0};
  outcome whole = {.data = attention_draw(&sequences[_i], suite_seed(sequences[_i].name))};
  compute(&report, &whole);
  assembly parts = assembly_start(&whole);
  for (int64_t n = 0; n < whole.data.spec.batch; n++) {
    assemble_alone(&report, &parts, n, 0, whole.data.sequences[n].q_length);
  }
  assembly_compare(&report, &parts);
  release(&whole);
  report_assert(&report);
}
END_TEST

static const attention_case query_splits[] = {
    {.name = "property_split", SIZE(1, 70, 90, 4, 2, 32)},
    {.name = "property_split_causal", SIZE(1, 70, 90, 4, 2, 32), .causal = 1, .alibi = 1},
    {.name = "property_split_window",
     BF16,
     SIZE(1, 70, 90, 4, 2, 32),
     .window = 1,
     .window_left = 17,
     .window_right = 2,
     .softcap = 3},
};
enum { QUERY_SPLITS = sizeof query_splits / sizeof query_splits[0] };

START_TEST(queries_in_parts_are_the_same) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  static const int64_t ends[] = {1, 14, 14, 64, 70};
  test_report report = {0};
  outcome whole = {.data = attention_draw(&query_splits[_i], suite_seed(query_splits[_i].name))};
  compute(&report, &whole);
  assembly parts = assembly_start(&whole);
  for (size_t p = 0; p < sizeof ends / sizeof ends[0]; p++) {
    int64_t begin = p ? ends[p - 1] : 0;
    assemble_alone(&report, &parts, 0, begin, ends[p] - begin);
  }
  assembly_compare(&report, &parts);
  release(&whole);
  report_assert(&report);
}
END_TEST

static const attention_case permutations[] = {
    {.name = "property_permuted", SIZE(2, 20, 130, 4, 2, 32)},
    {.name = "property_permuted_bf16", BF16, SIZE(2, 20, 130, 4, 2, 32), .softcap = 3},
    {.name = "property_permuted_lengths",
     SIZE(4, 20, 130, 4, 2, 32),
     .key_lengths = LENGTHS_RANDOM,
     .sinks = SINKS_NORMAL},
};
enum { PERMUTATIONS = sizeof permutations / sizeof permutations[0] };

/* Live keys move by 29 places round, a number that has no divisor in common with most lengths. */
START_TEST(keys_in_other_order_are_the_same) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  test_report report = {0};
  uint64_t seed = suite_seed(permutations[_i].name);
  outcome whole = {.data = attention_draw(&permutations[_i], seed)};
  outcome moved = {.data = attention_draw(&permutations[_i], seed)};
  compute(&report, &whole);
  assembly parts = assembly_start(&whole);
  for (int64_t n = 0; n < whole.data.spec.batch; n++) {
    int64_t live = whole.data.sequences[n].k_live;
    for (int64_t j = 0; j < live; j++) {
      copy_key(&moved.data, n, (j + 29) % live, &whole.data, n, j);
    }
  }
  compute(&report, &moved);
  for (int64_t n = 0; n < whole.data.spec.batch; n++) {
    for (int64_t i = 0; i < whole.data.spec.tq; i++) assemble_row(&parts, n, i, &moved, n, i);
  }
  assembly_compare(&report, &parts);
  release(&moved);
  release(&whole);
  report_assert(&report);
}
END_TEST

static void add_named(TCase *tcase, const TTest *test, const attention_case *cases, int count) {
  for (int i = 0; i < count; i++) {
    if (suite_wants_case(cases[i].name)) suite_add_loop(tcase, test, i, i + 1);
  }
}

void suite_attention_properties(Suite *suite) {
  TCase *tcase = tcase_create("attention properties");
  tcase_add_unchecked_fixture(tcase, open_devices, devices_close);
  add_named(tcase, sequences_alone_are_the_same, sequences, SEQUENCES);
  add_named(tcase, queries_in_parts_are_the_same, query_splits, QUERY_SPLITS);
  add_named(tcase, keys_in_other_order_are_the_same, permutations, PERMUTATIONS);
  suite_add_tcase(suite, tcase);
}
