/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/attention_check.h"

#include <stdio.h>

#include "verify/operator_cases.h"

void attention_check(test_report *report, const attention_case *spec, uint64_t seed,
                     check_record *record) {
  attention_data data = attention_draw(spec, seed);
  test_tensor *own[ATTENTION_SLOTS];
  operator_call call = attention_call(&data), judge = attention_judge_call(&data, own);
  test_bound bounds[TEST_MAX_TENSORS] = {{0, 0, 0, 0}};
  for (int slot = SLOT_OUT; slot <= SLOT_SCORES; slot++) {
    if (data.tensors[slot]) bounds[slot] = attention_bound(&data, (attention_slot)slot);
  }
  check_everywhere(report, SEQMIX_OP_ATTENTION, &call, &judge, bounds, record);
  for (int slot = 0; slot < ATTENTION_SLOTS; slot++) tensor_free(own[slot]);
  attention_release(&data);
}

/* ---- all cases by number --------------------------------------------------------------------
 */

static int named_count(void) { return attention_shape_case_count + attention_option_case_count; }

static const attention_case *named_case(int index) {
  return index < attention_shape_case_count
             ? &attention_shape_cases[index]
             : &attention_option_cases[index - attention_shape_case_count];
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
  attention_case spec =
      index < named_count() ? *named_case(index) : attention_case_random(&random, name);
  attention_check(report, &spec, seed, record);
}

const operator_cases attention_cases = {named_count, 150, 4000, name_case, check_case};
