/* SPDX-License-Identifier: Apache-2.0 */
/* How attention is shaped for tensor cores, and when they are chosen, for problems and devices that
 * are not here. */
#include <string.h>

#include "core/dispatch.h"
#include "gpu/attention/mma_plan.h"
#include "gpu/attention/plan.h"
#include "gpu/backend.h"
#include "support/gpu_devices.h"
#include "support/suite.h"

static const int64_t dims[] = {1, 64, 65, 96, 100, 128, 129, 192, 200, 256};
static const int64_t lengths[] = {0, 1, 16, 65, 512, 4097, 100000};
static const int64_t groups[] = {1, 4, 7, 24};
enum {
  DIMS = sizeof dims / sizeof *dims,
  LENGTHS = sizeof lengths / sizeof *lengths,
  GROUPS = sizeof groups / sizeof *groups
};

static seqmix_attention_problem make_problem(int64_t batch, int64_t queries, int64_t keys,
                                             int64_t group, int64_t kv_heads, int64_t dim) {
  seqmix_attention_problem p;
  memset(&p, 0, sizeof p);
  p.header.struct_size = sizeof p;
  p.header.op = SEQMIX_OP_ATTENTION;
  p.header.dtype = SEQMIX_BF16;
  p.sequences = batch;
  p.query_length = p.query_total = queries;
  p.key_length = p.key_total = keys;
  p.q_heads = group * kv_heads;
  p.kv_heads = kv_heads;
  p.head_dim = p.value_dim = dim;
  p.window_left = p.window_right = -1;
  p.scale = 0.125;
  return p;
}

/* ---- what holds of every plan ---------------------------------------------------------------- */

/* What kernels/attention/warps.h takes for granted of its constants. */
static const char *fault_of_shape(const gpu_mma_plan *plan, const seqmix_attention_problem *p,
                                  const seqmix_device_properties *device) {
  if (!plan->fits) return "does not fit";
  if (plan->dim < p->head_dim || plan->value_dim < p->value_dim) return "dims are too small";
  if (plan->dim % 32 || plan->value_dim % 32 || plan->dim > 256) return "dims are of no class";
  if (plan->items % 32 || plan->items > device->group_items) return "items";
  if ((uint64_t)plan->local_bytes > device->local_bytes_most) return "local memory";
  if (plan->rows > 4 * plan->keys) return "no room for places of rows";
  return NULL;
}

static const char *fault_of_prefill(const seqmix_attention_problem *p,
                                    const seqmix_device_properties *device) {
  gpu_mma_plan plan = seqmix_gpu_prefill_mma_plan(p, device);
  int32_t warp_rows = plan.rows / (plan.items / 32);
  int64_t rows = p->query_length * (p->q_heads / p->kv_heads);
  if (warp_rows != 16 && warp_rows != 32) return "rows of a warp";
  if (warp_rows == 32 && (plan.value_dim > 128 || plan.has_terms)) return "registers";
  if (plan.keys % 16) return "keys";
  if (plan.groups != p->sequences * p->kv_heads * ((rows + plan.rows - 1) / plan.rows))
    return "groups";
  return fault_of_shape(&plan, p, device);
}

static const char *fault_of_decode(const seqmix_attention_problem *p,
                                   const seqmix_device_properties *device) {
  gpu_mma_plan plan = seqmix_gpu_decode_mma_plan(p, device);
  int64_t rows = p->query_length * (p->q_heads / p->kv_heads);
  int64_t blocks = p->sequences * p->kv_heads * ((rows + 15) / 16);
  if (plan.rows != 16 || plan.stages < 2) return "rows";
  if (plan.keys / (plan.items / 32) % 16) return "keys of a warp";
  if (plan.piece % plan.keys || plan.pieces < 1) return "pieces";
  if (plan.piece * plan.pieces < p->key_length) return "pieces do not cover the keys";
  if (plan.pieces > 1 && plan.piece * (plan.pieces - 1) >= p->key_length) return "empty pieces";
  if (plan.groups != blocks * plan.pieces) return "groups";
  if (plan.join_items != p->sequences * p->query_length * p->q_heads * p->value_dim)
    return "items that join";
  return fault_of_shape(&plan, p, device);
}

