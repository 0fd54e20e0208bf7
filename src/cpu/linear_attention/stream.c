/* SPDX-License-Identifier: Apache-2.0 */
/* What a stream computes and where its scratch lies. */
#include "cpu/linear_attention/stream.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"

static int uses(const seqmix_linear_attention_problem *p, uint64_t feature) {
  return (p->header.features & feature) != 0;
}

/* Query heads that read one state. */
static int64_t queries_of(const seqmix_linear_attention_problem *p) {
  return p->q_heads > p->state_heads ? p->q_heads / p->state_heads : 1;
}

/* ---- scratch --------------------------------------------------------------------------------- */

/* Hands out pieces of scratch. Counts in floating point first: what passes 2^62 there does not
 * fit, and all below is exact enough to say so. */
typedef struct scratch_plan {
  char *at; /* NULL: only counts */
  uint64_t used;
  int too_much;
} scratch_plan;

static void *take(scratch_plan *plan, double a, double b, double c, uint64_t size) {
  if (a * b * c * (double)size + (double)plan->used > 0x1p62) plan->too_much = 1;
  if (plan->too_much) return NULL;
  char *piece = plan->at ? plan->at + plan->used : NULL;
  plan->used += seqmix_memory_round((uint64_t)a * (uint64_t)b * (uint64_t)c * size);
  return piece;
}

static float *take_floats(scratch_plan *plan, int64_t a, int64_t b, int64_t c) {
  return take(plan, (double)a, (double)b, (double)c, sizeof(float));
}

static int64_t rounded(int64_t count, int64_t unit) { return (count + unit - 1) / unit * unit; }

/* Rows are as long as whole vectors and whole tiles of the state's rows need. */
static int64_t dims_of(const seqmix_linear_attention_problem *p) {
  return rounded(rounded(p->head_dim, PRODUCT_ROWS), 16);
}

static void lay_out_readers(linear_stream *s, scratch_plan *plan) {
  int64_t count = s->queries + s->has_eraser;
  stream_reader *readers = take(plan, (double)count, 1, 1, sizeof *readers);
  float *rows = take_floats(plan, count, CHUNK_TOKENS, s->dims);
  float *weights = take_floats(plan, count, s->writers, (int64_t)CHUNK_TOKENS * WEIGHT_STEP);
  s->readers = readers;
  if (!plan->at || plan->too_much) return;
  memset(readers, 0, (size_t)count * sizeof *readers);
  for (int64_t r = 0; r < count; r++) {
    readers[r].rows = rows + r * CHUNK_TOKENS * s->dims;
    for (int w = 0; w < s->writers; w++)
      readers[r].weights[w] = weights + (r * s->writers + w) * CHUNK_TOKENS * WEIGHT_STEP;
  }
}

static void lay_out_heads(linear_stream *s, scratch_plan *plan) {
  stream_head *heads = take(plan, (double)s->group, 1, 1, sizeof *heads);
  float *states = take_floats(plan, s->group * s->panels, s->dims, PRODUCT_COLUMNS);
  float *normalizers = take_floats(plan, s->group, s->dims, 1);
  s->heads = heads;
  if (!plan->at || plan->too_much) return;
  for (int64_t i = 0; i < s->group; i++)
    heads[i] = (stream_head){.state = states + i * s->panels * s->dims * PRODUCT_COLUMNS,
                             .normalizer = normalizers + i * s->dims};
}

static void lay_out_forward(linear_stream *s, scratch_plan *plan) {
  const seqmix_linear_attention_problem *p = s->problem;
  if (!uses(p, SEQMIX_LINEAR_ATTENTION_BIDIRECTIONAL)) return;
  s->forward_values = take_floats(plan, s->queries, p->length, s->panels * PRODUCT_COLUMNS);
  s->forward_denominators = take_floats(plan, s->queries, p->length, 1);
  s->forward_stabilizers = take_floats(plan, p->length, 1, 1);
}

