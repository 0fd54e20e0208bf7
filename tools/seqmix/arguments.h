/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of a subcommand. Whatever is wrong with it is said on standard error. */
#ifndef SEQMIX_ARGUMENTS_H
#define SEQMIX_ARGUMENTS_H

#include <stdint.h>
#include <stdio.h>

/* An option a command knows. */
typedef struct tool_option {
  const char *name;  /* "--window" */
  const char *takes; /* what follows it, for the help: "L,R"; NULL: nothing does */
  const char *help;
  const char *value; /* set by arguments_read(): what followed, "" if nothing does; NULL: absent */
} tool_option;

typedef struct tool_arguments {
  const char *command; /* "seqmix verify": how messages begin */
  const char *usage;   /* what follows the command on its first line of help */
  tool_option *options;
  int option_count;
  const char *const *names; /* of the arguments that are no options, in order */
  int name_count;
  const char *values[8]; /* set by arguments_read(), for each name */
} tool_arguments;

/* Reads the command line. Returns 0; or 2 if it is wrong; or -1 after --help, which it prints. */
int arguments_read(tool_arguments *arguments, int count, char **words);

/* The value of an option, or NULL. The option must be in the table. */
const char *arguments_value(const tool_arguments *arguments, const char *name);

/* Numbers of options that were given: 0, or 2 if the text is none. Untouched if not given. */
int arguments_integer(const tool_arguments *arguments, const char *name, int64_t *value);
int arguments_pair(const tool_arguments *arguments, const char *name, int64_t value[2]);
int arguments_real(const tool_arguments *arguments, const char *name, double *value);
/* One of several words; its number among them. */
int arguments_word(const tool_arguments *arguments, const char *name, const char *const *words,
                   int count, int *value);

#endif
