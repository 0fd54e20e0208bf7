/* SPDX-License-Identifier: Apache-2.0 */
/* Scans as their definitions have them, a token at a time, in f32: what a program does without the
 * library. Inputs have been converted beforehand and lie as the library's do. A task is a sequence,
 * some of its channels where there are more threads than sequences, or one channel where time is
 * inside. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/level.h"
#include "bench/scan.h"

typedef struct baseline {
  scan_instance *in;
  const bench_level *level;
  float *parts[SCAN_PARTS]; /* as the layouts have them; NULL: none */
  scan_layout layouts[SCAN_PARTS];
  char *scratch;           /* of a task, per worker */
  int64_t columns, blocks; /* of a task; tasks of one sequence */
} baseline;

/* Channels of a task below which it is not worth a thread. */
#define LEAST_COLUMNS 64

/* ---- opening and closing ------------------------------------------------------------------- */

/* Loops keep states even if the call does not. */
static scan_layout layout_of(const scan_instance *in, scan_part part) {
  scan_shape shape = in->shape;
  if (part == SCAN_STATE && shape.states == SCAN_STATES_NONE) shape.states = SCAN_STATES_PRESENT;
  return in->kind->layout(&shape, in->dtype, part);
}

static int convert_part(baseline *base, scan_part part) {
  scan_layout *layout = &base->layouts[part];
  *layout = layout_of(base->in, part);
  if (!layout->rank) return 1;
  int64_t count = scan_elements(layout);
  float *to = base->parts[part] = calloc((size_t)count + 1, sizeof *to);
  const bench_image *image = &base->in->images[part];
  if (to && image->data) image_to_f32(to, layout->dtype, image->data, (uint64_t)count);
  return to != NULL;
}

static void cut(baseline *base) {
  const scan_shape *s = &base->in->shape;
  int64_t workers = team_size(base->in->world->team), blocks = s->c / LEAST_COLUMNS;
  if (s->is_time_inside)
    blocks = s->c;
  else if (s->b >= workers || blocks < 1)
    blocks = 1;
  else if (blocks > workers)
    blocks = workers;
  base->columns = (s->c + blocks - 1) / blocks;
  base->blocks = (s->c + base->columns - 1) / base->columns;
}

static size_t scratch_bytes(const baseline *base) {
  size_t bytes = SCAN_SCRATCH(&base->in->shape) * (size_t)base->columns;
  return (bytes + 127) / 128 * 128;
}

static void close_baseline(void *pointer) {
  baseline *base = pointer;
  if (!base) return;
  for (int part = 0; part < SCAN_PARTS; part++) free(base->parts[part]);
  free(base->scratch);
  free(base);
}

static void *open_baseline(void *instance, char *error) {
  scan_instance *in = instance;
  if (in->kind->op == SEQMIX_OP_SELECTIVE_SCAN && in->shape.is_complex) {
    snprintf(error, BENCH_TEXT, "states are complex, which the loop does not do");
    return NULL;
  }
  baseline *base = calloc(1, sizeof *base);
  int done = base != NULL;
  if (done) {
    base->in = in;
    base->level = level_best();
    cut(base);
    base->scratch = aligned_alloc(128, scratch_bytes(base) * (size_t)team_size(in->world->team));
    done = base->scratch != NULL;
  }
  for (int part = 0; done && part < SCAN_PARTS; part++) done = convert_part(base, part);
  if (done) return base;
  snprintf(error, BENCH_TEXT, "not enough memory");
  close_baseline(base);
  return NULL;
}

/* ---- calls --------------------------------------------------------------------------------- */

static int64_t stride_of(const scan_layout *layout, int axis) {
  return axis < 0 ? 0 : layout->stride[axis];
}

/* Where a part begins for a task, and how it goes on. */
static void place(const baseline *base, scan_part part, int64_t sequence, scan_loop *loop) {
  const scan_layout *layout = &base->layouts[part];
  if (!base->parts[part]) return;
  loop->step[part] = stride_of(layout, layout->tokens);
  loop->apart[part] = stride_of(layout, layout->channels);
  loop->part[part] = base->parts[part] + sequence * stride_of(layout, layout->sequences) +
                     loop->first * loop->apart[part];
  if (!base->in->shape.is_reverse || layout->tokens < 0) return;
  loop->part[part] += (layout->extent[layout->tokens] - 1) * loop->step[part];
  loop->step[part] *= -1;
}

/* States begin with zeros unless there is a past. */
static void forget(const baseline *base, int64_t sequence, const scan_loop *loop) {
  const scan_layout *layout = &base->layouts[SCAN_STATE];
  if (!base->parts[SCAN_STATE] || base->in->shape.states == SCAN_STATES_UPDATE) return;
  int64_t ignored;
  scan_layout lane = scan_lane(layout, &base->in->shape, sequence, 0, &ignored);
  if (layout->channels == 1)
    memset(loop->part[SCAN_STATE], 0,
           (size_t)(loop->columns * scan_elements(&lane)) * sizeof(float));
}

static void run_task(void *pointer, int32_t worker, int64_t task) {
  const baseline *base = pointer;
  const scan_shape *s = &base->in->shape;
  int64_t sequence = task / base->blocks, first = task % base->blocks * base->columns;
  scan_loop loop = {.shape = s, .op = base->in->kind->op, .first = first, .columns = base->columns};
  if (loop.columns > s->c - first) loop.columns = s->c - first;
  for (int part = 0; part < SCAN_PARTS; part++) place(base, part, sequence, &loop);
  loop.scratch = base->scratch + (size_t)worker * scratch_bytes(base);
  memset(loop.scratch, 0, scratch_bytes(base));
  forget(base, sequence, &loop);
  base->level->scan(&loop);
}

static seqmix_status run_baseline(void *pointer, int64_t call) {
  baseline *base = pointer;
  (void)call;
  team_tasks(base->in->world->team, base->in->shape.b * base->blocks, run_task, base);
  return SEQMIX_OK;
}

static const char *how_baseline(const void *pointer) {
  const baseline *base = pointer;
  if (team_size(base->in->world->team) == 1) return "one thread";
  if (base->in->shape.is_time_inside) return "a channel per task";
  return base->blocks > 1 ? "some channels per task" : "a sequence per task";
}

static int verify_baseline(void *pointer, bench_check *check, char *error) {
  baseline *base = pointer;
  scan_instance *in = base->in;
  if (!scan_expect(in, error)) return 0;
  memset(base->parts[SCAN_OUT], 0xff,
         (size_t)scan_elements(&base->layouts[SCAN_OUT]) * sizeof *base->parts[SCAN_OUT]);
  run_baseline(base, 0);
  *check = scan_compare(in, base->parts[SCAN_OUT], SEQMIX_F32, base->parts[SCAN_STATE], SEQMIX_F32);
  return 1;
}

const bench_means scan_baseline = {
    .what = "a plain loop over tokens, in f32",
    .open = open_baseline,
    .close = close_baseline,
    .run = run_baseline,
    .verify = verify_baseline,
    .how = how_baseline,
};