static void lay_out(linear_stream *s, scratch_plan *plan) {
  int64_t by_channel = s->decay_kind == DECAY_CHANNEL ? s->dims : 1;
  lay_out_readers(s, plan);
  lay_out_heads(s, plan);
  for (int w = 0; w < s->writers; w++) {
    s->writer_rows[w] = take_floats(plan, CHUNK_TOKENS, s->dims, 1);
    s->turned[w] = take_floats(plan, TURNED_PANELS, s->dims, PRODUCT_COLUMNS);
    s->values[w] = take_floats(plan, s->panels, CHUNK_TOKENS, PRODUCT_COLUMNS);
  }
  if (s->has_channel_beta) s->betas = take_floats(plan, s->panels, CHUNK_TOKENS, PRODUCT_COLUMNS);
  s->decays = take_floats(plan, CHUNK_TOKENS + LANES, by_channel, 1);
  s->alphas = take_floats(plan, CHUNK_TOKENS + LANES, by_channel, 1);
  s->pairs = take_floats(plan, CHUNK_TOKENS, WEIGHT_STEP, 1);
  s->keep_mask = take(plan, CHUNK_TOKENS, (double)s->dims, 1, sizeof *s->keep_mask);
  s->keep_part = take_floats(plan, CHUNK_TOKENS, s->dims, 1);
  s->gains = take_floats(plan, CHUNK_TOKENS, 1, 1);
  s->past_gains = take_floats(plan, CHUNK_TOKENS, 1, 1);
  s->own_gains = take_floats(plan, CHUNK_TOKENS, 1, 1);
  s->stabilizers = take_floats(plan, CHUNK_TOKENS, 1, 1);
  s->denominators = take_floats(plan, s->queries, CHUNK_TOKENS, 1);
  s->columns_rows = take_floats(plan, s->queries + WRITERS + 1, s->panels, PRODUCT_COLUMNS);
  s->prefix = take_floats(plan, s->dims, 1, 1);
  s->spare = take_floats(plan, TURN_ROWS, s->dims, 1);
  lay_out_forward(s, plan);
}

/* The members that tell models apart. */
static void describe(linear_stream *s, const seqmix_linear_attention_problem *p,
                     const linear_plan *plan) {
  int is_dplr = uses(p, SEQMIX_LINEAR_ATTENTION_DPLR);
  *s = (linear_stream){.problem = p, .plan = *plan, .group = plan->group};
  s->decay_kind = seqmix_linear_decay(p);
  s->writers = 1 + is_dplr;
  s->queries = queries_of(p);
  s->has_eraser = is_dplr || uses(p, SEQMIX_LINEAR_ATTENTION_DELTA);
  /* With erase, beta belongs to the values alone. */
  s->has_channel_beta =
      uses(p, SEQMIX_LINEAR_ATTENTION_CHANNEL_BETA) && !uses(p, SEQMIX_LINEAR_ATTENTION_ERASE);
  s->is_normalized = uses(p, SEQMIX_LINEAR_ATTENTION_NORMALIZE);
  s->is_gated = uses(p, SEQMIX_LINEAR_ATTENTION_INPUT_GATE);
  s->dims = dims_of(p);
  s->columns = plan->columns;
  s->panels = rounded(s->columns, PRODUCT_COLUMNS) / PRODUCT_COLUMNS;
  s->decay = &p->decay;
}

uint64_t stream_bytes(const seqmix_linear_attention_problem *problem, const linear_plan *plan) {
  linear_stream stream;
  scratch_plan scratch = {0};
  /* Beyond this, rounding up would overflow before anything is counted. */
  if (problem->head_dim > INT64_MAX / 64 || problem->value_dim > INT64_MAX / 64) return UINT64_MAX;
  describe(&stream, problem, plan);
  lay_out(&stream, &scratch);
  return scratch.too_much ? UINT64_MAX : scratch.used;
}

