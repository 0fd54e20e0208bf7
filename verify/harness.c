/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify/memory.h"
#include "verify/numbers.h"

/* One call under way: device buffers, one per distinct storage. */
typedef struct harness_job {
  test_report *report;
  seqmix_context *context;
  const operator_call *call;
  const char *label;
  void *buffers[TEST_MAX_TENSORS];       /* of the first tensor of each storage */
  seqmix_tensor views[TEST_MAX_TENSORS]; /* on the device */
  const seqmix_tensor *present[TEST_MAX_TENSORS];
} harness_job;

static int is_output(const operator_call *call, int t) { return (int)(call->outputs >> t & 1); }

/* The first tensor that lies in the same storage. */
static int storage_owner(const operator_call *call, int t) {
  int owner = 0;
  while (!call->tensors[owner] || call->tensors[owner]->storage != call->tensors[t]->storage) {
    owner++;
  }
  return owner;
}

/* The output that lies in the storage of tensor `t`, or -1. */
static int storage_writer(const operator_call *call, int t) {
  for (int writer = 0; writer < call->tensor_count; writer++) {
    if (is_output(call, writer) && call->tensors[writer] &&
        call->tensors[writer]->storage == call->tensors[t]->storage) {
      return writer;
    }
  }
  return -1;
}

int harness_is_written(const operator_call *call, int t, const tensor_walk *walk) {
  return !call->rows[t] || call->rows[t][walk->index[0]];
}

static int check(harness_job *job, seqmix_status status, const char *what) {
  if (status == SEQMIX_OK) return 1;
  report_add(job->report, "%s [%s]: %s: %s: %s", job->call->name, job->label, what,
             seqmix_status_name(status), seqmix_last_error());
  return 0;
}

static int upload_tensors(harness_job *job) {
  const operator_call *call = job->call;
  for (int t = 0; t < call->tensor_count; t++) {
    if (!call->tensors[t]) continue;
    const test_storage *storage = call->tensors[t]->storage;
    int owner = storage_owner(call, t);
    if (owner == t &&
        (!check(job, seqmix_buffer_allocate(job->context, storage->size, &job->buffers[t]),
                "buffer_allocate") ||
         !check(
             job,
             seqmix_buffer_upload(job->context, job->buffers[t], 0, storage->bytes, storage->size),
             "buffer_upload"))) {
      return 0;
    }
    job->views[t] = call->tensors[t]->view;
    job->views[t].data = job->buffers[owner];
    job->present[t] = &job->views[t];
  }
  return 1;
}

static unsigned char *download(harness_job *job, const void *buffer, uint64_t bytes) {
  unsigned char *image = memory_new(bytes);
  check(job, seqmix_buffer_download(job->context, buffer, 0, image, bytes), "buffer_download");
  return image;
}

/* Whether the context's tensors are ordinary memory, so that pointers into it can be made. */
static int in_host_memory(const seqmix_context *context) {
  for (int32_t i = 0; i < seqmix_device_count(); i++) {
    seqmix_device_info info = SEQMIX_DEVICE_INFO_INIT;
    if (seqmix_device_get_info(i, &info) == SEQMIX_OK &&
        strcmp(info.name, seqmix_context_device(context)) == 0) {
      return info.memory == SEQMIX_MEMORY_HOST;
    }
  }
  return 0;
}

/* Runs with a workspace of the reported size between guards; device memory whose pointers
 * cannot be moved has one only behind. */
static seqmix_status run_with_exact_workspace(harness_job *job) {
  const operator_call *call = job->call;
  uint64_t bytes = 0, front = in_host_memory(job->context) ? TENSOR_GUARD : 0;
  seqmix_status status = call->workspace_size(job->context, call->options, job->present, &bytes);
  if (status != SEQMIX_OK) return status;
  uint64_t size = front + bytes + TENSOR_GUARD;
  unsigned char *pattern = memory_new(size);
  void *buffer = NULL;
  for (uint64_t i = 0; i < size; i++) pattern[i] = tensor_canary(i);
  if (!check(job, seqmix_buffer_allocate(job->context, size, &buffer), "buffer_allocate") ||
      !check(job, seqmix_buffer_upload(job->context, buffer, 0, pattern, size), "buffer_upload")) {
    free(pattern);
    return SEQMIX_ERROR_INTERNAL;
  }
  status =
      call->run(job->context, call->options, job->present, (unsigned char *)buffer + front, bytes);
  unsigned char *after = download(job, buffer, size);
  if (memcmp(after, pattern, (size_t)front) != 0 ||
      memcmp(after + front + bytes, pattern + front + bytes, TENSOR_GUARD) != 0) {
    report_add(job->report, "%s [%s]: wrote outside its workspace of %llu bytes", call->name,
               job->label, (unsigned long long)bytes);
  }
  free(after);
  free(pattern);
  seqmix_buffer_free(job->context, buffer);
  return status;
}

