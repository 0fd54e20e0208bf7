/* SPDX-License-Identifier: Apache-2.0 */
/* Merges against the letter of attention.h: wrong ones must be refused by name before a byte is
 * written, odd but legal ones must work. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "invalid/expect.h"
#include "support/suite.h"
#include "verify/random.h"

enum { OUTS, LSES, SINKS, OUT, LSE, TENSORS };

typedef struct merge_call {
  seqmix_context *context;
  /* As a later version would pass its arguments, with members this one does not know. */
  struct {
    seqmix_attention_merge_args known;
    uint64_t unknown[4];
  } args;
  seqmix_attention_merge_args *passed;
  seqmix_tensor outs, lses, sinks, out, lse;
  _Alignas(64) char memory[1 << 16];
} merge_call;

static seqmix_context *context;
static merge_call call;

static void make_context(void) {
  ck_assert_int_eq(seqmix_context_create(&context, suite_device()), SEQMIX_OK);
}

static void drop_context(void) { seqmix_context_destroy(context); }

static subject subject_of(merge_call *c, int which) {
  subject subjects[TENSORS] = {
      {"outs", &c->outs, &c->args.known.outs,
       SUBJECT_REQUIRED | SUBJECT_LAST_DENSE | SUBJECT_SETS_SIZES},
      {"lses", &c->lses, &c->args.known.lses, SUBJECT_REQUIRED},
      {"sinks", &c->sinks, &c->args.known.sinks, 0},
      {"out", &c->out, &c->args.known.out, SUBJECT_REQUIRED | SUBJECT_LAST_DENSE | SUBJECT_OUTPUT},
      {"lse", &c->lse, &c->args.known.lse, SUBJECT_OUTPUT},
  };
  return subjects[which];
}

static void fill(int cell, int count) {
  random_state random = random_start(suite_seed("merge") + (uint64_t)cell);
  for (int i = 0; i < count; i++) ((float *)arena_cell(cell))[i] = (float)random_normal(&random);
}

/* P=3 B=2 T=3 H=4 Dv=6: the parts' values fill 1728 bytes of their cell. */
static void make_call(void) {
  static const seqmix_attention_merge_args initial = SEQMIX_ATTENTION_MERGE_ARGS_INIT;
  memset(&call, 0, sizeof call);
  arena_clear();
  fill(OUTS, 432);
  fill(LSES, 72);
  fill(SINKS, 4);
  call.context = context;
  call.args.known = initial;
  call.passed = &call.args.known;
  call.outs = seqmix_tensor_nd(arena_cell(OUTS), SEQMIX_F32, 5, (int64_t[]){3, 2, 3, 4, 6}, NULL);
  call.lses = seqmix_tensor_4d(arena_cell(LSES), SEQMIX_F32, 3, 2, 4, 3);
  call.sinks = seqmix_tensor_1d(arena_cell(SINKS), SEQMIX_F32, 4);
  call.out = seqmix_tensor_4d(arena_cell(OUT), SEQMIX_F32, 2, 3, 4, 6);
  call.lse = seqmix_tensor_3d(arena_cell(LSE), SEQMIX_F32, 2, 4, 3);
  for (int which = 0; which < TENSORS; which++) {
    subject s = subject_of(&call, which);
    *s.member = s.tensor;
  }
}

static seqmix_status run(void *arg) {
  merge_call *c = arg;
  return seqmix_attention_merge(c->context, c->passed);
}

static int refused(const char *row, seqmix_status status, const char *words) {
  expectation expected = {row, "attention_merge", status, words};
  return expect_refusal(&expected, run, &call);
}

/* ---- wrong calls ---------------------------------------------------------------------------- */

typedef struct row {
  const char *name;
  seqmix_status status;
  const char *words;
  void (*change)(merge_call *c);
} row;

#define ROW(name, status, words, ...) \
  static void change_##name(merge_call *c) { __VA_ARGS__; }
#include "invalid/attention_merge.def"
#undef ROW

static const row rows[] = {
#define ROW(name, status, words, ...) {#name, SEQMIX_ERROR_##status, words, change_##name},
#include "invalid/attention_merge.def"
#undef ROW
};

START_TEST(test_documented_constraints) {
  int wrong = 0;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (!suite_wants_case(rows[i].name)) continue;
    make_call();
    rows[i].change(&call);
    wrong += refused(rows[i].name, rows[i].status, rows[i].words);
    make_call();
    ck_assert_msg(run(&call) == SEQMIX_OK, "after %s: %s", rows[i].name, seqmix_last_error());
  }
  ck_assert_msg(wrong == 0, "%d rows went wrong", wrong);
}
END_TEST

START_TEST(test_spoilt_tensors) {
  int wrong = 0;
  for (int which = 0; which < TENSORS; which++) {
    const char *what = NULL;
    for (int index = 0; !what || *what; index++) {
      char name[128];
      make_call();
      subject s = subject_of(&call, which);
      what = spoil_tensor(&s, index);
      if (!what || !*what) continue;
      snprintf(name, sizeof name, "mutation %d: %s with %s", index, s.name, what);
      const char *words = what == one_more && s.kind & SUBJECT_SETS_SIZES ? "" : s.name;
      if (suite_wants_case(name)) wrong += refused(name, SEQMIX_ERROR_INVALID_ARGUMENT, words);
    }
  }
  ck_assert_msg(wrong == 0, "%d mutations went wrong", wrong);
}
END_TEST

