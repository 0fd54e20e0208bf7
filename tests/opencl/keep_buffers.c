/* SPDX-License-Identifier: Apache-2.0 */
/* Oclgrind, whose buffers live on: linked before its library, of which this hides a function.
 *
 * What was written to a buffer, it forgets where the buffer has the number of a smaller one that
 * was released: all that is read there is called uninitialised. So none is. */
#include <stdint.h>

int32_t clReleaseMemObject(void *memory);

int32_t clReleaseMemObject(void *memory) {
  (void)memory;
  return 0;
}
