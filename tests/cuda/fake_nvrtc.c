/* SPDX-License-Identifier: Apache-2.0 */
/* An NVRTC that compiles nothing: what it makes says for what it is, which fake_cuda.c looks at. */
#include "fake.h"

struct _nvrtcProgram {
  char name[80];
  char target[40];
};

/* Ends the calling function if it is to fail. */
#define FAIL_IF_ASKED                                  \
  do {                                                 \
    static int calls;                                  \
    nvrtcResult error = fake_fault(__func__, ++calls); \
    if (error) return error;                           \
  } while (0)

#define DECLARE(result, name, parameters) FAKE_EXPORT result name parameters;
NVRTC_FUNCTIONS(DECLARE)

static const int known[] = {75, 80, 86, 89, 90, 100, 120};

nvrtcResult nvrtcVersion(int *major, int *minor) {
  FAIL_IF_ASKED;
  int version = (int)fake_number("nvrtc", 13000);
  *major = version / 1000;
  *minor = version % 1000 / 10;
  return NVRTC_SUCCESS;
}

const char *nvrtcGetErrorString(nvrtcResult error) {
  return error == NVRTC_ERROR_COMPILATION ? "NVRTC_ERROR_COMPILATION" : "NVRTC_ERROR";
}

nvrtcResult nvrtcGetNumSupportedArchs(int *count) {
  FAIL_IF_ASKED;
  long newest = fake_number("newest", 120);
  *count = 0;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) *count += known[i] <= newest;
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetSupportedArchs(int *list) {
  int count = 0;
  FAIL_IF_ASKED;
  nvrtcGetNumSupportedArchs(&count);
  memcpy(list, known, (size_t)count * sizeof *list);
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcCreateProgram(nvrtcProgram *program, const char *source, const char *name,
                               int header_count, const char *const *headers,
                               const char *const *names) {
  (void)headers, (void)names;
  FAIL_IF_ASKED;
  if (header_count || strncmp(source, "#define ", 8) != 0) return NVRTC_ERROR_COMPILATION;
  *program = calloc(1, sizeof **program);
  snprintf((*program)->name, sizeof(*program)->name, "%s", name);
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcDestroyProgram(nvrtcProgram *program) {
  free(*program);
  *program = NULL;
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcCompileProgram(nvrtcProgram program, int count, const char *const *options) {
  static const char architecture[] = "--gpu-architecture=";
  FAIL_IF_ASKED;
  fprintf(stderr, "fake: compiles %s:", program->name);
  for (int i = 0; i < count; i++) {
    fprintf(stderr, " %s", options[i]);
    if (strncmp(options[i], architecture, sizeof architecture - 1) == 0)
      snprintf(program->target, sizeof program->target, "%s", options[i] + sizeof architecture - 1);
  }
  fputc('\n', stderr);
  return *program->target ? NVRTC_SUCCESS : NVRTC_ERROR_COMPILATION;
}

static size_t log_bytes(void) { return fake_has("long-log") ? 10000 : 80; }

nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram program, size_t *size) {
  (void)program;
  FAIL_IF_ASKED;
  *size = log_bytes();
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetProgramLog(nvrtcProgram program, char *log) {
  size_t bytes = log_bytes();
  FAIL_IF_ASKED;
  memset(log, '.', bytes);
  log[bytes - 1] = 0;
  int used = snprintf(log, bytes, "kernels/%s.c(1): error: the compiler's words", program->name);
  if (fake_has("long-log")) log[used] = '.';
  return NVRTC_SUCCESS;
}

static nvrtcResult code(nvrtcProgram program, const char *kind, size_t *size, char *to) {
  char text[80];
  int length = snprintf(text, sizeof text, "fake %s for %s", kind, program->target);
  if (size) *size = (size_t)length + 1;
  if (to) memcpy(to, text, (size_t)length + 1);
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetCUBINSize(nvrtcProgram program, size_t *size) {
  FAIL_IF_ASKED;
  return code(program, "cubin", size, NULL);
}

nvrtcResult nvrtcGetCUBIN(nvrtcProgram program, char *to) {
  FAIL_IF_ASKED;
  return code(program, "cubin", NULL, to);
}

nvrtcResult nvrtcGetPTXSize(nvrtcProgram program, size_t *size) {
  FAIL_IF_ASKED;
  return code(program, "PTX", size, NULL);
}

nvrtcResult nvrtcGetPTX(nvrtcProgram program, char *to) {
  FAIL_IF_ASKED;
  return code(program, "PTX", NULL, to);
}
