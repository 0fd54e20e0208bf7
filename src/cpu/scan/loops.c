/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/scan/loops.h"

#include <float.h>

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
  double *states = span->states + v * scan_doubles(kind);
  cursor at = {span->a.at + v * LANES, span->x.at + v * LANES, span->out.at + v * LANES};
#pragma GCC unroll 2
  for (int i = 0; i < vectors; i++) s[i] = scan_state_load(kind, states + i * scan_doubles(kind));
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
  for (int i = 0; i < vectors; i++) scan_state_store(kind, states + i * scan_doubles(kind), &s[i]);
}

/* The same of logsumexp, with the logarithms of a few tokens side by side. */
SEQMIX_INLINE void run_exponentials(const scan_span *span, int is_exclusive, int is_streamed,
                                    int64_t v) {
  double *states = span->states + v * STATE_DOUBLES;
  const float *x = span->x.at + v * LANES;
  float *out = span->out.at + v * LANES;
  scan_state s = scan_state_load(SCAN_LOGSUMEXP, states);
  for (int64_t t = 0; t < span->tokens; t += EACH_MOST) {
    int64_t count = span->tokens - t < EACH_MOST ? span->tokens - t : EACH_MOST;
    scan_state results[EACH_MOST];
    vec y[EACH_MOST];
    for (int64_t i = 0; i < EACH_MOST; i++) results[i] = s;
    for (int64_t i = 0; i < count; i++, x += span->x.step) {
      if (is_exclusive) results[i] = s;
      scan_step(SCAN_LOGSUMEXP, &s, x, x);
      if (!is_exclusive) results[i] = s;
    }
    scan_logarithms(results, y, EACH_MOST);
    for (int64_t i = 0; i < count; i++, out += span->out.step) put(out, y[i], is_streamed);
  }
  scan_state_store(SCAN_LOGSUMEXP, states, &s);
}

SEQMIX_INLINE void run_panels(const scan_span *span, scan_kind kind, int is_exclusive,
                              int is_streamed) {
  int64_t v = 0;
  for (; v < span->vectors && kind == SCAN_LOGSUMEXP; v++)
    run_exponentials(span, is_exclusive, is_streamed, v);
  for (; v + 2 <= span->vectors; v += 2) run_tokens(span, kind, is_exclusive, is_streamed, 2, v);
  if (v < span->vectors) run_tokens(span, kind, is_exclusive, is_streamed, 1, v);
}

SEQMIX_INLINE void run_row(const scan_span *span, scan_kind kind, int is_exclusive, int is_streamed,
                           int begins_group, cursor at) {
  double *state = span->states;
  for (int64_t v = 0; v < span->vectors; v++, state += scan_doubles(kind)) {
    scan_state s = scan_state_load(kind, state);
    if (begins_group) scan_begin_group(kind, &s);
    if (is_exclusive) put(at.out, scan_result(kind, &s), is_streamed);
    scan_step(kind, &s, at.a, at.x);
    if (!is_exclusive) put(at.out, scan_result(kind, &s), is_streamed);
    scan_state_store(kind, state, &s);
    at = (cursor){at.a + LANES, at.x + LANES, at.out + LANES};
  }
}

/* A few vectors of a row of logsumexp: the exponentials, or the logarithms. */
SEQMIX_INLINE void run_few(double *states, const float *x, float *out, int count, int is_streamed) {
  enum { DOUBLES = STATE_DOUBLES };
  scan_state s[EACH_MOST];
  vec y[EACH_MOST];
  EACH(i, count) s[i] = scan_state_load(SCAN_LOGSUMEXP, states + i * DOUBLES);
  if (x) {
    EACH(i, count) y[i] = vec_load(x + i * LANES);
    scan_add_exponentials(s, y, count);
    EACH(i, count) scan_state_store(SCAN_LOGSUMEXP, states + i * DOUBLES, &s[i]);
    return;
  }
  scan_logarithms(s, y, count);
  EACH(i, count) put(out + i * LANES, y[i], is_streamed);
}

