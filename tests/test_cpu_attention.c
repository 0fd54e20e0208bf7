/* SPDX-License-Identifier: Apache-2.0 */
/* What the CPU promises beyond the contract of attention, and where its shortcuts could go wrong:
 * values that a mask hides from a row never reach it, whatever they are, and skipping blocks of
 * keys changes nothing. Every variant is forced in turn. */
#include <math.h>
#include <string.h>

#include "seqmix/seqmix.h"
#include "support/suite.h"
#include "verify/numbers.h"
#include "verify/random.h"

enum { HQ = 4, HKV = 2, D = 16, MOST_QUERIES = 110, MOST_KEYS = 600, MOST_DV = 64 };

static float q[MOST_QUERIES * HQ * D], k[MOST_KEYS * HKV * D], v[MOST_KEYS * HKV * MOST_DV];
/* The same rounded, for variants that take bf16 alone. */
static uint16_t q16[MOST_QUERIES * HQ * D], k16[MOST_KEYS * HKV * D],
    v16[MOST_KEYS * HKV * MOST_DV];
static float out[MOST_QUERIES * HQ * MOST_DV], expected[MOST_QUERIES * HQ * MOST_DV];
static uint8_t mask[MOST_QUERIES * MOST_KEYS];
static float bias[MOST_QUERIES * MOST_KEYS];
static seqmix_context *context;

typedef struct sizes {
  int64_t tq, tk, dv;
} sizes;

/* The first fits the variants for few rows, the second does not. The last dims of values are no
 * whole panels at any level. */
