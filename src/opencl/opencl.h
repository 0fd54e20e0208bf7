/* SPDX-License-Identifier: Apache-2.0 */
/* gpu/device.h on OpenCL: what its files share. */
#ifndef SEQMIX_OPENCL_OPENCL_H
#define SEQMIX_OPENCL_OPENCL_H

#include "gpu/device.h"
#include "opencl/api.h"

/** The driver's functions; NULL if there is no driver. */
const opencl_api *seqmix_opencl_api(void);
/** Why there is none, when there is none. */
const char *seqmix_opencl_api_defect(void);

/** A device that is there. */
typedef struct opencl_place {
  cl_platform_id platform;
  cl_device_id device;
} opencl_place;

/** Usable devices of all platforms: counted once, then constant. */
int32_t seqmix_opencl_device_count(void);
const opencl_place *seqmix_opencl_place(int32_t index);
seqmix_status seqmix_opencl_describe(int32_t index, seqmix_device_properties *properties);
/** seqmix_backend::remark. */
void seqmix_opencl_remark(char *text, uint64_t size);

enum { OPENCL_IDENTITY = 512 };

struct gpu_device {
  const opencl_api *api;
  cl_device_id id;
  cl_context context;
  cl_command_queue queue;
  uint64_t largest_bytes; /* that an allocation may have */
  int has_multiplied;     /* CLBlast keeps programs of its context */
  char identity[OPENCL_IDENTITY];
};

/** Text of a device or platform: of `size` bytes with its end, "" if it has none. */
void seqmix_opencl_device_text(cl_device_id device, cl_uint what, char *text, size_t size);
void seqmix_opencl_platform_text(cl_platform_id platform, cl_uint what, char *text, size_t size);

/** Sets the error text: what failed, and with which of OpenCL's errors. */
seqmix_status seqmix_opencl_fail(const char *what, cl_int error);

seqmix_status seqmix_opencl_open(int32_t index, void *queue, gpu_device **out);
void seqmix_opencl_close(gpu_device *device);
const char *seqmix_opencl_identity(const gpu_device *device);
seqmix_status seqmix_opencl_allocate(gpu_device *device, uint64_t bytes, void **memory);
void seqmix_opencl_free(gpu_device *device, void *memory);
seqmix_status seqmix_opencl_upload(gpu_device *device, void *memory, uint64_t byte_offset,
                                   const void *host, uint64_t bytes);
seqmix_status seqmix_opencl_download(gpu_device *device, const void *memory, uint64_t byte_offset,
                                     void *host, uint64_t bytes);

seqmix_status seqmix_opencl_compile(gpu_device *device, const gpu_source *source,
                                    gpu_program **program);
gpu_program *seqmix_opencl_load(gpu_device *device, const void *bytes, uint64_t size);
/** What programs are compiled with. */
#define SEQMIX_OPENCL_BUILD_OPTIONS "-cl-std=CL1.2 -w"
void *seqmix_opencl_binary(gpu_program *program, uint64_t *size);
void seqmix_opencl_release(gpu_program *program);
seqmix_status seqmix_opencl_kernel(gpu_program *program, const char *name, gpu_kernel **kernel);
void seqmix_opencl_describe_kernel(const gpu_device *device, gpu_kernel *kernel,
                                   gpu_kernel_facts *facts);
seqmix_status seqmix_opencl_launch(gpu_device *device, gpu_kernel *kernel, const gpu_grid *grid,
                                   const gpu_argument *arguments, int32_t count);
seqmix_status seqmix_opencl_synchronize(gpu_device *device);

/** Whether CLBlast is there, opened when it is first asked for. */
int seqmix_opencl_has_clblast(void);
seqmix_status seqmix_opencl_multiply(gpu_device *device, const gpu_product *product);
/** Of a device that has multiplied, when it is closed. */
void seqmix_opencl_leave_clblast(void);

#endif
