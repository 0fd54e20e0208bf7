/* SPDX-License-Identifier: Apache-2.0 */
/* What kernels carve local memory for, from their texts (kernels/): LOCAL_BLOCK of each. On a
 * device that is here its driver is asked; tests compare the two. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/paper.h"
#include "kernels/scan/selective_arguments.h"

/* The number behind " NAME=" in a program's name; 0 without. */
static uint64_t constant(const char *program, const char *name) {
  char text[40];
  snprintf(text, sizeof text, " %s=", name);
  const char *at = strstr(program, text);
  return at ? strtoull(at + strlen(text), NULL, 10) : 0;
}

/* TILE_FLOATS of attention/tile.h: queries, keys or values, scores, three numbers per row. */
static uint64_t prefill_floats(const char *program) {
  uint64_t dim = constant(program, "DIM"), rows = constant(program, "ROWS"),
           keys = constant(program, "KEYS");
  uint64_t lanes = constant(program, "LANES");
  return dim * rows + keys * (dim + lanes) + keys * (rows + lanes) + 3 * rows;
}

/* BLOCK_FLOATS of attention/decode.c, whose scores lie the other way around. */
static uint64_t decode_floats(const char *program) {
  uint64_t dim = constant(program, "DIM"), rows = constant(program, "ROWS"),
           keys = constant(program, "KEYS");
  return dim * rows + keys * (dim + constant(program, "LANES")) + rows * (keys + 1) + 3 * rows;
}

/* Two numbers per item. */
static uint64_t unfused_floats(const char *program) { return 2 * constant(program, "ITEMS"); }

/* Values of a chunk, and those that are solved for. */
static uint64_t chunks_floats(const char *program) {
  return 2 * constant(program, "CHUNK") * constant(program, "COLUMN_ITEMS") *
         constant(program, "LANES");
}

/* Two sums of each item, to be joined with those of its column, if others have parts of it. */
static uint64_t walk_floats(const char *program) {
  uint64_t items = constant(program, "ITEMS");
  return items == constant(program, "COLUMN_ITEMS") ? 0 : 2 * items * constant(program, "LANES");
}

/* B and C of a stage, in parts if they are complex. */
static uint64_t selective_floats(const char *program) {
  return 2 * (1 + constant(program, "COMPLEX")) * SELECTIVE_STAGE * SELECTIVE_STATES;
}

static const struct {
  const char *kernel;
  uint64_t (*floats)(const char *program);
} blocks[] = {
    {"attention_prefill", prefill_floats}, {"attention_decode", decode_floats},
    {"attention_softmax", unfused_floats}, {"linear_chunks", chunks_floats},
    {"linear_walk", walk_floats},          {"selective_walk", selective_floats},
};

uint64_t paper_local_bytes(const char *kernel, const char *program) {
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
    if (strcmp(blocks[i].kernel, kernel) == 0) return blocks[i].floats(program) * sizeof(float);
  return 0;
}
