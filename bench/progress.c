/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "bench/report.h"

#define WIDTH 24

progress_bar progress_begin(int count) {
  return (progress_bar){.is_shown = isatty(STDERR_FILENO), .count = count, .name = "", .dtype = ""};
}

void progress_case(progress_bar *bar, int done, const bench_case *item) {
  bar->done = done;
  bar->name = item->name;
  bar->dtype = seqmix_dtype_name(item->dtype);
}

void progress_step(void *user, const char *step) {
  const progress_bar *bar = user;
  char filled[WIDTH + 1];
  if (!bar->is_shown) return;
  int full = bar->count ? bar->done * WIDTH / bar->count : 0;
  for (int i = 0; i < WIDTH; i++) filled[i] = i < full ? '#' : '.';
  filled[WIDTH] = 0;
  fprintf(stderr, "\r\033[K[%s] %d/%d %s %s: %s", filled, bar->done + 1, bar->count, bar->name,
          bar->dtype, step);
  fflush(stderr);
}

void progress_clear(const progress_bar *bar) {
  if (!bar->is_shown) return;
  fputs("\r\033[K", stderr);
  fflush(stderr);
}
