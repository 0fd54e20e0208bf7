/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/images.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/machine.h"
#include "verify/numbers.h"

int image_allocate(bench_image *image, uint64_t bytes) {
  image->data = malloc(bytes ? (size_t)bytes : 1);
  image->bytes = image->data ? bytes : 0;
  return image->data != NULL;
}

int image_pretend(bench_image *image, uint64_t bytes) {
  int done = image_allocate(image, 0);
  image->bytes = bytes;
  return done;
}

unsigned char *image_draw_pool(random_state *random, int32_t dtype,
                               double (*of)(double deviate, double argument), double argument) {
  uint64_t size = seqmix_dtype_size(dtype);
  unsigned char *pool = malloc((size_t)(IMAGE_POOL * size));
  for (uint64_t i = 0; pool && i < IMAGE_POOL; i++) {
    double deviate = random_normal(random);
    number_store(dtype, pool + i * size, of ? of(deviate, argument) : deviate);
  }
  return pool;
}

void image_tile(bench_image *image, const unsigned char *pool, uint64_t pool_bytes,
                uint64_t begin) {
  unsigned char *to = image->data;
  for (uint64_t done = 0, from = begin; done < image->bytes; from = 0) {
    uint64_t part = pool_bytes - from;
    if (part > image->bytes - done) part = image->bytes - done;
    memcpy(to + done, pool + from, (size_t)part);
    done += part;
  }
}

void image_to_f32(float *to, int32_t dtype, const void *from, uint64_t count) {
  uint64_t size = seqmix_dtype_size(dtype);
  if (dtype == SEQMIX_F32)
    memcpy(to, from, (size_t)(count * size));
  else
    for (uint64_t i = 0; i < count; i++)
      to[i] = (float)number_load(dtype, (const unsigned char *)from + i * size);
}

int images_fit(double bytes, char *error) {
  double memory = (double)machine_memory_bytes();
  if (memory == 0 || bytes < 0.7 * memory) return 1;
  snprintf(error, BENCH_TEXT, "needs %.1f GiB; the machine has %.1f", bytes / 0x1p30,
           memory / 0x1p30);
  return 0;
}
