/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "verify/merge_cases.h"
#include "verify/operator_cases.h"

static void check_merge(test_report *report, const merge_case *spec, uint64_t seed,
                        check_record *record) {
  test_tensor *tensors[MERGE_SLOTS], *judged[MERGE_SLOTS];
  test_bound bounds[TEST_MAX_TENSORS] = {{0, 0, 0, 0}};
  merge_draw(spec, seed, tensors);
  for (int slot = 0; slot < MERGE_SLOTS; slot++) {
    judged[slot] = tensors[slot];
    if (slot < MERGE_OUT || !tensors[slot]) continue;
    const seqmix_tensor *view = &tensors[slot]->view;
    judged[slot] = tensor_new(tensors[slot]->name, SEQMIX_F32, view->ndim, view->shape, NULL, 0);
    tensor_poison(judged[slot]);
  }
  double limit = spec->lses == LSES_SPREAD ? 1000 : spec->sinks == SINKS_LARGE ? 404 : 8;
  bounds[MERGE_OUT] =
      tolerance_bound(SEQMIX_OP_ATTENTION_MERGE, spec->dtype, tensors[MERGE_OUT]->view.dtype,
                      tensor_elements(tensors[MERGE_OUT]), 1, limit);
  bounds[MERGE_LSE] = tolerance_log_bound(SEQMIX_OP_ATTENTION_MERGE, limit);
  operator_call call = merge_call(spec->name, tensors), judge = merge_call(spec->name, judged);
  check_everywhere(report, SEQMIX_OP_ATTENTION_MERGE, &call, &judge, bounds, record);
  for (int slot = 0; slot < MERGE_SLOTS; slot++) {
    if (judged[slot] != tensors[slot]) tensor_free(judged[slot]);
    tensor_free(tensors[slot]);
  }
}

static int named_count(void) { return merge_named_case_count; }

static void name_case(int index, char name[CASE_NAME]) {
  snprintf(name, CASE_NAME, "%s", merge_named_cases[index].name);
}

static void check_case(test_report *report, int index, uint64_t seed, check_record *record) {
  const merge_case *spec = &merge_named_cases[index];
  check_merge(report, spec, random_seed_for(seed, spec->name), record);
}

const operator_cases attention_merge_cases = {named_count, 0, 0, name_case, check_case};
