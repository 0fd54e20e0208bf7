/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors, element types and versions: the functions that need no device. The DLPack tests are
 * built against DLPack's own header. */
#include <seqmix/seqmix.h>
#include <stdio.h>
#include <string.h>

#include "core/half.h"
#include "support/suite.h"
#include "verify/random.h"

#ifdef HAVE_DLPACK
#include <dlpack/dlpack.h>
#endif

static char memory[256];

/* ---- constructors --------------------------------------------------------------------------- */

static void check_tensor(const seqmix_tensor *t, int32_t ndim, const int64_t *shape,
                         const int64_t *stride) {
  ck_assert_ptr_eq(t->data, memory);
  ck_assert_uint_eq(t->byte_offset, 0);
  ck_assert_int_eq(t->dtype, SEQMIX_BF16);
  ck_assert_int_eq(t->ndim, ndim);
  ck_assert_int_eq(t->memory, SEQMIX_MEMORY_CONTEXT);
  ck_assert_int_eq(t->memory_device, 0);
  ck_assert_uint_eq(t->reserved[0] | t->reserved[1], 0);
  for (int i = 0; i < ndim; i++) {
    ck_assert_int_eq(t->shape[i], shape[i]);
    ck_assert_int_eq(t->stride[i], stride[i]);
  }
}

START_TEST(test_constructors) {
  const int64_t shape[] = {2, 3, 5, 7};
  seqmix_tensor t = seqmix_tensor_1d(memory, SEQMIX_BF16, 2);
  check_tensor(&t, 1, shape, (int64_t[]){1});
  t = seqmix_tensor_2d(memory, SEQMIX_BF16, 2, 3);
  check_tensor(&t, 2, shape, (int64_t[]){3, 1});
  t = seqmix_tensor_3d(memory, SEQMIX_BF16, 2, 3, 5);
  check_tensor(&t, 3, shape, (int64_t[]){15, 5, 1});
  t = seqmix_tensor_4d(memory, SEQMIX_BF16, 2, 3, 5, 7);
  check_tensor(&t, 4, shape, (int64_t[]){105, 35, 7, 1});
}
END_TEST

START_TEST(test_nd) {
  const int64_t shape[] = {2, 1, 3, 1, 2, 1, 2, 4};
  const int64_t dense[] = {48, 48, 16, 16, 8, 8, 4, 1};
  const int64_t strides[] = {-5, 0, 7, 1, 2, 3, 4, 11};
  seqmix_tensor t = seqmix_tensor_nd(memory, SEQMIX_BF16, 8, shape, NULL);
  check_tensor(&t, 8, shape, dense);
  t = seqmix_tensor_nd(memory, SEQMIX_BF16, 8, shape, strides);
  check_tensor(&t, 8, shape, strides);
  t = seqmix_tensor_nd(memory, SEQMIX_BF16, 0, NULL, NULL);
  check_tensor(&t, 0, NULL, NULL);
}
END_TEST

/* A wrong rank reaches the operator, which refuses it; the sizes are not read. */
START_TEST(test_nd_of_wrong_rank) {
  ck_assert_int_eq(seqmix_tensor_nd(memory, SEQMIX_F32, 9, NULL, NULL).ndim, 9);
  ck_assert_int_eq(seqmix_tensor_nd(memory, SEQMIX_F32, -1, NULL, NULL).ndim, -1);
  ck_assert_int_eq(seqmix_tensor_nd(memory, SEQMIX_F32, INT32_MAX, NULL, NULL).ndim, INT32_MAX);
}
END_TEST

START_TEST(test_sizes_that_overflow) {
  seqmix_tensor t = seqmix_tensor_3d(memory, SEQMIX_F32, INT64_MAX, INT64_MAX, INT64_MAX);
  ck_assert_int_eq(t.shape[0], INT64_MAX);
  t = seqmix_tensor_2d(memory, SEQMIX_F32, -3, INT64_MIN);
  ck_assert_int_eq(t.shape[1], INT64_MIN);
}
END_TEST

/* ---- names ---------------------------------------------------------------------------------- */

START_TEST(test_dtypes) {
  static const struct {
    int32_t dtype;
    uint64_t size;
    const char *name;
  } known[] = {{SEQMIX_F32, 4, "f32"},   {SEQMIX_F16, 2, "f16"},   {SEQMIX_BF16, 2, "bf16"},
               {SEQMIX_F64, 8, "f64"},   {SEQMIX_I32, 4, "int32"}, {SEQMIX_I64, 8, "int64"},
               {SEQMIX_BOOL, 1, "bool"}, {SEQMIX_U8, 1, "u8"}};
  static const int32_t unknown[] = {0, -1, 9, 255, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    ck_assert_uint_eq(seqmix_dtype_size(known[i].dtype), known[i].size);
    ck_assert_str_eq(seqmix_dtype_name(known[i].dtype), known[i].name);
  }
  for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
    ck_assert_uint_eq(seqmix_dtype_size(unknown[i]), 0);
    ck_assert_str_eq(seqmix_dtype_name(unknown[i]), "invalid");
  }
}
END_TEST

