/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/memory.h"

#include <stdio.h>
#include <stdlib.h>

void *memory_new(uint64_t bytes) {
  void *memory = bytes > SIZE_MAX ? NULL : calloc(1, bytes ? (size_t)bytes : 1);
  if (!memory) {
    fprintf(stderr, "out of memory: %llu bytes are needed\n", (unsigned long long)bytes);
    exit(3);
  }
  return memory;
}
