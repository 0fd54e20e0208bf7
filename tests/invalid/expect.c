/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

_Alignas(64) unsigned char arena[(ARENA_CELLS + 2) * ARENA_CELL_BYTES];
static unsigned char before[sizeof arena];

void arena_clear(void) { memset(arena, 0xff, sizeof arena); }

void *arena_cell(int cell) { return arena + (cell + 1) * ARENA_CELL_BYTES; }

static int in_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

int mentions(const char *text, const char *word) {
  size_t length = strlen(word);
  for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) {
    if ((at == text || !in_word(at[-1])) && !in_word(at[length])) return 1;
  }
  return 0;
}

static int mentions_all(const char *text, const char *words) {
  char list[256];
  snprintf(list, sizeof list, "%s", words);
  for (char *word = strtok(list, " "); word; word = strtok(NULL, " ")) {
    if (!mentions(text, word)) return 0;
  }
  return 1;
}

static int complain(const expectation *expected, const char *what, const char *detail) {
  fprintf(stderr, "  %s: %s: %s\n", expected->row, what, detail);
  return 1;
}

int expect_refusal(const expectation *expected, seqmix_status (*run)(void *arg), void *arg) {
  memcpy(before, arena, sizeof arena);
  seqmix_status status = run(arg);
  const char *message = seqmix_last_error();
  size_t prefix = strlen(expected->prefix);
  if (memcmp(before, arena, sizeof arena) != 0) {
    return complain(expected, "it wrote to memory", seqmix_status_name(status));
  }
  if (status != expected->status) {
    complain(expected, "unexpected status", seqmix_status_name(status));
    return complain(expected, "the last message is", message);
  }
  if (strncmp(message, expected->prefix, prefix) != 0 || strncmp(message + prefix, ": ", 2) != 0) {
    return complain(expected, "the message lacks its prefix", message);
  }
  if (!mentions_all(message + prefix + 2, expected->words)) {
    complain(expected, "the message lacks one of the words", expected->words);
    return complain(expected, "it is", message);
  }
  return 0;
}

/* An axis with more than one element, whose stride therefore counts; -1 if there is none. */
static int long_axis(const seqmix_tensor *tensor, int64_t at_least) {
  for (int axis = 0; axis < tensor->ndim; axis++) {
    if (tensor->shape[axis] >= at_least) return axis;
  }
  return -1;
}

static const char *spoil_rank(const subject *s, int index) {
  static const struct {
    int32_t rank;
    const char *what;
  } ranks[] = {{9, "rank 9"},
               {-1, "rank -1"},
               {0, "rank 0"},
               {INT32_MAX, "rank INT32_MAX"},
               {INT32_MIN, "rank INT32_MIN"}};
  if (index < 5) return s->tensor->ndim = ranks[index].rank, ranks[index].what;
  s->tensor->shape[s->tensor->ndim] = s->tensor->stride[s->tensor->ndim] = 1;
  if (index == 5) return s->tensor->ndim++, "one rank more";
  if (s->kind & SUBJECT_ANY_RANK) return NULL;
  return s->tensor->ndim--, "one rank less";
}

static const char *spoil_dtype(const subject *s, int index) {
  int32_t other = s->kind & SUBJECT_INDEX ? SEQMIX_F32 : SEQMIX_I32;
  switch (index) {
    case 0: return s->tensor->dtype = 0, "no dtype";
    case 1: return s->tensor->dtype = 99, "an unknown dtype";
    case 2: return s->tensor->dtype = -1, "a negative dtype";
    case 3: return s->tensor->dtype = SEQMIX_F64, "dtype f64";
    default: return s->tensor->dtype = other, "a dtype of another kind";
  }
}

static const char *spoil_place(const subject *s, int index) {
  seqmix_tensor *tensor = s->tensor;
  int bytes = seqmix_dtype_size(tensor->dtype) == 1;
  switch (index) {
    case 0: return tensor->data = NULL, "data NULL";
    case 1: return tensor->data = (char *)tensor->data + 1, bytes ? NULL : "misaligned data";
    case 2: return tensor->byte_offset = 1, bytes ? NULL : "a misaligned byte_offset";
    case 3: return tensor->byte_offset = UINT64_MAX - 63, "a byte_offset beyond memory";
    case 4: return tensor->memory = SEQMIX_MEMORY_CUDA, "CUDA memory";
    case 5: return tensor->memory = 77, "an unknown memory";
    case 6: return tensor->memory = -1, "a negative memory";
    case 7:
      tensor->memory = SEQMIX_MEMORY_HOST;
      tensor->memory_device = 3;
      return "memory of host 3";
    case 8: return tensor->reserved[0] = 1, "reserved[0] set";
    default: return tensor->reserved[1] = UINT64_C(1) << 63, "reserved[1] set";
  }
}

const char one_more[] = "one element more along an axis";

static const char *spoil_size(const subject *s, int index) {
  int axis = index / 3;
  if (axis >= s->tensor->ndim) return NULL;
  switch (index % 3) {
    case 0: return s->tensor->shape[axis] = -1, "a negative size";
    case 1: return s->tensor->shape[axis] = INT64_MAX, "a size of INT64_MAX";
    default: return s->tensor->shape[axis]++, s->kind & SUBJECT_FREE_SIZES ? NULL : one_more;
  }
}

static const char *spoil_stride(const subject *s, int index) {
  seqmix_tensor *tensor = s->tensor;
  int64_t size = (int64_t)seqmix_dtype_size(tensor->dtype);
  int axis = long_axis(tensor, size > 1 ? 2 : 3), last = tensor->ndim - 1;
  if (axis < 0) return NULL;
  switch (index) {
    case 0: return tensor->stride[axis] = INT64_MAX, "a stride of INT64_MAX";
    case 1: return tensor->stride[axis] = INT64_MIN, "a stride of INT64_MIN";
    case 2:
      tensor->stride[last] = 2;
      return s->kind & SUBJECT_LAST_DENSE ? "a last axis with stride 2" : NULL;
    case 3: tensor->stride[last] = 0; return s->kind & SUBJECT_LAST_DENSE ? "one of 0" : NULL;
    default: break;
  }
  if (!(s->kind & SUBJECT_OUTPUT)) return NULL;
  switch (index) {
    case 4: return tensor->stride[axis] = 0, "an output with stride 0";
    case 5: return tensor->stride[axis]--, "output rows that overlap by one";
    default:
      tensor->data = (char *)tensor->data + (tensor->shape[axis] - 1) * tensor->stride[axis] * size;
      tensor->stride[axis] = -tensor->stride[axis];
      return "an output with a negative stride";
  }
}

const char *spoil_tensor(const subject *s, int index) {
  static const struct {
    int count;
    const char *(*spoil)(const subject *s, int index);
  } families[] = {{7, spoil_rank},
                  {5, spoil_dtype},
                  {10, spoil_place},
                  {3 * SEQMIX_MAX_DIMS, spoil_size},
                  {7, spoil_stride}};
  for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
    if (index < families[i].count) return families[i].spoil(s, index);
    index -= families[i].count;
  }
  return "";
}
