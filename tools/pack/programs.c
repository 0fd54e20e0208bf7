/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/pack/programs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/dispatch.h"
#include "core/error.h"
#include "gpu/trace.h"
#include "tools/pack/common.h"
#include "tools/paper/paper.h"

extern const seqmix_backend seqmix_cuda_backend;
/* Made of kernels/ when the library is built. */
extern const gpu_text seqmix_cuda_texts[];

/* Shared memory of a block where a launch asks for it: CUDA C++ Programming Guide, technical
 * specifications per compute capability. */
const pack_architecture pack_architectures[PACK_ARCHITECTURES] = {
    {"sm_75", 75, 64 << 10},   {"sm_80", 80, 163 << 10},  {"sm_86", 86, 99 << 10},
    {"sm_89", 89, 99 << 10},   {"sm_90a", 90, 227 << 10}, {"sm_100", 100, 227 << 10},
    {"sm_120", 120, 99 << 10},
};

/* Few and many multiprocessors: what is launched may depend on them, and so which kernels are. */
static const int32_t unit_counts[] = {16, 160};

enum { STATIC_LOCAL_BYTES = 48 << 10, GROUP_ITEMS = 1024, WARP = 32, MMA_SINCE = 80 };

void pack_describe(const pack_architecture *architecture, int32_t compute_units,
                   seqmix_device_properties *properties) {
  memset(properties, 0, sizeof *properties);
  properties->struct_size = sizeof *properties;
  snprintf(properties->description, sizeof properties->description, "%s, not here",
           architecture->name);
  properties->features = SEQMIX_DEVICE_F64 | SEQMIX_DEVICE_BLAS;
  if (architecture->capability >= MMA_SINCE) properties->features |= SEQMIX_DEVICE_MMA;
  properties->memory = SEQMIX_MEMORY_CUDA;
  properties->compute_units = compute_units;
  properties->local_bytes = STATIC_LOCAL_BYTES;
  properties->local_bytes_most = architecture->local_bytes_most;
  properties->group_items = GROUP_ITEMS;
  properties->vector_width = 1;
  properties->step_items = WARP;
  properties->architecture = architecture->capability;
}

/* ---- the list -------------------------------------------------------------------------------- */

static const gpu_text *text_of(const char *name) {
  size_t length = strcspn(name, " ");
  const gpu_text *text = seqmix_cuda_texts;
  while (text->name && (strlen(text->name) != length || strncmp(text->name, name, length) != 0))
    text++;
  return text->name ? text : NULL;
}

static seqmix_status add(pack_programs *all, const gpu_launch_record *launch) {
  for (int32_t i = 0; i < all->count; i++) {
    if (strcmp(all->rows[i].name, launch->program) != 0) continue;
    if (launch->facts.local_bytes > all->rows[i].local_bytes)
      all->rows[i].local_bytes = launch->facts.local_bytes;
    return SEQMIX_OK;
  }
  if (all->count == all->room) {
    int32_t room = all->room ? 2 * all->room : 64;
    pack_program *rows = realloc(all->rows, (size_t)room * sizeof *rows);
    if (!rows) return seqmix_fail(SEQMIX_ERROR_OUT_OF_MEMORY, "pack: no memory for a list");
    all->rows = rows;
    all->room = room;
  }
  pack_program *row = &all->rows[all->count++];
  *row = (pack_program){.text = text_of(launch->program)};
  row->local_bytes = launch->facts.local_bytes;
  memcpy(row->name, launch->program, sizeof row->name);
  return row->text ? SEQMIX_OK
                   : seqmix_fail(SEQMIX_ERROR_INTERNAL, "pack: no text '%s'", launch->program);
}

static int32_t number_of(const char *variant) {
  int32_t i = 0;
  while (strcmp(seqmix_cuda_backend.variants[i].name, variant) != 0) i++;
  return i;
}

/* Makes a call and takes down what it launches. UNSUPPORTED: none of the variants in question takes
 * it, which is for their tests to judge. */
static seqmix_status take_down(seqmix_context *context, const common_calls *calls, int32_t index,
                               pack_programs *all) {
  gpu_trace trace = {.count = 0};
  seqmix_gpu_trace(context, &trace);
  seqmix_status status = calls->make(context, index);
  seqmix_gpu_trace(context, NULL);
  if (status == SEQMIX_OK && trace.left_out)
    return seqmix_fail(SEQMIX_ERROR_INTERNAL, "pack: %s %d starts more kernels than are recorded",
                       calls->name, index);
  for (int32_t i = 0; status == SEQMIX_OK && i < trace.count; i++) {
    all->launches[number_of(seqmix_context_chosen_variant(context))]++;
    status = add(all, &trace.records[i]);
  }
  return status;
}

static seqmix_status take_chosen(seqmix_context *context, pack_programs *all) {
  for (int i = 0; i < SEQMIX_OPERATOR_COUNT; i++)
    for (int32_t k = 0; k < common_operators[i]->count; k++)
      SEQMIX_TRY(take_down(context, common_operators[i], k, all));
  return SEQMIX_OK;
}

/* Of a variant that no call is for, those it can take all the same: the first will do. */
static seqmix_status take_forced(seqmix_context *context, const seqmix_variant *variant,
                                 pack_programs *all) {
  SEQMIX_TRY(seqmix_context_set_variant(context, variant->name));
  const common_calls *calls = common_operators[variant->op];
  seqmix_status status = SEQMIX_ERROR_UNSUPPORTED;
  for (int32_t k = 0; k < calls->count && status == SEQMIX_ERROR_UNSUPPORTED; k++)
    status = take_down(context, calls, k, all);
  return status == SEQMIX_ERROR_UNSUPPORTED ? SEQMIX_OK : status;
}

static seqmix_status take_all(seqmix_context *context, const seqmix_device_properties *device,
                              pack_programs *all) {
  SEQMIX_TRY(take_chosen(context, all));
  for (int32_t i = 0; i < seqmix_cuda_backend.variant_count; i++) {
    const seqmix_variant *variant = &seqmix_cuda_backend.variants[i];
    if (!all->launches[i] && seqmix_is_available(variant, device))
      SEQMIX_TRY(take_forced(context, variant, all));
  }
  return SEQMIX_OK;
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const pack_program *)a)->name, ((const pack_program *)b)->name);
}

seqmix_status pack_list(const pack_architecture *architecture, pack_programs *all) {
  for (size_t i = 0; i < sizeof unit_counts / sizeof *unit_counts; i++) {
    seqmix_device_properties device;
    seqmix_context *context = NULL;
    pack_describe(architecture, unit_counts[i], &device);
    SEQMIX_TRY(paper_open(&seqmix_cuda_backend, seqmix_cuda_texts, &device, &context));
    seqmix_status status = take_all(context, &device, all);
    seqmix_context_destroy(context);
    if (status) return status;
  }
  qsort(all->rows, (size_t)all->count, sizeof *all->rows, by_name);
  return SEQMIX_OK;
}

void pack_free(pack_programs *all) {
  free(all->rows);
  *all = (pack_programs){0};
}

int pack_write_constants(const pack_program *program, char *lines, uint64_t size) {
  char name[GPU_PROGRAM_NAME], *rest = NULL;
  uint64_t used = 0;
  memcpy(name, program->name, sizeof name);
  lines[0] = 0;
  strtok_r(name, " ", &rest);
  for (char *word = strtok_r(NULL, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
    char *equals = strchr(word, '=');
    if (!equals) return 0;
    *equals = 0;
    used += (uint64_t)snprintf(lines + used, size - used, "#define %s %s\n", word, equals + 1);
    if (used >= size) return 0;
  }
  return 1;
}
