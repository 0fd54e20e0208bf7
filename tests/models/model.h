/* SPDX-License-Identifier: Apache-2.0 */
/* A model of linear attention as its users know it: its own parameters, what its paper says comes
 * out, and the call of seqmix_linear_attention that must give the same.
 *
 * The models are functions that are given one whose q, k and v have been drawn. They set the
 * options, draw what else the model has, and compute `want` by the paper's formula in float64,
 * with nothing of the library. */
#ifndef SEQMIX_TESTS_MODELS_MODEL_H
#define SEQMIX_TESTS_MODELS_MODEL_H

#include <seqmix/seqmix.h>

#include "common.h"
#include "verify/random.h"

/* More tokens than any chunk, and no multiple of one; rows that are no multiple of a vector. */
enum { TIME = 150, HEADS = 2, DIM = 12, VALUE_DIM = 10 };

typedef struct model {
  double q[TIME][HEADS][DIM]; /* rows of the call; normal deviates unless the model changes them */
  double k[TIME][HEADS][DIM];
  double v[TIME][HEADS][VALUE_DIM];
  int64_t query_heads, key_heads;    /* HEADS, or fewer: the first of q and k */
  seqmix_linear_attention_args args; /* all but q, k, v and out; scale is 1 */
  double want[TIME][HEADS][VALUE_DIM];
  random_state random;
  seqmix_tensor gates[8];
  float numbers[8 * TIME * HEADS * DIM]; /* of the gates */
  int gate_count;
  size_t number_count;
} model;

/* All zero, but for q, k, v and the options' initial values. */
void model_start(model *m, uint64_t seed);

/* ---- random parameters: whole f32 numbers --------------------------------------------------- */

double model_normal(model *m);
void model_draw_heads(model *m, double x[TIME][HEADS]);
void model_draw_channels(model *m, double x[TIME][HEADS][DIM]);

/* ---- gates, rounded to f32 ------------------------------------------------------------------ */

const seqmix_tensor *model_constants(model *m, const double x[HEADS]);           /* [Hs] */
const seqmix_tensor *model_heads(model *m, const double x[TIME][HEADS]);         /* [B, T, Hs] */
const seqmix_tensor *model_channels(model *m, const double x[TIME][HEADS][DIM]); /* ... D] */
const seqmix_tensor *model_values(model *m, const double x[TIME][HEADS][VALUE_DIM]); /* ... Dv] */
const seqmix_tensor *model_bonus(model *m, const double x[HEADS][DIM]);              /* [Hs, D] */

/* ---- what many formulas need ---------------------------------------------------------------- */

double dot(const double x[DIM], const double y[DIM]);
void to_unit_length(const double x[DIM], double y[DIM]); /* x / sqrt(x.x + 1e-6) */
void add_values(double to[VALUE_DIM], double factor, const double v[VALUE_DIM]);

/* ---- the models, by family ------------------------------------------------------------------ */

/* unmasked.c */
void linear_attention(model *m);
void galerkin(model *m);
void sla(model *m);
void lion_d(model *m);
void lion_s(model *m);

/* decaying.c */
void retnet(model *m);
void lightning(model *m);
void mamba2(model *m);
void mlstm(model *m);

/* gated.c */
void gla(model *m);
void hgrn2(model *m);
void gateloop(model *m);
void regla(model *m);

/* delta.c */
void deltanet(model *m);
void gated_deltanet(model *m);
void gated_deltanet2(model *m);
void comba(model *m);
void comba_before_decay(model *m);
void kda(model *m);

/* rwkv.c */
void rwkv6(model *m);
void rwkv7(model *m);

#endif
