/* SPDX-License-Identifier: Apache-2.0 */
/* prefix_scan: each operation, direction and type as a row of a table; then what lies around them.
 */
#include <math.h>
#include <stdio.h>

#include "tests/support/mirror.h"
#include "tests/values/values.h"
#include "verify/numbers.h"

#define LN2 0.69314718055994531
#define LN3 1.0986122886681098
#define LN4 1.3862943611198906
#define LN6 1.7917594692280550
#define LN7 1.9459101490553132
#define INF INFINITY
#define SUM SEQMIX_SCAN_SUM
#define PRODUCT SEQMIX_SCAN_PRODUCT
#define MAX SEQMIX_SCAN_MAX
#define LOGSUMEXP SEQMIX_SCAN_LOGSUMEXP

enum { ROOM = 16, LONG = 100000, FORWARD = 0, EXCLUSIVE = 1, REVERSE = 2, BOTH = 3 };

/* ---- operations -------------------------------------------------------------------------------
 */

static const struct {
  int32_t dtype; /* 0: f32 and f64 */
  int32_t op, direction, count;
  double x[8], want[8];
} rows[] = {
    {0, SUM, FORWARD, 3, {1, 2, 4}, {1, 3, 7}},
    {0, SUM, EXCLUSIVE, 3, {1, 2, 4}, {0, 1, 3}},
    {0, SUM, REVERSE, 3, {1, 2, 4}, {7, 6, 4}},
    {0, SUM, BOTH, 3, {1, 2, 4}, {6, 4, 0}},
    {0, PRODUCT, FORWARD, 3, {2, 3, -5}, {2, 6, -30}},
    {0, PRODUCT, EXCLUSIVE, 3, {2, 3, -5}, {1, 2, 6}},
    {0, PRODUCT, REVERSE, 3, {2, 3, -5}, {-30, -15, -5}},
    {0, PRODUCT, BOTH, 3, {2, 3, -5}, {-15, -5, 1}},
    {0, MAX, FORWARD, 4, {-3, -4, 5, 2}, {-3, -3, 5, 5}},
    {0, MAX, EXCLUSIVE, 4, {-3, -4, 5, 2}, {-INF, -3, -3, 5}},
    {0, MAX, REVERSE, 4, {-3, -4, 5, 2}, {5, 5, 5, 2}},
    {0, MAX, BOTH, 4, {-3, -4, 5, 2}, {5, 5, 2, -INF}},
    {0, LOGSUMEXP, FORWARD, 3, {0, LN2, LN4}, {0, LN3, LN7}},
    {0, LOGSUMEXP, EXCLUSIVE, 3, {0, LN2, LN4}, {-INF, 0, LN3}},
    {0, LOGSUMEXP, REVERSE, 3, {0, LN2, LN4}, {LN7, LN6, LN4}},
    {0, LOGSUMEXP, BOTH, 3, {0, LN2, LN4}, {LN6, LN4, -INF}},
    /* exp of no number here fits its type */
    {0, LOGSUMEXP, FORWARD, 4, {1e4, 1e4, -1e4, 2e4}, {1e4, 1e4 + LN2, 1e4 + LN2, 2e4}},
    {0, LOGSUMEXP, FORWARD, 3, {-1e4, -1e4, -2e4}, {-1e4, LN2 - 1e4, LN2 - 1e4}},
    /* infinities */
    {0, SUM, FORWARD, 4, {1, INF, 2, -INF}, {1, INF, INF, NAN}},
    {0, PRODUCT, FORWARD, 5, {2, -INF, 3, 0, 1}, {2, -INF, -INF, NAN, NAN}},
    {0, PRODUCT, FORWARD, 4, {2, 0, 3, INF}, {2, 0, 0, NAN}},
    {0, MAX, FORWARD, 4, {-INF, 1, INF, 2}, {-INF, 1, INF, INF}},
    {0, LOGSUMEXP, FORWARD, 5, {-INF, -INF, 1, INF, 2}, {-INF, -INF, 1, INF, INF}},
    {0, LOGSUMEXP, FORWARD, 3, {INF, INF, -INF}, {INF, INF, INF}},
    /* NaN, and what no NaN has reached */
    {0, SUM, FORWARD, 4, {1, NAN, 2, INF}, {1, NAN, NAN, NAN}},
    {0, PRODUCT, FORWARD, 4, {1, NAN, 0, INF}, {1, NAN, NAN, NAN}},
    {0, MAX, FORWARD, 4, {1, NAN, 2, INF}, {1, NAN, NAN, NAN}},
    {0, MAX, REVERSE, 4, {1, NAN, 2, 1}, {NAN, NAN, 2, 1}},
    {0, MAX, EXCLUSIVE, 4, {1, NAN, 2, INF}, {-INF, 1, NAN, NAN}},
    {0, LOGSUMEXP, FORWARD, 4, {1, NAN, INF, -INF}, {1, NAN, NAN, NAN}},
    {0, LOGSUMEXP, FORWARD, 4, {INF, NAN, 1, -INF}, {INF, NAN, NAN, NAN}},
    {0, LOGSUMEXP, FORWARD, 3, {NAN, -INF, INF}, {NAN, NAN, NAN}},
    /* out of range and back again; a 0 is the end */
    {SEQMIX_F32,
     PRODUCT,
     FORWARD,
     4,
     {0x1p100, -0x1p100, 0x1p-120, 3},
     {0x1p100, -INF, -0x1p80, -0x3p80}},
    {SEQMIX_F32,
     PRODUCT,
     FORWARD,
     4,
     {0x1p-100, 0x1p-100, 0x1p120, 0x1p90},
     {0x1p-100, 0, 0x1p-80, 1024}},
    {SEQMIX_F32, PRODUCT, FORWARD, 4, {0x1p100, 0x1p100, 0, 0x1p100}, {0x1p100, INF, 0, 0}},
    {SEQMIX_F64,
     PRODUCT,
     FORWARD,
     4,
     {0x1p1000, -0x1p1000, 0x1p-1020, 3},
     {0x1p1000, -INF, -0x1p980, -0x3p980}},
    {SEQMIX_F64,
     PRODUCT,
     FORWARD,
     4,
     {0x1p-1000, 0x1p-1000, 0x1p1020, 0x1p990},
     {0x1p-1000, 0, 0x1p-980, 1024}},
    {SEQMIX_F64, PRODUCT, FORWARD, 3, {0x1p1000, 0x1p1000, 0}, {0x1p1000, INF, 0}},
    /* results that are rounded once */
    {SEQMIX_F16, SUM, FORWARD, 4, {2048, 1, 1, 2}, {2048, 2048, 2050, 2052}},
    {SEQMIX_F16, PRODUCT, FORWARD, 3, {256, 256, 0.5}, {256, INF, 32768}},
    {SEQMIX_F16, MAX, EXCLUSIVE, 3, {-2, -1, 0}, {-INF, -2, -1}},
    {SEQMIX_BF16, SUM, FORWARD, 4, {256, 1, 1, 2}, {256, 256, 258, 260}},
    {SEQMIX_BF16, PRODUCT, FORWARD, 3, {0x1p100, 0x1p100, 0x1p-100}, {0x1p100, INF, 0x1p100}},
    {SEQMIX_BF16, LOGSUMEXP, REVERSE, 2, {-INF, 3}, {3, 3}},
    /* integers wrap around */
    {SEQMIX_I32, SUM, FORWARD, 3, {INT32_MAX, 1, -1}, {INT32_MAX, INT32_MIN, INT32_MAX}},
    {SEQMIX_I32, SUM, BOTH, 3, {1, 2, 4}, {6, 4, 0}},
    {SEQMIX_I32, PRODUCT, FORWARD, 4, {65536, 32768, 2, 7}, {65536, INT32_MIN, 0, 0}},
    {SEQMIX_I32, PRODUCT, EXCLUSIVE, 3, {-3, 715827883, 5}, {1, -3, INT32_MAX}},
    {SEQMIX_I32, MAX, FORWARD, 4, {INT32_MIN, -7, 3, -9}, {INT32_MIN, -7, 3, 3}},
    {SEQMIX_I32, MAX, BOTH, 3, {9, -7, 3}, {3, 3, INT32_MIN}},
};

