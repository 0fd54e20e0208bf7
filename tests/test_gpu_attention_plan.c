/* SPDX-License-Identifier: Apache-2.0 */
/* How GPUs shape attention's kernels and choose between them, for problems and devices that are
 * not here. */
#include <string.h>

#include "core/dispatch.h"
#include "gpu/attention/plan.h"
#include "gpu/backend.h"
#include "support/gpu_devices.h"
#include "support/suite.h"

static const int64_t dims[] = {1, 7, 64, 65, 80, 128, 129, 192, 256};
static const int64_t lengths[] = {0, 1, 2, 16, 17, 63, 512, 4097, 100000};
static const int64_t groups[] = {1, 4, 7, 16};
enum {
  DIMS = sizeof dims / sizeof *dims,
  LENGTHS = sizeof lengths / sizeof *lengths,
  GROUPS = sizeof groups / sizeof *groups
};

static seqmix_attention_problem make_problem(int64_t batch, int64_t queries, int64_t keys,
                                             int64_t group, int64_t kv_heads, int64_t dim) {
  seqmix_attention_problem p;
  memset(&p, 0, sizeof p);
  p.header.struct_size = sizeof p;
  p.header.op = SEQMIX_OP_ATTENTION;
  p.header.dtype = SEQMIX_F32;
  p.sequences = batch;
  p.query_length = p.query_total = queries;
  p.key_length = p.key_total = keys;
  p.q_heads = group * kv_heads;
  p.kv_heads = kv_heads;
  p.head_dim = p.value_dim = dim;
  p.window_left = p.window_right = -1;
  return p;
}

static seqmix_device_properties device_called(const char *name) {
  for (int i = 0; i < KNOWN_DEVICES; i++)
    if (strcmp(known_devices[i].name, name) == 0) return known_properties(&known_devices[i]);
  ck_abort_msg("no device %s", name);
}

/* ---- what holds of every plan ---------------------------------------------------------------- */

/* What kernels/attention/tile.h takes for granted of its constants. */
static const char *fault_of_tile(const gpu_prefill_plan *plan, int64_t dim) {
  int32_t columns = plan->rows / plan->lanes;
  if (plan->dim < dim || plan->dim % plan->lanes) return "dim";
  if (plan->rows % plan->lanes || columns % plan->column_trips) return "rows";
  int32_t column_items = columns / plan->column_trips, key_items = plan->items / column_items;
  if (plan->items % column_items || key_items < 1) return "items";
  if (plan->keys % key_items || plan->dim % key_items) return "keys";
  if (plan->items == 1 && (plan->keys % 4 || plan->dim % 4)) return "steps";
  return NULL;
}

START_TEST(test_tiles_fit) {
  const known_device *known = &known_devices[_i];
  const seqmix_device_properties device = known_properties(known);
  for (int d = 0; d < DIMS; d++)
    for (int l = 0; l < LENGTHS; l++)
      for (int g = 0; g < GROUPS; g++) {
        const seqmix_attention_problem p = make_problem(3, lengths[l], 1000, groups[g], 2, dims[d]);
        gpu_prefill_plan plan = seqmix_gpu_prefill_plan(&p, &device);
        const char *fault = fault_of_tile(&plan, dims[d]);
        ck_assert_msg(!fault, "%s, D %d: %s", known->name, (int)dims[d], fault);
        int64_t blocks = (lengths[l] * groups[g] + plan.rows - 1) / plan.rows;
        ck_assert_int_eq(plan.groups, 3 * 2 * blocks);
        int fits =
            plan.local_bytes <= (int64_t)device.local_bytes && plan.items <= device.group_items;
        ck_assert_int_eq(plan.fits, fits);
        /* Sums of a GPU's item are registers. */
        int64_t sums = (int64_t)plan.rows * plan.dim / plan.items;
        ck_assert(device.is_processor || sums <= 64);
      }
}
END_TEST

