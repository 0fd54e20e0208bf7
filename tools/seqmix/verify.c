/* SPDX-License-Identifier: Apache-2.0 */
/* `seqmix verify`: what the test suites do to a device, on the user's own machine. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "tool.h"
#include "verify_report.h"

/* Missed cases that are printed of each operator. */
#define SHOWN 10

/* What the command line asks for. */
typedef struct verification {
  const char *device;
  int op; /* -1: all */
  int full;
  const char *one_case; /* NULL: all */
  int64_t seed;
} verification;

static void show_progress(seqmix_operator op, int done, int count) {
  if (!isatty(STDERR_FILENO)) return;
  if (done == count) {
    fprintf(stderr, "\r%40s\r", "");
  } else if (done % 10 == 0) {
    fprintf(stderr, "\r%s: %d of %d", operator_cases_operator(op), done, count);
  }
}

/* Runs one case; prints what it missed. Returns whether it did. */
static int check_case(const verification *v, seqmix_operator op, int index, int shown,
                      check_record *record) {
  const operator_cases *cases = operator_cases_of(op);
  test_report report = {0};
  cases->check(&report, index, (uint64_t)v->seed, record);
  if (!report.faults) return 0;
  if (shown < SHOWN) {
    char name[CASE_NAME];
    cases->name(index, name);
    printf("\nMISS: --operator %s --case %s --seed %lld: %d faults\n%s",
           operator_cases_operator(op), name, (long long)v->seed, report.faults, report.text);
  } else if (shown == SHOWN) {
    printf("\nMISS: more cases, which are not shown\n");
  }
  return 1;
}

/* Returns how many cases were missed, plus how many variants took none: those are not verified. */
static int check_operator(const verification *v, seqmix_operator op, check_record *record) {
  const operator_cases *cases = operator_cases_of(op);
  int first = 0, end = cases->named() + (v->full ? cases->full : cases->quick), missed = 0;
  if (v->one_case) {
    first = operator_cases_find(cases, v->one_case);
    end = first + 1;
    if (first < 0) return 0;
  }
  record->may_refuse = 1; /* a device is judged by what it takes */
  for (int i = first; i < end; i++) {
    show_progress(op, i - first, end - first);
    missed += check_case(v, op, i, missed, record);
  }
  show_progress(op, 1, 1);
  if (v->one_case) return missed;
  test_report unused = {0};
  check_variants_used(&unused, op, record);
  printf("%s", unused.text);
  return missed + unused.faults;
}

/* Checks one device; returns the number of misses, or -1 if it cannot be used. */
static int check_device(const verification *v, const char *name) {
  static check_record records[SEQMIX_OPERATOR_COUNT];
  memset(records, 0, sizeof records);
  devices_choose(name);
  devices_open();
  const char *trouble = devices_failure() ? devices_failure() : devices_missing();
  int missed = trouble ? -1 : 0;
  if (trouble) {
    fprintf(stderr, "seqmix verify: %s\n", trouble);
  } else {
    report_device(seqmix_context_device(device_under_test(0)));
    for (int op = 0; op < SEQMIX_OPERATOR_COUNT; op++) {
      if ((v->op >= 0 && op != v->op) || !report_has_operator((seqmix_operator)op)) continue;
      missed += check_operator(v, (seqmix_operator)op, &records[op]);
    }
    report_table(records, v->op);
  }
  devices_close();
  return missed;
}

/* "all" is every device but the judge. */
static int check_devices(const verification *v) {
  if (strcmp(v->device, "all") != 0) return check_device(v, v->device);
  int missed = 0;
  for (int32_t i = 0; i < seqmix_device_count(); i++) {
    seqmix_device_info info = SEQMIX_DEVICE_INFO_INIT;
    if (seqmix_device_get_info(i, &info) || strcmp(info.name, "reference") == 0) continue;
    int of_device = check_device(v, info.name);
    missed = of_device < 0 || missed < 0 ? -1 : missed + of_device;
    printf("\n");
  }
  return missed;
}

/* ---- the command line ------------------------------------------------------------------------
 */

static int read_operator(const tool_arguments *arguments, verification *v) {
  const char *words[SEQMIX_OPERATOR_COUNT];
  for (int op = 0; op < SEQMIX_OPERATOR_COUNT; op++) {
    words[op] = operator_cases_operator((seqmix_operator)op);
  }
  return arguments_word(arguments, "--operator", words, SEQMIX_OPERATOR_COUNT, &v->op);
}

/* A name that no operator's cases have is a mistake. */
static int read_case(const tool_arguments *arguments, verification *v) {
  v->one_case = arguments_value(arguments, "--case");
  if (!v->one_case) return 0;
  for (int op = 0; op < SEQMIX_OPERATOR_COUNT; op++) {
    if ((v->op < 0 || op == v->op) &&
        operator_cases_find(operator_cases_of((seqmix_operator)op), v->one_case) >= 0) {
      return 0;
    }
  }
  fprintf(stderr, "seqmix verify: there is no case '%s'\n", v->one_case);
  return 2;
}

static int read_options(const tool_arguments *arguments, verification *v) {
  static const char *const levels[] = {"quick", "full"};
  int wrong = arguments_word(arguments, "--level", levels, 2, &v->full);
  if (!wrong) wrong = arguments_integer(arguments, "--seed", &v->seed);
  if (!wrong) wrong = read_operator(arguments, v);
  if (!wrong) wrong = read_case(arguments, v);
  if (arguments_value(arguments, "--device")) v->device = arguments_value(arguments, "--device");
  return wrong;
}

int tool_verify(int count, char **words) {
  tool_option options[] = {
      {"--device", "NAME", "as `seqmix devices` has it, auto (the default) or all", NULL},
      {"--operator", "NAME", "only this operator", NULL},
      {"--level", "quick|full", "named cases and few random ones (the default), or many", NULL},
      {"--case", "NAME", "only this case, to repeat a miss", NULL},
      {"--seed", "NUMBER", "another seed for everything that is random", NULL},
  };
  tool_arguments arguments = {.command = "seqmix verify",
                              .usage = "[options]: compares a device's variants with `reference`",
                              .options = options,
                              .option_count = sizeof options / sizeof *options};
  verification v = {.device = "auto", .op = -1, .seed = (int64_t)RANDOM_DEFAULT_SEED};
  int wrong = arguments_read(&arguments, count, words);
  if (!wrong) wrong = read_options(&arguments, &v);
  if (wrong) return wrong < 0 ? 0 : wrong;
  setvbuf(stdout, NULL, _IOLBF, 0);
  report_system();
  printf("level: %s, seed %lld\n", v.full ? "full" : "quick", (long long)v.seed);
  unsetenv("SEQMIX_VARIANT"); /* variants are forced in turn */
  int missed = check_devices(&v);
  printf("%s\n", missed < 0    ? "not verified"
                 : missed == 0 ? "verified: no misses"
                               : "NOT verified: there are misses");
  return missed == 0 ? 0 : 1;
}
