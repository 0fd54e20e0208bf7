/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include <stdlib.h>
#include <string.h>

#include "npy.h"
#include "tool.h"

/* ---- the context ------------------------------------------------------------------------------
 */

void run_check(run *r, seqmix_status status) {
  if (r->status || status == SEQMIX_OK) return;
  fprintf(stderr, "seqmix run: %s\n", seqmix_last_error());
  r->status = 1;
}

static void open_context(run *r) {
  seqmix_context_options options = SEQMIX_CONTEXT_OPTIONS_INIT;
  int64_t threads = 0;
  options.device = arguments_value(r->arguments, "--device");
  r->status = arguments_integer(r->arguments, "--threads", &threads);
  if (r->status) return;
  if (threads < 0 || threads > SEQMIX_MAX_THREADS) {
    fprintf(stderr, "seqmix run: --threads is %lld; it must be 1 to %d\n", (long long)threads,
            SEQMIX_MAX_THREADS);
    r->status = 2;
    return;
  }
  options.threads = (int32_t)threads;
  run_check(r, seqmix_context_create_with_options(&r->context, &options));
  if (r->status) return;
  const char *variant = arguments_value(r->arguments, "--variant");
  if (variant) run_check(r, seqmix_context_set_variant(r->context, variant));
}

int run_read_line(tool_arguments *arguments, int count, char **words, int *status) {
  int wrong = arguments_read(arguments, count, words);
  *status = wrong < 0 ? 0 : wrong;
  return wrong == 0;
}

void run_needs(run *r, const char *option, const char *other) {
  const tool_arguments *a = r->arguments;
  if (!arguments_value(a, option) || arguments_value(a, other)) return;
  fprintf(stderr, "%s: %s is given without %s, which it is for\n", a->command, option, other);
  if (!r->status) r->status = 2;
}

void run_start(run *r, const char *operator_name, const tool_arguments *arguments) {
  memset(r, 0, sizeof *r);
  r->arguments = arguments;
  r->operator_name = operator_name;
  if (!arguments_value(arguments, "-o")) {
    fprintf(stderr, "%s: -o is missing: where the result goes\n", arguments->command);
    r->status = 2;
  }
  if (!r->status) open_context(r);
}

static void read_layout(run *r, const char *time_first, const char *time_later) {
  const char *const layouts[] = {time_first, time_later};
  int wrong = arguments_word(r->arguments, "--layout", layouts, 2, &r->heads_first);
  if (wrong && !r->status) r->status = 2;
}

void run_layout_of_heads(run *r) { read_layout(r, "bthd", "bhtd"); }
void run_layout_of_channels(run *r) { read_layout(r, "btc", "bct"); }

/* ---- tensors ----------------------------------------------------------------------------------
 */

static void swap(int64_t *values, int first) {
  int64_t kept = values[first];
  values[first] = values[first + 1];
  values[first + 1] = kept;
}

static void swap_axes(seqmix_tensor *tensor, int first) {
  swap(tensor->shape, first);
  swap(tensor->stride, first);
}

static uint64_t bytes_of(const seqmix_tensor *tensor) {
  uint64_t bytes = seqmix_dtype_size(tensor->dtype);
  for (int axis = 0; axis < tensor->ndim; axis++) bytes *= (uint64_t)tensor->shape[axis];
  return bytes;
}

static run_tensor *new_tensor(run *r, const char *path) {
  run_tensor *tensor = &r->tensors[r->count++];
  tensor->path = path;
  return tensor;
}

static void put_on_device(run *r, run_tensor *tensor) {
  run_check(r, seqmix_buffer_allocate(r->context, bytes_of(&tensor->file), &tensor->buffer));
  tensor->device = tensor->file;
  tensor->device.data = tensor->buffer;
}

static run_tensor *input(run *r, const char *path, int axes) {
  char error[NPY_ERROR];
  if (!path || r->status) return NULL;
  run_tensor *tensor = new_tensor(r, path);
  if (npy_read(path, &tensor->file, error)) {
    fprintf(stderr, "seqmix run: %s\n", error);
    r->status = 1;
  } else if (axes && tensor->file.ndim != axes) {
    fprintf(stderr, "seqmix run: %s: has %d axes; it must have %d\n", path, tensor->file.ndim,
            axes);
    r->status = 1;
  } else {
    put_on_device(r, tensor);
  }
  if (!r->status) {
    run_check(r, seqmix_buffer_upload(r->context, tensor->buffer, 0, tensor->file.data,
                                      bytes_of(&tensor->file)));
  }
  return r->status ? NULL : tensor;
}

const seqmix_tensor *run_input(run *r, const char *path, int axes) {
  run_tensor *tensor = input(r, path, axes);
  return tensor ? &tensor->device : NULL;
}

const seqmix_tensor *run_option(run *r, const char *option) {
  return run_input(r, arguments_value(r->arguments, option), 0);
}

const seqmix_tensor *run_sequence(run *r, const char *path, int axes, int time) {
  run_tensor *tensor = input(r, path, axes);
  if (!tensor) return NULL;
  if (r->heads_first && tensor->device.ndim > time + 1) swap_axes(&tensor->device, time);
  return &tensor->device;
}

