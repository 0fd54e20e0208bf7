/* SPDX-License-Identifier: Apache-2.0 */
/* Sequences of few channels, cut in time. A piece of a channel is SELECTIVE_STRETCHES stretches,
 * side by side in the lanes of vectors. It is walked twice: from nothing, for what it adds to a
 * state, and from the state before it, for its outputs. In between it waits for that state, which
 * the piece before hands on as soon as it has its own. */
#include <math.h>

#include "core/element.h"
#include "core/memory.h"
#include "core/work.h"
#include "cpu/scan/selective.h"
#include "cpu/scan/turns.h"

/* Fewer tokens are not worth it. */
enum { TOKENS_LEAST = 512 };

typedef struct pieces_work {
  const seqmix_selective_scan_problem *problem;
  int64_t pieces;
  double *carries;  /* [sequence, channel][part][s]: the state before the next piece */
  scan_turn *turns; /* [sequence, channel] */
  char *scratch;
  uint64_t bytes; /* of it, per worker */
} pieces_work;

int64_t selective_pieces(const seqmix_selective_scan_problem *problem) {
  int64_t count = problem->at.count, longest = problem->at.length;
  if (longest < TOKENS_LEAST || count == 0 || problem->channels >= SELECTIVE_STRETCHES) return 0;
  if (count >= SELECTIVE_STRETCHES || count * problem->channels >= SELECTIVE_STRETCHES) return 0;
  return (longest - 1) / SELECTIVE_PIECE + 1;
}

/* ---- states from piece to piece -------------------------------------------------------------- */

/* Where state i of a lane lies. */
static int64_t place_of(const selective_channels *s, int64_t i, int64_t lane) {
  return selective_at(s, lane / LANES) + i * LANES + lane % LANES;
}

static void put(const selective_channels *s, int part, int64_t at, double value) {
  s->wide[part][at] = value;
  if (part > 0) return;
  s->state[at] = (float)value;
  s->rest[at] = (float)(value - (double)s->state[at]);
}

static double get(const selective_channels *s, int64_t lane, int part, int64_t at) {
  int is_wide = s->is_wide >> lane / LANES & 1;
  return is_wide ? s->wide[part][at] : (double)s->state[at] + (double)s->rest[at];
}

/* Where states grow so much, what a stretch adds may all but cancel them: then only the tokens
 * themselves tell what is left. */
#define TRANSFER_MOST 0x1p20

/* What f32 cannot hold, or no multiple is of, is left to the tokens too. */
static int is_plain(double transfer, double state) {
  return fabs(transfer) <= TRANSFER_MOST && fabs(state) < 0x1p127;
}

/* Takes a state through a lane, whose own makes way for it. */
static int carry_state(const selective_channels *s, int64_t i, int64_t lane, double *carry) {
  int64_t at = place_of(s, i, lane), parts = s->parts;
  double own = get(s, lane, 0, at), transfer = s->transfers[0][at], was = carry[i];
  put(s, 0, at, was);
  carry[i] = transfer * was + own;
  if (parts == 1) return is_plain(transfer, carry[i]);
  double *im = carry + s->states + i, was_im = *im, own_im = get(s, lane, 1, at);
  double transfer_im = s->transfers[1][at];
  put(s, 1, at, was_im);
  carry[i] -= transfer_im * was_im;
  *im = transfer * was_im + transfer_im * was + own_im;
  return is_plain(transfer, carry[i]) && is_plain(transfer_im, *im);
}

/* The same through all lanes; 0 if that cannot be done. Then nothing of the carry is kept. */
static int carry_through(const selective_channels *s, double *carry, double *next) {
  int64_t numbers = s->states * s->parts;
  int is_done = 1;
  for (int64_t i = 0; i < numbers; i++) next[i] = carry[i];
  for (int64_t i = 0; i < numbers; i++) is_done &= is_plain(0, next[i]);
  for (int64_t lane = 0; lane < SELECTIVE_STRETCHES && is_done; lane++)
    for (int64_t i = 0; i < s->states; i++) is_done &= carry_state(s, i, lane, next);
  for (int64_t i = 0; i < numbers && is_done; i++) carry[i] = next[i];
  return is_done;
}

