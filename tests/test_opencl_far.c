/* SPDX-License-Identifier: Apache-2.0 */
/* Elements beyond 4 GiB, and beyond 2^31 of them: kernels find them by strides and by offsets, and
 * what they compute is what they compute of small tensors.
 *
 * Memory of that size is only reserved: a buffer is the beginning of an address range that has no
 * pages but those of the few elements. Devices that are the processor follow addresses past a
 * buffer's end; on others nothing here could be said. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE */

#include <math.h>
#include <seqmix/seqmix.h>
#include <string.h>
#include <sys/mman.h>

#include "opencl/opencl.h"
#include "support/suite.h"

enum { TOKENS = 3, TENSORS_MOST = 5, NUMBERS_MOST = 256, BUFFER_BYTES = 4096, USE_HOST_MEMORY = 8 };

/* Elements from token to token, and to where offsets lead. */
static const int64_t far_step = ((int64_t)1 << 30) + 8, far_start = ((int64_t)1 << 31) + 16;
static const size_t range_bytes = ((size_t)1 << 33) + ((size_t)1 << 20);

#define OK(call)                                                                 \
  do {                                                                           \
    seqmix_status ok_status = (call);                                            \
    ck_assert_msg(ok_status == SEQMIX_OK, "%s: %s", #call, seqmix_last_error()); \
  } while (0)

/* ---- operators ------------------------------------------------------------------------------- */

static seqmix_status call_attention(seqmix_context *c, const seqmix_tensor *t) {
  seqmix_attention_args args = SEQMIX_ATTENTION_ARGS_INIT;
  args.q = &t[0], args.k = &t[1], args.v = &t[2], args.out = &t[3];
  return seqmix_attention(c, &args);
}

static seqmix_status call_merge(seqmix_context *c, const seqmix_tensor *t) {
  seqmix_attention_merge_args args = SEQMIX_ATTENTION_MERGE_ARGS_INIT;
  args.outs = &t[0], args.lses = &t[1], args.out = &t[2];
  return seqmix_attention_merge(c, &args);
}

static seqmix_status call_linear_attention(seqmix_context *c, const seqmix_tensor *t) {
  seqmix_linear_attention_args args = SEQMIX_LINEAR_ATTENTION_ARGS_INIT;
  args.q = &t[0], args.k = &t[1], args.v = &t[2], args.out = &t[3];
  return seqmix_linear_attention(c, &args);
}

static seqmix_status call_linear_recurrence(seqmix_context *c, const seqmix_tensor *t) {
  seqmix_linear_recurrence_args args = SEQMIX_LINEAR_RECURRENCE_ARGS_INIT;
  args.a = &t[0], args.b = &t[1], args.out = &t[2];
  return seqmix_linear_recurrence(c, &args);
}

static seqmix_status call_prefix_scan(seqmix_context *c, const seqmix_tensor *t) {
  seqmix_prefix_scan_args args = SEQMIX_PREFIX_SCAN_ARGS_INIT;
  args.x = &t[0], args.out = &t[1], args.axis = 1;
  return seqmix_prefix_scan(c, &args);
}

static seqmix_status call_selective_scan(seqmix_context *c, const seqmix_tensor *t) {
  seqmix_selective_scan_args args = SEQMIX_SELECTIVE_SCAN_ARGS_INIT;
  args.u = &t[0], args.delta = &t[1], args.B = args.C = &t[2], args.A = &t[3], args.out = &t[4];
  return seqmix_selective_scan(c, &args);
}

static seqmix_status call_causal_conv1d(seqmix_context *c, const seqmix_tensor *t) {
  seqmix_causal_conv1d_args args = SEQMIX_CAUSAL_CONV1D_ARGS_INIT;
  args.x = &t[0], args.weight = &t[1], args.out = &t[2];
  return seqmix_causal_conv1d(c, &args);
}

/* Shapes of an operator's tensors, of f32, the output last; `time` is the axis that is far. */
typedef struct shape {
  int32_t rank, time;
  int64_t extents[5];
} shape;

#define HEADS                 \
  {                           \
    4, 1, { 1, TOKENS, 2, 4 } \
  }
#define ROWS               \
  {                        \
    3, 1, { 1, TOKENS, 4 } \
  }
#define STATES                \
  {                           \
    4, 1, { 1, TOKENS, 1, 2 } \
  }

static const struct subject {
  const char *variant;
  seqmix_status (*call)(seqmix_context *c, const seqmix_tensor *t);
  int32_t count;
  shape shapes[TENSORS_MOST];
} subjects[] = {
    {"attention__any_cl_decode", call_attention, 4, {HEADS, HEADS, HEADS, HEADS}},
    {"attention__any_cl_prefill", call_attention, 4, {HEADS, HEADS, HEADS, HEADS}},
    {"attention__any_cl_unfused", call_attention, 4, {HEADS, HEADS, HEADS, HEADS}},
    {"attention_merge__any_cl_parts",
     call_merge,
     3,
     {{5, 2, {2, 1, TOKENS, 2, 4}}, {4, 3, {2, 1, 2, TOKENS}}, HEADS}},
    {"linear_attention__any_cl_recurrent", call_linear_attention, 4, {HEADS, HEADS, HEADS, HEADS}},
    {"linear_attention__any_cl_chunked", call_linear_attention, 4, {HEADS, HEADS, HEADS, HEADS}},
    {"linear_recurrence__any_cl_pieces", call_linear_recurrence, 3, {ROWS, ROWS, ROWS}},
    {"prefix_scan__any_cl_pieces", call_prefix_scan, 2, {ROWS, ROWS}},
    {"selective_scan__any_cl_pieces",
     call_selective_scan,
     5,
     {ROWS, ROWS, STATES, {2, 0, {4, 2}}, ROWS}},
    {"causal_conv1d__any_cl_tokens", call_causal_conv1d, 3, {ROWS, {2, 0, {4, 2}}, ROWS}},
};
enum { SUBJECTS = sizeof subjects / sizeof *subjects };

/* ---- memory ---------------------------------------------------------------------------------- */

typedef enum way { NEAR, FAR_APART, FAR_AWAY, WAYS } way;

typedef struct memory {
  const opencl_api *cl;
  cl_context cl_own;
  seqmix_context *context;
  float *ranges[TENSORS_MOST];
  cl_mem buffers[TENSORS_MOST];
} memory;

static void open_memory(memory *m) {
  cl_int error;
  m->cl = seqmix_device_count() > 0 ? seqmix_opencl_api() : NULL;
  if (!m->cl || seqmix_opencl_device_count() == 0) suite_leave("no OpenCL device");
  cl_device_id device = seqmix_opencl_place(0)->device;
  cl_bitfield type = 0;
  m->cl->clGetDeviceInfo(device, CL_DEVICE_TYPE, sizeof type, &type, NULL);
  if (!(type & CL_DEVICE_TYPE_CPU)) suite_leave("the device is no processor");
  m->cl_own = m->cl->clCreateContext(NULL, 1, &device, NULL, NULL, &error);
  cl_command_queue queue = m->cl->clCreateCommandQueue(m->cl_own, device, 0, &error);
  ck_assert_int_eq(error, CL_SUCCESS);
  seqmix_context_options options = SEQMIX_CONTEXT_OPTIONS_INIT;
  options.device = "opencl:0";
  options.queue = queue;
  OK(seqmix_context_create_with_options(&m->context, &options));
  m->cl->clReleaseCommandQueue(queue);
  for (int i = 0; i < TENSORS_MOST; i++) {
    void *range = mmap(NULL, range_bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED) suite_leave("no %zu bytes of addresses", range_bytes);
    m->ranges[i] = range;
    m->buffers[i] = m->cl->clCreateBuffer(m->cl_own, CL_MEM_READ_WRITE | USE_HOST_MEMORY,
                                          BUFFER_BYTES, range, &error);
    ck_assert_int_eq(error, CL_SUCCESS);
  }
}

static void close_memory(memory *m) {
  for (int i = 0; i < TENSORS_MOST; i++) {
    m->cl->clReleaseMemObject(m->buffers[i]);
    munmap(m->ranges[i], range_bytes);
  }
  seqmix_context_destroy(m->context);
  m->cl->clReleaseContext(m->cl_own);
}

/* Where the other axes keep the order they have in small tensors. */
static seqmix_tensor make_tensor(const memory *m, int i, const shape *s, way how) {
  seqmix_tensor tensor = {.data = m->buffers[i], .dtype = SEQMIX_F32, .ndim = s->rank};
  int64_t step = 1;
  for (int axis = s->rank - 1; axis >= 0; axis--) {
    tensor.shape[axis] = s->extents[axis];
    tensor.stride[axis] = step;
    step *= s->extents[axis];
  }
  if (how == FAR_APART) tensor.stride[s->time] = far_step;
  if (how == FAR_AWAY) tensor.byte_offset = (uint64_t)far_start * sizeof(float);
  return tensor;
}

/* Element number n of those in order. */
static float *element(const memory *m, int i, const seqmix_tensor *t, int64_t n) {
  int64_t at = (int64_t)(t->byte_offset / sizeof(float));
  for (int axis = t->ndim - 1; axis >= 0; axis--) {
    at += n % t->shape[axis] * t->stride[axis];
    n /= t->shape[axis];
  }
  return m->ranges[i] + at;
}

static int64_t elements(const shape *s) {
  int64_t count = 1;
  for (int axis = 0; axis < s->rank; axis++) count *= s->extents[axis];
  return count;
}

/* From -1 to 1, with no pattern that a lost token would repeat. */
static float number(int tensor, int64_t n) { return sinf((float)(7 * tensor + 3 * n + 1)); }

static void run(memory *m, const struct subject *of, way how, float *results) {
  seqmix_tensor tensors[TENSORS_MOST];
  int out = of->count - 1;
  for (int i = 0; i < of->count; i++) {
    tensors[i] = make_tensor(m, i, &of->shapes[i], how);
    for (int64_t n = 0; n < elements(&of->shapes[i]); n++)
      *element(m, i, &tensors[i], n) = i == out ? NAN : number(i, n);
  }
  OK(seqmix_context_set_variant(m->context, of->variant));
  OK(of->call(m->context, tensors));
  OK(seqmix_synchronize(m->context));
  for (int64_t n = 0; n < elements(&of->shapes[out]); n++)
    results[n] = *element(m, out, &tensors[out], n);
}

START_TEST(test_far_elements) {
  memory m = {0};
  const struct subject *of = &subjects[_i / (WAYS - 1)];
  way how = (way)(1 + _i % (WAYS - 1));
  float expected[NUMBERS_MOST], results[NUMBERS_MOST];
  open_memory(&m);
  run(&m, of, NEAR, expected);
  run(&m, of, how, results);
  for (int64_t n = 0; n < elements(&of->shapes[of->count - 1]); n++)
    ck_assert_msg(fabsf(results[n] - expected[n]) <= 1e-5f * (1 + fabsf(expected[n])),
                  "%s, %s: element %d is %g, must be %g", of->variant,
                  how == FAR_APART ? "strides" : "offsets", (int)n, (double)results[n],
                  (double)expected[n]);
  close_memory(&m);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("opencl_far");
  TCase *tcase = tcase_create("opencl_far");
  tcase_set_timeout(tcase, 300);
  suite_add_loop(tcase, test_far_elements, 0, SUBJECTS * (WAYS - 1));
  suite_add_tcase(suite, tcase);
  return suite;
}
