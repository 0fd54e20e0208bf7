/* SPDX-License-Identifier: Apache-2.0 */
/* A sample of channels, computed by the device `reference` through all of their tokens. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/scan.h"
#include "verify/numbers.h"

/* States times tokens the judge goes through, as far as one channel is no more: the reference is
 * slow, and what is compared needs memory. */
#define MOST_WORK 4e6
#define MOST_CHANNELS 16
#define MOST_LANES 32

/* How many channels of how many sequences. */
typedef struct lane_choice {
  int64_t channels, sequences;
} lane_choice;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Numbers of the output that a channel of a sequence makes. */
static int64_t numbers_per_lane(const scan_shape *s) { return s->t * (s->is_complex ? 2 : 1); }

/* Channels and sequences from the first to the last; fewer if that is too much work, more if it is
 * too few numbers. */
static lane_choice choose(const scan_shape *s) {
  lane_choice choice = {least(s->c, MOST_CHANNELS), 0};
  choice.sequences = least(s->b, MOST_LANES / choice.channels);
  double work = (double)s->t * (double)(s->s ? s->s : 1);
  while (work * (double)(choice.channels * choice.sequences) > MOST_WORK &&
         choice.channels * choice.sequences > 1) {
    if (choice.channels > 1)
      choice.channels--;
    else
      choice.sequences--;
  }
  int64_t numbers = numbers_per_lane(s), wanted = (ROWS_LEAST + numbers - 1) / numbers;
  while (choice.channels * choice.sequences < wanted && choice.channels < s->c) choice.channels++;
  while (choice.channels * choice.sequences < wanted && choice.sequences < s->b) choice.sequences++;
  return choice;
}

/* Appends all numbers of a lane: their places in the whole tensor, which begins `offset` before it,
 * and what the judge made of them, which lies in the order of the axes. */
static void append(bench_rows *rows, const scan_layout *lane, int64_t offset, int32_t dtype,
                   const void *made) {
  int64_t count = scan_elements(lane), size = (int64_t)seqmix_dtype_size(dtype);
  for (int64_t n = 0; n < count; n++) {
    int64_t place = offset, rest = n;
    for (int axis = lane->rank - 1; axis >= 0; axis--) {
      place += rest % lane->extent[axis] * lane->stride[axis];
      rest /= lane->extent[axis];
    }
    rows->row[rows->count] = place;
    rows->expected[rows->count++] =
        (float)number_load(dtype, (const unsigned char *)made + n * size);
  }
}

/* A written part of one lane: where it belongs, and memory of its own. */
typedef struct lane_result {
  scan_layout lane;
  int64_t offset;
  int32_t dtype;
  void *data;
  seqmix_tensor tensor;
} lane_result;

static lane_result result_of(const scan_instance *in, scan_part part, int64_t b, int64_t c,
                             int32_t dtype) {
  scan_layout whole = in->kind->layout(&in->shape, in->dtype, part);
  lane_result result = {.dtype = dtype};
  result.lane = scan_lane(&whole, &in->shape, b, c, &result.offset);
  scan_layout own = scan_dense(dtype, result.lane.rank, result.lane.extent);
  result.data = malloc((size_t)scan_bytes(&own) + 1);
  result.tensor = scan_tensor(&own, result.data);
  return result;
}

/* Inputs of one lane, and the judge's call on them. */
static seqmix_status judge(const scan_instance *in, int64_t b, int64_t c, const seqmix_tensor *out,
                           const seqmix_tensor *present) {
  seqmix_tensor inputs[SCAN_PARTS];
  scan_tensors call = {0};
  for (int part = 0; part < SCAN_PARTS; part++) {
    const bench_image *image = &in->images[part];
    if (!image->data) continue;
    scan_layout whole = in->kind->layout(&in->shape, in->dtype, part);
    int64_t offset;
    scan_layout lane = scan_lane(&whole, &in->shape, b, c, &offset);
    unsigned char *data = image->data;
    inputs[part] = scan_tensor(&lane, data + offset * (int64_t)seqmix_dtype_size(lane.dtype));
    call.part[part] = &inputs[part];
  }
  call.past = call.part[SCAN_STATE];
  call.part[SCAN_OUT] = out;
  call.part[SCAN_STATE] = present;
  return in->kind->call(in->world->reference, &in->shape, &call, NULL);
}

static int expect_lane(scan_instance *in, int64_t b, int64_t c, char *error) {
  int has_state = in->shape.states != SCAN_STATES_NONE;
  scan_layout states = in->kind->layout(&in->shape, in->dtype, SCAN_STATE);
  lane_result out = result_of(in, SCAN_OUT, b, c, SEQMIX_F32);
  lane_result present = result_of(in, SCAN_STATE, b, c, has_state ? states.dtype : SEQMIX_F32);
  int done = 0;
  if (!out.data || !present.data)
    snprintf(error, BENCH_TEXT, "not enough memory to verify");
  else if (judge(in, b, c, &out.tensor, has_state ? &present.tensor : NULL))
    snprintf(error, BENCH_TEXT, "reference: %s", seqmix_last_error());
  else
    done = 1;
  if (done) append(&in->rows, &out.lane, out.offset, out.dtype, out.data);
  if (done && has_state)
    append(&in->state_rows, &present.lane, present.offset, present.dtype, present.data);
  free(out.data);
  free(present.data);
  return done;
}

int scan_expect(scan_instance *in, char *error) {
  const scan_shape *s = &in->shape;
  if (in->rows.count) return 1;
  lane_choice choice = choose(s);
  int64_t lanes = choice.channels * choice.sequences, ignored;
  scan_layout states = in->kind->layout(s, in->dtype, SCAN_STATE);
  scan_layout state = scan_lane(&states, s, 0, 0, &ignored);
  if (!rows_allocate(&in->rows, lanes * numbers_per_lane(s), 1, error) ||
      !rows_allocate(&in->state_rows, lanes * scan_elements(&state) + 1, 1, error))
    return 0;
  for (int64_t b = 0; b < choice.sequences; b++)
    for (int64_t c = 0; c < choice.channels; c++)
      if (!expect_lane(in, rows_spread(b, choice.sequences, s->b),
                       rows_spread(c, choice.channels, s->c), error))
        return 0;
  return 1;
}

bench_check scan_compare(const scan_instance *in, const void *out, int32_t dtype,
                         const void *states, int32_t state_dtype) {
  bench_check check = rows_compare(&in->rows, in->kind->op, in->dtype, out, dtype);
  if (!in->state_rows.count) return check;
  /* The judge has rounded what it expects of states. */
  scan_layout rounded = in->kind->layout(&in->shape, in->dtype, SCAN_STATE);
  int32_t type = rows_coarser(in->dtype, rounded.dtype);
  return rows_worse(check, rows_compare(&in->state_rows, in->kind->op, type, states, state_dtype));
}