enum { ROWS = sizeof rows / sizeof *rows };

static seqmix_prefix_scan_args scan_args(const seqmix_tensor *x, const seqmix_tensor *out) {
  seqmix_prefix_scan_args args = SEQMIX_PREFIX_SCAN_ARGS_INIT;
  args.x = x;
  args.out = out;
  return args;
}

/* Whether the device can. */
static int check_row(seqmix_context *context, int which, int row, int32_t dtype) {
  double x_data[ROOM], out_data[ROOM]; /* of any type */
  int32_t count = rows[row].count;
  for (int i = 0; i < count; i++)
    number_store(dtype, (char *)x_data + (size_t)i * seqmix_dtype_size(dtype), rows[row].x[i]);
  values_poison(out_data, dtype, ROOM);
  seqmix_tensor x = seqmix_tensor_1d(x_data, dtype, count);
  seqmix_tensor out = seqmix_tensor_1d(out_data, dtype, count);
  seqmix_prefix_scan_args args = scan_args(&x, &out);
  args.op = rows[row].op;
  args.exclusive = rows[row].direction & EXCLUSIVE;
  args.reverse = rows[row].direction & REVERSE;
  if (!values_computed(which, mirror_call(context, SEQMIX_OP_PREFIX_SCAN, &args))) return 0;
  char name[64];
  snprintf(name, sizeof name, "row %d in %s", row, seqmix_dtype_name(dtype));
  values_expect(name, out_data, dtype, count, rows[row].want);
  return 1;
}

