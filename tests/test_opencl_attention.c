/* SPDX-License-Identifier: Apache-2.0 */
/* Index arrays of attention that only the device can read: each algorithm finds what is wrong with
 * them, leaves it out and says so at the next synchronise; the context goes on. And values that
 * only some rows may see, of rows that are too many to be done at once. */
#include <math.h>
#include <seqmix/seqmix.h>
#include <string.h>

#include "support/suite.h"

enum { SEQUENCES = 3, DIM = 4, PAGES = 4, SLOTS = 3, QUERIES = 6, KEYS = PAGES * SLOTS };

static const char *const algorithms[] = {"attention__any_cl_decode", "attention__any_cl_prefill",
                                         "attention__any_cl_gemm", "attention__any_cl_unfused"};
enum { ALGORITHMS = sizeof algorithms / sizeof *algorithms };

#define OK(call)                                                                 \
  do {                                                                           \
    seqmix_status ok_status = (call);                                            \
    ck_assert_msg(ok_status == SEQMIX_OK, "%s: %s", #call, seqmix_last_error()); \
  } while (0)

/* Tensors of a call, each in memory of its own. */
enum slot { Q, K, V, OUT, CU_Q, CU_K, LENGTHS_Q, LENGTHS_K, OFFSETS, TABLE, MAP, SLOT_COUNT };

typedef struct call {
  seqmix_context *context;
  seqmix_tensor tensors[SLOT_COUNT];
  seqmix_attention_args args;
} call;

static void put(call *c, enum slot slot, seqmix_tensor tensor, const void *host, uint64_t bytes) {
  OK(seqmix_buffer_allocate(c->context, bytes, &tensor.data));
  OK(seqmix_buffer_upload(c->context, tensor.data, 0, host, bytes));
  c->tensors[slot] = tensor;
}

static void put_floats(call *c, enum slot slot, int64_t a, int64_t b, int64_t heads) {
  float ones[KEYS * DIM];
  for (int i = 0; i < KEYS * DIM; i++) ones[i] = 1;
  put(c, slot, seqmix_tensor_4d(NULL, SEQMIX_F32, a, b, heads, DIM), ones, sizeof ones);
}

static void put_indices(call *c, enum slot slot, const int32_t *indices, int64_t count) {
  put(c, slot, seqmix_tensor_1d(NULL, SEQMIX_I32, count), indices, (uint64_t)count * 4);
}

static int has_variant(const seqmix_context *context, const char *algorithm) {
  const char *name;
  for (int32_t i = 0; (name = seqmix_context_variant_name(context, i)) != NULL; i++)
    if (strcmp(name, algorithm) == 0) return 1;
  return 0;
}

/* A context forced to an algorithm, or why there is none. */
static const char *open_context(call *c, const char *algorithm) {
  memset(c, 0, sizeof *c);
  seqmix_status status = seqmix_context_create(&c->context, "opencl:0");
  if (status == SEQMIX_ERROR_NO_DEVICE) return "no OpenCL device";
  ck_assert_msg(status == SEQMIX_OK, "%s", seqmix_last_error());
  if (!has_variant(c->context, algorithm)) {
    seqmix_context_destroy(c->context);
    return "no CLBlast";
  }
  OK(seqmix_context_set_variant(c->context, algorithm));
  return NULL;
}

static const char *open_call(call *c, const char *algorithm) {
  const char *missing = open_context(c, algorithm);
  if (missing) return missing;
  put_floats(c, Q, 1, QUERIES, 1);
  put_floats(c, K, 1, KEYS, 1);
  put_floats(c, V, 1, KEYS, 1);
  put_floats(c, OUT, 1, QUERIES, 1);
  c->args = (seqmix_attention_args)SEQMIX_ATTENTION_ARGS_INIT;
  c->args.q = &c->tensors[Q];
  c->args.k = &c->tensors[K];
  c->args.v = &c->tensors[V];
  c->args.out = &c->tensors[OUT];
  return NULL;
}

#define OPEN_OR_SKIP(c, algorithm)                  \
  do {                                              \
    const char *missing = open_call(&c, algorithm); \
    if (missing) suite_skip("%s", missing);         \
  } while (0)

static void close_call(call *c) {
  for (int slot = 0; slot < SLOT_COUNT; slot++)
    if (c->tensors[slot].data) seqmix_buffer_free(c->context, c->tensors[slot].data);
  seqmix_context_destroy(c->context);
}

/* Three sequences of two queries and four keys each. */
static void pack(call *c) {
  static const int32_t cu_q[] = {0, 2, 4, 6}, cu_k[] = {0, 4, 8, 12};
  put_indices(c, CU_Q, cu_q, SEQUENCES + 1);
  put_indices(c, CU_K, cu_k, SEQUENCES + 1);
  c->args.cu_seqlens_q = &c->tensors[CU_Q];
  c->args.cu_seqlens_k = &c->tensors[CU_K];
}

/* The same queries; keys in pages, five of each sequence. */
static void page(call *c) {
  static const int32_t lengths[] = {5, 5, 5}, table[] = {0, 1, 2, 3, 1, 0};
  pack(c);
  put_indices(c, LENGTHS_K, lengths, SEQUENCES);
  put(c, TABLE, seqmix_tensor_2d(NULL, SEQMIX_I32, SEQUENCES, 2), table, sizeof table);
  c->args.cu_seqlens_k = NULL;
  c->args.key_lengths = &c->tensors[LENGTHS_K];
  c->args.block_table = &c->tensors[TABLE];
  for (int slot = K; slot <= V; slot++) {
    void *data = c->tensors[slot].data;
    c->tensors[slot] = seqmix_tensor_4d(data, SEQMIX_F32, PAGES, SLOTS, 1, DIM);
  }
}

static void expect_ones(const call *c) {
  float out[QUERIES * DIM];
  OK(seqmix_attention(c->context, &c->args));
  OK(seqmix_synchronize(c->context));
  OK(seqmix_buffer_download(c->context, c->tensors[OUT].data, 0, out, sizeof out));
  for (int i = 0; i < QUERIES * DIM; i++) ck_assert_float_eq_tol(out[i], 1, 1e-6);
}

/* Writes `value` to entry `at` of an index array: the next synchronise says `says`, once. */
static void expect_fault(call *c, enum slot slot, int at, int32_t value, const char *says) {
  int32_t before;
  uint64_t offset = (uint64_t)at * sizeof before;
  OK(seqmix_buffer_download(c->context, c->tensors[slot].data, offset, &before, sizeof before));
  OK(seqmix_buffer_upload(c->context, c->tensors[slot].data, offset, &value, sizeof value));
  OK(seqmix_attention(c->context, &c->args));
  ck_assert_int_eq(seqmix_synchronize(c->context), SEQMIX_ERROR_INVALID_ARGUMENT);
  ck_assert_msg(strstr(seqmix_last_error(), says) != NULL, "%s: %s", says, seqmix_last_error());
  OK(seqmix_buffer_upload(c->context, c->tensors[slot].data, offset, &before, sizeof before));
  expect_ones(c);
}

START_TEST(test_packed_indices) {
  static const int32_t lengths_q[] = {2, 2, 2}, lengths_k[] = {4, 3, 1}, offsets[] = {5, 5, 5};
  call c;
  OPEN_OR_SKIP(c, algorithms[_i]);
  pack(&c);
  put_indices(&c, LENGTHS_Q, lengths_q, SEQUENCES);
  put_indices(&c, LENGTHS_K, lengths_k, SEQUENCES);
  put_indices(&c, OFFSETS, offsets, SEQUENCES);
  expect_ones(&c);
  for (int32_t value = -1; value <= KEYS + 1; value += KEYS + 2) {
    expect_fault(&c, CU_Q, 1, value, "cu_seqlens_q");
    expect_fault(&c, CU_K, 2, value, "cu_seqlens_k");
  }
  expect_fault(&c, CU_Q, 0, 1, "cu_seqlens_q");
  expect_fault(&c, CU_K, SEQUENCES, 11, "cu_seqlens_k");
  c.args.query_lengths = &c.tensors[LENGTHS_Q];
  c.args.key_lengths = &c.tensors[LENGTHS_K];
  c.args.query_offsets = &c.tensors[OFFSETS];
  expect_ones(&c);
  expect_fault(&c, LENGTHS_Q, 0, 3, "query_lengths");
  expect_fault(&c, LENGTHS_Q, 2, -1, "query_lengths");
  expect_fault(&c, LENGTHS_K, 0, 5, "key_lengths");
  expect_fault(&c, LENGTHS_K, 1, -2147483647, "key_lengths");
  close_call(&c);
}
END_TEST

START_TEST(test_bounds_of_lengths) {
  call c;
  OPEN_OR_SKIP(c, algorithms[_i]);
  pack(&c);
  c.args.max_seqlen_q = 2;
  c.args.max_seqlen_k = 4;
  expect_ones(&c);
  expect_fault(&c, CU_Q, 1, 3, "max_seqlen_q");
  expect_fault(&c, CU_K, 1, 5, "max_seqlen_k");
  close_call(&c);
}
END_TEST

START_TEST(test_pages) {
  call c;
  OPEN_OR_SKIP(c, algorithms[_i]);
  page(&c);
  expect_ones(&c);
  expect_fault(&c, TABLE, 1, PAGES, "block_table");
  expect_fault(&c, TABLE, 4, -1, "block_table");
  expect_fault(&c, TABLE, 5, 2147483647, "block_table");
  expect_fault(&c, LENGTHS_K, 1, 7, "key_lengths");
  close_call(&c);
}
END_TEST

/* A map that only the device can find too small. */
START_TEST(test_block_map) {
  static const unsigned char live[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  call c;
  OPEN_OR_SKIP(c, algorithms[_i]);
  pack(&c);
  put(&c, MAP, seqmix_tensor_4d(NULL, SEQMIX_U8, 1, 1, 2, 2), live, sizeof live);
  c.args.block_map = &c.tensors[MAP];
  c.args.block_map_queries = 1;
  c.args.block_map_keys = 2;
  expect_ones(&c);
  expect_fault(&c, CU_Q, 1, 4, "block_map");
  expect_fault(&c, CU_K, 1, 8, "block_map");
  close_call(&c);
}
END_TEST

/* ---- values -----------------------------------------------------------------------------------
 */

/* Queries without a key give 0, whatever they and the hidden keys and values hold. */
START_TEST(test_hidden_values) {
  static const int32_t none[] = {0};
  float bad[KEYS * DIM], out[QUERIES * DIM];
  call c;
  OPEN_OR_SKIP(c, algorithms[_i]);
  for (int i = 0; i < KEYS * DIM; i++) bad[i] = i % 2 ? NAN : INFINITY;
  OK(seqmix_buffer_upload(c.context, c.tensors[Q].data, 0, bad, QUERIES * DIM * sizeof *bad));
  OK(seqmix_buffer_upload(c.context, c.tensors[K].data, 0, bad, sizeof bad));
  OK(seqmix_buffer_upload(c.context, c.tensors[V].data, 0, bad, sizeof bad));
  put_indices(&c, LENGTHS_K, none, 1);
  c.args.key_lengths = &c.tensors[LENGTHS_K];
  OK(seqmix_attention(c.context, &c.args));
  OK(seqmix_buffer_download(c.context, c.tensors[OUT].data, 0, out, sizeof out));
  for (int i = 0; i < QUERIES * DIM; i++) ck_assert_float_eq(out[i], 0);
  close_call(&c);
}
END_TEST

/* More scores than there is room for in memory at once, of two query heads and their kv head. The
 * last value is for the last query alone. */
static const char *const in_memory[] = {"attention__any_cl_gemm", "attention__any_cl_unfused"};
enum { MANY_QUERIES = 2200, MANY_KEYS = 1700, MANY = MANY_QUERIES * 2 * DIM };

static void put_many(call *c, enum slot slot, int64_t rows, int64_t heads, float last) {
  static float values[MANY];
  for (int i = 0; i < rows * heads * DIM; i++)
    values[i] = (float)((i * 37 + slot * 11) % 101) / 50 - 1;
  values[rows * heads * DIM - 1] = last;
  put(c, slot, seqmix_tensor_4d(NULL, SEQMIX_F32, 1, rows, heads, DIM), values,
      (uint64_t)(rows * heads * DIM) * sizeof *values);
}

static const char *attend_many(const char *algorithm, float last_value, float *out) {
  call c;
  const char *missing = open_context(&c, algorithm);
  if (missing) return missing;
  put_many(&c, Q, MANY_QUERIES, 2, 1);
  put_many(&c, K, MANY_KEYS, 1, 1);
  put_many(&c, V, MANY_KEYS, 1, last_value);
  put_many(&c, OUT, MANY_QUERIES, 2, 1);
  c.args = (seqmix_attention_args)SEQMIX_ATTENTION_ARGS_INIT;
  c.args.q = &c.tensors[Q];
  c.args.k = &c.tensors[K];
  c.args.v = &c.tensors[V];
  c.args.out = &c.tensors[OUT];
  c.args.causal = 1;
  OK(seqmix_attention(c.context, &c.args));
  OK(seqmix_buffer_download(c.context, c.tensors[OUT].data, 0, out, MANY * sizeof *out));
  close_call(&c);
  return NULL;
}

START_TEST(test_rows_in_parts) {
  static float expected[MANY], out[MANY];
  const char *missing = attend_many("attention__any_cl_prefill", 1, expected);
  if (!missing) missing = attend_many(in_memory[_i], NAN, out);
  if (missing) suite_skip("%s", missing);
  for (int i = 0; i < MANY; i++) {
    int is_spoilt = i >= (MANY_QUERIES - 1) * 2 * DIM && i % DIM == DIM - 1;
    if (is_spoilt)
      ck_assert_msg(isnan(out[i]), "element %d is %g, must be NaN", i, (double)out[i]);
    else
      ck_assert_float_eq_tol(out[i], expected[i], 1e-5);
  }
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("opencl attention");
  TCase *tcase = tcase_create("opencl attention");
  suite_add_loop(tcase, test_packed_indices, 0, ALGORITHMS);
  suite_add_loop(tcase, test_bounds_of_lengths, 0, ALGORITHMS);
  suite_add_loop(tcase, test_pages, 0, ALGORITHMS);
  suite_add_loop(tcase, test_block_map, 0, ALGORITHMS);
  suite_add_loop(tcase, test_hidden_values, 0, ALGORITHMS);
  suite_add_loop(tcase, test_rows_in_parts, 0, 2);
  suite_add_tcase(suite, tcase);
  return suite;
}
