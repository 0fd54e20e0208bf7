/* SPDX-License-Identifier: Apache-2.0 */
/* How a kernel text becomes a shared object. */
#ifndef SEQMIX_EMULATOR_COMPILE_H
#define SEQMIX_EMULATOR_COMPILE_H

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

namespace emulator {

/* A kernel's name, and its launch bound as it is written; where both lie in the text. */
struct kernel_head {
  std::string name, bound;
  size_t begin, end; /* of `__global__ __launch_bounds__(...)` */
};

/* The kernels of a text whose macros are expanded, other than those two words. */
std::vector<kernel_head> find_kernels(const std::string &text);

/* The text without the two words, its lines as they were, and an entry for each kernel. */
std::string with_entries(const std::string &text, const std::vector<kernel_head> &kernels);

/* False: the log says why. */
bool compile(const std::string &text, const std::string &name, int arch, bool is_observed,
             std::string *object, std::string *log);
/* The same, from the folder EMULATOR_CACHE if it was compiled before. */
bool compile_or_find(const std::string &text, const std::string &name, int arch, bool is_observed,
                     std::string *object, std::string *log);

/* The text as EMULATOR_MUTATE wants it, or as it is. */
std::string mutated(const std::string &text);

}  // namespace emulator

#endif
