/* SPDX-License-Identifier: Apache-2.0 */
/* How scans are cut into tasks, and which variant suits: functions of the problem's shape. */
#ifndef SEQMIX_CPU_SCAN_PLAN_H
#define SEQMIX_CPU_SCAN_PLAN_H

#include "seqmix/backend.h"

/** Sizes that all levels share. A lane is a real number of a channel. */
enum {
  SCAN_BLOCK_LANES = 1024, /* of a task over whole sequences, at most */
  SCAN_SPLIT_LANES = 16,   /* parts that the tokens of a piece with few channels are cut into */
  SCAN_BUFFER = 16384      /* floats of a buffer of rows */
};

/** The cut of sequences of `channels` channels. */
typedef struct scan_plan {
  int64_t streams; /* sequences */
  int64_t lanes;   /* channels, or twice as many if they are complex */
  int64_t block;   /* lanes of a task over all tokens */
  int64_t blocks;  /* of them per stream; 0: sequences are cut in time instead */
  int64_t piece;   /* tokens of a piece of a sequence cut in time, */
  int64_t pieces;  /* and how many there are in the longest */
  int is_split;    /* pieces are cut again, into SCAN_SPLIT_LANES, each a lane of its own */
  int is_streamed; /* results are more than caches hold */
} scan_plan;

/** What a plan follows from. */
typedef struct scan_shape {
  int64_t streams;  /* sequences */
  int64_t channels; /* of each */
  int64_t longest;  /* sequence */
  int64_t elements; /* of all of them */
  int is_complex;
  int is_turned; /* channels are not contiguous */
} scan_shape;

/** Only the width of blocks, which no result depends on, follows from the workers. */
scan_plan seqmix_scan_plan(const scan_shape *shape, int32_t workers);

/** Whether the states of so few tokens are better walked where they lie. */
int32_t seqmix_selective_step_suits(const seqmix_problem *problem,
                                    const seqmix_device_properties *device);

#endif
