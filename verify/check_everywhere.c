/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/check_everywhere.h"

#include <math.h>
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
int check_is_variant_of(seqmix_operator op, const char *variant) {
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

/* A call's place in a tally: what is reported between its start and its end is its doing. */
typedef struct counted {
  check_tally *tally;
  int faults;   /* before it */
  double share; /* before it */
} counted;

static counted count_start(const trial *t, check_tally *tally) {
  counted call = {tally, t->report->faults, t->report->share};
  t->report->share = 0;
  return call;
}

/* A call without elements to write succeeds before any variant is asked. */
static int writes_something(const operator_call *call) {
  for (int t = 0; t < call->tensor_count; t++) {
    if ((call->outputs >> t & 1) && call->tensors[t] && tensor_elements(call->tensors[t])) return 1;
  }
  return 0;
}

/* A call's type is that of its first tensor. */
static check_type type_of(const operator_call *call) {
  int32_t dtype = call->tensors[0]->view.dtype;
  return dtype == SEQMIX_F16 ? CHECK_F16 : dtype == SEQMIX_BF16 ? CHECK_BF16 : CHECK_F32;
}

static void count_end(const trial *t, const counted *call, seqmix_status status) {
  check_tally *tally = call->tally;
  check_type type = type_of(t->call);
  int accepted = status == SEQMIX_OK && writes_something(t->call);
  tally->accepted += accepted;
  tally->types[type].accepted += accepted;
  tally->refused += status == SEQMIX_ERROR_UNSUPPORTED;
  tally->missed += t->report->faults > call->faults;
  tally->types[type].share = fmax(tally->types[type].share, t->report->share);
  t->report->share = fmax(t->report->share, call->share);
}

/* Every other way of spreading the work against the bits of the first. */
static void check_other_ways(const trial *t, const call_result *first) {
  int ways = devices_ways();
  for (int way = 1; way <= ways; way++) {
    int exact = way == ways; /* one more: a workspace of the caller's */
    device_way on = exact ? DEVICE_TWO_THREADS : (device_way)way;
    const char *label = exact ? "caller's workspace" : device_label(on);
    call_result other = harness_run(t->report, device_under_test(on), t->call,
                                    exact ? WORKSPACE_EXACT : WORKSPACE_ARENA, label);
    if (succeeded(t, &other, label)) {
      harness_compare_bits(t->report, t->call, &other, first, label);
    }
    harness_free(t->call, &other);
  }
}

static void check_own_choice(const trial *t, check_record *record) {
  const char *label = device_label(DEVICE_ONE_THREAD);
  counted counted_call = count_start(t, &record->own);
  call_result first =
      harness_run(t->report, device_under_test(DEVICE_ONE_THREAD), t->call, WORKSPACE_ARENA, label);
  int refused = first.status == SEQMIX_ERROR_UNSUPPORTED && record->may_refuse;
  if (!refused && succeeded(t, &first, label)) {
    compare_with_judge(t, &first, label);
    check_other_ways(t, &first);
  }
  count_end(t, &counted_call, first.status);
  harness_free(t->call, &first);
}

static seqmix_status run_variant(const trial *t, seqmix_context *context, const char *variant) {
  call_result result = harness_run(t->report, context, t->call, WORKSPACE_ARENA, variant);
  if (result.status != SEQMIX_ERROR_UNSUPPORTED && succeeded(t, &result, variant)) {
    compare_with_judge(t, &result, variant);
  }
  harness_free(t->call, &result);
  return result.status;
}

static void check_variant(const trial *t, const char *variant, check_tally *tally) {
  device_way most =
      devices_ways() > DEVICE_THREE_THREADS ? DEVICE_THREE_THREADS : DEVICE_TWO_THREADS;
  seqmix_context *context = device_under_test(most);
  counted counted_call = count_start(t, tally);
  seqmix_status status = seqmix_context_set_variant(context, variant);
  if (status == SEQMIX_OK) {
    status = run_variant(t, context, variant);
  } else {
    report_add(t->report, "set_variant(%s): %s", variant, seqmix_last_error());
  }
  if (seqmix_context_set_variant(context, NULL) != SEQMIX_OK) {
    report_add(t->report, "set_variant(NULL): %s", seqmix_last_error());
  }
  count_end(t, &counted_call, status);
}

void check_everywhere(test_report *report, seqmix_operator op, const operator_call *call,
                      const operator_call *judge, const test_bound bounds[TEST_MAX_TENSORS],
                      check_record *record) {
  call_result expected =
      harness_run(report, device_reference(), judge, WORKSPACE_ARENA, "reference");
  trial t = {report, call, judge, &expected, bounds};
  if (succeeded(&t, &expected, "reference")) {
    check_own_choice(&t, record);
    const char *name;
    for (int i = 0; (name = seqmix_context_variant_name(device_under_test(0), i)) != NULL; i++) {
      if (i < CHECK_VARIANTS && check_is_variant_of(op, name)) {
        check_variant(&t, name, &record->variants[i]);
      }
    }
  }
  if (device_parallel_faults()) {
    report_add(report, "%s: more bodies in a parallel-for than workers", call->name);
  }
  harness_free(judge, &expected);
}

void check_variants_used(test_report *report, seqmix_operator op, const check_record *record) {
  const char *name;
  for (int i = 0; (name = seqmix_context_variant_name(device_under_test(0), i)) != NULL; i++) {
    if (i >= CHECK_VARIANTS) {
      report_add(report, "more variants than CHECK_VARIANTS");
      return;
    }
    if (check_is_variant_of(op, name) && record->variants[i].accepted == 0) {
      report_add(report, "variant %s accepted no case", name);
    }
  }
}
