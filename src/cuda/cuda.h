/* SPDX-License-Identifier: Apache-2.0 */
/* gpu/device.h on CUDA's driver API and NVRTC: what its files share. */
#ifndef SEQMIX_CUDA_CUDA_H
#define SEQMIX_CUDA_CUDA_H

#include "cuda/api.h"
#include "gpu/device.h"

/* ---- the driver: library.c ------------------------------------------------------------------- */

/** The driver's functions, initialised; NULL if there is none that can be used. */
const cuda_api *seqmix_cuda_api(void);
/** Why there is none, when there is none. */
const char *seqmix_cuda_api_defect(void);

/** The newest CUDA the driver knows, 13000 for 13.0; 0 without a driver. */
int seqmix_cuda_driver_version(void);

/** Sets the error text: what failed, and with which of CUDA's errors. */
seqmix_status seqmix_cuda_fail(const char *what, CUresult error);

typedef struct cuda_function {
  const char *name;
  void **function;
} cuda_function;
/** Looks up `count` wanted functions of a library: the name of the first that it lacks, or NULL. */
const char *seqmix_cuda_functions(void *library, const cuda_function *wanted, size_t count);

/* ---- devices: devices.c ---------------------------------------------------------------------- */

/** Usable devices: counted once, then constant. */
int32_t seqmix_cuda_device_count(void);
seqmix_status seqmix_cuda_describe(int32_t index, seqmix_device_properties *properties);
/** The driver's handle of device `index`. */
CUdevice seqmix_cuda_device_id(int32_t index);
int32_t seqmix_cuda_attribute(CUdevice id, int attribute);
/** Compute capability: 90 for 9.0. */
int32_t seqmix_cuda_architecture(CUdevice id);

/** Lines about devices that were left out, or that there is none. */
void seqmix_cuda_tell_devices(char *text, size_t size);

/** seqmix_backend::remark. */
void seqmix_cuda_remark(char *text, uint64_t size);

/* ---- an opened device: device.c, memory.c ---------------------------------------------------- */

enum { CUDA_IDENTITY = 128 };

struct gpu_device {
  const cuda_api *api;
  CUdevice id;
  CUcontext context; /* the device's primary one, or that of the caller's stream */
  CUstream stream;
  int owns_context, owns_stream;
  int has_pools; /* memory is given and taken in the order of the stream */
  int32_t architecture;
  struct late_memory *late;       /* freed while the stream was captured */
  struct cuda_packs *packs;       /* of pack.c; NULL before the first program */
  struct cuda_products *products; /* of cublas.c; NULL before the first product */
  char identity[CUDA_IDENTITY];
};

/** Makes the device's context the thread's, until seqmix_cuda_leave() puts back what was there. */
CUresult seqmix_cuda_enter(const gpu_device *device);
void seqmix_cuda_leave(const gpu_device *device);

seqmix_status seqmix_cuda_open(int32_t index, void *queue, gpu_device **out);
void seqmix_cuda_close(gpu_device *device);
const char *seqmix_cuda_identity(const gpu_device *device);
int seqmix_cuda_is_capturing(gpu_device *device);
seqmix_status seqmix_cuda_synchronize(gpu_device *device);

seqmix_status seqmix_cuda_allocate(gpu_device *device, uint64_t bytes, void **memory);
void seqmix_cuda_free(gpu_device *device, void *memory);
/** Gives back what was freed while the stream was captured. */
void seqmix_cuda_free_late(gpu_device *device);
seqmix_status seqmix_cuda_upload(gpu_device *device, void *memory, uint64_t byte_offset,
                                 const void *host, uint64_t bytes);
seqmix_status seqmix_cuda_download(gpu_device *device, const void *memory, uint64_t byte_offset,
                                   void *host, uint64_t bytes);

/* ---- the compiler: nvrtc.c ------------------------------------------------------------------- */

/** What programs are compiled with, besides their architecture. */
#define SEQMIX_CUDA_OPTIONS "--std=c++17", "--fmad=false", "-w"
#define SEQMIX_CUDA_OPTIONS_TEXT "--std=c++17 --fmad=false -w"

/** Code for a device: machine code, or PTX that the driver compiles when it is loaded. */
enum { CUDA_IMAGE_CUBIN = 1, CUDA_IMAGE_PTX = 2 };

/** What a compiled program starts with, in the cache and in packs; its code follows. */
typedef struct cuda_image_header {
  char magic[8];
  int32_t kind;         /* of the code */
  int32_t compiler;     /* 13000 for NVRTC 13.0 */
  int32_t driver;       /* the newest CUDA of the driver it was made under; 0: there was none */
  int32_t architecture; /* 90 for sm_90 and for sm_90a */
  uint64_t code_bytes;
  char reserved[32]; /* 0; and code is aligned like the whole */
} cuda_image_header;

/** A compiled program: a header and its code, to be freed with seqmix_memory_free(). */
typedef struct cuda_image {
  void *bytes;
  uint64_t size;
} cuda_image;

/**
 * Compiles for a target: "sm_90", "sm_90a" (a cubin), or "compute_90" (PTX). Needs no device and no
 * driver. DEVICE without a compiler, or with its log in the error text.
 */
seqmix_status seqmix_cuda_compile_for(const char *target, const gpu_source *source,
                                      cuda_image *image);

/** The same for an architecture: a cubin where the compiler knows it, else PTX of the newest that
 * it knows below. */
seqmix_status seqmix_cuda_compile_image(int32_t architecture, const gpu_source *source,
                                        cuda_image *image);

/** The header of an image that this driver may be given; NULL if it is none. */
const cuda_image_header *seqmix_cuda_image_header(const void *bytes, uint64_t size);

/** The compiler's version and path, opened when it is first asked for; version 0: there is none,
 * and `text` says what was looked for. */
int seqmix_cuda_compiler(char *text, size_t size);

/* ---- programs: program.c --------------------------------------------------------------------- */

seqmix_status seqmix_cuda_compile(gpu_device *device, const gpu_source *source,
                                  gpu_program **program);
gpu_program *seqmix_cuda_load(gpu_device *device, const void *bytes, uint64_t size);
/** Of a pack (pack.h), which is looked for when the device is first asked for a program. */
const void *seqmix_cuda_packed(gpu_device *device, const char *name, uint64_t hash, uint64_t *size);
void *seqmix_cuda_binary(gpu_program *program, uint64_t *size);
void seqmix_cuda_release(gpu_program *program);
seqmix_status seqmix_cuda_kernel(gpu_program *program, const char *name, gpu_kernel **kernel);
void seqmix_cuda_describe_kernel(const gpu_device *device, gpu_kernel *kernel,
                                 gpu_kernel_facts *facts);
seqmix_status seqmix_cuda_launch(gpu_device *device, gpu_kernel *kernel, const gpu_grid *grid,
                                 const gpu_argument *arguments, int32_t count);

/* ---- products: cublas.c ---------------------------------------------------------------------- */

/** Whether there is a file that may be cuBLAS, and which: nothing is opened. */
int seqmix_cuda_has_cublas(char *path, size_t size);
seqmix_status seqmix_cuda_multiply(gpu_device *device, const gpu_product *product);
/** Of a device that is closed, in its context. */
void seqmix_cuda_end_products(gpu_device *device);

#endif
