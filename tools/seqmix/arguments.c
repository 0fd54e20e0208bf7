/* SPDX-License-Identifier: Apache-2.0 */
#include "arguments.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void print_help(const tool_arguments *arguments) {
  printf("usage: %s %s\n\n", arguments->command, arguments->usage);
  for (int i = 0; i < arguments->option_count; i++) {
    const tool_option *option = &arguments->options[i];
    int used = printf("  %s%s%s", option->name, option->takes ? " " : "",
                      option->takes ? option->takes : "");
    printf("%*s%s\n", used < 30 ? 30 - used : 2, "", option->help);
  }
}

static tool_option *find(const tool_arguments *arguments, const char *name, size_t length) {
  for (int i = 0; i < arguments->option_count; i++) {
    tool_option *option = &arguments->options[i];
    if (strlen(option->name) == length && strncmp(option->name, name, length) == 0) return option;
  }
  return NULL;
}

static int wrong(const tool_arguments *arguments, const char *what, const char *word) {
  fprintf(stderr, "%s: %s '%s'; see %s --help\n", arguments->command, what, word,
          arguments->command);
  return 2;
}

/* Takes "--name value", "--name=value" or "--name"; says how many words that was, 0 if wrong. */
static int read_option(tool_arguments *arguments, int count, char **words) {
  const char *equals = strchr(words[0], '=');
  size_t length = equals ? (size_t)(equals - words[0]) : strlen(words[0]);
  tool_option *option = find(arguments, words[0], length);
  if (!option) return wrong(arguments, "there is no option", words[0]), 0;
  if (option->value) return wrong(arguments, "given twice:", option->name), 0;
  if (!option->takes) {
    if (equals) return wrong(arguments, "nothing can follow", option->name), 0;
    option->value = "";
    return 1;
  }
  if (equals) {
    option->value = equals + 1;
    return 1;
  }
  if (count < 2) return wrong(arguments, "something must follow", option->name), 0;
  option->value = words[1];
  return 2;
}

int arguments_read(tool_arguments *arguments, int count, char **words) {
  int given = 0, only_names = 0;
  for (int i = 0; i < count;) {
    const char *word = words[i];
    if (!only_names && (!strcmp(word, "--help") || !strcmp(word, "-h"))) {
      print_help(arguments);
      return -1;
    }
    if (!only_names && !strcmp(word, "--")) {
      only_names = 1;
      i++;
    } else if (!only_names && word[0] == '-' && word[1]) {
      int taken = read_option(arguments, count - i, words + i);
      if (!taken) return 2;
      i += taken;
    } else {
      if (given == arguments->name_count) return wrong(arguments, "one argument too many:", word);
      arguments->values[given++] = word;
      i++;
    }
  }
  if (given < arguments->name_count) {
    return wrong(arguments, "an argument is missing:", arguments->names[given]);
  }
  return 0;
}

const char *arguments_value(const tool_arguments *arguments, const char *name) {
  return find(arguments, name, strlen(name))->value;
}

static int no_value(const tool_arguments *arguments, const char *name, const char *must) {
  fprintf(stderr, "%s: %s is '%s'; it must be %s\n", arguments->command, name,
          arguments_value(arguments, name), must);
  return 2;
}

static int read_integer(const char *text, char end, int64_t *value, const char **rest) {
  char *stop;
  errno = 0;
  intmax_t number = strtoimax(text, &stop, 10);
  if (stop == text || *stop != end || errno || number < INT64_MIN || number > INT64_MAX) return 0;
  *value = number;
  *rest = stop;
  return 1;
}

int arguments_integer(const tool_arguments *arguments, const char *name, int64_t *value) {
  const char *text = arguments_value(arguments, name), *rest;
  if (!text || read_integer(text, 0, value, &rest)) return 0;
  return no_value(arguments, name, "a whole number");
}

int arguments_pair(const tool_arguments *arguments, const char *name, int64_t value[2]) {
  const char *text = arguments_value(arguments, name), *rest;
  if (!text) return 0;
  if (read_integer(text, ',', &value[0], &rest) && read_integer(rest + 1, 0, &value[1], &rest)) {
    return 0;
  }
  return no_value(arguments, name, "two whole numbers with a comma between them");
}

int arguments_real(const tool_arguments *arguments, const char *name, double *value) {
  const char *text = arguments_value(arguments, name);
  if (!text) return 0;
  char *stop;
  double number = strtod(text, &stop);
  if (stop == text || *stop) return no_value(arguments, name, "a number");
  *value = number;
  return 0;
}

int arguments_word(const tool_arguments *arguments, const char *name, const char *const *words,
                   int count, int *value) {
  const char *text = arguments_value(arguments, name);
  char list[256] = "";
  if (!text) return 0;
  for (int i = 0; i < count; i++) {
    if (strcmp(text, words[i]) == 0) {
      *value = i;
      return 0;
    }
    size_t used = strlen(list);
    snprintf(list + used, sizeof list - used, "%s%s",
             i == 0          ? ""
             : i + 1 < count ? ", "
                             : " or ",
             words[i]);
  }
  return no_value(arguments, name, list);
}
