/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of scans and convolutions. States in place go on from call to call, as they do in a model;
 * nothing is rotated: ceilings are measured on as many bytes. */
#include "bench/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static seqmix_context *context_of(const scan_instance *in) { return in->world->context; }

static scan_layout layout_of(const scan_instance *in, scan_part part) {
  return in->kind->layout(&in->shape, in->dtype, part);
}

void scan_close(void *pointer) {
  scan_instance *in = pointer;
  if (!in) return;
  for (int part = 0; part < SCAN_PARTS; part++) {
    seqmix_buffer_free(context_of(in), in->buffers[part]);
    free(in->images[part].data);
  }
  rows_free(&in->rows);
  rows_free(&in->state_rows);
  free(in);
}

/* ---- opening ------------------------------------------------------------------------------- */

/* Images, their copies on the device, and results on the host. */
static int fits_memory(const scan_instance *in, char *error) {
  double bytes = 0;
  for (int part = 0; part < SCAN_PARTS; part++) {
    scan_layout layout = layout_of(in, part);
    bytes += 3 * scan_bytes(&layout);
  }
  return images_fit(bytes, error);
}

/* Each part has a stream of its own. */
static int draw_part(scan_instance *in, scan_part part, const scan_layout *layout) {
  bench_image *image = &in->images[part];
  if (in->world->is_paper) return image_pretend(image, (uint64_t)scan_bytes(layout));
  scan_numbers numbers = in->kind->numbers(&in->shape, part);
  random_state random = random_start(IMAGE_SEED + (uint64_t)part);
  unsigned char *pool = image_draw_pool(&random, layout->dtype, numbers.of, numbers.argument);
  int done = pool && image_allocate(image, (uint64_t)scan_bytes(layout));
  if (done) image_tile(image, pool, IMAGE_POOL * seqmix_dtype_size(layout->dtype), 0);
  free(pool);
  return done;
}

static int draw(scan_instance *in) {
  for (int part = 0; part < SCAN_PARTS; part++) {
    scan_layout layout = layout_of(in, part);
    int is_input =
        part != SCAN_OUT && !(part == SCAN_STATE && in->shape.states != SCAN_STATES_UPDATE);
    if (layout.rank && is_input && !draw_part(in, part, &layout)) return 0;
  }
  return 1;
}

static int upload_all(scan_instance *in) {
  for (int part = 0; part < SCAN_PARTS; part++) {
    scan_layout layout = layout_of(in, part);
    const bench_image *image = &in->images[part];
    if (!layout.rank) continue;
    if (seqmix_buffer_allocate(context_of(in), (uint64_t)scan_bytes(&layout), &in->buffers[part]) !=
        SEQMIX_OK)
      return 0;
    if (image->data && seqmix_buffer_upload(context_of(in), in->buffers[part], 0, image->data,
                                            image->bytes) != SEQMIX_OK)
      return 0;
    in->tensors[part] = scan_tensor(&layout, in->buffers[part]);
    in->call.part[part] = &in->tensors[part];
  }
  if (in->shape.states == SCAN_STATES_UPDATE) in->call.past = in->call.part[SCAN_STATE];
  return 1;
}

static int fill(scan_instance *in, char *error) {
  if (!in->world->is_paper && !fits_memory(in, error)) return 0;
  if (!draw(in)) {
    snprintf(error, BENCH_TEXT, "not enough memory for the inputs");
    return 0;
  }
  if (upload_all(in)) return 1;
  snprintf(error, BENCH_TEXT, "%s", seqmix_last_error());
  return 0;
}

void *scan_open(const scan_kind *kind, const bench_case *item, const bench_world *world,
                char *error) {
  scan_instance *in = calloc(1, sizeof *in);
  if (!in) {
    snprintf(error, BENCH_TEXT, "not enough memory");
    return NULL;
  }
  in->kind = kind;
  in->shape = kind->shape(item->values);
  in->dtype = item->dtype;
  in->world = world;
  if (fill(in, error)) return in;
  scan_close(in);
  return NULL;
}

/* ---- calls --------------------------------------------------------------------------------- */

seqmix_status scan_run(void *pointer, int64_t number) {
  const scan_instance *in = pointer;
  (void)number;
  return in->kind->call(context_of(in), &in->shape, &in->call, NULL);
}