START_TEST(test_shapes) {
  const tensor_core_device *known = &tensor_core_devices[_i];
  const seqmix_device_properties device = tensor_core_properties(known);
  for (int d = 0; d < DIMS * DIMS; d++)
    for (int l = 0; l < LENGTHS; l++)
      for (int g = 0; g < GROUPS * 2; g++) {
        seqmix_attention_problem p =
            make_problem(3, lengths[l], 5000, groups[g / 2], 2, dims[d / DIMS]);
        p.value_dim = dims[d % DIMS];
        if (g % 2) p.header.features |= SEQMIX_ATTENTION_BIAS;
        const char *prefill = fault_of_prefill(&p, &device);
        const char *decode = fault_of_decode(&p, &device);
        ck_assert_msg(!prefill, "%s, D %d, Dv %d: prefill: %s", known->name, (int)p.head_dim,
                      (int)p.value_dim, prefill);
        ck_assert_msg(!decode, "%s, D %d, Dv %d: decode: %s", known->name, (int)p.head_dim,
                      (int)p.value_dim, decode);
      }
}
END_TEST

START_TEST(test_what_does_not_fit) {
  seqmix_device_properties device = tensor_core_properties(&tensor_core_devices[_i]);
  seqmix_attention_problem p = make_problem(1, 64, 64, 1, 1, 257);
  ck_assert(!seqmix_gpu_prefill_mma_plan(&p, &device).fits);
  ck_assert(!seqmix_gpu_decode_mma_plan(&p, &device).fits);
  p = make_problem(1, 64, 64, 1, 1, 256);
  device.local_bytes_most = 0;
  ck_assert(!seqmix_gpu_prefill_mma_plan(&p, &device).fits);
  ck_assert(!seqmix_gpu_decode_mma_plan(&p, &device).fits);
}
END_TEST

/* Scales that do not fold into a power of two are terms. */
START_TEST(test_scales) {
  const seqmix_device_properties device = tensor_core_properties(&tensor_core_devices[_i]);
  static const double scales[] = {0, -0.125, 1e38, 1e-38};
  seqmix_attention_problem p = make_problem(1, 512, 512, 1, 8, 128);
  ck_assert(!seqmix_gpu_prefill_mma_plan(&p, &device).has_terms);
  for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
    p.scale = scales[i];
    ck_assert(seqmix_gpu_prefill_mma_plan(&p, &device).has_terms);
    ck_assert(seqmix_gpu_decode_mma_plan(&p, &device).has_terms);
  }
}
END_TEST

/* Sizes that no device holds may be asked about. */
START_TEST(test_huge_shapes) {
  const seqmix_device_properties device = tensor_core_properties(&tensor_core_devices[_i]);
  const int64_t huge = INT64_C(1) << 40;
  const seqmix_attention_problem p = make_problem(huge, huge, huge, 4, 1 << 20, 128);
  gpu_mma_plan decode = seqmix_gpu_decode_mma_plan(&p, &device);
  ck_assert_int_gt(seqmix_gpu_prefill_mma_plan(&p, &device).groups, 0);
  ck_assert_int_gt(decode.groups, 0);
  ck_assert_int_gt(decode.join_items, 0);
  ck_assert_uint_eq(seqmix_gpu_decode_bytes(&p, decode.pieces), UINT64_MAX);
}
END_TEST

/* ---- what some devices get ------------------------------------------------------------------- */

static void expect_tile(int number, int64_t dim, uint64_t features, int32_t rows, int32_t keys,
                        int32_t items) {
  const seqmix_device_properties device = tensor_core_properties(&tensor_core_devices[number]);
  seqmix_attention_problem p = make_problem(4, 4096, 4096, 1, 16, dim);
  p.header.features = features;
  gpu_mma_plan plan = seqmix_gpu_prefill_mma_plan(&p, &device);
  ck_assert_msg(plan.rows == rows && plan.keys == keys && plan.items == items,
                "%s, D %d: %d rows, %d keys, %d items", tensor_core_devices[number].name, (int)dim,
                plan.rows, plan.keys, plan.items);
}

