/* SPDX-License-Identifier: Apache-2.0 */
/* One call of an operator on files: what all operators of `seqmix run` share.
 *
 * A run holds the tensors of the call on the context's device. Functions that fail print why and
 * set `status`; those after them then do nothing, so that a caller looks at the status once. */
#ifndef SEQMIX_RUN_H
#define SEQMIX_RUN_H

#include <seqmix/seqmix.h>

#include "arguments.h"

#define RUN_TENSORS 24

typedef struct run_tensor {
  const char *path;
  seqmix_tensor file;   /* as it lies in the file, contiguous */
  seqmix_tensor device; /* as the operator takes it */
  void *buffer;
  int is_output;
} run_tensor;

typedef struct tool_run_state {
  const tool_arguments *arguments;
  const char *operator_name;
  seqmix_context *context;
  int status;      /* 0, or the exit status */
  int heads_first; /* files have heads, or channels, before time */
  int count;
  run_tensor tensors[RUN_TENSORS];
} run;

/* The options every operator has, for its table. */
#define RUN_OPTIONS                                                                  \
  {"-o", "FILE", "where the result goes; required", NULL},                           \
      {"--out-f32", NULL, "the result in f32, whatever the inputs are", NULL},       \
      {"--device", "NAME", "as `seqmix devices` has it; auto is the default", NULL}, \
      {"--threads", "N", "CPU threads", NULL}, {                                     \
    "--variant", "NAME", "the variant that must do it", NULL                         \
  }

/* The one more of operators on heads, and of those on channels. */
#define RUN_HEADS \
  { "--layout", "bthd|bhtd", "time before heads in the files (the default), or after", NULL }
#define RUN_CHANNELS \
  { "--layout", "btc|bct", "time before channels in the files (the default), or after", NULL }

/* Those of operators whose state is one tensor. */
#define RUN_STATE                                                                             \
  {"--past-state", "FILE", "the state before the first token", NULL},                         \
      {"--state", "FILE", "where the state after the last token goes", NULL},                 \
      {"--cu-seqlens", "FILE", "where packed sequences begin and end", NULL},                 \
      {"--state-indices", "FILE", "rows of the past, then a pool, that sequences begin with", \
       NULL},                                                                                 \
  {                                                                                           \
    "--state-out-indices", "FILE", "rows of that pool that they end in, if others", NULL      \
  }

/* The one more that operators with a softmax have. */
#define RUN_LSE \
  { "--lse", "FILE", "where the logarithms of the denominators go", NULL }

/* Reads the command line. Returns 1; or 0 if there is nothing to run, with the exit status. */
int run_read_line(tool_arguments *arguments, int count, char **words, int *status);

/* Starts a run from a command line that was read. */
void run_start(run *r, const char *operator_name, const tool_arguments *arguments);

/* Reads --layout, as RUN_HEADS or RUN_CHANNELS has it. */
void run_layout_of_heads(run *r);
void run_layout_of_channels(run *r);

/* Refuses an option that means nothing without another. */
void run_needs(run *r, const char *option, const char *other);

/* The tensor of a file; NULL if `path` is NULL or something failed. `axes` is how many it must
 * have, or 0. */
const seqmix_tensor *run_input(run *r, const char *path, int axes);
/* The same of the file an option names. */
const seqmix_tensor *run_option(run *r, const char *option);
/* The same with time and heads (or channels), which are the axes `time` and `time` + 1, in the
 * call's order; one without these axes stays as it is. */
const seqmix_tensor *run_sequence(run *r, const char *path, int axes, int time);

/* A tensor that will be written to a file; NULL if `path` is NULL. */
const seqmix_tensor *run_output(run *r, const char *path, int32_t dtype, int ndim,
                                const int64_t *shape);
/* The same with time and heads in the files' order. */
const seqmix_tensor *run_output_sequence(run *r, const char *path, int32_t dtype, int ndim,
                                         const int64_t *shape, int time);

/* Gives an output an input's values, where the call may leave them. Both are of one size. */
void run_begin_with(run *r, const seqmix_tensor *output, const seqmix_tensor *values);

/* How many sequences a call has: those of its batch, or the packed ones. */
int64_t run_sequence_count(const seqmix_tensor *cu_seqlens, int64_t batch);

/* The present state, or a part of it, for the file an option names: of the past's type, or without
 * a past of `dtype`. With rows that are named by index (`is_pool`) it is as large a pool as the
 * past, whose rows it keeps where none is written. */
const seqmix_tensor *run_state(run *r, const char *option, const seqmix_tensor *past, int is_pool,
                               int32_t dtype, int ndim, const int64_t *shape);

/* The name of the variant that will take the call, which workspace_size asks for; NULL if there is
 * nothing to do for one. */
const char *run_chosen_variant(run *r, const void *args,
                               seqmix_status (*workspace_size)(seqmix_context *, const void *,
                                                               uint64_t *));

/* The operators: a row of operators.def needs a run_<name>(), as a command has one. */
#define SEQMIX_OPERATOR(name, NAME, tolerance, description) int run_##name(int count, char **words);
#include <seqmix/operators.def>
#undef SEQMIX_OPERATOR

/* Takes what a call of the library returned. */
void run_check(run *r, seqmix_status status);

/* After the call: writes the outputs and frees everything. Returns the exit status. */
int run_end(run *r, const char *variant);

#endif
