/* SPDX-License-Identifier: Apache-2.0 */
/* A stand-in for libnvrtc: g++ makes a shared object of a kernel text behind prelude.h. */
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "compile.h"

extern char **environ;

namespace emulator {
namespace {

/* A folder that goes with what is in it. */
struct folder {
  folder() {
    const char *parent = std::getenv("TMPDIR");
    path = std::string(parent && *parent ? parent : "/tmp") + "/cuda_emulator_XXXXXX";
    is_made = mkdtemp(&path[0]) != nullptr;
  }
  ~folder() {
    for (const char *name : {"text.cpp", "plain.cpp", "program.so", "log"})
      unlink((path + "/" + name).c_str());
    rmdir(path.c_str());
  }
  std::string path;
  bool is_made;
};

std::string contents(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream all;
  all << file.rdbuf();
  return all.str();
}

void write_file(const std::string &path, const std::string &text) {
  std::ofstream(path, std::ios::binary) << text;
}

/* Runs the compiler with what it says in a file; 0: it was content. */
int run(const std::vector<std::string> &words, const std::string &log) {
  std::vector<char *> arguments;
  for (const std::string &word : words) arguments.push_back(const_cast<char *>(word.c_str()));
  arguments.push_back(nullptr);
  /* Tools of the host's are not to be loaded into it. */
  std::vector<char *> variables;
  for (char **v = environ; *v; v++)
    if (std::strncmp(*v, "LD_PRELOAD=", 11) != 0) variables.push_back(*v);
  variables.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 2, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  pid_t child;
  const int failed =
      posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed) return failed;
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return errno;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The processor's own instructions would save little, and bind what is kept to it. */
std::vector<std::string> flags(bool is_observed) {
  std::vector<std::string> words = {"-std=c++17",
                                    "-O1",
                                    "-g1",
                                    "-gdwarf-4",
                                    "-fPIC",
                                    "-w",
                                    "-fno-strict-aliasing",
                                    "-ffp-contract=off",
                                    "-fno-exceptions",
                                    "-fno-asynchronous-unwind-tables",
                                    "-fno-gnu-unique",
                                    "-ftrivial-auto-var-init=pattern"};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    words.insert(words.end(), {"-mavx2", "-mfma"});
  if (is_observed)
    words.insert(
        words.end(),
        {"-fsanitize=thread", "--param=tsan-instrument-func-entry-exit=0",
         "-fsanitize=alignment,bounds",
         "-Wl,--wrap=__ubsan_handle_type_mismatch_v1,--wrap=__ubsan_handle_out_of_bounds"});
  return words;
}

void append(std::vector<std::string> *to, const std::vector<std::string> &words) {
  to->insert(to->end(), words.begin(), words.end());
}

}  // namespace

bool compile(const std::string &text, const std::string &name, int arch, bool is_observed,
             std::string *object, std::string *log) {
  const char *wanted = std::getenv("EMULATOR_CXX");
  const std::string compiler = wanted && *wanted ? wanted : EMULATOR_COMPILER;
  const folder f;
  if (!f.is_made) {
    *log = "no folder for temporary files";
    return false;
  }
  const std::string in = f.path + "/text.cpp", plain = f.path + "/plain.cpp",
                    out = f.path + "/program.so", said = f.path + "/log";
  write_file(in, "#define CUDA_EMULATOR 1\n#define __CUDACC_RTC__ 1\n#define __CUDA_ARCH__ " +
                     std::to_string(arch * 10) + "\n#include \"" EMULATOR_PRELUDE "\"\n#line 1 \"" +
                     name + "\"\n" + text);
  std::vector<std::string> words = {compiler, "-E", "-std=c++17", "-w", "-o", plain, in};
  bool is_made = run(words, said) == 0;
  if (is_made) {
    const std::string expanded = contents(plain);
    const std::vector<kernel_head> kernels = find_kernels(expanded);
    write_file(plain, with_entries(expanded, kernels));
    words = {compiler};
    append(&words, flags(is_observed));
    append(&words, {"-fpreprocessed", "-shared", "-nostdlib", "-o", out, plain});
    is_made = run(words, said) == 0;
  }
  *log = contents(said);
  if (is_made) *object = contents(out);
  return is_made;
}

}  // namespace emulator
