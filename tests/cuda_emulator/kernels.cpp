/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of a text: a program has an entry for each, that knows its parameters. */
#include <cctype>

#include "compile.h"

namespace emulator {
namespace {

const char GLOBAL_WORD[] = "__global__", BOUNDS_WORD[] = "__launch_bounds__";

size_t skip_space(const std::string &text, size_t at) {
  while (at < text.size() && std::isspace((unsigned char)text[at])) at++;
  return at;
}

/* Behind the parenthesis that closes the one at `at`. */
size_t behind_parentheses(const std::string &text, size_t at) {
  int depth = 0;
  do {
    if (text[at] == '(') depth++;
    if (text[at] == ')') depth--;
    at++;
  } while (depth > 0 && at < text.size());
  return at;
}

/* The first argument in parentheses. */
std::string first_argument(const std::string &text, size_t open, size_t end) {
  int depth = 0;
  for (size_t i = open + 1; i < end - 1; i++) {
    if (text[i] == '(') depth++;
    if (text[i] == ')') depth--;
    if (text[i] == ',' && depth == 0) return text.substr(open + 1, i - open - 1);
  }
  return text.substr(open + 1, end - open - 2);
}

/* The name before the parenthesis of the parameters. */
std::string name_behind(const std::string &text, size_t at) {
  size_t end = text.find('(', at);
  if (end == std::string::npos) return "";
  while (end > at && std::isspace((unsigned char)text[end - 1])) end--;
  size_t begin = end;
  while (begin > at && (std::isalnum((unsigned char)text[begin - 1]) || text[begin - 1] == '_'))
    begin--;
  return text.substr(begin, end - begin);
}

std::string entry_of(const kernel_head &head) {
  const std::string signature = "emulator_signature<decltype(&" + head.name + ")>";
  return "extern \"C\" __attribute__((visibility(\"default\"), used)) const emulator_kernel "
         "emulator_kernel_" +
         head.name + " = {\"" + head.name + "\", (" + head.bound + "), " + signature + "::count, " +
         signature + "::bytes, emulator_call_of<&" + head.name + ">};\n";
}

}  // namespace

std::vector<kernel_head> find_kernels(const std::string &text) {
  std::vector<kernel_head> found;
  for (size_t at = text.find(GLOBAL_WORD); at != std::string::npos;
       at = text.find(GLOBAL_WORD, at)) {
    kernel_head head = {"", "1024", at, at + sizeof GLOBAL_WORD - 1};
    const size_t bounds = skip_space(text, head.end);
    if (text.compare(bounds, sizeof BOUNDS_WORD - 1, BOUNDS_WORD) == 0) {
      const size_t open = text.find('(', bounds);
      head.end = behind_parentheses(text, open);
      head.bound = first_argument(text, open, head.end);
    }
    head.name = name_behind(text, head.end);
    at = head.end;
    found.push_back(head);
  }
  return found;
}

std::string with_entries(const std::string &text, const std::vector<kernel_head> &kernels) {
  std::string out = text;
  for (const kernel_head &head : kernels) {
    for (size_t i = head.begin; i < head.end; i++)
      if (out[i] != '\n') out[i] = ' ';
  }
  for (const kernel_head &head : kernels) out += entry_of(head);
  return out;
}

}  // namespace emulator
