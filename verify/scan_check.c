/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/scan_check.h"

#include <stdio.h>

/* ---- calls ----------------------------------------------------------------------------------- */

operator_call scan_call(const scan_data *data) {
  operator_call call = {
      .name = data->spec.name,
      .tensor_count = SCAN_SLOTS,
      .outputs = 1u << SCAN_OUT | 1u << SCAN_PRESENT,
      .options = data,
      .run = data->of->run,
      .workspace_size = data->of->workspace_size,
  };
  _Static_assert(SCAN_SLOTS <= TEST_MAX_TENSORS, "too many tensors");
  for (int slot = 0; slot < SCAN_SLOTS; slot++) call.tensors[slot] = data->tensors[slot];
  call.rows[SCAN_PRESENT] = data->sequences.kept;
  return call;
}

operator_call scan_judge_call(const scan_data *data, test_tensor *own[SCAN_SLOTS]) {
  operator_call call = scan_call(data);
  for (int slot = 0; slot < SCAN_SLOTS; slot++) {
    own[slot] = NULL;
    if (!(call.outputs >> slot & 1) || !call.tensors[slot]) continue;
    const seqmix_tensor *view = &call.tensors[slot]->view;
    int copied = slot == SCAN_PRESENT && data->of->copies_tokens;
    own[slot] = tensor_new(call.tensors[slot]->name, copied ? view->dtype : SEQMIX_F32, view->ndim,
                           view->shape, NULL, 0);
    tensor_poison(own[slot]);
    call.tensors[slot] = own[slot];
  }
  return call;
}

/* The output's type decides: arithmetic is f32 whatever the inputs are. */
test_bound scan_bound(const scan_data *data, scan_slot slot) {
  const test_tensor *tensor = data->tensors[slot];
  int32_t type = tensor->view.dtype;
  if (slot == SCAN_PRESENT && data->of->copies_tokens) return (test_bound){0, 0, 0, 0};
  return tolerance_bound(data->of->op, type, type, tensor_elements(tensor),
                         data->of->size(&data->spec), 8);
}

void scan_check(test_report *report, const scan_operator *of, const scan_case *spec, uint64_t seed,
                check_record *record) {
  scan_data data = scan_draw(of, spec, seed);
  test_tensor *own[SCAN_SLOTS];
  operator_call call = scan_call(&data);
  operator_call judge = scan_judge_call(&data, own);
  test_bound bounds[TEST_MAX_TENSORS] = {{0, 0, 0, 0}};
  for (int slot = SCAN_OUT; slot <= SCAN_PRESENT; slot++) {
    if (data.tensors[slot]) bounds[slot] = scan_bound(&data, (scan_slot)slot);
  }
  check_everywhere(report, of->op, &call, &judge, bounds, record);
  for (int slot = 0; slot < SCAN_SLOTS; slot++) tensor_free(own[slot]);
  scan_release(&data);
}

/* ---- all cases by number --------------------------------------------------------------------- */

int scan_named_count(const scan_operator *of) { return of->cases->count + scan_memory_cases.count; }

static const scan_case *named_case(const scan_operator *of, int index) {
  int own = of->cases->count;
  return index < own ? &of->cases->cases[index] : &scan_memory_cases.cases[index - own];
}

void scan_name_case(const scan_operator *of, int index, char name[CASE_NAME]) {
  int random = index - scan_named_count(of);
  if (random < 0) {
    snprintf(name, CASE_NAME, "%s", named_case(of, index)->name);
  } else {
    snprintf(name, CASE_NAME, "random_%d", random);
  }
}

void scan_check_case(test_report *report, const scan_operator *of, int index, uint64_t seed,
                     check_record *record) {
  char name[CASE_NAME];
  scan_name_case(of, index, name);
  seed = random_seed_for(seed, name);
  if (index < scan_named_count(of)) {
    scan_check(report, of, named_case(of, index), seed, record);
    return;
  }
  random_state random = random_start(seed + 1);
  scan_case spec = scan_case_random(&random, name);
  of->vary(&spec, &random);
  scan_check(report, of, &spec, seed, record);
}
