/* SPDX-License-Identifier: Apache-2.0 */
/* {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "npy.h"

/* Longest piece of the header that is kept or shown. */
#define WORD 64

typedef struct header_text {
  const char *at, *end;
  char *error;
} header_text;

static int fail(const header_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int fail(const header_text *text, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  /* The analyzer loses va_start() where this is inlined.
   * NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
  vsnprintf(text->error, NPY_ERROR, format, arguments);
  va_end(arguments);
  return -1;
}

/* ---- tokens -----------------------------------------------------------------------------------
 */

static void skip_space(header_text *text) {
  while (text->at < text->end && strchr(" \t\r\n", *text->at) && *text->at) text->at++;
}

/* Takes the character if it is the next one after spaces. */
static int take(header_text *text, char character) {
  skip_space(text);
  if (text->at == text->end || *text->at != character) return 0;
  text->at++;
  return 1;
}

/* Takes a string in quotes of either kind, without escapes. */
static int take_string(header_text *text, char string[WORD]) {
  skip_space(text);
  if (text->at == text->end || (*text->at != '\'' && *text->at != '"')) return 0;
  char quote = *text->at;
  size_t length = 0;
  for (const char *at = text->at + 1; at < text->end; at++) {
    if (*at == quote) {
      string[length] = 0;
      text->at = at + 1;
      return 1;
    }
    if (*at < ' ' || *at == '\\' || length + 1 == WORD) return 0;
    string[length++] = *at;
  }
  return 0;
}

static int take_word(header_text *text, const char *word) {
  size_t length = strlen(word);
  skip_space(text);
  if ((size_t)(text->end - text->at) < length || memcmp(text->at, word, length) != 0) return 0;
  text->at += length;
  return 1;
}

/* Takes a whole number that is not negative. */
static int take_number(header_text *text, int64_t *number) {
  skip_space(text);
  const char *first = text->at;
  int64_t value = 0;
  for (; text->at < text->end && *text->at >= '0' && *text->at <= '9'; text->at++) {
    int digit = *text->at - '0';
    if (value > (INT64_MAX - digit) / 10) return 0;
    value = value * 10 + digit;
  }
  *number = value;
  return text->at > first;
}

/* ---- the three entries ------------------------------------------------------------------------
 */

static const struct {
  const char *descr;
  int32_t dtype;
} types[] = {
    {"<f4", SEQMIX_F32}, {"<f2", SEQMIX_F16}, {"<V2", SEQMIX_BF16}, {"|V2", SEQMIX_BF16},
    {"<i4", SEQMIX_I32}, {"<i8", SEQMIX_I64}, {"|b1", SEQMIX_BOOL}, {"|u1", SEQMIX_U8},
};

static int fail_type(const header_text *text, const char *descr) {
  const char *hint = strcmp(descr, "<f8") == 0 ? "; convert f64 with .astype(np.float32)"
                     : descr[0] == '>'         ? "; this is big-endian"
                     : strcmp(descr, "<V1") == 0 || strcmp(descr, "|V1") == 0
                         ? "; convert 8-bit floats to f16 or bf16"
                         : "";
  return fail(text, "its type is '%s'; it must be <f4, <f2, <V2 (bf16), <i4, <i8, |b1 or |u1%s",
              descr, hint);
}

static int read_descr(header_text *text, npy_header *header) {
  char descr[WORD];
  if (!take_string(text, descr)) {
    return fail(text, "its type is a list or no string; it must be a plain type such as '<f4'");
  }
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    if (strcmp(descr, types[i].descr) == 0) {
      header->dtype = types[i].dtype;
      return 0;
    }
  }
  return fail_type(text, descr);
}

static int read_order(header_text *text, const npy_header *header) {
  (void)header;
  if (take_word(text, "False")) return 0;
  if (take_word(text, "True")) {
    return fail(text,
                "it is in Fortran order; it must be in C order, as np.ascontiguousarray() "
                "makes it");
  }
  return fail(text, "its fortran_order is neither True nor False");
}

static int read_shape(header_text *text, npy_header *header) {
  if (!take(text, '(')) return fail(text, "its shape does not begin with '('");
  int commas = 0;
  header->ndim = 0;
  while (!take(text, ')')) {
    int64_t extent;
    if (!take_number(text, &extent)) {
      return fail(text, "axis %d of its shape is no whole number from 0 to 2^63-1", header->ndim);
    }
    if (header->ndim == SEQMIX_MAX_DIMS) {
      return fail(text, "it has more than %d axes; that is the most", SEQMIX_MAX_DIMS);
    }
    header->shape[header->ndim++] = extent;
    if (take(text, ',')) {
      commas++;
    } else if (text->at == text->end || *text->at != ')') {
      return fail(text, "its shape lacks a comma or ')' after axis %d", header->ndim - 1);
    }
  }
  if (header->ndim == 1 && !commas) return fail(text, "its shape is a number; it must be a tuple");
  return 0;
}

/* Elements may be none because one axis is, however long the others are. */
static int count_bytes(const header_text *text, npy_header *header) {
  uint64_t bytes = seqmix_dtype_size(header->dtype);
  uint64_t most = SIZE_MAX < INT64_MAX ? SIZE_MAX : INT64_MAX;
  for (int axis = 0; axis < header->ndim; axis++) {
    if (header->shape[axis] == 0) bytes = 0;
  }
  for (int axis = 0; axis < header->ndim && bytes; axis++) {
    if ((uint64_t)header->shape[axis] > most / bytes) {
      return fail(text, "its shape has more elements than memory can hold");
    }
    bytes *= (uint64_t)header->shape[axis];
  }
  header->bytes = bytes;
  return 0;
}

/* ---- the dictionary ---------------------------------------------------------------------------
 */

enum { ENTRY_DESCR, ENTRY_ORDER, ENTRY_SHAPE, ENTRIES };
static const char *const entry_names[ENTRIES] = {"descr", "fortran_order", "shape"};

static int read_entry(header_text *text, npy_header *header, unsigned *seen) {
  char name[WORD];
  int entry = 0;
  if (!take_string(text, name)) return fail(text, "its header has something that is no name");
  while (entry < ENTRIES && strcmp(name, entry_names[entry]) != 0) entry++;
  if (entry == ENTRIES) return fail(text, "its header has '%s', which no .npy file has", name);
  if (*seen >> entry & 1) return fail(text, "its header has '%s' twice", name);
  *seen |= 1u << entry;
  if (!take(text, ':')) return fail(text, "its header lacks ':' after '%s'", name);
  return entry == ENTRY_DESCR   ? read_descr(text, header)
         : entry == ENTRY_ORDER ? read_order(text, header)
                                : read_shape(text, header);
}

int npy_parse_header(const char *characters, size_t length, npy_header *header,
                     char error[NPY_ERROR]) {
  header_text text = {characters, characters + length, NULL};
  unsigned seen = 0;
  text.error = error;
  memset(header, 0, sizeof *header);
  if (!take(&text, '{')) return fail(&text, "its header does not begin with '{'");
  while (!take(&text, '}')) {
    if (read_entry(&text, header, &seen)) return -1;
    if (!take(&text, ',') && (text.at == text.end || *text.at != '}')) {
      return fail(&text, "its header lacks a comma or '}'");
    }
  }
  skip_space(&text);
  if (text.at != text.end) return fail(&text, "its header goes on after '}'");
  for (int entry = 0; entry < ENTRIES; entry++) {
    if (!(seen >> entry & 1)) return fail(&text, "its header lacks '%s'", entry_names[entry]);
  }
  return count_bytes(&text, header);
}
