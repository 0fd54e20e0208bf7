/* SPDX-License-Identifier: Apache-2.0 */
/* States in memory: callers', and in workspace what pieces leave for one another. */
#include "scan/item.h"

DEVICE int64_t state_at(const scan_states *of, int64_t row, const item *i, int32_t v) {
  return of->byte_offset / bytes_of(of->dtype) + row * of->row +
         (i->channel + v * LANES) * of->channel;
}

DEVICE state load_past(const scan_arguments *s, const GLOBAL uint8_t *past, const item *i,
                       int32_t v) {
  const scan_states *of = &s->past;
  lane parts[PARTS];
  if (!of->dtype) return state_first();
  for (int32_t part = 0; part < PARTS; part++)
    parts[part] = load_lanes(past, of->dtype, state_at(of, i->of.from, i, v) + part, of->channel,
                             lanes_of(i, v), 0.0f);
  return state_past(parts);
}

DEVICE void store_present(const scan_arguments *s, GLOBAL uint8_t *present, const item *i,
                          int32_t v, state h) {
  const scan_states *of = &s->present;
  lane parts[PARTS];
  if (!of->dtype || i->of.to < 0) return;
  state_result(h, parts);
  for (int32_t part = 0; part < PARTS; part++)
    store_lanes(present, of->dtype, state_at(of, i->of.to, i, v) + part, of->channel,
                lanes_of(i, v), parts[part]);
}

/* ---- workspace: [number][stream][piece][channel] ----------------------------------------------
 */

DEVICE int64_t work_size(const scan_arguments *s) { return s->streams * s->pieces * s->channels; }

DEVICE int64_t work_at(const scan_arguments *s, const item *i, int32_t v) {
  return (i->stream * s->pieces + i->piece) * s->channels + i->channel + v * LANES;
}

/* From lane to lane. */
DEVICE int64_t work_stride(const scan_arguments *s) {
  return s->lanes_are_pieces ? s->channels : 1;
}

DEVICE void load_floats(const scan_arguments *s, const scan_memory *m, const item *i, int32_t v,
                        int32_t count, lane *floats) {
  for (int32_t f = 0; f < count; f++)
    floats[f] =
        load_lanes((const GLOBAL uint8_t *)m->work, TYPE_F32, f * work_size(s) + work_at(s, i, v),
                   work_stride(s), lanes_of(i, v), 0.0f);
}

DEVICE void store_floats(const scan_arguments *s, const scan_memory *m, const item *i, int32_t v,
                         int32_t count, const lane *floats) {
  for (int32_t f = 0; f < count; f++)
    store_lanes((GLOBAL uint8_t *)m->work, TYPE_F32, f * work_size(s) + work_at(s, i, v),
                work_stride(s), lanes_of(i, v), floats[f]);
}

DEVICE state load_carry(const scan_arguments *s, const scan_memory *m, const item *i, int32_t v) {
  lane floats[STATE_FLOATS];
  load_floats(s, m, i, v, STATE_FLOATS, floats);
  return state_from_floats(floats);
}

DEVICE void store_carry(const scan_arguments *s, const scan_memory *m, const item *i, int32_t v,
                        state h) {
  lane floats[STATE_FLOATS];
  state_to_floats(h, floats);
  store_floats(s, m, i, v, STATE_FLOATS, floats);
}
