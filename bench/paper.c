/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/paper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "core/context.h"
#include "core/error.h"
#include "gpu/backend.h"

/* Made of kernels/ when the library is built. */
extern const gpu_text seqmix_opencl_texts[];

static seqmix_device devices[PAPER_DEVICES];
static int device_count;

/* ---- a driver that does nothing -------------------------------------------------------------- */

/* Both are told apart by their addresses alone. */
struct gpu_kernel {
  char none;
};
struct gpu_program {
  gpu_kernel kernel; /* stands for all */
};

static seqmix_status describe(int32_t index, seqmix_device_properties *properties) {
  *properties = devices[index].properties;
  return SEQMIX_OK;
}

static seqmix_status open_device(int32_t index, void *queue, gpu_device **device) {
  (void)index;
  (void)queue;
  (void)device;
  return SEQMIX_OK;
}

static void close_device(gpu_device *device) { (void)device; }

static const char *identify(const gpu_device *device) {
  (void)device;
  return "paper";
}

/* Handles differ, as the library looks for outputs that overlap. */
static seqmix_status allocate(gpu_device *device, uint64_t bytes, void **memory) {
  (void)device;
  (void)bytes;
  *memory = malloc(1);
  return *memory ? SEQMIX_OK : seqmix_fail(SEQMIX_ERROR_OUT_OF_MEMORY, "paper: no memory");
}

static void free_memory(gpu_device *device, void *memory) {
  (void)device;
  free(memory);
}

static seqmix_status upload(gpu_device *device, void *memory, uint64_t byte_offset,
                            const void *host, uint64_t bytes) {
  (void)device;
  (void)memory;
  (void)byte_offset;
  (void)host;
  (void)bytes;
  return SEQMIX_OK;
}

/* There is nothing wrong with indices that nobody reads: faults stay as they were. */
static seqmix_status download(gpu_device *device, const void *memory, uint64_t byte_offset,
                              void *host, uint64_t bytes) {
  (void)device;
  (void)memory;
  (void)byte_offset;
  (void)host;
  (void)bytes;
  return SEQMIX_OK;
}

static seqmix_status compile(gpu_device *device, const gpu_source *source, gpu_program **program) {
  (void)device;
  (void)source;
  *program = calloc(1, sizeof **program);
  return *program ? SEQMIX_OK : seqmix_fail(SEQMIX_ERROR_OUT_OF_MEMORY, "paper: no memory");
}

static gpu_program *load(gpu_device *device, const void *bytes, uint64_t size) {
  (void)device;
  (void)bytes;
  (void)size;
  return NULL;
}

static void *binary(gpu_program *program, uint64_t *size) {
  (void)program;
  *size = 0;
  return NULL;
}

static void release(gpu_program *program) { free(program); }

static seqmix_status find_kernel(gpu_program *program, const char *name, gpu_kernel **kernel) {
  (void)name;
  *kernel = &program->kernel;
  return SEQMIX_OK;
}

static seqmix_status launch(gpu_device *device, gpu_kernel *kernel, const gpu_grid *grid,
                            const gpu_argument *arguments, int32_t count) {
  (void)device;
  (void)kernel;
  (void)grid;
  (void)arguments;
  (void)count;
  return SEQMIX_OK;
}

static seqmix_status synchronize(gpu_device *device) {
  (void)device;
  return SEQMIX_OK;
}

static const gpu_driver driver = {
    .texts = seqmix_opencl_texts,
    .describe = describe,
    .open = open_device,
    .close = close_device,
    .identity = identify,
    .allocate = allocate,
    .free = free_memory,
    .upload = upload,
    .download = download,
    .compile = compile,
    .load = load,
    .binary = binary,
    .release = release,
    .kernel = find_kernel,
    .launch = launch,
    .synchronize = synchronize,
};

/* ---- a backend on it ------------------------------------------------------------------------- */

static seqmix_status open_context(int32_t index, void *queue, void **context) {
  return seqmix_gpu_open(&driver, index, queue, context);
}

static int32_t count_devices(void) { return device_count; }

/* Names are OpenCL's: so they are on the device itself. */
static const seqmix_variant variants[] = {SEQMIX_GPU_VARIANTS(cl)};

static const seqmix_backend backend = {
    .abi = SEQMIX_BACKEND_ABI,
    .struct_size = sizeof(seqmix_backend),
    .name = "paper",
    .variants = variants,
    .variant_count = sizeof variants / sizeof *variants,
    .device_count = count_devices,
    .device_properties = describe,
    .open = open_context,
    .close = seqmix_gpu_close,
    .synchronize = seqmix_gpu_synchronize,
    .allocate = seqmix_gpu_allocate,
    .free = seqmix_gpu_free,
    .upload = seqmix_gpu_upload,
    .download = seqmix_gpu_download,
};

/* The device of these properties, new if there is none yet. */
static const seqmix_device *find_device(const seqmix_device_properties *properties, char *error) {
  for (int i = 0; i < device_count; i++)
    if (memcmp(&devices[i].properties, properties, sizeof *properties) == 0) return &devices[i];
  if (device_count == PAPER_DEVICES) {
    snprintf(error, BENCH_TEXT, "there is no room for more than %d GPUs", PAPER_DEVICES);
    return NULL;
  }
  seqmix_device *device = &devices[device_count];
  *device = (seqmix_device){.backend = &backend, .index = device_count};
  memcpy(&device->properties, properties, sizeof *properties);
  snprintf(device->name, sizeof device->name, "paper:%d", device_count++);
  return device;
}

seqmix_context *paper_open(const seqmix_device_properties *properties, char *error) {
  seqmix_context_options options = SEQMIX_CONTEXT_OPTIONS_INIT;
  seqmix_context *context = NULL;
  const seqmix_device *device = find_device(properties, error);
  options.threads = 1;
  if (device && seqmix_context_create_on(device, &options, &context))
    snprintf(error, BENCH_TEXT, "%s", seqmix_last_error());
  return context;
}

int kernels_trace(const seqmix_context *context, gpu_trace *trace) {
  return seqmix_gpu_trace(context, trace);
}
