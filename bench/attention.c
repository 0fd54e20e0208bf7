/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of seqmix_attention() on rotating buffers. */
#include "bench/attention.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More copies than this only cost memory: page tables would be what is measured. */
#define MOST_COPIES 4096

static seqmix_context *context_of(const attention_instance *in) { return in->world->context; }

static void close_instance(void *pointer) {
  attention_instance *in = pointer;
  if (!in) return;
  for (int64_t i = 0; i < in->copies; i++) {
    if (in->k_copies) seqmix_buffer_free(context_of(in), in->k_copies[i]);
    if (in->v_copies) seqmix_buffer_free(context_of(in), in->v_copies[i]);
  }
  free(in->k_copies);
  free(in->v_copies);
  for (int part = 0; part < ATTENTION_PARTS; part++) {
    seqmix_buffer_free(context_of(in), in->buffers[part]);
    free(in->images[part].data);
  }
  seqmix_buffer_free(context_of(in), in->out);
  rows_free(&in->rows);
  free(in);
}

/* ---- buffers ------------------------------------------------------------------------------- */

static uint64_t out_bytes(const attention_instance *in) {
  const attention_shape *s = &in->shape;
  return (uint64_t)(s->b * s->tq * s->hq * s->dv) * seqmix_dtype_size(in->dtype);
}

/* While a model decodes, its other layers use the cache between two calls on this one; a prompt's
 * keys and values have just been written. */
static int64_t copies_needed(const attention_instance *in, const char *phase) {
  uint64_t bytes = in->images[PART_K].bytes + in->images[PART_V].bytes;
  if (strcmp(phase, "decode") != 0 || !bytes) return 1;
  uint64_t copies = (2 * in->world->cache_bytes + bytes - 1) / bytes;
  return copies < 1 ? 1 : copies > MOST_COPIES ? MOST_COPIES : (int64_t)copies;
}

static int upload(attention_instance *in, const bench_image *image, void **buffer) {
  return seqmix_buffer_allocate(context_of(in), image->bytes, buffer) == SEQMIX_OK &&
         seqmix_buffer_upload(context_of(in), *buffer, 0, image->data, image->bytes) == SEQMIX_OK;
}

static int upload_all(attention_instance *in, int64_t copies) {
  in->k_copies = calloc((size_t)copies, sizeof *in->k_copies);
  in->v_copies = calloc((size_t)copies, sizeof *in->v_copies);
  in->copies = copies;
  int done = in->k_copies && in->v_copies &&
             seqmix_buffer_allocate(context_of(in), out_bytes(in), &in->out) == SEQMIX_OK;
  for (int64_t i = 0; done && i < copies; i++)
    done = upload(in, &in->images[PART_K], &in->k_copies[i]) &&
           upload(in, &in->images[PART_V], &in->v_copies[i]);
  for (int part = 0; done && part < ATTENTION_PARTS; part++)
    if (part != PART_K && part != PART_V && in->images[part].data)
      done = upload(in, &in->images[part], &in->buffers[part]);
  return done;
}

/* ---- arguments ----------------------------------------------------------------------------- */

static void set_tables(attention_instance *in) {
  const attention_shape *s = &in->shape;
  if (s->sinks) {
    in->sinks = seqmix_tensor_1d(in->buffers[PART_SINKS], SEQMIX_F32, s->hq);
    in->args.sinks = &in->sinks;
  }
  if (s->block) {
    in->map = seqmix_tensor_4d(in->buffers[PART_MAP], SEQMIX_U8, 1, 1, attention_map_rows(s),
                               attention_map_columns(s));
    in->args.block_map = &in->map;
    in->args.block_map_queries = in->args.block_map_keys = s->block;
  }
  if (s->page) {
    in->table = seqmix_tensor_2d(in->buffers[PART_TABLE], SEQMIX_I32, s->b, attention_pages(s));
    in->lengths = seqmix_tensor_1d(in->buffers[PART_LENGTHS], SEQMIX_I32, s->b);
    in->args.block_table = &in->table;
    in->args.key_lengths = &in->lengths;
  }
}

