/* SPDX-License-Identifier: Apache-2.0 */
/* The compiler, opened when the first text is to be compiled: with programs in the cache or in a
 * pack it never is. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/log.h"
#include "core/memory.h"
#include "cuda/cuda.h"
#include "cuda/find.h"

enum { LOG_MOST = 3000, ARCHITECTURES_MOST = 64, TARGET_SIZE = 24, FOUND_SIZE = 1000 };

static const char magic[8] = "seqmixc";

static nvrtc_api api;
static int version;              /* 13000 for 13.0; 0: there is none */
static char found[FOUND_SIZE];   /* its path; without one, what was looked for */
static char refused[FOUND_SIZE]; /* why the last candidate was not taken */
static int32_t architectures[ARCHITECTURES_MOST];
static int32_t architecture_count;
static pthread_once_t open_once = PTHREAD_ONCE_INIT;

static const cuda_function functions[] = {
#define NVRTC_ROW(result, name, parameters) {#name, (void **)&api.name},
    NVRTC_FUNCTIONS(NVRTC_ROW)
#undef NVRTC_ROW
};

/* ---- opening --------------------------------------------------------------------------------- */

static int take_architectures(void) {
  int list[256];
  int count = 0;
  if (api.nvrtcGetNumSupportedArchs(&count) || count <= 0 || count > 256) return 0;
  if (api.nvrtcGetSupportedArchs(list)) return 0;
  for (int i = 0; i < count && architecture_count < ARCHITECTURES_MOST; i++)
    architectures[architecture_count++] = list[i];
  return architecture_count > 0;
}

/* Why an opened library cannot be used; NULL if it can, and then it is. */
static const char *use(void *library) {
  static char defect[160];
  int major = 0, minor = 0, driver = seqmix_cuda_driver_version();
  const char *lacks =
      seqmix_cuda_functions(library, functions, sizeof functions / sizeof *functions);
  if (lacks) {
    snprintf(defect, sizeof defect, "it lacks %s", lacks);
    return defect;
  }
  if (api.nvrtcVersion(&major, &minor)) return "it does not tell its version";
  if (driver && major > driver / 1000) {
    snprintf(defect, sizeof defect,
             "it is of CUDA %d.%d, and the driver loads nothing newer than %d's", major, minor,
             driver / 1000);
    return defect;
  }
  if (!take_architectures()) return "it does not tell its architectures";
  version = major * 1000 + minor * 10;
  return NULL;
}

static int take(const char *path, cuda_origin origin, void *user) {
  (void)user;
  void *library = seqmix_cuda_open_found(path, origin);
  if (!library) {
    /* Names that the system does not know are no news; a file that is there should open. */
    if (origin == CUDA_FOUND_NAMED || origin == CUDA_FOUND_FILE)
      snprintf(refused, sizeof refused, "; %s", dlerror());
    return 0;
  }
  const char *defect = use(library);
  if (defect) {
    snprintf(refused, sizeof refused, "; %s is not used: %s", path, defect);
    seqmix_log(SEQMIX_LOG_INFO, "cuda: %s is not used: %s", path, defect);
    dlclose(library);
    return 0;
  }
  seqmix_cuda_tell_found(*(void **)&api.nvrtcVersion, path, found, sizeof found);
  seqmix_log(SEQMIX_LOG_INFO, "cuda: kernels by NVRTC %d.%d, %s", version / 1000,
             version % 1000 / 10, found);
  return 1;
}

static void open_compiler(void) {
  static const cuda_ending endings[] = {
      {".so.13", 13}, {".so.12", 12}, {".so.11.2", 11}, {NULL, 0}};
  const cuda_wanted wanted = {
      .variable = "SEQMIX_NVRTC",
      .name = "libnvrtc",
      .wheel = "cuda_nvrtc",
      .endings = endings,
      .major_most = seqmix_cuda_driver_version() / 1000,
  };
  if (!seqmix_cuda_find(&wanted, take, NULL)) seqmix_cuda_tell_wanted(&wanted, found, sizeof found);
}

