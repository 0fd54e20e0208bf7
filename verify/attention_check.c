/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/attention_check.h"

#include "verify/check_everywhere.h"

void attention_check(test_report *report, const attention_case *spec, uint64_t seed,
                     int *accepted) {
  attention_data data = attention_draw(spec, seed);
  test_tensor *own[ATTENTION_SLOTS];
  operator_call call = attention_call(&data), judge = attention_judge_call(&data, own);
  test_bound bounds[TEST_MAX_TENSORS] = {{0, 0, 0, 0}};
  for (int slot = SLOT_OUT; slot <= SLOT_SCORES; slot++) {
    if (data.tensors[slot]) bounds[slot] = attention_bound(&data, (attention_slot)slot);
  }
  check_everywhere(report, SEQMIX_OP_ATTENTION, &call, &judge, bounds, accepted);
  for (int slot = 0; slot < ATTENTION_SLOTS; slot++) tensor_free(own[slot]);
  attention_release(&data);
}
