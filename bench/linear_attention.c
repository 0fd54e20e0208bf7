/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of seqmix_linear_attention(). States in place go on from call to call, as they do in a
 * model; nothing is rotated: the ceiling of a decode case is measured on as many bytes. */
#include "bench/linear_attention.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static seqmix_context *context_of(const linear_attention_instance *in) {
  return in->world->context;
}

static void close_instance(void *pointer) {
  linear_attention_instance *in = pointer;
  if (!in) return;
  for (int part = 0; part < LINEAR_PARTS; part++) {
    seqmix_buffer_free(context_of(in), in->buffers[part]);
    free(in->images[part].data);
  }
  rows_free(&in->rows);
  rows_free(&in->state_rows);
  free(in);
}

/* ---- opening ------------------------------------------------------------------------------- */

static linear_attention_layout layout_of(const linear_attention_instance *in,
                                         linear_attention_part part) {
  return linear_attention_layout_of(&in->shape, in->dtype, part);
}

/* Images, their copies on the device, and results on the host. */
static int fits_memory(const linear_attention_shape *s, int32_t dtype, char *error) {
  double bytes = 0;
  for (int part = 0; part < LINEAR_PARTS; part++) {
    linear_attention_layout layout = linear_attention_layout_of(s, dtype, part);
    bytes += 3 * (double)linear_attention_bytes(&layout);
  }
  return images_fit(bytes, error);
}

static int upload_all(linear_attention_instance *in) {
  for (int part = 0; part < LINEAR_PARTS; part++) {
    linear_attention_layout layout = layout_of(in, part);
    const bench_image *image = &in->images[part];
    if (!layout.rank) continue;
    if (seqmix_buffer_allocate(context_of(in), linear_attention_bytes(&layout),
                               &in->buffers[part]) != SEQMIX_OK)
      return 0;
    if (image->data && seqmix_buffer_upload(context_of(in), in->buffers[part], 0, image->data,
                                            image->bytes) != SEQMIX_OK)
      return 0;
  }
  return 1;
}

static void *open_instance(const bench_case *item, const bench_world *world, char *error) {
  linear_attention_shape shape = linear_attention_shape_of(item->values);
  if (!world->is_paper && !fits_memory(&shape, item->dtype, error)) return NULL;
  linear_attention_instance *in = calloc(1, sizeof *in);
  if (in) {
    in->shape = shape;
    in->dtype = item->dtype;
    in->world = world;
  }
  if (!in || !linear_attention_draw(in)) {
    snprintf(error, BENCH_TEXT, "not enough memory for the inputs");
    close_instance(in);
    return NULL;
  }
  if (!upload_all(in)) {
    snprintf(error, BENCH_TEXT, "%s", seqmix_last_error());
    close_instance(in);
    return NULL;
  }
  linear_attention_call_all(&in->call, &in->shape, in->dtype, in->buffers);
  return in;
}

/* ---- calls --------------------------------------------------------------------------------- */

static seqmix_status run(void *pointer, int64_t number) {
  const linear_attention_instance *in = pointer;
  (void)number;
  return seqmix_linear_attention(context_of(in), &in->call.args);
}

static seqmix_status probe(void *pointer, seqmix_context *context) {
  const linear_attention_instance *in = pointer;
  uint64_t bytes;
  return seqmix_linear_attention_workspace_size(context, &in->call.args, &bytes);
}

static bench_cost cost(const void *pointer) {
  const linear_attention_instance *in = pointer;
  return linear_attention_cost(&in->shape, in->dtype);
}

static int64_t copies(const void *pointer) {
  (void)pointer;
  return 1;
}

/* ---- verification -------------------------------------------------------------------------- */

/* What a call writes, on the host. */
typedef struct call_results {
  bench_image out, states;
} call_results;

static int upload(linear_attention_instance *in, linear_attention_part part,
                  const bench_image *from) {
  return !from->bytes || seqmix_buffer_upload(context_of(in), in->buffers[part], 0, from->data,
                                              from->bytes) == SEQMIX_OK;
}

static int download(linear_attention_instance *in, linear_attention_part part,
                    const bench_image *to) {
  return !to->bytes || seqmix_buffer_download(context_of(in), in->buffers[part], 0, to->data,
                                              to->bytes) == SEQMIX_OK;
}

/* Bits of all ones are NaN in every type: a row that is never written is found. */
static int run_into(linear_attention_instance *in, const call_results *to) {
  const bench_image *past = &in->images[LINEAR_STATE];
  memset(to->out.data, 0xff, (size_t)to->out.bytes);
  memset(to->states.data, 0xff, (size_t)to->states.bytes);
  return upload(in, LINEAR_OUT, &to->out) &&
         upload(in, LINEAR_STATE, past->bytes ? past : &to->states) && run(in, 0) == SEQMIX_OK &&
         seqmix_synchronize(context_of(in)) == SEQMIX_OK && download(in, LINEAR_OUT, &to->out) &&
         download(in, LINEAR_STATE, &to->states);
}

static int allocate_results(const linear_attention_instance *in, call_results *results) {
  linear_attention_layout out = layout_of(in, LINEAR_OUT), states = layout_of(in, LINEAR_STATE);
  return image_allocate(&results->out, linear_attention_bytes(&out)) &&
         image_allocate(&results->states, linear_attention_bytes(&states));
}

static int verify(void *pointer, bench_check *check, char *error) {
  linear_attention_instance *in = pointer;
  call_results results = {0};
  if (!linear_attention_expect(in, error)) return 0;
  int has_memory = allocate_results(in, &results);
  int done = has_memory && run_into(in, &results);
  if (done)
    *check = linear_attention_compare(in, results.out.data, in->dtype, results.states.data,
                                      in->shape.state_type);
  else
    snprintf(error, BENCH_TEXT, "%s",
             has_memory ? seqmix_last_error() : "not enough memory for the output");
  free(results.out.data);
  free(results.states.data);
  return done;
}

const bench_operator linear_attention_operator = {
    .name = "linear_attention",
    .parameters = linear_attention_parameters,
    .parameter_count = LINEAR_ATTENTION_PARAMETERS,
    .presets = linear_attention_presets,
    .preset_count = LINEAR_ATTENTION_PRESETS,
    .complete = linear_attention_complete,
    .phase = linear_attention_phase,
    .label = linear_attention_label,
    .set_length = linear_attention_set_length,
    .open = open_instance,
    .close = close_instance,
    .cost = cost,
    .copies = copies,
    .run = run,
    .probe = probe,
    .verify = verify,
    .baseline = &linear_attention_baseline,
};
