/* SPDX-License-Identifier: Apache-2.0 */
#include "scan_suite.h"

#include <stdio.h>
#include <string.h>

#include "../support/suite.h"

static seqmix_context *context, *reference;
static scan_call call;
static unsigned char expected_arena[sizeof arena];

static void make_contexts(void) {
  ck_assert_int_eq(seqmix_context_create(&context, suite_device()), SEQMIX_OK);
  ck_assert_int_eq(seqmix_context_create(&reference, "reference"), SEQMIX_OK);
}

static void drop_contexts(void) {
  seqmix_context_destroy(context);
  seqmix_context_destroy(reference);
}

static void make(int base) { scan_call_make(&call, scan_rows.of, context, base); }

static int refused(const char *row, seqmix_status status, const char *words) {
  expectation expected = {row, scan_rows.of->name, status, words};
  return expect_refusal(&expected, scan_call_run, &call);
}

/* A context that has refused calls still works, and with the same bits. */
static void check_still_usable(void) {
  static unsigned char first[sizeof arena];
  static int have_first;
  make(0);
  ck_assert_msg(scan_call_run(&call) == SEQMIX_OK, "%s", seqmix_last_error());
  if (have_first) ck_assert_int_eq(memcmp(first, arena, sizeof arena), 0);
  memcpy(first, arena, sizeof arena);
  have_first = 1;
}

/* ---- wrong calls ----------------------------------------------------------------------------- */

START_TEST(test_documented_constraints) {
  int wrong = 0;
  check_still_usable();
  for (int i = 0; i < scan_rows.wrong_count; i++) {
    const scan_row *r = &scan_rows.wrong[i];
    if (!suite_wants_case(r->name)) continue;
    make(r->base);
    r->change(&call);
    wrong += refused(r->name, r->status, r->words);
    check_still_usable();
  }
  ck_assert_msg(wrong == 0, "%d rows went wrong", wrong);
}
END_TEST

/* What the message must name: others than the spoilt tensor, where those go by it. */
static const char *words_for(const subject *s, const char *what) {
  int of_others = (what == one_more && s->kind & SUBJECT_SETS_SIZES) ||
                  (s->kind & SUBJECT_SETS_KIND && (strstr(what, "dtype") || strstr(what, "rank")));
  return of_others ? "" : s->name;
}

/* Every tensor of every base, spoilt in every way that no tensor may be. */
static int spoil_every_way(int base, int which) {
  int wrong = 0;
  for (int index = 0;; index++) {
    char name[128];
    make(base);
    subject s = scan_call_subject(&call, which);
    if (!*s.member) return 0;
    const char *what = spoil_tensor(&s, index);
    if (what && !*what) return wrong;
    if (!what) continue;
    snprintf(name, sizeof name, "base %d, mutation %d: %s with %s", base, index, s.name, what);
    if (suite_wants_case(name))
      wrong += refused(name, SEQMIX_ERROR_INVALID_ARGUMENT, words_for(&s, what));
  }
}

START_TEST(test_spoilt_tensors) {
  int wrong = 0;
  for (int base = 0; base < scan_rows.of->bases; base++)
    for (int which = 0; which < scan_rows.of->tensors; which++)
      wrong += spoil_every_way(base, which);
  ck_assert_msg(wrong == 0, "%d mutations went wrong", wrong);
  check_still_usable();
}
END_TEST

START_TEST(test_missing_tensors) {
  int wrong = 0;
  for (int which = 0; which < scan_rows.of->tensors; which++) {
    make(0);
    subject s = scan_call_subject(&call, which);
    if (!(s.kind & SUBJECT_REQUIRED)) continue;
    *s.member = NULL;
    wrong += refused("NULL tensor", SEQMIX_ERROR_INVALID_ARGUMENT, s.name);
  }
  ck_assert_msg(wrong == 0, "%d went wrong", wrong);
}
END_TEST

/* ---- overlaps -------------------------------------------------------------------------------- */

/* A present state may be exactly the past one. */
static int is_in_place(int a, int b) {
  return a == PRESENT_STATE && b == PAST_STATE && call.t[a].dtype == call.t[b].dtype &&
         tensor_bytes(&call.t[a]) == tensor_bytes(&call.t[b]);
}

