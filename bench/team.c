/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* processor affinity */
#include "bench/team.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct team_worker {
  bench_team *team;
  int32_t index;
  pthread_t thread;
} team_worker;

struct bench_team {
  int32_t size, started;
  pthread_mutex_t lock;
  pthread_cond_t begun, ended;
  uint64_t job; /* counts jobs; the last has no body */
  int32_t running;
  void (*body)(void *arg, int32_t worker);
  void *arg;
  team_worker workers[];
};

/* Worker i gets the i-th processor this process may use, in turn if there are fewer. Where that
 * is refused the scheduler places the thread. */
static void pin(int32_t index) {
  cpu_set_t allowed, mine;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  int wanted = index % CPU_COUNT(&allowed), processor = 0;
  while (!CPU_ISSET(processor, &allowed) || wanted-- > 0) processor++;
  CPU_ZERO(&mine);
  CPU_SET(processor, &mine);
  pthread_setaffinity_np(pthread_self(), sizeof mine, &mine);
}

static void *work(void *pointer) {
  const team_worker *self = pointer;
  bench_team *team = self->team;
  uint64_t seen = 0;
  pin(self->index);
  pthread_mutex_lock(&team->lock);
  for (;;) {
    while (team->job == seen) pthread_cond_wait(&team->begun, &team->lock);
    seen = team->job;
    if (!team->body) break;
    pthread_mutex_unlock(&team->lock);
    team->body(team->arg, self->index);
    pthread_mutex_lock(&team->lock);
    if (--team->running == 0) pthread_cond_signal(&team->ended);
  }
  pthread_mutex_unlock(&team->lock);
  return NULL;
}

bench_team *team_new(int32_t workers) {
  bench_team *team = calloc(1, sizeof *team + (size_t)workers * sizeof *team->workers);
  if (!team) return NULL;
  team->size = workers;
  pthread_mutex_init(&team->lock, NULL);
  pthread_cond_init(&team->begun, NULL);
  pthread_cond_init(&team->ended, NULL);
  for (int32_t i = 0; i < workers; i++) {
    team->workers[i] = (team_worker){.team = team, .index = i};
    if (pthread_create(&team->workers[i].thread, NULL, work, &team->workers[i]) != 0) {
      team_free(team);
      return NULL;
    }
    team->started++;
  }
  return team;
}

static void begin(bench_team *team, void (*body)(void *arg, int32_t worker), void *arg) {
  team->body = body;
  team->arg = arg;
  team->running = team->size;
  team->job++;
  pthread_cond_broadcast(&team->begun);
}

void team_free(bench_team *team) {
  if (!team) return;
  pthread_mutex_lock(&team->lock);
  begin(team, NULL, NULL);
  pthread_mutex_unlock(&team->lock);
  for (int32_t i = 0; i < team->started; i++) pthread_join(team->workers[i].thread, NULL);
  pthread_mutex_destroy(&team->lock);
  pthread_cond_destroy(&team->begun);
  pthread_cond_destroy(&team->ended);
  free(team);
}

int32_t team_size(const bench_team *team) { return team->size; }

void team_each(bench_team *team, void (*body)(void *arg, int32_t worker), void *arg) {
  pthread_mutex_lock(&team->lock);
  begin(team, body, arg);
  while (team->running) pthread_cond_wait(&team->ended, &team->lock);
  pthread_mutex_unlock(&team->lock);
}

typedef struct task_list {
  atomic_llong next;
  int64_t count;
  void (*body)(void *arg, int32_t worker, int64_t task);
  void *arg;
} task_list;

static void take_tasks(void *pointer, int32_t worker) {
  task_list *list = pointer;
  for (int64_t task; (task = atomic_fetch_add(&list->next, 1)) < list->count;)
    list->body(list->arg, worker, task);
}

void team_tasks(bench_team *team, int64_t tasks, void (*body)(void *arg, int32_t worker, int64_t),
                void *arg) {
  task_list list = {.count = tasks, .body = body, .arg = arg};
  if (tasks == 1 || team->size == 1)
    take_tasks(&list, 0);
  else
    team_each(team, take_tasks, &list);
}
