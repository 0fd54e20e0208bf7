/* SPDX-License-Identifier: Apache-2.0 */
/* Variant choice, a pure function, with made-up variants and devices: what a machine nobody here
 * has would get. */
#include <string.h>

#include "core/dispatch.h"
#include "support/suite.h"

static seqmix_status never_run(const seqmix_call *call, const seqmix_problem *problem) {
  (void)call;
  (void)problem;
  return SEQMIX_ERROR_INTERNAL;
}

/* Takes only short heads, and of the made-up devices only those with many units. */
static int32_t accepts_short_heads(const seqmix_problem *problem,
                                   const seqmix_device_properties *device) {
  const seqmix_attention_problem *attention = (const seqmix_attention_problem *)problem;
  return attention->head_dim <= 64 && device->compute_units >= 100;
}

enum {
  F32 = SEQMIX_DTYPE_BIT(SEQMIX_F32),
  F16 = SEQMIX_DTYPE_BIT(SEQMIX_F16),
  BF16 = SEQMIX_DTYPE_BIT(SEQMIX_BF16),
  MASKS = SEQMIX_ATTENTION_MASK | SEQMIX_ATTENTION_BIAS,
  EVERYTHING = (SEQMIX_ATTENTION_OUT_F32 << 1) - 1
};

enum { BF16_NATIVE, SHORT_HEADS, AVX512, GENERIC, MERGE, VARIANTS };

static const seqmix_variant variants[VARIANTS] = {
    [BF16_NATIVE] = {"attention__bf16_avx512bf16_blocked", SEQMIX_OP_ATTENTION, BF16,
                     SEQMIX_DEVICE_AVX512 | SEQMIX_DEVICE_AVX512_BF16, MASKS, NULL, NULL, never_run,
                     NULL},
    [SHORT_HEADS] = {"attention__any_generic_short", SEQMIX_OP_ATTENTION, F32 | F16, 0, 0,
                     accepts_short_heads, NULL, never_run, NULL},
    [AVX512] = {"attention__any_avx512_blocked", SEQMIX_OP_ATTENTION, F32 | F16 | BF16,
                SEQMIX_DEVICE_AVX512, MASKS | SEQMIX_ATTENTION_LSE, NULL, NULL, never_run, NULL},
    [GENERIC] = {"attention__any_generic_blocked", SEQMIX_OP_ATTENTION, F32 | F16 | BF16, 0,
                 EVERYTHING, NULL, NULL, never_run, NULL},
    [MERGE] = {"attention_merge__any_generic", SEQMIX_OP_ATTENTION_MERGE, F32, 0, 0, NULL, NULL,
               never_run, NULL},
};

static seqmix_attention_problem problem;
static seqmix_device_properties device;

static void make_problem(int32_t dtype, uint64_t features, int64_t head_dim) {
  memset(&problem, 0, sizeof problem);
  problem.header.struct_size = sizeof problem;
  problem.header.op = SEQMIX_OP_ATTENTION;
  problem.header.dtype = dtype;
  problem.header.features = features;
  problem.head_dim = head_dim;
}

static void make_device(uint64_t features, int32_t units) {
  memset(&device, 0, sizeof device);
  device.struct_size = sizeof device;
  device.features = features;
  device.compute_units = units;
}

/* The number of the chosen variant, or -1. */
static int choose(const char *forced) {
  const seqmix_variant *variant =
      seqmix_choose_variant(variants, VARIANTS, &problem.header, &device, forced);
  return variant ? (int)(variant - variants) : -1;
}

START_TEST(test_device_features) {
  make_problem(SEQMIX_BF16, 0, 128);
  make_device(0, 8);
  ck_assert_int_eq(choose(NULL), GENERIC);
  make_device(SEQMIX_DEVICE_AVX2_FMA, 8);
  ck_assert_int_eq(choose(NULL), GENERIC);
  make_device(SEQMIX_DEVICE_AVX512, 8);
  ck_assert_int_eq(choose(NULL), AVX512);
  make_device(SEQMIX_DEVICE_AVX512_BF16, 8); /* a variant needs all it names */
  ck_assert_int_eq(choose(NULL), GENERIC);
  make_device(SEQMIX_DEVICE_AVX512 | SEQMIX_DEVICE_AVX512_BF16, 8);
  ck_assert_int_eq(choose(NULL), BF16_NATIVE);
  make_device(UINT64_MAX, 8); /* abilities of a later version harm nothing */
  ck_assert_int_eq(choose(NULL), BF16_NATIVE);
}
END_TEST

