/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cases.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/operator.h"

static int fail(char *error, const char *text) {
  snprintf(error, BENCH_TEXT, "%s", text);
  return 0;
}

/* ---- shapes -------------------------------------------------------------------------------- */

static const bench_parameter *parameter_called(const bench_operator *op, const char *name,
                                               size_t length) {
  for (int i = 0; i < op->parameter_count; i++) {
    const bench_parameter *p = &op->parameters[i];
    if (strlen(p->name) == length && strncmp(p->name, name, length) == 0) return p;
  }
  return NULL;
}

static int fail_unknown_parameter(const bench_operator *op, const char *name, int length,
                                  char *error) {
  int used =
      snprintf(error, BENCH_TEXT, "--shape: %s has no '%.*s'; it has", op->name, length, name);
  for (int i = 0; i < op->parameter_count && used < BENCH_TEXT; i++)
    used += snprintf(error + used, (size_t)(BENCH_TEXT - used), "%s %s", i ? "," : "",
                     op->parameters[i].name);
  return 0;
}

/* Reads one "name=number" of `length` characters. */
static int parse_assignment(const bench_operator *op, const char *text, size_t length,
                            double *values, char *error) {
  size_t name = 0;
  while (name < length && text[name] != '=') name++;
  const bench_parameter *p = parameter_called(op, text, name);
  if (!p) return fail_unknown_parameter(op, text, (int)name, error);
  char *end = NULL;
  double value = name < length ? strtod(text + name + 1, &end) : 0;
  int is_number = end && end == text + length && end != text + name + 1;
  if (!is_number || !(value >= p->least && value <= p->most) ||
      (p->is_whole && value != floor(value))) {
    snprintf(error, BENCH_TEXT, "--shape: '%.*s': %s must be a%s number from %.0f to %.0f",
             (int)length, text, p->name, p->is_whole ? " whole" : "", p->least, p->most);
    return 0;
  }
  values[p - op->parameters] = value;
  return 1;
}

int case_parse_shape(const char *text, bench_case *item, char *error) {
  const char *colon = strchr(text, ':');
  char name[BENCH_NAME] = "attention";
  if (colon) snprintf(name, sizeof name, "%.*s", (int)(colon - text), text);
  const bench_operator *op = operator_by_name(name);
  if (!op) {
    snprintf(error, BENCH_TEXT, "--shape: there is no operator '%s'", name);
    return 0;
  }
  *item = (bench_case){.op = op};
  for (int i = 0; i < op->parameter_count; i++) item->values[i] = op->parameters[i].standard;
  for (const char *at = colon ? colon + 1 : text; *at;) {
    size_t length = strcspn(at, ",");
    if (!parse_assignment(op, at, length, item->values, error)) return 0;
    at += length + (at[length] == ',');
  }
  char reason[BENCH_TEXT];
  if (!op->complete(item->values, reason)) {
    snprintf(error, BENCH_TEXT, "--shape: %.400s", reason);
    return 0;
  }
  item->phase = op->phase(item->values);
  snprintf(item->name, sizeof item->name, "%s", item->phase);
  return 1;
}

int case_parse_sweep(const char *text, case_sweep *sweep, char *error) {
  char *end;
  long long first = strtoll(text, &end, 10), last = 0;
  int is_range = end != text && strncmp(end, "..", 2) == 0;
  if (is_range) {
    const char *second = end + 2;
    last = strtoll(second, &end, 10);
    is_range = end != second && !*end;
  }
  if (!is_range || first < 1 || last < first || last > (1 << 22)) {
    snprintf(error, BENCH_TEXT, "--sweep: '%.80s' must be two lengths, like 128..8192", text);
    return 0;
  }
  *sweep = (case_sweep){first, last};
  return 1;
}

int32_t case_parse_dtype(const char *name, size_t length) {
  static const int32_t dtypes[] = {SEQMIX_F32, SEQMIX_F16, SEQMIX_BF16};
  for (int i = 0; i < 3; i++) {
    const char *known = seqmix_dtype_name(dtypes[i]);
    if (strlen(known) == length && strncmp(known, name, length) == 0) return dtypes[i];
  }
  return 0;
}

void case_format(const bench_case *item, char *text, size_t room) {
  size_t used = 0;
  text[0] = 0;
  for (int i = 0; i < item->op->parameter_count && used < room; i++)
    used += (size_t)snprintf(text + used, room - used, "%s%s=%.10g", i ? "," : "",
                             item->op->parameters[i].name, item->values[i]);
}

/* ---- lists --------------------------------------------------------------------------------- */

static int append(case_list *list, const bench_case *item, char *error) {
  if (list->count == list->room) {
    int room = list->room ? 2 * list->room : 32;
    bench_case *items = realloc(list->items, (size_t)room * sizeof *items);
    if (!items) return fail(error, "not enough memory");
    list->items = items;
    list->room = room;
  }
  list->items[list->count++] = *item;
  return 1;
}

