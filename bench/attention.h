/* SPDX-License-Identifier: Apache-2.0 */
/* Attention as an operator of the bench: shapes, exact work, inputs and the rows to verify. */
#ifndef SEQMIX_BENCH_ATTENTION_H
#define SEQMIX_BENCH_ATTENTION_H

#include "bench/images.h"
#include "bench/operator.h"
#include "bench/rows.h"

/* A case's values by name; see the table in attention_shape.c. */
typedef struct attention_shape {
  int64_t b, tq, tk, hq, hkv, d, dv;
  int causal;
  int64_t window; /* keys a query sees on its left, itself included; 0: all */
  double softcap;
  int sinks;
  int64_t page;  /* slots per page of k and v; 0: contiguous */
  int64_t block; /* rows and columns of a block of the block map; 0: no map */
  int64_t live;  /* one in this many blocks is live */
} attention_shape;

enum { ATTENTION_PARAMETERS = 14, ATTENTION_PRESETS = 25 };

extern const bench_parameter attention_parameters[ATTENTION_PARAMETERS];
extern const bench_preset attention_presets[ATTENTION_PRESETS];

attention_shape attention_shape_of(const double *values);
int attention_complete(double *values, char *error);
const char *attention_phase(const double *values);
void attention_set_length(double *values, int64_t length);

/* Keys begin .. end-1: what causal and window leave to query t. */
typedef struct attention_range {
  int64_t begin, end;
} attention_range;

attention_range attention_keys_of(const attention_shape *shape, int64_t t);

/* Pages of a sequence, and keys there is room for in them; not paged: 0, and Tk. */
int64_t attention_pages(const attention_shape *shape);
int64_t attention_slots(const attention_shape *shape);

/* Blocks along the queries and the keys (paged: the slots). */
int64_t attention_map_rows(const attention_shape *shape);
int64_t attention_map_columns(const attention_shape *shape);

/* (query, key) pairs of one head that live, and distinct keys in them. `map` (one byte per block,
 * NULL without) is the same for all heads. */
typedef struct attention_work {
  int64_t pairs, keys;
} attention_work;

attention_work attention_count(const attention_shape *shape, const uint8_t *map);

/* 2 D + 2 Dv operations per live pair; queries, live keys and values, and outputs once. */
bench_cost attention_cost(const attention_shape *shape, const uint8_t *map, int32_t dtype);

typedef enum attention_part {
  PART_Q,
  PART_K,
  PART_V,
  PART_SINKS,   /* f32 */
  PART_MAP,     /* u8 [1, 1, rows, columns] */
  PART_TABLE,   /* i32 [B, pages] */
  PART_LENGTHS, /* i32 [B], with pages */
  ATTENTION_PARTS
} attention_part;

typedef struct attention_instance {
  attention_shape shape;
  int32_t dtype;
  const bench_world *world;
  bench_image images[ATTENTION_PARTS]; /* on the host; absent ones hold no bytes */
  /* On the device: */
  void *buffers[ATTENTION_PARTS]; /* not of k and v, which are in `copies` */
  void **k_copies, **v_copies;
  int64_t copies;
  void *out;
  seqmix_tensor q, k, v, result, sinks, map, table, lengths;
  seqmix_attention_args args;
  bench_rows rows; /* b, t and h of each; filled when they are first needed */
} attention_instance;

/* attention_inputs.c: draws the images; zero if memory is short. */
int attention_draw(attention_instance *instance);
/* Element [b, j, g, 0] of k or v, counted in rows of one head. */
int64_t attention_key_row(const attention_instance *instance, int64_t b, int64_t j, int64_t g);

/* attention_rows.c: computes expected rows with the judge; zero and a sentence if it cannot. */
int attention_expect(attention_instance *instance, char *error);
/* Compares a whole output [B, Tq, Hq, Dv] on the host with the expected rows. */
bench_check attention_compare(const attention_instance *instance, const void *out, int32_t dtype);

/* attention_baseline.c */
extern const bench_means attention_baseline;

/* attention_unfused.c: the library's unfused path, on the device itself. */
extern const bench_means attention_device_baseline;

#endif