START_TEST(test_pieces_cover_keys) {
  const known_device *known = &known_devices[_i];
  const seqmix_device_properties device = known_properties(known);
  for (int d = 0; d < DIMS; d++)
    for (int l = 0; l < LENGTHS; l++)
      for (int g = 0; g < GROUPS; g++) {
        const seqmix_attention_problem p = make_problem(2, 1, lengths[l], groups[g], 3, dims[d]);
        gpu_decode_plan plan = seqmix_gpu_decode_plan(&p, &device);
        ck_assert_int_ge(plan.piece * plan.pieces, lengths[l]);
        ck_assert_int_ge(plan.pieces, 1);
        ck_assert(plan.pieces == 1 || plan.piece * (plan.pieces - 1) < lengths[l]);
        ck_assert_int_eq(plan.piece % plan.keys, 0);
        int64_t blocks = (groups[g] + plan.rows - 1) / plan.rows;
        ck_assert_int_eq(plan.groups, 2 * 3 * blocks * plan.pieces);
        ck_assert(plan.items <= device.group_items);
        ck_assert_int_eq(plan.fits, plan.local_bytes <= (int64_t)device.local_bytes);
        uint64_t rows = 2 * 3 * (uint64_t)groups[g];
        ck_assert_uint_eq(seqmix_gpu_decode_bytes(&p, plan.pieces),
                          rows * (uint64_t)plan.pieces * (uint64_t)(dims[d] + 2) * 4);
      }
}
END_TEST

/* One long sequence keeps every device at work, many short ones are not cut. */
START_TEST(test_long_caches_are_cut) {
  const seqmix_device_properties device = known_properties(&known_devices[_i]);
  const seqmix_attention_problem one = make_problem(1, 1, 1 << 20, 4, 1, 128);
  const seqmix_attention_problem many = make_problem(1000, 1, 4096, 4, 8, 128);
  ck_assert_int_ge(seqmix_gpu_decode_plan(&one, &device).groups, device.compute_units);
  ck_assert_int_eq(seqmix_gpu_decode_plan(&many, &device).pieces, 1);
}
END_TEST

START_TEST(test_scores_in_memory) {
  const seqmix_device_properties device = known_properties(&known_devices[_i]);
  const seqmix_attention_problem small = make_problem(2, 5, 100, 1, 3, 300);
  const seqmix_attention_problem large = make_problem(2, 8192, 8192, 1, 32, 300);
  const seqmix_attention_problem endless = make_problem(1, 4, INT64_C(1) << 60, 1, 1, 300);
  gpu_unfused_plan plan = seqmix_gpu_unfused_plan(&small, &device);
  ck_assert_int_eq(plan.blocks, 2 * 3 * 2);
  ck_assert_int_eq(plan.step, plan.blocks);
  ck_assert_uint_eq(plan.bytes, (uint64_t)plan.blocks * 4 * 101 * 4);
  plan = seqmix_gpu_unfused_plan(&large, &device);
  ck_assert(plan.step >= 1 && plan.step < plan.blocks);
  ck_assert_uint_le(plan.bytes, 1 << 25);
  plan = seqmix_gpu_unfused_plan(&endless, &device);
  ck_assert_uint_eq(plan.bytes, UINT64_MAX);
}
END_TEST

/* Regions of workspace follow each other; steps cover whole units, or one in parts. */
static const char *fault_of_gemm(const seqmix_attention_problem *p, const gpu_gemm_plan *plan) {
  int64_t rows = plan->step_units * plan->step_blocks * 4;
  int64_t largest = p->head_dim > p->value_dim ? p->head_dim : p->value_dim;
  int64_t keys = plan->step_units * p->key_length;
  if (plan->step_blocks > plan->unit_blocks || plan->step_units < 1) return "steps";
  if (plan->unit_blocks > 0 && plan->step_blocks < 1) return "blocks";
  if (plan->step_units > 1 && plan->step_blocks != plan->unit_blocks) return "parts of units";
  if (plan->step_units > plan->units && plan->step_units > 1) return "units";
  if (plan->rows_at != rows * (p->key_length + 1)) return "rows";
  if (plan->keys_at != plan->rows_at + rows * largest) return "keys";
  if (plan->values_at != plan->keys_at + keys * p->head_dim) return "values";
  if (plan->flags_at != plan->values_at + keys * p->value_dim) return "flags";
  return plan->bytes == (uint64_t)(plan->flags_at + plan->step_units) * 4 ? NULL : "bytes";
}

