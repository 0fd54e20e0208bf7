/* SPDX-License-Identifier: Apache-2.0 */
/* `seqmix run selective_scan`. */
#include "run.h"

int run_selective_scan(int count, char **words) {
  (void)count, (void)words;
  fputs("seqmix run selective_scan: not built yet\n", stderr);
  return 2;
}
