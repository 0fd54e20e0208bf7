/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/machine.h"
#include "bench/paper.h"

/* ---- stations ------------------------------------------------------------------------------ */

static void look_at_device(bench_station *s) {
  for (int32_t i = 0; i < seqmix_device_count(); i++) {
    seqmix_device_info info = SEQMIX_DEVICE_INFO_INIT;
    if (seqmix_device_get_info(i, &info) || strcmp(info.name, s->device) != 0) continue;
    s->world.on_host = info.memory == SEQMIX_MEMORY_HOST;
    s->gpu = gpu_described(info.description);
  }
}

static int open_context(seqmix_context **context, const char *device, int32_t threads,
                        char *error) {
  seqmix_context_options options = SEQMIX_CONTEXT_OPTIONS_INIT;
  options.device = device;
  options.threads = threads;
  if (seqmix_context_create_with_options(context, &options) == SEQMIX_OK) return 1;
  snprintf(error, BENCH_TEXT, "%s", seqmix_last_error());
  return 0;
}

static int fill_station(bench_station *s, const char *device, int32_t threads, char *error) {
  if (!open_context(&s->world.context, device, threads, error)) return 0;
  s->threads = seqmix_context_threads(s->world.context);
  snprintf(s->device, sizeof s->device, "%s", seqmix_context_device(s->world.context));
  if (!open_context(&s->probing, device, threads, error) ||
      !open_context(&s->world.reference, "reference", 0, error))
    return 0;
  if (s->variant && (seqmix_context_set_variant(s->world.context, s->variant) != SEQMIX_OK ||
                     seqmix_context_set_variant(s->probing, s->variant) != SEQMIX_OK)) {
    snprintf(error, BENCH_TEXT, "--variant: %s", seqmix_last_error());
    return 0;
  }
  look_at_device(s);
  s->world.cache_bytes = machine_cache_bytes();
  s->world.team = team_new(s->threads);
  if (s->world.team && s->world.on_host)
    s->ceilings = ceilings_open(s->world.team, s->world.cache_bytes);
  if (s->world.team && (s->ceilings || !s->world.on_host)) return 1;
  snprintf(error, BENCH_TEXT, "not enough memory or threads to measure ceilings with %d threads",
           (int)s->threads);
  return 0;
}

int station_open(bench_station *station, const char *device, int32_t threads, const char *variant,
                 char *error) {
  *station = (bench_station){.variant = variant, .world.variant = variant};
  if (fill_station(station, device, threads, error)) return 1;
  station_close(station);
  return 0;
}

void station_close(bench_station *station) {
  ceilings_close(station->ceilings);
  team_free(station->world.team);
  seqmix_context_destroy(station->world.context);
  seqmix_context_destroy(station->world.reference);
  seqmix_context_destroy(station->probing);
}

/* ---- one case ------------------------------------------------------------------------------ */

static void find_variant(const bench_station *station, const bench_operator *op, void *instance,
                         char *name, size_t room) {
  const char *chosen = NULL;
  if (op->probe(instance, station->probing) == SEQMIX_OK)
    chosen = seqmix_context_chosen_variant(station->probing);
  snprintf(name, room, "%s", chosen && operator_has_variant(op, chosen) ? chosen : "");
}

/* What measure() calls. */
typedef struct timed_operator {
  const bench_operator *op;
  void *instance;
  seqmix_context *context;
} timed_operator;

static seqmix_status call_operator(void *pointer, int64_t number) {
  const timed_operator *timed = pointer;
  return timed->op->run(timed->instance, number);
}

static seqmix_status finish_operator(void *pointer) {
  const timed_operator *timed = pointer;
  return seqmix_synchronize(timed->context);
}

typedef struct timed_baseline {
  const bench_means *means;
  void *baseline;
  seqmix_context *context;
} timed_baseline;

static seqmix_status call_baseline(void *pointer, int64_t number) {
  const timed_baseline *timed = pointer;
  return timed->means->run(timed->baseline, number);
}

static seqmix_status finish_baseline(void *pointer) {
  const timed_baseline *timed = pointer;
  return seqmix_synchronize(timed->context);
}

/* A call besides those that are timed, as what is recorded costs time. */
static void note_kernels(const bench_station *station, void *instance, bench_result *result) {
  if (!kernels_trace(station->world.context, &result->kernels)) return;
  result->item.op->run(instance, 0);
  kernels_trace(station->world.context, NULL);
}

static void set_fractions(bench_result *result) {
  if (!(result->ceiling.flops > 0)) return;
  result->fraction = result_flops(result) / result->ceiling.flops;
  if (result->time.best > 0)
    result->best_fraction = result->cost.flops / result->time.best / result->ceiling.flops;
}

