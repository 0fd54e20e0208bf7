/* SPDX-License-Identifier: Apache-2.0 */
/* Attention without fusing: two BLAS products with a full softmax between them, all scores of a
 * head in memory, in f32. Masked scores are computed as well and become 0; paged keys have been
 * gathered and 16-bit inputs converted beforehand.
 *
 * Heads can go to a thread each, or the threads of the BLAS and of the softmax work on one head
 * after the other: both are tried, and the faster one is timed. */
#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/attention.h"
#include "bench/level.h"
#include "bench/measure.h"

#define MOST_BYTES (UINT64_C(4) << 30)
#define ROWS_PER_TASK 16
#define LONG_CALL 0.2 /* seconds */

typedef enum baseline_way { WAY_HEADS, WAY_BLAS, WAYS } baseline_way;

typedef struct baseline {
  attention_instance *in;
  baseline_way way;
  int heads_fit;       /* there is memory for the scores of a head per thread */
  int owns_kv;         /* k and v are conversions, not the instance's own */
  float *q, *out;      /* contiguous, as the shape has them */
  float **k, **v;      /* as many copies as the instance has */
  float *scores;       /* of one head, or of one head per thread */
  int64_t heads, rows; /* products per sequence; rows of scores of each */
  int64_t copy;        /* which one is in use */
  void (*softmax)(float *scores, const softmax_row *row);
} baseline;

/* ---- sizes --------------------------------------------------------------------------------- */

/* A single query makes one product of all heads that share keys. */
static void set_sizes(baseline *base) {
  const attention_shape *s = &base->in->shape;
  int is_single = s->tq == 1;
  base->heads = is_single ? s->hkv : s->hq;
  base->rows = is_single ? s->hq / s->hkv : s->tq;
}

static uint64_t score_bytes(const baseline *base) {
  return (uint64_t)base->rows * (uint64_t)base->in->shape.tk * sizeof(float);
}

static uint64_t key_elements(const attention_shape *s, int64_t dim) {
  return (uint64_t)(s->b * s->tk * s->hkv * dim);
}

static uint64_t query_elements(const attention_shape *s, int64_t dim) {
  return (uint64_t)(s->b * s->tq * s->hq * dim);
}

/* ---- inputs -------------------------------------------------------------------------------- */

/* k or v in f32, contiguous. */
static float *contiguous(const attention_instance *in, attention_part part, int64_t dim) {
  const attention_shape *s = &in->shape;
  float *to = malloc((size_t)key_elements(s, dim) * sizeof *to);
  if (!to) return NULL;
  uint64_t row = (uint64_t)(s->hkv * dim), size = seqmix_dtype_size(in->dtype);
  for (int64_t b = 0; b < s->b; b++)
    for (int64_t j = 0; j < s->tk; j++) {
      uint64_t from = (uint64_t)(attention_key_row(in, b, j, 0) * dim) * size;
      image_to_f32(to + (uint64_t)(b * s->tk + j) * row, in->dtype,
                   (const unsigned char *)in->images[part].data + from, row);
    }
  return to;
}

static float *copy_of(const float *from, uint64_t count) {
  float *to = malloc((size_t)count * sizeof *to);
  if (to) memcpy(to, from, (size_t)count * sizeof *to);
  return to;
}

static int fill_copies(baseline *base, float **copies, attention_part part, int64_t dim) {
  copies[0] = contiguous(base->in, part, dim);
  for (int64_t i = 1; i < base->in->copies && copies[i - 1]; i++)
    copies[i] = copy_of(copies[0], key_elements(&base->in->shape, dim));
  return copies[base->in->copies - 1] != NULL;
}