/* ---- a piece --------------------------------------------------------------------------------- */

typedef struct piece {
  const seqmix_selective_scan_problem *problem;
  seqmix_sequence sequence;
  int64_t c;
  int64_t t, tokens; /* of the sequence */
  double *carry, *next;
  char *scratch;
} piece;

static void open_tokens(const piece *p, selective_channels *s, int64_t t, int64_t tokens,
                        int is_cut) {
  selective_place place = {
      .problem = p->problem, .sequence = p->sequence, .c = p->c, .channels = 1, .is_cut = is_cut};
  place.sequence.first += t;
  place.sequence.length = tokens;
  selective_open(s, &place, p->scratch);
}

/* Tokens one after the other, in f64. */
static void walk_tokens(const piece *p, int64_t t, int64_t tokens) {
  selective_channels s;
  open_tokens(p, &s, t, tokens, 0);
  selective_load_A(&s);
  s.is_wide = UINT64_MAX;
  for (int part = 0; part < s.parts; part++)
    for (int64_t i = 0; i < s.states; i++)
      s.wide[part][place_of(&s, i, 0)] = p->carry[part * s.states + i];
  selective_run_tokens(&s);
  for (int part = 0; part < s.parts; part++)
    for (int64_t i = 0; i < s.states; i++)
      p->carry[part * s.states + i] = s.wide[part][place_of(&s, i, 0)];
}

/* Stretches of one length; 0 if they were not to be walked side by side. */
static int walk_stretches(const piece *p, int64_t tokens, scan_turn *turn, int64_t number,
                          int is_last) {
  selective_channels s;
  open_tokens(p, &s, p->t, tokens, 1);
  selective_load_A(&s);
  s.tokens = tokens;
  selective_begin_block(&s);
  selective_run_block(&s);
  for (int64_t v = 0; v < s.vectors; v++) selective_find_transfers(&s, v);
  scan_wait_for_turn(turn, number);
  if (!carry_through(&s, p->carry, p->next)) return 0;
  if (!is_last) scan_pass_turn(turn, number);
  selective_begin_outputs(&s);
  selective_run_block(&s);
  selective_end_block(&s);
  return 1;
}

static void walk_piece(const piece *p, scan_turn *turn, int64_t number) {
  int64_t tokens = p->tokens / SELECTIVE_STRETCHES, together = tokens * SELECTIVE_STRETCHES;
  /* Only the last piece of a sequence has tokens left over. */
  int64_t left = p->tokens - together;
  if (tokens == 0 || !walk_stretches(p, tokens, turn, number, left > 0)) {
    scan_wait_for_turn(turn, number);
    walk_tokens(p, p->t, together);
    if (left == 0) scan_pass_turn(turn, number);
  }
  if (left > 0) walk_tokens(p, p->t + together, left);
}

/* ---- tasks ----------------------------------------------------------------------------------- */

/* A carry: whole lines of memory, so that no two workers write to one. */
static uint64_t carry_bytes(const seqmix_selective_scan_problem *problem) {
  uint64_t parts = selective_has(problem, SEQMIX_SELECTIVE_SCAN_COMPLEX) ? 2 : 1;
  return seqmix_memory_round((uint64_t)problem->states * parts * sizeof(double));
}

/* The state before the first token. */
static void load_past(const piece *p) {
  const seqmix_view *past = &p->problem->past_state;
  int parts = selective_has(p->problem, SEQMIX_SELECTIVE_SCAN_COMPLEX) ? 2 : 1;
  int64_t states = p->problem->states;
  int64_t row = p->sequence.from * past->stride[0] + p->c * past->stride[1];
  for (int part = 0; part < parts; part++)
    for (int64_t i = 0; i < states; i++)
      p->carry[part * states + i] =
          past->dtype
              ? (double)seqmix_load(past->data, past->dtype, row + i * past->stride[2] + part)
              : 0;
}

