/* SPDX-License-Identifier: Apache-2.0 */
/* Attention calls against the letter of attention.h: wrong ones must be refused by name before a
 * byte is written, odd but legal ones must give what the reference gives. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "invalid/attention_call.h"
#include "support/suite.h"

static seqmix_context *context, *reference;
static attention_call call;
static unsigned char expected_arena[sizeof arena];

static void make_contexts(void) {
  ck_assert_int_eq(seqmix_context_create(&context, suite_device()), SEQMIX_OK);
  ck_assert_int_eq(seqmix_context_create(&reference, "reference"), SEQMIX_OK);
}

static void drop_contexts(void) {
  seqmix_context_destroy(context);
  seqmix_context_destroy(reference);
}

static int refused(const char *row, seqmix_status status, const char *words) {
  expectation expected = {row, "attention", status, words};
  return expect_refusal(&expected, attention_call_run, &call);
}

/* A context that has refused calls still works, and with the same bits. */
static void check_still_usable(void) {
  static unsigned char first[sizeof arena];
  static int have_first;
  attention_call_make(&call, context, DENSE);
  ck_assert_int_eq(attention_call_run(&call), SEQMIX_OK);
  if (have_first) ck_assert_int_eq(memcmp(first, arena, sizeof arena), 0);
  memcpy(first, arena, sizeof arena);
  have_first = 1;
}

/* ---- wrong calls ---------------------------------------------------------------------------- */

typedef struct row {
  const char *name;
  int base;
  seqmix_status status;
  const char *words;
  void (*change)(attention_call *c);
} row;

#define ROW(name, base, status, words, ...) \
  static void change_##name(attention_call *c) { __VA_ARGS__; }
#include "invalid/attention.def"
#undef ROW

