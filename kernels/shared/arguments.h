/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the structs that kernels take by value: read by kernels and by the host. Wide members
 * come first, so that both lay them out alike. */
#ifndef SEQMIX_KERNELS_ARGUMENTS_H
#define SEQMIX_KERNELS_ARGUMENTS_H

#include "shared/dialect.h"

/** An index array of `bits` 32 or 64, in elements; 0: absent. */
typedef struct index_argument {
  int64_t byte_offset;
  int64_t stride;
  int32_t bits;
  int32_t fault; /* the number that tells of it */
} index_argument;

/** seqmix_sequences: which sequences there are, and which rows of states are theirs. */
typedef struct sequences_argument {
  int64_t count;                   /* sequences */
  int64_t length;                  /* tokens of each; packed: the longest, or a bound of it */
  int64_t total;                   /* tokens along the time axis */
  int64_t past_rows, present_rows; /* of states; 0: there are none */
  index_argument cu_seqlens;
  index_argument state_indices;
  index_argument state_out_indices;
  int32_t fault_of_length; /* for a sequence longer than the bound */
  int32_t reserved;
} sequences_argument;

#endif
