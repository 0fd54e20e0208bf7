/* SPDX-License-Identifier: Apache-2.0 */
#include "core/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static const char *const level_names[] = {"off", "error", "warning", "info", "debug"};

static pthread_once_t level_once = PTHREAD_ONCE_INIT;
static int32_t level_limit = SEQMIX_LOG_OFF;

static void read_level(void) {
  const char *text = getenv("SEQMIX_LOG");
  if (!text || !*text) return;
  for (int32_t level = SEQMIX_LOG_OFF; level <= SEQMIX_LOG_DEBUG; level++) {
    if (strcasecmp(text, level_names[level]) == 0 || (text[0] == '0' + level && !text[1])) {
      level_limit = level;
      return;
    }
  }
  fprintf(stderr, "seqmix: warning: SEQMIX_LOG is '%s'; it must be error, warning, info or debug\n",
          text);
}

int seqmix_log_enabled(int32_t level) {
  pthread_once(&level_once, read_level);
  return level > SEQMIX_LOG_OFF && level <= level_limit;
}

void seqmix_log(int32_t level, const char *format, ...) {
  if (!seqmix_log_enabled(level)) return;
  char text[4352];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  /* One call, so that lines of different threads do not mix. */
  fprintf(stderr, "seqmix: %s: %s\n", level_names[level], text);
}
