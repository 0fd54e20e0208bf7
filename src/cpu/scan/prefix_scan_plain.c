/* SPDX-License-Identifier: Apache-2.0 */
/* prefix_scan of f64 and i32, which only CPUs have: plain loops, a few neighbouring channels at a
 * time, and long sequences of few channels in pieces (turns.h). */
#include <math.h>

#include "core/work.h"
#include "cpu/cpu.h"
#include "cpu/scan/prefix_streams.h"
#include "cpu/scan/turns.h"

typedef seqmix_prefix_scan_problem prefix;

/* Channels of a task, and tokens of a piece where a sequence is cut. */
enum { CHANNELS = 32, PIECE = 8192 };

/* With fewer tasks than these, sequences are cut in time. */
enum { TASKS_ENOUGH = 16 };

/* What is carried on: of f64 a sum, a maximum, a product's mantissa and power of two, or a sum of
 * exponentials below `second`; of i32 `whole`. */
typedef struct value {
  double first, second;
  uint32_t whole;
} value;

static inline value value_before_all(int32_t op) {
  return (value){op == SEQMIX_SCAN_MAX ? -INFINITY : op == SEQMIX_SCAN_PRODUCT,
                 op == SEQMIX_SCAN_LOGSUMEXP ? -INFINITY : 0,
                 op == SEQMIX_SCAN_MAX ? 0x80000000u : op == SEQMIX_SCAN_PRODUCT};
}

/* ---- f64 ------------------------------------------------------------------------------------- */

/* Products of two that lie between these do not leave the range of f64. */
static int is_moderate(double x) { return fabs(x) < 0x1p500 && fabs(x) > 0x1p-500; }

/* Takes the power of two out of x; 0, infinities and NaN have none. */
static double split_power(double x, double *power) {
  int exponent = 0;
  if (is_moderate(x) || x == 0 || !isfinite(x)) return x;
  x = frexp(x, &exponent);
  *power += exponent;
  return x;
}

static inline value multiply(value before, double x, double power) {
  value v = {0, before.second + power, 0};
  v.first =
      split_power(split_power(before.first, &v.second) * split_power(x, &v.second), &v.second);
  return v;
}

static value add_exponentials(value a, value b) {
  double largest = a.second > b.second ? a.second : b.second;
  /* Equal infinities have no difference. */
  double a_gap = a.second == largest ? 0 : a.second - largest;
  double b_gap = b.second == largest ? 0 : b.second - largest;
  return (value){a.first * exp(a_gap) + b.first * exp(b_gap), largest, 0};
}

/* NaN is larger than anything. */
static inline double larger(double a, double b) { return a >= b || a != a ? a : b; }

/* What two neighbouring stretches give together. */
static inline value join_f64(int32_t op, value a, value b) {
  switch (op) {
    case SEQMIX_SCAN_SUM: return (value){a.first + b.first, 0, 0};
    case SEQMIX_SCAN_PRODUCT: return multiply(a, b.first, b.second);
    case SEQMIX_SCAN_MAX: return (value){larger(a.first, b.first), 0, 0};
    default: return add_exponentials(a, b);
  }
}

/* A single number as such a stretch. NaN is no maximum, but spoils the sum. */
static inline value value_of_f64(int32_t op, double x) {
  if (op != SEQMIX_SCAN_LOGSUMEXP) return (value){x, 0, 0};
  return x == x ? (value){1, x, 0} : (value){x, -INFINITY, 0};
}

static inline double result_f64(int32_t op, value v) {
  if (op == SEQMIX_SCAN_LOGSUMEXP) return v.first == 0 ? v.second : v.second + log(v.first);
  if (op != SEQMIX_SCAN_PRODUCT || v.second == 0) return v.first;
  /* Beyond these the result is an infinity or 0 whatever the mantissa. */
  return ldexp(v.first, v.second > 4000 ? 4000 : v.second < -4000 ? -4000 : (int)v.second);
}

/* ---- i32: unsigned, so that it wraps around ----------------------------------------------------
 */

static inline value join_i32(int32_t op, value a, value b) {
  uint32_t x = a.whole, y = b.whole;
  if (op == SEQMIX_SCAN_SUM) return (value){0, 0, x + y};
  if (op == SEQMIX_SCAN_PRODUCT) return (value){0, 0, x * y};
  /* As numbers with a sign, moved up by 2^31. */
  return (value){0, 0, (x ^ 0x80000000u) > (y ^ 0x80000000u) ? x : y};
}

/* ---- both ------------------------------------------------------------------------------------ */

static inline value join(int is_f64, int32_t op, value a, value b) {
  return is_f64 ? join_f64(op, a, b) : join_i32(op, a, b);
}

static inline value load_value(int is_f64, int32_t op, const void *x, int64_t at) {
  if (is_f64) return value_of_f64(op, ((const double *)x)[at]);
  return (value){0, 0, ((const uint32_t *)x)[at]};
}

static inline void store_value(int is_f64, int32_t op, void *out, int64_t at, value v) {
  if (is_f64)
    ((double *)out)[at] = result_f64(op, v);
  else
    ((uint32_t *)out)[at] = v.whole;
}

/* Tokens of some channels. */
typedef struct stretch {
  const void *x;
  void *out; /* NULL: only the values are brought on */
  int64_t tokens, channels;
  int64_t x_step, x_channel, out_step, out_channel;
  value *values;
} stretch;

static inline void walk(const stretch *s, int is_f64, int32_t op, int is_exclusive) {
  for (int64_t t = 0; t < s->tokens; t++)
    for (int64_t c = 0; c < s->channels; c++) {
      value before = s->values[c];
      s->values[c] =
          join(is_f64, op, before, load_value(is_f64, op, s->x, t * s->x_step + c * s->x_channel));
      if (s->out)
        store_value(is_f64, op, s->out, t * s->out_step + c * s->out_channel,
                    is_exclusive ? before : s->values[c]);
    }
}

