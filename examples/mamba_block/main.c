/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a Mamba block as an engine does: a prompt in one call, or its tokens one by one on states
 * that stay where they are. Both must give the same outputs and leave the same states. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mamba_block.h"

enum { BATCH = 2, TIME = 48, MODEL = 64, INNER = 128, STATE = 16, RANK = 4, WIDTH = 4 };

#define COUNT(array) (sizeof(array) / sizeof *(array))

static float in_projection[2 * INNER * MODEL], out_projection[MODEL * INNER];
static float x_projection[(RANK + 2 * STATE) * INNER], step_projection[INNER * RANK];
static float conv_weight[INNER * WIDTH], conv_bias[INNER];
static float A[INNER * STATE], D[INNER], step_bias[INNER];

/* States begin with zeros. */
typedef struct run {
  float conv[BATCH * (WIDTH - 1) * INNER];
  float scan[BATCH * INNER * STATE];
  float out[BATCH * TIME * MODEL];
} run;

static float in[BATCH * TIME * MODEL];
static run prompt, tokens;

/* The same numbers on every machine, evenly between the two. */
static void fill(float *data, size_t count, float low, float high) {
  static unsigned number = 1;
  for (size_t i = 0; i < count; i++) {
    number = number * 1664525u + 1013904223u;
    data[i] = low + (high - low) * (float)(number >> 8) / (float)(1 << 24);
  }
}

/* Outputs are about as large as inputs. */
static void fill_matrix(float *data, size_t count, int inputs) {
  float size = sqrtf(3.0f / (float)inputs);
  fill(data, count, -size, size);
}

static mamba_weights make_weights(void) {
  fill_matrix(in_projection, COUNT(in_projection), MODEL);
  fill_matrix(x_projection, COUNT(x_projection), INNER);
  fill_matrix(step_projection, COUNT(step_projection), RANK);
  fill_matrix(out_projection, COUNT(out_projection), INNER);
  fill_matrix(conv_weight, COUNT(conv_weight), WIDTH);
  fill(conv_bias, COUNT(conv_bias), -0.1f, 0.1f);
  fill(step_bias, COUNT(step_bias), -5, -2);
  fill(D, COUNT(D), 0.5f, 1.5f);
  for (int i = 0; i < INNER * STATE; i++) A[i] = -(float)(i % STATE + 1); /* as training begins */
  return (mamba_weights){
      .model = MODEL,
      .inner = INNER,
      .state = STATE,
      .rank = RANK,
      .width = WIDTH,
      .in_projection = in_projection,
      .conv_weight = conv_weight,
      .conv_bias = conv_bias,
      .x_projection = x_projection,
      .step_projection = step_projection,
      .step_bias = step_bias,
      .A = A,
      .D = D,
      .out_projection = out_projection,
  };
}

static seqmix_status run_tokens(seqmix_context *context, const mamba_weights *weights,
                                const mamba_memory *memory, float *scratch) {
  float token[BATCH * MODEL], result[BATCH * MODEL];
  for (size_t t = 0; t < TIME; t++) {
    for (size_t b = 0; b < BATCH; b++)
      memcpy(token + b * MODEL, in + (b * TIME + t) * MODEL, MODEL * sizeof *in);
    seqmix_status status =
        mamba_block_run(context, weights, memory, BATCH, 1, token, result, scratch);
    if (status != SEQMIX_OK) return status;
    for (size_t b = 0; b < BATCH; b++)
      memcpy(tokens.out + (b * TIME + t) * MODEL, result + b * MODEL, MODEL * sizeof *result);
  }
  return SEQMIX_OK;
}

/* Relative to the largest of x. */
static double largest_difference(const float *x, const float *y, size_t count) {
  double worst = 0, largest = 0;
  for (size_t i = 0; i < count; i++) {
    double difference = fabs((double)x[i] - y[i]);
    if (difference > worst || isnan(difference)) worst = difference; /* and stays NaN */
    if (fabs((double)x[i]) > largest) largest = fabs((double)x[i]);
  }
  return worst / largest;
}

static int compare(void) {
  double out = largest_difference(prompt.out, tokens.out, COUNT(prompt.out));
  double conv = largest_difference(prompt.conv, tokens.conv, COUNT(prompt.conv));
  double scan = largest_difference(prompt.scan, tokens.scan, COUNT(prompt.scan));
  printf("%d tokens at once and one by one differ by %.1e, states by %.1e and %.1e, relative\n",
         TIME, out, conv, scan);
  return out <= 1e-5 && conv <= 1e-5 && scan <= 1e-5 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run_both(seqmix_context *context, float *scratch, const mamba_weights *weights) {
  const mamba_memory of_prompt = {prompt.conv, prompt.scan}, of_tokens = {tokens.conv, tokens.scan};
  fill(in, COUNT(in), -1, 1);
  if (mamba_block_run(context, weights, &of_prompt, BATCH, TIME, in, prompt.out, scratch) !=
          SEQMIX_OK ||
      run_tokens(context, weights, &of_tokens, scratch) != SEQMIX_OK) {
    fprintf(stderr, "the block failed: %s\n", seqmix_last_error());
    return EXIT_FAILURE;
  }
  return compare();
}

int main(void) {
  const mamba_weights weights = make_weights();
  float *scratch = malloc(mamba_block_scratch(&weights, BATCH * TIME) * sizeof *scratch);
  if (!scratch) {
    fprintf(stderr, "no memory\n");
    return EXIT_FAILURE;
  }

  /* The projections need host memory, so a GPU's context would not do. */
  seqmix_context *context;
  if (seqmix_context_create(&context, "cpu") != SEQMIX_OK) {
    fprintf(stderr, "no device: %s\n", seqmix_last_error());
    free(scratch);
    return EXIT_FAILURE;
  }
  printf("seqmix %s on device %s\n", seqmix_version(), seqmix_context_device(context));
  int status = run_both(context, scratch, &weights);
  seqmix_context_destroy(context);
  free(scratch);
  return status;
}
