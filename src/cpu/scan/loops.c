/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/scan/loops.h"

/* With more vectors than these in a row, states leave registers after each token, so that memory is
 * read and written row by row. Two rows at once would be slower by far: they tend to lie whole
 * pages apart, and processors take a load for one of what was just stored as many pages away. */
enum { VECTORS_FEW = 4 };

SEQMIX_INLINE void put(float *to, vec x, int is_streamed) {
  is_streamed ? vec_stream(to, x) : vec_store(to, x);
}

/* The pointers of the vectors of a token. */
typedef struct cursor {
  const float *a, *x;
  float *out;
} cursor;

SEQMIX_INLINE void advance(const scan_span *span, cursor *at) {
  at->a += span->a.step;
  at->x += span->x.step;
  at->out += span->out.step;
}

/* `vectors` neighbours from vector v on, with their states in registers. */
SEQMIX_INLINE void run_tokens(const scan_span *span, scan_kind kind, int is_exclusive,
                              int is_streamed, int vectors, int64_t v) {
  scan_state s[2];
  double *states = span->states + v * STATE_DOUBLES;
  cursor at = {span->a.at + v * LANES, span->x.at + v * LANES, span->out.at + v * LANES};
#pragma GCC unroll 2
  for (int i = 0; i < vectors; i++) s[i] = scan_state_load(kind, states + i * STATE_DOUBLES);
  for (int64_t t = 0; t < span->tokens; t++, advance(span, &at)) {
#pragma GCC unroll 2
    for (int i = 0; i < vectors; i++) {
      if (t % TOKENS_PER_GROUP == 0) scan_begin_group(kind, &s[i]);
      if (is_exclusive) put(at.out + i * LANES, scan_result(kind, &s[i]), is_streamed);
      scan_step(kind, &s[i], at.a + i * LANES, at.x + i * LANES);
      if (!is_exclusive) put(at.out + i * LANES, scan_result(kind, &s[i]), is_streamed);
    }
  }
#pragma GCC unroll 2
  for (int i = 0; i < vectors; i++) scan_state_store(kind, states + i * STATE_DOUBLES, &s[i]);
}

SEQMIX_INLINE void run_panels(const scan_span *span, scan_kind kind, int is_exclusive,
                              int is_streamed) {
  int64_t v = 0;
  for (; v + 2 <= span->vectors; v += 2) run_tokens(span, kind, is_exclusive, is_streamed, 2, v);
  if (v < span->vectors) run_tokens(span, kind, is_exclusive, is_streamed, 1, v);
}

/* A vector of a row. */
SEQMIX_INLINE void run_vector(scan_kind kind, int is_exclusive, int is_streamed, int begins_group,
                              cursor at, double *state) {
  scan_state s = scan_state_load(kind, state);
  begins_group ? scan_begin_group(kind, &s) : scan_resume_group(kind, &s);
  if (is_exclusive) put(at.out, scan_result(kind, &s), is_streamed);
  scan_step(kind, &s, at.a, at.x);
  if (!is_exclusive) put(at.out, scan_result(kind, &s), is_streamed);
  scan_state_store(kind, state, &s);
}

SEQMIX_INLINE void run_row(const scan_span *span, scan_kind kind, int is_exclusive, int is_streamed,
                           int begins_group, cursor at) {
  double *states = span->states;
  for (int64_t v = 0; v < span->vectors; v++) {
    run_vector(kind, is_exclusive, is_streamed, begins_group, at, states + v * STATE_DOUBLES);
    at = (cursor){at.a + LANES, at.x + LANES, at.out + LANES};
  }
}

SEQMIX_INLINE void run_block(const scan_span *span, scan_kind kind, int is_exclusive,
                             int is_streamed) {
  cursor at = {span->a.at, span->x.at, span->out.at};
  if (span->vectors <= VECTORS_FEW) {
    run_panels(span, kind, is_exclusive, is_streamed);
    return;
  }
  for (int64_t t = 0; t < span->tokens; t++, advance(span, &at))
    if (kind == SCAN_PRODUCT && t % TOKENS_PER_GROUP)
      run_row(span, kind, is_exclusive, is_streamed, 0, at);
    else
      run_row(span, kind, is_exclusive, is_streamed, 1, at);
}