enum { A100, A6000, H200, RTX_5090 };

START_TEST(test_tiles_of_some_devices) {
  expect_tile(H200, 64, 0, 128, 64, 128);
  expect_tile(H200, 128, 0, 128, 64, 128);
  expect_tile(H200, 256, 0, 128, 64, 256);
  expect_tile(H200, 128, SEQMIX_ATTENTION_BIAS, 64, 64, 128);
  expect_tile(A100, 128, 0, 128, 64, 128);
  expect_tile(A6000, 128, 0, 128, 64, 128);
  expect_tile(A6000, 256, 0, 64, 32, 128);
  expect_tile(RTX_5090, 192, 0, 64, 64, 128);
}
END_TEST

/* Two blocks of decode share a multiprocessor where three tiles each leave room for it. */
START_TEST(test_stages_of_some_devices) {
  static const int32_t keys[] = {64, 64, 64, 64}, stages[] = {2, 2, 3, 2};
  const seqmix_attention_problem p = make_problem(16, 1, 8192, 4, 8, 128);
  for (int i = 0; i < TENSOR_CORE_DEVICES; i++) {
    const seqmix_device_properties device = tensor_core_properties(&tensor_core_devices[i]);
    gpu_mma_plan plan = seqmix_gpu_decode_mma_plan(&p, &device);
    ck_assert_msg(plan.keys == keys[i] && plan.stages == stages[i], "%s: %d keys, %d stages",
                  tensor_core_devices[i].name, plan.keys, plan.stages);
  }
}
END_TEST

static const seqmix_variant variants[] = {SEQMIX_CUDA_VARIANTS};
enum { VARIANTS = sizeof variants / sizeof *variants };

static void expect_choice(const seqmix_device_properties *device, const seqmix_attention_problem *p,
                          const char *name) {
  const seqmix_variant *chosen =
      seqmix_choose_variant(variants, VARIANTS, &p->header, device, NULL);
  ck_assert_msg(chosen && strcmp(chosen->name, name) == 0, "%s instead of %s",
                chosen ? chosen->name : "none", name);
}

START_TEST(test_choice) {
  seqmix_device_properties device = tensor_core_properties(&tensor_core_devices[_i]);
  seqmix_attention_problem prefill = make_problem(1, 2048, 2048, 1, 8, 128);
  seqmix_attention_problem decode = make_problem(16, 1, 4096, 4, 8, 128);
  const seqmix_attention_problem wide = make_problem(1, 64, 64, 1, 1, 257);
  expect_choice(&device, &prefill, "attention__half_sm_prefill_mma");
  expect_choice(&device, &decode, "attention__half_sm_decode_mma");
  expect_choice(&device, &wide, "attention__any_sm_unfused");
  prefill.header.dtype = decode.header.dtype = SEQMIX_F32;
  expect_choice(&device, &prefill, "attention__any_sm_prefill");
  expect_choice(&device, &decode, "attention__any_sm_decode");
  prefill.header.dtype = decode.header.dtype = SEQMIX_F16;
  device.features = 0;
  expect_choice(&device, &prefill, "attention__any_sm_prefill");
  expect_choice(&device, &decode, "attention__any_sm_decode");
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("gpu attention mma plan");
  TCase *tcase = tcase_create("gpu attention mma plan");
  suite_add_loop(tcase, test_shapes, 0, TENSOR_CORE_DEVICES);
  suite_add_loop(tcase, test_what_does_not_fit, 0, TENSOR_CORE_DEVICES);
  suite_add_loop(tcase, test_scales, 0, TENSOR_CORE_DEVICES);
  suite_add_loop(tcase, test_huge_shapes, 0, TENSOR_CORE_DEVICES);
  suite_add(tcase, test_tiles_of_some_devices);
  suite_add(tcase, test_stages_of_some_devices);
  suite_add_loop(tcase, test_choice, 0, TENSOR_CORE_DEVICES);
  suite_add_tcase(suite, tcase);
  return suite;
}
