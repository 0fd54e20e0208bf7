/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/ceilings.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure.h"

#define LEAST_BUFFER (UINT64_C(256) << 20)
#define MOST_BUFFER (UINT64_C(4) << 30)
#define PAGE 4096
/* One measurement of a peak: long against a clock, short against a time slice. */
#define PEAK_SECONDS 2e-3
#define MOST_ITERATIONS (INT64_C(1) << 40)

/* What is measured; all threads do the same. */
typedef enum job_kind {
  JOB_TOUCH,
  JOB_MULTIPLY_ADD,
  JOB_DOT,
  JOB_READ,
  JOB_COPY,
  JOB_COPY_PAST, /* the cache: with non-temporal stores */
  JOB_ADD,
  JOB_ADD_PAST,
  JOB_UPDATE
} job_kind;

typedef struct worker_slot {
  _Alignas(128) void *data;
  double start, end, amount;
  float result;
} worker_slot;

struct ceilings {
  bench_team *team;
  uint64_t slice; /* bytes of each worker */
  worker_slot *slots;
  /* of the running job: */
  job_kind kind;
  const bench_level *level;
  int64_t iterations;
  size_t share; /* bytes of each worker that a job goes over */
  atomic_int waiting;
};

/* ---- one job on all threads ---------------------------------------------------------------- */

/* Starts all workers at once, as far as the system runs them at once. */
static void line_up(ceilings *c) {
  atomic_fetch_sub(&c->waiting, 1);
  double patience = now() + 0.01;
  while (atomic_load(&c->waiting) > 0 && now() < patience) continue;
}

/* One pass; returns how many bytes it moves. */
static double pass(const ceilings *c, worker_slot *slot) {
  const bench_level *level = c->level;
  char *data = slot->data;
  size_t half = c->share / 2, third = c->share / 3;
  switch (c->kind) {
    case JOB_READ: slot->result = level->read(data, c->share); break;
    case JOB_COPY: level->copy(data, data + half, half); break;
    case JOB_COPY_PAST: level->copy_past(data, data + half, half); break;
    case JOB_ADD: level->add(data, data + third, data + 2 * third, third); break;
    case JOB_ADD_PAST: level->add_past(data, data + third, data + 2 * third, third); break;
    default: level->update(data, c->share); return 2 * (double)c->share;
  }
  return (double)c->share;
}

/* Over and over: what is small stays in the cache, as it would between two calls. */
static double passes(const ceilings *c, worker_slot *slot) {
  double bytes = 0;
  for (int64_t n = 0; n < c->iterations; n++) bytes += pass(c, slot);
  return bytes;
}

static double do_job(ceilings *c, worker_slot *slot) {
  if (c->kind == JOB_MULTIPLY_ADD) return c->level->multiply_add(c->iterations);
  return c->kind == JOB_DOT ? bf16_dot(c->iterations) : passes(c, slot);
}

static void work(void *pointer, int32_t worker) {
  ceilings *c = pointer;
  worker_slot *slot = &c->slots[worker];
  if (c->kind == JOB_TOUCH) {
    /* The thread that reads it writes it first, so that it lies in that thread's memory. */
    slot->data = aligned_alloc(PAGE, (size_t)c->slice);
    if (slot->data) memset(slot->data, 0, (size_t)c->slice);
    return;
  }
  line_up(c);
  slot->start = now();
  slot->amount = do_job(c, slot);
  slot->end = now();
}

/* Amount per second, from the first start to the last end. */
static double rate(ceilings *c, job_kind kind, const bench_level *level) {
  int32_t size = team_size(c->team);
  c->kind = kind;
  c->level = level;
  atomic_store(&c->waiting, size);
  team_each(c->team, work, c);
  double start = INFINITY, end = 0, amount = 0;
  for (int32_t i = 0; i < size; i++) {
    start = fmin(start, c->slots[i].start);
    end = fmax(end, c->slots[i].end);
    amount += c->slots[i].amount;
  }
  return end > start ? amount / (end - start) : 0;
}

static double best_rate(ceilings *c, job_kind kind, const bench_level *level, int rounds) {
  double best = 0;
  for (int i = 0; i < rounds; i++) best = fmax(best, rate(c, kind, level));
  return best;
}

/* The shortest any thread was at work in the last job. */
static double shortest_work(const ceilings *c) {
  double shortest = INFINITY;
  for (int32_t i = 0; i < team_size(c->team); i++)
    shortest = fmin(shortest, c->slots[i].end - c->slots[i].start);
  return shortest;
}

/* As many iterations as take long enough. */
static double best_peak(ceilings *c, job_kind kind, const bench_level *level, int64_t iterations,
                        int rounds) {
  c->iterations = iterations;
  while (c->iterations < MOST_ITERATIONS) {
    rate(c, kind, level);
    if (shortest_work(c) >= PEAK_SECONDS) break;
    c->iterations *= 2;
  }
  return best_rate(c, kind, level, rounds);
}

static double best_arithmetic(ceilings *c, job_kind kind, const bench_level *level, int rounds) {
  return best_peak(c, kind, level, 1000, rounds);
}

/* Of `bytes` that all threads share, as far as there is memory for them: `arrays` of whole pages
 * for each. */