void cases_free(case_list *list) {
  free(list->items);
  *list = (case_list){0};
}

/* Whether `known` is `name`, or goes on behind it with a '-'. */
static int begins(const char *known, const char *name, size_t length) {
  return strncmp(known, name, length) == 0 && (!known[length] || known[length] == '-');
}

static int is_meant(const bench_preset *preset, const char *name, size_t length) {
  if (length == 3 && strncmp(name, "all", 3) == 0) return 1;
  if (strlen(preset->group) == length && strncmp(preset->group, name, length) == 0) return 1;
  return begins(preset->name, name, length);
}

static int is_exact(const bench_preset *preset, const char *name, size_t length) {
  return strlen(preset->name) == length && strncmp(preset->name, name, length) == 0;
}

static int append_preset(case_list *list, const bench_operator *op, const bench_preset *preset,
                         char *error) {
  bench_case item = {.op = op, .phase = preset->phase};
  memcpy(item.values, preset->values, sizeof item.values);
  snprintf(item.name, sizeof item.name, "%s", preset->name);
  return op->complete(item.values, error) && append(list, &item, error);
}

int cases_add_presets(case_list *list, const char *name, size_t length, char *error) {
  int before = list->count;
  /* A whole name means that preset alone, even where others begin with it. */
  for (int exact = 1; exact >= 0 && list->count == before && length; exact--)
    for (int i = 0; bench_operators[i]; i++) {
      const bench_operator *op = bench_operators[i];
      for (int p = 0; p < op->preset_count; p++)
        if (exact ? is_exact(&op->presets[p], name, length)
                  : is_meant(&op->presets[p], name, length))
          if (!append_preset(list, op, &op->presets[p], error)) return 0;
    }
  if (list->count > before) return 1;
  int used = snprintf(error, BENCH_TEXT, "--preset: there is no '%.*s'; there are all of\n",
                      (int)(length < 80 ? length : 80), name);
  cases_describe(error + used, (size_t)(BENCH_TEXT - used));
  return 0;
}

int cases_add_shape(case_list *list, const char *text, char *error) {
  bench_case item;
  return case_parse_shape(text, &item, error) && append(list, &item, error);
}

/* ---- sweeps and types ---------------------------------------------------------------------- */

static int append_types(case_list *list, const bench_case *item, const int32_t *dtypes, int count,
                        char *error) {
  for (int i = 0; i < count; i++) {
    bench_case typed = *item;
    typed.dtype = dtypes[i];
    if (!append(list, &typed, error)) return 0;
  }
  return 1;
}

static int append_lengths(case_list *list, const bench_case *item, const case_sweep *sweep,
                          const int32_t *dtypes, int count, char *error) {
  for (int64_t length = sweep->first;;
       length = 2 * length < sweep->last ? 2 * length : sweep->last) {
    bench_case stretched = *item;
    char reason[BENCH_TEXT];
    item->op->set_length(stretched.values, length);
    if (!item->op->complete(stretched.values, reason)) {
      snprintf(error, BENCH_TEXT, "--sweep: %.400s", reason);
      return 0;
    }
    snprintf(stretched.name, sizeof stretched.name, "%.40s@%lld", item->name, (long long)length);
    if (!append_types(list, &stretched, dtypes, count, error)) return 0;
    if (length == sweep->last) return 1;
  }
}

int cases_expand(case_list *list, const case_sweep *sweep, const int32_t *dtypes, int dtype_count,
                 char *error) {
  case_list expanded = {0};
  int done = 1;
  for (int i = 0; done && i < list->count; i++)
    done = sweep->first
               ? append_lengths(&expanded, &list->items[i], sweep, dtypes, dtype_count, error)
               : append_types(&expanded, &list->items[i], dtypes, dtype_count, error);
  if (!done) {
    cases_free(&expanded);
    return 0;
  }
  cases_free(list);
  *list = expanded;
  return 1;
}

void cases_describe(char *text, size_t room) {
  size_t used = 0;
  const char *group = "";
  text[0] = 0;
  for (int i = 0; bench_operators[i]; i++) {
    const bench_operator *op = bench_operators[i];
    for (int p = 0; p < op->preset_count && used < room; p++) {
      const bench_preset *preset = &op->presets[p];
      if (strcmp(group, preset->group) != 0)
        used +=
            (size_t)snprintf(text + used, room - used, "%s%s: ", *group ? "\n" : "", preset->group);
      else
        used += (size_t)snprintf(text + used, room - used, ", ");
      group = preset->group;
      if (used < room) used += (size_t)snprintf(text + used, room - used, "%s", preset->name);
    }
  }
}