START_TEST(test_status_names) {
  ck_assert_str_eq(seqmix_status_name(SEQMIX_OK), "OK");
  ck_assert_str_eq(seqmix_status_name(SEQMIX_ERROR_INVALID_ARGUMENT), "INVALID_ARGUMENT");
  ck_assert_str_eq(seqmix_status_name(SEQMIX_ERROR_UNSUPPORTED), "UNSUPPORTED");
  ck_assert_str_eq(seqmix_status_name(SEQMIX_ERROR_OUT_OF_MEMORY), "OUT_OF_MEMORY");
  ck_assert_str_eq(seqmix_status_name(SEQMIX_ERROR_DEVICE), "DEVICE");
  ck_assert_str_eq(seqmix_status_name(SEQMIX_ERROR_NO_DEVICE), "NO_DEVICE");
  ck_assert_str_eq(seqmix_status_name(SEQMIX_ERROR_INTERNAL), "INTERNAL");
  ck_assert_str_eq(seqmix_status_name((seqmix_status)7), "unknown status");
}
END_TEST

START_TEST(test_versions) {
  char text[32];
  snprintf(text, sizeof text, "%d.%d.%d", SEQMIX_VERSION_MAJOR, SEQMIX_VERSION_MINOR,
           SEQMIX_VERSION_PATCH);
  ck_assert_str_eq(SEQMIX_VERSION_STRING, text);
  ck_assert_str_eq(seqmix_version(), SEQMIX_VERSION_STRING);
  ck_assert_int_eq(seqmix_api_version(), SEQMIX_API_VERSION);
}
END_TEST

/* ---- 16-bit types --------------------------------------------------------------------------- */

static int is_nan16(uint16_t half, uint16_t exponent) { return (half & 0x7fff) > exponent; }

/* Every 16-bit number survives the way to f32 and back, a NaN as some NaN. */
START_TEST(test_halves_round_trip) {
  for (uint32_t bits = 0; bits < 0x10000; bits++) {
    uint16_t half = (uint16_t)bits;
    uint16_t f16 = seqmix_f16_from_f32(seqmix_f32_from_f16(half));
    uint16_t bf16 = seqmix_bf16_from_f32(seqmix_f32_from_bf16(half));
    if (is_nan16(half, 0x7c00))
      ck_assert_msg(is_nan16(f16, 0x7c00), "f16 NaN %#x: %#x", half, f16);
    else
      ck_assert_msg(f16 == half, "f16 %#x: %#x", half, f16);
    if (is_nan16(half, 0x7f80))
      ck_assert_msg(is_nan16(bf16, 0x7f80), "bf16 %#x: %#x", half, bf16);
    else
      ck_assert_msg(bf16 == half, "bf16 %#x: %#x", half, bf16);
  }
}
END_TEST

START_TEST(test_f16_values) {
  static const struct {
    float value;
    uint16_t half;
  } known[] = {{1.0f, 0x3c00},
               {-2.0f, 0xc000},
               {65504.0f, 0x7bff},
               {65519.99f, 0x7bff},
               {65520.0f, 0x7c00},
               {-1e30f, 0xfc00},
               {0x1p-14f, 0x0400},
               {0x1p-24f, 0x0001},
               {0x1p-25f, 0x0000},
               {0x1.8p-24f, 0x0002},
               {0x1.000002p-25f, 0x0001},
               {1.00048828125f, 0x3c00},
               {1.00146484375f, 0x3c02},
               {-0.0f, 0x8000}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    uint16_t half = seqmix_f16_from_f32(known[i].value);
    ck_assert_msg(half == known[i].half, "%a: %#x, not %#x", known[i].value, half, known[i].half);
  }
  ck_assert_float_eq(seqmix_f32_from_f16(0x3555), 0.333251953125f);
  ck_assert_float_eq(seqmix_f32_from_f16(0x83ff), -0x1.ff8p-15f);
}
END_TEST