static double best_memory(ceilings *c, job_kind kind, int arrays, double bytes, int rounds) {
  size_t unit = (size_t)arrays * PAGE, most = (size_t)c->slice / unit * unit;
  double share = ceil(bytes / team_size(c->team) / (double)unit) * (double)unit;
  c->share = share < (double)most ? (size_t)share : most;
  return best_peak(c, kind, level_best(), 1, rounds);
}

/* The better of stores through the cache and past it. */
static double best_copy(ceilings *c, double bytes, int rounds) {
  return fmax(best_memory(c, JOB_COPY, 2, bytes, rounds),
              best_memory(c, JOB_COPY_PAST, 2, bytes, rounds));
}

static double best_copy_add(ceilings *c, double bytes, int rounds) {
  return fmax(best_memory(c, JOB_ADD, 3, bytes, rounds),
              best_memory(c, JOB_ADD_PAST, 3, bytes, rounds));
}

/* ---- all of them --------------------------------------------------------------------------- */

ceilings *ceilings_open(bench_team *team, uint64_t cache_bytes) {
  ceilings *c = calloc(1, sizeof *c);
  int32_t size = team_size(team);
  if (!c) return NULL;
  c->team = team;
  c->slots = aligned_alloc(128, (size_t)size * sizeof *c->slots);
  if (!c->slots) {
    free(c);
    return NULL;
  }
  memset(c->slots, 0, (size_t)size * sizeof *c->slots);
  uint64_t bytes = 4 * cache_bytes;
  if (bytes < LEAST_BUFFER) bytes = LEAST_BUFFER;
  if (bytes > MOST_BUFFER) bytes = MOST_BUFFER;
  c->slice = bytes / (uint64_t)size / ((uint64_t)2 * PAGE) * ((uint64_t)2 * PAGE);
  c->kind = JOB_TOUCH;
  team_each(team, work, c);
  for (int32_t i = 0; i < size; i++)
    if (!c->slots[i].data) {
      ceilings_close(c);
      return NULL;
    }
  return c;
}

void ceilings_close(ceilings *c) {
  if (!c) return;
  for (int32_t i = 0; i < team_size(c->team); i++) free(c->slots[i].data);
  free(c->slots);
  free(c);
}

machine_ceilings ceilings_measure(ceilings *c) {
  const bench_level *levels[MOST_LEVELS];
  machine_ceilings all = {.threads = team_size(c->team)};
  all.levels = levels_present(levels, MOST_LEVELS);
  for (int i = 0; i < all.levels; i++) {
    all.level[i] = levels[i]->name;
    all.multiply_add[i] = best_arithmetic(c, JOB_MULTIPLY_ADD, levels[i], 30);
  }
  if (bf16_dot_is_present()) all.bf16_dot = best_arithmetic(c, JOB_DOT, NULL, 30);
  all.read = best_memory(c, JOB_READ, 1, INFINITY, 6);
  all.copy = best_copy(c, INFINITY, 4);
  all.copy_add = best_copy_add(c, INFINITY, 4);
  all.update = best_memory(c, JOB_UPDATE, 1, INFINITY, 4);
  return all;
}

static int uses_dot(int32_t dtype) { return dtype == SEQMIX_BF16 && bf16_dot_is_present(); }

/* The bandwidth that bounds such calls. What is read comes from memory; what else is moved stays
 * where it fits, as it does when a call is repeated. */
static double glance_at_memory(ceilings *c, bench_cost cost) {
  switch (cost.traffic) {
    case TRAFFIC_UPDATE: return best_memory(c, JOB_UPDATE, 1, cost.updated, 6);
    case TRAFFIC_COPY: return best_copy(c, cost.bytes, 4);
    case TRAFFIC_COPY_ADD: return best_copy_add(c, cost.bytes, 4);
    default: return best_memory(c, JOB_READ, 1, INFINITY, 4);
  }
}

ceiling_moment ceilings_glance(ceilings *c, int32_t dtype, bench_cost cost) {
  job_kind arithmetic = uses_dot(dtype) ? JOB_DOT : JOB_MULTIPLY_ADD;
  return (ceiling_moment){best_arithmetic(c, arithmetic, level_best(), 6),
                          glance_at_memory(c, cost)};
}

const char *ceilings_peak_name(int32_t dtype) {
  static char name[32];
  if (uses_dot(dtype)) return "bf16 dot";
  snprintf(name, sizeof name, "%s FMA", level_best()->name);
  return name;
}

static double apart(double a, double b) { return fabs(a - b) / fmax(fmax(a, b), 1); }

bench_ceiling ceiling_between(ceiling_moment before, ceiling_moment after, bench_cost cost,
                              int32_t dtype) {
  static const char *const names[] = {"read", "update", "copy", "copy_add"};
  bench_ceiling ceiling = {.peak = fmax(before.peak, after.peak),
                           .peak_name = ceilings_peak_name(dtype),
                           .bandwidth = fmax(before.memory, after.memory),
                           .bandwidth_name = names[cost.traffic]};
  double by_memory = ceiling.bandwidth * cost.flops / cost.bytes;
  int is_memory = by_memory < ceiling.peak;
  ceiling.flops = is_memory ? by_memory : ceiling.peak;
  ceiling.bound = is_memory ? "memory" : "compute";
  ceiling.drift = is_memory ? apart(before.memory, after.memory) : apart(before.peak, after.peak);
  return ceiling;
}
