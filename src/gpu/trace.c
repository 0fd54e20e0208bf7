/* SPDX-License-Identifier: Apache-2.0 */
#include "gpu/trace.h"

#include <stdio.h>
#include <string.h>

#include "core/context.h"

int seqmix_gpu_trace(const seqmix_context *context, gpu_trace *trace) {
  if (context->device->backend->close != seqmix_gpu_close) return 0;
  gpu_context *c = context->state;
  c->trace = trace;
  return 1;
}

static int is_alike(const gpu_launch_record *a, const gpu_launch_record *b) {
  return a->groups == b->groups && a->items == b->items && strcmp(a->kernel, b->kernel) == 0 &&
         strcmp(a->program, b->program) == 0;
}

static gpu_launch_record *find(gpu_trace *trace, const gpu_launch_record *launch) {
  for (int32_t i = 0; i < trace->count; i++)
    if (is_alike(&trace->records[i], launch)) return &trace->records[i];
  return NULL;
}

/* What the driver does not tell stays 0. */
static void describe(const gpu_context *c, gpu_kernel *kernel, gpu_launch_record *record) {
  record->compile_seconds = seqmix_gpu_compile_seconds(c, record->program);
  if (c->driver->describe_kernel) c->driver->describe_kernel(c->device, kernel, &record->facts);
}

void seqmix_gpu_note_launch(const gpu_context *c, const gpu_special *special, const char *kernel,
                            gpu_kernel *found, const gpu_grid *grid) {
  gpu_trace *trace = c->trace;
  gpu_launch_record launch = {.groups = grid->groups, .items = grid->items, .launches = 1};
  seqmix_gpu_name_program(special, launch.program);
  snprintf(launch.kernel, sizeof launch.kernel, "%s", kernel);
  gpu_launch_record *known = find(trace, &launch);
  if (known) {
    known->launches++;
  } else if (trace->count == GPU_TRACE_MOST) {
    trace->left_out++;
  } else {
    describe(c, found, &launch);
    launch.facts.local_bytes += grid->local_bytes;
    trace->records[trace->count++] = launch;
  }
}
