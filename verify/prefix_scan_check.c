/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of prefix_scan by number. */
#include <stdio.h>

#include "verify/operator_cases.h"
#include "verify/prefix_scan_data.h"

static void check(test_report *report, const prefix_case *spec, uint64_t seed,
                  check_record *record) {
  prefix_data data = prefix_draw(spec, seed);
  operator_call call = prefix_call(&data), judge = call;
  test_bound bounds[TEST_MAX_TENSORS] = {{0, 0, 0, 0}};
  const seqmix_tensor *view = &data.tensors[PREFIX_OUT]->view;
  test_tensor *own = tensor_new("out", prefix_judge_type(&data), view->ndim, view->shape, NULL, 0);
  tensor_poison(own);
  judge.tensors[PREFIX_OUT] = own;
  bounds[PREFIX_OUT] = prefix_bound(&data);
  check_everywhere(report, SEQMIX_OP_PREFIX_SCAN, &call, &judge, bounds, record);
  tensor_free(own);
  prefix_release(&data);
}

static int named_count(void) { return prefix_scan_table.count; }

static void name_case(int index, char name[CASE_NAME]) {
  int random = index - named_count();
  if (random < 0) {
    snprintf(name, CASE_NAME, "%s", prefix_scan_table.cases[index].name);
  } else {
    snprintf(name, CASE_NAME, "random_%d", random);
  }
}

static void check_case(test_report *report, int index, uint64_t seed, check_record *record) {
  char name[CASE_NAME];
  name_case(index, name);
  seed = random_seed_for(seed, name);
  random_state random = random_start(seed + 1);
  prefix_case spec =
      index < named_count() ? prefix_scan_table.cases[index] : prefix_case_random(&random, name);
  check(report, &spec, seed, record);
}

const operator_cases prefix_scan_cases = {named_count, 15, 150, name_case, check_case};
