/* SPDX-License-Identifier: Apache-2.0 */
/* Which tokens a stream has in a launch, and where its tensors and its workspace are. */
#include "linear_attention/arguments.h"
#include "shared/lane.h"
#include "shared/sequences.h"

/* One item needs no barrier, and compilers do better without. */
#if ITEMS == 1
#define group_join()
#else
#define group_join() group_barrier()
#endif

/* Numbers `first` .. of the items of a group, and the same of blocks of lanes of a row. */
#define FOR_ITEMS(i, count) for (int64_t i = item_number(); i < (count); i += ITEMS)

typedef struct stream {
  sequence of;
  int64_t slot; /* its number in the launch */
  int64_t n, head;
  int64_t tokens;  /* in the window */
  int32_t is_over; /* before the window */
} stream;

DEVICE stream find_stream(const linear_call *c, sequence_arrays arrays, int64_t slot,
                          GLOBAL int32_t *faults) {
  stream s;
  int64_t number = c->first_stream + slot, most = c->chunks * c->chunk;
  s.slot = slot;
  s.n = number / c->state_heads;
  s.head = number % c->state_heads;
  s.of = sequence_at(&c->at, arrays, s.n, faults);
  int64_t left = s.of.length - c->first_token;
  s.is_over = c->first_token > 0 && left <= 0;
  s.tokens = left < 0 || s.of.is_bad ? 0 : left < most ? left : most;
  return s;
}

/* Whether a launch has anything to compute of it. */
DEVICE int is_live(const stream *s) { return !s->of.is_bad && !s->is_over && s->of.from >= 0; }

/* Whether its last token is in the window. */
DEVICE int is_at_end(const linear_call *c, const stream *s) {
  return !s->is_over && s->of.length <= c->first_token + c->chunks * c->chunk;
}

/* Token t of the window as the sequence has it. */
DEVICE int64_t position_of(const linear_call *c, const stream *s, int64_t t) {
  t += c->first_token;
  return c->is_backwards ? s->of.length - 1 - t : t;
}

DEVICE int32_t bytes_of(int32_t dtype) { return dtype == TYPE_F32 ? 4 : 2; }

/* Element 0 of token t of the window, of a tensor [n, t, h, ...]. */
DEVICE int64_t row_at(const linear_call *c, const stream *s, const linear_tensor *x, int64_t t,
                      int64_t head) {
  return x->byte_offset / bytes_of(x->dtype) + s->n * x->stride[0] +
         (s->of.first + position_of(c, s, t)) * x->stride[1] + head * x->stride[2];
}

/* Element 0 of a head of row `row` of a state tensor [row, h, ...]. */
DEVICE int64_t state_at(const linear_tensor *x, int64_t row, int64_t head) {
  return x->byte_offset / bytes_of(x->dtype) + row * x->stride[0] + head * x->stride[1];
}

/* A gate's number of token t of the window. */
DEVICE float gate_at(const linear_call *c, const stream *s, const linear_tensor *x,
                     const GLOBAL uint8_t *data, int64_t t) {
  return load_element(data, x->dtype, row_at(c, s, x, t, s->head));
}

/* ---- heads ----------------------------------------------------------------------------------- */

/* The one of `fewer` heads that head h of `more` uses. */
DEVICE int64_t shared_head(const linear_call *c, int64_t h, int64_t more, int64_t fewer) {
  return c->is_tiled ? h % fewer : h / (more / fewer);
}

/* The head of out that query g of a state writes. */
DEVICE int64_t out_head(const linear_call *c, int64_t head, int64_t g) {
  if (c->q_heads <= c->state_heads) return head;
  return c->is_tiled ? g * c->state_heads + head : head * c->queries + g;
}

DEVICE int64_t query_head(const linear_call *c, int64_t head, int64_t g) {
  if (c->q_heads < c->state_heads) return shared_head(c, head, c->state_heads, c->q_heads);
  return out_head(c, head, g);
}

DEVICE int64_t key_head(const linear_call *c, int64_t head) {
  return shared_head(c, head, c->state_heads, c->k_heads);
}

