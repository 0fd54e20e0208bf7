/* SPDX-License-Identifier: Apache-2.0 */
/* Programs kept between processes, in the folder EMULATOR_CACHE: for tests that run many of them
 * and change a text in each, where seqmix's own cache would mistake one for another. What is kept
 * follows from the text alone: another emulator wants another folder. */
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "compile.h"
#include "driver.h"

namespace emulator {
namespace {

std::string path_of(const char *folder, const std::string &text, const std::string &name, int arch,
                    bool is_observed) {
  const std::string all =
      name + "\n" + std::to_string(arch) + (is_observed ? " observed\n" : "\n") + text;
  char number[32];
  std::snprintf(number, sizeof(number), "%016llx",
                (unsigned long long)hash_of(all.data(), all.size()));
  return std::string(folder) + "/" + number + ".so";
}

bool read_kept(const std::string &path, std::string *object) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return false;
  std::ostringstream all;
  all << file.rdbuf();
  *object = all.str();
  return !object->empty();
}

/* Whole or not at all, as others may look for it. */
void keep(const std::string &path, const std::string &object) {
  const std::string part = path + "." + std::to_string(getpid());
  std::ofstream file(part, std::ios::binary);
  file << object;
  file.close();
  if (!file || std::rename(part.c_str(), path.c_str()) != 0) std::remove(part.c_str());
}

}  // namespace

bool compile_or_find(const std::string &text, const std::string &name, int arch, bool is_observed,
                     std::string *object, std::string *log) {
  const char *folder = std::getenv("EMULATOR_CACHE");
  if (!folder || !*folder) return compile(text, name, arch, is_observed, object, log);
  const std::string path = path_of(folder, text, name, arch, is_observed);
  if (read_kept(path, object)) return true;
  if (!compile(text, name, arch, is_observed, object, log)) return false;
  keep(path, *object);
  return true;
}

}  // namespace emulator
