/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of seqmix_attention_merge() as small values, and their tensors. */
#ifndef SEQMIX_VERIFY_MERGE_CASES_H
#define SEQMIX_VERIFY_MERGE_CASES_H

#include "verify/attention_cases.h"
#include "verify/merge_call.h"

/* What some of the partial lse are. */
typedef enum case_lses {
  LSES_NORMAL,
  LSES_SOME_DEAD, /* -inf in a third of the parts, and garbage in their outs */
  LSES_ALL_DEAD,  /* the same in all */
  LSES_SPREAD,    /* some a thousand apart */
  LSES_ONE_NAN,
  LSES_ONE_INF
} case_lses;

typedef struct merge_case {
  const char *name;
  int32_t dtype;
  int64_t parts, batch, time, heads, dv;
  case_lses lses;
  case_layout layout;
  case_sinks sinks;
  int skew, out_f32, no_lse, sinks_own_type;
} merge_case;

extern const merge_case merge_named_cases[];
extern const int merge_named_case_count;

/* Draws all tensors; the same case and seed give the same. Outputs are poisoned. */
void merge_draw(const merge_case *spec, uint64_t seed, test_tensor *tensors[MERGE_SLOTS]);

#endif