START_TEST(test_bf16_values) {
  static const struct {
    uint32_t value;
    uint16_t half;
  } known[] = {{0x3f800000, 0x3f80}, {0x3f808000, 0x3f80}, {0x3f808001, 0x3f81},
               {0x3f818000, 0x3f82}, {0x7f7fffff, 0x7f80}, {0x7f800000, 0x7f80},
               {0x7f800001, 0x7fc0}, {0x80000001, 0x8000}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    uint16_t half = seqmix_bf16_from_f32(seqmix_f32_from_bits(known[i].value));
    ck_assert_msg(half == known[i].half, "%#x: %#x, not %#x", known[i].value, half, known[i].half);
  }
}
END_TEST

/* The nearest of the two neighbours, by exact comparison in f64; an even one when tied. */
START_TEST(test_f16_rounds_to_nearest) {
  random_state random = random_start(suite_seed("f16 rounding"));
  for (int i = 0; i < 20000; i++) {
    float value = seqmix_f32_from_bits((uint32_t)(random_bits(&random) & 0x477fefff));
    uint16_t half = seqmix_f16_from_f32(value);
    double error = (double)seqmix_f32_from_f16(half) - value;
    double above = (double)seqmix_f32_from_f16((uint16_t)(half + 1)) - value;
    double below = half ? value - (double)seqmix_f32_from_f16((uint16_t)(half - 1)) : 1;
    double distance = error < 0 ? -error : error;
    ck_assert_msg(distance <= above && distance <= below, "%a became %#x", value, half);
    if (distance == above || distance == below) ck_assert_msg((half & 1) == 0, "%a tied", value);
  }
}
END_TEST

/* ---- DLPack --------------------------------------------------------------------------------- */

#ifdef HAVE_DLPACK
/* Before DLPack 0.8 there was no bool; its code is 6. */
enum { DL_BOOL = 6 };

static int64_t dl_shape[9] = {2, 3, 4, 1, 1, 1, 1, 1, 1};
static int64_t dl_strides[3] = {1, -8, 2};

static DLTensor dl_tensor(void) {
  DLTensor t;
  memset(&t, 0, sizeof t);
  t.data = memory;
  t.device.device_type = kDLCPU;
  t.ndim = 3;
  t.dtype.code = kDLFloat;
  t.dtype.bits = 32;
  t.dtype.lanes = 1;
  t.shape = dl_shape;
  t.strides = dl_strides;
  t.byte_offset = 24;
  return t;
}

START_TEST(test_dlpack_view) {
  DLTensor from = dl_tensor();
  seqmix_tensor t;
  memset(&t, 0xff, sizeof t);
  ck_assert_int_eq(seqmix_tensor_from_dlpack(&t, &from), SEQMIX_OK);
  ck_assert_ptr_eq(t.data, memory);
  ck_assert_uint_eq(t.byte_offset, 24);
  ck_assert_int_eq(t.dtype, SEQMIX_F32);
  ck_assert_int_eq(t.ndim, 3);
  ck_assert_int_eq(t.memory, SEQMIX_MEMORY_HOST);
  ck_assert_int_eq(t.memory_device, 0);
  ck_assert_uint_eq(t.reserved[0] | t.reserved[1], 0);
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(t.shape[i], dl_shape[i]);
    ck_assert_int_eq(t.stride[i], dl_strides[i]);
  }
  from.strides = NULL;
  ck_assert_int_eq(seqmix_tensor_from_dlpack(&t, &from), SEQMIX_OK);
  ck_assert(t.stride[0] == 12 && t.stride[1] == 4 && t.stride[2] == 1);
}
END_TEST

START_TEST(test_dlpack_types) {
  static const struct {
    uint8_t code, bits;
    int32_t dtype; /* 0: refused */
  } types[] = {{kDLFloat, 32, SEQMIX_F32},
               {kDLFloat, 16, SEQMIX_F16},
               {kDLBfloat, 16, SEQMIX_BF16},
               {kDLFloat, 64, SEQMIX_F64},
               {kDLInt, 32, SEQMIX_I32},
               {kDLInt, 64, SEQMIX_I64},
               {DL_BOOL, 8, SEQMIX_BOOL},
               {kDLUInt, 8, SEQMIX_U8},
               {kDLInt, 8, 0},
               {kDLUInt, 32, 0},
               {kDLComplex, 64, 0},
               {kDLFloat, 8, 0},
               {kDLOpaqueHandle, 64, 0},
               {99, 32, 0}};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    seqmix_tensor t;
    DLTensor from = dl_tensor();
    from.dtype.code = types[i].code;
    from.dtype.bits = types[i].bits;
    seqmix_status status = seqmix_tensor_from_dlpack(&t, &from);
    ck_assert_int_eq(status, types[i].dtype ? SEQMIX_OK : SEQMIX_ERROR_UNSUPPORTED);
    if (types[i].dtype) ck_assert_int_eq(t.dtype, types[i].dtype);
    from.dtype.lanes = 4;
    ck_assert_int_eq(seqmix_tensor_from_dlpack(&t, &from), SEQMIX_ERROR_UNSUPPORTED);
  }
}
END_TEST

