/* SPDX-License-Identifier: Apache-2.0 */
/* `seqmix run linear_recurrence`. */
#include "run.h"

int run_linear_recurrence(int count, char **words) {
  (void)count, (void)words;
  fputs("seqmix run linear_recurrence: not built yet\n", stderr);
  return 2;
}