static void set_arguments(attention_instance *in) {
  const attention_shape *s = &in->shape;
  int64_t pages = s->page ? s->b * attention_pages(s) : s->b;
  int64_t slots = s->page ? s->page : s->tk;
  in->q = seqmix_tensor_4d(in->buffers[PART_Q], in->dtype, s->b, s->tq, s->hq, s->d);
  in->k = seqmix_tensor_4d(in->k_copies[0], in->dtype, pages, slots, s->hkv, s->d);
  in->v = seqmix_tensor_4d(in->v_copies[0], in->dtype, pages, slots, s->hkv, s->dv);
  in->result = seqmix_tensor_4d(in->out, in->dtype, s->b, s->tq, s->hq, s->dv);
  in->args = (seqmix_attention_args)SEQMIX_ATTENTION_ARGS_INIT;
  in->args.q = &in->q;
  in->args.k = &in->k;
  in->args.v = &in->v;
  in->args.out = &in->result;
  in->args.causal = s->causal;
  in->args.softcap = s->softcap;
  if (s->window) in->args.window_left = s->window - 1;
  if (s->window && !s->causal) in->args.window_right = s->window - 1;
  set_tables(in);
}

/* Images, their copies on the device, output and result. */
static int fits_memory(const attention_shape *s, int32_t dtype, char *error) {
  double queries = (double)(s->b * s->tq * s->hq), keys = (double)(s->b * s->hkv);
  keys *= (double)attention_slots(s);
  double size = (double)seqmix_dtype_size(dtype);
  return images_fit(2 * size * (queries + keys) * (double)(s->d + s->dv), error);
}

static void *open_instance(const bench_case *item, const bench_world *world, char *error) {
  attention_shape shape = attention_shape_of(item->values);
  if (!world->is_paper && !fits_memory(&shape, item->dtype, error)) return NULL;
  attention_instance *in = calloc(1, sizeof *in);
  if (in) {
    in->shape = shape;
    in->dtype = item->dtype;
    in->world = world;
    if (!attention_draw(in)) {
      close_instance(in);
      in = NULL;
    }
  }
  if (!in) {
    snprintf(error, BENCH_TEXT, "not enough memory for the inputs");
    return NULL;
  }
  if (!upload_all(in, copies_needed(in, item->phase))) {
    snprintf(error, BENCH_TEXT, "%s", seqmix_last_error());
    close_instance(in);
    return NULL;
  }
  set_arguments(in);
  return in;
}

/* ---- calls --------------------------------------------------------------------------------- */

static seqmix_status run(void *pointer, int64_t call) {
  attention_instance *in = pointer;
  in->k.data = in->k_copies[call % in->copies];
  in->v.data = in->v_copies[call % in->copies];
  return seqmix_attention(context_of(in), &in->args);
}

static seqmix_status probe(void *pointer, seqmix_context *context) {
  const attention_instance *in = pointer;
  uint64_t bytes;
  return seqmix_attention_workspace_size(context, &in->args, &bytes);
}

static bench_cost cost(const void *pointer) {
  const attention_instance *in = pointer;
  return attention_cost(&in->shape, in->images[PART_MAP].data, in->dtype);
}

static int64_t copies(const void *pointer) {
  const attention_instance *in = pointer;
  return in->copies;
}

/* Bits of all ones are NaN in every type: a row that is never written is found. */
static int run_into(attention_instance *in, void *out) {
  uint64_t bytes = out_bytes(in);
  memset(out, 0xff, (size_t)bytes);
  return seqmix_buffer_upload(context_of(in), in->out, 0, out, bytes) == SEQMIX_OK &&
         run(in, 0) == SEQMIX_OK && seqmix_synchronize(context_of(in)) == SEQMIX_OK &&
         seqmix_buffer_download(context_of(in), in->out, 0, out, bytes) == SEQMIX_OK;
}

static int verify(void *pointer, bench_check *check, char *error) {
  attention_instance *in = pointer;
  if (!attention_expect(in, error)) return 0;
  void *out = malloc((size_t)out_bytes(in));
  if (!out) {
    snprintf(error, BENCH_TEXT, "not enough memory for the output");
    return 0;
  }
  int done = run_into(in, out);
  if (done)
    *check = attention_compare(in, out, in->dtype);
  else
    snprintf(error, BENCH_TEXT, "%s", seqmix_last_error());
  free(out);
  return done;
}

const bench_operator attention_operator = {
    .name = "attention",
    .parameters = attention_parameters,
    .parameter_count = ATTENTION_PARAMETERS,
    .presets = attention_presets,
    .preset_count = ATTENTION_PRESETS,
    .complete = attention_complete,
    .phase = attention_phase,
    .set_length = attention_set_length,
    .open = open_instance,
    .close = close_instance,
    .cost = cost,
    .copies = copies,
    .run = run,
    .probe = probe,
    .verify = verify,
    .baseline = &attention_baseline,
    .device_baseline = &attention_device_baseline,
};
