/* SPDX-License-Identifier: Apache-2.0 */
/* Channels of a sequence on their way through the selective scan: what the files selective_*.c
 * share. Lanes are channels. */
#ifndef SEQMIX_CPU_SCAN_SELECTIVE_H
#define SEQMIX_CPU_SCAN_SELECTIVE_H

#include "core/sequence.h"
#include "cpu/scan/rows.h"
#include "cpu/simd/level.h"

/** Tokens of a block. */
enum { SELECTIVE_TOKENS = 32 };

/** A sequence of few channels is cut in time, into pieces of so many stretches of a block each. */
enum { SELECTIVE_STRETCHES = 16, SELECTIVE_PIECE = SELECTIVE_STRETCHES * SELECTIVE_TOKENS };

/** The parts of a number. */
enum { PARTS = 2 };

/** How the channels of sequences are cut into tasks. A function of the shape alone: what shares a
 * vector with a channel may decide whether it is computed in f64. */
typedef struct selective_cut {
  const seqmix_selective_scan_problem *problem;
  int64_t width;     /* channels of a task */
  int64_t per_group; /* tasks of a group of channels in a sequence */
  int64_t tasks;
} selective_cut;

/** What selective_channels go over: some channels of one group, and tokens of their sequence. */
typedef struct selective_place {
  const seqmix_selective_scan_problem *problem;
  seqmix_sequence sequence;
  int64_t c, channels;
  int is_cut; /* one channel, of SELECTIVE_STRETCHES times as many tokens */
} selective_place;

/** Rows that will be used later: vectors of channels of a token are `vector` bytes apart. */
typedef struct selective_ahead {
  const char *at;
  int64_t step, vector;
} selective_ahead;

/**
 * A vector of channels has its states as [s][LANES], and so A. They are held in f32, in two parts:
 * `state` is h rounded, `rest` what rounding took from it; so errors do not add up over tokens. Or
 * in f64, from the first token on that f32 does not suit: see selective_run_fast().
 *
 * Of a channel that is cut in time, stretches take the place of channels: lane i is stretch i.
 */
typedef struct selective_channels {
  const seqmix_selective_scan_problem *problem;
  seqmix_sequence sequence;
  int64_t c, channels;    /* of the problem */
  int64_t width, vectors; /* of rows: channels filled up to whole vectors */
  int64_t states;         /* per channel */
  int parts;              /* of A, B, C and states: 2 if they are complex */
  int is_cut;             /* then rows of B and C are [s][SELECTIVE_STRETCHES] */
  scan_plane u, delta, z, out;
  scan_plane B[PARTS], C[PARTS];

  float *A[PARTS];                     /* [vector][s][LANES] */
  float *state, *rest;                 /* the same, after the present block */
  float *earlier_state, *earlier_rest; /* before it */
  double *wide[PARTS];                 /* the same in f64 */
  double *transfers[PARTS];            /* see selective_find_transfers() */
  float *bias, *D;                     /* [width]; NULL: absent */
  uint64_t grows;                      /* bits of vectors of which some A is positive */
  uint64_t is_wide;                    /* bits of vectors whose states are in f64 */

  /* The block: tokens of the sequence, and rows of them. */
  int64_t t, tokens;
  scan_rows u_rows, delta_rows, z_rows, B_rows[PARTS], C_rows[PARTS];
  float *steps, *inputs, *y; /* [tokens][width]: step log2(e), step u, D u + C h */
  float *least;              /* [width]: the smallest step */
  float *u_buffer, *delta_buffer, *z_buffer, *B_buffer[PARTS], *C_buffer[PARTS];
  selective_ahead ahead[4];
  int aheads;
  float *turned; /* [s][LANES], for states on their way; cut: [s][SELECTIVE_STRETCHES] */
} selective_channels;

