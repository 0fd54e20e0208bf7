/* SPDX-License-Identifier: Apache-2.0 */
/* Attention on a device with memory of its own, against its unfused path: the same call with all
 * scores in memory, its products by a library where the driver has found one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/attention.h"

/* Best first: by the library, or by plain kernels. */
static const char *const variants[] = {"attention__any_cl_gemm", "attention__any_cl_unfused"};

typedef struct unfused {
  attention_instance *in;
  const char *variant;
} unfused;

static seqmix_context *context_of(const unfused *u) { return u->in->world->context; }

/* Calls are made with another algorithm, and the bench's own goes on as it was. */
static seqmix_status force(const unfused *u) {
  return seqmix_context_set_variant(context_of(u), u->variant);
}
static void restore(const unfused *u) {
  seqmix_context_set_variant(context_of(u), u->in->world->variant);
}

static int is_taken(const unfused *u) {
  int done = force(u) == SEQMIX_OK && attention_operator.probe(u->in, context_of(u)) == SEQMIX_OK;
  restore(u);
  return done;
}

static void *open_unfused(void *instance, char *error) {
  unfused *u = malloc(sizeof *u);
  if (!u) {
    snprintf(error, BENCH_TEXT, "not enough memory");
    return NULL;
  }
  for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
    *u = (unfused){instance, variants[i]};
    if (is_taken(u)) return u;
  }
  snprintf(error, BENCH_TEXT, "the device has no unfused attention for this");
  free(u);
  return NULL;
}

static seqmix_status run_unfused(void *pointer, int64_t call) {
  const unfused *u = pointer;
  seqmix_status status = force(u);
  if (status == SEQMIX_OK) status = attention_operator.run(u->in, call);
  restore(u);
  return status;
}

static int verify_unfused(void *pointer, bench_check *check, char *error) {
  const unfused *u = pointer;
  int done = force(u) == SEQMIX_OK && attention_operator.verify(u->in, check, error);
  restore(u);
  return done;
}

static const char *how_unfused(const void *pointer) {
  const unfused *u = pointer;
  return strstr(u->variant, "gemm") ? "products by the device's BLAS" : "products by plain kernels";
}

const bench_means attention_device_baseline = {
    .what = "unfused attention on the device",
    .open = open_unfused,
    .close = free,
    .run = run_unfused,
    .verify = verify_unfused,
    .how = how_unfused,
};