static void walk_f64(const stretch *s, int32_t op, int is_exclusive) {
  switch (op) {
    case SEQMIX_SCAN_SUM: walk(s, 1, SEQMIX_SCAN_SUM, is_exclusive); break;
    case SEQMIX_SCAN_PRODUCT: walk(s, 1, SEQMIX_SCAN_PRODUCT, is_exclusive); break;
    case SEQMIX_SCAN_MAX: walk(s, 1, SEQMIX_SCAN_MAX, is_exclusive); break;
    default: walk(s, 1, SEQMIX_SCAN_LOGSUMEXP, is_exclusive);
  }
}

static void walk_i32(const stretch *s, int32_t op, int is_exclusive) {
  switch (op) {
    case SEQMIX_SCAN_SUM: walk(s, 0, SEQMIX_SCAN_SUM, is_exclusive); break;
    case SEQMIX_SCAN_PRODUCT: walk(s, 0, SEQMIX_SCAN_PRODUCT, is_exclusive); break;
    default: walk(s, 0, SEQMIX_SCAN_MAX, is_exclusive);
  }
}

/* ---- tasks ----------------------------------------------------------------------------------- */

typedef struct cut {
  int64_t streams, blocks, pieces, piece;
} cut;

static cut cut_of(const prefix *p) {
  const prefix_streams all = prefix_streams_of(p);
  cut c = {all.count, (all.channels + CHANNELS - 1) / CHANNELS, 1, p->longest};
  if (c.streams * c.blocks >= TASKS_ENOUGH || p->longest < 2 * PIECE) return c;
  c.piece = PIECE;
  c.pieces = (p->longest + PIECE - 1) / PIECE;
  return c;
}

/* What a block's pieces hand on. */
typedef struct carry {
  scan_turn turn;
  value values[CHANNELS];
} carry;

typedef struct scan {
  const prefix *problem;
  cut cut;
  carry *carries; /* [stream][block] if sequences are cut */
} scan;

static void walk_stretch(const scan *w, const stretch *s) {
  int is_exclusive = (w->problem->header.features & SEQMIX_PREFIX_SCAN_EXCLUSIVE) != 0;
  if (w->problem->header.dtype == SEQMIX_F64)
    walk_f64(s, w->problem->scan_op, is_exclusive);
  else
    walk_i32(s, w->problem->scan_op, is_exclusive);
}

/* Values before the piece, taken from the one before and handed on to the next. */
static void take_carry(const scan *w, const stretch *s, int64_t piece, carry *from) {
  value own[CHANNELS];
  stretch all = *s;
  all.out = NULL;
  all.values = own;
  for (int64_t c = 0; c < s->channels; c++) own[c] = s->values[c];
  walk_stretch(w, &all);
  scan_wait_for_turn(&from->turn, piece);
  for (int64_t c = 0; c < s->channels; c++) {
    if (piece > 0) s->values[c] = from->values[c];
    from->values[c] = w->problem->header.dtype == SEQMIX_F64
                          ? join_f64(w->problem->scan_op, s->values[c], own[c])
                          : join_i32(w->problem->scan_op, s->values[c], own[c]);
  }
  scan_pass_turn(&from->turn, piece);
}

static void scan_task(void *argument, int64_t task, int32_t worker) {
  const scan *w = argument;
  const prefix *p = w->problem;
  int64_t piece = task % w->cut.pieces, block = task / w->cut.pieces % w->cut.blocks;
  int64_t stream = task / w->cut.pieces / w->cut.blocks;
  const prefix_stream at = prefix_stream_at(p, stream);
  int64_t t = piece * w->cut.piece, left = at.tokens - t, c = block * CHANNELS;
  int64_t bytes = p->header.dtype == SEQMIX_F64 ? 8 : 4, channels = at.channels - c;
  value values[CHANNELS];
  (void)worker;
  if (left <= 0) return;
  for (int i = 0; i < CHANNELS; i++) values[i] = value_before_all(p->scan_op);
  const stretch s = {
      .x = (const char *)p->x.data + (at.x + t * at.x_step + c * at.x_channel) * bytes,
      .out = (char *)p->out.data + (at.out + t * at.out_step + c * at.out_channel) * bytes,
      .tokens = left < w->cut.piece ? left : w->cut.piece,
      .channels = channels < CHANNELS ? channels : CHANNELS,
      .x_step = at.x_step,
      .x_channel = at.x_channel,
      .out_step = at.out_step,
      .out_channel = at.out_channel,
      .values = values,
  };
  if (w->cut.pieces > 1) take_carry(w, &s, piece, &w->carries[stream * w->cut.blocks + block]);
  walk_stretch(w, &s);
}

uint64_t seqmix_prefix_scan_plain_workspace(const seqmix_problem *problem,
                                            const seqmix_device_properties *device,
                                            int32_t workers) {
  const cut c = cut_of((const prefix *)problem);
  (void)device, (void)workers;
  return c.pieces > 1 ? (uint64_t)(c.streams * c.blocks) * sizeof(carry) : 0;
}

seqmix_status prefix_scan__f64i32_generic_plain(const seqmix_call *call,
                                                const seqmix_problem *problem) {
  const prefix *p = (const prefix *)problem;
  scan w = {p, cut_of(p), call->workspace};
  for (int64_t i = 0; i < w.cut.streams * w.cut.blocks && w.cut.pieces > 1; i++)
    atomic_init(&w.carries[i].turn, 0);
  seqmix_run_tasks(call, w.cut.streams * w.cut.blocks * w.cut.pieces, scan_task, &w);
  return SEQMIX_OK;
}
