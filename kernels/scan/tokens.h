/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of a vector of lanes, some at a time. */
#include "scan/item.h"

/* Numbers of up to TILE tokens; imaginary parts of complex ones only. */
typedef struct tile {
  lane a[TILE], x[TILE];
#if KIND == KIND_COMPLEX
  lane a_im[TILE], x_im[TILE];
#endif
} tile;

DEVICE void load_tokens(const scan_arguments *s, const scan_memory *m, const item *i, int32_t v,
                        int64_t t, tile *k) {
  int32_t lanes = lanes_at(i, v, t), tokens = tokens_at(i, t);
  line x = line_from(i->x, v, t), a = line_from(i->a, v, t);
#if KIND == KIND_COMPLEX
  load_tile_pairs(m->x, TYPE, x, lanes, tokens, NOTHING, k->x, k->x_im);
  load_tile_pairs(m->a, a_type(s), a, lanes, tokens, 1.0f, k->a, k->a_im);
#else
  load_tile(m->x, TYPE, x, lanes, tokens, NOTHING, k->x);
#if KIND == KIND_RECURRENCE
  load_tile(m->a, a_type(s), a, lanes, tokens, 1.0f, k->a);
#endif
#endif
}

DEVICE token token_of(const tile *k, int32_t j) {
  token one;
  one.x = k->x[j];
#if KIND == KIND_RECURRENCE || KIND == KIND_COMPLEX
  one.a = k->a[j];
#endif
#if KIND == KIND_COMPLEX
  one.x_im = k->x_im[j];
  one.a_im = k->a_im[j];
#endif
  return one;
}

/* Results take the place of x. */
DEVICE void keep_parts(tile *k, int32_t j, const lane *parts) {
  k->x[j] = parts[0];
#if KIND == KIND_COMPLEX
  k->x_im[j] = parts[1];
#endif
}

DEVICE void store_tokens(const scan_arguments *s, const scan_memory *m, const item *i, int32_t v,
                         int64_t t, const tile *k) {
  int32_t lanes = lanes_at(i, v, t), tokens = tokens_at(i, t);
  line out = line_from(i->out, v, t);
#if KIND == KIND_COMPLEX
  store_tile_pairs(m->out, out_type(s), out, lanes, tokens, k->x, k->x_im);
#else
  store_tile(m->out, out_type(s), out, lanes, tokens, k->x);
#endif
}

/* ---- a token of whole vectors that lie side by side -------------------------------------------
 */

/* How many of the item's vectors those are, from the first on. Single lanes go by tiles. */
DEVICE int32_t whole_vectors_of(const item *i) {
  int direct = i->x.lane == PARTS && i->out.lane == PARTS;
#if KIND == KIND_RECURRENCE || KIND == KIND_COMPLEX
  direct = direct && i->a.lane == PARTS;
#endif
  return LANES > 1 && direct && i->tile == 1 ? i->lanes / LANES : 0;
}

/* Vector v of tokens whose first numbers are at a and x. */
DEVICE token load_whole(const scan_arguments *s, const scan_memory *m, int64_t a, int64_t x,
                        int32_t v) {
  token k;
#if KIND == KIND_COMPLEX
  load_pairs(m->x, TYPE, x + v * 2 * LANES, 2, LANES, 0.0f, &k.x, &k.x_im);
  load_pairs(m->a, a_type(s), a + v * 2 * LANES, 2, LANES, 0.0f, &k.a, &k.a_im);
#else
  k.x = load_neighbours(m->x, TYPE, x + v * LANES);
#if KIND == KIND_RECURRENCE
  k.a = load_neighbours(m->a, a_type(s), a + v * LANES);
#endif
#endif
  return k;
}

DEVICE void store_whole(const scan_arguments *s, const scan_memory *m, int64_t out, int32_t v,
                        const lane *parts) {
#if KIND == KIND_COMPLEX
  store_pairs(m->out, out_type(s), out + v * 2 * LANES, 2, LANES, parts[0], parts[1]);
#else
  store_neighbours(m->out, out_type(s), out + v * LANES, parts[0]);
#endif
}
