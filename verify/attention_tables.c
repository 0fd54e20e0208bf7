/* SPDX-License-Identifier: Apache-2.0 */
/* The tensors that change scores or remove keys: mask, bias, slopes, sinks, block map. */
#include <math.h>
#include <string.h>

#include "verify/attention_data.h"
#include "verify/numbers.h"

/* Beyond this a bias is a mask in disguise and says nothing about the size of live scores. */
#define MASK_LIKE 1e30

typedef struct table_shape {
  int rank, broadcast;
  int64_t shape[4]; /* [b, h, i, j], broadcast axes 1 */
} table_shape;

static table_shape shape_of(const attention_data *data, int rank, int broadcast, int64_t keys) {
  table_shape table = {rank ? rank : 4, broadcast, {0}};
  int64_t full[4] = {data->spec.batch, data->spec.hq, data->query_extent, data->key_extent};
  memcpy(table.shape, full, sizeof full);
  for (int axis = 0; axis < 3; axis++) {
    if (broadcast >> axis & 1) table.shape[axis] = 1;
  }
  if (keys) table.shape[3] = keys;
  return table;
}

/* The tensor: its last `rank` axes, laid out as the case says. TABLE_EXPANDED gives the broadcast
 * axes their full extent with stride 0. */
static test_tensor *new_table(const attention_data *data, const char *name, int32_t dtype,
                              const table_shape *table) {
  case_table_layout layout = data->spec.table_layout;
  int64_t full[4] = {data->spec.batch, data->spec.hq, data->query_extent, table->shape[3]};
  int64_t shape[4], stride[4];
  memcpy(shape, table->shape, sizeof shape);
  stride[3] = layout == TABLE_STRIDED ? 2 : layout == TABLE_TRANSPOSED ? shape[2] : 1;
  stride[2] = layout == TABLE_TRANSPOSED ? 1 : shape[3] * stride[3];
  stride[1] = shape[2] * shape[3] * (layout == TABLE_STRIDED ? 2 : 1);
  stride[0] = shape[1] * stride[1];
  for (int axis = 0; axis < 3 && layout == TABLE_EXPANDED; axis++) {
    if (!(table->broadcast >> axis & 1)) continue;
    shape[axis] = full[axis];
    stride[axis] = 0;
  }
  int skip = 4 - table->rank;
  test_tensor *tensor =
      tensor_new(name, dtype, table->rank, shape + skip, stride + skip, data->spec.skew);
  tensor_fill_gaps(tensor);
  return tensor;
}

/* Whether a key extends into the live ones of any sequence that reads this element: beyond, the
 * NaN of the gaps stays, because no masked key may show whatever is added to it. */
static int is_live(const attention_data *data, const test_tensor *table, const int64_t *index) {
  int axes = table->view.ndim;
  int one = axes == 4 && table->view.shape[0] > 1 && table->view.stride[0] != 0;
  for (int64_t n = one ? index[0] : 0; n < (one ? index[0] + 1 : data->spec.batch); n++) {
    if (index[axes - 1] < data->sequences[n].k_live) return 1;
  }
  return 0;
}

/* ---- mask ---------------------------------------------------------------------------------- */

/* A row in five attends nothing. True is any byte but zero. */
static void draw_mask(attention_data *data, random_state *random) {
  const attention_case *spec = &data->spec;
  if (!spec->mask_rank) return;
  table_shape shape = shape_of(data, spec->mask_rank, spec->mask_broadcast, spec->mask_keys);
  test_tensor *mask = new_table(data, "mask", SEQMIX_BOOL, &shape);
  double density = spec->mask_density ? spec->mask_density : 0.5;
  int row_is_dead = 0;
  for (tensor_walk w = tensor_start(mask); w.left; tensor_next(&w)) {
    if (w.index[mask->view.ndim - 1] == 0) row_is_dead = random_one_in(random, 5);
    int attend = !row_is_dead && random_unit(random) < density;
    tensor_store(mask, w.at, attend ? (double)random_integer(random, 1, 255) : 0);
  }
  data->tensors[SLOT_MASK] = mask;
}

/* ---- bias ---------------------------------------------------------------------------------- */

static double lowest(int32_t dtype) {
  return dtype == SEQMIX_F16    ? -65504
         : dtype == SEQMIX_BF16 ? -(0x1p128 - 0x1p120)
                                : -(0x1p128 - 0x1p104);
}

static double bias_value(case_bias kind, int32_t dtype, int row_is_dead, random_state *random) {
  int masked = row_is_dead || random_one_in(random, 3);
  double value = random_normal(random);
  switch (kind) {
    case BIAS_NEG_INF: return masked ? -(double)INFINITY : value;
    case BIAS_LOWEST: return masked ? lowest(dtype) : value;
    case BIAS_HUGE: return 3000 * value;
    default: return value;
  }
}

