/* SPDX-License-Identifier: Apache-2.0 */
/* Plug-ins that must be left out. Compiled once per defect, with -DDEFECT=<one of these>: */
#include <seqmix/backend.h>
#include <stddef.h>

#define TOO_OLD 1
#define TOO_NEW 2
#define NO_ENTRY 3
#define DECLINES 4
#define NO_NAME 5
#define ODD_NAME 6
#define TAKEN_NAME 7
#define EMPTY_TABLE 8
#define NO_VARIANTS 9
#define NO_RUN 10
#define NO_VARIANT_NAME 11
#define UNKNOWN_OPERATOR 12
#define NO_OPEN 13
#define HALF_THE_BUFFERS 14

static int32_t count_devices(void) { return 1; }

static seqmix_status describe(int32_t index, seqmix_device_properties *properties) {
  (void)index;
  properties->memory = SEQMIX_MEMORY_HOST;
  properties->automatic_rank = 1000; /* were it let in, "auto" would take it */
  return SEQMIX_OK;
}

static seqmix_status open_device(int32_t index, void *queue, void **device) {
  (void)queue;
  (void)index;
  *device = NULL;
  return SEQMIX_ERROR_INTERNAL;
}

static void give_back(void *device, void *data) {
  (void)device;
  (void)data;
}

static seqmix_status run(const seqmix_call *call, const seqmix_problem *problem) {
  (void)call;
  (void)problem;
  return SEQMIX_ERROR_INTERNAL;
}

static const seqmix_variant variants[] = {
    {.name = DEFECT == NO_VARIANT_NAME ? NULL : "attention__f32_broken",
     .op = DEFECT == UNKNOWN_OPERATOR ? (int32_t)SEQMIX_OPERATOR_COUNT : SEQMIX_OP_ATTENTION,
     .dtypes = SEQMIX_DTYPE_BIT(SEQMIX_F32),
     .problem_features = UINT64_MAX,
     .run = DEFECT == NO_RUN ? NULL : run},
};

static const seqmix_backend backend = {
    .abi = DEFECT == TOO_OLD   ? SEQMIX_BACKEND_ABI - 1
           : DEFECT == TOO_NEW ? SEQMIX_BACKEND_ABI + 1
                               : SEQMIX_BACKEND_ABI,
    .struct_size = DEFECT == EMPTY_TABLE ? 0 : sizeof(seqmix_backend),
    .name = DEFECT == NO_NAME      ? NULL
            : DEFECT == ODD_NAME   ? "odd:name"
            : DEFECT == TAKEN_NAME ? "cpu"
                                   : "broken",
    .variants = DEFECT == NO_VARIANTS ? NULL : variants,
    .variant_count = 1,
    .device_count = count_devices,
    .device_properties = describe,
    .open = DEFECT == NO_OPEN ? NULL : open_device,
    .free = DEFECT == HALF_THE_BUFFERS ? give_back : NULL,
};

#if DEFECT == NO_ENTRY
#define ENTRY another_function
#else
#define ENTRY SEQMIX_PLUGIN_ENTRY
#endif

__attribute__((visibility("default"))) const seqmix_backend *ENTRY(uint32_t abi,
                                                                   const seqmix_host *services) {
  (void)abi;
  (void)services;
  return DEFECT == DECLINES ? NULL : &backend;
}