START_TEST(test_dtypes) {
  make_device(UINT64_MAX, 8);
  make_problem(SEQMIX_F32, 0, 128);
  ck_assert_int_eq(choose(NULL), AVX512);
  make_problem(SEQMIX_F64, 0, 128);
  ck_assert_int_eq(choose(NULL), -1);
}
END_TEST

START_TEST(test_options) {
  make_device(UINT64_MAX, 8);
  make_problem(SEQMIX_BF16, SEQMIX_ATTENTION_MASK, 128);
  ck_assert_int_eq(choose(NULL), BF16_NATIVE);
  make_problem(SEQMIX_BF16, SEQMIX_ATTENTION_MASK | SEQMIX_ATTENTION_LSE, 128);
  ck_assert_int_eq(choose(NULL), AVX512);
  make_problem(SEQMIX_BF16, SEQMIX_ATTENTION_LSE | SEQMIX_ATTENTION_PAGED, 128);
  ck_assert_int_eq(choose(NULL), GENERIC);
  make_problem(SEQMIX_BF16, UINT64_C(1) << 40, 128); /* an option of a later version */
  ck_assert_int_eq(choose(NULL), -1);
}
END_TEST

START_TEST(test_predicate) {
  make_problem(SEQMIX_F32, 0, 64);
  make_device(0, 132);
  ck_assert_int_eq(choose(NULL), SHORT_HEADS);
  make_device(0, 8);
  ck_assert_int_eq(choose(NULL), GENERIC);
  make_device(0, 132);
  make_problem(SEQMIX_F32, 0, 65);
  ck_assert_int_eq(choose(NULL), GENERIC);
}
END_TEST

START_TEST(test_operator) {
  make_device(0, 8);
  make_problem(SEQMIX_F32, 0, 64);
  problem.header.op = SEQMIX_OP_ATTENTION_MERGE;
  ck_assert_int_eq(choose(NULL), MERGE);
  problem.header.op = SEQMIX_OPERATOR_COUNT;
  ck_assert_int_eq(choose(NULL), -1);
}
END_TEST

START_TEST(test_empty_table) {
  make_device(0, 8);
  make_problem(SEQMIX_F32, 0, 64);
  ck_assert_ptr_null(seqmix_choose_variant(variants, 0, &problem.header, &device, NULL));
  ck_assert_ptr_null(seqmix_choose_variant(NULL, 0, &problem.header, &device, NULL));
}
END_TEST

START_TEST(test_forcing) {
  make_device(UINT64_MAX, 132);
  make_problem(SEQMIX_F32, 0, 64);
  ck_assert_int_eq(choose(""), SHORT_HEADS);
  ck_assert_int_eq(choose("attention__any_generic_blocked"), GENERIC);
  ck_assert_int_eq(choose("attention_merge__any_generic,attention__any_avx512_blocked"), AVX512);
  /* Several for one operator: table order, not the list's. */
  ck_assert_int_eq(choose("attention__any_generic_blocked,attention__any_avx512_blocked"), AVX512);
  /* No other takes the place of a forced one that cannot. */
  ck_assert_int_eq(choose("attention__bf16_avx512bf16_blocked"), -1);
  make_device(0, 132);
  ck_assert_int_eq(choose("attention__any_avx512_blocked"), -1);
  /* Another operator's variant forces nothing here. */
  ck_assert_int_eq(choose("attention_merge__any_generic"), SHORT_HEADS);
}
END_TEST

/* Names are compared as a whole. */
START_TEST(test_forcing_by_part_of_a_name) {
  make_device(0, 132);
  make_problem(SEQMIX_F32, 0, 64);
  ck_assert_int_eq(choose("attention__any_generic"), SHORT_HEADS);
  ck_assert_int_eq(choose("attention__any_generic_blocked_more"), SHORT_HEADS);
  ck_assert_int_eq(choose("xattention__any_generic_blocked"), SHORT_HEADS);
  ck_assert_int_eq(choose(",,attention__any_generic_blocked,"), GENERIC);
}
END_TEST

START_TEST(test_choice_is_pure) {
  make_device(UINT64_MAX, 132);
  make_problem(SEQMIX_BF16, SEQMIX_ATTENTION_BIAS, 128);
  seqmix_attention_problem problem_before = problem;
  seqmix_device_properties device_before = device;
  int first = choose(NULL);
  ck_assert_int_eq(choose("attention__any_generic_blocked"), GENERIC);
  ck_assert_int_eq(choose(NULL), first);
  ck_assert_int_eq(memcmp(&problem, &problem_before, sizeof problem), 0);
  ck_assert_int_eq(memcmp(&device, &device_before, sizeof device), 0);
}
END_TEST

/* ---- variants that suit only some problems --------------------------------------------------- */

