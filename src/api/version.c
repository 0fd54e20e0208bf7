/* SPDX-License-Identifier: Apache-2.0 */
#include "seqmix/version.h"

const char *seqmix_version(void) { return SEQMIX_VERSION_STRING; }

int32_t seqmix_api_version(void) { return SEQMIX_API_VERSION; }