START_TEST(test_gathered_in_memory) {
  const known_device *known = &known_devices[_i];
  seqmix_device_properties device = known_properties(known);
  uint64_t most = device.is_processor ? 1 << 24 : 1 << 28;
  int cut = 0;
  for (int small = 0; small < 2; small++, device.largest_bytes = most = 1 << 22)
    for (int d = 0; d < DIMS; d++)
      for (int l = 0; l < LENGTHS; l++)
        for (int g = 0; g < GROUPS; g++) {
          const seqmix_attention_problem p =
              make_problem(3, lengths[l], 1000, groups[g], 2, dims[d]);
          gpu_gemm_plan plan = seqmix_gpu_gemm_plan(&p, &device);
          const char *fault = fault_of_gemm(&p, &plan);
          ck_assert_msg(plan.fits && !fault, "%s, D %d: %s", known->name, (int)dims[d], fault);
          ck_assert_int_eq(plan.unit_blocks, (lengths[l] + 3) / 4 * groups[g]);
          ck_assert_int_eq(plan.units, 6);
          ck_assert_uint_le(plan.bytes, most);
          cut += plan.step_blocks < plan.unit_blocks;
        }
  ck_assert_int_gt(cut, 0);
  const seqmix_attention_problem none = make_problem(1, 64, 0, 1, 1, 300);
  const seqmix_attention_problem endless = make_problem(1, 4, INT64_C(1) << 60, 1, 1, 300);
  const seqmix_attention_problem wide = make_problem(1, 512, 8192, 1, 1, 8192);
  ck_assert(!seqmix_gpu_gemm_plan(&none, &device).fits);
  ck_assert(!seqmix_gpu_gemm_plan(&endless, &device).fits);
  ck_assert(!seqmix_gpu_gemm_plan(&wide, &device).fits);
}
END_TEST

/* Sizes that no device holds may be asked about. */
START_TEST(test_huge_shapes) {
  const seqmix_device_properties device = known_properties(&known_devices[_i]);
  const int64_t huge = INT64_C(1) << 40;
  const seqmix_attention_problem p = make_problem(huge, huge, huge, 4, 1 << 20, 128);
  gpu_decode_plan decode = seqmix_gpu_decode_plan(&p, &device);
  ck_assert_int_gt(seqmix_gpu_prefill_plan(&p, &device).groups, 0);
  ck_assert_int_gt(decode.groups, 0);
  ck_assert_int_gt(decode.join_items, 0);
  ck_assert_uint_eq(seqmix_gpu_decode_bytes(&p, decode.pieces), UINT64_MAX);
  ck_assert_int_gt(seqmix_gpu_unfused_plan(&p, &device).blocks, 0);
  ck_assert(!seqmix_gpu_gemm_plan(&p, &device).fits);
}
END_TEST

/* ---- what some devices get ------------------------------------------------------------------- */

static void expect_tile(const char *name, int64_t dim, int32_t rows, int32_t keys, int32_t lanes,
                        int32_t items) {
  const seqmix_device_properties device = device_called(name);
  const seqmix_attention_problem p = make_problem(1, 2048, 2048, 1, 8, dim);
  gpu_prefill_plan plan = seqmix_gpu_prefill_plan(&p, &device);
  ck_assert_msg(plan.fits && plan.rows == rows && plan.keys == keys && plan.lanes == lanes &&
                    plan.items == items,
                "%s, D %d: %d rows, %d keys, %d lanes, %d items", name, (int)dim, plan.rows,
                plan.keys, plan.lanes, plan.items);
}

START_TEST(test_tiles_of_some_devices) {
  expect_tile("H200", 64, 64, 32, 1, 64);
  expect_tile("H200", 128, 32, 32, 1, 64);
  expect_tile("H200", 256, 16, 16, 1, 64);
  expect_tile("Arc A770", 128, 64, 32, 1, 128);
  expect_tile("RX 7900", 128, 64, 32, 1, 128);
  expect_tile("Mali-G78", 64, 32, 32, 4, 32);
  expect_tile("Mali-G78", 128, 32, 16, 4, 64);
  expect_tile("Adreno 740", 256, 8, 16, 1, 32);
  expect_tile("PoCL", 128, 64, 64, 16, 1);
  expect_tile("PoCL", 256, 64, 64, 16, 1);
}
END_TEST

static const seqmix_variant variants[] = {SEQMIX_GPU_VARIANTS(cl)};
enum { VARIANTS = sizeof variants / sizeof *variants };

