/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "bench/attention.h"

enum {
  VALUE_B,
  VALUE_TQ,
  VALUE_TK,
  VALUE_HQ,
  VALUE_HKV,
  VALUE_D,
  VALUE_DV,
  VALUE_CAUSAL,
  VALUE_WINDOW,
  VALUE_SOFTCAP,
  VALUE_SINKS,
  VALUE_PAGE,
  VALUE_BLOCK,
  VALUE_LIVE
};

/* Long enough for anything that fits into memory, short enough for sums in int64. */
#define LONGEST 4194304.0

const bench_parameter attention_parameters[ATTENTION_PARAMETERS] = {
    [VALUE_B] = {"B", 1, 1, 65536, 1, "sequences", NULL},
    [VALUE_TQ] = {"Tq", 1024, 1, LONGEST, 1, "queries of each", NULL},
    [VALUE_TK] = {"Tk", 0, 0, LONGEST, 1, "keys of each; 0: as many as queries", NULL},
    [VALUE_HQ] = {"Hq", 8, 1, 4096, 1, "query heads", NULL},
    [VALUE_HKV] = {"Hkv", 0, 0, 4096, 1, "key/value heads, a divisor of Hq; 0: Hq", NULL},
    [VALUE_D] = {"D", 64, 1, 4096, 1, "head dim of queries and keys", NULL},
    [VALUE_DV] = {"Dv", 0, 0, 4096, 1, "head dim of values; 0: D", NULL},
    [VALUE_CAUSAL] = {"causal", 0, 0, 1, 1, "1: a query sees no later keys; the last sees all",
                      NULL},
    [VALUE_WINDOW] = {"window", 0, 0, LONGEST, 1,
                      "keys a query sees up to its own (not causal: on each side); 0: all", NULL},
    [VALUE_SOFTCAP] = {"softcap", 0, 0, 1e6, 0, "s = softcap * tanh(s / softcap); 0: none", NULL},
    [VALUE_SINKS] = {"sinks", 0, 0, 1, 1, "1: a sink per head", NULL},
    [VALUE_PAGE] = {"page", 0, 0, 65536, 1, "keys per page of a block_table; 0: contiguous", NULL},
    [VALUE_BLOCK] = {"block", 0, 0, 65536, 1, "rows and columns of a block of a block_map; 0: none",
                     NULL},
    [VALUE_LIVE] = {"live", 1, 1, 65536, 1, "one block of the block_map in this many is live",
                    NULL},
};

attention_shape attention_shape_of(const double *values) {
  return (attention_shape){
      .b = (int64_t)values[VALUE_B],
      .tq = (int64_t)values[VALUE_TQ],
      .tk = (int64_t)values[VALUE_TK],
      .hq = (int64_t)values[VALUE_HQ],
      .hkv = (int64_t)values[VALUE_HKV],
      .d = (int64_t)values[VALUE_D],
      .dv = (int64_t)values[VALUE_DV],
      .causal = values[VALUE_CAUSAL] != 0,
      .window = (int64_t)values[VALUE_WINDOW],
      .softcap = values[VALUE_SOFTCAP],
      .sinks = values[VALUE_SINKS] != 0,
      .page = (int64_t)values[VALUE_PAGE],
      .block = (int64_t)values[VALUE_BLOCK],
      .live = (int64_t)values[VALUE_LIVE],
  };
}

/* Elements of the largest tensor: so that no product of sizes overflows. */
#define MOST_ELEMENTS 0x1p40

static double largest_tensor(const double *v) {
  double dim = v[VALUE_D] > v[VALUE_DV] ? v[VALUE_D] : v[VALUE_DV];
  double queries = v[VALUE_B] * v[VALUE_TQ] * v[VALUE_HQ] * dim;
  double keys = v[VALUE_B] * (v[VALUE_TK] + v[VALUE_PAGE]) * v[VALUE_HKV] * dim;
  return queries > keys ? queries : keys;
}

int attention_complete(double *values, char *error) {
  if (values[VALUE_TK] == 0) values[VALUE_TK] = values[VALUE_TQ];
  if (values[VALUE_HKV] == 0) values[VALUE_HKV] = values[VALUE_HQ];
  if (values[VALUE_DV] == 0) values[VALUE_DV] = values[VALUE_D];
  if (values[VALUE_LIVE] == 0) values[VALUE_LIVE] = 1;
  if ((int64_t)values[VALUE_HQ] % (int64_t)values[VALUE_HKV] != 0) {
    snprintf(error, BENCH_TEXT, "Hkv is %g, which does not divide Hq = %g", values[VALUE_HKV],
             values[VALUE_HQ]);
    return 0;
  }
  if (values[VALUE_LIVE] > 1 && values[VALUE_BLOCK] == 0) {
    snprintf(error, BENCH_TEXT, "live is %g, which needs a block size: block=64",
             values[VALUE_LIVE]);
    return 0;
  }
  if (largest_tensor(values) > MOST_ELEMENTS) {
    snprintf(error, BENCH_TEXT, "a tensor would have %.3g elements; it may have at most %.3g",
             largest_tensor(values), MOST_ELEMENTS);
    return 0;
  }
  return 1;
}

/* Few queries before many keys come from a cache that other layers have used since. */
const char *attention_phase(const double *values) {
  if (values[VALUE_TQ] <= 16 && values[VALUE_TK] >= 512) return "decode";
  if (values[VALUE_TQ] <= 16) return "call";
  return values[VALUE_CAUSAL] != 0 ? "prefill" : "encode";
}

void attention_set_length(double *values, int64_t length) {
  if (values[VALUE_TQ] == values[VALUE_TK]) values[VALUE_TQ] = (double)length;
  values[VALUE_TK] = (double)length;
  if (values[VALUE_TQ] > values[VALUE_TK]) values[VALUE_TQ] = values[VALUE_TK];
}

attention_range attention_keys_of(const attention_shape *s, int64_t t) {
  int64_t position = t + s->tk - s->tq;
  attention_range keys = {0, s->tk};
  if (s->window && position - s->window + 1 > keys.begin) keys.begin = position - s->window + 1;
  int64_t end = s->causal ? position + 1 : s->window ? position + s->window : s->tk;
  if (end < keys.end) keys.end = end;
  if (keys.end < keys.begin) keys.end = keys.begin;
  return keys;
}

int64_t attention_pages(const attention_shape *s) {
  return s->page ? (s->tk + s->page - 1) / s->page : 0;
}

int64_t attention_slots(const attention_shape *s) {
  return s->page ? attention_pages(s) * s->page : s->tk;
}

int64_t attention_map_rows(const attention_shape *s) {
  return s->block ? (s->tq + s->block - 1) / s->block : 0;
}

int64_t attention_map_columns(const attention_shape *s) {
  return s->block ? (attention_slots(s) + s->block - 1) / s->block : 0;
}
