/* SPDX-License-Identifier: Apache-2.0 */
#include "scan_call.h"

#include <string.h>

#include "../support/suite.h"

static const seqmix_tensor **member_of(scan_call *call, int which) {
  return (const seqmix_tensor **)((char *)&call->args + call->of->places[which].member);
}

/* Whether a tensor is given and begins with batch and time; a constant factor does not. */
static int has_time(scan_call *call, int which) {
  const scan_place *place = &call->of->places[which];
  return place->is_per_time && *member_of(call, which) && call->t[which].ndim >= 3;
}

void scan_call_make(scan_call *call, const scan_operator *of, seqmix_context *context, int base) {
  memset(call, 0, sizeof *call);
  arena_clear();
  call->of = of;
  call->context = context;
  memcpy(&call->args, of->initial, of->args_bytes);
  call->passed = &call->args;
  of->make(call, base);
}

seqmix_status scan_call_run(void *call) {
  scan_call *c = call;
  return c->of->run(c->context, c->passed);
}

subject scan_call_subject(scan_call *call, int which) {
  static const seqmix_tensor *nowhere;
  const scan_place *place = &call->of->places[which];
  subject s = {place->name, &call->t[which], place->name ? member_of(call, which) : &nowhere,
               place->kind};
  if (call->is_complex && place->is_number) s.kind |= SUBJECT_LAST_DENSE;
  return s;
}

/* ---- tensors --------------------------------------------------------------------------------- */

void give(scan_call *call, int which, int64_t n0, int64_t n1, int64_t n2, int64_t n3) {
  int64_t shape[5] = {n0, n1, n2, n3};
  const scan_place *place = &call->of->places[which];
  int32_t rank = 4;
  while (rank > 1 && shape[rank - 1] == 0) rank--;
  if (call->is_complex && place->is_number) shape[rank++] = 2;
  call->t[which] = seqmix_tensor_nd(arena_cell(which), SEQMIX_F32, rank, shape, NULL);
  *member_of(call, which) = &call->t[which];
  if (!(place->kind & SUBJECT_OUTPUT)) fill_numbers(&call->t[which], place->name);
}

void give_indices(scan_call *call, int which, int count, const int32_t *values) {
  memcpy(arena_cell(which), values, (size_t)count * sizeof *values);
  call->t[which] = seqmix_tensor_1d(arena_cell(which), SEQMIX_I32, count);
  *member_of(call, which) = &call->t[which];
}

void name_rows(scan_call *call, int which, int32_t first, int32_t second) {
  give_indices(call, which, 2, (const int32_t[]){first, second});
}

void drop(scan_call *call, int which) { *member_of(call, which) = NULL; }

/* ---- changes that take more than a line ------------------------------------------------------ */

void update_in_place(scan_call *call) { call->t[PRESENT_STATE] = call->t[PAST_STATE]; }

void set_batch(scan_call *call, int64_t batch) {
  for (int which = 0; which < call->of->tensors; which++)
    if (has_time(call, which)) call->t[which].shape[0] = batch;
}

void set_time(scan_call *call, int64_t time) {
  for (int which = 0; which < call->of->tensors; which++)
    if (has_time(call, which)) call->t[which].shape[1] = time;
}

void make_many(scan_call *call) {
  enum { MANY = 100 };
  int32_t read[MANY], written[MANY];
  for (int i = 0; i < MANY; i++) read[i] = 0, written[i] = -1;
  set_time(call, 0);
  set_batch(call, MANY);
  give_indices(call, STATE_INDICES, MANY, read);
  give_indices(call, STATE_OUT_INDICES, MANY, written);
}

void pass_longer(scan_call *call, int which, uint64_t value) {
  uint64_t bytes = call->of->args_bytes;
  memset(&call->longer, 0, sizeof call->longer);
  memcpy(&call->longer, &call->args, bytes);
  call->longer.struct_size = bytes + 4 * sizeof value;
  memcpy((char *)&call->longer + bytes + (size_t)which * sizeof value, &value, sizeof value);
  call->passed = &call->longer;
}

void pass_workspace(scan_call *call, int misalignment, uint64_t more) {
  static _Alignas(64) char memory[1 << 22];
  uint64_t bytes = 0;
  seqmix_status status = call->of->workspace_size(call->context, &call->args, &bytes);
  ck_assert_msg(status == SEQMIX_OK && bytes + 128 < sizeof memory, "no workspace: %llu bytes",
                (unsigned long long)bytes);
  void *start = memory + misalignment;
  bytes += more;
  memcpy((char *)&call->args + call->of->workspace, &start, sizeof start);
  memcpy((char *)&call->args + call->of->workspace + sizeof start, &bytes, sizeof bytes);
}
