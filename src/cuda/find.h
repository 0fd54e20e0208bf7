/* SPDX-License-Identifier: Apache-2.0 */
/* Where a library of CUDA's toolkit may be: it comes with the toolkit, with Python packages, or
 * with a runtime that is already in the process. */
#ifndef SEQMIX_CUDA_FIND_H
#define SEQMIX_CUDA_FIND_H

#include <stddef.h>

/** One major version of a library, by the ending of its name. */
typedef struct cuda_ending {
  const char *text; /* ".so.13" */
  int major;
} cuda_ending;

typedef struct cuda_wanted {
  const char *variable;       /* of the environment: names the one file to take, if it is set */
  const char *name;           /* "libnvrtc" */
  const char *wheel;          /* "cuda_nvrtc": its folder among NVIDIA's Python packages */
  const cuda_ending *endings; /* newest first; ends with one without a text */
  int major_most;             /* the driver's: newer ones make what it cannot load; 0: any */
} cuda_wanted;

/** How a candidate is to be taken. */
typedef enum cuda_origin {
  CUDA_FOUND_NAMED,  /* by the environment: a path, or a name for dlopen() */
  CUDA_FOUND_LOADED, /* a name: something in the process may have it open */
  CUDA_FOUND_NAME,   /* a name for dlopen(), which knows the system's folders */
  CUDA_FOUND_FILE    /* the path of a file that is there */
} cuda_origin;

/** Returns nonzero to take a candidate: none is tried after it. */
typedef int (*cuda_take)(const char *path, cuda_origin origin, void *user);

/** Gives candidates to `take`, best first. What it returned last; 0 if there was none. */
int seqmix_cuda_find(const cuda_wanted *wanted, cuda_take take, void *user);

/** dlopen() of a candidate as its origin wants it; NULL: it cannot be opened. */
void *seqmix_cuda_open_found(const char *path, cuda_origin origin);

/** The file that a function of an opened candidate is from; `path` if that is unknown. */
void seqmix_cuda_tell_found(void *function, const char *path, char *text, size_t size);

/** What seqmix_cuda_find() looks for, in words. */
void seqmix_cuda_tell_wanted(const cuda_wanted *wanted, char *text, size_t size);

#endif