START_TEST(prefix_rows) {
  OPEN_DEVICE_OR_SKIP(context);
  int row = _i / 2, could;
  if (rows[row].dtype)
    could = check_row(context, _i, row, rows[row].dtype);
  else
    could = check_row(context, _i, row, SEQMIX_F32) && check_row(context, _i, row, SEQMIX_F64);
  seqmix_context_destroy(context);
  if (!could) suite_skip("row %d: %s", row, seqmix_last_error());
}
END_TEST

/* ---- what lies around -------------------------------------------------------------------------
 */

#define RUN_OR_SKIP(context, args) \
  COMPUTE_OR_SKIP(context, mirror_call(context, SEQMIX_OP_PREFIX_SCAN, args))

/* [2, 3, 2] of 1 to 12. */
START_TEST(prefix_axes) {
  OPEN_DEVICE_OR_SKIP(context);
  float x_data[ROOM], out_data[ROOM];
  for (int i = 0; i < ROOM; i++) x_data[i] = (float)(i + 1);
  POISON(out_data);
  seqmix_tensor x = seqmix_tensor_3d(x_data, SEQMIX_F32, 2, 3, 2), out = x;
  out.data = out_data;
  seqmix_prefix_scan_args args = scan_args(&x, &out);
  RUN_OR_SKIP(context, &args);
  EXPECT(out_data, 1, 3, 3, 7, 5, 11, 7, 15, 9, 19, 11, 23);
  args.axis = 1;
  RUN_OR_SKIP(context, &args);
  EXPECT(out_data, 1, 2, 4, 6, 9, 12, 7, 8, 16, 18, 27, 30);
  args.axis = -3;
  args.reverse = 1;
  RUN_OR_SKIP(context, &args);
  EXPECT(out_data, 8, 10, 12, 14, 16, 18, 7, 8, 9, 10, 11, 12);
  seqmix_context_destroy(context);
}
END_TEST

/* The transpose of [[1, 2, 3], [4, 5, 6]], the same rows twice, and time backwards. */
START_TEST(prefix_strides) {
  OPEN_DEVICE_OR_SKIP(context);
  float x_data[] = {1, 2, 3, 4, 5, 6}, out_data[ROOM];
  POISON(out_data);
  seqmix_tensor x = seqmix_tensor_nd(x_data, SEQMIX_F32, 2, (int64_t[]){3, 2}, (int64_t[]){1, 3});
  seqmix_tensor out = seqmix_tensor_2d(out_data, SEQMIX_F32, 3, 2);
  seqmix_prefix_scan_args args = scan_args(&x, &out);
  RUN_OR_SKIP(context, &args);
  EXPECT(out_data, 1, 5, 2, 7, 3, 9);
  out.stride[0] = 1;
  out.stride[1] = 3;
  RUN_OR_SKIP(context, &args);
  EXPECT(out_data, 1, 2, 3, 5, 7, 9);
  x = seqmix_tensor_nd(x_data + 2, SEQMIX_F32, 2, (int64_t[]){2, 3}, (int64_t[]){0, -1});
  out = seqmix_tensor_2d(out_data, SEQMIX_F32, 2, 3);
  RUN_OR_SKIP(context, &args);
  EXPECT(out_data, 3, 5, 6, 3, 5, 6);
  seqmix_context_destroy(context);
}
END_TEST

