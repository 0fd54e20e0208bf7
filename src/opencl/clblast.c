/* SPDX-License-Identifier: Apache-2.0 */
/* Products of matrices by CLBlast, opened at run time like OpenCL itself: without it, kernels of
 * our own compute them. */
#define _GNU_SOURCE /* secure_getenv, RTLD_DEFAULT */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/log.h"
#include "opencl/opencl.h"

/* The part of its C interface that is called. */
enum { ROW_MAJOR = 101, AS_IT_IS = 111, TRANSPOSED = 112 };
typedef cl_int (*multiply_function)(cl_int layout, cl_int a_transpose, cl_int b_transpose,
                                    size_t rows, size_t columns, size_t inner, float alpha,
                                    cl_mem a, size_t a_first, size_t a_row, size_t a_next, cl_mem b,
                                    size_t b_first, size_t b_row, size_t b_next, float beta,
                                    cl_mem c, size_t c_first, size_t c_row, size_t c_next,
                                    size_t count, cl_command_queue *queue, cl_event *event);
typedef cl_int (*forget_function)(void);

static multiply_function multiply;
static forget_function forget;
static int is_open;
static pthread_once_t open_once = PTHREAD_ONCE_INIT;

/* Open devices that have multiplied. */
static atomic_int users;

/* Whether its calls of OpenCL arrive where ours do: elsewhere our handles mean nothing. What the
 * program itself was linked with comes before what the library asks for. */
static int is_of_our_opencl(void *library) {
  const opencl_api *api = seqmix_opencl_api();
  void *ours = *(void *const *)&api->clFinish;
  void *of_program = dlsym(RTLD_DEFAULT, "clFinish");
  return dlsym(library, "clFinish") == ours && (!of_program || of_program == ours);
}

static void open_library(void) {
  const char *name = secure_getenv("SEQMIX_CLBLAST");
  if (!name || !*name) name = "libclblast.so.1";
  void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    seqmix_log(SEQMIX_LOG_DEBUG, "opencl: no CLBlast: %s", dlerror());
    return;
  }
  *(void **)&multiply = dlsym(library, "CLBlastSgemmStridedBatched");
  *(void **)&forget = dlsym(library, "CLBlastClearCache");
  const char *defect = !multiply || !forget         ? "it lacks a function"
                       : !is_of_our_opencl(library) ? "it works on another OpenCL than seqmix"
                                                    : NULL;
  if (defect) {
    seqmix_log(SEQMIX_LOG_INFO, "opencl: %s is left out: %s", name, defect);
    dlclose(library);
    return;
  }
  seqmix_log(SEQMIX_LOG_DEBUG, "opencl: products by %s", name);
  is_open = 1;
}

int seqmix_opencl_has_clblast(void) {
  pthread_once(&open_once, open_library);
  return is_open;
}

seqmix_status seqmix_opencl_multiply(gpu_device *device, const gpu_product *p) {
  if (!device->has_multiplied) atomic_fetch_add(&users, 1);
  device->has_multiplied = 1;
  cl_int error = multiply(
      ROW_MAJOR, AS_IT_IS, p->b_is_transposed ? TRANSPOSED : AS_IT_IS, (size_t)p->rows,
      (size_t)p->columns, (size_t)p->inner, p->factor, p->a.memory, (size_t)p->a.first,
      (size_t)p->a.row, (size_t)p->a.next, p->b.memory, (size_t)p->b.first, (size_t)p->b.row,
      (size_t)p->b.next, p->is_added ? 1.0f : 0.0f, p->c.memory, (size_t)p->c.first,
      (size_t)p->c.row, (size_t)p->c.next, (size_t)p->count, &device->queue, NULL);
  return error ? seqmix_opencl_fail("CLBlastSgemmStridedBatched", error) : SEQMIX_OK;
}

/* It keeps what it compiled for a context, and so the context, until it is told to forget all. */
void seqmix_opencl_leave_clblast(void) {
  if (atomic_fetch_sub(&users, 1) == 1) forget();
}
