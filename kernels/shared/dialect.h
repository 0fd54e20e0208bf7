/* SPDX-License-Identifier: Apache-2.0 */
/* Where kernels include the words they are written in: when texts are embedded, the dialect of a
 * driver takes this file's place. What the host reads of them needs types alone. */
#ifndef SEQMIX_KERNELS_DIALECT_H
#define SEQMIX_KERNELS_DIALECT_H

#include <stdint.h>

#endif
