/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a block of tokens: into steps and inputs before the states, into outputs after them. */
#include "cpu/scan/selective.h"
#include "cpu/simd/wide_math.h"

/* ---- before ---------------------------------------------------------------------------------- */

/* One of what each token has for all channels of the group: B or C. Rows need not be whole vectors,
 * as their numbers are taken one by one. */
static scan_rows fetch_group(const selective_channels *s, const scan_plane *plane, float *buffer) {
  const scan_block block = {s->t, s->tokens, 0, s->states};
  if (plane->dtype == SEQMIX_F32 && plane->channel == 1)
    return (scan_rows){(float *)plane->data + s->t * plane->time, plane->time};
  return scan_fetch(plane, &block, buffer);
}

/* Steps, inputs and D u of a vector of channels of a token. */
SEQMIX_INLINE void prepare_vector(const selective_channels *s, int64_t t, int64_t c,
                                  int has_softplus) {
  int64_t at = t * s->width + c;
  vec u = vec_load(s->u_rows.at + t * s->u_rows.step + c);
  vec step = vec_load(s->delta_rows.at + t * s->delta_rows.step + c);
  if (s->bias) step += vec_load(s->bias + c);
  if (has_softplus) step = vec_softplus(step);
  vec_store(s->least + c, vec_min(step, vec_load(s->least + c)));
  vec_store(s->steps + at, step * 1.44269504f);
  vec_store(s->inputs + at, step * u);
  vec_store(s->y + at, s->D ? vec_load(s->D + c) * u : vec_of(0));
}

void selective_begin_block(selective_channels *s) {
  const scan_block block = {s->t, s->tokens, s->c, s->channels};
  s->u_rows = scan_fetch(&s->u, &block, s->u_buffer);
  s->delta_rows = scan_fetch(&s->delta, &block, s->delta_buffer);
  if (s->z.dtype) s->z_rows = scan_fetch(&s->z, &block, s->z_buffer);
  for (int i = 0; i < s->parts; i++) {
    s->B_rows[i] = fetch_group(s, &s->B[i], s->B_buffer[i]);
    s->C_rows[i] = fetch_group(s, &s->C[i], s->C_buffer[i]);
  }
  int has_softplus = selective_has(s->problem, SEQMIX_SELECTIVE_SCAN_SOFTPLUS);
  for (int64_t c = 0; c < s->width; c++) s->least[c] = 0;
  for (int64_t t = 0; t < s->tokens; t++)
    for (int64_t c = 0; c < s->width; c += LANES)
      has_softplus ? prepare_vector(s, t, c, 1) : prepare_vector(s, t, c, 0);
}

/* ---- after ----------------------------------------------------------------------------------- */

/* What is in f64 has been multiplied there. */
static void multiply_by_silu(const selective_channels *s) {
  for (int64_t t = 0; t < s->tokens; t++) {
    const float *z = s->z_rows.at + t * s->z_rows.step;
    float *y = s->y + t * s->width;
    for (int64_t v = 0; v < s->vectors; v++) {
      if (s->is_wide >> v & 1) continue;
      vec x = vec_load(z + v * LANES);
      vec_store(y + v * LANES, vec_load(y + v * LANES) * (x / (1.0f + vec_exp(-x))));
    }
  }
}

void selective_end_block(selective_channels *s) {
  const scan_block block = {s->t, s->tokens, s->c, s->channels};
  if (s->z.dtype) multiply_by_silu(s);
  scan_rows out = scan_target(&s->out, &block, s->y);
  for (int64_t t = 0; t < s->tokens && out.at != s->y; t++)
    for (int64_t c = 0; c < s->width; c += LANES)
      vec_store(out.at + t * out.step + c, vec_load(s->y + t * s->width + c));
  scan_deliver(&s->out, &block, s->y);
}
