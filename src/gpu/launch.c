/* SPDX-License-Identifier: Apache-2.0 */
#include "gpu/launch.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "core/error.h"
#include "core/log.h"
#include "gpu/trace.h"

void seqmix_gpu_pass_value(gpu_arguments *arguments, const void *value, uint64_t bytes) {
  assert(arguments->count < GPU_ARGUMENTS_MOST);
  arguments->each[arguments->count++] = (gpu_argument){value, bytes};
}

void seqmix_gpu_pass_memory(gpu_arguments *arguments, void *const *handle) {
  seqmix_gpu_pass_value(arguments, handle, sizeof *handle);
}

void seqmix_gpu_pass_view(gpu_arguments *arguments, const seqmix_view *view) {
  seqmix_gpu_pass_memory(arguments, &view->data);
}

void seqmix_gpu_pass_index(gpu_arguments *arguments, const seqmix_index_view *view) {
  seqmix_gpu_pass_value(arguments, &view->data, sizeof view->data);
}

gpu_arguments seqmix_gpu_arguments(const gpu_context *context) {
  gpu_arguments arguments = {.count = 0};
  seqmix_gpu_pass_memory(&arguments, &context->faults);
  return arguments;
}

static uint64_t local_bytes_of(const gpu_special *special) {
  for (const gpu_constant *k = special->constants; k->name; k++)
    if (strcmp(k->name, "LOCAL_BYTES") == 0) return (uint64_t)k->value;
  return 0;
}

seqmix_status seqmix_gpu_launch(gpu_context *context, const gpu_special *special,
                                const char *kernel, int64_t count, int32_t items,
                                const gpu_arguments *arguments) {
  gpu_kernel *found = NULL;
  if (count <= 0) return SEQMIX_OK;
  SEQMIX_TRY(seqmix_gpu_kernel(context, special, kernel, &found));
  const gpu_grid grid = {
      .groups = ((uint64_t)count + (uint64_t)items - 1) / (uint64_t)items,
      .items = (uint64_t)items,
      .local_bytes = local_bytes_of(special),
  };
  context->has_launched = 1;
  seqmix_log(SEQMIX_LOG_DEBUG, "launch %s %" PRIu64 " %d", kernel, grid.groups, items);
  if (context->trace) seqmix_gpu_note_launch(context, special, kernel, found, &grid);
  return context->driver->launch(context->device, found, &grid, arguments->each, arguments->count);
}
