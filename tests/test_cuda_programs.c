/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of the CUDA backend one by one: what they are compiled to, kept as, loaded from and
 * launched with. The stand-ins are tests/cuda/fake_*.c; each test is a child with its own. */
#define _DEFAULT_SOURCE /* setenv */

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "cuda/cuda.h"
#include "cuda/session.h"
#include "gpu/context.h"
#include "support/suite.h"

static const gpu_text texts[] = {
    {"made/up", "KERNEL void first() {}", 22, 7},
    {NULL, NULL, 0, 0},
};
static const gpu_source source = {texts, "#define ITEMS 64\n"};

static int open_first(gpu_device **device) {
  CHILD_EXPECT(seqmix_cuda_device_count() == 1);
  CHILD_EXPECT_OK(seqmix_cuda_open(0, NULL, device));
  return 0;
}

/* ---- launches -------------------------------------------------------------------------------- */

static int is_last_launch(unsigned groups, unsigned items, unsigned local_bytes) {
  fake_launch_function last;
  unsigned numbers[3];
  *(void **)&last = cuda_fake_function("fake_cuda_last_launch");
  last(numbers);
  return numbers[0] == groups && numbers[1] == items && numbers[2] == local_bytes;
}

static int launch_some(void *environment) {
  gpu_device *device = NULL;
  gpu_program *program = NULL;
  gpu_kernel *kernel = NULL, *same = NULL;
  gpu_kernel_facts facts = {0};
  const int32_t number = 1;
  gpu_argument arguments[65];
  (void)environment;
  for (int i = 0; i < 65; i++) arguments[i] = (gpu_argument){&number, sizeof number};
  if (open_first(&device)) return 1;
  CHILD_EXPECT_OK(seqmix_cuda_compile(device, &source, &program));
  CHILD_EXPECT_OK(seqmix_cuda_kernel(program, "first", &kernel));
  CHILD_EXPECT_OK(seqmix_cuda_kernel(program, "first", &same));
  CHILD_EXPECT(kernel == same);
  seqmix_cuda_describe_kernel(device, kernel, &facts);
  CHILD_EXPECT(facts.local_bytes == 1024 && facts.private_bytes == 16);
  CHILD_EXPECT(facts.items_most == 512 && facts.registers == 40);

  gpu_grid grid = {.groups = 7, .items = 64};
  CHILD_EXPECT_OK(seqmix_cuda_launch(device, kernel, &grid, arguments, 3));
  CHILD_EXPECT(is_last_launch(7, 64, 0));
  /* As many blocks as a launch takes, and one more. */
  grid.groups = INT32_MAX;
  CHILD_EXPECT_OK(seqmix_cuda_launch(device, kernel, &grid, arguments, 3));
  grid.groups++;
  CHILD_EXPECT(seqmix_cuda_launch(device, kernel, &grid, arguments, 3) == SEQMIX_ERROR_UNSUPPORTED);
  CHILD_EXPECT(strstr(seqmix_last_error(), "first would need 2147483648 blocks") != NULL);
  CHILD_EXPECT(seqmix_cuda_launch(device, kernel, &grid, arguments, 65) == SEQMIX_ERROR_INTERNAL);
  seqmix_cuda_release(program);
  seqmix_cuda_close(device);
  CHILD_EXPECT(cuda_nothing_left());
  return 0;
}

