/* SPDX-License-Identifier: Apache-2.0 */
/* OpenCL as it is here: callers' queues, memory, index arrays that only the device can read, and
 * programs kept for later processes. Operators are in the suite `operators_opencl`. */
#define _DEFAULT_SOURCE /* setenv, mkdtemp */

#include <math.h>
#include <seqmix/seqmix.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "frame/child.h"
#include "gpu/trace.h"
#include "opencl/opencl.h"
#include "support/suite.h"

enum { TOKENS = 12, CHANNELS = 5, ELEMENTS = TOKENS * CHANNELS, SEQUENCES = 3 };

/* The device, or NULL where there is none. */
static seqmix_context *open_device(void) {
  seqmix_context *context = NULL;
  seqmix_status status = seqmix_context_create(&context, "opencl:0");
  if (status == SEQMIX_ERROR_NO_DEVICE) return NULL;
  ck_assert_msg(status == SEQMIX_OK, "%s", seqmix_last_error());
  return context;
}

#define OPEN_OR_SKIP(context)              \
  seqmix_context *context = open_device(); \
  if (!(context)) suite_skip("no OpenCL device")

#define OK(call)                                                                 \
  do {                                                                           \
    seqmix_status ok_status = (call);                                            \
    ck_assert_msg(ok_status == SEQMIX_OK, "%s: %s", #call, seqmix_last_error()); \
  } while (0)

/* ---- a recurrence of ones: sums -------------------------------------------------------------- */

typedef struct sums {
  void *a, *b, *out, *state, *cu_seqlens, *rows;
  seqmix_tensor ta, tb, tout, tpast, tpresent, tcu_seqlens, trows;
  seqmix_linear_recurrence_args args;
} sums;

static void *on_device(seqmix_context *context, const void *host, uint64_t bytes) {
  void *data;
  OK(seqmix_buffer_allocate(context, bytes, &data));
  OK(seqmix_buffer_upload(context, data, 0, host, bytes));
  return data;
}

static void sums_open(sums *s, seqmix_context *context) {
  float ones[ELEMENTS], bad[ELEMENTS];
  int32_t indices[SEQUENCES + 1] = {0};
  for (int i = 0; i < ELEMENTS; i++) ones[i] = 1, bad[i] = NAN;
  memset(s, 0, sizeof *s);
  s->a = on_device(context, ones, sizeof ones);
  s->b = on_device(context, ones, sizeof ones);
  s->out = on_device(context, bad, sizeof bad);
  s->state = on_device(context, ones, sizeof ones);
  s->cu_seqlens = on_device(context, indices, sizeof indices);
  s->rows = on_device(context, indices, sizeof indices);
  s->ta = seqmix_tensor_3d(s->a, SEQMIX_F32, 1, TOKENS, CHANNELS);
  s->tb = seqmix_tensor_3d(s->b, SEQMIX_F32, 1, TOKENS, CHANNELS);
  s->tout = seqmix_tensor_3d(s->out, SEQMIX_F32, 1, TOKENS, CHANNELS);
  s->tpast = seqmix_tensor_2d(s->state, SEQMIX_F32, 4, CHANNELS);
  s->tpresent = s->tpast;
  s->tcu_seqlens = seqmix_tensor_1d(s->cu_seqlens, SEQMIX_I32, SEQUENCES + 1);
  s->trows = seqmix_tensor_1d(s->rows, SEQMIX_I32, SEQUENCES);
  s->args = (seqmix_linear_recurrence_args)SEQMIX_LINEAR_RECURRENCE_ARGS_INIT;
  s->args.a = &s->ta;
  s->args.b = &s->tb;
  s->args.out = &s->tout;
}

static void sums_close(sums *s, seqmix_context *context) {
  void *all[] = {s->a, s->b, s->out, s->state, s->cu_seqlens, s->rows};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) seqmix_buffer_free(context, all[i]);
}

/* The first channel of each token. */
static void sums_fetch(const sums *s, seqmix_context *context, float *first) {
  float all[ELEMENTS];
  OK(seqmix_buffer_download(context, s->out, 0, all, sizeof all));
  for (int t = 0; t < TOKENS; t++) first[t] = all[t * CHANNELS];
}

/* ---- queues -----------------------------------------------------------------------------------
 */