/* Segments of one, no and three elements, of two channels. */
START_TEST(prefix_segments) {
  OPEN_DEVICE_OR_SKIP(context);
  float x_data[] = {1, 5, 2, NAN, 3, 6, 4, 7}, out_data[ROOM];
  int32_t data[] = {0, 1, 1, 4};
  POISON(out_data);
  seqmix_tensor cu_seqlens = seqmix_tensor_1d(data, SEQMIX_I32, 4);
  seqmix_tensor x = seqmix_tensor_2d(x_data, SEQMIX_F32, 4, 2), out = x;
  out.data = out_data;
  seqmix_prefix_scan_args args = scan_args(&x, &out);
  args.axis = 0;
  args.cu_seqlens = &cu_seqlens;
  RUN_OR_SKIP(context, &args);
  EXPECT(out_data, 1, 5, 2, NAN, 5, NAN, 9, NAN);
  args.reverse = 1;
  args.op = MAX;
  RUN_OR_SKIP(context, &args);
  EXPECT(out_data, 1, 5, 4, NAN, 4, 7, 4, 7);
  args.exclusive = 1;
  args.op = PRODUCT;
  RUN_OR_SKIP(context, &args);
  EXPECT(out_data, 1, 1, 12, 42, 4, 7, 1, 1);
  seqmix_context_destroy(context);
}
END_TEST

/* Sums in f32 keep what f16 would round away. */
START_TEST(prefix_out_in_f32) {
  OPEN_DEVICE_OR_SKIP(context);
  uint16_t x_data[] = {0x6800, 0x3c00, 0x3c00}; /* 2048, 1, 1 */
  float out_data[ROOM];
  POISON(out_data);
  seqmix_tensor x = seqmix_tensor_1d(x_data, SEQMIX_F16, 3);
  seqmix_tensor out = seqmix_tensor_1d(out_data, SEQMIX_F32, 3);
  seqmix_prefix_scan_args args = scan_args(&x, &out);
  RUN_OR_SKIP(context, &args);
  EXPECT(out_data, 2048, 2049, 2050);
  seqmix_context_destroy(context);
}
END_TEST

static void expect_long(const float *out, int i, double want) {
  ck_assert_msg(fabs((double)out[i] - want) <= 2e-7 * fabs(want), "out[%d] is %.9g, must be %.9g",
                i, (double)out[i], want);
}

/* 100000 elements of one number, where adding up or multiplying in f32 would show. */
START_TEST(prefix_long) {
  OPEN_DEVICE_OR_SKIP(context);
  static float out_data[LONG + 1];
  float number = 0.1f;
  seqmix_tensor x = seqmix_tensor_nd(&number, SEQMIX_F32, 1, (int64_t[]){LONG}, (int64_t[]){0});
  seqmix_tensor out = seqmix_tensor_1d(out_data, SEQMIX_F32, LONG);
  seqmix_prefix_scan_args args = scan_args(&x, &out);
  POISON(out_data);
  RUN_OR_SKIP(context, &args);
  for (int i = 0; i < LONG; i += 777) expect_long(out_data, i, (i + 1) * (double)number);
  args.op = LOGSUMEXP;
  RUN_OR_SKIP(context, &args);
  for (int i = 0; i < LONG; i += 777) expect_long(out_data, i, (double)number + log(i + 1));
  args.op = PRODUCT;
  number = 1 - 0x1p-13f;
  RUN_OR_SKIP(context, &args);
  for (int i = 0; i < LONG; i += 777) expect_long(out_data, i, pow((double)number, i + 1));
  ck_assert_msg(isnan(out_data[LONG]), "what is behind out was written");
  seqmix_context_destroy(context);
}
END_TEST

