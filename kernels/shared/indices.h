/* SPDX-License-Identifier: Apache-2.0 */
/* Whole numbers that say where things are. */
#include "shared/dialect.h"

DEVICE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
DEVICE int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* Takes the fastest of some indices, which goes up to `size`, out of the number that holds them
 * all. */
DEVICE int64_t take_index(int64_t *number, int64_t size) {
  int64_t others = *number / size, index = *number - others * size;
  *number = others;
  return index;
}