START_TEST(test_own_queue) {
  if (seqmix_device_count() == 0 || !seqmix_opencl_api()) suite_skip("no OpenCL device");
  const opencl_api *cl = seqmix_opencl_api();
  OPEN_OR_SKIP(usual);
  seqmix_context_destroy(usual);
  cl_device_id device = seqmix_opencl_place(0)->device;
  cl_int error;
  cl_context cl_own = cl->clCreateContext(NULL, 1, &device, NULL, NULL, &error);
  cl_command_queue queue = cl->clCreateCommandQueue(cl_own, device, 0, &error);
  ck_assert_int_eq(error, CL_SUCCESS);
  seqmix_context *context;
  seqmix_context_options options = SEQMIX_CONTEXT_OPTIONS_INIT;
  options.device = "opencl:0";
  options.queue = queue;
  OK(seqmix_context_create_with_options(&context, &options));
  /* The context keeps what it needs. */
  cl->clReleaseCommandQueue(queue);
  float ones[ELEMENTS], first[TOKENS];
  sums s;
  sums_open(&s, context);
  /* A buffer of the caller's own OpenCL context is as good as one of seqmix's. */
  for (int i = 0; i < ELEMENTS; i++) ones[i] = 2;
  cl_mem mine = cl->clCreateBuffer(cl_own, CL_MEM_READ_WRITE, sizeof ones, NULL, &error);
  OK(seqmix_buffer_upload(context, mine, 0, ones, sizeof ones));
  s.tb.data = mine;
  OK(seqmix_linear_recurrence(context, &s.args));
  OK(seqmix_synchronize(context));
  sums_fetch(&s, context, first);
  for (int t = 0; t < TOKENS; t++) ck_assert_float_eq(first[t], (float)(2 * t + 2));
  cl->clReleaseMemObject(mine);
  sums_close(&s, context);
  seqmix_context_destroy(context);
  cl->clReleaseContext(cl_own);
}
END_TEST

/* ---- memory -----------------------------------------------------------------------------------
 */

START_TEST(test_memory) {
  OPEN_OR_SKIP(context);
  static const char text[] = "some bytes";
  char back[sizeof text] = "";
  void *data;
  OK(seqmix_buffer_allocate(context, 0, &data));
  OK(seqmix_buffer_upload(context, data, 0, NULL, 0));
  seqmix_buffer_free(context, data);
  OK(seqmix_buffer_allocate(context, 100, &data));
  OK(seqmix_buffer_upload(context, data, 33, text, sizeof text));
  OK(seqmix_buffer_download(context, data, 33, back, sizeof back));
  ck_assert_str_eq(back, text);
  seqmix_buffer_free(context, data);
  ck_assert_int_eq(seqmix_buffer_allocate(context, UINT64_MAX, &data), SEQMIX_ERROR_OUT_OF_MEMORY);
  ck_assert_int_eq(seqmix_buffer_allocate(context, UINT64_C(1) << 60, &data),
                   SEQMIX_ERROR_OUT_OF_MEMORY);
  ck_assert_ptr_null(data);
  /* A tensor of ordinary memory that says so is refused, not followed. */
  float host[ELEMENTS] = {0};
  sums s;
  sums_open(&s, context);
  s.ta = seqmix_tensor_3d(host, SEQMIX_F32, 1, TOKENS, CHANNELS);
  s.ta.memory = SEQMIX_MEMORY_HOST;
  ck_assert_int_eq(seqmix_linear_recurrence(context, &s.args), SEQMIX_ERROR_INVALID_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(seqmix_last_error(), "a lies in memory kind 1"));
  sums_close(&s, context);
  seqmix_context_destroy(context);
}
END_TEST

/* ---- index arrays -----------------------------------------------------------------------------
 */

typedef struct bad_index {
  const char *word;                  /* that the sentence names; NULL: nothing is wrong */
  int32_t cu_seqlens[SEQUENCES + 1]; /* all 0: absent */
  int32_t rows[SEQUENCES];           /* of four states, with cu_seqlens */
  int64_t max_seqlen;
  float first[TOKENS]; /* sums of the first channel; 0: left as it was */
} bad_index;

