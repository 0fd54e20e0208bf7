/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "seqmix/seqmix.h"
#include "tool.h"

static void print_device(const seqmix_device_info *info, int is_chosen) {
  printf("%c %-12s %s", is_chosen ? '*' : ' ', info->name, info->description);
  if (info->memory_bytes)
    printf("; %d units, %.1f GiB", info->compute_units,
           (double)info->memory_bytes / (double)(1 << 30));
  putchar('\n');
}

/* "auto" may fail, if SEQMIX_DEVICE names nothing: then the list says what it could name. */
static const char *automatic_device(char *name, size_t size) {
  seqmix_context *context;
  if (seqmix_context_create(&context, "auto")) {
    fprintf(stderr, "seqmix: %s\n", seqmix_last_error());
    return NULL;
  }
  snprintf(name, size, "%s", seqmix_context_device(context));
  seqmix_context_destroy(context);
  return name;
}

/* What is behind the list, and what is not in it. */
static void print_remarks(void) {
  char text[8192];
  int lines = 0;
  for (int32_t i = 0; seqmix_backend_remark(i, text, sizeof text); i++) {
    if (*text && lines++ == 0) putchar('\n');
    fputs(text, stdout);
  }
}

int tool_devices(int count, char **words) {
  if (count > 0) {
    fprintf(stderr, "seqmix devices: unknown argument '%s'\n", words[0]);
    return 2;
  }
  char name[64];
  const char *chosen = automatic_device(name, sizeof name);
  for (int32_t i = 0; i < seqmix_device_count(); i++) {
    seqmix_device_info info = SEQMIX_DEVICE_INFO_INIT;
    if (seqmix_device_get_info(i, &info)) {
      fprintf(stderr, "seqmix: %s\n", seqmix_last_error());
      return 1;
    }
    print_device(&info, chosen && strcmp(info.name, chosen) == 0);
  }
  if (chosen) printf("* what \"auto\" takes\n");
  print_remarks();
  return chosen ? 0 : 1;
}
