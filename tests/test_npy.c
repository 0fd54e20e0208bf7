/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of .npy headers on text that ends anywhere and says anything: each text lies in memory
 * of exactly its length, so that under ASan no read beyond it goes unseen. What it says of whole
 * files is tested in tests/python/test_tool_run.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/suite.h"
#include "tools/seqmix/npy.h"
#include "verify/random.h"

static const char good[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 30, 4), } \n";

/* Parses a copy; checks what every answer must be. Returns the parser's status. */
static int parse(const char *text, size_t length, npy_header *header) {
  char error[NPY_ERROR] = "";
  char *copy = malloc(length ? length : 1);
  ck_assert_ptr_nonnull(copy);
  memcpy(copy, text, length);
  int status = npy_parse_header(copy, length, header, error);
  free(copy);
  ck_assert(status == 0 || status == -1);
  ck_assert_int_eq(status != 0, error[0] != 0);
  if (status) return status;
  uint64_t bytes = seqmix_dtype_size(header->dtype);
  ck_assert_int_le(header->ndim, SEQMIX_MAX_DIMS);
  for (int axis = 0; axis < header->ndim; axis++) {
    ck_assert_int_ge(header->shape[axis], 0);
    if (header->shape[axis] == 0) bytes = 0;
  }
  for (int axis = 0; axis < header->ndim; axis++) {
    ck_assert(!bytes || !__builtin_mul_overflow(bytes, (uint64_t)header->shape[axis], &bytes));
  }
  ck_assert_uint_eq(header->bytes, bytes);
  ck_assert_uint_le(bytes, INT64_MAX);
  return 0;
}

START_TEST(good_header) {
  npy_header header;
  ck_assert_int_eq(parse(good, strlen(good), &header), 0);
  ck_assert_int_eq(header.dtype, SEQMIX_F32);
  ck_assert_int_eq(header.ndim, 3);
  ck_assert_int_eq(header.shape[1], 30);
  ck_assert_uint_eq(header.bytes, 4 * 2 * 30 * 4);
}
END_TEST

START_TEST(every_beginning_is_refused) {
  npy_header header;
  size_t whole = (size_t)(strchr(good, '}') - good);
  for (size_t length = 0; length <= whole; length++) {
    ck_assert_int_eq(parse(good, length, &header), -1);
  }
}
END_TEST

/* An axis of 0 makes all of it empty, whatever the others are. */
static const struct {
  const char *shape;
  int status;
} shape_rows[] = {
    {"()", 0},
    {"(7,)", 0},
    {"(7)", -1},
    {"(2305843009213693951,)", 0}, /* 2^61 - 1 elements of 4 bytes: below 2^63 */
    {"(2305843009213693952,)", -1},
    {"(4294967296, 4294967296)", -1},
    {"(4294967296, 4294967296, 0)", 0},
    {"(9223372036854775807, 0)", 0},
    {"(9223372036854775808, 0)", -1},
    {"(99999999999999999999999, 0)", -1},
    {"(1, 1, 1, 1, 1, 1, 1, 1)", 0},
    {"(1, 1, 1, 1, 1, 1, 1, 1, 1)", -1},
    {"(1,, 2)", -1},
    {"(1 2)", -1},
    {"(-1,)", -1},
};
enum { SHAPES = sizeof shape_rows / sizeof *shape_rows };

START_TEST(shapes) {
  npy_header header;
  char text[256];
  int length = snprintf(text, sizeof text, "{'descr':'<f4','fortran_order':False,'shape':%s}",
                        shape_rows[_i].shape);
  ck_assert_int_eq(parse(text, (size_t)length, &header), shape_rows[_i].status);
}
END_TEST

/* Bytes changed, taken out and put in: whatever comes of it, parse() must like the answer. */
START_TEST(damaged_headers) {
  static const char likely[] = "{}()[]'\",: \\0123456789<>|fV2TrueFalse\n";
  random_state random = random_start(suite_seed("damaged headers"));
  int refused = 0;
  for (int trial = 0; trial < 20000; trial++) {
    char text[sizeof good + 8];
    size_t length = strlen(good);
    memcpy(text, good, sizeof good);
    for (int64_t change = random_integer(&random, 1, 4); change > 0; change--) {
      size_t at = (size_t)random_integer(&random, 0, (int64_t)length - 1);
      char character = likely[random_integer(&random, 0, sizeof likely - 1)];
      if (random_one_in(&random, 3)) {
        memmove(text + at, text + at + 1, length-- - at);
      } else if (random_one_in(&random, 2)) {
        memmove(text + at + 1, text + at, length++ - at);
        text[at] = character;
      } else {
        text[at] = character;
      }
    }
    npy_header header;
    refused += parse(text, length, &header) != 0;
  }
  ck_assert_int_gt(refused, 1000);
  ck_assert_int_lt(refused, 20000);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("npy");
  TCase *tcase = tcase_create("npy");
  suite_add(tcase, good_header);
  suite_add(tcase, every_beginning_is_refused);
  suite_add_loop(tcase, shapes, 0, SHAPES);
  suite_add(tcase, damaged_headers);
  suite_add_tcase(suite, tcase);
  return suite;
}