/* Factors whose products leave f64 at times, and come back: out[i] = 2^(sum of powers). */
START_TEST(prefix_powers) {
  OPEN_DEVICE_OR_SKIP(context);
  static const struct {
    int count, power;
  } runs[] = {{96, -13}, {32, 12}, {28, 14}, {3, 127}, {3, -127}, {40, -120}, {37, 127}, {17, -1}};
  enum { TOKENS = 256 };
  float x_data[TOKENS], out_data[TOKENS];
  int powers[TOKENS], count = 0;
  for (size_t run = 0; run < sizeof runs / sizeof *runs; run++)
    for (int i = 0; i < runs[run].count; i++) powers[count++] = runs[run].power;
  ck_assert_int_eq(count, TOKENS);
  for (int i = 0; i < TOKENS; i++) x_data[i] = ldexpf(1, powers[i]);
  seqmix_tensor x = seqmix_tensor_1d(x_data, SEQMIX_F32, TOKENS);
  seqmix_tensor out = seqmix_tensor_1d(out_data, SEQMIX_F32, TOKENS);
  seqmix_prefix_scan_args args = scan_args(&x, &out);
  args.op = PRODUCT;
  RUN_OR_SKIP(context, &args);
  for (int i = 0, power = 0; i < TOKENS; i++) {
    power += powers[i];
    ck_assert_msg(out_data[i] == ldexpf(1, power), "out[%d] is %g, must be 2^%d", i,
                  (double)out_data[i], power);
  }
  seqmix_context_destroy(context);
}
END_TEST

/* Small results before a number that is far above all of them. */
START_TEST(prefix_rise) {
  OPEN_DEVICE_OR_SKIP(context);
  enum { TOKENS = 64 };
  float x_data[TOKENS], out_data[TOKENS];
  for (int i = 0; i < TOKENS; i++) x_data[i] = -60;
  x_data[0] = 0.001f;
  x_data[TOKENS - 1] = 50;
  seqmix_tensor x = seqmix_tensor_1d(x_data, SEQMIX_F32, TOKENS);
  seqmix_tensor out = seqmix_tensor_1d(out_data, SEQMIX_F32, TOKENS);
  seqmix_prefix_scan_args args = scan_args(&x, &out);
  args.op = LOGSUMEXP;
  RUN_OR_SKIP(context, &args);
  for (int i = 0; i < TOKENS - 1; i++) expect_long(out_data, i, (double)0.001f);
  expect_long(out_data, TOKENS - 1, 50);
  seqmix_context_destroy(context);
}
END_TEST

/* The reference judges f64: it keeps what adding up would round away, each time. */
START_TEST(prefix_long_in_f64) {
  OPEN_DEVICE_OR_SKIP(context);
  static double x_data[LONG], out_data[LONG];
  for (int i = 0; i < LONG; i++) x_data[i] = 0x1p-53;
  x_data[0] = 1;
  seqmix_tensor x = seqmix_tensor_1d(x_data, SEQMIX_F64, LONG);
  seqmix_tensor out = seqmix_tensor_1d(out_data, SEQMIX_F64, LONG);
  seqmix_prefix_scan_args args = scan_args(&x, &out);
  RUN_OR_SKIP(context, &args);
  ck_assert_double_eq(out_data[LONG - 1], 1 + (LONG - 1) * 0x1p-53);
  seqmix_context_destroy(context);
}
END_TEST

TCase *values_prefix_scan(void) {
  TCase *tcase = tcase_create("prefix_scan");
  suite_add_loop(tcase, prefix_rows, 0, 2 * ROWS);
  suite_add_loop(tcase, prefix_axes, 0, 2);
  suite_add_loop(tcase, prefix_strides, 0, 2);
  suite_add_loop(tcase, prefix_segments, 0, 2);
  suite_add_loop(tcase, prefix_out_in_f32, 0, 2);
  suite_add_loop(tcase, prefix_long, 0, 2);
  suite_add_loop(tcase, prefix_powers, 0, 2);
  suite_add_loop(tcase, prefix_rise, 0, 2);
  suite_add_loop(tcase, prefix_long_in_f64, 0, 1);
  return tcase;
}