/* The shapes come from inputs that were read, but their product may be beyond all memory. */
static int is_too_large(const seqmix_tensor *tensor) {
  uint64_t bytes = seqmix_dtype_size(tensor->dtype);
  for (int axis = 0; axis < tensor->ndim; axis++) {
    if (tensor->shape[axis] == 0) return 0;
  }
  for (int axis = 0; axis < tensor->ndim; axis++) {
    if ((uint64_t)tensor->shape[axis] > INT64_MAX / bytes) return 1;
    bytes *= (uint64_t)tensor->shape[axis];
  }
  return bytes > SIZE_MAX;
}

static run_tensor *output(run *r, const char *path, int32_t dtype, int ndim, const int64_t *shape) {
  if (!path || r->status) return NULL;
  for (int i = 0; i < r->count; i++) {
    if (!r->tensors[i].is_output || strcmp(r->tensors[i].path, path) != 0) continue;
    fprintf(stderr, "seqmix run: %s is to hold two results; each needs a file of its own\n", path);
    r->status = 2;
    return NULL;
  }
  run_tensor *tensor = new_tensor(r, path);
  tensor->file = seqmix_tensor_nd(NULL, dtype, ndim, shape, NULL);
  tensor->is_output = 1;
  if (!is_too_large(&tensor->file)) {
    size_t bytes = (size_t)bytes_of(&tensor->file);
    tensor->file.data = malloc(bytes ? bytes : 1);
  }
  if (tensor->file.data) {
    put_on_device(r, tensor);
  } else {
    fprintf(stderr, "seqmix run: %s: there is no memory for it\n", path);
    r->status = 1;
  }
  return r->status ? NULL : tensor;
}

const seqmix_tensor *run_output(run *r, const char *path, int32_t dtype, int ndim,
                                const int64_t *shape) {
  run_tensor *tensor = output(r, path, dtype, ndim, shape);
  return tensor ? &tensor->device : NULL;
}

const seqmix_tensor *run_output_sequence(run *r, const char *path, int32_t dtype, int ndim,
                                         const int64_t *shape, int time) {
  int64_t in_file[SEQMIX_MAX_DIMS] = {0};
  memcpy(in_file, shape, (size_t)ndim * sizeof *shape);
  if (r->heads_first) swap(in_file, time);
  run_tensor *tensor = output(r, path, dtype, ndim, in_file);
  if (!tensor) return NULL;
  if (r->heads_first) swap_axes(&tensor->device, time);
  return &tensor->device;
}

void run_begin_with(run *r, const seqmix_tensor *output, const seqmix_tensor *values) {
  if (r->status || !output || !values) return;
  for (int t = 0; t < r->count; t++) {
    const run_tensor *tensor = &r->tensors[t];
    if (&tensor->device != values) continue;
    run_check(r, seqmix_buffer_upload(r->context, output->data, 0, tensor->file.data,
                                      bytes_of(&tensor->file)));
  }
}

/* ---- variants ---------------------------------------------------------------------------------
 */

const char *run_chosen_variant(run *r, const void *args,
                               seqmix_status (*workspace_size)(seqmix_context *, const void *,
                                                               uint64_t *)) {
  uint64_t bytes;
  if (r->status) return NULL;
  run_check(r, workspace_size(r->context, args, &bytes));
  return r->status ? NULL : seqmix_context_chosen_variant(r->context);
}

/* ---- the end ----------------------------------------------------------------------------------
 */

static void write_output(run *r, run_tensor *tensor) {
  char error[NPY_ERROR];
  run_check(r, seqmix_buffer_download(r->context, tensor->buffer, 0, tensor->file.data,
                                      bytes_of(&tensor->file)));
  if (!r->status && npy_write(tensor->path, &tensor->file, error)) {
    fprintf(stderr, "seqmix run: %s\n", error);
    r->status = 1;
  }
}

static void print_outcome(const run *r, const char *variant) {
  printf("%s on %s (%s): wrote", r->operator_name, seqmix_context_device(r->context),
         variant ? variant : "its own choice");
  for (int t = 0; t < r->count; t++) {
    const seqmix_tensor *file = &r->tensors[t].file;
    if (!r->tensors[t].is_output) continue;
    printf(" %s %s [", r->tensors[t].path, seqmix_dtype_name(file->dtype));
    for (int axis = 0; axis < file->ndim; axis++) {
      printf("%s%lld", axis ? ", " : "", (long long)file->shape[axis]);
    }
    printf("]");
  }
  printf("\n");
}

int run_end(run *r, const char *variant) {
  if (!r->status) run_check(r, seqmix_synchronize(r->context));
  for (int t = 0; t < r->count; t++) {
    if (!r->status && r->tensors[t].is_output) write_output(r, &r->tensors[t]);
  }
  if (!r->status) print_outcome(r, variant);
  for (int t = 0; t < r->count; t++) {
    if (r->context) seqmix_buffer_free(r->context, r->tensors[t].buffer);
    free(r->tensors[t].file.data);
  }
  seqmix_context_destroy(r->context);
  return r->status;
}