/* The instance's own buffers where they are what BLAS takes; otherwise conversions. */
static int take_inputs(baseline *base) {
  attention_instance *in = base->in;
  const attention_shape *s = &in->shape;
  base->k = calloc((size_t)in->copies, sizeof *base->k);
  base->v = calloc((size_t)in->copies, sizeof *base->v);
  base->q = malloc((size_t)query_elements(s, s->d) * sizeof *base->q);
  if (!base->k || !base->v || !base->q) return 0;
  image_to_f32(base->q, in->dtype, in->images[PART_Q].data, query_elements(s, s->d));
  base->owns_kv = in->dtype != SEQMIX_F32 || s->page || !in->world->on_host;
  if (base->owns_kv)
    return fill_copies(base, base->k, PART_K, s->d) && fill_copies(base, base->v, PART_V, s->dv);
  for (int64_t i = 0; i < in->copies; i++) {
    base->k[i] = in->k_copies[i];
    base->v[i] = in->v_copies[i];
  }
  return 1;
}

/* ---- one head ------------------------------------------------------------------------------ */

/* The scores of a sequence's head, or group of heads. */
typedef struct product {
  const baseline *base;
  int64_t b, head;
  float *scores;
} product;

static void soften_row(const product *p, int64_t row) {
  const attention_instance *in = p->base->in;
  const attention_shape *s = &in->shape;
  int is_single = s->tq == 1;
  int64_t t = is_single ? 0 : row, h = is_single ? p->head * p->base->rows + row : p->head;
  attention_range keys = attention_keys_of(s, t);
  const uint8_t *map = in->images[PART_MAP].data;
  const float *sinks = in->images[PART_SINKS].data;
  float *scores = p->scores + row * s->tk;
  int64_t columns = attention_map_columns(s);
  for (int64_t j = keys.begin; map && j < keys.end; j++)
    if (!map[t / s->block * columns + j / s->block]) scores[j] = -INFINITY;
  softmax_row softmax = {keys.begin, keys.end, s->tk, (float)s->softcap,
                         sinks ? sinks[h] : -INFINITY};
  p->base->softmax(scores, &softmax);
}

static void soften_rows(void *pointer, int32_t worker, int64_t task) {
  const product *p = pointer;
  (void)worker;
  int64_t end = (task + 1) * ROWS_PER_TASK;
  if (end > p->base->rows) end = p->base->rows;
  for (int64_t row = task * ROWS_PER_TASK; row < end; row++) soften_row(p, row);
}

static void multiply_head(const product *p, bench_team *team) {
  const baseline *base = p->base;
  const attention_shape *s = &base->in->shape;
  int is_single = s->tq == 1;
  int64_t group = s->hq / s->hkv, g = is_single ? p->head : p->head / group;
  int64_t first = p->b * s->tq * s->hq + (is_single ? p->head * group : p->head);
  int rows = (int)base->rows, keys = (int)s->tk, d = (int)s->d, dv = (int)s->dv;
  int step = is_single ? 1 : (int)s->hq; /* heads from one row to the next */
  const float *k = base->k[base->copy] + (p->b * s->tk * s->hkv + g) * s->d;
  const float *v = base->v[base->copy] + (p->b * s->tk * s->hkv + g) * s->dv;
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, keys, d, (float)(1 / sqrt(d)),
              base->q + first * d, step * d, k, (int)s->hkv * d, 0, p->scores, keys);
  int64_t tasks = (base->rows + ROWS_PER_TASK - 1) / ROWS_PER_TASK;
  product of_rows = *p;
  if (team)
    team_tasks(team, tasks, soften_rows, &of_rows);
  else
    for (int64_t task = 0; task < tasks; task++) soften_rows(&of_rows, 0, task);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, dv, keys, 1, p->scores, keys, v,
              (int)s->hkv * dv, 0, base->out + first * dv, step * dv);
}

/* ---- all heads ----------------------------------------------------------------------------- */

static void run_head(void *pointer, int32_t worker, int64_t task) {
  const baseline *base = pointer;
  float *scores = base->scores + worker * base->rows * base->in->shape.tk;
  product p = {base, task / base->heads, task % base->heads, scores};
  multiply_head(&p, NULL);
}

static void use_way(baseline *base, baseline_way way) {
  base->way = way;
  openblas_set_num_threads(way == WAY_BLAS ? team_size(base->in->world->team) : 1);
}

