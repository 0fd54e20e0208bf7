/* SPDX-License-Identifier: Apache-2.0 */
/* The devices `cuda:0`, `cuda:1`, ...: what src/gpu computes, on NVIDIA's GPUs. */
#include "gpu/backend.h"
#include "cuda/cuda.h"

/* Made of kernels/ when the library is built. */
extern const gpu_text seqmix_cuda_texts[];

static const gpu_driver driver = {
    .texts = seqmix_cuda_texts,
    .describe = seqmix_cuda_describe,
    .open = seqmix_cuda_open,
    .close = seqmix_cuda_close,
    .identity = seqmix_cuda_identity,
    .is_capturing = seqmix_cuda_is_capturing,
    .allocate = seqmix_cuda_allocate,
    .free = seqmix_cuda_free,
    .upload = seqmix_cuda_upload,
    .download = seqmix_cuda_download,
    .compile = seqmix_cuda_compile,
    .load = seqmix_cuda_load,
    .packed = seqmix_cuda_packed,
    .binary = seqmix_cuda_binary,
    .release = seqmix_cuda_release,
    .kernel = seqmix_cuda_kernel,
    .describe_kernel = seqmix_cuda_describe_kernel,
    .launch = seqmix_cuda_launch,
    .multiply = seqmix_cuda_multiply,
    .synchronize = seqmix_cuda_synchronize,
};

static seqmix_status open_device(int32_t index, void *queue, void **device) {
  return seqmix_gpu_open(&driver, index, queue, device);
}

static const seqmix_variant variants[] = {SEQMIX_CUDA_VARIANTS};

const seqmix_backend seqmix_cuda_backend = {
    .abi = SEQMIX_BACKEND_ABI,
    .struct_size = sizeof(seqmix_backend),
    .name = "cuda",
    .variants = variants,
    .variant_count = sizeof variants / sizeof *variants,
    .device_count = seqmix_cuda_device_count,
    .device_properties = seqmix_cuda_describe,
    .open = open_device,
    .close = seqmix_gpu_close,
    .synchronize = seqmix_gpu_synchronize,
    .allocate = seqmix_gpu_allocate,
    .free = seqmix_gpu_free,
    .upload = seqmix_gpu_upload,
    .download = seqmix_gpu_download,
    .is_capturing = seqmix_gpu_is_capturing,
    .remark = seqmix_cuda_remark,
};
