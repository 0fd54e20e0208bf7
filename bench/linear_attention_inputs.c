/* SPDX-License-Identifier: Apache-2.0 */
/* Random inputs, such that a state stays of one size however often it is updated: keys are of
 * length 1 on average, delta rules take off less than twice what is there, and b is -a / 2. */
#include <math.h>
#include <stdlib.h>

#include "bench/linear_attention.h"

static double times(double deviate, double factor) { return deviate * factor; }

/* A logarithm around -0.05, rarely beyond -1: most memories last for tens of tokens. */
static double decay_of(double deviate, double argument) {
  (void)argument;
  return -exp(deviate - 3);
}

static double share_of(double deviate, double argument) {
  (void)argument;
  return 1 / (1 + exp(-deviate));
}

/* How the numbers of a part come from deviates. */
typedef struct part_numbers {
  double (*of)(double deviate, double argument);
  double argument;
} part_numbers;

static part_numbers numbers_of(const linear_attention_shape *s, linear_attention_part part) {
  double by_length = 1 / sqrt((double)s->d);
  switch (part) {
    case LINEAR_K: return (part_numbers){times, by_length};
    case LINEAR_A: return (part_numbers){times, -by_length};
    case LINEAR_B: return (part_numbers){times, by_length / 2};
    case LINEAR_DECAY: return (part_numbers){decay_of, 0};
    case LINEAR_BETA: return (part_numbers){share_of, 0};
    default: return (part_numbers){times, 1};
  }
}

/* Each part has a stream of its own, but b has that of a. */
static int draw_part(linear_attention_instance *in, linear_attention_part part,
                     const linear_attention_layout *layout) {
  bench_image *image = &in->images[part];
  if (in->world->is_paper) return image_pretend(image, linear_attention_bytes(layout));
  part_numbers numbers = numbers_of(&in->shape, part);
  random_state random = random_start(IMAGE_SEED + (part == LINEAR_B ? LINEAR_A : part));
  unsigned char *pool = image_draw_pool(&random, layout->dtype, numbers.of, numbers.argument);
  int done = pool && image_allocate(image, linear_attention_bytes(layout));
  if (done) image_tile(image, pool, IMAGE_POOL * seqmix_dtype_size(layout->dtype), 0);
  free(pool);
  return done;
}

static int draw_starts(linear_attention_instance *in) {
  const linear_attention_shape *s = &in->shape;
  bench_image *image = &in->images[LINEAR_STARTS];
  if (!image_allocate(image, (uint64_t)(s->b + 1) * sizeof(int32_t))) return 0;
  int32_t *starts = image->data;
  for (int64_t i = 0; i <= s->b; i++) starts[i] = (int32_t)(i * s->t);
  return 1;
}

int linear_attention_draw(linear_attention_instance *in) {
  const linear_attention_shape *s = &in->shape;
  for (int part = 0; part < LINEAR_PARTS; part++) {
    linear_attention_layout layout = linear_attention_layout_of(s, in->dtype, part);
    int is_input = part != LINEAR_OUT && !(part == LINEAR_STATE && s->states != STATES_UPDATE);
    if (!layout.rank || !is_input) continue;
    if (!(part == LINEAR_STARTS ? draw_starts(in) : draw_part(in, part, &layout))) return 0;
  }
  return 1;
}