static seqmix_status run_baseline(void *pointer, int64_t call) {
  baseline *base = pointer;
  bench_team *team = base->in->world->team;
  int64_t count = base->in->shape.b * base->heads;
  base->copy = call % base->in->copies;
  if (base->way == WAY_HEADS) {
    team_tasks(team, count, run_head, base);
    return SEQMIX_OK;
  }
  for (int64_t i = 0; i < count; i++) {
    product p = {base, i / base->heads, i % base->heads, base->scores};
    multiply_head(&p, team);
  }
  return SEQMIX_OK;
}

static const char *how_baseline(const void *pointer) {
  const baseline *base = pointer;
  if (team_size(base->in->world->team) == 1) return "one thread";
  return base->way == WAY_HEADS ? "a head per thread" : "threads of the BLAS";
}

/* By a second call each way, the first warms up; one that takes long is not made again. */
static void choose_way(baseline *base) {
  double best[WAYS] = {0, 0};
  if (team_size(base->in->world->team) == 1) {
    use_way(base, WAY_HEADS);
    return;
  }
  for (int way = base->heads_fit ? WAY_HEADS : WAY_BLAS; way < WAYS; way++) {
    use_way(base, (baseline_way)way);
    for (int64_t i = 0; i < 2 && best[way] < LONG_CALL; i++) {
      double start = now();
      run_baseline(base, i);
      best[way] = now() - start;
    }
  }
  use_way(base, base->heads_fit && best[WAY_HEADS] <= best[WAY_BLAS] ? WAY_HEADS : WAY_BLAS);
}

/* ---- opening and closing ------------------------------------------------------------------- */

static void close_baseline(void *pointer) {
  baseline *base = pointer;
  if (!base) return;
  for (int64_t i = 0; base->owns_kv && i < base->in->copies; i++) {
    if (base->k) free(base->k[i]);
    if (base->v) free(base->v[i]);
  }
  free(base->k);
  free(base->v);
  free(base->q);
  free(base->out);
  free(base->scores);
  free(base);
}

/* Bytes besides the scores. */
static uint64_t input_bytes(const baseline *base) {
  const attention_instance *in = base->in;
  const attention_shape *s = &in->shape;
  uint64_t own = (uint64_t)in->copies * (key_elements(s, s->d) + key_elements(s, s->dv));
  return sizeof(float) * (own + query_elements(s, s->d) + query_elements(s, s->dv));
}

static void *open_baseline(void *instance, char *error) {
  attention_instance *in = instance;
  int32_t threads = team_size(in->world->team);
  baseline sizes = {.in = in, .softmax = level_best()->softmax};
  set_sizes(&sizes);
  uint64_t inputs = input_bytes(&sizes), scores = score_bytes(&sizes);
  if (inputs + scores > MOST_BYTES) {
    snprintf(error, BENCH_TEXT, "needs %.1f GiB; the bench gives it at most %.0f",
             (double)(inputs + scores) / 0x1p30, (double)MOST_BYTES / 0x1p30);
    return NULL;
  }
  baseline *base = malloc(sizeof *base);
  if (base) {
    *base = sizes;
    base->heads_fit = inputs + scores * (uint64_t)threads <= MOST_BYTES;
    base->out = malloc((size_t)query_elements(&in->shape, in->shape.dv) * sizeof *base->out);
    base->scores = malloc((size_t)scores * (size_t)(base->heads_fit ? threads : 1));
  }
  if (!base || !base->out || !base->scores || !take_inputs(base)) {
    snprintf(error, BENCH_TEXT, "not enough memory");
    close_baseline(base);
    return NULL;
  }
  choose_way(base);
  return base;
}

static int verify_baseline(void *pointer, bench_check *check, char *error) {
  baseline *base = pointer;
  const attention_shape *s = &base->in->shape;
  if (!attention_expect(base->in, error)) return 0;
  memset(base->out, 0xff, (size_t)query_elements(s, s->dv) * sizeof *base->out);
  run_baseline(base, 0);
  *check = attention_compare(base->in, base->out, SEQMIX_F32);
  return 1;
}

const bench_means attention_baseline = {
    .what = "unfused attention with BLAS, in f32",
    .open = open_baseline,
    .close = close_baseline,
    .run = run_baseline,
    .verify = verify_baseline,
    .how = how_baseline,
};
