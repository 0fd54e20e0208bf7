/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's streams and contexts, and captures of graphs, on the stand-in driver, which refuses
 * and counts what is done in the wrong context or while a stream is captured. */
#define _DEFAULT_SOURCE /* setenv */

#include <stdlib.h>
#include <string.h>

#include "cuda/session.h"
#include "support/suite.h"

/* ---- the stand-in's own functions ------------------------------------------------------------ */

static CUcontext context_of(int device) {
  fake_context_function make;
  *(void **)&make = cuda_fake_function("fake_cuda_context");
  return make(device);
}

static CUstream stream_of(CUcontext context) {
  fake_stream_function make;
  *(void **)&make = cuda_fake_function("fake_cuda_stream");
  return make(context);
}

static void make_current(CUcontext context) {
  fake_make_current_function make;
  *(void **)&make = cuda_fake_function("fake_cuda_make_current");
  make(context);
}

/* Whether the thread's context is what it was, with nothing above it. */
static int is_current(CUcontext context) {
  fake_current_function current;
  *(void **)&current = cuda_fake_function("fake_cuda_current");
  return current() == context && cuda_counts().pushed == (context != NULL);
}

static CUresult begin_capture(CUstream stream) {
  CUresult (*begin)(CUstream, int);
  *(void **)&begin = cuda_fake_function("cuStreamBeginCapture_v2");
  return begin(stream, CU_STREAM_CAPTURE_MODE_GLOBAL);
}

/* Ends a capture and launches what was recorded; its kernels. */
static int replay(CUstream stream) {
  CUresult (*end)(CUstream, CUgraph *);
  CUresult (*launch)(CUgraphExec, CUstream);
  CUresult (*destroy)(CUgraph);
  CUgraph graph = NULL;
  *(void **)&end = cuda_fake_function("cuStreamEndCapture");
  *(void **)&launch = cuda_fake_function("cuGraphLaunch");
  *(void **)&destroy = cuda_fake_function("cuGraphDestroy");
  int before = cuda_counts().launches;
  end(stream, &graph);
  launch((CUgraphExec)(void *)graph, stream);
  destroy(graph);
  return cuda_counts().launches - before;
}

static seqmix_status create_on(CUstream stream, const char *device, seqmix_context **context) {
  seqmix_context_options options = SEQMIX_CONTEXT_OPTIONS_INIT;
  options.device = device;
  options.queue = stream;
  return seqmix_context_create_with_options(context, &options);
}

/* ---- contexts -------------------------------------------------------------------------------- */

/* Whatever is called, the thread's context stays what it was: none, or another library's. */
static int keep_current(CUcontext mine) {
  seqmix_context *context;
  make_current(mine);
  CHILD_EXPECT_OK(seqmix_context_create(&context, "cuda:0"));
  CHILD_EXPECT(is_current(mine));
  CHILD_EXPECT_OK(cuda_session(context));
  CHILD_EXPECT(is_current(mine));
  setenv("FAKE_CUDA", "cuLaunchKernel=701", 1);
  CHILD_EXPECT(cuda_session(context) == SEQMIX_ERROR_DEVICE);
  CHILD_EXPECT(is_current(mine));
  setenv("FAKE_CUDA", "cuMemAllocAsync=2", 1);
  CHILD_EXPECT(cuda_session(context) == SEQMIX_ERROR_OUT_OF_MEMORY);
  CHILD_EXPECT(is_current(mine));
  setenv("FAKE_CUDA", "", 1);
  seqmix_context_destroy(context);
  CHILD_EXPECT(is_current(mine));
  make_current(NULL);
  CHILD_EXPECT(cuda_nothing_left());
  return 0;
}

static int keep_contexts(void *environment) {
  (void)environment;
  return keep_current(NULL) || keep_current(context_of(0)) || keep_current(context_of(1));
}

START_TEST(test_current_context) { cuda_in_child(keep_contexts, "devices=2"); }
END_TEST

/* ---- streams --------------------------------------------------------------------------------- */

