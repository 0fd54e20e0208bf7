/* SPDX-License-Identifier: Apache-2.0 */
/* Messages on standard error, as far as SEQMIX_LOG lets them through. */
#ifndef SEQMIX_CORE_LOG_H
#define SEQMIX_CORE_LOG_H

#include <stdint.h>

enum seqmix_log_level {
  SEQMIX_LOG_OFF = 0,
  SEQMIX_LOG_ERROR = 1,
  SEQMIX_LOG_WARNING = 2,
  SEQMIX_LOG_INFO = 3,
  SEQMIX_LOG_DEBUG = 4
};

/** Whether a message of `level` would be written: ask before costly formatting. */
int seqmix_log_enabled(int32_t level);

void seqmix_log(int32_t level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
