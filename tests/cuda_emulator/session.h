/* SPDX-License-Identifier: Apache-2.0 */
/* The emulator without the library: its functions, called as a program would call CUDA's. */
#ifndef SEQMIX_EMULATOR_SESSION_H
#define SEQMIX_EMULATOR_SESSION_H

#include "cuda/api.h"

/* Functions that a session calls beyond the backend's. */
#define SESSION_MEMBER(result, name, parameters) result(*name) parameters;
typedef struct session_api {
  CUDA_FUNCTIONS(SESSION_MEMBER)
  CUDA_CAPTURE_FUNCTIONS(SESSION_MEMBER)
} session_api;
#undef SESSION_MEMBER

extern session_api cuda;
extern nvrtc_api nvrtc;

/* A device with its context current, and a program on it. */
typedef struct session {
  CUdevice device;
  CUcontext context;
  CUstream stream;
  CUmodule module;
  char log[4096]; /* of the compiler */
} session;

/* Opens the libraries, once. */
void session_load(void);
void session_begin(session *s, int device);
void session_end(session *s);

/* Compiles a text, whose first line is line 1 of kernels/test.cu. */
nvrtcResult session_compile(session *s, const char *text);

/* Runs `kernel` of a program; returns what the launch did. */
typedef struct session_launch {
  const char *kernel;
  unsigned blocks, threads, local_bytes;
  void **parameters;
} session_launch;
CUresult session_run(session *s, const session_launch *launch);

/* Compiles, and runs the kernel `test` in one block on `bytes` of memory that begin and end as
 * `data`. */
CUresult session_try(const char *text, unsigned threads, void *data, size_t bytes);

/* What was written to stderr since the last call. */
const char *session_said(void);

#endif
