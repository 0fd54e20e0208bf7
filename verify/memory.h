/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEQMIX_VERIFY_MEMORY_H
#define SEQMIX_VERIFY_MEMORY_H

#include <stdint.h>

/* Zeroed memory, to be freed with free(); never NULL. A judge without memory cannot judge: it says
 * so on standard error and the program ends with status 3. */
void *memory_new(uint64_t bytes);

#endif
