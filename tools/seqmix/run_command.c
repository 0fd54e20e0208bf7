/* SPDX-License-Identifier: Apache-2.0 */
/* `seqmix run`: finds the operator. */
#include <string.h>

#include "run.h"
#include "tool.h"

static const struct {
  const char *name;
  int (*run)(int count, char **words);
} operators[] = {
#define SEQMIX_OPERATOR(name, NAME, tolerance, description) {#name, run_##name},
#include <seqmix/operators.def>
#undef SEQMIX_OPERATOR
};
enum { OPERATORS = sizeof operators / sizeof *operators };

static void print_usage(FILE *file) {
  fputs("usage: seqmix run OPERATOR FILES... -o FILE [options]\n\n", file);
  for (int i = 0; i < OPERATORS; i++) {
    fprintf(file, "  seqmix run %s --help\n", operators[i].name);
  }
}

int tool_run(int count, char **words) {
  if (count > 0 && (!strcmp(words[0], "--help") || !strcmp(words[0], "-h"))) {
    print_usage(stdout);
    return 0;
  }
  for (int i = 0; i < OPERATORS && count > 0; i++) {
    if (!strcmp(words[0], operators[i].name)) return operators[i].run(count - 1, words + 1);
  }
  if (count > 0) fprintf(stderr, "seqmix run: there is no operator '%s'\n\n", words[0]);
  print_usage(stderr);
  return 2;
}