/* Each kind and each way to write has loops of its own. */
#define RUN(kind)                                                                    \
  static void run_##kind(const scan_span *span) {                                    \
    if (span->is_exclusive)                                                          \
      span->is_streamed ? run_block(span, kind, 1, 1) : run_block(span, kind, 1, 0); \
    else                                                                             \
      span->is_streamed ? run_block(span, kind, 0, 1) : run_block(span, kind, 0, 0); \
  }
RUN(SCAN_SUM)
RUN(SCAN_PRODUCT)
RUN(SCAN_MAX)
RUN(SCAN_LOGSUMEXP)
#undef RUN

/* Recurrences are never exclusive. */
static void run_recurrence(const scan_span *span) {
  span->is_streamed ? run_block(span, SCAN_RECURRENCE, 0, 1)
                    : run_block(span, SCAN_RECURRENCE, 0, 0);
}

static void run_complex(const scan_span *span) {
  span->is_streamed ? run_block(span, SCAN_COMPLEX, 0, 1) : run_block(span, SCAN_COMPLEX, 0, 0);
}

void scan_run(const scan_span *span) {
  static void (*const runs[])(const scan_span *) = {
      [SCAN_RECURRENCE] = run_recurrence, [SCAN_COMPLEX] = run_complex,
      [SCAN_SUM] = run_SCAN_SUM,          [SCAN_PRODUCT] = run_SCAN_PRODUCT,
      [SCAN_MAX] = run_SCAN_MAX,          [SCAN_LOGSUMEXP] = run_SCAN_LOGSUMEXP,
  };
  runs[span->kind](span);
}

/* ---- only to the end ------------------------------------------------------------------------- */

/* Anything times 0 is 0 here: what an infinite product had been does not matter any more. */
SEQMIX_INLINE dvec multiply_or_forget(dvec a, dvec x) {
  return (dvec)(~(lvec)(a == dvec_of(0)) & (lvec)(a * x));
}

SEQMIX_INLINE wide transfer_step(scan_kind kind, wide transfer, const float *a) {
  wide factor = wide_from_memory(a);
  if (kind == SCAN_COMPLEX) return wide_complex_multiply_add(factor, transfer, wide_of(0));
  return (wide){multiply_or_forget(factor.low, transfer.low),
                multiply_or_forget(factor.high, transfer.high)};
}

SEQMIX_INLINE void summarize_vector(const scan_span *span, scan_kind kind, int64_t v) {
  int is_recurrence = kind == SCAN_RECURRENCE || kind == SCAN_COMPLEX;
  double *transfers = is_recurrence ? span->transfers + v * STATE_DOUBLES : NULL;
  wide transfer = is_recurrence ? wide_load(transfers) : wide_of(0);
  scan_state s = scan_state_load(kind, span->states + v * STATE_DOUBLES);
  const float *a = span->a.at + v * LANES, *x = span->x.at + v * LANES;
  for (int64_t t = 0; t < span->tokens; t += TOKENS_PER_GROUP) {
    int64_t group = span->tokens - t < TOKENS_PER_GROUP ? span->tokens - t : TOKENS_PER_GROUP;
    scan_begin_group(kind, &s);
    for (int64_t i = 0; i < group; i++, a += span->a.step, x += span->x.step) {
      scan_step(kind, &s, a, x);
      if (is_recurrence) transfer = transfer_step(kind, transfer, a);
    }
  }
  scan_begin_group(kind, &s);
  scan_state_store(kind, span->states + v * STATE_DOUBLES, &s);
  if (is_recurrence) wide_store(transfers, transfer);
}

#define SUMMARIZE(kind)                                                          \
  case kind:                                                                     \
    for (int64_t v = 0; v < span->vectors; v++) summarize_vector(span, kind, v); \
    break;

void scan_summarize(const scan_span *span) {
  switch (span->kind) {
    SUMMARIZE(SCAN_RECURRENCE)
    SUMMARIZE(SCAN_COMPLEX)
    SUMMARIZE(SCAN_SUM)
    SUMMARIZE(SCAN_PRODUCT)
    SUMMARIZE(SCAN_MAX)
    SUMMARIZE(SCAN_LOGSUMEXP)
  }
}

void scan_reset(scan_kind kind, double *states, int64_t vectors) {
  scan_state s = scan_state_first(kind);
  for (int64_t v = 0; v < vectors; v++) scan_state_store(kind, states + v * STATE_DOUBLES, &s);
}
