/* SPDX-License-Identifier: Apache-2.0 */
/* `seqmix run prefix_scan`. */
#include "run.h"

int run_prefix_scan(int count, char **words) {
  (void)count, (void)words;
  fputs("seqmix run prefix_scan: not built yet\n", stderr);
  return 2;
}
