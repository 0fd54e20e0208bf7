/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a block of tokens: into steps and inputs before the states, into outputs after them. */
#include <string.h>

#include "cpu/scan/selective.h"
#include "cpu/simd/each.h"

/* ---- before ---------------------------------------------------------------------------------- */

/* Rows that lie far apart are not fetched ahead in hardware. */
static void add_ahead(selective_channels *s, const scan_plane *plane, int64_t t) {
  int64_t bytes = plane->dtype == SEQMIX_F32 ? 4 : 2;
  if (!plane->dtype || plane->channel != 1 || t + s->tokens > s->sequence.length) return;
  s->ahead[s->aheads++] = (selective_ahead){
      .at = plane->data + t * plane->time * bytes,
      .step = plane->time * bytes,
      .vector = LANES * bytes,
  };
}

enum { AT_ONCE = EACH_MOST * LANES };

SEQMIX_INLINE void soften(float *steps, int count) {
  vec x[EACH_MOST];
  EACH(i, count) x[i] = vec_load(steps + i * LANES);
  vec_softplus_each(x, count);
  EACH(i, count) vec_store(steps + i * LANES, x[i]);
}

/* steps = delta + bias, of a token. */
static void bias_steps(const selective_channels *s, int64_t t) {
  const float *delta = s->delta_rows.at + t * s->delta_rows.step;
  float *steps = s->steps + t * s->width;
  for (int64_t c = 0; c < s->width; c += LANES) {
    vec x = vec_load(delta + c);
    vec_store(steps + c, s->bias ? x + vec_load(s->bias + c) : x);
  }
}

static void soften_steps(const selective_channels *s, int64_t t) {
  float *steps = s->steps + t * s->width;
  int64_t c = 0;
  for (; c + AT_ONCE <= s->width; c += AT_ONCE) soften(steps + c, EACH_MOST);
  for (; c < s->width; c += LANES) soften(steps + c, 1);
}

static void make_inputs(const selective_channels *s, int64_t t) {
  const float *u = s->u_rows.at + t * s->u_rows.step;
  int64_t at = t * s->width;
  for (int64_t c = 0; c < s->width; c += LANES) {
    vec x = vec_load(u + c), step = vec_load(s->steps + at + c);
    vec_store(s->least + c, vec_min(step, vec_load(s->least + c)));
    vec_store(s->steps + at + c, step * 1.44269504f);
    vec_store(s->inputs + at + c, step * x);
  }
}

static void begin_output(const selective_channels *s, int64_t t) {
  const float *u = s->u_rows.at + t * s->u_rows.step;
  float *y = s->y + t * s->width;
  for (int64_t c = 0; c < s->width; c += LANES)
    vec_store(y + c, s->D ? vec_load(s->D + c) * vec_load(u + c) : vec_of(0));
}

void selective_begin_outputs(selective_channels *s) {
  for (int64_t t = 0; t < s->tokens; t++) begin_output(s, t);
}

/* [s][SELECTIVE_STRETCHES] of a token of each stretch. */
static void turn_coefficients(const selective_channels *s, const scan_plane *plane, int64_t t,
                              float *to) {
  const scan_block block = {0, s->states, 0, SELECTIVE_STRETCHES};
  scan_plane stretches = *plane;
  stretches.data += t * plane->time * (plane->dtype == SEQMIX_F32 ? 4 : 2);
  stretches.time = plane->channel;
  stretches.channel = s->sequence.length * plane->time;
  scan_rows rows = scan_fetch(&stretches, &block, scan_is_backward(&stretches) ? s->turned : to);
  if (rows.at == to) return;
  for (int64_t i = 0; i < s->states; i++)
    memcpy(to + i * SELECTIVE_STRETCHES, rows.at + i * rows.step, SELECTIVE_STRETCHES * sizeof *to);
}

/* Rows of B or C. */
static scan_rows fetch_coefficients(const selective_channels *s, const scan_plane *plane,
                                    float *buffer) {
  const scan_block block = {s->t, s->tokens, 0, s->states};
  int64_t row = s->states * SELECTIVE_STRETCHES;
  if (!s->is_cut) return scan_fetch(plane, &block, buffer);
  for (int64_t t = 0; t < s->tokens; t++) turn_coefficients(s, plane, t, buffer + t * row);
  return (scan_rows){buffer, row};
}

void selective_begin_block(selective_channels *s) {
  const scan_block block = {s->t, s->tokens, 0, s->channels};
  s->u_rows = scan_fetch(&s->u, &block, s->u_buffer);
  s->delta_rows = scan_fetch(&s->delta, &block, s->delta_buffer);
  if (s->z.dtype) s->z_rows = scan_fetch(&s->z, &block, s->z_buffer);
  for (int i = 0; i < s->parts; i++) {
    s->B_rows[i] = fetch_coefficients(s, &s->B[i], s->B_buffer[i]);
    s->C_rows[i] = fetch_coefficients(s, &s->C[i], s->C_buffer[i]);
  }
  s->aheads = 0;
  add_ahead(s, &s->u, s->t + s->tokens);
  add_ahead(s, &s->delta, s->t + s->tokens);
  add_ahead(s, &s->z, s->t + s->tokens);
  add_ahead(s, &s->out, s->t);
  int has_softplus = selective_has(s->problem, SEQMIX_SELECTIVE_SCAN_SOFTPLUS);
  for (int64_t c = 0; c < s->width; c++) s->least[c] = 0;
  for (int64_t t = 0; t < s->tokens; t++) {
    bias_steps(s, t);
    if (has_softplus) soften_steps(s, t);
    make_inputs(s, t);
    begin_output(s, t);
  }
}

/* ---- after ----------------------------------------------------------------------------------- */

SEQMIX_INLINE void gate(float *y, const float *z, int count) {
  vec x[EACH_MOST];
  EACH(i, count) x[i] = vec_load(z + i * LANES);
  vec_silu_each(x, count);
  EACH(i, count) vec_store(y + i * LANES, x[i] * vec_load(y + i * LANES));
}

/* What is in f64 has been multiplied there. */
static void multiply_by_silu(const selective_channels *s) {
  for (int64_t t = 0; t < s->tokens; t++) {
    const float *z = s->z_rows.at + t * s->z_rows.step;
    float *y = s->y + t * s->width;
    int64_t c = 0;
    for (; c + AT_ONCE <= s->width && !s->is_wide; c += AT_ONCE) gate(y + c, z + c, EACH_MOST);
    for (; c < s->width; c += LANES)
      if (!(s->is_wide >> c / LANES & 1)) gate(y + c, z + c, 1);
  }
}

void selective_end_block(selective_channels *s) {
  const scan_block block = {s->t, s->tokens, 0, s->channels};
  if (s->z.dtype) multiply_by_silu(s);
  scan_rows out = scan_target(&s->out, &block, s->y);
  for (int64_t t = 0; t < s->tokens && out.at != s->y; t++)
    for (int64_t c = 0; c < s->width; c += LANES)
      vec_store(out.at + t * out.step + c, vec_load(s->y + t * s->width + c));
  scan_deliver(&s->out, &block, s->y);
}
