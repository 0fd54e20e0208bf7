/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of prefix_scan at random: any combination that the contract allows. */
#include "verify/prefix_scan_cases.h"

/* Elements of a random case, so that hundreds run in seconds. */
#define WORK_LIMIT 60000

#define PICK(state, list) \
  (list)[random_integer(state, 0, (int64_t)(sizeof(list) / sizeof((list)[0])) - 1)]

static void draw_shape(prefix_case *c, random_state *random) {
  static const int64_t lengths[] = {0, 1, 2, 3, 7, 8, 9, 31, 63, 64, 65, 300, 1000};
  static const int64_t others[] = {1, 1, 2, 3, 5, 8, 17, 33, 64};
  int64_t elements = 1;
  c->rank = (int)random_integer(random, 1, random_one_in(random, 5) ? 8 : 4);
  c->axis = (int)random_integer(random, 0, c->rank - 1);
  for (int axis = 0; axis < c->rank; axis++) {
    c->shape[axis] = axis == c->axis ? PICK(random, lengths) : PICK(random, others);
    elements *= c->shape[axis] > 0 ? c->shape[axis] : 1;
  }
  for (int axis = 0; axis < c->rank; axis++) {
    if (axis == c->axis || elements <= WORK_LIMIT) continue;
    elements /= c->shape[axis];
    c->shape[axis] = 1;
  }
  if (random_one_in(random, 40) && c->axis > 0) c->shape[0] = 0;
}

static void draw_memory(prefix_case *c, random_state *random) {
  c->segmented = random_one_in(random, 3) && c->shape[c->axis] < 301;
  c->segments = random_integer(random, 0, 6);
  c->empty_ends = random_one_in(random, 4);
  c->hints = random_one_in(random, 2);
  c->wide_indices = random_one_in(random, 2);
  c->strided_indices = random_one_in(random, 3);
  c->layout = (prefix_layout)random_integer(random, 0, PREFIX_LAYOUTS - 1);
  c->skew = (int)(random_one_in(random, 2) ? 0 : random_integer(random, 1, 9));
  c->out_f32 = random_one_in(random, 3);
}

prefix_case prefix_case_random(random_state *random, const char *name) {
  static const int32_t types[] = {SEQMIX_F32,  SEQMIX_F32, SEQMIX_F16,
                                  SEQMIX_BF16, SEQMIX_F64, SEQMIX_I32};
  prefix_case c = {.name = name, .dtype = PICK(random, types)};
  c.op = (int32_t)random_integer(random, SEQMIX_SCAN_SUM, SEQMIX_SCAN_LOGSUMEXP);
  if (c.dtype == SEQMIX_I32 && c.op == SEQMIX_SCAN_LOGSUMEXP) c.op = SEQMIX_SCAN_SUM;
  c.exclusive = random_one_in(random, 2);
  c.reverse = random_one_in(random, 3);
  if (random_one_in(random, 2)) c.values = (prefix_values)random_integer(random, 0, VALUES - 1);
  draw_shape(&c, random);
  draw_memory(&c, random);
  return c;
}
