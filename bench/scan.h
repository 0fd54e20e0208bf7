/* SPDX-License-Identifier: Apache-2.0 */
/* What linear_recurrence, selective_scan, prefix_scan and causal_conv1d have in common as operators
 * of the bench. In all of them a channel of a sequence sees no other, so the judge may compute some
 * of them alone. */
#ifndef SEQMIX_BENCH_SCAN_H
#define SEQMIX_BENCH_SCAN_H

#include "bench/images.h"
#include "bench/operator.h"
#include "bench/rows.h"
#include "bench/scan_loop.h"

enum { SCAN_AXES = 5 };

/* ---- parameters ----------------------------------------------------------------------------- */

#define SCAN_LONGEST 4194304.0
#define SCAN_WIDEST 1048576.0
#define SCAN_STATES_MEANING "present: written; update: read and written in place, as with T=1"

extern const char *const scan_layouts[2], *const scan_types[3], *const scan_states_names[3];

/* The dtype of a choice among scan_types. */
int32_t scan_type(double choice);

/* ---- tensors and operators ------------------------------------------------------------------ */

/* A tensor of the call, dense; rank 0: the shape has no such part. */
typedef struct scan_layout {
  int32_t dtype;
  int rank;
  int64_t extent[SCAN_AXES], stride[SCAN_AXES];
  int sequences, tokens, channels, groups; /* which axes these are; -1: none */
} scan_layout;

/* How the numbers of an input come from deviates; NULL: they are the deviates. */
typedef struct scan_numbers {
  double (*of)(double deviate, double argument);
  double argument;
} scan_numbers;

/* The tensors of a call. */
typedef struct scan_tensors {
  const seqmix_tensor *part[SCAN_PARTS]; /* NULL: absent; the state is what is written */
  const seqmix_tensor *past;             /* the state that is read; NULL: zeros */
} scan_tensors;

/* An operator, as far as it differs from the others. */
typedef struct scan_kind {
  seqmix_operator op;
  scan_shape (*shape)(const double *values);
  scan_layout (*layout)(const scan_shape *shape, int32_t dtype, scan_part part);
  scan_numbers (*numbers)(const scan_shape *shape, scan_part part);
  /* All but the bytes. */
  bench_cost (*work)(const scan_shape *shape, int32_t dtype);
  /* Computes, or asks for the bytes of workspace. */
  seqmix_status (*call)(seqmix_context *context, const scan_shape *shape,
                        const scan_tensors *tensors, uint64_t *workspace);
} scan_kind;

extern const scan_kind linear_recurrence_kind, selective_scan_kind, prefix_scan_kind,
    causal_conv1d_kind;

typedef struct scan_instance {
  const scan_kind *kind;
  scan_shape shape;
  int32_t dtype;
  const bench_world *world;
  bench_image images[SCAN_PARTS]; /* inputs on the host; others hold no bytes */
  void *buffers[SCAN_PARTS];      /* on the device */
  seqmix_tensor tensors[SCAN_PARTS];
  scan_tensors call; /* of these */
  /* Filled when they are first needed: single numbers of the output and of states, by their places
   * in memory. */
  bench_rows rows, state_rows;
} scan_instance;

/* ---- scan_tensors.c: layouts and views ------------------------------------------------------ */

/* A tensor whose axes lie in memory as they are named. */
scan_layout scan_dense(int32_t dtype, int rank, const int64_t *extent);
/* [B, T, C], in pairs if they are complex; channels are outside time if the shape says so. */
scan_layout scan_over_tokens(const scan_shape *shape, int32_t dtype);
/* [C], and [C, inner] if inner is not 0. */
scan_layout scan_over_channels(int32_t dtype, int64_t channels, int64_t inner);

int64_t scan_elements(const scan_layout *layout);
double scan_bytes(const scan_layout *layout);
seqmix_tensor scan_tensor(const scan_layout *layout, void *data);
/* The layout of one channel of a sequence, and where in the whole it begins. */
scan_layout scan_lane(const scan_layout *layout, const scan_shape *shape, int64_t sequence,
                      int64_t channel, int64_t *offset);

/* ---- scan.c: functions of the operators' rows ----------------------------------------------- */

void *scan_open(const scan_kind *kind, const bench_case *item, const bench_world *world,
                char *error);
void scan_close(void *pointer);
bench_cost scan_cost(const void *pointer);
/* The same without an instance. */
bench_cost scan_cost_of(const scan_kind *kind, const scan_shape *shape, int32_t dtype);
int64_t scan_copies(const void *pointer);
seqmix_status scan_run(void *pointer, int64_t number);
seqmix_status scan_probe(void *pointer, seqmix_context *context);
int scan_verify(void *pointer, bench_check *check, char *error);

/* Few tokens on states in place: what a model does that generates. */
int scan_is_decode(const scan_shape *shape);
/* "decode": few tokens on states in place; "call": few tokens; "prefill". */
const char *scan_phase(const scan_shape *shape);
/* Whether a tensor of `elements` may be asked for; zero and a sentence if it is too large. */
int scan_check_size(double elements, char *error);

/* Members of an operator's row that are alike for all. */
#define SCAN_FUNCTIONS                                                            \
  .close = scan_close, .cost = scan_cost, .copies = scan_copies, .run = scan_run, \
  .probe = scan_probe, .verify = scan_verify, .baseline = &scan_baseline

/* ---- scan_rows.c: the judge ------------------------------------------------------------------ */

/* Computes expected numbers with the judge; zero and a sentence if it cannot. */
int scan_expect(scan_instance *instance, char *error);
/* Compares a whole output, and states if there are any, on the host with the expected ones. */
bench_check scan_compare(const scan_instance *instance, const void *out, int32_t dtype,
                         const void *states, int32_t state_dtype);

/* ---- scan_baseline.c ------------------------------------------------------------------------- */

extern const bench_means scan_baseline;

#endif
