/* SPDX-License-Identifier: Apache-2.0 */
#include "verify_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

extern char **environ;

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

void report_system(void) {
  struct utsname system;
  printf("seqmix %s (API %d), built with %s\n", seqmix_version(), seqmix_api_version(), COMPILER);
  if (uname(&system) >= 0) {
    printf("system: %s %s, %s\n", system.sysname, system.release, system.machine);
  }
  for (char **variable = environ; *variable; variable++) {
    if (strncmp(*variable, "SEQMIX_", 7) == 0) printf("environment: %s\n", *variable);
  }
}

void report_device(const char *name) {
  for (int32_t i = 0; i < seqmix_device_count(); i++) {
    seqmix_device_info info = SEQMIX_DEVICE_INFO_INIT;
    if (seqmix_device_get_info(i, &info) || strcmp(info.name, name) != 0) continue;
    printf("device: %s: %s; %d units\n", info.name, info.description, info.compute_units);
  }
}

/* Of the first column: names of variants begin two in. */
enum { NAME_COLUMNS = 42 };

static void print_tally(const char *name, const check_tally *tally) {
  printf("  %-*s %8d %8d %7d", NAME_COLUMNS - 2, name, tally->accepted, tally->refused,
         tally->missed);
  for (int type = 0; type < CHECK_TYPES; type++) {
    char share[32] = "-";
    if (tally->types[type].accepted) {
      snprintf(share, sizeof share, "%.1f%%", 100 * tally->types[type].share);
    }
    printf(" %8s", share);
  }
  printf("\n");
}

static const char *variant_of(seqmix_operator op, int index) {
  const char *variant = seqmix_context_variant_name(device_under_test(DEVICE_ONE_THREAD), index);
  return variant && check_is_variant_of(op, variant) ? variant : NULL;
}

int report_has_operator(seqmix_operator op) {
  for (int i = 0; i < CHECK_VARIANTS; i++) {
    if (variant_of(op, i)) return 1;
  }
  return 0;
}

static void print_operator(seqmix_operator op, const check_record *record) {
  if (!report_has_operator(op)) {
    printf("%s: not on this device\n", operator_cases_operator(op));
    return;
  }
  printf("%s\n", operator_cases_operator(op));
  print_tally("by its own choice", &record->own);
  for (int i = 0; i < CHECK_VARIANTS; i++) {
    if (variant_of(op, i)) print_tally(variant_of(op, i), &record->variants[i]);
  }
}

static int has_level(const seqmix_context *context, const char *level, size_t length) {
  const char *variant, *at;
  for (int i = 0; (variant = seqmix_context_variant_name(context, i)) != NULL; i++) {
    for (at = strchr(variant, '_'); at; at = strchr(at + 1, '_')) {
      if (strncmp(at + 1, level, length) == 0 && at[1 + length] == '_') return 1;
    }
  }
  return 0;
}

/* The levels of the CPU device's code that it has no variants of, if that is the device. */
static void print_absent_levels(const seqmix_context *context) {
  if (strcmp(seqmix_context_device(context), "cpu") != 0) return;
  for (const char *level = SEQMIX_CPU_LEVELS; *level;) {
    size_t length = strcspn(level, " ");
    if (!has_level(context, level, length)) {
      printf("%.*s variants: not on this processor%s\n", (int)length, level,
             getenv("SEQMIX_CPU_ISA") ? ", or kept out by SEQMIX_CPU_ISA" : "");
    }
    level += length + (level[length] == ' ');
  }
}

void report_table(const check_record records[SEQMIX_OPERATOR_COUNT], int only) {
  printf("\n%*s    largest error / allowed\n", NAME_COLUMNS + 26, "");
  printf("%-*s %8s %8s %7s %8s %8s %8s\n", NAME_COLUMNS, "operator, variant", "accepted", "refused",
         "misses", "f32", "f16", "bf16");
  for (int op = 0; op < SEQMIX_OPERATOR_COUNT; op++) {
    if (only < 0 || op == only) print_operator((seqmix_operator)op, &records[op]);
  }
  print_absent_levels(device_under_test(DEVICE_ONE_THREAD));
}
