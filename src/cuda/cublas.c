/* SPDX-License-Identifier: Apache-2.0 */
/* Products of matrices by cuBLAS, opened at the first of them: without it, kernels of our own
 * compute them. */
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "core/error.h"
#include "core/log.h"
#include "core/memory.h"
#include "cuda/cuda.h"
#include "cuda/find.h"

/* What cuBLAS would take by itself, but a graph must not see it take. */
enum { WORKSPACE_BYTES = 4 << 20, WORKSPACE_BYTES_HOPPER = 32 << 20, HOPPER = 90 };

/* What a device has for its products. */
struct cuda_products {
  cublasHandle_t handle;
  void *workspace;
};

static cublas_api api;
static int is_open;
static char found[512];
static pthread_once_t open_once = PTHREAD_ONCE_INIT;

static const cuda_function functions[] = {
#define CUBLAS_ROW(result, name, parameters) {#name, (void **)&api.name},
    CUBLAS_FUNCTIONS(CUBLAS_ROW)
#undef CUBLAS_ROW
};

/* ---- which ----------------------------------------------------------------------------------- */

static int look(cuda_take take, void *user) {
  static const cuda_ending endings[] = {{".so.13", 13}, {".so.12", 12}, {".so.11", 11}, {NULL, 0}};
  const cuda_wanted wanted = {
      .variable = "SEQMIX_CUBLAS",
      .name = "libcublas",
      .wheel = "cublas",
      .endings = endings,
      .major_most = seqmix_cuda_driver_version() / 1000,
  };
  return seqmix_cuda_find(&wanted, take, user);
}

typedef struct place {
  char *path;
  size_t size;
} place;

/* A name is no file: what dlopen() would find lies in folders that are looked through as well. */
static int is_there(const char *path, cuda_origin origin, void *user) {
  const place *to = user;
  void *loaded = origin == CUDA_FOUND_LOADED ? seqmix_cuda_open_found(path, origin) : NULL;
  int is_file =
      origin == CUDA_FOUND_FILE || (origin == CUDA_FOUND_NAMED && access(path, R_OK) == 0);
  if (loaded) dlclose(loaded);
  if (!loaded && !is_file) return 0;
  snprintf(to->path, to->size, "%s", path);
  return 1;
}

/* To open it takes up to seconds, with half a gigabyte of kernels: too long for a list of devices,
 * so a file of that name must do. Should it turn out to be of no use, kernels of our own compute
 * the products. */
/* NOLINTNEXTLINE(readability-non-const-parameter): it is written through `to`. */
int seqmix_cuda_has_cublas(char *path, size_t size) {
  place to = {path, size};
  return look(is_there, &to);
}

static int take(const char *path, cuda_origin origin, void *user) {
  (void)user;
  void *library = seqmix_cuda_open_found(path, origin);
  if (!library) {
    if (origin == CUDA_FOUND_NAMED || origin == CUDA_FOUND_FILE)
      seqmix_log(SEQMIX_LOG_INFO, "cuda: %s", dlerror());
    return 0;
  }
  const char *lacks =
      seqmix_cuda_functions(library, functions, sizeof functions / sizeof *functions);
  if (lacks) {
    seqmix_log(SEQMIX_LOG_INFO, "cuda: %s is left out: it lacks %s", path, lacks);
    dlclose(library);
    return 0;
  }
  snprintf(found, sizeof found, "%s", path);
  return 1;
}

static void open_library(void) {
  is_open = look(take, NULL);
  if (is_open) seqmix_log(SEQMIX_LOG_DEBUG, "cuda: products by %s", found);
}

/* ---- a device's ------------------------------------------------------------------------------ */

static seqmix_status fail(const char *what, cublasStatus_t error) {
  return seqmix_fail(
      error == CUBLAS_STATUS_ALLOC_FAILED ? SEQMIX_ERROR_OUT_OF_MEMORY : SEQMIX_ERROR_DEVICE,
      "cuda: %s: status %d of cuBLAS", what, error);
}

