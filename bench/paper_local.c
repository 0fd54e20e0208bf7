/* SPDX-License-Identifier: Apache-2.0 */
/* What kernels carve local memory for, from their texts (kernels/): LOCAL_BLOCK of each. On a
 * device that is here its driver is asked; tests compare the two. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/paper.h"
#include "kernels/scan/selective_arguments.h"

/* The value of a line "#define NAME value"; 0 without. */
static uint64_t constant(const char *constants, const char *name) {
  char line[80];
  snprintf(line, sizeof line, "#define %s ", name);
  const char *at = strstr(constants, line);
  return at ? strtoull(at + strlen(line), NULL, 10) : 0;
}

/* TILE_FLOATS of attention/tile.h: queries, keys or values, scores, three numbers per row. */
static uint64_t prefill_floats(const char *c) {
  uint64_t dim = constant(c, "DIM"), rows = constant(c, "ROWS"), keys = constant(c, "KEYS");
  uint64_t lanes = constant(c, "LANES");
  return dim * rows + keys * (dim + lanes) + keys * (rows + lanes) + 3 * rows;
}

/* BLOCK_FLOATS of attention/decode.c, whose scores lie the other way around. */
static uint64_t decode_floats(const char *c) {
  uint64_t dim = constant(c, "DIM"), rows = constant(c, "ROWS"), keys = constant(c, "KEYS");
  return dim * rows + keys * (dim + constant(c, "LANES")) + rows * (keys + 1) + 3 * rows;
}

/* Two numbers per item. */
static uint64_t unfused_floats(const char *c) { return 2 * constant(c, "ITEMS"); }

/* Values of a chunk, and those that are solved for. */
static uint64_t chunks_floats(const char *c) {
  return 2 * constant(c, "CHUNK") * constant(c, "COLUMN_ITEMS") * constant(c, "LANES");
}

/* Two sums of each row item and column: ITEMS lanes in all. */
static uint64_t walk_floats(const char *c) {
  return 2 * constant(c, "ITEMS") * constant(c, "LANES");
}

/* B and C of a stage, in parts if they are complex. */
static uint64_t selective_floats(const char *c) {
  return 2 * (1 + constant(c, "COMPLEX")) * SELECTIVE_STAGE * SELECTIVE_STATES;
}

static const struct {
  const char *kernel;
  uint64_t (*floats)(const char *constants);
} blocks[] = {
    {"attention_prefill", prefill_floats}, {"attention_decode", decode_floats},
    {"attention_softmax", unfused_floats}, {"linear_chunks", chunks_floats},
    {"linear_walk", walk_floats},          {"selective_walk", selective_floats},
};

uint64_t paper_local_bytes(const char *kernel, const char *constants) {
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
    if (strcmp(blocks[i].kernel, kernel) == 0) return blocks[i].floats(constants) * sizeof(float);
  return 0;
}