int seqmix_cuda_compiler(char *text, size_t size) {
  pthread_once(&open_once, open_compiler);
  if (version)
    snprintf(text, size, "%s", found);
  else
    snprintf(text, size, "there is no NVRTC: looked for %s%s", found, refused);
  return version;
}

static seqmix_status need_compiler(const char *name) {
  char text[2 * FOUND_SIZE + 80];
  if (seqmix_cuda_compiler(text, sizeof text)) return SEQMIX_OK;
  return seqmix_fail(
      SEQMIX_ERROR_DEVICE,
      "cuda: kernels '%s' are to be compiled, and %s; set SEQMIX_NVRTC to its file, "
      "install it (pip install nvidia-cuda-nvrtc), or give a pack of compiled kernels "
      "(SEQMIX_CUDA_PACK, made by `seqmix pack`)",
      name, text);
}

/* ---- compiling ------------------------------------------------------------------------------- */

static seqmix_status fail(const char *what, nvrtcResult error) {
  return seqmix_fail(
      error == NVRTC_ERROR_OUT_OF_MEMORY ? SEQMIX_ERROR_OUT_OF_MEMORY : SEQMIX_ERROR_DEVICE,
      "cuda: %s: %s (%d)", what, api.nvrtcGetErrorString(error), error);
}

/* The compiler's words, to be freed with seqmix_memory_free(); NULL if there are none. */
static char *log_of(nvrtcProgram program) {
  size_t size = 0;
  if (api.nvrtcGetProgramLogSize(program, &size) || size <= 1) return NULL;
  char *log = seqmix_memory_allocate_zeroed(size + 1);
  if (log && api.nvrtcGetProgramLog(program, log)) log[0] = 0;
  return log;
}

static seqmix_status finish(nvrtcProgram program, const char *name, const char *target,
                            nvrtcResult error) {
  if (!error && !seqmix_log_enabled(SEQMIX_LOG_DEBUG)) return SEQMIX_OK;
  char *log = log_of(program);
  const char *text = log ? log : "";
  if (error)
    seqmix_fail(SEQMIX_ERROR_DEVICE,
                "cuda: kernels '%s' do not compile (%s, NVRTC %d.%d, %s): %.*s", name,
                api.nvrtcGetErrorString(error), version / 1000, version % 1000 / 10, target,
                LOG_MOST, text);
  else if (*text)
    seqmix_log(SEQMIX_LOG_DEBUG, "cuda: kernels '%s': %.*s", name, LOG_MOST, text);
  seqmix_memory_free(log);
  return error ? SEQMIX_ERROR_DEVICE : SEQMIX_OK;
}

/* The number in "sm_90a". */
static int32_t architecture_of(const char *target) {
  int32_t number = 0;
  for (const char *c = strchr(target, '_'); c && *++c >= '0' && *c <= '9';)
    number = number * 10 + (*c - '0');
  return number;
}

/* What the program was compiled to, behind a header. */
static seqmix_status take_code(nvrtcProgram program, const char *target, cuda_image *image) {
  int is_ptx = strncmp(target, "compute_", 8) == 0;
  size_t bytes = 0;
  nvrtcResult error =
      is_ptx ? api.nvrtcGetPTXSize(program, &bytes) : api.nvrtcGetCUBINSize(program, &bytes);
  if (error) return fail(is_ptx ? "nvrtcGetPTXSize" : "nvrtcGetCUBINSize", error);
  const cuda_image_header header = {
      .kind = is_ptx ? CUDA_IMAGE_PTX : CUDA_IMAGE_CUBIN,
      .compiler = version,
      .driver = seqmix_cuda_driver_version(),
      .architecture = architecture_of(target),
      .code_bytes = bytes,
  };
  char *made = seqmix_memory_allocate_zeroed(sizeof header + bytes);
  if (!made)
    return seqmix_fail(SEQMIX_ERROR_OUT_OF_MEMORY, "cuda: no memory for %zu bytes of code", bytes);
  memcpy(made, &header, sizeof header);
  memcpy(made, magic, sizeof magic);
  error = is_ptx ? api.nvrtcGetPTX(program, made + sizeof header)
                 : api.nvrtcGetCUBIN(program, made + sizeof header);
  if (error) {
    seqmix_memory_free(made);
    return fail(is_ptx ? "nvrtcGetPTX" : "nvrtcGetCUBIN", error);
  }
  *image = (cuda_image){made, sizeof header + bytes};
  return SEQMIX_OK;
}