#define selective_bytes LEVEL(selective_bytes)
#define selective_cut_of LEVEL(selective_cut_of)
#define selective_place_of LEVEL(selective_place_of)
#define selective_open LEVEL(selective_open)
#define selective_pieces LEVEL(selective_pieces)
#define selective_pieces_workspace LEVEL(selective_pieces_workspace)
#define selective_run_pieces LEVEL(selective_run_pieces)
#define selective_run LEVEL(selective_run)
#define selective_run_tokens LEVEL(selective_run_tokens)
#define selective_write_zeros LEVEL(selective_write_zeros)
#define selective_load_A LEVEL(selective_load_A)
#define selective_load_states LEVEL(selective_load_states)
#define selective_store_states LEVEL(selective_store_states)
#define selective_widen LEVEL(selective_widen)
#define selective_begin_block LEVEL(selective_begin_block)
#define selective_begin_outputs LEVEL(selective_begin_outputs)
#define selective_run_block LEVEL(selective_run_block)
#define selective_end_block LEVEL(selective_end_block)
#define selective_run_fast LEVEL(selective_run_fast)
#define selective_run_wide LEVEL(selective_run_wide)
#define selective_find_transfers LEVEL(selective_find_transfers)

/** Bytes of scratch for so many channels, or if cut, stretches; UINT64_MAX if beyond counting. */
uint64_t selective_bytes(const seqmix_selective_scan_problem *problem, int64_t width, int is_cut);
/** Tasks of `most` channels, or if they are few, of fewer: powers of two down to `least`. */
selective_cut selective_cut_of(const seqmix_selective_scan_problem *problem, int64_t most,
                               int64_t least);
/** The channels of a task, and all tokens. */
selective_place selective_place_of(const selective_cut *cut, int64_t task);
/** Lays out scratch and finds the tensors' numbers; there are no states yet. */
void selective_open(selective_channels *s, const selective_place *place, char *scratch);
/** All tokens, and the states before and after. */
void selective_run(selective_channels *s);
/** The tokens alone. */
void selective_run_tokens(selective_channels *s);
/** What a sequence without a state has for outputs. */
void selective_write_zeros(const selective_channels *s);

/** Pieces that the longest sequence is cut into in time; 0: channels are enough for all workers,
 * and lanes. A function of the shape alone. */
int64_t selective_pieces(const seqmix_selective_scan_problem *problem);
/** The scan so cut, and its workspace; UINT64_MAX if beyond counting. */
uint64_t selective_pieces_workspace(const seqmix_selective_scan_problem *problem, int32_t workers);
void selective_run_pieces(const seqmix_call *call, const seqmix_selective_scan_problem *problem);

/** A; no states yet, and none in f64 but complex ones. */
void selective_load_A(selective_channels *s);
/** The past states. */
void selective_load_states(selective_channels *s);
/** To the present states, if they are kept. */
void selective_store_states(selective_channels *s);
/** Goes on with the states before the block in f64. */
void selective_widen(selective_channels *s, int64_t vector);

/** Fetches the rows of tokens t .. t+tokens-1 and makes steps and inputs of them. */
void selective_begin_block(selective_channels *s);
/** y = D u */
void selective_begin_outputs(selective_channels *s);
/** Between these two: states after the block, and what they add to y. */
void selective_run_block(selective_channels *s);
/** From y to out. */
void selective_end_block(selective_channels *s);

/** The block on a vector of channels, in f32; 0 if some state is not finite then. No exp(step A)
 * may be above 1. */
int selective_run_fast(const selective_channels *s, int64_t vector);
/** The block on a vector of channels, in f64. */
void selective_run_wide(const selective_channels *s, int64_t vector);
/** What the block multiplies states by that were there before it: exp of A times its steps. */
void selective_find_transfers(const selective_channels *s, int64_t vector);

/** Where a vector's [s][LANES] begins. */
static inline int64_t selective_at(const selective_channels *s, int64_t vector) {
  return vector * s->states * LANES;
}

/** From a coefficient of B or C to that of the next state. */
static inline int64_t selective_apart(const selective_channels *s) {
  return s->is_cut ? SELECTIVE_STRETCHES : 1;
}

static inline int selective_has(const seqmix_selective_scan_problem *problem, uint64_t feature) {
  return (problem->header.features & feature) != 0;
}

#endif
