/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the option bits of each operator, for messages. */
#ifndef SEQMIX_CORE_FEATURES_H
#define SEQMIX_CORE_FEATURES_H

#include <stddef.h>
#include <stdint.h>

/** Writes the names of `features`, separated by commas, cut to `size`. */
void seqmix_feature_list(int32_t op, uint64_t features, char *text, size_t size);

#endif
