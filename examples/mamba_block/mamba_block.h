/* SPDX-License-Identifier: Apache-2.0 */
/* A Mamba block: what one layer of such a model does to its tokens. */
#ifndef MAMBA_BLOCK_H
#define MAMBA_BLOCK_H

#include <seqmix/seqmix.h>

/* What was trained. Matrices are [out, in], row by row. */
typedef struct mamba_weights {
  int64_t model; /* numbers of a token outside the block */
  int64_t inner; /* channels inside */
  int64_t state; /* states per channel */
  int64_t rank;  /* of the steps' projection */
  int64_t width; /* of the convolution */

  float *in_projection;   /* [2 inner, model]: to x, and to the gate z */
  float *conv_weight;     /* [inner, width] */
  float *conv_bias;       /* [inner] */
  float *x_projection;    /* [rank + 2 state, inner]: to low-rank steps, B and C */
  float *step_projection; /* [inner, rank] */
  float *step_bias;       /* [inner] */
  float *A;               /* [inner, state], negative: -exp() of what models store as A_log */
  float *D;               /* [inner] */
  float *out_projection;  /* [model, inner] */
} mamba_weights;

/* All that sequences remember, however long they are; zeros before their first token. */
typedef struct mamba_memory {
  float *conv; /* [batch, width - 1, inner]: the last inputs of the convolution */
  float *scan; /* [batch, inner, state] */
} mamba_memory;

/* Floats of scratch for so many tokens, of all sequences together. */
size_t mamba_block_scratch(const mamba_weights *weights, int64_t tokens);

/* The next `tokens` tokens of each of `batch` sequences: a prompt, or one. `in` and `out` are
 * [batch, tokens, model]; `memory` is brought from before these tokens to after them. */
seqmix_status mamba_block_run(seqmix_context *context, const mamba_weights *weights,
                              const mamba_memory *memory, int64_t batch, int64_t tokens,
                              const float *in, float *out, float *scratch);

#endif
