/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/operator_cases.h"

#include <stdlib.h>
#include <string.h>

static const struct {
  const char *name;
  const operator_cases *cases;
} rows[SEQMIX_OPERATOR_COUNT] = {
#define SEQMIX_OPERATOR(name, NAME, tolerance, description) \
  [SEQMIX_OP_##NAME] = {#name, &name##_cases},
#include <seqmix/operators.def>
#undef SEQMIX_OPERATOR
};

const operator_cases *operator_cases_of(seqmix_operator op) { return rows[op].cases; }

const char *operator_cases_operator(seqmix_operator op) { return rows[op].name; }

/* Random cases end in their number. */
static int find_random(const operator_cases *cases, const char *name) {
  char found[CASE_NAME];
  const char *digits = strrchr(name, '_');
  long number = digits ? strtol(digits + 1, NULL, 10) : -1;
  if (!cases->full || number < 0 || number > 100000000) return -1;
  int index = cases->named() + (int)number;
  cases->name(index, found);
  return strcmp(found, name) == 0 ? index : -1;
}

int operator_cases_find(const operator_cases *cases, const char *name) {
  char found[CASE_NAME];
  for (int i = 0; i < cases->named(); i++) {
    cases->name(i, found);
    if (strcmp(found, name) == 0) return i;
  }
  return find_random(cases, name);
}