/* What is asked only of a variant that can. */
static int32_t suits_short_heads(const seqmix_problem *asked,
                                 const seqmix_device_properties *asked_device) {
  ck_assert_int_eq(asked->dtype, SEQMIX_F32);
  ck_assert_int_ge(asked_device->compute_units, 0);
  return ((const seqmix_attention_problem *)asked)->head_dim <= 64;
}

static int32_t suits_many_units(const seqmix_problem *asked,
                                const seqmix_device_properties *asked_device) {
  (void)asked;
  return asked_device->compute_units >= 100;
}

enum { SHORT, MANY, PLAIN, LAST, PREFERENCES };

static const seqmix_variant preferences[PREFERENCES] = {
    [SHORT] = {"attention__f32_generic_short", SEQMIX_OP_ATTENTION, F32, 0, MASKS, NULL, NULL,
               never_run, suits_short_heads},
    [MANY] = {"attention__any_generic_many", SEQMIX_OP_ATTENTION, F32 | F16, 0, MASKS, NULL, NULL,
              never_run, suits_many_units},
    [PLAIN] = {"attention__any_generic_plain", SEQMIX_OP_ATTENTION, F32 | F16, 0, 0, NULL, NULL,
               never_run, NULL},
    [LAST] = {"attention__any_generic_last", SEQMIX_OP_ATTENTION, F32 | F16, 0, EVERYTHING, NULL,
              NULL, never_run, suits_many_units},
};

static int prefer(int32_t count, const char *forced) {
  const seqmix_variant *variant =
      seqmix_choose_variant(preferences, count, &problem.header, &device, forced);
  return variant ? (int)(variant - preferences) : -1;
}

START_TEST(test_what_suits_comes_first) {
  make_problem(SEQMIX_F32, 0, 64);
  make_device(0, 8);
  ck_assert_int_eq(prefer(PREFERENCES, NULL), SHORT);
  make_device(0, 132);
  ck_assert_int_eq(prefer(PREFERENCES, NULL), SHORT);
  make_problem(SEQMIX_F32, 0, 128);
  ck_assert_int_eq(prefer(PREFERENCES, NULL), MANY);
  make_device(0, 8);
  ck_assert_int_eq(prefer(PREFERENCES, NULL), PLAIN);
  make_problem(SEQMIX_F16, 0, 64); /* SHORT cannot, and is not asked */
  ck_assert_int_eq(prefer(PREFERENCES, NULL), PLAIN);
}
END_TEST

/* What does not suit is better than nothing, and of several the first. */
START_TEST(test_what_does_not_suit_comes_last) {
  make_problem(SEQMIX_F32, SEQMIX_ATTENTION_MASK, 128);
  make_device(0, 8);
  ck_assert_int_eq(prefer(PREFERENCES, NULL), SHORT);
  ck_assert_int_eq(prefer(SHORT + 1, NULL), SHORT);
  make_problem(SEQMIX_F16, SEQMIX_ATTENTION_MASK, 128);
  ck_assert_int_eq(prefer(PREFERENCES, NULL), MANY);
  make_problem(SEQMIX_F16, SEQMIX_ATTENTION_LSE, 128);
  ck_assert_int_eq(prefer(PREFERENCES, NULL), LAST);
  make_device(0, 132); /* a later one that suits goes before */
  make_problem(SEQMIX_F32, SEQMIX_ATTENTION_MASK, 128);
  ck_assert_int_eq(prefer(PREFERENCES, NULL), MANY);
  make_problem(SEQMIX_BF16, 0, 128);
  ck_assert_int_eq(prefer(PREFERENCES, NULL), -1);
}
END_TEST

/* A forced variant is not asked; of several forced ones the first of the table that can. */
START_TEST(test_forcing_what_does_not_suit) {
  make_problem(SEQMIX_F32, 0, 128);
  make_device(0, 8);
  ck_assert_int_eq(prefer(PREFERENCES, "attention__f32_generic_short"), SHORT);
  ck_assert_int_eq(prefer(PREFERENCES, "attention__any_generic_last"), LAST);
  ck_assert_int_eq(prefer(PREFERENCES, "attention__any_generic_plain,attention__any_generic_many"),
                   MANY);
  make_problem(SEQMIX_F32, SEQMIX_ATTENTION_LSE, 128);
  ck_assert_int_eq(prefer(PREFERENCES, "attention__any_generic_plain,attention__any_generic_last"),
                   LAST);
  ck_assert_int_eq(prefer(PREFERENCES, "attention__any_generic_many"), -1);
}
END_TEST

/* ---- the CPU backend's own table ------------------------------------------------------------- */