START_TEST(test_overlapping_outputs) {
  int wrong = 0;
  for (int a = 0; a < TENSORS; a++) {
    for (int b = 0; b < TENSORS; b++) {
      char words[64];
      make_call();
      subject out = subject_of(&call, a), other = subject_of(&call, b);
      if (a == b || !(out.kind & SUBJECT_OUTPUT)) continue;
      out.tensor->data = (char *)other.tensor->data + 8;
      snprintf(words, sizeof words, "%s %s", out.name, other.name);
      wrong += refused(words, SEQMIX_ERROR_INVALID_ARGUMENT, words);
    }
  }
  ck_assert_msg(wrong == 0, "%d overlaps went wrong", wrong);
}
END_TEST

START_TEST(test_null_everywhere) {
  static const int required[] = {OUTS, LSES, OUT};
  uint64_t bytes;
  for (size_t i = 0; i < sizeof required / sizeof *required; i++) {
    make_call();
    subject s = subject_of(&call, required[i]);
    *s.member = NULL;
    ck_assert_int_eq(refused(s.name, SEQMIX_ERROR_INVALID_ARGUMENT, s.name), 0);
  }
  make_call();
  call.context = NULL;
  ck_assert_int_eq(refused("no context", SEQMIX_ERROR_INVALID_ARGUMENT, "context"), 0);
  call.context = context;
  call.passed = NULL;
  ck_assert_int_eq(refused("no args", SEQMIX_ERROR_INVALID_ARGUMENT, "args"), 0);
  ck_assert_int_eq(seqmix_attention_merge_workspace_size(NULL, &call.args.known, &bytes),
                   SEQMIX_ERROR_INVALID_ARGUMENT);
  ck_assert_int_eq(seqmix_attention_merge_workspace_size(context, NULL, &bytes),
                   SEQMIX_ERROR_INVALID_ARGUMENT);
  ck_assert_int_eq(seqmix_attention_merge_workspace_size(context, &call.args.known, NULL),
                   SEQMIX_ERROR_INVALID_ARGUMENT);
}
END_TEST

/* ---- odd but legal calls -------------------------------------------------------------------- */

static float element(const seqmix_tensor *tensor, int64_t index) {
  float value;
  memcpy(&value, (const char *)tensor->data + index * 4, sizeof value);
  return value;
}

static void run_legal(const char *what) {
  ck_assert_msg(run(&call) == SEQMIX_OK, "%s: %s", what, seqmix_last_error());
}

/* Element (0, 0, 0, 0) of `out` and of `lse` computed here, sinks included. */
static void check_first_element(double tolerance) {
  double sum = 0, value = 0, wanted_lse;
  for (int part = 0; part < 3; part++) {
    double weight = exp((double)element(&call.lses, part * call.lses.stride[0]));
    sum += weight;
    value += weight * element(&call.outs, part * call.outs.stride[0]);
  }
  sum += exp((double)element(&call.sinks, 0));
  wanted_lse = log(sum);
  ck_assert_double_eq_tol(element(&call.out, 0), value / sum, tolerance);
  ck_assert_double_eq_tol(element(&call.lse, 0), wanted_lse, tolerance);
}

START_TEST(test_odd_but_legal) {
  make_call();
  run_legal("as it is");
  check_first_element(1e-5);

  make_call();
  call.args.known.struct_size = sizeof call.args;
  run_legal("longer args with zeros");
  check_first_element(1e-5);

  make_call();
  call.lse.stride[0] = 12; /* [B, T, H] in memory */
  call.lse.stride[1] = 1;
  call.lse.stride[2] = 4;
  call.out.stride[1] = 6; /* [B, H, T, D] in memory */
  call.out.stride[2] = 18;
  run_legal("outputs transposed");
  check_first_element(1e-5);

  make_call();
  call.outs.stride[0] = call.lses.stride[0] = 0;
  run_legal("one part three times");
  check_first_element(1e-5);
}
END_TEST

START_TEST(test_no_parts) {
  make_call();
  call.outs.shape[0] = call.lses.shape[0] = 0;
  call.outs.data = call.lses.data = NULL;
  run_legal("no parts, sinks");
  ck_assert_float_eq(element(&call.out, 143), 0.0f);
  ck_assert_float_eq_tol(element(&call.lse, 0), element(&call.sinks, 0), 1e-6f);
  call.args.known.sinks = NULL;
  run_legal("no parts, no sinks");
  ck_assert_float_eq(element(&call.out, 0), 0.0f);
  ck_assert(isinf(element(&call.lse, 23)) && element(&call.lse, 23) < 0);
}
END_TEST

START_TEST(test_empty_results) {
  make_call();
  call.outs.shape[1] = call.lses.shape[1] = call.out.shape[0] = call.lse.shape[0] = 0;
  run_legal("no batch");
  make_call();
  call.outs.shape[2] = call.lses.shape[3] = call.out.shape[1] = call.lse.shape[2] = 0;
  call.outs.data = call.lses.data = call.out.data = call.lse.data = NULL;
  run_legal("no time");
  make_call();
  call.args.known.lse = NULL;
  run_legal("no lse wanted");
  uint32_t bits;
  memcpy(&bits, call.lse.data, sizeof bits);
  ck_assert_uint_eq(bits, UINT32_MAX);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("invalid_attention_merge");
  TCase *tcase = tcase_create("attention_merge");
  tcase_add_checked_fixture(tcase, make_context, drop_context);
  suite_add(tcase, test_documented_constraints);
  suite_add(tcase, test_spoilt_tensors);
  suite_add(tcase, test_overlapping_outputs);
  suite_add(tcase, test_null_everywhere);
  suite_add(tcase, test_odd_but_legal);
  suite_add(tcase, test_no_parts);
  suite_add(tcase, test_empty_results);
  suite_add_tcase(suite, tcase);
  return suite;
}