static int time_operator(const bench_station *station, void *instance,
                         const bench_protocol *protocol, bench_result *result) {
  timed_operator timed = {result->item.op, instance, station->world.context};
  bench_subject subject = {&timed, call_operator, finish_operator};
  ceiling_moment before = {0, 0}, after = {0, 0};
  if (station->ceilings)
    before = ceilings_glance(station->ceilings, result->item.dtype, result->cost);
  if (measure(&subject, protocol, &result->time)) {
    snprintf(result->message, sizeof result->message, "%s", seqmix_last_error());
    return 0;
  }
  if (station->ceilings) {
    after = ceilings_glance(station->ceilings, result->item.dtype, result->cost);
    result->ceiling = ceiling_between(before, after, result->cost, result->item.dtype);
  } else if (station->gpu) {
    result->ceiling = gpu_ceiling(station->gpu, result->cost);
  }
  set_fractions(result);
  return 1;
}

static void describe_error(const bench_check *check, char *message) {
  if (isnan(check->error))
    snprintf(message, BENCH_TEXT, "wrong results: NaN or never written, in %lld rows compared",
             (long long)check->rows);
  else
    snprintf(message, BENCH_TEXT, "wrong results: %.3g times the tolerance, in %lld rows compared",
             check->error, (long long)check->rows);
}

static const bench_means *baseline_of(const bench_station *station, const bench_operator *op) {
  if (!station->world.on_host && op->device_baseline) return op->device_baseline;
  return op->baseline;
}

static void run_baseline(const bench_station *station, void *instance,
                         const bench_protocol *protocol, const bench_operator *op,
                         bench_baseline *result) {
  const bench_means *means = baseline_of(station, op);
  void *baseline = means->open(instance, result->message);
  if (!baseline) return;
  result->how = means->how(baseline);
  if (means->verify(baseline, &result->check, result->message)) {
    result->outcome = result->check.passed ? BENCH_MEASURED : BENCH_FAILED;
    if (!result->check.passed) describe_error(&result->check, result->message);
  }
  if (result->outcome == BENCH_MEASURED) {
    timed_baseline timed = {means, baseline, station->world.context};
    bench_subject subject = {&timed, call_baseline, finish_baseline};
    if (measure(&subject, protocol, &result->time)) {
      result->outcome = BENCH_FAILED;
      snprintf(result->message, sizeof result->message, "%s", seqmix_last_error());
    }
  }
  means->close(baseline);
  settle();
}

static void run_instance(const bench_station *station, void *instance,
                         const bench_protocol *protocol, int with_baseline, run_watcher watcher,
                         void *user, bench_result *result) {
  const bench_operator *op = result->item.op;
  result->cost = op->cost(instance);
  result->copies = op->copies(instance);
  find_variant(station, op, instance, result->variant, sizeof result->variant);
  seqmix_status status = op->probe(instance, station->world.context);
  if (status == SEQMIX_ERROR_UNSUPPORTED) {
    result->outcome = BENCH_SKIPPED;
    snprintf(result->message, sizeof result->message, "%s", seqmix_last_error());
    return;
  }
  watcher(user, "verifying");
  result->outcome = BENCH_FAILED;
  if (!op->verify(instance, &result->check, result->message)) return;
  if (!result->check.passed) {
    describe_error(&result->check, result->message);
    return;
  }
  note_kernels(station, instance, result);
  watcher(user, "timing");
  if (!time_operator(station, instance, protocol, result)) return;
  result->outcome = BENCH_MEASURED;
  if (!with_baseline) return;
  watcher(user, "baseline");
  run_baseline(station, instance, protocol, op, &result->baseline);
}

bench_result run_case(const bench_station *station, const bench_case *item,
                      const bench_protocol *protocol, int with_baseline, run_watcher watcher,
                      void *user) {
  bench_result result = {.item = *item, .threads = station->threads};
  result.baseline.outcome = BENCH_SKIPPED;
  result.baseline.what = baseline_of(station, item->op)->what;
  snprintf(result.device, sizeof result.device, "%s", station->device);
  snprintf(result.baseline.message, BENCH_TEXT, "not asked for");
  watcher(user, "inputs");
  void *instance = item->op->open(item, &station->world, result.message);
  if (!instance) {
    result.outcome = BENCH_SKIPPED;
    return result;
  }
  run_instance(station, instance, protocol, with_baseline, watcher, user, &result);
  item->op->close(instance);
  return result;
}
