/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/linear_attention_check.h"

#include <stdio.h>

#include "verify/linear_attention_call.h"
#include "verify/operator_cases.h"

void linear_attention_check(test_report *report, const linear_attention_case *spec, uint64_t seed,
                            check_record *record) {
  linear_attention_data data = linear_attention_draw(spec, seed);
  test_tensor *own[LINEAR_SLOTS];
  operator_call call = linear_attention_call(&data);
  operator_call judge = linear_attention_judge_call(&data, own);
  test_bound bounds[TEST_MAX_TENSORS] = {{0, 0, 0, 0}};
  for (int slot = LINEAR_OUT; slot < LINEAR_SLOTS; slot++) {
    if (data.tensors[slot]) bounds[slot] = linear_attention_bound(&data, (linear_slot)slot);
  }
  check_everywhere(report, SEQMIX_OP_LINEAR_ATTENTION, &call, &judge, bounds, record);
  for (int slot = 0; slot < LINEAR_SLOTS; slot++) tensor_free(own[slot]);
  linear_attention_release(&data);
}

/* ---- all cases by number --------------------------------------------------------------------
 */

static const linear_attention_table *const tables[] = {
    &linear_attention_rule_cases,
    &linear_attention_option_cases,
    &linear_attention_state_cases,
};
enum { TABLES = sizeof tables / sizeof tables[0] };

static int named_count(void) {
  int count = 0;
  for (int i = 0; i < TABLES; i++) count += tables[i]->count;
  return count;
}

static const linear_attention_case *named_case(int index) {
  for (int i = 0; i < TABLES - 1; index -= tables[i++]->count) {
    if (index < tables[i]->count) return &tables[i]->cases[index];
  }
  return &tables[TABLES - 1]->cases[index];
}

static void name_case(int index, char name[CASE_NAME]) {
  int random = index - named_count();
  if (random < 0) {
    snprintf(name, CASE_NAME, "%s", named_case(index)->name);
  } else {
    snprintf(name, CASE_NAME, "random_%d", random);
  }
}

static void check_case(test_report *report, int index, uint64_t seed, check_record *record) {
  char name[CASE_NAME];
  name_case(index, name);
  seed = random_seed_for(seed, name);
  random_state random = random_start(seed + 1);
  linear_attention_case spec =
      index < named_count() ? *named_case(index) : linear_attention_case_random(&random, name);
  linear_attention_check(report, &spec, seed, record);
}

const operator_cases linear_attention_cases = {named_count, 20, 200, name_case, check_case};
