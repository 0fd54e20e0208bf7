/* SPDX-License-Identifier: Apache-2.0 */
/* Sequences cut in time. A piece is walked twice: from nothing, for what it does to a state, and
 * from the state before it, for its results. In between it waits for that state, which the piece
 * before hands on as soon as it has its own; by then rows are in the cache. */
#include "core/element.h"
#include "cpu/scan/walk.h"

/* A piece, or what its lanes are made of. */
typedef struct piece {
  const scan_job *job;
  const scan_scratch *scratch;
  scan_stream s;
  scan_block block;
  scan_rows a, x;
} piece;

static scan_span span_of(const piece *p, scan_rows out) {
  return (scan_span){
      .kind = p->job->kind,
      .is_exclusive = p->job->is_exclusive,
      .tokens = p->block.tokens,
      .vectors = scan_width(p->block.channels) / LANES,
      .a = p->a,
      .x = p->x,
      .out = out,
      .states = p->scratch->states,
      .transfers = p->scratch->transfers,
  };
}

/* Rows, and what they do to states. */
static void summarize(piece *p) {
  p->a = scan_fetch_factors(&p->s.a, &p->block, p->scratch->a);
  p->x = scan_fetch(&p->s.x, &p->block, p->scratch->x);
  scan_span span = span_of(p, p->x);
  scan_reset(p->job->kind, p->scratch->states, span.vectors);
  for (int64_t i = 0; i < span.vectors * LANES; i++) {
    double *transfer = p->scratch->transfers + i;
    *transfer = p->job->kind == SCAN_COMPLEX ? i % 2 == 0 : 1;
  }
  scan_summarize(&span);
}

/* Results, from states that hold what came before. */
static void write_results(const piece *p) {
  int is_direct = scan_is_direct(&p->s.out, &p->block);
  int64_t width = scan_width(p->block.channels);
  int64_t at_once = is_direct ? p->block.tokens : SCAN_BUFFER / width;
  piece part = *p;
  for (int64_t t = 0; t < p->block.tokens; t += at_once) {
    int64_t left = p->block.tokens - t;
    part.block.t = p->block.t + t;
    part.block.tokens = left < at_once ? left : at_once;
    scan_rows out = scan_target(&p->s.out, &part.block, p->scratch->out);
    scan_span span = span_of(&part, out);
    span.is_streamed = scan_may_stream(&p->s.out, &part.block, &out);
    scan_run(&span);
    scan_deliver(&p->s.out, &part.block, p->scratch->out);
    part.a.at += part.block.tokens * part.a.step;
    part.x.at += part.block.tokens * part.x.step;
  }
}

/* Where factors grow a carry so much, what a piece adds may all but cancel it: then only the tokens
 * themselves tell what is left. */
#define TRANSFER_MOST 0x1p20

static int is_steady(scan_kind kind, scan_value transfer) {
  if (kind != SCAN_RECURRENCE && kind != SCAN_COMPLEX) return 1;
  return fabs(transfer.first) <= TRANSFER_MOST && fabs(transfer.second) <= TRANSFER_MOST;
}

/* A lane's tokens one by one. */
static scan_value walk_tokens(const piece *p, int64_t channel, scan_value h) {
  int is_complex = p->job->kind == SCAN_COMPLEX;
  int64_t lane = is_complex ? 2 * channel : channel;
  for (int64_t t = 0; t < p->block.tokens; t++) {
    const float *a = p->a.at + t * p->a.step + lane, *x = p->x.at + t * p->x.step + lane;
    double first = (double)a[0] * h.first + (double)x[0];
    if (is_complex) {
      first -= (double)a[1] * h.second;
      h.second = (double)a[0] * h.second + (double)a[1] * h.first + (double)x[1];
    }
    h.first = first;
  }
  return h;
}

/* Takes a carry through a lane, whose own state makes way for it. */
static scan_value carry_through(const piece *p, int64_t lane, scan_value carry) {
  scan_kind kind = p->job->kind, transfer_kind = kind == SCAN_COMPLEX ? kind : SCAN_SUM;
  scan_value own = scan_value_get(kind, p->scratch->states, lane);
  scan_value transfer = scan_value_get(transfer_kind, p->scratch->transfers, lane);
  scan_value_put(kind, p->scratch->states, lane, carry);
  return is_steady(kind, transfer) ? scan_join(kind, carry, own, transfer)
                                   : walk_tokens(p, lane, carry);
}

/* The same through lanes that follow one another in time. */
static scan_value carry_through_all(const piece *p, int64_t lanes, scan_value carry) {
  for (int64_t i = 0; i < lanes; i++) carry = carry_through(p, i, carry);
  return carry;
}

/* ---- channels side by side ------------------------------------------------------------------- */

static void walk_lanes(piece *p, scan_value *carries, scan_turn *turn, int64_t number) {
  summarize(p);
  scan_wait_for_turn(turn, number);
  for (int64_t c = 0; c < p->job->channels; c++) carries[c] = carry_through(p, c, carries[c]);
  scan_pass_turn(turn, number);
  write_results(p);
}

