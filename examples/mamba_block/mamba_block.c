/* SPDX-License-Identifier: Apache-2.0 */
/* In the order of the calls below:
 *
 *     x, z      = in_projection in
 *     u         = silu(causal_conv1d(x))
 *     low, B, C = x_projection u
 *     steps     = step_projection low
 *     y         = selective_scan(u, softplus(steps + step_bias), A, B, C, D) silu(z)
 *     out       = out_projection y
 *
 * The projections are plain loops here; an engine has its own products of matrices. */
#include "mamba_block.h"

/* Rows of numbers, one per token, `step` apart: slices of wider rows are used where they are. */
typedef struct rows {
  float *at;
  int64_t step;
} rows;

/* What is computed on the way, of each token. */
typedef struct activations {
  rows x, z;      /* [inner] each, side by side */
  rows u;         /* [inner] */
  rows low, B, C; /* [rank], [state], [state], side by side */
  rows steps;     /* [inner] */
  rows y;         /* [inner] */
  int64_t batch;  /* sequences */
  int64_t tokens; /* of each */
} activations;

static int64_t x_outputs(const mamba_weights *w) { return w->rank + 2 * w->state; }

size_t mamba_block_scratch(const mamba_weights *w, int64_t tokens) {
  return (size_t)(tokens * (5 * w->inner + x_outputs(w)));
}

static activations lay_out(const mamba_weights *w, int64_t batch, int64_t tokens, float *at) {
  int64_t all = batch * tokens, inner = w->inner, outputs = x_outputs(w);
  float *z = at + inner, *u = at + all * 2 * inner;
  activations a = {.batch = batch, .tokens = tokens};
  a.x = (rows){at, 2 * inner};
  a.z = (rows){z, 2 * inner};
  a.u = (rows){u, inner};
  a.steps = (rows){a.u.at + all * inner, inner};
  a.y = (rows){a.steps.at + all * inner, inner};
  a.low = (rows){a.y.at + all * inner, outputs};
  a.B = (rows){a.low.at + w->rank, outputs};
  a.C = (rows){a.B.at + w->state, outputs};
  return a;
}

/* to = matrix from, of each token; the matrix is [outputs, inputs]. */
static void project(const float *matrix, int64_t outputs, int64_t inputs, int64_t tokens,
                    const float *from, int64_t from_step, rows to) {
  for (int64_t t = 0; t < tokens; t++)
    for (int64_t i = 0; i < outputs; i++) {
      float sum = 0;
      for (int64_t j = 0; j < inputs; j++) sum += matrix[i * inputs + j] * from[t * from_step + j];
      to.at[t * to.step + i] = sum;
    }
}

/* Views: [batch, tokens, channels], and the same with one group for B and C. */
static seqmix_tensor view_of(const activations *a, rows r, int64_t channels) {
  const int64_t shape[] = {a->batch, a->tokens, channels};
  const int64_t stride[] = {a->tokens * r.step, r.step, 1};
  return seqmix_tensor_nd(r.at, SEQMIX_F32, 3, shape, stride);
}

static seqmix_tensor group_of(const activations *a, rows r, int64_t states) {
  const int64_t shape[] = {a->batch, a->tokens, 1, states};
  const int64_t stride[] = {a->tokens * r.step, r.step, states, 1};
  return seqmix_tensor_nd(r.at, SEQMIX_F32, 4, shape, stride);
}

static seqmix_status convolve(seqmix_context *context, const mamba_weights *w,
                              const mamba_memory *memory, const activations *a) {
  seqmix_tensor x = view_of(a, a->x, w->inner), out = view_of(a, a->u, w->inner);
  seqmix_tensor weight = seqmix_tensor_2d(w->conv_weight, SEQMIX_F32, w->inner, w->width);
  seqmix_tensor bias = seqmix_tensor_1d(w->conv_bias, SEQMIX_F32, w->inner);
  seqmix_tensor state =
      seqmix_tensor_3d(memory->conv, SEQMIX_F32, a->batch, w->width - 1, w->inner);

  seqmix_causal_conv1d_args args = SEQMIX_CAUSAL_CONV1D_ARGS_INIT;
  args.x = &x;
  args.weight = &weight;
  args.bias = &bias;
  args.out = &out;
  args.activation = SEQMIX_ACTIVATION_SILU;
  args.past_state = args.present_state = &state; /* updated in place */
  return seqmix_causal_conv1d(context, &args);
}

static seqmix_status scan(seqmix_context *context, const mamba_weights *w,
                          const mamba_memory *memory, const activations *a) {
  seqmix_tensor u = view_of(a, a->u, w->inner), delta = view_of(a, a->steps, w->inner);
  seqmix_tensor z = view_of(a, a->z, w->inner), out = view_of(a, a->y, w->inner);
  seqmix_tensor B = group_of(a, a->B, w->state), C = group_of(a, a->C, w->state);
  seqmix_tensor A = seqmix_tensor_2d(w->A, SEQMIX_F32, w->inner, w->state),
                D = seqmix_tensor_1d(w->D, SEQMIX_F32, w->inner);
  seqmix_tensor bias = seqmix_tensor_1d(w->step_bias, SEQMIX_F32, w->inner);
  seqmix_tensor state = seqmix_tensor_3d(memory->scan, SEQMIX_F32, a->batch, w->inner, w->state);

  seqmix_selective_scan_args args = SEQMIX_SELECTIVE_SCAN_ARGS_INIT;
  args.u = &u;
  args.delta = &delta;
  args.A = &A;
  args.B = &B;
  args.C = &C;
  args.D = &D;
  args.z = &z;
  args.delta_bias = &bias;
  args.delta_softplus = 1;
  args.out = &out;
  args.past_state = args.present_state = &state; /* updated in place */
  return seqmix_selective_scan(context, &args);
}

seqmix_status mamba_block_run(seqmix_context *context, const mamba_weights *w,
                              const mamba_memory *memory, int64_t batch, int64_t tokens,
                              const float *in, float *out, float *scratch) {
  activations a = lay_out(w, batch, tokens, scratch);
  int64_t all = batch * tokens;
  project(w->in_projection, 2 * w->inner, w->model, all, in, w->model, a.x);
  seqmix_status status = convolve(context, w, memory, &a);
  if (status == SEQMIX_OK) status = seqmix_synchronize(context);
  if (status != SEQMIX_OK) return status;
  project(w->x_projection, x_outputs(w), w->inner, all, a.u.at, a.u.step, a.low);
  project(w->step_projection, w->inner, w->rank, all, a.low.at, a.low.step, a.steps);
  status = scan(context, w, memory, &a);
  if (status == SEQMIX_OK) status = seqmix_synchronize(context);
  if (status != SEQMIX_OK) return status;
  project(w->out_projection, w->model, w->inner, all, a.y.at, a.y.step, (rows){out, w->model});
  return SEQMIX_OK;
}
