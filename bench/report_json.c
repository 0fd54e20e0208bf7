/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/cases.h"
#include "bench/machine.h"
#include "bench/operator.h"
#include "bench/report.h"
#include "bench/report_json.h"

/* Of the file's layout; one that cannot be read any more gets another number. */
#define FORMAT 1

/* ---- small parts --------------------------------------------------------------------------- */

void json_number(cJSON *object, const char *name, double value) {
  if (isfinite(value))
    cJSON_AddNumberToObject(object, name, value);
  else
    cJSON_AddNullToObject(object, name);
}

void json_text(cJSON *object, const char *name, const char *text) {
  cJSON_AddStringToObject(object, name, text ? text : "");
}

static void add_date(cJSON *root) {
  char text[32] = "";
  time_t seconds = time(NULL);
  struct tm date;
  if (gmtime_r(&seconds, &date)) strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &date);
  json_text(root, "date", text);
}

static void add_machine(cJSON *root, double load) {
  cJSON *machine = cJSON_AddObjectToObject(root, "machine");
  char model[128];
  machine_model(model, sizeof model);
  json_text(machine, "model", model);
  json_text(machine, "level", level_best()->name);
  json_number(machine, "cache_bytes", (double)machine_cache_bytes());
  json_number(machine, "load_before", load);
  cJSON *build = cJSON_AddObjectToObject(root, "build");
  json_text(build, "version", seqmix_version());
  json_text(build, "compiler", machine_compiler());
  json_text(build, "type", BENCH_BUILD_TYPE);
}

static void add_devices(cJSON *root) {
  cJSON *devices = cJSON_AddObjectToObject(root, "devices");
  for (int32_t i = 0; i < seqmix_device_count(); i++) {
    seqmix_device_info info = SEQMIX_DEVICE_INFO_INIT;
    if (seqmix_device_get_info(i, &info) == SEQMIX_OK)
      json_text(devices, info.name, info.description);
  }
}

static void add_ceilings(cJSON *root, const bench_run *run) {
  cJSON *list = cJSON_AddArrayToObject(root, "ceilings");
  for (int i = 0; i < run->ceiling_count; i++) {
    const machine_ceilings *all = &run->ceilings[i];
    cJSON *item = cJSON_CreateObject();
    cJSON_AddItemToArray(list, item);
    json_number(item, "threads", all->threads);
    cJSON *levels = cJSON_AddObjectToObject(item, "multiply_add");
    for (int l = 0; l < all->levels; l++) json_number(levels, all->level[l], all->multiply_add[l]);
    if (all->bf16_dot > 0) json_number(item, "bf16_dot", all->bf16_dot);
    json_number(item, "read", all->read);
    json_number(item, "copy", all->copy);
    json_number(item, "copy_add", all->copy_add);
    json_number(item, "update", all->update);
  }
}

/* ---- a result ------------------------------------------------------------------------------ */

static void add_timing(cJSON *object, const bench_timing *time) {
  json_number(object, "seconds", time->median);
  json_number(object, "low", time->low);
  json_number(object, "high", time->high);
  json_number(object, "spread", time->spread);
  json_number(object, "best_seconds", time->best);
  json_number(object, "samples", time->samples);
  json_number(object, "calls_per_sample", (double)time->inner);
}

static void add_check(cJSON *object, const bench_check *check) {
  json_number(object, "verified_rows", (double)check->rows);
  json_number(object, "error_over_tolerance", check->error);
}

void json_outcome(cJSON *object, bench_outcome outcome, const char *message) {
  static const char *const names[] = {
      [BENCH_MEASURED] = "measured", [BENCH_SKIPPED] = "skipped", [BENCH_FAILED] = "failed"};
  json_text(object, "outcome", names[outcome]);
  if (outcome != BENCH_MEASURED) json_text(object, "message", message);
}

static void add_ceiling(cJSON *object, const bench_ceiling *ceiling) {
  cJSON *item = cJSON_AddObjectToObject(object, "ceiling");
  json_number(item, "flops", ceiling->flops);
  json_text(item, "bound", ceiling->bound);
  json_number(item, "peak", ceiling->peak);
  json_text(item, "peak_name", ceiling->peak_name);
  json_number(item, "bandwidth", ceiling->bandwidth);
  json_text(item, "bandwidth_name", ceiling->bandwidth_name);
  json_number(item, "drift", ceiling->drift);
}