SEQMIX_INLINE void run_part(const scan_span *span, const float *x, float *out, int is_streamed) {
  int64_t v = 0;
  for (; v + EACH_MOST <= span->vectors; v += EACH_MOST)
    run_few(span->states + v * STATE_DOUBLES, x ? x + v * LANES : NULL, out + v * LANES, EACH_MOST,
            is_streamed);
  for (; v < span->vectors; v++)
    run_few(span->states + v * STATE_DOUBLES, x ? x + v * LANES : NULL, out + v * LANES, 1,
            is_streamed);
}

/* Exponentials and logarithms go one after the other, a few of a kind at a time: both take long. */
SEQMIX_INLINE void run_row_of_exponentials(const scan_span *span, int is_exclusive, int is_streamed,
                                           cursor at) {
  if (is_exclusive) run_part(span, NULL, at.out, is_streamed);
  run_part(span, at.x, at.out, is_streamed);
  if (!is_exclusive) run_part(span, NULL, at.out, is_streamed);
}

SEQMIX_INLINE void run_block(const scan_span *span, scan_kind kind, int is_exclusive,
                             int is_streamed) {
  cursor at = {span->a.at, span->x.at, span->out.at};
  if (span->vectors <= VECTORS_FEW) {
    run_panels(span, kind, is_exclusive, is_streamed);
    return;
  }
  for (int64_t t = 0; t < span->tokens; t++, advance(span, &at))
    if (kind == SCAN_LOGSUMEXP)
      run_row_of_exponentials(span, is_exclusive, is_streamed, at);
    else if (kind == SCAN_PRODUCT && t % TOKENS_PER_GROUP)
      run_row(span, kind, is_exclusive, is_streamed, 0, at);
    else
      run_row(span, kind, is_exclusive, is_streamed, 1, at);
}

/* Each kind has loops of its own. */
#define RUN(kind)                                  \
  static void run_##kind(const scan_span *span) {  \
    if (span->is_exclusive)                        \
      run_block(span, kind, 1, span->is_streamed); \
    else                                           \
      run_block(span, kind, 0, span->is_streamed); \
  }
RUN(SCAN_SUM)
RUN(SCAN_PRODUCT)
RUN(SCAN_MAX)
RUN(SCAN_LOGSUMEXP)
#undef RUN

/* Recurrences are never exclusive. */
static void run_recurrence(const scan_span *span) {
  run_block(span, SCAN_RECURRENCE, 0, span->is_streamed);
}

static void run_complex(const scan_span *span) {
  run_block(span, SCAN_COMPLEX, 0, span->is_streamed);
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

/* Anything times 0 is 0 here: what an infinite product had been does not matter any more. Only a
 * factor of 0 makes 0 of it, though: what is infinite before a piece is so after it. */
SEQMIX_INLINE dvec multiply_or_forget(dvec a, dvec x) {
  const lvec sign = lvec_of(0x8000000000000000);
  dvec product = a * x;
  lvec is_zero = (lvec)(a == dvec_of(0)) | (lvec)(x == dvec_of(0));
  lvec is_lost = (lvec)(product == dvec_of(0)) & ~is_zero;
  lvec least = ((lvec)product & sign) | (lvec)dvec_of(DBL_MIN);
  return (dvec)(~is_zero & ((~is_lost & (lvec)product) | (is_lost & least)));
}

SEQMIX_INLINE wide transfer_step(scan_kind kind, wide transfer, const float *a) {
  wide factor = wide_from_memory(a);
  if (kind == SCAN_COMPLEX) return wide_complex_multiply_add(factor, transfer, wide_of(0));
  return (wide){multiply_or_forget(factor.low, transfer.low),
                multiply_or_forget(factor.high, transfer.high)};
}

SEQMIX_INLINE void summarize_vector(const scan_span *span, scan_kind kind, int64_t v) {
  int is_recurrence = kind == SCAN_RECURRENCE || kind == SCAN_COMPLEX;
  double *transfers = is_recurrence ? span->transfers + v * scan_doubles(kind) : NULL;
  wide transfer = is_recurrence ? wide_load(transfers) : wide_of(0);
  scan_state s = scan_state_load(kind, span->states + v * scan_doubles(kind));
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
  scan_state_store(kind, span->states + v * scan_doubles(kind), &s);
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
  for (int64_t v = 0; v < vectors; v++) scan_state_store(kind, states + v * scan_doubles(kind), &s);
}
