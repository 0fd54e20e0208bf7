/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of the stand-in for libnvrtc. */
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "compile.h"
#include "driver.h"

namespace {

enum {
  NVRTC_ERROR_INVALID_INPUT = 3,
  NVRTC_ERROR_INVALID_PROGRAM = 4,
  NVRTC_ERROR_INVALID_OPTION = 5
};

std::vector<int> known_archs() {
  const char *text = std::getenv("EMULATOR_NVRTC_ARCHS");
  if (!text || !*text) text = "75,80,86,87,89,90,100,103,110,120,121";
  std::vector<int> archs;
  while (*text) {
    char *end;
    archs.push_back((int)std::strtol(text, &end, 10));
    text = *end ? end + 1 : end;
  }
  return archs;
}

bool is_observed() {
  const char *wanted = std::getenv("EMULATOR_OBSERVE");
  return wanted && std::strcmp(wanted, "0") != 0;
}

}  // namespace

struct _nvrtcProgram {
  std::string text, name, log, image;
  bool is_portable;
};

namespace {

/* --gpu-architecture=sm_90a: 90, for that very device; compute_90: for later ones, too. */
int arch_of(int count, const char *const *options, bool *is_portable) {
  int arch = 0;
  for (int i = 0; i < count; i++) {
    const char *at = std::strstr(options[i], "architecture=");
    if (!at) continue;
    at += std::strlen("architecture=");
    *is_portable = std::strncmp(at, "compute_", 8) == 0;
    at += *is_portable ? 8 : 3;
    arch = std::atoi(at);
  }
  for (int known : known_archs())
    if (known == arch) return arch;
  return 0;
}

void make_image(_nvrtcProgram *program, int arch, const std::string &object) {
  emulator::image_head head = {};
  std::memcpy(head.magic, emulator::IMAGE_MAGIC, sizeof head.magic);
  head.arch = (uint32_t)arch;
  head.is_portable = program->is_portable;
  head.is_observed = is_observed();
  head.bytes = object.size();
  head.hash = emulator::hash_of(object.data(), object.size());
  program->image.assign((const char *)&head, sizeof head);
  program->image += object;
}

nvrtcResult give_size(size_t *size, const std::string &what) {
  *size = what.size();
  return NVRTC_SUCCESS;
}
nvrtcResult give(char *to, const std::string &what) {
  std::memcpy(to, what.data(), what.size());
  return NVRTC_SUCCESS;
}

}  // namespace

extern "C" {

nvrtcResult nvrtcVersion(int *major, int *minor) {
  const char *text = std::getenv("EMULATOR_NVRTC_VERSION");
  *major = 13;
  *minor = 0;
  if (text) std::sscanf(text, "%d.%d", major, minor);
  return NVRTC_SUCCESS;
}

const char *nvrtcGetErrorString(nvrtcResult result) {
  switch (result) {
    case NVRTC_SUCCESS: return "NVRTC_SUCCESS";
    case NVRTC_ERROR_OUT_OF_MEMORY: return "NVRTC_ERROR_OUT_OF_MEMORY";
    case NVRTC_ERROR_INVALID_INPUT: return "NVRTC_ERROR_INVALID_INPUT";
    case NVRTC_ERROR_INVALID_PROGRAM: return "NVRTC_ERROR_INVALID_PROGRAM";
    case NVRTC_ERROR_INVALID_OPTION: return "NVRTC_ERROR_INVALID_OPTION";
    case NVRTC_ERROR_COMPILATION: return "NVRTC_ERROR_COMPILATION";
    default: return "NVRTC_ERROR unknown";
  }
}

nvrtcResult nvrtcGetNumSupportedArchs(int *count) {
  *count = (int)known_archs().size();
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetSupportedArchs(int *archs) {
  for (int arch : known_archs()) *archs++ = arch;
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcCreateProgram(nvrtcProgram *made, const char *text, const char *name, int headers,
                               const char *const *, const char *const *) {
  if (!made || !text || headers) return NVRTC_ERROR_INVALID_INPUT;
  *made = new _nvrtcProgram{text, name ? name : "default_program", "", "", false};
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcDestroyProgram(nvrtcProgram *program) {
  delete *program;
  *program = nullptr;
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcCompileProgram(nvrtcProgram program, int count, const char *const *options) {
  const int arch = arch_of(count, options, &program->is_portable);
  if (!arch) return NVRTC_ERROR_INVALID_OPTION;
  std::string object;
  if (!emulator::compile_or_find(emulator::mutated(program->text), program->name, arch,
                                 is_observed(), &object, &program->log))
    return NVRTC_ERROR_COMPILATION;
  make_image(program, arch, object);
  return NVRTC_SUCCESS;
}

/* Logs and PTX end with a 0 that counts. */
nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram program, size_t *size) {
  *size = program->log.size() + 1;
  return NVRTC_SUCCESS;
}
nvrtcResult nvrtcGetProgramLog(nvrtcProgram program, char *log) {
  std::memcpy(log, program->log.c_str(), program->log.size() + 1);
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetCUBINSize(nvrtcProgram program, size_t *size) {
  return give_size(size, program->is_portable ? std::string() : program->image);
}
nvrtcResult nvrtcGetCUBIN(nvrtcProgram program, char *cubin) {
  return program->is_portable ? NVRTC_ERROR_INVALID_PROGRAM : give(cubin, program->image);
}
nvrtcResult nvrtcGetPTXSize(nvrtcProgram program, size_t *size) {
  return give_size(size, program->image);
}
nvrtcResult nvrtcGetPTX(nvrtcProgram program, char *ptx) { return give(ptx, program->image); }

}  // extern "C"
