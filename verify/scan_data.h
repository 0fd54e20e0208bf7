/* SPDX-License-Identifier: Apache-2.0 */
/* Random tensors for a scan_case, and the tensors by number.
 *
 * Whatever the call must not read holds NaN (indices: numbers out of range): tokens of sequences
 * whose state_indices are -1, rows of a pool nobody begins with, gaps between strided elements. */
#ifndef SEQMIX_VERIFY_SCAN_DATA_H
#define SEQMIX_VERIFY_SCAN_DATA_H

#include "verify/harness.h"
#include "verify/scan_cases.h"

typedef enum scan_slot {
  SCAN_X, /* b, u or x */
  SCAN_A, /* a, A or weight */
  SCAN_DELTA,
  SCAN_B,
  SCAN_C,
  SCAN_D,
  SCAN_Z,
  SCAN_BIAS, /* delta_bias or bias */
  SCAN_PAST,
  SCAN_STATE_INDICES,
  SCAN_STATE_OUT_INDICES,
  SCAN_CU_SEQLENS,
  SCAN_OUT,
  SCAN_PRESENT,
  SCAN_SLOTS
} scan_slot;

typedef struct scan_operator scan_operator;

typedef struct scan_data {
  const scan_operator *of;
  scan_case spec; /* its defaults filled in */
  test_sequences sequences;
  uint32_t has_tokens; /* bit of a slot: its axes begin with [B, T] */
  test_tensor *tensors[SCAN_SLOTS];
} scan_data;

/* An operator of these slots. */
struct scan_operator {
  seqmix_operator op;
  int complex_tokens; /* with is_complex, SCAN_X and SCAN_OUT are */
  int copies_tokens;  /* states are copies of tokens: of their type, and exact */
  const scan_table *cases;
  /* Draws options of its own. */
  void (*vary)(scan_case *spec, random_state *random);
  /* The axes of a state of one sequence; returns how many. */
  int (*state_shape)(const scan_case *spec, int64_t shape[2]);
  /* Draws the inputs but states, with scan_add(). */
  void (*draw)(scan_data *data, random_state *random);
  /* Typical magnitude of an output. */
  double (*size)(const scan_case *spec);
  /* See operator_call; the options are the scan_data. */
  seqmix_status (*run)(seqmix_context *context, const void *options,
                       const seqmix_tensor *const tensors[], void *workspace,
                       uint64_t workspace_bytes);
  seqmix_status (*workspace_size)(seqmix_context *context, const void *options,
                                  const seqmix_tensor *const tensors[], uint64_t *bytes);
};

/* Draws all tensors; the same spec and seed give the same. */
scan_data scan_draw(const scan_operator *of, const scan_case *spec, uint64_t seed);
void scan_release(scan_data *data);

/* The hint, or 0. */
int64_t scan_max_seqlen(const scan_data *data);

/* Draws a number, or a complex one. */
typedef void (*scan_number)(const scan_case *spec, random_state *random, double number[2]);

/* An input to be. */
typedef struct scan_input {
  const char *name;
  int has_tokens; /* its axes begin with [B, T] */
  int is_gate;    /* f32, unless the case says otherwise */
  int is_complex;
  int axes; /* after [B, T], without the pair */
  int64_t shape[2];
} scan_input;

void scan_add(scan_data *data, scan_slot slot, const scan_input *input, scan_number draw,
              random_state *random);

/* A normal deviate, or two. */
void scan_normal(const scan_case *spec, random_state *random, double number[2]);

#endif
