/* SPDX-License-Identifier: Apache-2.0 */
#include "every_variant.h"

#include "support/accepted.h"
#include "verify/check_everywhere.h"

static void run(test_report *report, const operator_call *call, const char *variant,
                call_result *result) {
  seqmix_context *context = device_under_test(DEVICE_TWO_THREADS);
  ck_assert_int_eq(seqmix_context_set_variant(context, variant), SEQMIX_OK);
  *result = harness_run(report, context, call, WORKSPACE_ARENA, "property");
  ck_assert_int_eq(seqmix_context_set_variant(context, NULL), SEQMIX_OK);
}

int run_by_variant(test_report *report, const operator_call *call, const char *variant,
                   call_result *result) {
  run(report, call, variant, result);
  int taken = result->status != SEQMIX_ERROR_UNSUPPORTED;
  if (!taken && variant) {
    harness_free(call, result);
    run(report, call, NULL, result);
  }
  assert_accepted(result->status, call->name);
  return taken;
}

void check_every_variant(seqmix_operator op, variant_check check, const void *what) {
  test_report report = {0};
  const char *name;
  check(&report, what, NULL);
  for (int i = 0; (name = seqmix_context_variant_name(device_under_test(0), i)) != NULL; i++) {
    if (check_is_variant_of(op, name)) check(&report, what, name);
  }
  report_assert(&report);
}

void compare_computed(test_report *report, const operator_call *call, int t,
                      const call_result *result, const test_tensor *expected, test_bound bound,
                      const char *variant) {
  bound.norm *= 2;
  bound.largest *= 2;
  harness_compare(report, call, t, result, expected, expected->storage->bytes, bound,
                  variant ? variant : "own choice");
}
