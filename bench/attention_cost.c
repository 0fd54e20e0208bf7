/* SPDX-License-Identifier: Apache-2.0 */
/* The least an attention call must do, counted exactly: nothing masked is counted, and nothing is
 * moved twice. */
#include <stdlib.h>

#include "bench/attention.h"

/* Part of `keys` within block `column`. */
static attention_range within_block(const attention_shape *s, attention_range keys,
                                    int64_t column) {
  int64_t begin = column * s->block, end = begin + s->block;
  if (begin > keys.begin) keys.begin = begin;
  if (end < keys.end) keys.end = end;
  if (keys.end < keys.begin) keys.end = keys.begin;
  return keys;
}

/* Counts pairs, and marks where ranges of keys begin (+1) and end (-1). */
static int64_t add_range(int64_t *edges, attention_range keys) {
  edges[keys.begin]++;
  edges[keys.end]--;
  return keys.end - keys.begin;
}

attention_work attention_count(const attention_shape *s, const uint8_t *map) {
  attention_work work = {0, 0};
  int64_t columns = attention_map_columns(s), depth = 0;
  int64_t *edges = calloc((size_t)s->tk + 1, sizeof *edges);
  if (!edges) return work;
  for (int64_t t = 0; t < s->tq; t++) {
    attention_range keys = attention_keys_of(s, t);
    if (!map) work.pairs += add_range(edges, keys);
    for (int64_t c = 0; map && c < columns; c++)
      if (map[t / s->block * columns + c]) work.pairs += add_range(edges, within_block(s, keys, c));
  }
  for (int64_t j = 0; j < s->tk; j++) work.keys += (depth += edges[j]) > 0;
  free(edges);
  return work;
}

bench_cost attention_cost(const attention_shape *s, const uint8_t *map, int32_t dtype) {
  attention_work work = attention_count(s, map);
  double size = (double)seqmix_dtype_size(dtype);
  double queries = (double)(s->b * s->hq) * (double)s->tq;
  double keys = (double)(s->b * s->hkv) * (double)work.keys;
  return (bench_cost){
      .flops = (double)(s->b * s->hq) * (double)work.pairs * (double)(2 * s->d + 2 * s->dv),
      .bytes = size * (queries + keys) * (double)(s->d + s->dv),
  };
}
