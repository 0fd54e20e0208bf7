/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/scan/loops.h"

/* With more vectors than these in a row, states leave registers after each group of tokens, so that
 * memory is read and written row by row. */
enum { VECTORS_FEW = 4 };

SEQMIX_INLINE void put(float *to, vec x, int is_streamed) {
#if SEQMIX_VECTOR_BYTES == 64 && defined(__AVX512F__)
  if (is_streamed) {
    _mm512_stream_ps(to, (__m512)x);
    return;
  }
#elif SEQMIX_VECTOR_BYTES == 32 && defined(__AVX2__)
  if (is_streamed) {
    _mm256_stream_ps(to, (__m256)x);
    return;
  }
#elif SEQMIX_VECTOR_BYTES == 16 && defined(__SSE__)
  if (is_streamed) {
    _mm_stream_ps(to, (__m128)x);
    return;
  }
#endif
  (void)is_streamed;
  vec_store(to, x);
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

/* `vectors` neighbours through `tokens` tokens, with their states in registers. */
SEQMIX_INLINE void run_tokens(const scan_span *span, scan_kind kind, int is_exclusive,
                              int is_streamed, int vectors, cursor at, double *states,
                              int64_t tokens) {
  scan_state s[2];
#pragma GCC unroll 2
  for (int v = 0; v < vectors; v++) s[v] = scan_state_load(kind, states + v * STATE_DOUBLES);
  for (int64_t t = 0; t < tokens; t += TOKENS_PER_GROUP) {
    int64_t group = tokens - t < TOKENS_PER_GROUP ? tokens - t : TOKENS_PER_GROUP;
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++) scan_begin_group(kind, &s[v]);
    for (int64_t i = 0; i < group; i++, advance(span, &at)) {
#pragma GCC unroll 2
      for (int v = 0; v < vectors; v++) {
        if (is_exclusive) put(at.out + v * LANES, scan_result(kind, &s[v]), is_streamed);
        scan_step(kind, &s[v], at.a + v * LANES, at.x + v * LANES);
        if (!is_exclusive) put(at.out + v * LANES, scan_result(kind, &s[v]), is_streamed);
      }
    }
  }
#pragma GCC unroll 2
  for (int v = 0; v < vectors; v++) scan_state_store(kind, states + v * STATE_DOUBLES, &s[v]);
}

SEQMIX_INLINE void run_block(const scan_span *span, scan_kind kind, int is_exclusive,
                             int is_streamed) {
  int64_t at_once = span->vectors > VECTORS_FEW ? TOKENS_PER_GROUP : span->tokens;
  for (int64_t t = 0; t < span->tokens; t += at_once) {
    int64_t tokens = span->tokens - t < at_once ? span->tokens - t : at_once;
    int64_t v = 0;
    for (; v + 2 <= span->vectors; v += 2) {
      cursor at = {span->a.at + t * span->a.step + v * LANES,
                   span->x.at + t * span->x.step + v * LANES,
                   span->out.at + t * span->out.step + v * LANES};
      run_tokens(span, kind, is_exclusive, is_streamed, 2, at, span->states + v * STATE_DOUBLES,
                 tokens);
    }
    if (v < span->vectors) {
      cursor at = {span->a.at + t * span->a.step + v * LANES,
                   span->x.at + t * span->x.step + v * LANES,
                   span->out.at + t * span->out.step + v * LANES};
      run_tokens(span, kind, is_exclusive, is_streamed, 1, at, span->states + v * STATE_DOUBLES,
                 tokens);
    }
  }
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
