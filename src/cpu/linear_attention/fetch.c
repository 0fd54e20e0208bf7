/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the next head or chunk on their way into the cache while the present one is computed.
 *
 * Hardware fetches the rest of a row ahead once it has seen some lines of it, but nothing of the
 * next token's, far away on another page. Rows are asked for one or two at a time: all at once they
 * would fill the queue of misses, and the computation would wait for that. Measured, rows of 256
 * bytes gain a tenth, and rows of 512 a twentieth at most. */
#include "cpu/linear_attention/stream.h"

enum { LINE = 64 };

static void add_rows(linear_stream *s, const seqmix_view *view, int64_t head, int64_t first,
                     int64_t count) {
  if (!view->dtype || s->fetch.arrays == FETCH_ARRAYS) return;
  int64_t size = stream_element_bytes(view), step = view->stride[1] * size;
  fetched_rows *rows = &s->fetch.rows[s->fetch.arrays++];
  rows->first = stream_row(s, view, 0, head) + first * size;
  rows->step = s->is_backwards ? -step : step;
  rows->bytes = count * size;
}

/* Of the head whose turn is next. */
static void find_arrays(linear_stream *s, const stream_head *next) {
  const seqmix_linear_attention_problem *p = s->problem;
  s->fetch.arrays = 0;
  if (s->writes) {
    add_rows(s, &p->k, next->key_head, 0, p->head_dim);
    add_rows(s, &p->v, next->head, s->first_column, s->columns);
    if (s->decay_kind == DECAY_CHANNEL) add_rows(s, s->decay, next->head, 0, p->head_dim);
    add_rows(s, &p->erase, next->head, 0, p->head_dim);
    add_rows(s, &p->a, next->head, 0, p->head_dim);
    add_rows(s, &p->b, next->head, 0, p->head_dim);
  }
  for (int64_t g = 0; g < s->queries && s->reads; g++)
    add_rows(s, &p->q, stream_query_head(s, next->head, g), 0, p->head_dim);
}

void stream_start_fetching(linear_stream *s, int64_t occasions) {
  const stream_head *next = s->present + 1;
  int64_t first = s->at, tokens = s->count;
  if (next == s->heads + s->group) {
    next = s->heads;
    first += s->count;
    tokens = s->tokens - first < CHUNK_TOKENS ? s->tokens - first : CHUNK_TOKENS;
  }
  find_arrays(s, next);
  s->fetch.array = 0;
  s->fetch.token = first;
  s->fetch.end = first + tokens;
  s->fetch.at_once = (tokens * s->fetch.arrays + occasions - 1) / occasions;
}

void stream_fetch(linear_stream *s) {
  stream_fetching *f = &s->fetch;
  for (int64_t i = 0; i < f->at_once && f->token < f->end; i++) {
    const fetched_rows *rows = &f->rows[f->array];
    const char *row = rows->first + f->token * rows->step;
    for (int64_t at = 0; at < rows->bytes; at += LINE) __builtin_prefetch(row + at, 0, 3);
    if (++f->array < f->arrays) continue;
    f->array = 0;
    f->token++;
  }
}
