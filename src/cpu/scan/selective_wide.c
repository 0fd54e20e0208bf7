/* SPDX-License-Identifier: Apache-2.0 */
/* The selective scan in f64: complex states, whose angles f32 could not hold; states that grow; and
 * what has met infinities, which f32's form of a decay does not know. The same operations as the
 * definition has, so that infinities and NaN come out as they do there. */
#include <math.h>

#include "cpu/scan/selective.h"
#include "cpu/simd/each.h"
#include "cpu/simd/wide_math.h"

/* Half a vector of channels. */
typedef struct wide_lanes {
  const selective_channels *s;
  int64_t column;        /* the first channel, in rows */
  int64_t own, apart;    /* of coefficients: those of the lanes, and from a state to the next */
  const float *A[PARTS]; /* [s], LANES apart */
  double *h[PARTS];      /* the same */
  const double *steps;   /* [tokens], LANES apart */
} wide_lanes;

/* sin and cos; `is_far`: of angles of any size. */
SEQMIX_INLINE void turn_by(dvec angle, int is_far, dvec *sine, dvec *cosine) {
  if (!is_far) {
    dvec_sin_cos(angle, sine, cosine);
    return;
  }
  for (int i = 0; i < WIDE_LANES; i++) {
    (*sine)[i] = sin(angle[i]);
    (*cosine)[i] = cos(angle[i]);
  }
}

/* Those of state s at token t: the same for all channels, but not for all stretches. */
SEQMIX_INLINE dvec coefficients(const wide_lanes *lanes, const scan_rows *rows, int64_t t,
                                int64_t s) {
  const float *at = rows->at + t * rows->step + s * lanes->apart + lanes->own;
  return lanes->apart == 1 ? dvec_of((double)*at) : dvec_from_floats(at);
}

/* State s after token t; returns C h, or its real part. */
SEQMIX_INLINE dvec step_state(const wide_lanes *lanes, int64_t t, int64_t s, dvec step, dvec input,
                              int is_complex, int is_far) {
  const scan_rows *B = lanes->s->B_rows, *C = lanes->s->C_rows;
  double *h = lanes->h[0] + s * LANES, *h_im = is_complex ? lanes->h[1] + s * LANES : NULL;
  dvec decay = dvec_exp(step * dvec_from_floats(lanes->A[0] + s * LANES));
  dvec re = *(const dvec_in_memory *)h, more = input * coefficients(lanes, &B[0], t, s);
  dvec C_re = coefficients(lanes, &C[0], t, s);
  if (!is_complex) {
    re = decay * re + more;
    *(dvec_in_memory *)h = re;
    return re * C_re;
  }
  dvec im = *(const dvec_in_memory *)h_im, sine, cosine;
  turn_by(step * dvec_from_floats(lanes->A[1] + s * LANES), is_far, &sine, &cosine);
  dvec decay_re = decay * cosine, decay_im = decay * sine;
  dvec new_re = decay_re * re - decay_im * im + more;
  dvec new_im = decay_re * im + decay_im * re + input * coefficients(lanes, &B[1], t, s);
  *(dvec_in_memory *)h = new_re;
  *(dvec_in_memory *)h_im = new_im;
  return new_re * C_re - new_im * coefficients(lanes, &C[1], t, s);
}

SEQMIX_INLINE dvec silu(dvec x) { return x / (1.0 + dvec_exp(-x)); }

SEQMIX_INLINE void run_lanes(const wide_lanes *lanes, int is_complex, int is_far) {
  const selective_channels *s = lanes->s;
  for (int64_t t = 0; t < s->tokens; t++) {
    dvec u = dvec_from_floats(s->u_rows.at + t * s->u_rows.step + lanes->column);
    dvec step = *(const dvec_in_memory *)(lanes->steps + t * LANES), y = dvec_of(0);
    for (int64_t i = 0; i < s->states; i++)
      y += step_state(lanes, t, i, step, step * u, is_complex, is_far);
    if (is_complex) y += y;
    if (s->D) y += u * dvec_from_floats(s->D + lanes->column);
    if (s->z.dtype) y *= silu(dvec_from_floats(s->z_rows.at + t * s->z_rows.step + lanes->column));
    for (int i = 0; i < WIDE_LANES; i++) s->y[t * s->width + lanes->column + i] = (float)y[i];
  }
}

