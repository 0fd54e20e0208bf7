/* SPDX-License-Identifier: Apache-2.0 */
/* Workspace is O(threads x tile): it does not grow with the number of queries or keys. */
#include <seqmix/seqmix.h>

#include "support/accepted.h"
#include "test_attention.h"
#include "verify/devices.h"

/* The workspace of a call of this length. Only sizes are looked at, so that the tensors may stand
 * at addresses where nothing is, far enough apart not to overlap. */
static uint64_t workspace_of(seqmix_context *context, int64_t length, int32_t dtype, int options) {
  const uint64_t region = UINT64_C(1) << 40;
  unsigned char *base = (unsigned char *)(uintptr_t)region;
  seqmix_tensor q = seqmix_tensor_4d(base, dtype, 2, length, 8, 64);
  seqmix_tensor k = seqmix_tensor_4d(base + region, dtype, 2, length, 2, 64);
  seqmix_tensor v = seqmix_tensor_4d(base + 2 * region, dtype, 2, length, 2, 128);
  seqmix_tensor out = seqmix_tensor_4d(base + 3 * region, dtype, 2, length, 8, 128);
  seqmix_tensor lse = seqmix_tensor_3d(base + 4 * region, SEQMIX_F32, 2, 8, length);
  seqmix_tensor mask = seqmix_tensor_2d(base + 5 * region, SEQMIX_BOOL, length, length);
  seqmix_tensor bias = seqmix_tensor_2d(base + 6 * region, SEQMIX_F32, length, length);
  seqmix_attention_args args = SEQMIX_ATTENTION_ARGS_INIT;
  args.q = &q;
  args.k = &k;
  args.v = &v;
  args.out = &out;
  if (options) {
    args.lse = &lse;
    args.mask = &mask;
    args.bias = &bias;
    args.causal = 1;
    args.softcap = 30;
  }
  uint64_t bytes = UINT64_MAX;
  seqmix_status status = seqmix_attention_workspace_size(context, &args, &bytes);
  assert_accepted(status, "workspace");
  return bytes;
}

/* Beyond 1024 tokens a tile is full, and no more is needed for 65536. */
START_TEST(workspace_does_not_grow_with_length) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  static const int32_t types[] = {SEQMIX_F32, SEQMIX_F16, SEQMIX_BF16};
  seqmix_context *context = device_under_test((device_way)_i);
  for (int t = 0; t < 3; t++) {
    for (int options = 0; options < 2; options++) {
      uint64_t at_1024 = workspace_of(context, 1024, types[t], options);
      ck_assert_uint_eq(workspace_of(context, 4096, types[t], options), at_1024);
      ck_assert_uint_eq(workspace_of(context, 65536, types[t], options), at_1024);
    }
  }
}
END_TEST

/* A generous tile: 128 queries by 512 keys and their values in f32 for each worker. */
START_TEST(workspace_is_a_tile_per_worker) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  seqmix_context *context = device_under_test((device_way)_i);
  uint64_t tile = 4 * (128 * 512 + (128 + 512) * (64 + 128));
  uint64_t workers = (uint64_t)seqmix_context_threads(context);
  ck_assert_uint_gt(workers, 0);
  ck_assert_uint_le(workspace_of(context, 65536, SEQMIX_F32, 1), workers * tile);
}
END_TEST

void suite_attention_memory(Suite *suite) {
  TCase *tcase = tcase_create("attention memory");
  tcase_add_unchecked_fixture(tcase, open_devices, devices_close);
  suite_add_loop(tcase, workspace_does_not_grow_with_length, 0, DEVICE_WAYS);
  suite_add_loop(tcase, workspace_is_a_tile_per_worker, 0, DEVICE_WAYS);
  suite_add_tcase(suite, tcase);
}
