/* SPDX-License-Identifier: Apache-2.0 */
/* The operator table, with what each backend at hand has for each operator. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seqmix/seqmix.h"
#include "tool.h"

static const struct {
  const char *name;
  const char *description;
} operators[] = {
#define SEQMIX_OPERATOR(name, NAME, tolerance, description) {#name, description},
#include "seqmix/operators.def"
#undef SEQMIX_OPERATOR
};

const char *tool_rest_of_variant(const char *variant, const char *name) {
  size_t length = strlen(name);
  return strncmp(variant, name, length) == 0 && strncmp(variant + length, "__", 2) == 0
             ? variant + length + 2
             : NULL;
}

/* The algorithm is what stands last in a name: <types>_<isa>_<algorithm>. */
static const char *algorithm_of(const char *rest) {
  const char *underscore = strrchr(rest, '_');
  return underscore ? underscore + 1 : rest;
}

/* Whether a variant before number `before` has the same algorithm. */
static int is_known(const seqmix_context *context, const char *name, int32_t before,
                    const char *algorithm) {
  for (int32_t i = 0; i < before; i++) {
    const char *rest = tool_rest_of_variant(seqmix_context_variant_name(context, i), name);
    if (rest && strcmp(algorithm_of(rest), algorithm) == 0) return 1;
  }
  return 0;
}

/* All that the device has for an operator; or the algorithms alone, which do not depend on the
 * instruction sets of the machine at hand. */
static void print_variants(const seqmix_context *context, const char *name, int only_algorithms) {
  int printed = 0;
  for (int32_t i = 0;; i++) {
    const char *variant = seqmix_context_variant_name(context, i);
    if (!variant) break;
    const char *rest = tool_rest_of_variant(variant, name);
    if (!rest || (only_algorithms && is_known(context, name, i, algorithm_of(rest)))) continue;
    printf("%s%s", printed++ ? ", " : "", only_algorithms ? algorithm_of(rest) : rest);
  }
  if (!printed) printf("not yet");
}

static void print_table(seqmix_context *const *contexts, int32_t count) {
  printf("| operator | computes |");
  for (int32_t c = 0; c < count; c++) {
    const char *device = seqmix_context_device(contexts[c]);
    printf(" %.*s |", (int)strcspn(device, ":"), device);
  }
  printf("\n|---|---|");
  for (int32_t c = 0; c < count; c++) printf("---|");
  printf("\n");
  for (size_t o = 0; o < sizeof operators / sizeof *operators; o++) {
    printf("| `seqmix_%s` | %s |", operators[o].name, operators[o].description);
    for (int32_t c = 0; c < count; c++) {
      printf(" ");
      print_variants(contexts[c], operators[o].name, 1);
      printf(" |");
    }
    printf("\n");
  }
}

static void print_list(seqmix_context *const *contexts, int32_t count) {
  for (size_t o = 0; o < sizeof operators / sizeof *operators; o++) {
    printf("%s: %s\n", operators[o].name, operators[o].description);
    for (int32_t c = 0; c < count; c++) {
      printf("  %-10s ", seqmix_context_device(contexts[c]));
      print_variants(contexts[c], operators[o].name, 0);
      printf("\n");
    }
  }
}

/* A context per backend: its first device stands for all. */
static int32_t open_backends(seqmix_context **contexts, int32_t most) {
  int32_t count = 0;
  for (int32_t i = 0; i < seqmix_device_count() && count < most; i++) {
    seqmix_device_info info = SEQMIX_DEVICE_INFO_INIT;
    if (seqmix_device_get_info(i, &info) || info.index != 0) continue;
    if (seqmix_context_create(&contexts[count], info.name)) {
      fprintf(stderr, "seqmix: %s\n", seqmix_last_error());
      continue;
    }
    count++;
  }
  return count;
}

/* By name: the order of devices is that of the machine. */
static int compare(const void *left, const void *right) {
  seqmix_context *const *a = left, *const *b = right;
  return strcmp(seqmix_context_device(*a), seqmix_context_device(*b));
}

int tool_operators(int count, char **words) {
  int markdown = count == 1 && strcmp(words[0], "--markdown") == 0;
  if (count > 0 && !markdown) {
    fprintf(stderr, "usage: seqmix operators [--markdown]\n");
    return 2;
  }
  seqmix_context *contexts[16];
  int32_t opened = open_backends(contexts, 16);
  qsort(contexts, (size_t)opened, sizeof *contexts, compare);
  if (markdown)
    print_table(contexts, opened);
  else
    print_list(contexts, opened);
  for (int32_t i = 0; i < opened; i++) seqmix_context_destroy(contexts[i]);
  return 0;
}