void stream_place(linear_stream *stream, const seqmix_linear_attention_problem *problem,
                  const linear_plan *plan, void *scratch) {
  scratch_plan pieces = {.at = scratch};
  describe(stream, problem, plan);
  lay_out(stream, &pieces);
  for (int64_t r = 0; r < stream->queries; r++)
    stream->readers[r].is_early = uses(problem, SEQMIX_LINEAR_ATTENTION_BONUS);
  if (stream->has_eraser)
    stream_eraser(stream)->is_early = uses(problem, SEQMIX_LINEAR_ATTENTION_DPLR);
}

/* ---- tasks ----------------------------------------------------------------------------------- */

/* The head among `fewer` that head h of `more` uses. */
static int64_t shared_head(const seqmix_linear_attention_problem *p, int64_t h, int64_t more,
                           int64_t fewer) {
  if (uses(p, SEQMIX_LINEAR_ATTENTION_TILED_HEADS)) return h % fewer;
  return h / (more / fewer);
}

/* The head of out that query g of a state writes. */
static int64_t out_head(const linear_stream *s, int64_t head, int64_t g) {
  const seqmix_linear_attention_problem *p = s->problem;
  if (p->q_heads <= p->state_heads) return head;
  if (uses(p, SEQMIX_LINEAR_ATTENTION_TILED_HEADS)) return g * p->state_heads + head;
  return head * s->queries + g;
}

int64_t stream_query_head(const linear_stream *s, int64_t head, int64_t g) {
  const seqmix_linear_attention_problem *p = s->problem;
  if (p->q_heads < p->state_heads) return shared_head(p, head, p->state_heads, p->q_heads);
  return out_head(s, head, g);
}

/* Heads, columns and block of a task. */
static void find_share(linear_stream *s, int64_t task) {
  const seqmix_linear_attention_problem *p = s->problem;
  const linear_plan *plan = &s->plan;
  int64_t block = task % plan->blocks, group = task / plan->blocks % plan->groups;
  s->n = task / plan->blocks / plan->groups;
  s->first_column = block * plan->columns;
  s->columns = p->value_dim - s->first_column;
  if (s->columns > plan->columns) s->columns = plan->columns;
  s->panels = rounded(s->columns, PRODUCT_COLUMNS) / PRODUCT_COLUMNS;
  s->owns_rest = block == 0;
  int64_t first = group * plan->group;
  s->group = p->state_heads - first < plan->group ? p->state_heads - first : plan->group;
  for (int64_t i = 0; i < s->group; i++) {
    s->heads[i].head = first + i;
    s->heads[i].key_head = shared_head(p, first + i, p->state_heads, p->k_heads);
  }
}

int stream_open(linear_stream *s, int64_t task) {
  const seqmix_linear_attention_problem *p = s->problem;
  find_share(s, task);
  s->first_token = 0;
  s->tokens = p->length;
  if (p->cu_seqlens.bits) {
    s->first_token = seqmix_index_at(&p->cu_seqlens, s->n, 0);
    s->tokens = seqmix_index_at(&p->cu_seqlens, s->n + 1, 0) - s->first_token;
  }
  s->is_backwards = uses(p, SEQMIX_LINEAR_ATTENTION_REVERSE);
  return !p->state_indices.bits || seqmix_index_at(&p->state_indices, s->n, 0) >= 0;
}

void stream_select(linear_stream *s, int64_t i) {
  stream_head *head = &s->heads[i];
  if (s->present) s->present->stabilizer = s->stabilizer;
  s->present = head;
  s->head = head->head;
  s->key_head = head->key_head;
  s->state = head->state;
  s->normalizer = head->normalizer;
  s->stabilizer = head->stabilizer;
  s->past_rows = head->past_rows;
  s->present_rows = head->present_rows;
  for (int64_t g = 0; g < s->queries; g++) {
    s->readers[g].head = out_head(s, s->head, g);
    s->readers[g].query_head = stream_query_head(s, s->head, g);
  }
}