/* ---- workspace ------------------------------------------------------------------------------- */

DEVICE GLOBAL float *slot_of(const linear_call *c, GLOBAL float *work, int64_t slot,
                             int64_t chunk) {
  return work + c->slots_at + (slot * c->chunks + chunk) * c->slot_floats;
}

/* Tokens of chunk number `chunk` of the window. */
DEVICE int64_t tokens_of_chunk(const linear_call *c, const stream *s, int64_t chunk) {
  int64_t left = s->tokens - chunk * c->chunk;
  return left < 0 ? 0 : left < c->chunk ? left : c->chunk;
}

/* A token's row among those kept of a stream. */
DEVICE int64_t kept_row(const linear_call *c, const stream *s, int64_t t) {
  return c->is_by_position ? position_of(c, s, t) : t;
}

DEVICE GLOBAL float *gates_of(const linear_call *c, GLOBAL float *work, const stream *s,
                              int64_t t) {
  return work + c->gates_at + (s->slot * c->gates_tokens + kept_row(c, s, t)) * GATE_NUMBERS;
}

DEVICE GLOBAL float *results_of(const linear_call *c, GLOBAL float *work, const stream *s,
                                int64_t query, int64_t t) {
  int64_t row = (s->slot * c->queries + query) * c->results_tokens + kept_row(c, s, t);
  return work + c->results_at + row * c->results_columns;
}

/* A chunk of a stream, and its slot. */
typedef struct chunk_place {
  const linear_call *c;
  stream s;
  int64_t first, count; /* its tokens of the window; none if there is nothing to compute */
  GLOBAL float *slot, *work;
} chunk_place;

/* That of a work-group. */
DEVICE chunk_place find_chunk(const linear_call *c, sequence_arrays arrays, GLOBAL float *work,
                              GLOBAL int32_t *faults) {
  int64_t slot = group_number() / c->chunks, chunk = group_number() % c->chunks;
  chunk_place k = {c, find_stream(c, arrays, slot, faults), chunk * c->chunk,
                   0, slot_of(c, work, slot, chunk),        work};
  if (is_live(&k.s)) k.count = tokens_of_chunk(c, &k.s, chunk);
  return k;
}

/* Its rows that a query, or a writer, has. */
DEVICE GLOBAL float *query_rows(const chunk_place *k, int64_t query) {
  return k->slot + query * k->c->chunk * k->c->dims;
}
DEVICE GLOBAL float *writer_rows(const chunk_place *k, int32_t writer) {
  return k->slot + (writer == 0 ? k->c->keys_at : k->c->low_rank_at);
}

/* A number that an input gate has left of token t of the chunk. */
DEVICE float gate_number(const chunk_place *k, int64_t t, int32_t number) {
  return gates_of(k->c, k->work, &k->s, k->first + t)[number];
}

/* ---- lanes of workspace ---------------------------------------------------------------------- */

/* The first `count` lanes of x, the others 0. */
DEVICE lane first_lanes(lane x, int64_t count) {
  if (count >= LANES) return x;
  float each[LANES];
  lane_to_array(each, x);
  for (int32_t i = 0; i < LANES; i++)
    if (i >= count) each[i] = 0.0f;
  return lane_from_array(each);
}

/* x with lane number `at` as y, if it has such a lane. */
DEVICE lane with_number(lane x, int64_t at, float y) {
  if (at < 0 || at >= LANES) return x;
  float each[LANES];
  lane_to_array(each, x);
  UNROLL for (int32_t i = 0; i < LANES; i++) each[i] = i == at ? y : each[i];
  return lane_from_array(each);
}

DEVICE float number_of(lane x, int64_t at) {
  float each[LANES];
  uint32_t bits = 0;
  lane_to_array(each, x);
  /* Of a choice compilers make an array in memory. */
  UNROLL for (int32_t i = 0; i < LANES; i++) bits |= bits_of(each[i]) & -(uint32_t)(i == at);
  return from_bits(bits);
}
