/* SPDX-License-Identifier: Apache-2.0 */
#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/log.h"

/* Long enough for a compiler's log to be worth reading; longer texts are cut. */
static _Thread_local char error_text[4096];

/* In parentheses: for the analyzer it is a macro as well. */
seqmix_status(seqmix_fail)(seqmix_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error_text, sizeof error_text, format, arguments);
  va_end(arguments);
  seqmix_log(SEQMIX_LOG_INFO, "%s: %s", seqmix_status_name(status), error_text);
  return status;
}

const char *seqmix_last_error(void) { return error_text; }

const char *seqmix_status_name(seqmix_status status) {
  switch (status) {
    case SEQMIX_OK: return "OK";
    case SEQMIX_ERROR_INVALID_ARGUMENT: return "INVALID_ARGUMENT";
    case SEQMIX_ERROR_UNSUPPORTED: return "UNSUPPORTED";
    case SEQMIX_ERROR_OUT_OF_MEMORY: return "OUT_OF_MEMORY";
    case SEQMIX_ERROR_DEVICE: return "DEVICE";
    case SEQMIX_ERROR_NO_DEVICE: return "NO_DEVICE";
    case SEQMIX_ERROR_INTERNAL: return "INTERNAL";
  }
  return "unknown status";
}
