/* SPDX-License-Identifier: Apache-2.0 */
/* `seqmix run causal_conv1d`. */
#include "run.h"

int run_causal_conv1d(int count, char **words) {
  (void)count, (void)words;
  fputs("seqmix run causal_conv1d: not built yet\n", stderr);
  return 2;
}