static const sizes shapes[] = {{3, 210, 64}, {3, 210, 33}, {110, 210, 64}, {110, 210, 5}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void make_inputs(const char *name) {
  random_state random = random_start(suite_seed(name));
  for (size_t i = 0; i < sizeof q / sizeof *q; i++) q[i] = (float)random_normal(&random);
  for (size_t i = 0; i < sizeof k / sizeof *k; i++) k[i] = (float)random_normal(&random);
  for (size_t i = 0; i < sizeof v / sizeof *v; i++) v[i] = (float)random_normal(&random);
}

static void round_all(uint16_t *to, const float *from, size_t count) {
  for (size_t i = 0; i < count; i++) number_store(SEQMIX_BF16, &to[i], (double)from[i]);
}

/* Runs a call with options set by the test; 0 if the forced variant does not take it. */
static int attend(const char *variant, const sizes *size, const seqmix_attention_args *options,
                  float *to) {
  int is_bf16 = strncmp(variant, "attention__bf16_", 16) == 0;
  int32_t dtype = is_bf16 ? SEQMIX_BF16 : SEQMIX_F32;
  if (is_bf16) {
    round_all(q16, q, sizeof q / sizeof *q);
    round_all(k16, k, sizeof k / sizeof *k);
    round_all(v16, v, sizeof v / sizeof *v);
  }
  void *from[] = {q, k, v}, *rounded[] = {q16, k16, v16}, **data = is_bf16 ? rounded : from;
  seqmix_tensor tq = seqmix_tensor_4d(data[0], dtype, 1, size->tq, HQ, D);
  seqmix_tensor tk = seqmix_tensor_4d(data[1], dtype, 1, size->tk, HKV, D);
  seqmix_tensor tv = seqmix_tensor_4d(data[2], dtype, 1, size->tk, HKV, size->dv);
  seqmix_tensor tout = seqmix_tensor_4d(to, SEQMIX_F32, 1, size->tq, HQ, size->dv);
  seqmix_attention_args args = *options;
  args.q = &tq;
  args.k = &tk;
  args.v = &tv;
  args.out = &tout;
  ck_assert(seqmix_context_set_variant(context, variant) == SEQMIX_OK);
  seqmix_status status = seqmix_attention(context, &args);
  ck_assert_msg(status == SEQMIX_OK || status == SEQMIX_ERROR_UNSUPPORTED, "%s",
                seqmix_last_error());
  return status == SEQMIX_OK;
}

static const char *attention_variant(int32_t index) {
  return seqmix_context_variant_name(context, index);
}

static int is_attention(const char *name) { return strncmp(name, "attention__", 11) == 0; }
static int takes_f32(const char *name) { return strncmp(name, "attention__any_", 15) == 0; }

static void open_context(void) { ck_assert(seqmix_context_create(&context, "cpu") == SEQMIX_OK); }
static void close_context(void) { seqmix_context_destroy(context); }

/* ---- hidden values --------------------------------------------------------------------------- */

enum { BY_MASK, BY_BIAS, BY_BLOCK_MAP, BY_WINDOW, WAYS };

static int is_bad(int way, int64_t j) {
  return way == BY_WINDOW ? j >= 150 : j == 0 || j == 97 || j == 209;
}

/* Whether the options of `way` let row i see key j. Bad keys are hidden from all rows but those
 * numbered 1, 4, 7, ..., except by the window, which hides them from all. */
static int is_seen(int way, int64_t i, int64_t j) {
  if (way == BY_WINDOW) return j < 150;
  return !is_bad(way, j) || i % 3 == 1;
}

static void hide(int way, const sizes *size, seqmix_attention_args *args, seqmix_tensor *tensor) {
  *args = (seqmix_attention_args)SEQMIX_ATTENTION_ARGS_INIT;
  for (int64_t i = 0; i < size->tq; i++)
    for (int64_t j = 0; j < size->tk; j++) {
      mask[i * size->tk + j] = (uint8_t)is_seen(way, i, j);
      bias[i * size->tk + j] = is_seen(way, i, j) ? 0 : -INFINITY;
    }
  *tensor = seqmix_tensor_2d(mask, SEQMIX_BOOL, size->tq, size->tk);
  if (way == BY_MASK) args->mask = tensor;
  if (way == BY_BIAS) {
    *tensor = seqmix_tensor_2d(bias, SEQMIX_F32, size->tq, size->tk);
    args->bias = tensor;
  }
  if (way == BY_BLOCK_MAP) {
    *tensor = seqmix_tensor_4d(mask, SEQMIX_BOOL, 1, 1, size->tq, size->tk);
    args->block_map = tensor;
    args->block_map_queries = args->block_map_keys = 1;
  }
  if (way == BY_WINDOW) {
    args->query_offset = 0;
    args->window_right = 149 - (size->tq - 1); /* the last row sees 149, all others less */
  }
}

/* Values of the bad keys: NaN in one column and an infinity in the last. */
static void spoil_values(int way, const sizes *size, int spoiled) {
  for (int64_t j = 0; j < size->tk; j++) {
    if (!is_bad(way, j)) continue;
    for (int64_t h = 0; h < HKV; h++) {
      float *row = v + (j * HKV + h) * size->dv;
      row[1] = spoiled ? NAN : 0.5f;
      row[size->dv - 1] = spoiled ? INFINITY : -0.25f;
    }
  }
}

static void compare_hidden(int way, const sizes *size, const char *variant) {
  for (int64_t i = 0; i < size->tq; i++)
    for (int64_t h = 0; h < HQ; h++)
      for (int64_t d = 0; d < size->dv; d++) {
        int64_t at = (i * HQ + h) * size->dv + d;
        int sees_bad = way != BY_WINDOW && i % 3 == 1;
        if (sees_bad && (d == 1 || d == size->dv - 1))
          ck_assert_msg(!isfinite(out[at]), "%s: row %d saw a bad value, but has %g", variant,
                        (int)i, out[at]);
        else
          ck_assert_msg(fabsf(out[at] - expected[at]) <= 1e-5f,
                        "%s: way %d, row %d, column %d is %g, not %g", variant, way, (int)i, (int)d,
                        out[at], expected[at]);
      }
}

START_TEST(hidden_values_do_not_reach_rows) {
  const sizes *size = &shapes[_i % SHAPES];
  int way = _i / SHAPES, compared = 0;
  seqmix_attention_args args;
  seqmix_tensor tensor;
  make_inputs("hidden values");
  hide(way, size, &args, &tensor);
  for (int32_t number = 0; attention_variant(number); number++) {
    const char *variant = attention_variant(number);
    if (!is_attention(variant)) continue;
    spoil_values(way, size, 0);
    if (!attend(variant, size, &args, expected)) continue;
    spoil_values(way, size, 1);
    ck_assert(attend(variant, size, &args, out));
    compare_hidden(way, size, variant);
    compared++;
  }
  ck_assert_int_gt(compared, 0);
}
END_TEST

/* The slower product for such values adds block by block, too: over many keys one running sum
 * would lose more than the contract allows. */
START_TEST(guarded_sums_stay_accurate) {
  enum { KEYS = 65536 };
  static float keys[KEYS], values[KEYS];
  static uint8_t seen[KEYS];
  random_state random = random_start(suite_seed("guarded sums"));
  for (int64_t j = 0; j < KEYS; j++) {
    keys[j] = (float)random_normal(&random);
    values[j] = 1 + (float)random_normal(&random) * 0.1f;
    seen[j] = j % 96 != 0;
  }
  double weighted = 0, total = 0;
  for (int64_t j = 0; j < KEYS; j++) {
    if (!seen[j]) continue;
    double weight = exp(0.5 * (double)keys[j]);
    weighted += weight * (double)values[j];
    total += weight;
  }
  for (int64_t j = 0; j < KEYS; j += 96) values[j] = NAN;
  float query = 0.5f, result;
  seqmix_tensor tq = seqmix_tensor_4d(&query, SEQMIX_F32, 1, 1, 1, 1);
  seqmix_tensor tk = seqmix_tensor_4d(keys, SEQMIX_F32, 1, KEYS, 1, 1);
  seqmix_tensor tv = seqmix_tensor_4d(values, SEQMIX_F32, 1, KEYS, 1, 1);
  seqmix_tensor tout = seqmix_tensor_4d(&result, SEQMIX_F32, 1, 1, 1, 1);
  seqmix_tensor tmask = seqmix_tensor_1d(seen, SEQMIX_BOOL, KEYS);
  seqmix_attention_args args = SEQMIX_ATTENTION_ARGS_INIT;
  args.q = &tq;
  args.k = &tk;
  args.v = &tv;
  args.out = &tout;
  args.mask = &tmask;
  for (int32_t number = 0; attention_variant(number); number++) {
    if (!takes_f32(attention_variant(number))) continue;
    ck_assert(seqmix_context_set_variant(context, attention_variant(number)) == SEQMIX_OK);
    ck_assert_msg(seqmix_attention(context, &args) == SEQMIX_OK, "%s", seqmix_last_error());
    double error = fabs((double)result / (weighted / total) - 1);
    ck_assert_msg(error <= 2e-6, "%s is off by %g", attention_variant(number), error);
  }
}
END_TEST

/* ---- block maps ------------------------------------------------------------------------------ */

/* A block map with blocks of one key and one query is a mask, with whole blocks of keys dead. */
START_TEST(finest_block_map_is_a_mask) {
  const sizes *size = &shapes[_i];
  seqmix_attention_args args = SEQMIX_ATTENTION_ARGS_INIT;
  random_state random = random_start(suite_seed("finest block map"));
  make_inputs("finest block map");
  for (int64_t i = 0; i < size->tq; i++)
    for (int64_t j = 0; j < size->tk; j++)
      mask[i * size->tk + j] = j == 95 || j == 130 || (j > 130 && random_normal(&random) > 1);
  seqmix_tensor tmask = seqmix_tensor_2d(mask, SEQMIX_BOOL, size->tq, size->tk);
  seqmix_tensor tmap = seqmix_tensor_4d(mask, SEQMIX_BOOL, 1, 1, size->tq, size->tk);
  for (int32_t number = 0; attention_variant(number); number++) {
    const char *variant = attention_variant(number);
    if (!is_attention(variant)) continue;
    args.mask = &tmask;
    args.block_map = NULL;
    if (!attend(variant, size, &args, expected)) continue;
    args.mask = NULL;
    args.block_map = &tmap;
    args.block_map_queries = args.block_map_keys = 1;
    ck_assert(attend(variant, size, &args, out));
    ck_assert_int_eq(memcmp(out, expected, (size_t)(size->tq * HQ * size->dv) * sizeof *out), 0);
  }
}
END_TEST

/* With packing a block map counts from the start of each sequence and has a row per sequence. */
START_TEST(packed_block_maps_count_from_each_start) {
  enum { N = 3, BLOCK = 7, ROWS = 3, COLUMNS = 3 };
  static const int32_t starts[N + 1] = {0, 5, 24, 30};
  static uint8_t map[N][ROWS][COLUMNS] = {{{1}}, {{1, 0, 0}, {0, 1, 0}, {1, 0, 1}}, {{1}}};
  make_inputs("packed block maps");
  seqmix_tensor tq = seqmix_tensor_4d(q, SEQMIX_F32, 1, 30, HQ, D);
  seqmix_tensor tk = seqmix_tensor_4d(k, SEQMIX_F32, 1, 30, HKV, D);
  seqmix_tensor tv = seqmix_tensor_4d(v, SEQMIX_F32, 1, 30, HKV, D);
  seqmix_tensor tout = seqmix_tensor_4d(out, SEQMIX_F32, 1, 30, HQ, D);
  seqmix_tensor tstarts = seqmix_tensor_1d((void *)(uintptr_t)starts, SEQMIX_I32, N + 1);
  seqmix_tensor tmap = seqmix_tensor_4d(map, SEQMIX_U8, N, 1, ROWS, COLUMNS);
  seqmix_attention_args args = SEQMIX_ATTENTION_ARGS_INIT;
  args.q = &tq;
  args.k = &tk;
  args.v = &tv;
  args.out = &tout;
  args.block_map_queries = args.block_map_keys = BLOCK;
  args.block_map = &tmap;
  args.cu_seqlens_q = args.cu_seqlens_k = &tstarts;
  ck_assert(seqmix_context_set_variant(context, NULL) == SEQMIX_OK);
  ck_assert_msg(seqmix_attention(context, &args) == SEQMIX_OK, "%s", seqmix_last_error());
  args.cu_seqlens_q = args.cu_seqlens_k = NULL;
  tout.data = expected;
  for (int n = 0; n < N; n++) {
    int64_t first = starts[n], length = starts[n + 1] - first;
    int64_t blocks = (length + BLOCK - 1) / BLOCK;
    seqmix_tensor alone = seqmix_tensor_4d(map[n], SEQMIX_U8, 1, 1, blocks, blocks);
    alone.stride[2] = COLUMNS;
    args.block_map = &alone;
    tq.shape[1] = tk.shape[1] = tv.shape[1] = tout.shape[1] = length;
    tq.byte_offset = tout.byte_offset = (uint64_t)(first * HQ * D) * sizeof(float);
    tk.byte_offset = tv.byte_offset = (uint64_t)(first * HKV * D) * sizeof(float);
    ck_assert_msg(seqmix_attention(context, &args) == SEQMIX_OK, "%s", seqmix_last_error());
  }
  for (int64_t i = 0; i < 30 * HQ * D; i++)
    ck_assert_msg(fabsf(out[i] - expected[i]) <= 1e-5f, "element %d is %g, not %g", (int)i, out[i],
                  expected[i]);
}
END_TEST

/* ---- many sequences -------------------------------------------------------------------------- */

/* Sequences of very different lengths, some empty, among them one of several parts of keys. */
START_TEST(uneven_sequences_match_the_reference) {
  enum { N = 6 };
  static const int32_t q_starts[N + 1] = {0, 0, 1, 3, 3, 4, 5};
  static const int64_t key_lengths[N] = {200, 0, 1, 600, 210, 97};
  seqmix_context *reference;
  ck_assert(seqmix_context_create(&reference, "reference") == SEQMIX_OK);
  make_inputs("uneven sequences");
  seqmix_tensor tq = seqmix_tensor_4d(q, SEQMIX_F32, 1, 5, HQ, D);
  seqmix_tensor tk = seqmix_tensor_4d(k, SEQMIX_F32, N, MOST_KEYS, HKV, D);
  seqmix_tensor tv = seqmix_tensor_4d(v, SEQMIX_F32, N, MOST_KEYS, HKV, D);
  seqmix_tensor tout = seqmix_tensor_4d(expected, SEQMIX_F32, 1, 5, HQ, D);
  seqmix_tensor tstarts = seqmix_tensor_1d((void *)(uintptr_t)q_starts, SEQMIX_I32, N + 1);
  seqmix_tensor tlengths = seqmix_tensor_1d((void *)(uintptr_t)key_lengths, SEQMIX_I64, N);
  tk.stride[0] = tv.stride[0] = 0; /* all sequences see the same keys */
  seqmix_attention_args args = SEQMIX_ATTENTION_ARGS_INIT;
  args.q = &tq;
  args.k = &tk;
  args.v = &tv;
  args.out = &tout;
  args.cu_seqlens_q = &tstarts;
  args.key_lengths = &tlengths;
  ck_assert_msg(seqmix_attention(reference, &args) == SEQMIX_OK, "%s", seqmix_last_error());
  tout.data = out;
  for (int32_t number = 0; attention_variant(number); number++) {
    if (!takes_f32(attention_variant(number))) continue;
    ck_assert(seqmix_context_set_variant(context, attention_variant(number)) == SEQMIX_OK);
    memset(out, 0xff, sizeof out);
    ck_assert_msg(seqmix_attention(context, &args) == SEQMIX_OK, "%s", seqmix_last_error());
    for (int64_t i = 0; i < 5 * HQ * D; i++)
      ck_assert_msg(fabsf(out[i] - expected[i]) <= 1e-5f, "%s: element %d is %g, not %g",
                    attention_variant(number), (int)i, out[i], expected[i]);
  }
  seqmix_context_destroy(reference);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("cpu_attention");
  TCase *tcase = tcase_create("cpu_attention");
  tcase_add_checked_fixture(tcase, open_context, close_context);
  suite_add_loop(tcase, hidden_values_do_not_reach_rows, 0, WAYS * SHAPES);
  suite_add(tcase, guarded_sums_stay_accurate);
  suite_add_loop(tcase, finest_block_map_is_a_mask, 0, SHAPES);
  suite_add(tcase, packed_block_maps_count_from_each_start);
  suite_add(tcase, uneven_sequences_match_the_reference);
  suite_add_tcase(suite, tcase);
  return suite;
}