static const row wrong_rows[] = {
#define ROW(name, base, status, words, ...) \
  {#name, base, SEQMIX_ERROR_##status, words, change_##name},
#include "invalid/attention.def"
#undef ROW
};

START_TEST(test_documented_constraints) {
  int wrong = 0;
  check_still_usable();
  for (size_t i = 0; i < sizeof wrong_rows / sizeof *wrong_rows; i++) {
    const row *r = &wrong_rows[i];
    if (!suite_wants_case(r->name)) continue;
    attention_call_make(&call, context, r->base);
    r->change(&call);
    wrong += refused(r->name, r->status, r->words);
    check_still_usable();
  }
  ck_assert_msg(wrong == 0, "%d rows went wrong", wrong);
}
END_TEST

/* Every tensor of every base, spoilt in every way that no tensor may be. */
static int spoil_every_way(int base, int which) {
  int wrong = 0;
  for (int index = 0;; index++) {
    char name[128];
    attention_call_make(&call, context, base);
    subject s = attention_call_subject(&call, which);
    if (!*s.member) return 0;
    const char *what = spoil_tensor(&s, index);
    if (what && !*what) return wrong;
    if (!what) continue;
    snprintf(name, sizeof name, "base %d, mutation %d: %s with %s", base, index, s.name, what);
    const char *words = what == one_more && s.kind & SUBJECT_SETS_SIZES ? "" : s.name;
    if (suite_wants_case(name)) wrong += refused(name, SEQMIX_ERROR_INVALID_ARGUMENT, words);
  }
}

START_TEST(test_spoilt_tensors) {
  int wrong = 0;
  for (int base = 0; base < ATTENTION_BASES; base++) {
    for (int which = 0; which < ATTENTION_TENSORS; which++) wrong += spoil_every_way(base, which);
  }
  ck_assert_msg(wrong == 0, "%d mutations went wrong", wrong);
  check_still_usable();
}
END_TEST

START_TEST(test_missing_tensors) {
  int wrong = 0;
  for (int which = 0; which < ATTENTION_TENSORS; which++) {
    attention_call_make(&call, context, DENSE);
    subject s = attention_call_subject(&call, which);
    if (!(s.kind & SUBJECT_REQUIRED)) continue;
    *s.member = NULL;
    wrong += refused("NULL tensor", SEQMIX_ERROR_INVALID_ARGUMENT, s.name);
  }
  ck_assert_msg(wrong == 0, "%d went wrong", wrong);
}
END_TEST

/* ---- overlaps ------------------------------------------------------------------------------- */

/* Lays output `a` onto `b`: from its start, onto its last bytes, or reaching into its first. */
static int overlap(int base, int a, int b, int how) {
  char name[128], words[64];
  attention_call_make(&call, context, base);
  subject out = attention_call_subject(&call, a), other = attention_call_subject(&call, b);
  if (a == b || !(out.kind & SUBJECT_OUTPUT) || !*out.member || !*other.member) return 0;
  int64_t shift = how == 0   ? 0
                  : how == 1 ? tensor_bytes(other.tensor) - 4
                             : 4 - tensor_bytes(out.tensor);
  shift -= shift % 4; /* bytes of flags need not make whole floats */
  out.tensor->data = (char *)other.tensor->data + shift;
  snprintf(name, sizeof name, "base %d: %s on %s, way %d", base, out.name, other.name, how);
  snprintf(words, sizeof words, "%s %s", out.name, other.name);
  return refused(name, SEQMIX_ERROR_INVALID_ARGUMENT, words);
}

START_TEST(test_overlapping_outputs) {
  int wrong = 0;
  for (int base = 0; base < ATTENTION_BASES; base++) {
    for (int a = 0; a < ATTENTION_TENSORS; a++) {
      for (int b = 0; b < ATTENTION_TENSORS; b++) {
        for (int how = 0; how < 3; how++) wrong += overlap(base, a, b, how);
      }
    }
  }
  ck_assert_msg(wrong == 0, "%d overlaps went wrong", wrong);
}
END_TEST

/* ---- NULL ----------------------------------------------------------------------------------- */

START_TEST(test_null_everywhere) {
  uint64_t bytes = 77;
  attention_call_make(&call, NULL, DENSE);
  ck_assert_int_eq(refused("no context", SEQMIX_ERROR_INVALID_ARGUMENT, "context"), 0);
  ck_assert_int_eq(seqmix_attention_workspace_size(NULL, &call.args, &bytes),
                   SEQMIX_ERROR_INVALID_ARGUMENT);
  call.context = context;
  call.passed = NULL;
  ck_assert_int_eq(refused("no args", SEQMIX_ERROR_INVALID_ARGUMENT, "args"), 0);
  ck_assert_int_eq(seqmix_attention_workspace_size(context, NULL, &bytes),
                   SEQMIX_ERROR_INVALID_ARGUMENT);
  ck_assert_msg(strstr(seqmix_last_error(), "args"), "%s", seqmix_last_error());
  ck_assert_int_eq(seqmix_attention_workspace_size(context, &call.args, NULL),
                   SEQMIX_ERROR_INVALID_ARGUMENT);
  ck_assert_msg(strstr(seqmix_last_error(), "bytes"), "%s", seqmix_last_error());
  call.args.q = NULL;
  ck_assert_int_eq(seqmix_attention_workspace_size(context, &call.args, &bytes),
                   SEQMIX_ERROR_INVALID_ARGUMENT);
}
END_TEST

/* ---- odd but legal calls -------------------------------------------------------------------- */

typedef struct legal_row {
  const char *name;
  int base;
  void (*change)(attention_call *c);
} legal_row;

#define ROW(name, base, ...) \
  static void change_##name(attention_call *c) { __VA_ARGS__; }
#include "invalid/attention_legal.def"
#undef ROW

static const legal_row legal_rows[] = {
#define ROW(name, base, ...) {#name, base, change_##name},
#include "invalid/attention_legal.def"
#undef ROW
};

static int run_legal(const legal_row *r) {
  attention_call_make(&call, reference, r->base);
  r->change(&call);
  if (call.args.workspace) call.args.workspace = NULL;
  if (attention_call_run(&call) != SEQMIX_OK) {
    return fprintf(stderr, "  %s: reference: %s\n", r->name, seqmix_last_error()), 1;
  }
  memcpy(expected_arena, arena, sizeof arena);
  attention_call_make(&call, context, r->base);
  r->change(&call);
  if (attention_call_run(&call) != SEQMIX_OK) {
    return fprintf(stderr, "  %s: %s\n", r->name, seqmix_last_error()), 1;
  }
  int wrong = 0;
  for (int which = 0; which < ATTENTION_TENSORS; which++) {
    subject s = attention_call_subject(&call, which);
    if (s.kind & SUBJECT_OUTPUT && *s.member) wrong += compare_output(r->name, &s, expected_arena);
  }
  if (memcmp(arena, expected_arena, sizeof arena) != 0) {
    return fprintf(stderr, "  %s: memory outside the outputs has changed\n", r->name), 1;
  }
  return wrong != 0;
}

START_TEST(test_odd_but_legal) {
  int wrong = 0;
  for (size_t i = 0; i < sizeof legal_rows / sizeof *legal_rows; i++) {
    if (suite_wants_case(legal_rows[i].name)) wrong += run_legal(&legal_rows[i]);
  }
  ck_assert_msg(wrong == 0, "%d rows went wrong", wrong);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("invalid_attention");
  TCase *tcase = tcase_create("attention");
  tcase_set_timeout(tcase, 120);
  tcase_add_checked_fixture(tcase, make_contexts, drop_contexts);
  suite_add(tcase, test_documented_constraints);
  suite_add(tcase, test_spoilt_tensors);
  suite_add(tcase, test_missing_tensors);
  suite_add(tcase, test_overlapping_outputs);
  suite_add(tcase, test_null_everywhere);
  suite_add(tcase, test_odd_but_legal);
  suite_add_tcase(suite, tcase);
  return suite;
}
