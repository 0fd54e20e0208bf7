/* SPDX-License-Identifier: Apache-2.0 */
/* From a call to pieces of sequences. Tokens are counted over all sequences, in the order of memory
 * where those are packed, and cut into blocks as if there were one sequence only: a task then
 * serves many short sequences or a part of a long one. */
#include "cpu/scan/causal_conv1d.h"

#include "core/sequence.h"
#include "core/work.h"
#include "cpu/cpu.h"

typedef seqmix_causal_conv1d_problem conv_problem;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t divided(int64_t value, int64_t by) { return value / by + (value % by != 0); }

/* ---- the plan --------------------------------------------------------------------------------
 */

/* Outputs of a task: enough to be worth its start, few enough that no worker waits long. */
enum { OUTPUTS_LEAST = 16 * 1024, OUTPUTS_MOST = 128 * 1024, TASKS_WANTED = 64 };

/* Vectors run along time from this length on, if it is contiguous. */
enum { TIME_LEAST = 16, TIME_MOST = 4096 };

/* Channels of a task, so that some rows and the weights stay in the first-level cache: fewer of
 * wide filters. */
enum { CHANNELS_MOST = 512, CHANNELS_LEAST = 64, WEIGHTS_MOST = 8 * 1024 };

/* Weights of a wider one would not fit any memory, nor their number a double. */
static const int64_t WIDTH_MOST = (int64_t)1 << 40;

/* Floats that are converted at a time, with vectors of channels and of time. */
enum { STAGED_ROWS = 2048, STAGED_TOKENS = 1024 };

/* Outputs that no cache keeps need not go through it. */
enum { STREAMED_BYTES = 16 * 1024 * 1024 };

static int64_t flat_tokens(const conv_problem *p) {
  return p->at.cu_seqlens.bits ? p->at.total : p->at.total * p->at.count;
}

static void plan_channels(conv_plan *plan, const conv_problem *p, int64_t wanted) {
  int64_t few = most(WEIGHTS_MOST / p->width / CHANNELS_LEAST, 1) * CHANNELS_LEAST;
  plan->channels = least(p->channels, least(few, CHANNELS_MOST));
  plan->tokens = divided(wanted, plan->channels);
  plan->staged = most(p->width - 1, STAGED_ROWS / plan->channels);
}

static void plan_time(conv_plan *plan, const conv_problem *p, int64_t wanted) {
  plan->tokens = least(flat_tokens(p), TIME_MOST);
  plan->channels = least(p->channels, divided(wanted, most(plan->tokens, 1)));
  plan->staged =
      divided(most(p->width - 1 + 2 * (CONV_LINE / 4 + LANES), STAGED_TOKENS), LANES) * LANES;
}

static conv_plan plan_of(const conv_problem *p) {
  int64_t tokens = flat_tokens(p);
  double outputs = (double)tokens * (double)p->channels;
  conv_plan plan = {.streams = outputs * sizeof(float) >= STREAMED_BYTES};
  plan.lanes_are_time = p->x.stride[1] == 1 && p->out.stride[1] == 1 && p->at.length >= TIME_LEAST;
  double share = outputs / TASKS_WANTED;
  int64_t wanted = share < OUTPUTS_MOST ? most((int64_t)share, OUTPUTS_LEAST) : OUTPUTS_MOST;
  if (plan.lanes_are_time)
    plan_time(&plan, p, wanted);
  else
    plan_channels(&plan, p, wanted);
  /* What precedes a block is read twice. */
  plan.tokens = most(plan.tokens, 4 * (p->width - 1));
  plan.blocks = divided(p->channels, plan.channels);
  plan.parts = most(divided(tokens, plan.tokens), 1);
  return plan;
}

/* ---- pieces ----------------------------------------------------------------------------------
 */

/* Where a block of tokens begins: at token t of sequence n. */
typedef struct conv_place {
  int64_t n, t;
} conv_place;

static int64_t first_of(const conv_problem *p, int64_t n) {
  return p->at.cu_seqlens.bits ? seqmix_index_at(&p->at.cu_seqlens, n, 0) : n * p->at.length;
}

