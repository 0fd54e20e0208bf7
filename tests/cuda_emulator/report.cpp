/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a kernel, and where in kernels/. */
#include <dlfcn.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <map>

#include "engine.h"

namespace emulator {

bool is_failed;

namespace {

void print(const char *format, va_list rest) {
  is_failed = true;
  std::fprintf(stderr, "cuda emulator: kernel %s: ", running ? running->kernel->name : "(none)");
  std::vfprintf(stderr, format, rest);
  std::fputc('\n', stderr);
}

/* addr2line's lines of an address, innermost first. */
std::vector<std::string> frames_of(const void *pc) {
  std::vector<std::string> frames;
  Dl_info info;
  if (!dladdr(pc, &info) || !info.dli_fname) return frames;
  /* The call lies before what it returns to. */
  const unsigned long offset = (unsigned long)((const char *)pc - 1 - (const char *)info.dli_fbase);
  const char *self = "/proc/self/";
  std::string file = info.dli_fname;
  if (file.compare(0, std::strlen(self), self) == 0)
    file = "/proc/" + std::to_string(getpid()) + "/" + file.substr(std::strlen(self));
  char command[512];
  std::snprintf(command, sizeof command, "addr2line -i -e %s 0x%lx 2>/dev/null", file.c_str(),
                offset);
  std::FILE *out = popen(command, "r");
  if (!out) return frames;
  char line[1024];
  while (std::fgets(line, sizeof line, out)) frames.emplace_back(line, std::strcspn(line, " \n"));
  pclose(out);
  return frames;
}

/* Lines of kernels/ alone; the rest is the emulator's. */
std::string described(const std::vector<std::string> &frames) {
  std::string inner, outer;
  for (const std::string &frame : frames) {
    const size_t at = frame.rfind("kernels/");
    if (at == std::string::npos) continue;
    if (inner.empty()) inner = frame.substr(at);
    outer = frame.substr(at);
  }
  if (inner.empty()) return frames.empty() ? "an unknown line" : frames[0];
  return inner == outer ? inner : inner + " from " + outer;
}

}  // namespace

std::string line_of(const void *pc) {
  static std::map<std::pair<const void *, const void *>, std::string> known;
  const auto key = std::make_pair(running ? running->program : nullptr, pc);
  const auto found = known.find(key);
  if (found != known.end()) return found->second;
  return known[key] = described(frames_of(pc));
}

void report(const char *format, ...) {
  va_list rest;
  va_start(rest, format);
  print(format, rest);
  va_end(rest);
}

void stop(const char *format, ...) {
  va_list rest;
  va_start(rest, format);
  print(format, rest);
  va_end(rest);
  leave();
}

}  // namespace emulator