static void draw_bias(attention_data *data, random_state *random) {
  const attention_case *spec = &data->spec;
  if (spec->bias == BIAS_ABSENT) return;
  table_shape shape = shape_of(data, spec->bias_rank, spec->bias_broadcast, spec->bias_keys);
  int32_t dtype = spec->bias_own_type ? spec->dtype : SEQMIX_F32;
  test_tensor *bias = new_table(data, "bias", dtype, &shape);
  double largest = 0;
  int row_is_dead = 0;
  int64_t last = bias->view.ndim - 1, middle = tensor_elements(bias) / 2;
  for (tensor_walk w = tensor_start(bias); w.left; tensor_next(&w)) {
    if (w.index[last] == 0) row_is_dead = random_one_in(random, 5);
    double value = bias_value(spec->bias, dtype, row_is_dead, random);
    if (!is_live(data, bias, w.index)) continue;
    if (fabs(value) < MASK_LIKE) largest = fmax(largest, fabs(value));
    if (spec->bias == BIAS_ONE_INF && w.left == middle) value = (double)INFINITY;
    tensor_store(bias, w.at, value);
  }
  data->score_limit += largest;
  data->tensors[SLOT_BIAS] = bias;
}

/* ---- slopes and sinks ---------------------------------------------------------------------- */

/* The slopes of the ALiBi paper, 2^(-8 (h + 1) / H). */
static void draw_alibi(attention_data *data) {
  const attention_case *spec = &data->spec;
  if (!spec->alibi) return;
  int64_t stride = spec->layout == LAYOUT_PADDED ? 3 : 1, reach = 0;
  test_tensor *slopes = tensor_new("alibi_slopes", SEQMIX_F32, 1, &spec->hq, &stride, spec->skew);
  tensor_fill_gaps(slopes);
  for (tensor_walk w = tensor_start(slopes); w.left; tensor_next(&w)) {
    tensor_store(slopes, w.at, exp2(-8 * (double)(w.index[0] + 1) / (double)spec->hq));
  }
  for (int64_t n = 0; n < spec->batch; n++) {
    int64_t offset = data->sequences[n].offset, ahead = offset + data->sequences[n].q_live;
    if (ahead > reach) reach = ahead;
    if (data->sequences[n].k_live - offset > reach) reach = data->sequences[n].k_live - offset;
  }
  data->score_limit += exp2(-8 / (double)spec->hq) * (double)reach;
  data->tensors[SLOT_ALIBI] = slopes;
}

static void draw_sinks(attention_data *data, random_state *random) {
  const attention_case *spec = &data->spec;
  if (!spec->sinks) return;
  int64_t stride = spec->layout == LAYOUT_PADDED ? 2 : 1;
  test_tensor *sinks = tensor_new("sinks", spec->sinks_own_type ? spec->dtype : SEQMIX_F32, 1,
                                  &spec->hq, &stride, spec->skew);
  tensor_fill_gaps(sinks);
  for (tensor_walk w = tensor_start(sinks); w.left; tensor_next(&w)) {
    double value = random_normal(random);
    if (spec->sinks == SINKS_LARGE) value += w.index[0] % 2 ? 40 : 400;
    if (spec->sinks == SINKS_NEG_INF && w.index[0] % 2 == 0) value = -(double)INFINITY;
    tensor_store(sinks, w.at, value);
  }
  data->score_limit += spec->sinks == SINKS_LARGE ? 404 : 4;
  data->tensors[SLOT_SINKS] = sinks;
}

/* ---- block map ----------------------------------------------------------------------------- */

static void draw_block_map(attention_data *data, random_state *random) {
  const attention_case *spec = &data->spec;
  if (!spec->map_queries) return;
  int64_t shape[4] = {
      spec->map_broadcast & OVER_BATCH ? 1 : spec->batch,
      spec->map_broadcast & OVER_HEADS ? 1 : spec->hq,
      (data->query_extent + spec->map_queries - 1) / spec->map_queries,
      (data->key_extent + spec->map_keys - 1) / spec->map_keys,
  };
  int step = spec->table_layout == TABLE_STRIDED ? 2 : 1;
  int64_t row = shape[3] * step, stride[4] = {shape[1] * shape[2] * row, shape[2] * row, row, step};
  test_tensor *map = tensor_new("block_map", spec->map_bytes ? SEQMIX_U8 : SEQMIX_BOOL, 4, shape,
                                stride, spec->skew);
  tensor_fill_gaps(map);
  for (tensor_walk w = tensor_start(map); w.left; tensor_next(&w)) {
    tensor_store(map, w.at, random_one_in(random, 2) ? (double)random_integer(random, 1, 255) : 0);
  }
  data->tensors[SLOT_BLOCK_MAP] = map;
}

void attention_draw_tables(attention_data *data, random_state *random) {
  draw_mask(data, random);
  draw_bias(data, random);
  draw_alibi(data);
  draw_sinks(data, random);
  draw_block_map(data, random);
}
