/* SPDX-License-Identifier: Apache-2.0 */
/* A text with one line changed, by EMULATOR_MUTATE="kernels/FILE:LINE:OLD=>NEW": where that line of
 * that file is in the text, and holds OLD, it holds NEW instead. Lines are counted from where
 * `#line` says they begin. */
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "compile.h"

namespace emulator {
namespace {

struct mutation {
  std::string file, before, after;
  int line = 0;
};

/* False: what is asked for is not in that form. */
bool parse(const std::string &words, mutation *m) {
  const size_t file = words.find(':'), line = words.find(':', file + 1), to = words.find("=>");
  if (line == std::string::npos || to == std::string::npos || to < line) return false;
  m->file = words.substr(0, file);
  m->line = std::atoi(words.c_str() + file + 1);
  m->before = words.substr(line + 1, to - line - 1);
  m->after = words.substr(to + 2);
  return m->line > 0 && !m->before.empty();
}

/* What the next line is, if this one says so. */
bool is_line_mark(const std::string &line, std::string *file, int *number) {
  char name[256];
  if (std::sscanf(line.c_str(), "#line %d \"%255[^\"]\"", number, name) != 2) return false;
  *file = name;
  return true;
}

std::string mutated_by(const std::string &text, const mutation &m) {
  std::string out, file;
  int number = 0;
  for (size_t at = 0, end; at < text.size(); at = end + 1) {
    end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    const bool is_mark = is_line_mark(line, &file, &number);
    const size_t found =
        number == m.line && file == m.file ? line.find(m.before) : std::string::npos;
    if (!is_mark && found != std::string::npos) line.replace(found, m.before.size(), m.after);
    number += !is_mark;
    out += line + "\n";
  }
  return out;
}

}  // namespace

std::string mutated(const std::string &text) {
  const char *words = std::getenv("EMULATOR_MUTATE");
  if (!words || !*words) return text;
  mutation m;
  if (parse(words, &m)) return mutated_by(text, m);
  std::fprintf(stderr, "cuda emulator: EMULATOR_MUTATE is not FILE:LINE:OLD=>NEW\n");
  return text;
}

}  // namespace emulator