static void add_baseline(cJSON *object, const bench_result *result) {
  const bench_baseline *baseline = &result->baseline;
  cJSON *item = cJSON_AddObjectToObject(object, "baseline");
  json_outcome(item, baseline->outcome, baseline->message);
  if (baseline->what) json_text(item, "what", baseline->what);
  if (baseline->how) json_text(item, "how", baseline->how);
  if (baseline->check.rows) add_check(item, &baseline->check);
  if (baseline->outcome != BENCH_MEASURED) return;
  add_timing(item, &baseline->time);
  json_number(item, "speed_up", result_speed_up(result));
}

/* Beside the first of several devices, in the same run. */
static void add_relative(cJSON *object, const bench_result *result) {
  cJSON *item = cJSON_AddObjectToObject(object, "relative");
  json_text(item, "to", result->relative_to);
  json_number(item, "speed_up", result->relative);
}

static void add_measurements(cJSON *object, const bench_result *result) {
  add_timing(object, &result->time);
  json_number(object, "flops_per_second", result_flops(result));
  json_number(object, "bytes_per_second", result_bytes(result));
  if (result->cost.state_updates > 0)
    json_number(object, "state_updates_per_second",
                result->cost.state_updates / result->time.median);
  if (result->ceiling.flops > 0) {
    json_number(object, "fraction", result->fraction);
    json_number(object, "best_fraction", result->best_fraction);
    add_ceiling(object, &result->ceiling);
  }
  add_baseline(object, result);
  if (result->relative > 0) add_relative(object, result);
}

/* Choices by name. */
static void add_parameters(cJSON *object, const bench_case *item) {
  cJSON *parameters = cJSON_AddObjectToObject(object, "parameters");
  for (int i = 0; i < item->op->parameter_count; i++) {
    const bench_parameter *p = &item->op->parameters[i];
    if (p->choices)
      json_text(parameters, p->name, p->choices[(int)item->values[i]]);
    else
      json_number(parameters, p->name, item->values[i]);
  }
}

void json_case(cJSON *object, const bench_case *item) {
  json_text(object, "operator", item->op->name);
  json_text(object, "case", item->name);
  json_text(object, "phase", item->phase);
  json_text(object, "type", seqmix_dtype_name(item->dtype));
  add_parameters(object, item);
}

void json_cost(cJSON *object, bench_cost cost) {
  json_number(object, "flops", cost.flops);
  json_number(object, "bytes", cost.bytes);
  if (cost.state_updates > 0) json_number(object, "state_updates", cost.state_updates);
}

/* What has no kernels to show is no GPU. */
static void add_kernels(cJSON *object, const bench_result *result) {
  if (!result->kernels.count) return;
  json_kernels(object, &result->kernels);
  json_bounds(object, result->cost);
}

static cJSON *json_of(const bench_result *result) {
  cJSON *object = cJSON_CreateObject();
  json_case(object, &result->item);
  json_text(object, "device", result->device);
  json_number(object, "threads", result->threads);
  json_text(object, "variant", result->variant);
  json_outcome(object, result->outcome, result->message);
  json_cost(object, result->cost);
  json_number(object, "copies", (double)result->copies);
  if (result->check.rows) add_check(object, &result->check);
  add_kernels(object, result);
  if (result->outcome == BENCH_MEASURED) add_measurements(object, result);
  return object;
}

/* ---- writing ------------------------------------------------------------------------------- */

/* Of GPUs that are not here. */
static void add_plans(cJSON *root, const bench_run *run) {
  cJSON *plans = cJSON_AddArrayToObject(root, "plans");
  for (int i = 0; i < run->planned_count; i++) {
    cJSON *item = cJSON_CreateObject();
    cJSON_AddItemToArray(plans, item);
    json_planned(item, &run->planned[i]);
  }
}

static char *print_run(const bench_run *run) {
  cJSON *root = cJSON_CreateObject();
  json_number(root, "format", FORMAT);
  json_text(root, "program", "seqmix-bench");
  add_date(root);
  add_machine(root, run->load);
  add_devices(root);
  cJSON *protocol = cJSON_AddObjectToObject(root, "protocol");
  json_number(protocol, "min_time", run->protocol.min_time);
  json_number(protocol, "min_samples", run->protocol.min_samples);
  add_ceilings(root, run);
  cJSON *results = cJSON_AddArrayToObject(root, "results");
  for (int i = 0; i < run->count; i++) cJSON_AddItemToArray(results, json_of(&run->results[i]));
  json_gpus(root);
  if (run->planned) add_plans(root, run);
  char *text = cJSON_Print(root);
  cJSON_Delete(root);
  return text;
}