static const bad_index indices[] = {
    {NULL, {0, 3, 3, 12}, {3, 1, 0}, 0, {2, 3, 4, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
    {NULL, {0, 3, 3, 12}, {3, 1, -1}, 9, {2, 3, 4}},
    {"cu_seqlens", {0, 3, 2, 13}, {3, 1, 0}, 0, {2, 3, 4}},
    {"cu_seqlens", {0, 3, 13, 12}, {3, 1, 0}, 0, {2, 3, 4}},
    {"cu_seqlens", {-1, 3, 3, 12}, {3, 1, 0}, 0, {0, 0, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
    {"cu_seqlens", {0, 3, 3, 11}, {3, 1, 0}, 0, {2, 3, 4, 2, 3, 4, 5, 6, 7, 8, 9}},
    {"cu_seqlens", {0, INT32_MAX, INT32_MIN, 12}, {3, 1, 0}, 0, {0}},
    {"max_seqlen", {0, 3, 3, 12}, {3, 1, 0}, 8, {2, 3, 4}},
    {"state_indices", {0, 3, 3, 12}, {4, 1, 0}, 0, {0, 0, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
    {"state_indices", {0, 3, 3, 12}, {3, 1, -2}, 0, {2, 3, 4}},
    {"state_indices",
     {0, 3, 3, 12},
     {INT32_MIN, INT32_MAX, 0},
     0,
     {0, 0, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
};
enum { INDICES = sizeof indices / sizeof *indices };

/* What is wrong is left out and told of when the work is waited for, once. */
START_TEST(test_indices) {
  const bad_index *given = &indices[_i];
  OPEN_OR_SKIP(context);
  float first[TOKENS];
  sums s;
  sums_open(&s, context);
  OK(seqmix_buffer_upload(context, s.cu_seqlens, 0, given->cu_seqlens, sizeof given->cu_seqlens));
  OK(seqmix_buffer_upload(context, s.rows, 0, given->rows, sizeof given->rows));
  s.args.cu_seqlens = &s.tcu_seqlens;
  s.args.max_seqlen = given->max_seqlen;
  s.args.past_state = &s.tpast;
  s.args.present_state = &s.tpresent;
  s.args.state_indices = &s.trows;
  OK(seqmix_linear_recurrence(context, &s.args));
  seqmix_status status = seqmix_synchronize(context);
  if (given->word) {
    ck_assert_int_eq(status, SEQMIX_ERROR_INVALID_ARGUMENT);
    ck_assert_msg(strstr(seqmix_last_error(), "linear_recurrence: ") == seqmix_last_error() &&
                      strstr(seqmix_last_error(), given->word) != NULL,
                  "%s", seqmix_last_error());
  } else {
    ck_assert_msg(status == SEQMIX_OK, "%s", seqmix_last_error());
  }
  OK(seqmix_synchronize(context));
  sums_fetch(&s, context, first);
  for (int t = 0; t < TOKENS; t++) {
    float want = given->first[t];
    int is_zeroed = !given->word && given->rows[SEQUENCES - 1] < 0 && t >= 3;
    if (want != 0 || is_zeroed)
      ck_assert_msg(first[t] == want, "token %d is %g, must be %g", t, (double)first[t],
                    (double)want);
    else
      ck_assert_msg(isnan(first[t]), "token %d was written: %g", t, (double)first[t]);
  }
  sums_close(&s, context);
  seqmix_context_destroy(context);
}
END_TEST

/* ---- programs kept on disk ---------------------------------------------------------------------
 */

/* Computes in a process of its own, and says what it compiled. */
static int compute(void *unused) {
  (void)unused;
  seqmix_context *context = NULL;
  float data[ELEMENTS] = {0};
  void *x = NULL;
  setenv("SEQMIX_LOG", "info", 1);
  setenv("POCL_KERNEL_CACHE", "0", 1); /* what is found is seqmix's own */
  seqmix_status status = seqmix_context_create(&context, "opencl:0");
  if (status == SEQMIX_ERROR_NO_DEVICE) return 77;
  CHILD_EXPECT_OK(status);
  CHILD_EXPECT_OK(seqmix_buffer_allocate(context, sizeof data, &x));
  CHILD_EXPECT_OK(seqmix_buffer_upload(context, x, 0, data, sizeof data));
  seqmix_prefix_scan_args args = SEQMIX_PREFIX_SCAN_ARGS_INIT;
  seqmix_tensor in = seqmix_tensor_2d(x, SEQMIX_F32, 2, ELEMENTS / 4), out = in;
  out.byte_offset = sizeof data / 2;
  args.x = &in;
  args.out = &out;
  args.op = SEQMIX_SCAN_MAX;
  CHILD_EXPECT_OK(seqmix_prefix_scan(context, &args));
  CHILD_EXPECT_OK(seqmix_synchronize(context));
  seqmix_buffer_free(context, x);
  seqmix_context_destroy(context);
  return 0;
}

static int compiled(void) {
  static child_result result;
  child_run(&result, compute, NULL);
  if (result.code == 77) return -1;
  ck_assert_msg(result.code == 0, "child ended with %d: %s", result.code, result.text);
  return strstr(result.text, "compiled in") != NULL;
}

START_TEST(test_second_process_compiles_nothing) {
  char folder[] = "/tmp/seqmix-opencl-test-XXXXXX", command[64];
  const char *before = getenv("SEQMIX_CACHE_DIR");
  ck_assert_ptr_nonnull(mkdtemp(folder));
  setenv("SEQMIX_CACHE_DIR", folder, 1);
  int first = compiled(), second = compiled();
  if (before)
    setenv("SEQMIX_CACHE_DIR", before, 1);
  else
    unsetenv("SEQMIX_CACHE_DIR");
  snprintf(command, sizeof command, "rm -r %s", folder);
  ck_assert_int_eq(system(command), 0);
  if (first < 0) suite_skip("no OpenCL device");
  ck_assert_int_eq(first, 1);
  ck_assert_int_eq(second, 0);
}
END_TEST

/* ---- forks ----------------------------------------------------------------------------------- */

static int use_after_fork(seqmix_context *context) {
  seqmix_context *other;
  void *memory;
  if (seqmix_buffer_allocate(context, 16, &memory) != SEQMIX_ERROR_DEVICE) return 1;
  if (seqmix_context_create(&other, "opencl:0") != SEQMIX_ERROR_DEVICE) return 2;
  if (!strstr(seqmix_last_error(), "context_create: device opencl:0 was opened before")) return 3;
  if (seqmix_context_create(&other, "cpu") != SEQMIX_OK) return 4;
  seqmix_context_destroy(other);
  return 0;
}

START_TEST(test_forked) {
  int status;
  OPEN_OR_SKIP(context);
  fflush(NULL);
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) _exit(use_after_fork(context));
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %x", status);
  seqmix_context_destroy(context);
}
END_TEST

/* ---- chunks ---------------------------------------------------------------------------------- */

enum { LONG = 130, HEADS = 2, DIMS = 16, LONG_ELEMENTS = LONG * HEADS * DIMS };

/* The constant CHUNK of a program, by its name; 0 if it has none. */
static int chunk_of(const gpu_launch_record *record) {
  const char *chunk = strstr(record->program, " CHUNK=");
  return chunk ? atoi(chunk + strlen(" CHUNK=")) : 0;
}

/* With the chunked variant forced no kernel that goes token by token is started, and those that are
 * take chunks of many: all but the state's way from one to the next is done for all chunks at once.
 */
START_TEST(test_chunked_is_chunked) {
  static float zeros[LONG_ELEMENTS];
  static gpu_trace trace;
  OPEN_OR_SKIP(context);
  OK(seqmix_context_set_variant(context, "linear_attention__any_cl_chunked"));
  seqmix_tensor tensors[4];
  seqmix_linear_attention_args args = SEQMIX_LINEAR_ATTENTION_ARGS_INIT;
  for (int i = 0; i < 4; i++)
    tensors[i] =
        seqmix_tensor_4d(on_device(context, zeros, sizeof zeros), SEQMIX_F32, 1, LONG, HEADS, DIMS);
  args.q = &tensors[0], args.k = &tensors[1], args.v = &tensors[2], args.out = &tensors[3];
  ck_assert(seqmix_gpu_trace(context, &trace));
  OK(seqmix_linear_attention(context, &args));
  OK(seqmix_synchronize(context));
  seqmix_gpu_trace(context, NULL);
  int weights = 0, walks = 0;
  for (int32_t i = 0; i < trace.count; i++) {
    const gpu_launch_record *record = &trace.records[i];
    int chunk = chunk_of(record);
    ck_assert_str_ne(record->kernel, "linear_tokens");
    ck_assert_str_ne(record->kernel, "linear_walk");
    walks += strcmp(record->kernel, "linear_chunks") == 0 && chunk >= 16;
    weights += strcmp(record->kernel, "linear_weights") == 0 && chunk >= 16 &&
               (int)record->groups == HEADS * ((LONG + chunk - 1) / chunk);
  }
  ck_assert_int_eq(weights, 1);
  ck_assert_int_eq(walks, 1);
  for (int i = 0; i < 4; i++) seqmix_buffer_free(context, tensors[i].data);
  seqmix_context_destroy(context);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("opencl");
  TCase *tcase = tcase_create("opencl");
  tcase_set_timeout(tcase, 120);
  /* First: its children must come before this process has a driver open. */
  suite_add(tcase, test_second_process_compiles_nothing);
  suite_add(tcase, test_own_queue);
  suite_add(tcase, test_memory);
  suite_add(tcase, test_chunked_is_chunked);
  suite_add_loop(tcase, test_indices, 0, INDICES);
  suite_add(tcase, test_forked);
  suite_add_tcase(suite, tcase);
  return suite;
}
