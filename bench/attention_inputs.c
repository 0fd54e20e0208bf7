/* SPDX-License-Identifier: Apache-2.0 */
/* Random inputs. */
#include <stdlib.h>
#include <string.h>

#include "bench/attention.h"
#include "verify/random.h"

/* Room for q, k and v; on paper none. */
static int make_qkv(attention_instance *in) {
  const attention_shape *s = &in->shape;
  int (*make)(bench_image *, uint64_t) = in->world->is_paper ? image_pretend : image_allocate;
  uint64_t size = seqmix_dtype_size(in->dtype);
  uint64_t rows = (uint64_t)(s->b * s->hkv * attention_slots(s));
  return make(&in->images[PART_Q], (uint64_t)(s->b * s->tq * s->hq * s->d) * size) &&
         make(&in->images[PART_K], rows * (uint64_t)s->d * size) &&
         make(&in->images[PART_V], rows * (uint64_t)s->dv * size);
}

static int draw_qkv(attention_instance *in, random_state *random) {
  uint64_t size = seqmix_dtype_size(in->dtype);
  if (in->world->is_paper) return make_qkv(in);
  unsigned char *pool = image_draw_pool(random, in->dtype, NULL, 0);
  int done = pool != NULL && make_qkv(in);
  for (int part = PART_Q; done && part <= PART_V; part++)
    image_tile(&in->images[part], pool, IMAGE_POOL * size,
               (uint64_t)part * (IMAGE_POOL / 3) * size);
  free(pool);
  return done;
}

static int draw_sinks(attention_instance *in, random_state *random) {
  if (!in->shape.sinks) return 1;
  if (!image_allocate(&in->images[PART_SINKS], (uint64_t)in->shape.hq * sizeof(float))) return 0;
  float *sinks = in->images[PART_SINKS].data;
  for (int64_t h = 0; h < in->shape.hq; h++) sinks[h] = (float)random_normal(random);
  return 1;
}

/* In each row of blocks the one on the diagonal lives, and as many others as make the share. */
static void draw_map_row(uint8_t *row, int64_t columns, int64_t diagonal, int64_t live,
                         random_state *random) {
  int64_t left = (columns + live - 1) / live;
  memset(row, 0, (size_t)columns);
  row[diagonal < columns ? diagonal : columns - 1] = 1;
  while (--left > 0) {
    int64_t at;
    do at = random_integer(random, 0, columns - 1);
    while (row[at]);
    row[at] = 1;
  }
}

static int draw_map(attention_instance *in, random_state *random) {
  const attention_shape *s = &in->shape;
  int64_t rows = attention_map_rows(s), columns = attention_map_columns(s);
  if (!s->block) return 1;
  if (!image_allocate(&in->images[PART_MAP], (uint64_t)(rows * columns))) return 0;
  uint8_t *map = in->images[PART_MAP].data;
  for (int64_t r = 0; r < rows; r++) draw_map_row(map + r * columns, columns, r, s->live, random);
  return 1;
}

/* Pages in random order, as a cache that has been in use for a while has them. */
static int draw_table(attention_instance *in, random_state *random) {
  const attention_shape *s = &in->shape;
  if (!s->page) return 1;
  int64_t pages = s->b * attention_pages(s);
  if (!image_allocate(&in->images[PART_TABLE], (uint64_t)pages * sizeof(int32_t)) ||
      !image_allocate(&in->images[PART_LENGTHS], (uint64_t)s->b * sizeof(int32_t)))
    return 0;
  int32_t *table = in->images[PART_TABLE].data, *lengths = in->images[PART_LENGTHS].data;
  for (int64_t i = 0; i < s->b; i++) lengths[i] = (int32_t)s->tk;
  for (int64_t i = 0; i < pages; i++) table[i] = (int32_t)i;
  for (int64_t i = pages - 1; i > 0; i--) {
    int64_t other = random_integer(random, 0, i);
    int32_t page = table[i];
    table[i] = table[other];
    table[other] = page;
  }
  return 1;
}

int attention_draw(attention_instance *in) {
  random_state random = random_start(IMAGE_SEED);
  return draw_qkv(in, &random) && draw_sinks(in, &random) && draw_map(in, &random) &&
         draw_table(in, &random);
}

int64_t attention_key_row(const attention_instance *in, int64_t b, int64_t j, int64_t g) {
  const attention_shape *s = &in->shape;
  if (!s->page) return (b * s->tk + j) * s->hkv + g;
  const int32_t *table = in->images[PART_TABLE].data;
  return (table[b * attention_pages(s) + j / s->page] * s->page + j % s->page) * s->hkv + g;
}
