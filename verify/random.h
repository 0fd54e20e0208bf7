/* SPDX-License-Identifier: Apache-2.0 */
/* A small explicit random generator (xoshiro256**, seeded by splitmix64), so that a seed printed
 * on one machine gives the same numbers on every other. */
#ifndef SEQMIX_VERIFY_RANDOM_H
#define SEQMIX_VERIFY_RANDOM_H

#include <stdint.h>

typedef struct random_state {
  uint64_t word[4];
  double spare; /* the second of a pair of normal deviates */
  int has_spare;
} random_state;

/* What everything that is random starts from unless told otherwise. */
#define RANDOM_DEFAULT_SEED UINT64_C(20240229)

/* A generator whose stream depends on `seed` alone. */
random_state random_start(uint64_t seed);

/* Mixes a name into a seed, so that each named case has a stream of its own. */
uint64_t random_seed_for(uint64_t seed, const char *name);

uint64_t random_bits(random_state *state);

/* Uniform in [0, 1). */
double random_unit(random_state *state);

/* Uniform among low..high, both included; low if high is below it. */
int64_t random_integer(random_state *state, int64_t low, int64_t high);

/* Nonzero once in `n` calls. */
int random_one_in(random_state *state, int n);

/* A normal deviate: mean 0, deviation 1. */
double random_normal(random_state *state);

#endif
