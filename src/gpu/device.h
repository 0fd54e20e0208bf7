/* SPDX-License-Identifier: Apache-2.0 */
/* What a GPU's driver offers: all that src/gpu knows of OpenCL or CUDA.
 *
 * Memory is a handle, as in seqmix_tensor::data: a cl_mem, or a device pointer. Functions that
 * return a status set the error text when they fail. Work is done in the order it is given. */
#ifndef SEQMIX_GPU_DEVICE_H
#define SEQMIX_GPU_DEVICE_H

#include "seqmix/backend.h"

/** What the driver knows of an opened device, of a compiled text, and of a kernel in it. */
typedef struct gpu_device gpu_device;
typedef struct gpu_program gpu_program;
typedef struct gpu_kernel gpu_kernel;

/** A file of kernels with all it includes, in the driver's dialect. */
typedef struct gpu_text {
  const char *name; /* its path in kernels/, without the ending */
  const char *text;
  uint64_t bytes;
  uint64_t hash; /* of the text */
} gpu_text;

/** A program to be compiled: the text behind lines that define its constants. */
typedef struct gpu_source {
  const gpu_text *text;
  const char *constants;
} gpu_source;

/** A kernel's argument: `bytes` at `value`; of memory, the handle is what lies there. */
typedef struct gpu_argument {
  const void *value;
  uint64_t bytes;
} gpu_argument;

/** Matrices of f32 in one memory, all alike: in elements, rows contiguous. */
typedef struct gpu_matrices {
  void *memory;
  int64_t first;     /* element of the first matrix */
  int64_t row, next; /* from row to row, and from matrix to matrix */
} gpu_matrices;

/** C[i] = factor A[i] B[i], or with B[i] transposed, or added to C[i], for `count` triples. */
typedef struct gpu_product {
  int64_t count;
  int64_t rows, columns; /* of each C, at least 1 */
  int64_t inner;         /* columns of A, at least 1 */
  gpu_matrices a, b, c;
  float factor;
  int b_is_transposed; /* B is [columns, inner] */
  int is_added;        /* otherwise what C held does not matter */
} gpu_product;

/** What a driver knows of a compiled kernel; 0: it does not say. */
typedef struct gpu_kernel_facts {
  uint64_t local_bytes;   /* of a work-group, as compiled */
  uint64_t private_bytes; /* of a work-item, beyond its registers */
  uint64_t items_most;    /* that a work-group of it may have */
  uint64_t registers;     /* of a work-item */
} gpu_kernel_facts;

/** How many work-items start, and what each group of them has. */
typedef struct gpu_grid {
  uint64_t groups, items; /* work-groups, and work-items of each */
  uint64_t local_bytes;   /* of local memory, where a text leaves it to the launch */
} gpu_grid;

typedef struct gpu_driver {
  const gpu_text *texts; /* ends with one without a name */
  /** Describes device `index` as seqmix_backend::device_properties does. */
  seqmix_status (*describe)(int32_t index, seqmix_device_properties *properties);
  /** Opens a device, on the caller's queue if there is one. */
  seqmix_status (*open)(int32_t index, void *queue, gpu_device **device);
  /** Closes it, when all programs are released. NULL is fine. */
  void (*close)(gpu_device *device);
  /** What compiled programs depend on besides their texts: device, driver and its version. */
  const char *(*identity)(const gpu_device *device);
  /** Whether what is enqueued is recorded for later, not done: then only launches may be. NULL:
   * never. */
  int (*is_capturing)(gpu_device *device);

  seqmix_status (*allocate)(gpu_device *device, uint64_t bytes, void **memory);
  void (*free)(gpu_device *device, void *memory);
  /** Copies, complete on return. */
  seqmix_status (*upload)(gpu_device *device, void *memory, uint64_t byte_offset, const void *host,
                          uint64_t bytes);
  seqmix_status (*download)(gpu_device *device, const void *memory, uint64_t byte_offset,
                            void *host, uint64_t bytes);

  /** Compiles; the compiler's log is in the error text. */
  seqmix_status (*compile)(gpu_device *device, const gpu_source *source, gpu_program **program);
  /** Makes a program of what binary() gave; NULL if the driver does not take it. */
  gpu_program *(*load)(gpu_device *device, const void *bytes, uint64_t size);
  /**
   * The program that was compiled ahead for such a device, as load() takes it; it stays the
   * driver's until the device is closed. `name` is seqmix_gpu_name_program()'s, `hash` its text's.
   * NULL if there is none; the member is NULL if there never is.
   */
  const void *(*packed)(gpu_device *device, const char *name, uint64_t hash, uint64_t *size);
  /** A program that was compiled, as load() takes it: asked for once, to be freed with
   * seqmix_memory_free(); NULL if there is none to have. */
  void *(*binary)(gpu_program *program, uint64_t *size);
  void (*release)(gpu_program *program);
  /** Finds a kernel; it lives as long as its program. */
  seqmix_status (*kernel)(gpu_program *program, const char *name, gpu_kernel **kernel);

  /** Fills in what it knows. NULL: nothing. */
  void (*describe_kernel)(const gpu_device *device, gpu_kernel *kernel, gpu_kernel_facts *facts);

  /** Starts a kernel and returns. */
  seqmix_status (*launch)(gpu_device *device, gpu_kernel *kernel, const gpu_grid *grid,
                          const gpu_argument *arguments, int32_t count);
  /** Starts a product, in order with the kernels. Only called for devices with SEQMIX_DEVICE_BLAS;
   * NULL if none ever has it. */
  seqmix_status (*multiply)(gpu_device *device, const gpu_product *product);
  /** Waits for all that was started. */
  seqmix_status (*synchronize)(gpu_device *device);
} gpu_driver;

#endif