START_TEST(test_dlpack_devices) {
  static const struct {
    DLDeviceType type;
    int32_t memory; /* -1: refused */
  } devices[] = {{kDLCPU, SEQMIX_MEMORY_HOST},
                 {kDLCUDAHost, SEQMIX_MEMORY_HOST},
                 {kDLCUDA, SEQMIX_MEMORY_CUDA},
                 {kDLOpenCL, SEQMIX_MEMORY_OPENCL},
                 {kDLVulkan, -1},
                 {kDLMetal, -1},
                 {kDLROCM, -1}};
  for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
    seqmix_tensor t;
    DLTensor from = dl_tensor();
    from.device.device_type = devices[i].type;
    from.device.device_id = 2;
    seqmix_status status = seqmix_tensor_from_dlpack(&t, &from);
    ck_assert_int_eq(status, devices[i].memory < 0 ? SEQMIX_ERROR_UNSUPPORTED : SEQMIX_OK);
    if (devices[i].memory < 0) continue;
    ck_assert_int_eq(t.memory, devices[i].memory);
    ck_assert_int_eq(t.memory_device, t.memory == SEQMIX_MEMORY_HOST ? 0 : 2);
  }
}
END_TEST

/* Refused, with a message that names the function and `word`, and nothing written. */
static void check_refused(const DLTensor *from, const char *word) {
  seqmix_tensor t, before;
  memset(&t, 0xa5, sizeof t);
  before = t;
  ck_assert_int_eq(seqmix_tensor_from_dlpack(&t, from), SEQMIX_ERROR_INVALID_ARGUMENT);
  ck_assert_int_eq(memcmp(&t, &before, sizeof t), 0);
  const char *message = seqmix_last_error();
  ck_assert_msg(strncmp(message, "tensor_from_dlpack: ", 20) == 0, "%s", message);
  ck_assert_msg(strstr(message, word) != NULL, "'%s' lacks %s", message, word);
}

START_TEST(test_dlpack_refusals) {
  DLTensor from = dl_tensor();
  check_refused(NULL, "dltensor");
  ck_assert_int_eq(seqmix_tensor_from_dlpack(NULL, &from), SEQMIX_ERROR_INVALID_ARGUMENT);
  ck_assert_msg(strstr(seqmix_last_error(), "out") != NULL, "%s", seqmix_last_error());
  from.ndim = 9;
  check_refused(&from, "9");
  from.ndim = -1;
  check_refused(&from, "-1");
  from = dl_tensor();
  from.shape = NULL;
  check_refused(&from, "shape");
  int64_t negative[] = {2, -3, 4};
  from = dl_tensor();
  from.shape = negative;
  check_refused(&from, "-3");
}
END_TEST

/* A scalar has no shape to read. */
START_TEST(test_dlpack_scalar) {
  seqmix_tensor t;
  DLTensor from = dl_tensor();
  from.ndim = 0;
  from.shape = from.strides = NULL;
  ck_assert_int_eq(seqmix_tensor_from_dlpack(&t, &from), SEQMIX_OK);
  ck_assert_int_eq(t.ndim, 0);
}
END_TEST
#else
START_TEST(test_dlpack) { suite_skip("built without dlpack/dlpack.h (Debian: libdlpack-dev)"); }
END_TEST
#endif

Suite *suite_make(void) {
  Suite *suite = suite_create("tensor");
  TCase *tcase = tcase_create("tensor");
  suite_add(tcase, test_constructors);
  suite_add(tcase, test_nd);
  suite_add(tcase, test_nd_of_wrong_rank);
  suite_add(tcase, test_sizes_that_overflow);
  suite_add(tcase, test_dtypes);
  suite_add(tcase, test_status_names);
  suite_add(tcase, test_versions);
  suite_add(tcase, test_halves_round_trip);
  suite_add(tcase, test_f16_values);
  suite_add(tcase, test_bf16_values);
  suite_add(tcase, test_f16_rounds_to_nearest);
#ifdef HAVE_DLPACK
  suite_add(tcase, test_dlpack_view);
  suite_add(tcase, test_dlpack_types);
  suite_add(tcase, test_dlpack_devices);
  suite_add(tcase, test_dlpack_refusals);
  suite_add(tcase, test_dlpack_scalar);
#else
  suite_add(tcase, test_dlpack);
#endif
  suite_add_tcase(suite, tcase);
  return suite;
}
