/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/check_everywhere.h"

#include <stdio.h>
#include <string.h>

/* A call, what the judge made of it, and where faults go. */
typedef struct trial {
  test_report *report;
  const operator_call *call, *judge;
  const call_result *expected;
  const test_bound *bounds;
} trial;

static const char *operator_name(seqmix_operator op) {
  static const char *const names[SEQMIX_OPERATOR_COUNT] = {
#define SEQMIX_OPERATOR(name, NAME, tolerance, description) #name,
#include <seqmix/operators.def>
#undef SEQMIX_OPERATOR
  };
  return names[op];
}

/* "attention__f32_avx2_blocked" is of attention, not of attention_merge, and the reverse. */
static int is_variant_of(seqmix_operator op, const char *variant) {
  size_t length = strlen(operator_name(op));
  return strncmp(variant, operator_name(op), length) == 0 &&
         strncmp(variant + length, "__", 2) == 0;
}

/* Nonzero if the status is OK; anything else is a fault. */
static int succeeded(const trial *t, const call_result *result, const char *label) {
  if (result->status == SEQMIX_OK) return 1;
  report_add(t->report, "%s [%s]: %s: %s", t->call->name, label, seqmix_status_name(result->status),
             seqmix_last_error());
  return 0;
}

static void compare_with_judge(const trial *t, const call_result *result, const char *label) {
  for (int i = 0; i < t->call->tensor_count; i++) {
    if (!result->images[i] || !t->expected->images[i]) continue;
    harness_compare(t->report, t->call, i, result, t->judge->tensors[i], t->expected->images[i],
                    t->bounds[i], label);
  }
}

/* The device's own choice, then every other way against its bits. */
static void check_ways(const trial *t) {
  const char *label = device_label(DEVICE_ONE_THREAD);
  call_result first =
      harness_run(t->report, device_under_test(DEVICE_ONE_THREAD), t->call, WORKSPACE_ARENA, label);
  if (succeeded(t, &first, label)) {
    compare_with_judge(t, &first, label);
    for (int way = 1; way <= DEVICE_WAYS; way++) {
      int exact = way == DEVICE_WAYS; /* one more: a workspace of the caller's */
      device_way on = exact ? DEVICE_TWO_THREADS : (device_way)way;
      label = exact ? "caller's workspace" : device_label(on);
      call_result other = harness_run(t->report, device_under_test(on), t->call,
                                      exact ? WORKSPACE_EXACT : WORKSPACE_ARENA, label);
      if (succeeded(t, &other, label)) {
        harness_compare_bits(t->report, t->call, &other, &first, label);
      }
      harness_free(t->call, &other);
    }
  }
  harness_free(t->call, &first);
}

static void check_variant(const trial *t, const char *variant, int *accepted) {
  seqmix_context *context = device_under_test(DEVICE_THREE_THREADS);
  if (seqmix_context_set_variant(context, variant) != SEQMIX_OK) {
    report_add(t->report, "set_variant(%s): %s", variant, seqmix_last_error());
    return;
  }
  call_result result = harness_run(t->report, context, t->call, WORKSPACE_ARENA, variant);
  if (result.status != SEQMIX_ERROR_UNSUPPORTED && succeeded(t, &result, variant)) {
    ++*accepted;
    compare_with_judge(t, &result, variant);
  }
  harness_free(t->call, &result);
  if (seqmix_context_set_variant(context, NULL) != SEQMIX_OK) {
    report_add(t->report, "set_variant(NULL): %s", seqmix_last_error());
  }
}

void check_everywhere(test_report *report, seqmix_operator op, const operator_call *call,
                      const operator_call *judge, const test_bound bounds[TEST_MAX_TENSORS],
                      int *accepted) {
  call_result expected =
      harness_run(report, device_reference(), judge, WORKSPACE_ARENA, "reference");
  trial t = {report, call, judge, &expected, bounds};
  if (succeeded(&t, &expected, "reference")) {
    check_ways(&t);
    const char *name;
    for (int i = 0; (name = seqmix_context_variant_name(device_under_test(0), i)) != NULL; i++) {
      if (i < CHECK_VARIANTS && is_variant_of(op, name)) {
        check_variant(&t, name, &accepted[i]);
      }
    }
  }
  if (device_parallel_faults()) {
    report_add(report, "%s: more bodies in a parallel-for than workers", call->name);
  }
  harness_free(judge, &expected);
}

void check_variants_used(test_report *report, seqmix_operator op, const int *accepted) {
  const char *name;
  for (int i = 0; (name = seqmix_context_variant_name(device_under_test(0), i)) != NULL; i++) {
    if (i >= CHECK_VARIANTS) {
      report_add(report, "more variants than CHECK_VARIANTS");
      return;
    }
    if (is_variant_of(op, name) && accepted[i] == 0) {
      report_add(report, "variant %s accepted no case", name);
    }
  }
}
