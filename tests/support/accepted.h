/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that a device under test may refuse: not every device has every operator and option. */
#ifndef SEQMIX_TESTS_ACCEPTED_H
#define SEQMIX_TESTS_ACCEPTED_H

#include <string.h>

#include <seqmix/types.h>

#include "suite.h"

/* Whether the device under test may answer UNSUPPORTED to a legal call; the CPU may not. */
static inline int may_refuse(void) { return strcmp(suite_device(), "cpu") != 0; }

/* Ends the running test: as skipped, if the device may refuse and did; as failed, if the call
 * failed otherwise. */
static inline void assert_accepted(seqmix_status status, const char *name) {
  if (status == SEQMIX_ERROR_UNSUPPORTED && may_refuse()) suite_leave("%s", seqmix_last_error());
  ck_assert_msg(status == SEQMIX_OK, "%s: %s", name, seqmix_last_error());
}

#endif
