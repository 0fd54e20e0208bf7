/* SPDX-License-Identifier: Apache-2.0 */
/* Linear attention as an operator of the bench: shapes, work, inputs and the rows to verify. */
#ifndef SEQMIX_BENCH_LINEAR_ATTENTION_H
#define SEQMIX_BENCH_LINEAR_ATTENTION_H

#include "bench/images.h"
#include "bench/operator.h"
#include "bench/rows.h"

/* Choices, in the order of their names in linear_attention_shape.c. Rules and feature maps are
 * the library's own numbers. */
typedef enum linear_attention_decay {
  DECAY_NONE,
  DECAY_CONSTANT, /* [H] */
  DECAY_HEAD,     /* [B, T, H] */
  DECAY_CHANNEL   /* [B, T, H, D] */
} linear_attention_decay;

typedef enum linear_attention_beta {
  BETA_NONE,
  BETA_HEAD,   /* [B, T, H] */
  BETA_CHANNEL /* [B, T, H, Dv] */
} linear_attention_beta;

typedef enum linear_attention_states {
  STATES_NONE,
  STATES_PRESENT, /* written after the last token */
  STATES_UPDATE   /* read before the first and written in place */
} linear_attention_states;

/* A case's values by name; see the table in linear_attention_shape.c. */
typedef struct linear_attention_shape {
  int64_t b, t, hq, hk, h, d, dv;
  int32_t rule; /* a seqmix_update_rule */
  linear_attention_decay decay;
  linear_attention_beta beta;
  int32_t map; /* a seqmix_feature_map */
  int bonus;
  int32_t state_type; /* a seqmix_dtype */
  linear_attention_states states;
  int packed; /* sequences behind each other on the time axis */
} linear_attention_shape;

enum { LINEAR_ATTENTION_PARAMETERS = 15, LINEAR_ATTENTION_PRESETS = 41 };

extern const bench_parameter linear_attention_parameters[LINEAR_ATTENTION_PARAMETERS];
extern const bench_preset linear_attention_presets[LINEAR_ATTENTION_PRESETS];

linear_attention_shape linear_attention_shape_of(const double *values);
int linear_attention_complete(double *values, char *error);
const char *linear_attention_phase(const double *values);
/* "gated_delta-channel-decode" */
void linear_attention_label(const double *values, char *text, size_t room);
void linear_attention_set_length(double *values, int64_t length);

int linear_attention_is_delta(const linear_attention_shape *shape);
/* Heads of the output. */
int64_t linear_attention_out_heads(const linear_attention_shape *shape);
/* Few tokens on states in place: what a model does that generates. */
int linear_attention_is_decode(const linear_attention_shape *shape);

/* ---- tensors ------------------------------------------------------------------------------- */

typedef enum linear_attention_part {
  LINEAR_Q,
  LINEAR_K,
  LINEAR_V,
  LINEAR_OUT,
  LINEAR_DECAY, /* f32 */
  LINEAR_BETA,
  LINEAR_A,
  LINEAR_B,
  LINEAR_BONUS,
  LINEAR_STATE,  /* state_type */
  LINEAR_STARTS, /* i32 [B + 1], packed */
  LINEAR_PARTS
} linear_attention_part;

/* A tensor of the call, contiguous; rank 0: the shape has no such part. */
typedef struct linear_attention_layout {
  int32_t dtype;
  int rank;
  int64_t extent[4];
  int sequences, heads; /* which axes these are; -1: none */
} linear_attention_layout;

linear_attention_layout linear_attention_layout_of(const linear_attention_shape *shape,
                                                   int32_t dtype, linear_attention_part part);
uint64_t linear_attention_elements(const linear_attention_layout *layout);
uint64_t linear_attention_bytes(const linear_attention_layout *layout);

/* A call with the tensors its arguments point to: it is filled where it stays. */
typedef struct linear_attention_call {
  seqmix_tensor tensors[LINEAR_PARTS];
  seqmix_linear_attention_args args;
} linear_attention_call;

/* All sequences and heads of tensors whose memory is `data`. */
void linear_attention_call_all(linear_attention_call *call, const linear_attention_shape *shape,
                               int32_t dtype, void *const data[LINEAR_PARTS]);
/* One sequence and one state of the same tensors, with what heads of q and k belong to it. */
void linear_attention_call_one(linear_attention_call *call, const linear_attention_shape *shape,
                               int32_t dtype, void *const data[LINEAR_PARTS], int64_t sequence,
                               int64_t head);

/* ---- work, inputs, rows --------------------------------------------------------------------- */

/* Per token and state 4 D Dv operations, delta rules 6, dplr 8; tensors once, states as often as
 * they are read and written. */
bench_cost linear_attention_cost(const linear_attention_shape *shape, int32_t dtype);

typedef struct linear_attention_instance {
  linear_attention_shape shape;
  int32_t dtype;
  const bench_world *world;
  bench_image images[LINEAR_PARTS]; /* inputs on the host; others hold no bytes */
  void *buffers[LINEAR_PARTS];      /* on the device */
  linear_attention_call call;
  /* Filled when they are first needed: b, t and h; sequence, h and d of the states. */
  bench_rows rows, state_rows;
} linear_attention_instance;

/* linear_attention_inputs.c: draws the images; zero if memory is short. */
int linear_attention_draw(linear_attention_instance *instance);

/* linear_attention_rows.c: computes expected rows with the judge; zero and a sentence if it
 * cannot. */
int linear_attention_expect(linear_attention_instance *instance, char *error);
/* Compares a whole output, and states if there are any, on the host with the expected rows. */
bench_check linear_attention_compare(const linear_attention_instance *instance, const void *out,
                                     int32_t dtype, const void *states, int32_t state_dtype);

/* linear_attention_baseline.c */
extern const bench_means linear_attention_baseline;

#endif
