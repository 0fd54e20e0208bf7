/* SPDX-License-Identifier: Apache-2.0 */
/* A gated delta rule (Gated DeltaNet) as a model runs it: the prompt in one call, then one token
 * after the other on a state that stays where it is. Compares that with all tokens in one call.
 * README.md beside this file says how to build it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <seqmix/seqmix.h>

enum { BATCH = 2, PROMPT = 40, TIME = 48, HEADS = 4, DIM = 64, VALUE_DIM = 32 };

/* What a model's projections give for each token, and out twice: in parts, and in one call. */
static float q[BATCH * TIME * HEADS * DIM], k[BATCH * TIME * HEADS * DIM];
static float v[BATCH * TIME * HEADS * VALUE_DIM];
static float decay[BATCH * TIME * HEADS], beta[BATCH * TIME * HEADS];
static float out[BATCH * TIME * HEADS * VALUE_DIM], whole[BATCH * TIME * HEADS * VALUE_DIM];

/* The memory: a matrix per sequence and head, as large after a million tokens as after one. */
static float state[BATCH * HEADS * DIM * VALUE_DIM];

static void fill(float *data, size_t count, float low, float high) {
  static unsigned number = 1;
  for (size_t i = 0; i < count; i++) {
    number = number * 1664525u + 1013904223u;
    data[i] = low + (high - low) * (float)(number >> 8) / (float)(1 << 24);
  }
}

/* A view of tokens first .. first+count-1 of a [BATCH, TIME, HEADS, dim] array. */
static seqmix_tensor tokens(float *data, int first, int count, int dim) {
  seqmix_tensor view = seqmix_tensor_4d(data, SEQMIX_F32, BATCH, TIME, HEADS, dim);
  view.data = data + (size_t)first * HEADS * (size_t)dim;
  view.shape[1] = count;
  return view;
}

/* The same of a gate, [BATCH, TIME, HEADS]. */
static seqmix_tensor gates(float *data, int first, int count) {
  seqmix_tensor view = seqmix_tensor_3d(data, SEQMIX_F32, BATCH, TIME, HEADS);
  view.data = data + first * HEADS;
  view.shape[1] = count;
  return view;
}

/* Without a state nothing comes before the first token, and nothing is kept. */
static seqmix_status run(seqmix_context *context, int first, int count, float *to, float *memory) {
  seqmix_tensor tq = tokens(q, first, count, DIM), tk = tokens(k, first, count, DIM);
  seqmix_tensor tv = tokens(v, first, count, VALUE_DIM), tout = tokens(to, first, count, VALUE_DIM);
  seqmix_tensor tdecay = gates(decay, first, count), tbeta = gates(beta, first, count);
  seqmix_tensor tstate = seqmix_tensor_4d(memory, SEQMIX_F32, BATCH, HEADS, DIM, VALUE_DIM);

  seqmix_linear_attention_args args = SEQMIX_LINEAR_ATTENTION_ARGS_INIT;
  args.update_rule = SEQMIX_UPDATE_GATED_DELTA;
  args.feature_map = SEQMIX_FEATURE_L2NORM;
  args.q = &tq;
  args.k = &tk;
  args.v = &tv;
  args.out = &tout;
  args.decay = &tdecay; /* logs */
  args.beta = &tbeta;
  if (memory) args.past_state = args.present_state = &tstate;
  return seqmix_linear_attention(context, &args);
}

static int fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, seqmix_last_error());
  return EXIT_FAILURE;
}

static double largest_difference(void) {
  double worst = 0;
  for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
    double difference = fabs((double)out[i] - whole[i]);
    if (difference > worst || isnan(difference)) worst = difference; /* and stays NaN */
  }
  return worst;
}

int main(void) {
  fill(q, sizeof q / sizeof *q, -1, 1);
  fill(k, sizeof k / sizeof *k, -1, 1);
  fill(v, sizeof v / sizeof *v, -1, 1);
  fill(decay, sizeof decay / sizeof *decay, -0.2f, 0);
  fill(beta, sizeof beta / sizeof *beta, 0, 1);

  seqmix_context *context;
  if (seqmix_context_create(&context, "cpu") != SEQMIX_OK) return fail("no device");
  printf("seqmix %s on device %s\n", seqmix_version(), seqmix_context_device(context));

  /* `state` begins with zeros. */
  if (run(context, 0, PROMPT, out, state) != SEQMIX_OK) return fail("the prompt failed");
  for (int t = PROMPT; t < TIME; t++)
    if (run(context, t, 1, out, state) != SEQMIX_OK) return fail("a token failed");
  if (run(context, 0, TIME, whole, NULL) != SEQMIX_OK) return fail("all tokens failed");
  if (seqmix_synchronize(context) != SEQMIX_OK) return fail("linear attention failed");

  double worst = largest_difference();
  printf("%d tokens, then %d one by one: largest difference from one call %.1e\n", PROMPT,
         TIME - PROMPT, worst);
  seqmix_context_destroy(context);
  return worst < 1e-5 ? EXIT_SUCCESS : EXIT_FAILURE;
}
