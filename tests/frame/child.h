/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a function in a forked child, for what a process can do only once: reading the
 * environment, building the device list, dying. Check's assertions jump back into the test
 * runner, so a child must not use them: it returns a number, best through CHILD_EXPECT. */
#ifndef SEQMIX_TESTS_CHILD_H
#define SEQMIX_TESTS_CHILD_H

#include <stdio.h>

/* What became of a child: `code` is what its function returned (0 is well), or the negative
 * number of the signal that ended it; `text` is all it wrote to standard output and error. */
typedef struct child_result {
  int code;
  char text[1 << 15];
} child_result;

/* Runs function(arg) in a child, which has a minute. */
void child_run(child_result *result, int (*function)(void *arg), void *arg);

/* Ends the child's function with 1 unless `condition` holds, saying where and why. */
#define CHILD_EXPECT(condition)                                               \
  do {                                                                        \
    if (!(condition)) {                                                       \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      return 1;                                                               \
    }                                                                         \
  } while (0)

/* The same, with the library's error text. */
#define CHILD_EXPECT_OK(call)                                               \
  do {                                                                      \
    seqmix_status child_status = (call);                                    \
    if (child_status != SEQMIX_OK) {                                        \
      fprintf(stderr, "%s:%d: %s gave %s: %s\n", __FILE__, __LINE__, #call, \
              seqmix_status_name(child_status), seqmix_last_error());       \
      return 1;                                                             \
    }                                                                       \
  } while (0)

#endif