/* Lays output `a` onto `b`: from its start, onto its last bytes, or reaching into its first. */
static int overlap(int base, int a, int b, int how) {
  char name[128], words[64];
  make(base);
  subject out = scan_call_subject(&call, a), other = scan_call_subject(&call, b);
  if (a == b || !(out.kind & SUBJECT_OUTPUT) || !*out.member || !*other.member) return 0;
  if (how == 0 && is_in_place(a, b)) return 0;
  int64_t shift = how == 0   ? 0
                  : how == 1 ? tensor_bytes(other.tensor) - 4
                             : 4 - tensor_bytes(out.tensor);
  out.tensor->data = (char *)other.tensor->data + shift;
  snprintf(name, sizeof name, "base %d: %s on %s, way %d", base, out.name, other.name, how);
  snprintf(words, sizeof words, "%s %s", out.name, other.name);
  return refused(name, SEQMIX_ERROR_INVALID_ARGUMENT, words);
}

START_TEST(test_overlapping_outputs) {
  int wrong = 0;
  for (int base = 0; base < scan_rows.of->bases; base++)
    for (int a = 0; a < scan_rows.of->tensors; a++)
      for (int b = 0; b < scan_rows.of->tensors; b++)
        for (int how = 0; how < 3; how++) wrong += overlap(base, a, b, how);
  ck_assert_msg(wrong == 0, "%d overlaps went wrong", wrong);
}
END_TEST

/* ---- NULL, structs, workspaces --------------------------------------------------------------- */

START_TEST(test_null_everywhere) {
  const scan_operator *of = scan_rows.of;
  uint64_t bytes = 77;
  make(0);
  call.context = NULL;
  ck_assert_int_eq(refused("no context", SEQMIX_ERROR_INVALID_ARGUMENT, "context"), 0);
  ck_assert_int_eq(of->workspace_size(NULL, &call.args, &bytes), SEQMIX_ERROR_INVALID_ARGUMENT);
  ck_assert_msg(mentions(seqmix_last_error(), "context"), "%s", seqmix_last_error());
  call.context = context;
  call.passed = NULL;
  ck_assert_int_eq(refused("no args", SEQMIX_ERROR_INVALID_ARGUMENT, "args"), 0);
  ck_assert_int_eq(of->workspace_size(context, NULL, &bytes), SEQMIX_ERROR_INVALID_ARGUMENT);
  ck_assert_msg(mentions(seqmix_last_error(), "args"), "%s", seqmix_last_error());
  ck_assert_int_eq(of->workspace_size(context, &call.args, NULL), SEQMIX_ERROR_INVALID_ARGUMENT);
  ck_assert_msg(mentions(seqmix_last_error(), "bytes"), "%s", seqmix_last_error());
}
END_TEST

START_TEST(test_struct_sizes) {
  static const uint64_t sizes[] = {0, 8, UINT64_MAX, 65537};
  uint64_t bytes = scan_rows.of->args_bytes;
  int wrong = 0;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    make(0);
    call.args.struct_size = sizes[i];
    wrong += refused("size", SEQMIX_ERROR_INVALID_ARGUMENT, "struct_size");
  }
  make(0);
  call.args.struct_size = bytes - 8;
  wrong += refused("short size", SEQMIX_ERROR_INVALID_ARGUMENT, "struct_size");
  for (int which = 0; which < 4; which++) {
    make(0);
    pass_longer(&call, which, UINT64_C(1) << 63);
    wrong += refused("unknown member set", SEQMIX_ERROR_UNSUPPORTED, "struct_size");
  }
  pass_longer(&call, 0, 0);
  ck_assert_int_eq(scan_call_run(&call), SEQMIX_OK);
  ck_assert_int_eq(wrong, 0);
}
END_TEST

