/* SPDX-License-Identifier: Apache-2.0 */
/* What the stand-ins for CUDA's libraries share, and what tests may ask them.
 *
 * FAKE_CUDA is a list of words, read at every call:
 *   driver=<n>         the driver's version (13000)      devices=<n>       how many there are (1)
 *   capability=<n>     of all devices (90)               capability@<i>=<n>  of device i
 *   prohibited         devices may not be worked on      without-pools     of memory
 *   refuse-image       modules do not load               nvrtc=<n>         NVRTC's version (13000)
 *   newest=<n>         architecture that NVRTC knows     long-log          of the compiler
 *   <function>=<error>, <function>@<n>=<error>           fails always, or at its n-th call
 * After an error that has a real device lost, every call that works on one ends with it. */
#ifndef SEQMIX_TESTS_CUDA_FAKE_H
#define SEQMIX_TESTS_CUDA_FAKE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda/api.h"

#define FAKE_EXPORT __attribute__((visibility("default")))

/** What tests look up in the driver, by these names. */
typedef struct fake_counts {
  int contexts, streams, modules, allocations; /* that are there */
  int launches, captured;                      /* started; recorded */
  int violations;                              /* calls that a capture forbids */
  int pushed;                                  /* contexts of this thread, above the first */
} fake_counts;
typedef void (*fake_count_function)(fake_counts *counts);      /* fake_cuda_count */
typedef CUcontext (*fake_context_function)(int device);        /* fake_cuda_context */
typedef CUstream (*fake_stream_function)(CUcontext context);   /* fake_cuda_stream */
typedef void (*fake_make_current_function)(CUcontext context); /* fake_cuda_make_current */
typedef CUcontext (*fake_current_function)(void);              /* fake_cuda_current */
typedef void (*fake_launch_function)(unsigned numbers[3]);     /* fake_cuda_last_launch */

/* The number behind `word=`; `other` if the word is not there. */
static inline long fake_number(const char *word, long other) {
  const char *text = getenv("FAKE_CUDA");
  size_t length = strlen(word);
  for (const char *at = text ? text : ""; *at; at += strcspn(at, " "), at += *at == ' ')
    if (strncmp(at, word, length) == 0 && at[length] == '=')
      return strtol(at + length + 1, NULL, 10);
  return other;
}

static inline int fake_has(const char *word) {
  const char *text = getenv("FAKE_CUDA");
  size_t length = strlen(word);
  for (const char *at = text ? text : ""; *at; at += strcspn(at, " "), at += *at == ' ')
    if (strncmp(at, word, length) == 0 && (at[length] == ' ' || at[length] == 0)) return 1;
  return 0;
}

/* The error that function number `call` of this name is to end with; 0 if none. */
static inline int fake_fault(const char *function, int call) {
  char nth[80];
  snprintf(nth, sizeof nth, "%s@%d", function, call);
  return (int)fake_number(function, fake_number(nth, 0));
}

#endif
