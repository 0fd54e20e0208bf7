/* SPDX-License-Identifier: Apache-2.0 */
/* An operator as the bench sees it: parameters, presets and functions. Adding one means a file
 * that defines such a row, and a line in operators.c. */
#ifndef SEQMIX_BENCH_OPERATOR_H
#define SEQMIX_BENCH_OPERATOR_H

#include <stddef.h>

#include "bench/bench.h"
#include "bench/team.h"

/* A number that describes a case, or a choice among names, by their place in the list. */
typedef struct bench_parameter {
  const char *name;
  double standard;    /* what it is if not given */
  double least, most; /* both allowed */
  int is_whole;
  const char *meaning;
  const char *const *choices; /* most + 1 names; NULL: a number */
} bench_parameter;

/* A shape with a name people know. */
typedef struct bench_preset {
  const char *group;
  const char *name;
  const char *phase;
  double values[BENCH_VALUES];
} bench_preset;

/* What an operator may use while a case is open. */
typedef struct bench_world {
  seqmix_context *context;   /* under test */
  seqmix_context *reference; /* the judge */
  const char *variant;       /* forced on the context, or NULL */
  bench_team *team;          /* threads for baselines, as many as the context has */
  uint64_t cache_bytes;      /* of the last-level caches together */
  int on_host;               /* whether the context's buffers are ordinary memory */
  int is_paper;              /* buffers hold nothing: no numbers are drawn for them (paper.h) */
} bench_world;

/* The same calculation by plain means. */
typedef struct bench_means {
  const char *what; /* it is, in words */
  void *(*open)(void *instance, char *error);
  void (*close)(void *baseline);
  seqmix_status (*run)(void *baseline, int64_t call);
  int (*verify)(void *baseline, bench_check *check, char *error);
  /* How it spreads its work, in words. */
  const char *(*how)(const void *baseline);
} bench_means;

/* Functions that can fail return NULL or zero and write a sentence into `error`, which has room for
 * BENCH_TEXT characters. `instance` is what open() made, `baseline` what baseline_open() made. */
struct bench_operator {
  const char *name;
  const bench_parameter *parameters;
  int parameter_count;
  const bench_preset *presets;
  int preset_count;

  /* Fills in values that follow from others and checks them together. */
  int (*complete)(double *values, char *error);
  /* The phase of a shape given by hand. */
  const char *(*phase)(const double *values);
  /* The name of such a case; NULL: its phase. */
  void (*label)(const double *values, char *text, size_t room);
  /* Stretches a shape to another length, for --sweep. */
  void (*set_length)(double *values, int64_t length);

  void *(*open)(const bench_case *item, const bench_world *world, char *error);
  void (*close)(void *instance);
  bench_cost (*cost)(const void *instance);
  int64_t (*copies)(const void *instance);
  /* Call number `call` decides which of the rotating buffers are used. */
  seqmix_status (*run)(void *instance, int64_t call);
  /* Whether a context on the same device would take the call. */
  seqmix_status (*probe)(void *instance, seqmix_context *context);
  /* Runs once and compares rows with the judge; zero if that could not be done. */
  int (*verify)(void *instance, bench_check *check, char *error);

  const bench_means *baseline;
  const bench_means *device_baseline; /* of devices with memory of their own; NULL: the same */
};

extern const bench_operator attention_operator, linear_attention_operator,
    linear_recurrence_operator, selective_scan_operator, prefix_scan_operator,
    causal_conv1d_operator;

/* All operators, NULL at the end. */
extern const bench_operator *const bench_operators[];

const bench_operator *operator_by_name(const char *name);

/* Whether a forced variant "<operator>__..." is one of this operator. */
int operator_has_variant(const bench_operator *op, const char *variant);

#endif
