/* SPDX-License-Identifier: Apache-2.0 */
/* The suites of all operators. Each row of operators.def needs a function suite_<name>() that
 * adds its tests: an operator without one is an undefined symbol, and this program, and with it
 * the build, fails. */
#include <seqmix/backend.h>

#include "support/suite.h"

#define SEQMIX_OPERATOR(name, NAME, tolerance, description) void suite_##name(Suite *suite);
#include <seqmix/operators.def>
#undef SEQMIX_OPERATOR

Suite *suite_make(void) {
  Suite *suite = suite_create("operators");
#define SEQMIX_OPERATOR(name, NAME, tolerance, description) suite_##name(suite);
#include <seqmix/operators.def>
#undef SEQMIX_OPERATOR
  return suite;
}