/* Work goes to the caller's stream, in its own context; it is neither made nor ended here. */
static int use_stream(void *environment) {
  seqmix_context *context;
  CUstream stream = stream_of(context_of(1));
  (void)environment;
  CHILD_EXPECT_OK(create_on(stream, "cuda:1", &context));
  CHILD_EXPECT(cuda_counts().streams == 0 && cuda_counts().contexts == 0);
  CHILD_EXPECT_OK(cuda_session(context));
  CHILD_EXPECT(cuda_counts().launches > 0);
  CHILD_EXPECT(is_current(NULL));
  seqmix_context_destroy(context);
  CHILD_EXPECT(cuda_nothing_left());
  return 0;
}

static int refuse_stream(void *environment) {
  seqmix_context *context;
  CUstream stream = stream_of(context_of(1));
  (void)environment;
  CHILD_EXPECT(create_on(stream, "cuda:0", &context) == SEQMIX_ERROR_INVALID_ARGUMENT);
  CHILD_EXPECT(strstr(seqmix_last_error(), "queue is of another device") != NULL);
  CHILD_EXPECT(context == NULL && is_current(NULL));
  setenv("FAKE_CUDA", "devices=2 cuStreamGetCtx=400", 1);
  CHILD_EXPECT(create_on(stream, "cuda:1", &context) == SEQMIX_ERROR_DEVICE);
  setenv("FAKE_CUDA", "devices=2 cuCtxGetDevice=201", 1);
  CHILD_EXPECT(create_on(stream, "cuda:1", &context) == SEQMIX_ERROR_DEVICE);
  CHILD_EXPECT(is_current(NULL) && cuda_nothing_left());
  return 0;
}

START_TEST(test_streams) {
  cuda_in_child(use_stream, "devices=2");
  cuda_in_child(refuse_stream, "devices=2");
}
END_TEST

/* ---- captures -------------------------------------------------------------------------------- */

/* A call with workspace of the caller's, on a stream of the caller's. */
typedef struct capture {
  CUstream stream;
  seqmix_context *context;
  cuda_call call;
  seqmix_tensor f16[3];
} capture;

static int prepare(capture *c) {
  uint64_t bytes = 0;
  c->stream = stream_of(context_of(0));
  CHILD_EXPECT_OK(create_on(c->stream, "cuda:0", &c->context));
  CHILD_EXPECT_OK(cuda_call_begin(c->context, &c->call));
  for (int i = 0; i < 3; i++) {
    c->f16[i] = c->call.tensors[i];
    c->f16[i].dtype = SEQMIX_F16;
  }
  CHILD_EXPECT_OK(seqmix_linear_recurrence_workspace_size(c->context, &c->call.args, &bytes));
  CHILD_EXPECT(bytes > 0);
  c->call.args.workspace_bytes = bytes;
  CHILD_EXPECT_OK(seqmix_buffer_allocate(c->context, bytes, &c->call.args.workspace));
  return 0;
}

static int end(capture *c) {
  seqmix_buffer_free(c->context, c->call.args.workspace);
  cuda_call_end(c->context, &c->call);
  seqmix_context_destroy(c->context);
  CHILD_EXPECT(cuda_nothing_left() && cuda_counts().violations == 0);
  return 0;
}

static int capture_call(void *environment) {
  capture c = {0};
  (void)environment;
  if (prepare(&c)) return 1;
  CHILD_EXPECT_OK(seqmix_linear_recurrence(c.context, &c.call.args));
  int each = cuda_counts().launches;
  CHILD_EXPECT(begin_capture(c.stream) == CUDA_SUCCESS);
  CHILD_EXPECT_OK(seqmix_linear_recurrence(c.context, &c.call.args));
  CHILD_EXPECT_OK(seqmix_linear_recurrence(c.context, &c.call.args));
  CHILD_EXPECT(cuda_counts().captured == 2 * each && cuda_counts().launches == each);
  CHILD_EXPECT(replay(c.stream) == 2 * each);
  CHILD_EXPECT_OK(seqmix_synchronize(c.context));
  return end(&c);
}