static void expect_choice_with(const char *name, uint64_t features,
                               const seqmix_attention_problem *p, const char *algorithm) {
  seqmix_device_properties device = device_called(name);
  device.features = features;
  const seqmix_variant *chosen =
      seqmix_choose_variant(variants, VARIANTS, &p->header, &device, NULL);
  ck_assert_msg(chosen && strcmp(strrchr(chosen->name, '_') + 1, algorithm) == 0,
                "%s: %s instead of %s", name, chosen ? chosen->name : "none", algorithm);
}

static void expect_choice(const char *name, const seqmix_attention_problem *p,
                          const char *algorithm) {
  expect_choice_with(name, 0, p, algorithm);
}

START_TEST(test_choice) {
  const seqmix_attention_problem prefill = make_problem(1, 2048, 2048, 1, 8, 128);
  const seqmix_attention_problem decode = make_problem(16, 1, 4096, 4, 8, 128);
  const seqmix_attention_problem few = make_problem(16, 4, 4096, 4, 8, 128);
  const seqmix_attention_problem more = make_problem(16, 5, 4096, 4, 8, 128);
  const seqmix_attention_problem wide = make_problem(1, 64, 64, 1, 1, 257);
  seqmix_attention_problem packed = make_problem(64, 64, 4096, 1, 8, 128);
  seqmix_attention_problem shown = prefill;
  packed.header.features |= SEQMIX_ATTENTION_PACKED_QUERIES;
  packed.cu_seqlens_q.bits = 32;
  shown.header.features |= SEQMIX_ATTENTION_SCORES;
  for (int i = 0; i < KNOWN_DEVICES; i++) {
    const char *name = known_devices[i].name;
    expect_choice(name, &decode, "decode");
    expect_choice(name, &few, "decode");
    expect_choice(name, &packed, "decode"); /* 64 queries of 64 sequences */
    expect_choice(name, &wide, "unfused");
    expect_choice(name, &shown, "unfused");
    if (strcmp(name, "tiny") == 0) continue;
    expect_choice(name, &prefill, "prefill");
    expect_choice(name, &more, "prefill");
  }
  const seqmix_attention_problem large = make_problem(1, 2048, 2048, 1, 8, 256);
  expect_choice("tiny", &large, "unfused");
}
END_TEST

/* A library multiplies for GPUs where no tile does, if there is something to multiply. */
START_TEST(test_choice_with_library) {
  const seqmix_attention_problem wide = make_problem(1, 512, 512, 1, 8, 512);
  const seqmix_attention_problem short_wide = make_problem(1, 512, 32, 1, 8, 512);
  const seqmix_attention_problem few = make_problem(16, 4, 4096, 4, 8, 512);
  const seqmix_attention_problem prefill = make_problem(1, 2048, 2048, 1, 8, 64);
  seqmix_attention_problem shown = prefill;
  shown.header.features |= SEQMIX_ATTENTION_SCORES;
  for (int i = 0; i < KNOWN_DEVICES; i++) {
    const char *name = known_devices[i].name;
    const char *large = known_devices[i].is_processor ? "unfused" : "gemm";
    expect_choice_with(name, SEQMIX_DEVICE_BLAS, &wide, large);
    expect_choice_with(name, SEQMIX_DEVICE_BLAS, &shown, large);
    expect_choice_with(name, SEQMIX_DEVICE_BLAS, &short_wide, "unfused");
    expect_choice_with(name, SEQMIX_DEVICE_BLAS, &few, "unfused");
    if (strcmp(name, "tiny") != 0)
      expect_choice_with(name, SEQMIX_DEVICE_BLAS, &prefill, "prefill");
    expect_choice_with(name, 0, &wide, "unfused");
  }
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("gpu attention plan");
  TCase *tcase = tcase_create("gpu attention plan");
  suite_add_loop(tcase, test_tiles_fit, 0, KNOWN_DEVICES);
  suite_add_loop(tcase, test_pieces_cover_keys, 0, KNOWN_DEVICES);
  suite_add_loop(tcase, test_long_caches_are_cut, 0, KNOWN_DEVICES);
  suite_add_loop(tcase, test_scores_in_memory, 0, KNOWN_DEVICES);
  suite_add_loop(tcase, test_gathered_in_memory, 0, KNOWN_DEVICES);
  suite_add_loop(tcase, test_huge_shapes, 0, KNOWN_DEVICES);
  suite_add(tcase, test_tiles_of_some_devices);
  suite_add(tcase, test_choice);
  suite_add(tcase, test_choice_with_library);
  suite_add_tcase(suite, tcase);
  return suite;
}