/* The sequence of a token: the last that begins at or before it. */
static int64_t sequence_of(const conv_problem *p, int64_t token) {
  if (!p->at.cu_seqlens.bits) return token / p->at.length;
  int64_t low = 0, high = p->at.count;
  while (high - low > 1) {
    int64_t middle = low + (high - low) / 2;
    if (first_of(p, middle) <= token)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/* A block does not begin within the first tokens of a sequence, but before them: only one task
 * then reads a past state, and it can write the present one where the past was. */
static conv_place place_of(const conv_problem *p, const conv_plan *plan, int64_t part) {
  if (part == 0) return (conv_place){0, 0};
  if (part == plan->parts) return (conv_place){p->at.count, 0};
  int64_t token = part * plan->tokens, n = sequence_of(p, token), t = token - first_of(p, n);
  return (conv_place){n, t < p->width - 1 ? 0 : t};
}

static void run_piece(conv_piece *piece, int64_t n, float *scratch) {
  const conv_problem *p = piece->problem;
  seqmix_sequence at = seqmix_sequence_at(&p->at, n);
  piece->length = at.length;
  piece->to = least(piece->to, at.length);
  piece->x = scan_plane_of(&p->x, n, at.first, at.length, 0);
  piece->out = scan_plane_of(&p->out, n, at.first, at.length, 0);
  if (at.from < 0) {
    conv_clear(piece);
    return;
  }
  piece->past = scan_plane_of(&p->past_state, at.from, 0, p->width - 1, 0);
  if (piece->plan->lanes_are_time)
    conv_time(piece, scratch);
  else
    conv_channels(piece, scratch);
  if (piece->from > 0 || at.to < 0 || !p->present_state.dtype) return;
  piece->present = scan_plane_of(&p->present_state, at.to, 0, p->width - 1, 0);
  conv_keep_state(piece);
}

/* ---- tasks -----------------------------------------------------------------------------------
 */

typedef struct conv_work {
  const conv_problem *problem;
  conv_plan plan;
  float *scratch;
  uint64_t floats; /* of it, per worker */
} conv_work;

static void run_task(void *arg, int64_t task, int32_t worker) {
  const conv_work *work = arg;
  const conv_plan *plan = &work->plan;
  float *scratch = work->scratch + (uint64_t)worker * work->floats;
  conv_place at = place_of(work->problem, plan, task / plan->blocks);
  conv_place end = place_of(work->problem, plan, task / plan->blocks + 1);
  conv_piece piece = {.problem = work->problem, .plan = plan};
  piece.c = task % plan->blocks * plan->channels;
  piece.channels = least(work->problem->channels - piece.c, plan->channels);
  if (!plan->lanes_are_time) conv_channels_begin(&piece, scratch);
  for (; at.n < end.n || (at.n == end.n && at.t < end.t); at = (conv_place){at.n + 1, 0}) {
    piece.from = at.t;
    piece.to = at.n < end.n ? INT64_MAX : end.t;
    run_piece(&piece, at.n, scratch);
  }
  if (plan->streams) vec_stream_end();
}

/* In whole lines, which no two workers share. */
static double floats_of(const conv_problem *p, const conv_plan *plan) {
  double floats = plan->lanes_are_time ? conv_time_floats(p, plan) : conv_channels_floats(p, plan);
  return floats + 16;
}

uint64_t LEVEL(causal_conv1d_workspace)(const seqmix_problem *problem,
                                        const seqmix_device_properties *device, int32_t workers) {
  const conv_problem *p = (const conv_problem *)problem;
  (void)device;
  if (p->width > WIDTH_MOST) return UINT64_MAX;
  conv_plan plan = plan_of(p);
  double bytes = floats_of(p, &plan) * sizeof(float) * workers;
  return bytes > 0x1p60 ? UINT64_MAX : (uint64_t)bytes;
}

seqmix_status VARIANT(causal_conv1d, blocked)(const seqmix_call *call,
                                              const seqmix_problem *problem) {
  const conv_problem *p = (const conv_problem *)problem;
  conv_work work = {.problem = p, .plan = plan_of(p), .scratch = call->workspace};
  work.floats = (uint64_t)floats_of(p, &work.plan) / 16 * 16;
  seqmix_run_tasks(call, work.plan.parts * work.plan.blocks, run_task, &work);
  return SEQMIX_OK;
}