/* The steps anew, with the digits that angles need. Returns the largest. */
static double make_steps(const selective_channels *s, int64_t column, double *steps) {
  int has_softplus = selective_has(s->problem, SEQMIX_SELECTIVE_SCAN_SOFTPLUS);
  double largest = 0;
  for (int64_t t = 0; t < s->tokens; t++, steps += LANES) {
    const float *delta = s->delta_rows.at + t * s->delta_rows.step + column;
    vec bias = s->bias ? vec_load(s->bias + column) : vec_of(0);
    wide x = wide_add(wide_from_memory(delta), wide_from(bias));
    if (has_softplus) {
      vec near = vec_from_wide(x), e;
      exp_of_sizes(&near, &e, 1);
      logs_of_one_plus(&e, 1);
      wide tail = wide_from(e);
      x = (wide){dvec_softplus(x.low, tail.low), dvec_softplus(x.high, tail.high)};
    }
    wide_store(steps, x);
    for (int i = 0; i < LANES; i++) largest = fabs(steps[i]) > largest ? fabs(steps[i]) : largest;
  }
  return largest;
}

/* Whether some angle may be too large for the quick sin and cos. */
static int has_far_angles(const selective_channels *s, int64_t vector, double largest_step) {
  const float *A = s->A[1] + selective_at(s, vector);
  double largest = 0;
  for (int64_t i = 0; i < s->states * LANES; i++)
    largest = fabs((double)A[i]) > largest ? fabs((double)A[i]) : largest;
  return largest_step * largest > FAR_ANGLE;
}

void selective_run_wide(const selective_channels *s, int64_t vector) {
  double steps[SELECTIVE_TOKENS * LANES];
  int64_t at = selective_at(s, vector), column = vector * LANES;
  double largest = make_steps(s, column, steps);
  int parts = s->parts == 2 ? 2 : 1, is_far = parts == 2 && has_far_angles(s, vector, largest);
  for (int64_t first = 0; first < LANES; first += WIDE_LANES) {
    wide_lanes lanes = {.s = s,
                        .column = column + first,
                        .own = s->is_cut ? column + first : 0,
                        .apart = selective_apart(s),
                        .steps = steps + first};
    for (int i = 0; i < parts; i++) {
      lanes.A[i] = s->A[i] + at + first;
      lanes.h[i] = s->wide[i] + at + first;
    }
    if (parts == 1)
      run_lanes(&lanes, 0, 0);
    else if (is_far)
      run_lanes(&lanes, 1, 1);
    else
      run_lanes(&lanes, 1, 0);
  }
}

/* ---- what a block makes of states before it -------------------------------------------------- */

/* The sums of the steps that the block went by. Returns the largest. */
static double sum_steps(const selective_channels *s, int64_t vector, wide *sums) {
  double steps[SELECTIVE_TOKENS * LANES], each[LANES], largest = 0;
  int is_wide = s->is_wide >> vector & 1;
  if (is_wide) make_steps(s, vector * LANES, steps);
  *sums = wide_of(0);
  for (int64_t t = 0; t < s->tokens; t++) {
    wide step = is_wide ? wide_load(steps + t * LANES)
                        : wide_from_memory(s->steps + t * s->width + vector * LANES);
    *sums = wide_add(*sums, step);
  }
  if (!is_wide) *sums = wide_multiply(*sums, wide_of(0.6931471805599453)); /* of steps log2(e) */
  wide_store(each, *sums);
  for (int i = 0; i < LANES; i++) largest = fabs(each[i]) > largest ? fabs(each[i]) : largest;
  return largest;
}

static dvec transfer(dvec re, dvec im, int is_complex, int is_far, dvec *imaginary) {
  dvec decay = dvec_exp(re), sine, cosine;
  if (!is_complex) return decay;
  turn_by(im, is_far, &sine, &cosine);
  *imaginary = decay * sine;
  return decay * cosine;
}

void selective_find_transfers(const selective_channels *s, int64_t vector) {
  wide steps, im = wide_of(0), A_im = wide_of(0);
  double largest = sum_steps(s, vector, &steps);
  int is_complex = s->parts == 2, is_far = is_complex && has_far_angles(s, vector, largest);
  int64_t at = selective_at(s, vector);
  for (int64_t i = at; i < at + s->states * LANES; i += LANES) {
    wide re = wide_multiply(steps, wide_from_memory(s->A[0] + i));
    if (is_complex) A_im = wide_multiply(steps, wide_from_memory(s->A[1] + i));
    re.low = transfer(re.low, A_im.low, is_complex, is_far, &im.low);
    re.high = transfer(re.high, A_im.high, is_complex, is_far, &im.high);
    wide_store(s->transfers[0] + i, re);
    if (is_complex) wide_store(s->transfers[1] + i, im);
  }
}