int report_json(const char *path, const bench_run *run, char *error) {
  char *text = print_run(run);
  FILE *file = text ? fopen(path, "w") : NULL;
  int done = file && fprintf(file, "%s\n", text) > 0;
  if (file && fclose(file) != 0) done = 0;
  if (!done)
    snprintf(error, BENCH_TEXT, "--json: '%.200s' cannot be written: %s", path,
             text ? strerror(errno) : "not enough memory");
  cJSON_free(text);
  return done;
}

/* ---- reading ------------------------------------------------------------------------------- */

static double number_of(const cJSON *object, const char *name, double standard) {
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
  return cJSON_IsNumber(item) ? item->valuedouble : standard;
}

static const char *text_of(const cJSON *object, const char *name) {
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
  return cJSON_IsString(item) ? item->valuestring : "";
}

static double parameter_of(const cJSON *parameters, const bench_parameter *p) {
  const char *text = text_of(parameters, p->name);
  for (int i = 0; p->choices && i <= (int)p->most; i++)
    if (strcmp(text, p->choices[i]) == 0) return i;
  return p->choices ? p->standard : number_of(parameters, p->name, p->standard);
}

/* A measured result as a record; zero for anything else. */
static int read_record(const cJSON *object, bench_record *record) {
  const bench_operator *op = operator_by_name(text_of(object, "operator"));
  if (!op || strcmp(text_of(object, "outcome"), "measured") != 0) return 0;
  bench_result result = {.item = {.op = op}};
  const char *dtype = text_of(object, "type");
  result.item.dtype = case_parse_dtype(dtype, strlen(dtype));
  snprintf(result.item.name, sizeof result.item.name, "%s", text_of(object, "case"));
  snprintf(result.device, sizeof result.device, "%s", text_of(object, "device"));
  result.threads = (int32_t)number_of(object, "threads", 0);
  const cJSON *parameters = cJSON_GetObjectItemCaseSensitive(object, "parameters");
  for (int i = 0; i < op->parameter_count; i++)
    result.item.values[i] = parameter_of(parameters, &op->parameters[i]);
  result.time.median = number_of(object, "seconds", 0);
  result.time.spread = number_of(object, "spread", 0);
  result.fraction = number_of(object, "fraction", 0);
  const cJSON *ceiling = cJSON_GetObjectItemCaseSensitive(object, "ceiling");
  result.ceiling.drift = number_of(ceiling, "drift", 0);
  if (!(result.time.median > 0)) return 0;
  *record = compare_record_of(&result);
  return 1;
}

static char *read_file(const char *path, char *error) {
  FILE *file = fopen(path, "r");
  char *text = NULL;
  long size = 0;
  if (file && fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 &&
      fseek(file, 0, SEEK_SET) == 0 && (text = calloc(1, (size_t)size + 1)) != NULL &&
      fread(text, 1, (size_t)size, file) != (size_t)size) {
    free(text);
    text = NULL;
  }
  if (!text)
    snprintf(error, BENCH_TEXT, "--compare: '%.200s' cannot be read: %s", path, strerror(errno));
  if (file) fclose(file);
  return text;
}

/* Fractions of two processors' ceilings say nothing about the program. */
static void warn_of_other_machine(const cJSON *root, const char *path) {
  char model[128];
  machine_model(model, sizeof model);
  const char *other = text_of(cJSON_GetObjectItemCaseSensitive(root, "machine"), "model");
  if (strcmp(model, other) != 0)
    fprintf(stderr, "seqmix-bench: warning: %s was measured on '%s', this is '%s'\n", path, other,
            model);
}

int report_read_json(const char *path, bench_record **records, int *count, char *error) {
  char *text = read_file(path, error);
  if (!text) return 0;
  cJSON *root = cJSON_Parse(text);
  free(text);
  const cJSON *results = cJSON_GetObjectItemCaseSensitive(root, "results"), *item;
  if (number_of(root, "format", 0) != FORMAT || !cJSON_IsArray(results)) {
    snprintf(error, BENCH_TEXT, "--compare: '%.200s' must be a file that --json wrote (format %d)",
             path, FORMAT);
    cJSON_Delete(root);
    return 0;
  }
  warn_of_other_machine(root, path);
  *count = 0;
  *records = calloc((size_t)cJSON_GetArraySize(results) + 1, sizeof **records);
  if (*records) cJSON_ArrayForEach(item, results) {
      if (read_record(item, &(*records)[*count])) ++*count;
    }
  else
    snprintf(error, BENCH_TEXT, "--compare: not enough memory");
  cJSON_Delete(root);
  return *records != NULL;
}
