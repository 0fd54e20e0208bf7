/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/random.h"

#include <math.h>

static uint64_t splitmix(uint64_t *state) {
  uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

random_state random_start(uint64_t seed) {
  random_state state = {{0}, 0, 0};
  for (int i = 0; i < 4; i++) state.word[i] = splitmix(&seed);
  return state;
}

uint64_t random_seed_for(uint64_t seed, const char *name) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
  for (; *name; name++) hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
  hash ^= seed;
  return splitmix(&hash);
}

uint64_t random_bits(random_state *state) {
  uint64_t *s = state->word;
  uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate(s[3], 45);
  return result;
}

double random_unit(random_state *state) { return (double)(random_bits(state) >> 11) * 0x1p-53; }

int64_t random_integer(random_state *state, int64_t low, int64_t high) {
  if (high <= low) return low;
  return low + (int64_t)(random_bits(state) % (uint64_t)(high - low + 1));
}

int random_one_in(random_state *state, int n) { return random_integer(state, 1, n) == 1; }

/* Box and Muller; 1 - unit is never 0, so the logarithm is finite. */
double random_normal(random_state *state) {
  if (state->has_spare) {
    state->has_spare = 0;
    return state->spare;
  }
  double radius = sqrt(-2 * log(1 - random_unit(state)));
  double angle = 6.283185307179586 * random_unit(state);
  state->spare = radius * sin(angle);
  state->has_spare = 1;
  return radius * cos(angle);
}
