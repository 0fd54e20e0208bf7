/* SPDX-License-Identifier: Apache-2.0 */
/* Causal attention with grouped heads on random data, and one row of it computed by hand.
 * README.md beside this file says how to build it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <seqmix/seqmix.h>

enum { BATCH = 2, TIME = 48, Q_HEADS = 8, KV_HEADS = 2, DIM = 64 };

static float q[BATCH * TIME * Q_HEADS * DIM], out[BATCH * TIME * Q_HEADS * DIM];
static float k[BATCH * TIME * KV_HEADS * DIM], v[BATCH * TIME * KV_HEADS * DIM];

static void fill(float *data, size_t count) {
  static unsigned state = 1;
  for (size_t i = 0; i < count; i++) {
    state = state * 1664525u + 1013904223u;
    data[i] = (float)(state >> 8) / (float)(1 << 24) * 2.0f - 1.0f;
  }
}

/* out[b, row, head, d] from its definition: softmax over the keys up to `row`. */
static double naive(int b, int row, int head, int d) {
  int kv_head = head / (Q_HEADS / KV_HEADS);
  const float *query = q + ((b * TIME + row) * Q_HEADS + head) * DIM;
  double sum = 0, weighted = 0;
  for (int j = 0; j <= row; j++) {
    size_t at = (size_t)((b * TIME + j) * KV_HEADS + kv_head) * DIM;
    double dot = 0;
    for (int c = 0; c < DIM; c++) dot += (double)query[c] * k[at + (size_t)c];
    double weight = exp(dot / sqrt(DIM)); /* small here: no need to subtract the maximum */
    sum += weight;
    weighted += weight * v[at + (size_t)d];
  }
  return weighted / sum;
}

static int fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, seqmix_last_error());
  return EXIT_FAILURE;
}

int main(void) {
  fill(q, sizeof q / sizeof *q);
  fill(k, sizeof k / sizeof *k);
  fill(v, sizeof v / sizeof *v);

  seqmix_context *context;
  if (seqmix_context_create(&context, "cpu") != SEQMIX_OK) return fail("no device");
  printf("seqmix %s on device %s\n", seqmix_version(), seqmix_context_device(context));

  /* A tensor is a view of memory you own; these are contiguous [batch, time, heads, dim]. The
   * static arrays are host memory: on a GPU use seqmix_buffer_allocate() and _upload(). */
  seqmix_tensor tq = seqmix_tensor_4d(q, SEQMIX_F32, BATCH, TIME, Q_HEADS, DIM);
  seqmix_tensor tk = seqmix_tensor_4d(k, SEQMIX_F32, BATCH, TIME, KV_HEADS, DIM);
  seqmix_tensor tv = seqmix_tensor_4d(v, SEQMIX_F32, BATCH, TIME, KV_HEADS, DIM);
  seqmix_tensor tout = seqmix_tensor_4d(out, SEQMIX_F32, BATCH, TIME, Q_HEADS, DIM);

  seqmix_attention_args args = SEQMIX_ATTENTION_ARGS_INIT;
  args.q = &tq;
  args.k = &tk;
  args.v = &tv;
  args.out = &tout;
  args.causal = 1;
  if (seqmix_attention(context, &args) != SEQMIX_OK) return fail("attention failed");
  if (seqmix_synchronize(context) != SEQMIX_OK) return fail("attention failed");

  int b = 1, row = TIME - 1, head = 5;
  double worst = 0;
  for (int d = 0; d < DIM; d++) {
    double value = out[((b * TIME + row) * Q_HEADS + head) * DIM + d];
    double difference = fabs(value - naive(b, row, head, d));
    if (difference > worst || isnan(difference)) worst = difference; /* and stays NaN */
  }
  printf("batch %d, row %d, head %d: largest difference from the definition %.1e\n", b, row, head,
         worst);
  seqmix_context_destroy(context);
  return worst < 1e-5 ? EXIT_SUCCESS : EXIT_FAILURE;
}