/* Within the device's context. Its stream first: a new stream has cuBLAS forget its workspace. */
static seqmix_status set_up(gpu_device *device, struct cuda_products *products) {
  uint64_t bytes = device->architecture >= HOPPER ? WORKSPACE_BYTES_HOPPER : WORKSPACE_BYTES;
  cublasStatus_t error = api.cublasCreate_v2(&products->handle);
  if (error) return fail("cublasCreate", error);
  error = api.cublasSetStream_v2(products->handle, device->stream);
  if (error) return fail("cublasSetStream", error);
  SEQMIX_TRY(seqmix_cuda_allocate(device, bytes, &products->workspace));
  error = api.cublasSetWorkspace_v2(products->handle, products->workspace, (size_t)bytes);
  if (error) return fail("cublasSetWorkspace", error);
  /* All of f32's digits: no TF32. */
  error = api.cublasSetMathMode(products->handle, CUBLAS_DEFAULT_MATH);
  return error ? fail("cublasSetMathMode", error) : SEQMIX_OK;
}

static seqmix_status begin_products(gpu_device *device) {
  if (device->products) return SEQMIX_OK;
  pthread_once(&open_once, open_library);
  if (!is_open)
    return seqmix_fail(SEQMIX_ERROR_DEVICE,
                       "cuda: there is no cuBLAS that can be used; "
                       "SEQMIX_LOG=info says why");
  if (seqmix_cuda_is_capturing(device))
    return seqmix_fail(SEQMIX_ERROR_DEVICE,
                       "cuBLAS is not started yet, and cannot be while the stream is captured in a "
                       "graph: call it once before capturing");
  device->products = seqmix_memory_allocate_zeroed(sizeof *device->products);
  if (!device->products)
    return seqmix_fail(SEQMIX_ERROR_OUT_OF_MEMORY, "cuda: no memory for cuBLAS' handle");
  seqmix_status status = set_up(device, device->products);
  if (status) seqmix_cuda_end_products(device);
  return status;
}

void seqmix_cuda_end_products(gpu_device *device) {
  struct cuda_products *products = device->products;
  if (!products) return;
  if (products->handle) api.cublasDestroy_v2(products->handle);
  if (products->workspace) seqmix_cuda_free(device, products->workspace);
  seqmix_memory_free(products);
  device->products = NULL;
}

/* ---- products -------------------------------------------------------------------------------- */

static const float *elements(const gpu_matrices *m) { return (const float *)m->memory + m->first; }

static int fits(const gpu_product *p) {
  return p->count <= INT_MAX && p->rows <= INT_MAX && p->columns <= INT_MAX &&
         p->inner <= INT_MAX && p->a.row <= INT_MAX && p->b.row <= INT_MAX && p->c.row <= INT_MAX;
}

/* cuBLAS has columns where we have rows, so that it sees every matrix transposed: it is asked for
 * C^T = B^T A^T, which has the operands change places and each stay as it is. */
static cublasStatus_t start(const struct cuda_products *products, const gpu_product *p) {
  const float added = p->is_added ? 1.0f : 0.0f;
  return api.cublasSgemmStridedBatched(
      products->handle, p->b_is_transposed ? CUBLAS_OP_T : CUBLAS_OP_N, CUBLAS_OP_N,
      (int)p->columns, (int)p->rows, (int)p->inner, &p->factor, elements(&p->b), (int)p->b.row,
      p->b.next, elements(&p->a), (int)p->a.row, p->a.next, &added,
      (float *)p->c.memory + p->c.first, (int)p->c.row, p->c.next, (int)p->count);
}

seqmix_status seqmix_cuda_multiply(gpu_device *device, const gpu_product *product) {
  if (!fits(product))
    return seqmix_fail(SEQMIX_ERROR_UNSUPPORTED, "cuda: matrices are too large for cuBLAS");
  CUresult entered = seqmix_cuda_enter(device);
  if (entered) return seqmix_cuda_fail("cuCtxPushCurrent", entered);
  seqmix_status status = begin_products(device);
  if (!status) {
    cublasStatus_t error = start(device->products, product);
    if (error) status = fail("cublasSgemmStridedBatched", error);
  }
  seqmix_cuda_leave(device);
  return status;
}