#define EXPECT_REFUSED(call, word)                           \
  do {                                                       \
    CHILD_EXPECT((call) == SEQMIX_ERROR_DEVICE);             \
    CHILD_EXPECT(strstr(seqmix_last_error(), word) != NULL); \
  } while (0)

/* Nothing that cannot be recorded reaches the driver, which would spoil the capture. */
static int refuse_in_capture(void *environment) {
  capture c = {0};
  float number = 1;
  void *memory = &c;
  (void)environment;
  if (prepare(&c)) return 1;
  CHILD_EXPECT_OK(seqmix_linear_recurrence(c.context, &c.call.args));
  seqmix_linear_recurrence_args other = c.call.args, small = c.call.args;
  other.a = &c.f16[0], other.b = &c.f16[1], other.out = &c.f16[2];
  small.workspace = NULL, small.workspace_bytes = 0;
  CHILD_EXPECT(begin_capture(c.stream) == CUDA_SUCCESS);
  EXPECT_REFUSED(seqmix_linear_recurrence(c.context, &other), "call it once before capturing");
  EXPECT_REFUSED(seqmix_linear_recurrence(c.context, &small), "workspace is NULL");
  EXPECT_REFUSED(seqmix_buffer_allocate(c.context, 4, &memory), "memory cannot be allocated");
  CHILD_EXPECT(memory == NULL);
  EXPECT_REFUSED(seqmix_buffer_upload(c.context, c.call.memory[0], 0, &number, sizeof number),
                 "cannot be copied");
  EXPECT_REFUSED(seqmix_buffer_download(c.context, c.call.memory[0], 0, &number, sizeof number),
                 "cannot be copied");
  EXPECT_REFUSED(seqmix_synchronize(c.context), "cannot be waited for");
  /* What is freed now is given back later. */
  int allocations = cuda_counts().allocations;
  seqmix_buffer_free(c.context, c.call.memory[2]);
  c.call.memory[2] = NULL;
  CHILD_EXPECT(cuda_counts().allocations == allocations);
  CHILD_EXPECT(replay(c.stream) == 0);
  CHILD_EXPECT_OK(seqmix_buffer_allocate(c.context, 1 << 17, &c.call.memory[2]));
  CHILD_EXPECT(cuda_counts().allocations == allocations);
  c.call.tensors[2].data = c.f16[2].data = c.call.memory[2];
  /* The refused call works where it may. */
  CHILD_EXPECT_OK(seqmix_linear_recurrence(c.context, &other));
  CHILD_EXPECT_OK(seqmix_linear_recurrence(c.context, &c.call.args));
  CHILD_EXPECT_OK(seqmix_synchronize(c.context));
  return end(&c);
}

/* What was freed in a capture is given back with the context at the latest. */
static int free_in_capture(void *environment) {
  capture c = {0};
  (void)environment;
  if (prepare(&c)) return 1;
  CHILD_EXPECT_OK(seqmix_linear_recurrence(c.context, &c.call.args));
  CHILD_EXPECT(begin_capture(c.stream) == CUDA_SUCCESS);
  seqmix_buffer_free(c.context, c.call.args.workspace);
  CHILD_EXPECT(replay(c.stream) == 0);
  cuda_call_end(c.context, &c.call);
  seqmix_context_destroy(c.context);
  CHILD_EXPECT(cuda_nothing_left() && cuda_counts().violations == 0);
  return 0;
}

START_TEST(test_captures) {
  static const char *const kinds[] = {"", "without-pools"};
  for (int i = 0; i < 2; i++) {
    cuda_in_child(capture_call, kinds[i]);
    cuda_in_child(refuse_in_capture, kinds[i]);
    cuda_in_child(free_in_capture, kinds[i]);
  }
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("cuda streams");
  TCase *tcase = tcase_create("cuda streams");
  cuda_use_fakes();
  suite_add(tcase, test_current_context);
  suite_add(tcase, test_streams);
  suite_add(tcase, test_captures);
  suite_add_tcase(suite, tcase);
  return suite;
}
