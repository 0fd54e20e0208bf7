/* SPDX-License-Identifier: Apache-2.0 */
/* How linear attention is cut, and where its workspace lies: pure functions of problem and device.
 *
 * Streams (a state head of a sequence each) are independent, and so are columns of a state: neither
 * how many are taken at once nor what shares a work-group with them reaches the bits. Chunks begin
 * with their sequence. */
#ifndef SEQMIX_GPU_LINEAR_ATTENTION_PLAN_H
#define SEQMIX_GPU_LINEAR_ATTENTION_PLAN_H

#include "gpu/plan.h"

typedef enum gpu_linear_algorithm {
  GPU_LINEAR_RECURRENT,
  GPU_LINEAR_CHUNKED,
  GPU_LINEAR_MMA /* chunks on tensor cores */
} gpu_linear_algorithm;

/** Offsets into a slot or into workspace, in floats. */
typedef struct gpu_linear_layout {
  int64_t eraser, keys, low_rank, decays, keep, weights, solve, scratch;
  int64_t slot_floats;
  int64_t slots, states, carries;
  int64_t gates[2],
      results[2];    /* of a forward pass that is joined with a reverse one, and others */
  int64_t tokens[2]; /* that each of those has room for, of a stream */
  int64_t floats;    /* of everything; -1: beyond counting */
} gpu_linear_layout;

typedef struct gpu_linear_plan {
  gpu_linear_algorithm algorithm;
  /* Constants of programs. */
  int32_t lanes;
  int32_t items;                          /* of kernels whose items share nothing but a chunk */
  int32_t walk_items, column_items, rows; /* of those that pass over states */
  int32_t width;                          /* panels that an item has at once */
  int32_t chunk;                          /* tokens */
  int32_t weigh_items;                    /* of chunks, in what needs no state */
  int32_t weigh_bytes, walk_bytes;        /* local memory that launches give: on tensor cores */
  /* Sizes. */
  int64_t dims;                 /* D, filled up */
  int64_t panels;               /* of column_items x lanes columns, of each state */
  int64_t block_panels, blocks; /* a work-group takes a block of them */
  int64_t streams;              /* of the call */
  int64_t streams_at_once;
  int64_t chunks;         /* of the longest sequence */
  int64_t chunks_at_once; /* of each stream */
  int keeps_states;       /* from launch to launch */
  int has_results;        /* which are finished in a kernel of their own */
  gpu_linear_layout layout;
} gpu_linear_plan;

gpu_linear_plan seqmix_gpu_linear_plan(const seqmix_linear_attention_problem *problem,
                                       const seqmix_device_properties *device,
                                       gpu_linear_algorithm algorithm);

/** Lays out workspace; all else of the plan is known. */
void seqmix_gpu_linear_lay_out(gpu_linear_plan *plan,
                               const seqmix_linear_attention_problem *problem);

/** Floats of a slot, and of a stream besides its slots. */
int64_t seqmix_gpu_linear_slot_floats(gpu_linear_plan *plan,
                                      const seqmix_linear_attention_problem *problem);
int64_t seqmix_gpu_linear_stream_floats(const gpu_linear_plan *plan,
                                        const seqmix_linear_attention_problem *problem);

/** What a model is made of. */
int32_t seqmix_gpu_linear_decay_kind(const seqmix_linear_attention_problem *problem);
int64_t seqmix_gpu_linear_queries(const seqmix_linear_attention_problem *problem);
int seqmix_gpu_linear_has_eraser(const seqmix_linear_attention_problem *problem);
int32_t seqmix_gpu_linear_writers(const seqmix_linear_attention_problem *problem);

static inline int gpu_linear_uses(const seqmix_linear_attention_problem *problem,
                                  uint64_t feature) {
  return (problem->header.features & feature) != 0;
}

#endif
