/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/operator.h"

static int fail(char *error, const char *text) {
  snprintf(error, BENCH_TEXT, "%s", text);
  return 0;
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

static int equals(const char *known, const char *name, size_t length) {
  return strlen(known) == length && strncmp(known, name, length) == 0;
}

static int is_meant(const bench_preset *preset, const char *name, size_t length) {
  return equals("all", name, length) || equals(preset->group, name, length) ||
         begins(preset->name, name, length);
}

static int append_preset(case_list *list, const bench_operator *op, const bench_preset *preset,
                         char *error) {
  bench_case item = {.op = op, .phase = preset->phase};
  memcpy(item.values, preset->values, sizeof item.values);
  snprintf(item.name, sizeof item.name, "%s", preset->name);
  return op->complete(item.values, error) && append(list, &item, error);
}

/* Appends what `name` means among the presets of one operator. A whole name means that preset
 * alone, even where others begin with it. */
static int append_meant(case_list *list, const bench_operator *op, const char *name, size_t length,
                        int exact, char *error) {
  for (int i = 0; i < op->preset_count; i++) {
    const bench_preset *preset = &op->presets[i];
    int is_it = exact ? equals(preset->name, name, length) : is_meant(preset, name, length);
    if (is_it && !append_preset(list, op, preset, error)) return 0;
  }
  return 1;
}

int cases_add_presets(case_list *list, const char *name, size_t length, char *error) {
  int before = list->count;
  const char *colon = memchr(name, ':', length);
  const char *preset = colon ? colon + 1 : name;
  size_t preset_length = length - (size_t)(preset - name);
  for (int exact = 1; exact >= 0 && list->count == before && preset_length; exact--)
    for (int i = 0; bench_operators[i]; i++) {
      const bench_operator *op = bench_operators[i];
      if (colon && !equals(op->name, name, (size_t)(colon - name))) continue;
      if (!append_meant(list, op, preset, preset_length, exact, error)) return 0;
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

/* The names of one operator, a line per group. */
static size_t describe_presets(const bench_operator *op, char *text, size_t room) {
  size_t used = 0;
  const char *group = "";
  for (int i = 0; i < op->preset_count && used < room; i++) {
    const bench_preset *preset = &op->presets[i];
    if (strcmp(group, preset->group) != 0)
      used += (size_t)snprintf(text + used, room - used, "%s%s:%s: %s", i ? "\n" : "", op->name,
                               preset->group, preset->name);
    else
      used += (size_t)snprintf(text + used, room - used, ", %s", preset->name);
    group = preset->group;
  }
  return used;
}

void cases_describe(char *text, size_t room) {
  size_t used = 0;
  text[0] = 0;
  for (int i = 0; bench_operators[i] && used < room; i++) {
    if (i) used += (size_t)snprintf(text + used, room - used, "\n");
    if (used < room) used += describe_presets(bench_operators[i], text + used, room - used);
  }
}