/* The constants' lines and the text behind them, to be freed with seqmix_memory_free(). */
static char *join(const gpu_source *source) {
  size_t lines = strlen(source->constants), bytes = (size_t)source->text->bytes;
  char *text = seqmix_memory_allocate(lines + bytes + 1);
  if (!text) return NULL;
  memcpy(text, source->constants, lines);
  memcpy(text + lines, source->text->text, bytes);
  text[lines + bytes] = 0;
  return text;
}

static seqmix_status compile(nvrtcProgram program, const char *name, const char *target,
                             cuda_image *image) {
  char architecture[TARGET_SIZE + 24];
  snprintf(architecture, sizeof architecture, "--gpu-architecture=%s", target);
  const char *const options[] = {architecture, SEQMIX_CUDA_OPTIONS};
  nvrtcResult error =
      api.nvrtcCompileProgram(program, (int)(sizeof options / sizeof *options), options);
  SEQMIX_TRY(finish(program, name, target, error));
  return take_code(program, target, image);
}

seqmix_status seqmix_cuda_compile_for(const char *target, const gpu_source *source,
                                      cuda_image *image) {
  nvrtcProgram program = NULL;
  SEQMIX_TRY(need_compiler(source->text->name));
  char *text = join(source);
  if (!text) return seqmix_fail(SEQMIX_ERROR_OUT_OF_MEMORY, "cuda: no memory for a kernel's text");
  nvrtcResult error = api.nvrtcCreateProgram(&program, text, source->text->name, 0, NULL, NULL);
  seqmix_memory_free(text);
  if (error) return fail("nvrtcCreateProgram", error);
  seqmix_status status = compile(program, source->text->name, target, image);
  api.nvrtcDestroyProgram(&program);
  return status;
}

seqmix_status seqmix_cuda_compile_image(int32_t architecture, const gpu_source *source,
                                        cuda_image *image) {
  char target[TARGET_SIZE];
  int32_t known = 0;
  SEQMIX_TRY(need_compiler(source->text->name));
  for (int32_t i = 0; i < architecture_count; i++)
    if (architectures[i] <= architecture && architectures[i] > known) known = architectures[i];
  if (!known)
    return seqmix_fail(SEQMIX_ERROR_DEVICE, "cuda: NVRTC %d.%d (%s) cannot compile for sm_%d",
                       version / 1000, version % 1000 / 10, found, architecture);
  snprintf(target, sizeof target, "%s_%d", known == architecture ? "sm" : "compute", known);
  return seqmix_cuda_compile_for(target, source, image);
}

/* ---- images ---------------------------------------------------------------------------------- */

const cuda_image_header *seqmix_cuda_image_header(const void *bytes, uint64_t size) {
  const cuda_image_header *header = bytes;
  int driver = seqmix_cuda_driver_version();
  if (size <= sizeof *header || memcmp(header->magic, magic, sizeof magic) != 0) return NULL;
  if (header->code_bytes != size - sizeof *header) return NULL;
  if (header->compiler / 1000 > driver / 1000) return NULL;
  if (header->kind == CUDA_IMAGE_CUBIN) return header;
  /* PTX is for want of a compiler that knows the device: another driver may have brought one. */
  int is_text = ((const char *)bytes)[size - 1] == 0;
  return header->kind == CUDA_IMAGE_PTX && is_text && header->driver == driver ? header : NULL;
}
