/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of every operator, for whoever wants to run them all: a row of operators.def needs a
 * `const operator_cases <name>_cases` beside its tensors here, or nothing that judges links. */
#ifndef SEQMIX_VERIFY_OPERATOR_CASES_H
#define SEQMIX_VERIFY_OPERATOR_CASES_H

#include "verify/check_everywhere.h"
#include "verify/random.h"

/* Room for the name of a case. */
#define CASE_NAME 64

/* Cases are numbered: the named ones, then random ones, of which there are any number. */
typedef struct operator_cases {
  int (*named)(void);
  int quick, full; /* random cases that `seqmix verify` takes at its levels; 0: there are none */
  void (*name)(int index, char name[CASE_NAME]);
  /* Draws a case, by the seed and its name alone, and runs check_everywhere() on it. */
  void (*check)(test_report *report, int index, uint64_t seed, check_record *record);
} operator_cases;

const operator_cases *operator_cases_of(seqmix_operator op);
const char *operator_cases_operator(seqmix_operator op);

/* The number of the case of this name, or -1. */
int operator_cases_find(const operator_cases *cases, const char *name);

#define SEQMIX_OPERATOR(name, NAME, tolerance, description) \
  extern const operator_cases name##_cases;
#include <seqmix/operators.def>
#undef SEQMIX_OPERATOR

#endif