/* More local memory than is usual is asked for once; the stand-in refuses it otherwise. */
static int launch_with_local(void *environment) {
  gpu_device *device = NULL;
  gpu_program *program = NULL;
  gpu_kernel *kernel = NULL;
  const int32_t number = 1;
  const gpu_argument argument = {&number, sizeof number};
  (void)environment;
  if (open_first(&device)) return 1;
  CHILD_EXPECT_OK(seqmix_cuda_compile(device, &source, &program));
  CHILD_EXPECT_OK(seqmix_cuda_kernel(program, "first", &kernel));
  gpu_grid grid = {.groups = 1, .items = 128, .local_bytes = 48 << 10};
  setenv("FAKE_CUDA", "cuFuncSetAttribute=1", 1);
  CHILD_EXPECT_OK(seqmix_cuda_launch(device, kernel, &grid, &argument, 1));
  grid.local_bytes = 100 << 10;
  CHILD_EXPECT(seqmix_cuda_launch(device, kernel, &grid, &argument, 1) == SEQMIX_ERROR_DEVICE);
  CHILD_EXPECT(strstr(seqmix_last_error(), "cuFuncSetAttribute") != NULL);
  setenv("FAKE_CUDA", "", 1);
  CHILD_EXPECT_OK(seqmix_cuda_launch(device, kernel, &grid, &argument, 1));
  CHILD_EXPECT(is_last_launch(1, 128, 100 << 10));
  setenv("FAKE_CUDA", "cuFuncSetAttribute=1", 1);
  CHILD_EXPECT_OK(seqmix_cuda_launch(device, kernel, &grid, &argument, 1));
  grid.local_bytes = 228 << 10;
  setenv("FAKE_CUDA", "", 1);
  CHILD_EXPECT(seqmix_cuda_launch(device, kernel, &grid, &argument, 1) == SEQMIX_ERROR_DEVICE);
  seqmix_cuda_release(program);
  seqmix_cuda_close(device);
  CHILD_EXPECT(cuda_nothing_left());
  return 0;
}

START_TEST(test_launches) {
  cuda_in_child(launch_some, "");
  cuda_in_child(launch_with_local, "");
}
END_TEST

/* ---- images ---------------------------------------------------------------------------------- */

/* Without a driver, as `seqmix pack` may be. */
static int compile_ahead(void *environment) {
  (void)environment;
  cuda_image image = {NULL, 0};
  setenv("SEQMIX_CUDA", "/nowhere", 1);
  CHILD_EXPECT_OK(seqmix_cuda_compile_for("sm_90a", &source, &image));
  const cuda_image_header *header = image.bytes;
  const char *code = (const char *)(header + 1);
  CHILD_EXPECT(header->kind == CUDA_IMAGE_CUBIN && header->architecture == 90);
  CHILD_EXPECT(header->compiler == 13000 && header->driver == 0);
  CHILD_EXPECT(header->code_bytes == strlen(code) + 1);
  CHILD_EXPECT(image.size == sizeof *header + header->code_bytes);
  CHILD_EXPECT(strcmp(code, "fake cubin for sm_90a") == 0);
  seqmix_memory_free(image.bytes);
  CHILD_EXPECT_OK(seqmix_cuda_compile_for("compute_120", &source, &image));
  header = image.bytes;
  CHILD_EXPECT(header->kind == CUDA_IMAGE_PTX && header->architecture == 120);
  CHILD_EXPECT(strcmp((const char *)(header + 1), "fake PTX for compute_120") == 0);
  seqmix_memory_free(image.bytes);
  CHILD_EXPECT(seqmix_cuda_compile_image(70, &source, &image) == SEQMIX_ERROR_DEVICE);
  CHILD_EXPECT(strstr(seqmix_last_error(), "cannot compile for sm_70") != NULL);
  return 0;
}

/* An image that is changed as `change` says is refused before the driver sees it. */
static int refuse_images(void *environment) {
  gpu_device *device = NULL;
  cuda_image image = {NULL, 0};
  gpu_program *program = NULL;
  (void)environment;
  if (open_first(&device)) return 1;
  CHILD_EXPECT_OK(seqmix_cuda_compile_image(90, &source, &image));
  cuda_image_header *header = image.bytes, kept = *header;
  program = seqmix_cuda_load(device, image.bytes, image.size);
  CHILD_EXPECT(program != NULL);
  seqmix_cuda_release(program);
  setenv("FAKE_CUDA", "cuModuleLoadDataEx=719", 1); /* would have the device lost */
  CHILD_EXPECT(!seqmix_cuda_load(device, image.bytes, image.size - 1));
  CHILD_EXPECT(!seqmix_cuda_load(device, image.bytes, sizeof *header));
  CHILD_EXPECT(!seqmix_cuda_load(device, image.bytes, 0));
  header->magic[0] = 'x';
  CHILD_EXPECT(!seqmix_cuda_load(device, image.bytes, image.size));
  *header = kept, header->code_bytes++;
  CHILD_EXPECT(!seqmix_cuda_load(device, image.bytes, image.size));
  *header = kept, header->compiler = 14000;
  CHILD_EXPECT(!seqmix_cuda_load(device, image.bytes, image.size));
  *header = kept, header->kind = 3;
  CHILD_EXPECT(!seqmix_cuda_load(device, image.bytes, image.size));
  /* PTX must end like a text, and is for one driver. */
  *header = kept, header->kind = CUDA_IMAGE_PTX, header->driver = 12080;
  CHILD_EXPECT(!seqmix_cuda_load(device, image.bytes, image.size));
  *header = kept, header->kind = CUDA_IMAGE_PTX;
  ((char *)image.bytes)[image.size - 1] = 'x';
  CHILD_EXPECT(!seqmix_cuda_load(device, image.bytes, image.size));
  setenv("FAKE_CUDA", "", 1);
  seqmix_memory_free(image.bytes);
  seqmix_cuda_close(device);
  CHILD_EXPECT(cuda_nothing_left());
  return 0;
}

