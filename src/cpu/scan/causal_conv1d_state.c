/* SPDX-License-Identifier: Apache-2.0 */
/* Present states, and outputs that have none: elements as they are. */
#include <string.h>

#include "cpu/scan/causal_conv1d.h"

SEQMIX_INLINE int64_t bytes_of(const scan_plane *plane) {
  return plane->dtype == SEQMIX_F32 ? 4 : 2;
}

SEQMIX_INLINE void copy_elements(char *to, int64_t to_step, const char *from, int64_t from_step,
                                 int64_t bytes, int64_t count) {
  for (int64_t i = 0; i < count; i++, to += to_step, from += from_step)
    memcpy(to, from, (size_t)bytes);
}

/* One token's channels to another's, which may be the same; both have the type of `to`. */
static void copy_token(const scan_plane *to, int64_t to_t, const scan_plane *from, int64_t from_t,
                       const conv_piece *piece) {
  int64_t bytes = bytes_of(to), to_step = to->channel * bytes, from_step = from->channel * bytes;
  char *at = to->data + to_t * to->time * bytes + piece->c * to_step;
  const char *source = from->data + from_t * from->time * bytes + piece->c * from_step;
  if (to->channel == 1 && from->channel == 1)
    memmove(at, source, (size_t)(piece->channels * bytes));
  else if (bytes == 4)
    copy_elements(at, to_step, source, from_step, 4, piece->channels);
  else
    copy_elements(at, to_step, source, from_step, 2, piece->channels);
}

void conv_keep_state(const conv_piece *piece) {
  char zero[sizeof(float)] = {0};
  const scan_plane zeros = {.data = zero};
  const scan_plane *past = piece->past.dtype ? &piece->past : &zeros;
  int64_t rows = piece->problem->width - 1;
  /* Upwards: in place, a row is read before it is written. */
  for (int64_t k = 0; k < rows; k++) {
    int64_t t = piece->length - rows + k;
    if (t >= 0)
      copy_token(&piece->present, k, &piece->x, t, piece);
    else
      copy_token(&piece->present, k, past, t + rows, piece);
  }
}

void conv_clear(const conv_piece *piece) {
  char zero[sizeof(float)] = {0};
  const scan_plane zeros = {.data = zero};
  for (int64_t t = piece->from; t < piece->to; t++) copy_token(&piece->out, t, &zeros, 0, piece);
}