/* Marks the bytes of the tensor's elements and looks for poison among them. */
static void check_written(harness_job *job, int t, const unsigned char *image,
                          unsigned char *mine) {
  const test_tensor *tensor = job->call->tensors[t];
  uint64_t size = seqmix_dtype_size(tensor->view.dtype);
  int64_t untouched = 0;
  for (tensor_walk w = tensor_start(tensor); w.left; tensor_next(&w)) {
    if (!harness_is_written(job->call, t, &w)) continue;
    memset(mine + w.at, 1, (size_t)size);
    untouched += number_is_poison(tensor->view.dtype, image + w.at);
  }
  if (untouched) {
    report_add(job->report, "%s [%s]: %lld of %lld elements of %s were not written",
               job->call->name, job->label, (long long)untouched,
               (long long)tensor_elements(tensor), tensor->name);
  }
}

static void check_output(harness_job *job, int t, const unsigned char *image) {
  const test_tensor *tensor = job->call->tensors[t];
  unsigned char *mine = memory_new(tensor->storage->size);
  check_written(job, t, image, mine);
  for (uint64_t i = 0; i < tensor->storage->size; i++) {
    if (mine[i] || image[i] == tensor->storage->bytes[i]) continue;
    report_add(job->report,
               "%s [%s]: wrote outside %s: byte %lld of its storage of %llu (first element at "
               "%llu)",
               job->call->name, job->label, tensor->name, (long long)i,
               (unsigned long long)tensor->storage->size,
               (unsigned long long)tensor->view.byte_offset);
    break;
  }
  free(mine);
}

static void check_unchanged(harness_job *job, int t, const unsigned char *image) {
  const test_storage *storage = job->call->tensors[t]->storage;
  if (memcmp(image, storage->bytes, (size_t)storage->size) == 0) return;
  report_add(job->report, "%s [%s]: changed %s", job->call->name, job->label,
             job->call->tensors[t]->name);
}

static void fetch_and_check(harness_job *job, call_result *result) {
  const operator_call *call = job->call;
  for (int t = 0; t < call->tensor_count; t++) {
    if (!call->tensors[t] || storage_owner(call, t) != t) continue;
    unsigned char *image = download(job, job->buffers[t], call->tensors[t]->storage->size);
    int writer = storage_writer(call, t);
    if (writer >= 0 && result->status == SEQMIX_OK) {
      check_output(job, writer, image);
    } else {
      check_unchanged(job, t, image);
    }
    if (writer >= 0) {
      result->images[writer] = image;
    } else {
      free(image);
    }
  }
}

call_result harness_run(test_report *report, seqmix_context *context, const operator_call *call,
                        call_workspace workspace, const char *label) {
  harness_job job = {.report = report, .context = context, .call = call, .label = label};
  call_result result = {SEQMIX_ERROR_INTERNAL, {0}};
  if (upload_tensors(&job)) {
    result.status = workspace == WORKSPACE_EXACT
                        ? run_with_exact_workspace(&job)
                        : call->run(context, call->options, job.present, NULL, 0);
    /* Of a call that failed, its own text is the one to keep. */
    if (result.status == SEQMIX_OK) check(&job, seqmix_synchronize(context), "synchronize");
    fetch_and_check(&job, &result);
  }
  for (int t = 0; t < call->tensor_count; t++) seqmix_buffer_free(context, job.buffers[t]);
  return result;
}

void harness_free(const operator_call *call, call_result *result) {
  for (int t = 0; t < call->tensor_count; t++) {
    free(result->images[t]);
    result->images[t] = NULL;
  }
}
