/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L

#include "child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Long enough for sanitizers; a child that needs more is stuck. */
#define SECONDS_TO_LIVE 60

static void be_child(int output, int (*function)(void *arg), void *arg) {
  /* Check's handlers kill the whole process group, which here is the parent's too. */
  signal(SIGALRM, SIG_DFL);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  alarm(SECONDS_TO_LIVE);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  close(output);
  int code = function(arg);
  fflush(NULL);
  /* Not exit(): what the parent registered for its own end is not the child's business. */
  _exit(code & 0x7f);
}

/* Reads until the child has closed its end; what does not fit is read and dropped. */
static void read_all(int input, char *text, size_t size) {
  size_t used = 0;
  for (;;) {
    char spill[256];
    int fits = used + 1 < size;
    ssize_t got = read(input, fits ? text + used : spill, fits ? size - 1 - used : sizeof spill);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    if (fits) used += (size_t)got;
  }
  text[used] = 0;
}

void child_run(child_result *result, int (*function)(void *arg), void *arg) {
  int ends[2], status = 0;
  fflush(NULL);
  if (pipe(ends) != 0) {
    perror("pipe");
    abort();
  }
  pid_t child = fork();
  if (child < 0) {
    perror("fork");
    abort();
  }
  if (child == 0) {
    close(ends[0]);
    be_child(ends[1], function, arg);
  }
  close(ends[1]);
  read_all(ends[0], result->text, sizeof result->text);
  close(ends[0]);
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  result->code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
