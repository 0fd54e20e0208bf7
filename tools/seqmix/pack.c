/* SPDX-License-Identifier: Apache-2.0 */
/* `seqmix pack` is a program of its own, beside this one: it looks into the library, whose shared
 * form shows nothing but its API. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

static int find_program(char *path, size_t size) {
  ssize_t length = readlink("/proc/self/exe", path, size);
  if (length <= 0 || (size_t)length >= size) return 0;
  path[length] = 0;
  char *name = strrchr(path, '/');
  size_t room = size - (size_t)(name + 1 - path);
  return (size_t)snprintf(name + 1, room, "seqmix-pack") < room;
}

/* The words before `words` are this program's name and "pack": the latter's place is taken. */
int tool_pack(int count, char **words) {
  char path[PATH_MAX];
  (void)count;
  if (!find_program(path, sizeof path)) {
    fprintf(stderr, "seqmix pack: the program's own folder is not known\n");
    return 1;
  }
  words[-1] = path;
  execv(path, words - 1);
  fprintf(stderr, "seqmix pack: %s: %s%s\n", path, strerror(errno),
          errno == ENOENT ? " (it is built with -Dcuda=true)" : "");
  return 1;
}
