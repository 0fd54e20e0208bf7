/* SPDX-License-Identifier: Apache-2.0 */
/* seqmix: the library from the command line. */
#include <stdio.h>
#include <string.h>

#include "seqmix/seqmix.h"
#include "tool.h"

static int tool_version(int count, char **words) {
  (void)count;
  (void)words;
  printf("seqmix %s (API %d)\n", seqmix_version(), seqmix_api_version());
  return 0;
}

static const struct {
  const char *name, *takes, *help;
  int (*run)(int count, char **words);
} commands[] = {
    {"devices", "", "lists the devices this machine has", tool_devices},
    {"operators", "[--markdown]", "lists the operators and what each backend has for them",
     tool_operators},
    {"pack", "[options]", "compiles kernels for CUDA devices ahead", tool_pack},
    {"run", "OPERATOR FILES...", "calls an operator on .npy files", tool_run},
    {"verify", "[options]", "compares a device with `reference`, on this machine", tool_verify},
    {"version", "", "prints the version", tool_version},
};

static int print_usage(FILE *file) {
  fputs("usage: seqmix <command>\n\n", file);
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    fprintf(file, "  seqmix %-9s %-17s  %s\n", commands[i].name, commands[i].takes,
            commands[i].help);
  return file == stdout ? 0 : 2;
}

int main(int count, char **words) {
  if (count < 2) return print_usage(stderr);
  if (!strcmp(words[1], "--help") || !strcmp(words[1], "help")) return print_usage(stdout);
  if (!strcmp(words[1], "--version")) return tool_version(0, NULL);
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    if (!strcmp(words[1], commands[i].name)) return commands[i].run(count - 2, words + 2);
  fprintf(stderr, "seqmix: there is no command '%s'\n\n", words[1]);
  return print_usage(stderr);
}
