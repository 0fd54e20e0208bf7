/* SPDX-License-Identifier: Apache-2.0 */
/* What stands behind --shape, --sweep and --type, read and written. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cases.h"
#include "bench/operator.h"

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

static int fail_value(const bench_parameter *p, const char *text, int length, char *error) {
  if (!p->choices) {
    snprintf(error, BENCH_TEXT, "--shape: '%.*s': %s must be a%s number from %.0f to %.0f", length,
             text, p->name, p->is_whole ? " whole" : "", p->least, p->most);
    return 0;
  }
  char choices[BENCH_TEXT / 2];
  case_format_choices(p, choices, sizeof choices);
  snprintf(error, BENCH_TEXT, "--shape: '%.*s': %s must be one of %s", length, text, p->name,
           choices);
  return 0;
}

/* The number that `length` characters mean; zero if they mean none. */
static int read_value(const bench_parameter *p, const char *text, size_t length, double *value) {
  for (int i = 0; p->choices && i <= (int)p->most; i++)
    if (strlen(p->choices[i]) == length && strncmp(p->choices[i], text, length) == 0) {
      *value = i;
      return 1;
    }
  char *end;
  *value = strtod(text, &end);
  return !p->choices && length && end == text + length && *value >= p->least && *value <= p->most &&
         (!p->is_whole || *value == floor(*value));
}

/* Reads one "name=value" of `length` characters. */
static int parse_assignment(const bench_operator *op, const char *text, size_t length,
                            double *values, char *error) {
  size_t name = 0;
  while (name < length && text[name] != '=') name++;
  const bench_parameter *p = parameter_called(op, text, name);
  if (!p) return fail_unknown_parameter(op, text, (int)name, error);
  double value;
  if (name == length || !read_value(p, text + name + 1, length - name - 1, &value))
    return fail_value(p, text, (int)length, error);
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
  if (op->label)
    op->label(item->values, item->name, sizeof item->name);
  else
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

void case_format_value(const bench_parameter *p, double value, char *text, size_t room) {
  if (p->choices)
    snprintf(text, room, "%s", p->choices[(int)value]);
  else
    snprintf(text, room, "%.10g", value);
}

void case_format_choices(const bench_parameter *p, char *text, size_t room) {
  size_t used = 0;
  text[0] = 0;
  for (int i = 0; p->choices && i <= (int)p->most && used < room; i++)
    used += (size_t)snprintf(text + used, room - used, "%s%s", i ? ", " : "", p->choices[i]);
}

void case_format(const bench_case *item, char *text, size_t room) {
  size_t used = 0;
  text[0] = 0;
  for (int i = 0; i < item->op->parameter_count && used < room; i++) {
    const bench_parameter *p = &item->op->parameters[i];
    char value[32];
    case_format_value(p, item->values[i], value, sizeof value);
    used += (size_t)snprintf(text + used, room - used, "%s%s=%s", i ? "," : "", p->name, value);
  }
}
