/* SPDX-License-Identifier: Apache-2.0 */
/* The devices `opencl:0`, `opencl:1`, ...: what src/gpu computes, on any OpenCL 1.2 device. */
#include "gpu/backend.h"
#include "opencl/opencl.h"

/* Made of kernels/ when the library is built. */
extern const gpu_text seqmix_opencl_texts[];

static const gpu_driver driver = {
    .texts = seqmix_opencl_texts,
    .describe = seqmix_opencl_describe,
    .open = seqmix_opencl_open,
    .close = seqmix_opencl_close,
    .identity = seqmix_opencl_identity,
    .allocate = seqmix_opencl_allocate,
    .free = seqmix_opencl_free,
    .upload = seqmix_opencl_upload,
    .download = seqmix_opencl_download,
    .compile = seqmix_opencl_compile,
    .load = seqmix_opencl_load,
    .binary = seqmix_opencl_binary,
    .release = seqmix_opencl_release,
    .kernel = seqmix_opencl_kernel,
    .describe_kernel = seqmix_opencl_describe_kernel,
    .launch = seqmix_opencl_launch,
    .multiply = seqmix_opencl_multiply,
    .synchronize = seqmix_opencl_synchronize,
};

static seqmix_status open_device(int32_t index, void *queue, void **device) {
  return seqmix_gpu_open(&driver, index, queue, device);
}

static const seqmix_variant variants[] = {SEQMIX_GPU_VARIANTS(cl)};

const seqmix_backend seqmix_opencl_backend = {
    .abi = SEQMIX_BACKEND_ABI,
    .struct_size = sizeof(seqmix_backend),
    .name = "opencl",
    .variants = variants,
    .variant_count = sizeof variants / sizeof *variants,
    .device_count = seqmix_opencl_device_count,
    .device_properties = seqmix_opencl_describe,
    .open = open_device,
    .close = seqmix_gpu_close,
    .synchronize = seqmix_gpu_synchronize,
    .allocate = seqmix_gpu_allocate,
    .free = seqmix_gpu_free,
    .upload = seqmix_gpu_upload,
    .download = seqmix_gpu_download,
    .remark = seqmix_opencl_remark,
};
