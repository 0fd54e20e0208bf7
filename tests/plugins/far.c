/* SPDX-License-Identifier: Apache-2.0 */
/* A backend with memory of its own: two devices, "far:0" and "far:1" (a third does not describe
 * itself). Buffers hold every byte inverted, so that nobody can mistake them for the host's. Its
 * one variant always fails, with a text. */
#include <seqmix/backend.h>

static const seqmix_host *host;
static int numbers[2] = {0, 1};

static int32_t count_devices(void) { return 3; }

static seqmix_status describe(int32_t index, seqmix_device_properties *properties) {
  if (index == 2) return host->fail(SEQMIX_ERROR_DEVICE, "far: device 2 is broken");
  properties->memory = SEQMIX_MEMORY_PLUGIN + 7;
  properties->memory_device = index;
  return SEQMIX_OK;
}

static seqmix_status open_device(int32_t index, void *queue, void **device) {
  (void)queue;
  *device = &numbers[index];
  return SEQMIX_OK;
}

static seqmix_status allocate(void *device, uint64_t bytes, void **data) {
  *data = host->allocate(bytes);
  return *data ? SEQMIX_OK
               : host->fail(SEQMIX_ERROR_OUT_OF_MEMORY, "far:%d: no memory", *(int *)device);
}

static void give_back(void *device, void *data) {
  (void)device;
  host->free(data);
}

static void copy_inverted(unsigned char *to, const unsigned char *from, uint64_t bytes) {
  for (uint64_t i = 0; i < bytes; i++) to[i] = (unsigned char)~from[i];
}

static seqmix_status upload(void *device, void *data, uint64_t byte_offset, const void *from,
                            uint64_t bytes) {
  (void)device;
  copy_inverted((unsigned char *)data + byte_offset, from, bytes);
  return SEQMIX_OK;
}

static seqmix_status download(void *device, const void *data, uint64_t byte_offset, void *to,
                              uint64_t bytes) {
  (void)device;
  copy_inverted(to, (const unsigned char *)data + byte_offset, bytes);
  return SEQMIX_OK;
}

static seqmix_status synchronize(void *device) {
  return host->fail(SEQMIX_ERROR_DEVICE, "far:%d: the line is dead", *(int *)device);
}

static seqmix_status run(const seqmix_call *call, const seqmix_problem *problem) {
  (void)problem;
  return call->host->fail(SEQMIX_ERROR_DEVICE, "attention: far:%d does not answer",
                          *(int *)call->device);
}

static const seqmix_variant variants[] = {
    {.name = "attention__f32_far_silent",
     .op = SEQMIX_OP_ATTENTION,
     .dtypes = SEQMIX_DTYPE_BIT(SEQMIX_F32),
     .problem_features = UINT64_MAX,
     .run = run},
};

static const seqmix_backend backend = {
    .abi = SEQMIX_BACKEND_ABI,
    .struct_size = sizeof(seqmix_backend),
    .name = "far",
    .variants = variants,
    .variant_count = 1,
    .device_count = count_devices,
    .device_properties = describe,
    .open = open_device,
    .synchronize = synchronize,
    .allocate = allocate,
    .free = give_back,
    .upload = upload,
    .download = download,
};

__attribute__((visibility("default"))) const seqmix_backend *
SEQMIX_PLUGIN_ENTRY(uint32_t abi, const seqmix_host *services) {
  (void)abi;
  host = services;
  return &backend;
}