/* That after the last one. */
static void store_present(const piece *p) {
  const seqmix_view *present = &p->problem->present_state;
  int parts = selective_has(p->problem, SEQMIX_SELECTIVE_SCAN_COMPLEX) ? 2 : 1;
  int64_t states = p->problem->states;
  if (!present->dtype || p->sequence.to < 0) return;
  int64_t row = p->sequence.to * present->stride[0] + p->c * present->stride[1];
  for (int part = 0; part < parts; part++)
    for (int64_t i = 0; i < states; i++)
      seqmix_store(present->data, present->dtype, row + i * present->stride[2] + part,
                   (float)p->carry[part * states + i]);
}

static void run_piece(void *arg, int64_t task, int32_t worker) {
  const pieces_work *w = arg;
  const seqmix_selective_scan_problem *problem = w->problem;
  int64_t channels = problem->channels, number = task / channels % w->pieces;
  int64_t n = task / channels / w->pieces;
  piece p = {.problem = problem, .c = task % channels, .t = number * SELECTIVE_PIECE};
  p.sequence = seqmix_sequence_at(&problem->at, n);
  int64_t left = p.sequence.length - p.t;
  if (left <= 0 && number > 0) return;
  p.tokens = left < SELECTIVE_PIECE ? left : SELECTIVE_PIECE;
  char *scratch = w->scratch + (uint64_t)worker * w->bytes;
  p.next = (double *)scratch;
  p.scratch = scratch + carry_bytes(problem);
  if (p.sequence.from < 0) {
    selective_channels s;
    open_tokens(&p, &s, p.t, p.tokens, 0);
    selective_write_zeros(&s);
    return;
  }
  int64_t of = n * channels + p.c;
  p.carry = w->carries + (uint64_t)of * carry_bytes(problem) / sizeof *p.carry;
  if (number == 0) load_past(&p);
  walk_piece(&p, w->turns + of, number);
  if (left <= SELECTIVE_PIECE) store_present(&p);
}

/* Bytes of all carries, and of the turns. */
static uint64_t carries_bytes(const seqmix_selective_scan_problem *problem) {
  return (uint64_t)(problem->at.count * problem->channels) * carry_bytes(problem);
}

static uint64_t turns_bytes(const seqmix_selective_scan_problem *problem) {
  int64_t turns = problem->at.count * problem->channels;
  return seqmix_memory_round((uint64_t)turns * sizeof(scan_turn));
}

/* Of a worker: the carry that is tried, and stretches or a single channel. */
static uint64_t worker_bytes(const seqmix_selective_scan_problem *problem) {
  uint64_t cut = selective_bytes(problem, SELECTIVE_STRETCHES, 1);
  uint64_t single = selective_bytes(problem, LANES, 0);
  if (cut == UINT64_MAX || single == UINT64_MAX) return UINT64_MAX;
  return carry_bytes(problem) + (cut > single ? cut : single);
}

uint64_t selective_pieces_workspace(const seqmix_selective_scan_problem *problem, int32_t workers) {
  uint64_t all, each = worker_bytes(problem);
  if (each == UINT64_MAX || __builtin_mul_overflow(each, (uint64_t)workers, &all) ||
      __builtin_add_overflow(all, carries_bytes(problem) + turns_bytes(problem), &all))
    return UINT64_MAX;
  return all;
}

void selective_run_pieces(const seqmix_call *call, const seqmix_selective_scan_problem *problem) {
  char *at = call->workspace;
  pieces_work work = {.problem = problem, .pieces = selective_pieces(problem)};
  int64_t turns = problem->at.count * problem->channels;
  work.carries = (double *)at;
  work.turns = (scan_turn *)(at + carries_bytes(problem));
  work.scratch = at + carries_bytes(problem) + turns_bytes(problem);
  work.bytes = worker_bytes(problem);
  for (int64_t i = 0; i < turns; i++) atomic_init(&work.turns[i], 0);
  seqmix_run_tasks(call, turns * work.pieces, run_piece, &work);
}