START_TEST(test_workspaces) {
  int wrong = 0;
  for (int base = 0; base < scan_rows.of->bases; base++) {
    uint64_t bytes = 0;
    make(base);
    ck_assert_int_eq(scan_rows.of->workspace_size(context, &call.args, &bytes), SEQMIX_OK);
    pass_workspace(&call, 0, 0);
    ck_assert_msg(scan_call_run(&call) == SEQMIX_OK, "%s", seqmix_last_error());
    make(base);
    pass_workspace(&call, 0, 64);
    ck_assert_msg(scan_call_run(&call) == SEQMIX_OK, "%s", seqmix_last_error());
    make(base);
    pass_workspace(&call, 32, 64);
    wrong += refused("misaligned", SEQMIX_ERROR_INVALID_ARGUMENT, "workspace 64");
    make(base);
    pass_workspace(&call, 1, 64);
    wrong += refused("odd", SEQMIX_ERROR_INVALID_ARGUMENT, "workspace 64");
    if (bytes == 0) continue;
    make(base);
    pass_workspace(&call, 0, (uint64_t)-1);
    wrong += refused("short", SEQMIX_ERROR_INVALID_ARGUMENT, "workspace_bytes");
  }
  ck_assert_int_eq(wrong, 0);
}
END_TEST

/* What cannot be computed has no workspace either. */
START_TEST(test_workspace_of_what_is_refused) {
  for (int i = 0; i < scan_rows.wrong_count; i++) {
    const scan_row *r = &scan_rows.wrong[i];
    uint64_t bytes = 77;
    make(r->base);
    r->change(&call);
    seqmix_status status = scan_rows.of->workspace_size(context, call.passed, &bytes);
    ck_assert_msg(status == r->status, "%s: %s", r->name, seqmix_status_name(status));
    ck_assert_msg(bytes == 77, "%s: bytes is written", r->name);
  }
}
END_TEST

/* ---- odd but legal calls --------------------------------------------------------------------- */

static int run_row(const scan_row *r, seqmix_context *on) {
  scan_call_make(&call, scan_rows.of, on, r->base);
  r->change(&call);
  if (scan_call_run(&call) == SEQMIX_OK) return 1;
  fprintf(stderr, "  %s: %s%s\n", r->name, on == reference ? "reference: " : "",
          seqmix_last_error());
  return 0;
}

static int run_legal(const scan_row *r) {
  if (!run_row(r, reference)) return 1;
  memcpy(expected_arena, arena, sizeof arena);
  if (!run_row(r, context)) return 1;
  int wrong = 0;
  for (int which = 0; which < scan_rows.of->tensors; which++) {
    subject s = scan_call_subject(&call, which);
    if (s.kind & SUBJECT_OUTPUT && *s.member) wrong += compare_output(r->name, &s, expected_arena);
  }
  if (memcmp(arena, expected_arena, sizeof arena) != 0)
    return fprintf(stderr, "  %s: memory outside the outputs has changed\n", r->name), 1;
  return wrong != 0;
}

START_TEST(test_odd_but_legal) {
  int wrong = 0;
  for (int i = 0; i < scan_rows.legal_count; i++)
    if (suite_wants_case(scan_rows.legal[i].name)) wrong += run_legal(&scan_rows.legal[i]);
  ck_assert_msg(wrong == 0, "%d rows went wrong", wrong);
}
END_TEST

/* Without tokens the library could think that there is nothing to do, whatever the device. */
START_TEST(test_states_pass_through) {
  if (!scan_rows.of->places[PAST_STATE].name) return;
  make(PACKED);
  set_time(&call, 0);
  give_indices(&call, CU_SEQLENS, 3, (const int32_t[]){0, 0, 0});
  ck_assert_msg(scan_call_run(&call) == SEQMIX_OK, "%s", seqmix_last_error());
  const seqmix_tensor *past = &call.t[PAST_STATE], *present = &call.t[PRESENT_STATE];
  ck_assert_int_eq(memcmp(past->data, present->data, (size_t)tensor_bytes(past)), 0);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("invalid calls");
  TCase *tcase = tcase_create(scan_rows.of->name);
  tcase_set_timeout(tcase, 120);
  tcase_add_checked_fixture(tcase, make_contexts, drop_contexts);
  suite_add(tcase, test_documented_constraints);
  suite_add(tcase, test_spoilt_tensors);
  suite_add(tcase, test_missing_tensors);
  suite_add(tcase, test_overlapping_outputs);
  suite_add(tcase, test_null_everywhere);
  suite_add(tcase, test_struct_sizes);
  suite_add(tcase, test_workspaces);
  suite_add(tcase, test_workspace_of_what_is_refused);
  suite_add(tcase, test_odd_but_legal);
  suite_add(tcase, test_states_pass_through);
  suite_add_tcase(suite, tcase);
  return suite;
}