extern const seqmix_backend seqmix_cpu_backend;

static const char *choose_on_cpu(int64_t queries, int64_t q_heads, int64_t kv_heads) {
  problem.query_length = problem.query_total = queries;
  problem.sequences = 1;
  problem.q_heads = q_heads;
  problem.kv_heads = kv_heads;
  problem.value_dim = problem.head_dim;
  problem.key_length = 1000;
  const seqmix_variant *variant =
      seqmix_choose_variant(seqmix_cpu_backend.variants, seqmix_cpu_backend.variant_count,
                            &problem.header, &device, NULL);
  return variant ? variant->name : "none";
}

START_TEST(test_cpu_levels) {
  make_problem(SEQMIX_F32, 0, 64);
  make_device(0, 8);
  ck_assert_str_eq(choose_on_cpu(100, 8, 8), "attention__any_generic_blocked");
#if defined(__x86_64__) || defined(__i386__)
  make_device(SEQMIX_DEVICE_AVX2_FMA, 8);
  ck_assert_str_eq(choose_on_cpu(100, 8, 8), "attention__any_avx2_blocked");
  make_device(SEQMIX_DEVICE_AVX2_FMA | SEQMIX_DEVICE_AVX512, 8);
  ck_assert_str_eq(choose_on_cpu(100, 8, 8), "attention__any_avx512_blocked");
  make_device(SEQMIX_DEVICE_AVX512, 8);
  ck_assert_str_eq(choose_on_cpu(100, 8, 8), "attention__any_avx512_blocked");
  make_device(SEQMIX_DEVICE_AVX512 | SEQMIX_DEVICE_AVX512_BF16, 8);
  ck_assert_str_eq(choose_on_cpu(100, 8, 8), "attention__any_avx512_blocked");
  make_problem(SEQMIX_BF16, 0, 64);
  ck_assert_str_eq(choose_on_cpu(100, 8, 8), "attention__bf16_avx512bf16_blocked");
  ck_assert_str_eq(choose_on_cpu(1, 8, 8), "attention__any_avx512_decode");
#endif
}
END_TEST

/* The suites that compare variants see those this machine can run. The others are named here, so
 * that what was not compared does not pass in silence. */
START_TEST(test_runs_on_this_machine) {
  const seqmix_variant *variant = &seqmix_cpu_backend.variants[_i];
  device.struct_size = sizeof device;
  ck_assert(seqmix_cpu_backend.device_properties(0, &device) == SEQMIX_OK);
  if (!seqmix_is_available(variant, &device))
    suite_skip("%s needs what this processor lacks, and was compared nowhere", variant->name);
}
END_TEST

/* Rows are queries times the query heads that share a kv head. */
START_TEST(test_cpu_decode) {
  make_problem(SEQMIX_F16, SEQMIX_ATTENTION_PAGED | SEQMIX_ATTENTION_KEY_LENGTHS, 128);
  make_device(0, 8);
  ck_assert_str_eq(choose_on_cpu(1, 32, 8), "attention__any_generic_decode");
  ck_assert_str_eq(choose_on_cpu(2, 32, 8), "attention__any_generic_decode");
  ck_assert_str_eq(choose_on_cpu(8, 4, 4), "attention__any_generic_decode");
  ck_assert_str_eq(choose_on_cpu(3, 32, 8), "attention__any_generic_blocked");
  ck_assert_str_eq(choose_on_cpu(INT64_C(1) << 59, 32, 1), "attention__any_generic_blocked");
  problem.header.features |= SEQMIX_ATTENTION_SCORES;
  ck_assert_str_eq(choose_on_cpu(1, 32, 8), "attention__any_generic_blocked");
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("choice");
  TCase *tcase = tcase_create("choice");
  suite_add(tcase, test_device_features);
  suite_add(tcase, test_dtypes);
  suite_add(tcase, test_options);
  suite_add(tcase, test_predicate);
  suite_add(tcase, test_operator);
  suite_add(tcase, test_empty_table);
  suite_add(tcase, test_forcing);
  suite_add(tcase, test_forcing_by_part_of_a_name);
  suite_add(tcase, test_choice_is_pure);
  suite_add(tcase, test_what_suits_comes_first);
  suite_add(tcase, test_what_does_not_suit_comes_last);
  suite_add(tcase, test_forcing_what_does_not_suit);
  suite_add(tcase, test_cpu_levels);
  suite_add(tcase, test_cpu_decode);
  suite_add_loop(tcase, test_runs_on_this_machine, 0, seqmix_cpu_backend.variant_count);
  suite_add_tcase(suite, tcase);
  return suite;
}