/* ---- stretches of one channel side by side ----------------------------------------------------
 */

/* The plane of a channel whose stretches of `tokens` tokens are its lanes. */
static scan_plane cut_plane(const scan_plane *plane, int64_t channel, int64_t t, int64_t tokens) {
  scan_plane cut = *plane;
  if (!plane->dtype) return cut;
  int64_t bytes = plane->dtype == SEQMIX_F32 ? 4 : 2;
  cut.data += (channel * plane->channel + t * plane->time) * bytes;
  cut.channel = tokens * plane->time;
  return cut;
}

static piece cut_piece(const piece *p, int64_t channel, int64_t t, int64_t tokens,
                       int64_t stretches) {
  piece cut = *p;
  cut.s.a = cut_plane(&p->s.a, channel, t, tokens);
  cut.s.x = cut_plane(&p->s.x, channel, t, tokens);
  cut.s.out = cut_plane(&p->s.out, channel, t, tokens);
  cut.block = (scan_block){0, tokens, 0, stretches * (1 + (p->job->kind == SCAN_COMPLEX))};
  return cut;
}

/* One channel of a piece, in two parts: stretches of one length, and the few tokens left over,
 * which only the last piece of a sequence has. */
static void walk_stretches(const piece *p, int64_t channel, scan_value *carry, scan_turn *turn,
                           int64_t number) {
  int64_t stretches = SCAN_SPLIT_LANES / (1 + (p->job->kind == SCAN_COMPLEX));
  int64_t tokens = p->block.tokens / stretches, left = p->block.tokens % stretches;
  piece main = cut_piece(p, channel, p->block.t, tokens, stretches);
  if (tokens > 0) summarize(&main);
  scan_wait_for_turn(turn, number);
  if (tokens > 0) *carry = carry_through_all(&main, stretches, *carry);
  if (left == 0) scan_pass_turn(turn, number);
  if (tokens > 0) write_results(&main);
  if (left == 0) return;
  piece rest = cut_piece(p, channel, p->block.t + tokens * stretches, left, 1);
  summarize(&rest);
  *carry = carry_through(&rest, 0, *carry);
  write_results(&rest);
}

/* ---- tasks ----------------------------------------------------------------------------------- */

/* Channels' states before the first token. */
static void load_past(const scan_job *job, const scan_plane *past, int64_t channel, int64_t count,
                      scan_value *carries) {
  double state[STATE_DOUBLES];
  scan_reset(job->kind, state, 1);
  for (int64_t c = 0; c < count; c++) {
    int64_t at = (channel + c) * past->channel;
    carries[c] = scan_value_get(job->kind, state, 0);
    if (!past->dtype) continue;
    carries[c].first = (double)seqmix_load(past->data, past->dtype, at);
    if (past->is_complex) carries[c].second = (double)seqmix_load(past->data, past->dtype, at + 1);
  }
}

/* And after the last one. */
static void keep_present(const scan_plane *present, int64_t channel, int64_t count,
                         const scan_value *carries) {
  for (int64_t c = 0; c < count && present->dtype; c++) {
    int64_t at = (channel + c) * present->channel;
    seqmix_store(present->data, present->dtype, at, (float)carries[c].first);
    if (present->is_complex)
      seqmix_store(present->data, present->dtype, at + 1, (float)carries[c].second);
  }
}

void scan_walk_piece(const scan_job *job, int64_t task, const scan_carries *carries,
                     const scan_scratch *scratch) {
  const scan_plan *plan = &job->plan;
  int64_t together = plan->is_split ? 1 : job->channels, parts = job->channels / together;
  int64_t channel = task % parts, number = task / parts % plan->pieces;
  int64_t stream = task / parts / plan->pieces;
  piece p = {.job = job, .scratch = scratch, .s = job->open(job->problem, stream)};
  int64_t left = p.s.tokens - number * plan->piece;
  if (left <= 0 && number > 0) return;
  p.block = (scan_block){number * plan->piece, left < plan->piece ? left : plan->piece, channel,
                         plan->is_split ? plan->lanes / job->channels : plan->lanes};
  if (plan->is_split) p.block.c = channel * p.block.channels;
  if (p.s.is_void) {
    scan_write_zeros(&p.s.out, &p.block, scratch->out);
    return;
  }
  p.s.out.is_streamed = plan->is_streamed;
  scan_value *values = carries->values + stream * job->channels + channel;
  scan_turn *turn = carries->turns + stream * job->channels + channel;
  if (number == 0) load_past(job, &p.s.past, channel, together, values);
  if (plan->is_split)
    walk_stretches(&p, channel, values, turn, number);
  else
    walk_lanes(&p, values, turn, number);
  if (left <= plan->piece) keep_present(&p.s.present, channel, together, values);
}