START_TEST(test_images) {
  cuda_in_child(compile_ahead, "");
  cuda_in_child(refuse_images, "");
}
END_TEST

/* ---- packs ----------------------------------------------------------------------------------- */

static cuda_image packed_image;
static int times_asked;

static const void *find_packed(gpu_device *device, const char *name, uint64_t hash,
                               uint64_t *size) {
  (void)device;
  times_asked++;
  if (strcmp(name, "made/up ITEMS=64") != 0 || hash != 7) return NULL;
  *size = packed_image.size;
  return packed_image.bytes;
}

/* The driver of the backend, with texts and a pack of the test's. */
static const gpu_driver driver = {
    .texts = texts,
    .describe = seqmix_cuda_describe,
    .open = seqmix_cuda_open,
    .close = seqmix_cuda_close,
    .identity = seqmix_cuda_identity,
    .is_capturing = seqmix_cuda_is_capturing,
    .allocate = seqmix_cuda_allocate,
    .free = seqmix_cuda_free,
    .upload = seqmix_cuda_upload,
    .download = seqmix_cuda_download,
    .compile = seqmix_cuda_compile,
    .load = seqmix_cuda_load,
    .packed = find_packed,
    .binary = seqmix_cuda_binary,
    .release = seqmix_cuda_release,
    .kernel = seqmix_cuda_kernel,
    .launch = seqmix_cuda_launch,
    .synchronize = seqmix_cuda_synchronize,
};

/* The kernel of a program of a new context. */
static seqmix_status get_kernel(int32_t items) {
  const gpu_special special = {"made/up", {{"ITEMS", items}}};
  void *context = NULL;
  gpu_kernel *kernel = NULL;
  seqmix_status status = seqmix_gpu_open(&driver, 0, NULL, &context);
  if (status) return status;
  status = seqmix_gpu_kernel(context, &special, "first", &kernel);
  seqmix_gpu_close(context);
  return status;
}

static int use_pack(void *environment) {
  (void)environment;
  CHILD_EXPECT(seqmix_cuda_device_count() == 1);
  CHILD_EXPECT_OK(seqmix_cuda_compile_image(90, &source, &packed_image));
  fprintf(stderr, "asked\n");
  /* It has the one, not the other; and what the driver refuses is compiled. */
  CHILD_EXPECT_OK(get_kernel(64));
  CHILD_EXPECT(times_asked == 1);
  fprintf(stderr, "not packed\n");
  CHILD_EXPECT_OK(get_kernel(32));
  ((cuda_image_header *)packed_image.bytes)->compiler = 14000;
  fprintf(stderr, "refused\n");
  CHILD_EXPECT_OK(get_kernel(64));
  CHILD_EXPECT(times_asked == 3);
  seqmix_memory_free(packed_image.bytes);
  CHILD_EXPECT(cuda_nothing_left());
  return 0;
}

START_TEST(test_packs) {
  const char *text = cuda_in_child(use_pack, "");
  const char *compiles = "fake: compiles made/up";
  const char *second = strstr(text, "not packed\n"), *third = strstr(text, "refused\n");
  ck_assert_ptr_nonnull(second);
  ck_assert_ptr_nonnull(third);
  const char *first = strstr(strstr(text, "asked\n"), compiles);
  ck_assert_msg(first > second && first < third, "%s", text);
  ck_assert_msg(strstr(third, compiles) != NULL, "%s", text);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("cuda programs");
  TCase *tcase = tcase_create("cuda programs");
  cuda_use_fakes();
  suite_add(tcase, test_launches);
  suite_add(tcase, test_images);
  suite_add(tcase, test_packs);
  suite_add_tcase(suite, tcase);
  return suite;
}
