/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/paper/paper.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/context.h"
#include "core/error.h"
#include "gpu/context.h"

/* A device, with a backend and a driver of its own: variants and texts are those it would have. */
typedef struct paper_device {
  seqmix_device device;
  seqmix_backend backend;
  gpu_driver driver;
} paper_device;

static paper_device devices[PAPER_DEVICES];
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
  *properties = devices[index].device.properties;
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

/* Addresses that nobody follows. They are as far apart as the memory is long, as the library looks
 * for outputs that overlap, and lie as devices' do, which some kernels ask of what they load. */
enum { PAPER_ALIGNMENT = 256 };
static _Atomic uint64_t next_address = PAPER_ALIGNMENT;

void *paper_memory(uint64_t bytes) {
  uint64_t room = (bytes / PAPER_ALIGNMENT + 1) * PAPER_ALIGNMENT;
  uintptr_t address = (uintptr_t)atomic_fetch_add(&next_address, room);
  void *memory = NULL;
  memcpy(&memory, &address, sizeof memory);
  return memory;
}

static seqmix_status allocate(gpu_device *device, uint64_t bytes, void **memory) {
  (void)device;
  *memory = paper_memory(bytes);
  return SEQMIX_OK;
}

static void free_memory(gpu_device *device, void *memory) {
  (void)device;
  (void)memory;
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

static seqmix_status multiply(gpu_device *device, const gpu_product *product) {
  (void)device;
  (void)product;
  return SEQMIX_OK;
}

static const gpu_driver paper_driver = {
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
    .multiply = multiply,
    .synchronize = synchronize,
};

/* ---- a backend on it ------------------------------------------------------------------------- */

static seqmix_status open_context(int32_t index, void *queue, void **context) {
  return seqmix_gpu_open(&devices[index].driver, index, queue, context);
}

static int32_t count_devices(void) { return device_count; }

static const seqmix_backend paper_backend = {
    .abi = SEQMIX_BACKEND_ABI,
    .struct_size = sizeof(seqmix_backend),
    .name = "paper",
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

static int is_same(const paper_device *row, const seqmix_backend *backend, const gpu_text *texts,
                   const seqmix_device_properties *properties) {
  return row->backend.variants == backend->variants && row->driver.texts == texts &&
         memcmp(&row->device.properties, properties, sizeof *properties) == 0;
}

/* The device, new if there is none yet. */
static const paper_device *find_device(const seqmix_backend *backend, const gpu_text *texts,
                                       const seqmix_device_properties *properties) {
  for (int i = 0; i < device_count; i++)
    if (is_same(&devices[i], backend, texts, properties)) return &devices[i];
  if (device_count == PAPER_DEVICES) return NULL;
  paper_device *row = &devices[device_count];
  row->backend = paper_backend;
  row->backend.variants = backend->variants;
  row->backend.variant_count = backend->variant_count;
  row->driver = paper_driver;
  row->driver.texts = texts;
  row->device = (seqmix_device){.backend = &row->backend, .index = device_count};
  memcpy(&row->device.properties, properties, sizeof *properties);
  snprintf(row->device.name, sizeof row->device.name, "paper:%d", device_count++);
  return row;
}

seqmix_status paper_open(const seqmix_backend *backend, const gpu_text *texts,
                         const seqmix_device_properties *properties, seqmix_context **context) {
  seqmix_context_options options = SEQMIX_CONTEXT_OPTIONS_INIT;
  const paper_device *row = find_device(backend, texts, properties);
  *context = NULL;
  options.threads = 1;
  if (!row)
    return seqmix_fail(SEQMIX_ERROR_UNSUPPORTED, "there is no room for more than %d GPUs",
                       PAPER_DEVICES);
  return seqmix_context_create_on(&row->device, &options, context);
}