seqmix_status scan_probe(void *pointer, seqmix_context *context) {
  const scan_instance *in = pointer;
  uint64_t bytes;
  return in->kind->call(context, &in->shape, &in->call, &bytes);
}

/* Each tensor is moved once, a state in place twice. */
bench_cost scan_cost_of(const scan_kind *kind, const scan_shape *shape, int32_t dtype) {
  bench_cost cost = kind->work(shape, dtype);
  for (int part = 0; part < SCAN_PARTS; part++) {
    scan_layout layout = kind->layout(shape, dtype, part);
    int is_updated = part == SCAN_STATE && shape->states == SCAN_STATES_UPDATE;
    cost.bytes += (is_updated ? 2 : 1) * scan_bytes(&layout);
  }
  return cost;
}

bench_cost scan_cost(const void *pointer) {
  const scan_instance *in = pointer;
  return scan_cost_of(in->kind, &in->shape, in->dtype);
}

int64_t scan_copies(const void *pointer) {
  (void)pointer;
  return 1;
}

/* ---- shapes -------------------------------------------------------------------------------- */

const char *const scan_layouts[] = {"btc", "bct"};
const char *const scan_types[] = {"f32", "f16", "bf16"};
const char *const scan_states_names[] = {"none", "present", "update"};

int32_t scan_type(double choice) {
  static const int32_t dtypes[] = {SEQMIX_F32, SEQMIX_F16, SEQMIX_BF16};
  return dtypes[(int)choice];
}

int scan_is_decode(const scan_shape *s) { return s->t <= 16 && s->states == SCAN_STATES_UPDATE; }

const char *scan_phase(const scan_shape *s) {
  if (scan_is_decode(s)) return "decode";
  return s->t <= 16 ? "call" : "prefill";
}

/* So that no product of sizes overflows. */
int scan_check_size(double elements, char *error) {
  if (elements <= 0x1p40) return 1;
  snprintf(error, BENCH_TEXT, "a tensor would have %.3g elements; it may have at most %.3g",
           elements, 0x1p40);
  return 0;
}

/* ---- verification -------------------------------------------------------------------------- */

static int upload(scan_instance *in, scan_part part, const bench_image *from) {
  return !from->bytes || seqmix_buffer_upload(context_of(in), in->buffers[part], 0, from->data,
                                              from->bytes) == SEQMIX_OK;
}

static int download(scan_instance *in, scan_part part, const bench_image *to) {
  return !to->bytes || seqmix_buffer_download(context_of(in), in->buffers[part], 0, to->data,
                                              to->bytes) == SEQMIX_OK;
}

/* Bits of all ones are NaN in every type: a number that is never written is found. */
static int run_into(scan_instance *in, const bench_image *out, const bench_image *states) {
  const bench_image *past = &in->images[SCAN_STATE];
  memset(out->data, 0xff, (size_t)out->bytes);
  memset(states->data, 0xff, (size_t)states->bytes);
  return upload(in, SCAN_OUT, out) && upload(in, SCAN_STATE, past->bytes ? past : states) &&
         scan_run(in, 0) == SEQMIX_OK && seqmix_synchronize(context_of(in)) == SEQMIX_OK &&
         download(in, SCAN_OUT, out) && download(in, SCAN_STATE, states);
}

int scan_verify(void *pointer, bench_check *check, char *error) {
  scan_instance *in = pointer;
  bench_image out = {0}, states = {0};
  scan_layout out_layout = layout_of(in, SCAN_OUT), state_layout = layout_of(in, SCAN_STATE);
  if (!scan_expect(in, error)) return 0;
  int has_memory = image_allocate(&out, (uint64_t)scan_bytes(&out_layout)) &&
                   image_allocate(&states, (uint64_t)scan_bytes(&state_layout));
  int done = has_memory && run_into(in, &out, &states);
  if (done)
    *check = scan_compare(in, out.data, out_layout.dtype, states.data, state_layout.dtype);
  else
    snprintf(error, BENCH_TEXT, "%s",
             has_memory ? seqmix_last_error() : "not enough memory for the output");
  free(out.data);
  free(states.data);
  return done;
}
