/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors as they lie in host memory, filled with random numbers. */
#ifndef SEQMIX_BENCH_IMAGES_H
#define SEQMIX_BENCH_IMAGES_H

#include <stdint.h>

#include "verify/random.h"

typedef struct bench_image {
  void *data;
  uint64_t bytes;
} bench_image;

/* Seed of all inputs. */
#define IMAGE_SEED UINT64_C(20240229)

/* Normal deviates are slow to draw, and a cache of 64k keys has many: a pool of them is drawn and
 * repeated. Its size is prime, so that no two rows of a tensor are the same. */
#define IMAGE_POOL 524287

/* Zero if memory is short. */
int image_allocate(bench_image *image, uint64_t bytes);

/* An image on paper, that nobody looks into: of that size, without the memory. */
int image_pretend(bench_image *image, uint64_t bytes);

/* IMAGE_POOL numbers of a type: of(deviate, argument), or the deviates themselves if `of` is NULL.
 * NULL if memory is short. */
unsigned char *image_draw_pool(random_state *random, int32_t dtype,
                               double (*of)(double deviate, double argument), double argument);

/* Repeats a pool over the image, beginning with its byte `begin`. */
void image_tile(bench_image *image, const unsigned char *pool, uint64_t pool_bytes, uint64_t begin);

/* `count` numbers of a type as f32. */
void image_to_f32(float *to, int32_t dtype, const void *from, uint64_t count);

/* Whether the machine has room for so many bytes: an allocation that is granted but not there would
 * end the program when it is touched. Zero and a sentence in `error` (BENCH_TEXT characters). */
int images_fit(double bytes, char *error);

#endif
