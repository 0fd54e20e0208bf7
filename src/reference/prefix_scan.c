/* SPDX-License-Identifier: Apache-2.0 */
/* prefix_scan, an element at a time. A segment of a line along the scanned axis is a task. */
#include "reference/prefix_scan.h"

#include "core/element.h"
#include "core/work.h"
#include "reference/reference.h"

/* The elements of a task, in the order of the scan. */
typedef struct scan_line {
  const seqmix_prefix_scan_problem *p;
  int64_t length;
  int64_t x, out;           /* where the first one is */
  int64_t x_step, out_step; /* from one to the next */
} scan_line;

static int has(const seqmix_prefix_scan_problem *p, uint64_t feature) {
  return (p->header.features & feature) != 0;
}

static scan_line line_of(const seqmix_prefix_scan_problem *p, int64_t task) {
  int64_t segment = task % p->segments, others = task / p->segments;
  int64_t first = 0, end = p->length;
  if (p->cu_seqlens.bits) {
    first = seqmix_index_at(&p->cu_seqlens, segment, 0);
    end = seqmix_index_at(&p->cu_seqlens, segment + 1, 0);
  }
  scan_line line = {p, end - first, 0, 0, p->x_step, p->out_step};
  if (has(p, SEQMIX_PREFIX_SCAN_REVERSE)) {
    first = end - 1;
    line.x_step = -p->x_step;
    line.out_step = -p->out_step;
  }
  line.x = first * p->x_step;
  line.out = first * p->out_step;
  for (int32_t axis = p->axes - 1; axis >= 0; axis--) {
    line.x += others % p->sizes[axis] * p->x_strides[axis];
    line.out += others % p->sizes[axis] * p->out_strides[axis];
    others /= p->sizes[axis];
  }
  return line;
}

/* ---- floating point ------------------------------------------------------------------------- */

static double load(const seqmix_view *view, int64_t at) {
  if (view->dtype == SEQMIX_F64) return ((const double *)view->data)[at];
  return (double)seqmix_load(view->data, view->dtype, at);
}

static void store(const seqmix_view *view, int64_t at, double value) {
  if (view->dtype == SEQMIX_F64)
    ((double *)view->data)[at] = value;
  else
    seqmix_store(view->data, view->dtype, at, (float)value);
}

static void scan_numbers(const scan_line *line) {
  int32_t op = line->p->scan_op;
  scan_value value = seqmix_scan_start(op);
  for (int64_t i = 0; i < line->length; i++) {
    scan_value before = value;
    value = seqmix_scan_add(op, value, load(&line->p->x, line->x + i * line->x_step));
    store(&line->p->out, line->out + i * line->out_step,
          seqmix_scan_number(op, has(line->p, SEQMIX_PREFIX_SCAN_EXCLUSIVE) ? before : value));
  }
}

/* ---- integers ------------------------------------------------------------------------------- */

/* Sums and products are those of unsigned numbers, which wrap around. */
static int32_t add_integer(int32_t op, int32_t value, int32_t x) {
  switch (op) {
    case SEQMIX_SCAN_PRODUCT: return (int32_t)((uint32_t)value * (uint32_t)x);
    case SEQMIX_SCAN_MAX: return x > value ? x : value;
    default: return (int32_t)((uint32_t)value + (uint32_t)x);
  }
}

static void scan_integers(const scan_line *line) {
  const int32_t *x = line->p->x.data;
  int32_t *out = line->p->out.data, op = line->p->scan_op;
  int32_t value = op == SEQMIX_SCAN_MAX ? INT32_MIN : op == SEQMIX_SCAN_PRODUCT;
  for (int64_t i = 0; i < line->length; i++) {
    int32_t before = value;
    value = add_integer(op, value, x[line->x + i * line->x_step]);
    out[line->out + i * line->out_step] =
        has(line->p, SEQMIX_PREFIX_SCAN_EXCLUSIVE) ? before : value;
  }
}

static void scan(void *arg, int64_t task, int32_t worker) {
  (void)worker;
  scan_line line = line_of(*(const seqmix_prefix_scan_problem **)arg, task);
  if (line.p->x.dtype == SEQMIX_I32)
    scan_integers(&line);
  else
    scan_numbers(&line);
}

seqmix_status prefix_scan__any_reference_literal(const seqmix_call *call,
                                                 const seqmix_problem *problem) {
  const seqmix_prefix_scan_problem *p = (const seqmix_prefix_scan_problem *)problem;
  int64_t lines = p->segments;
  for (int32_t axis = 0; axis < p->axes; axis++) lines *= p->sizes[axis];
  seqmix_run_tasks(call, lines, scan, &p);
  return SEQMIX_OK;
}
