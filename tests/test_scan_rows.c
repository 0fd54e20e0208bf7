/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of [time, channel] as rows of f32 and back, at one level: every element of a block against
 * a plain loop, and all memory beside it, for each type and layout, time backwards, complex
 * numbers, and blocks whose sizes leave tails. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/half.h"
#include "cpu/scan/rows.h"
#include "support/level.h"
#include "support/suite.h"
#include "verify/random.h"

/* Of a plane; channels are counted in real numbers. `CELLS` holds the most spread layout. */
enum { TOKENS = 150, CHANNELS = 80, CELLS = 1 << 16 };
enum { BUFFER = 1 << 14, LINE = 64, BLOCKS = 100 };

typedef enum layout {
  ROWS,    /* channels are contiguous */
  COLUMNS, /* time is */
  LINES,   /* time is, and each channel begins a line of memory */
  SPREAD,  /* neither */
  LAYOUTS
} layout;

static const char *const layout_names[] = {"rows", "columns", "lines", "spread"};
static const int32_t types[] = {SEQMIX_F32, SEQMIX_F16, SEQMIX_BF16};
enum { TYPES = sizeof types / sizeof *types };

/* A tensor, and what it should hold after a write. */
typedef union cells {
  float f32[CELLS];
  uint16_t half[CELLS];
} cells;
static _Alignas(LINE) cells memory, wanted;
static _Alignas(LINE) float buffer[BUFFER];

/* ---- planes ---------------------------------------------------------------------------------- */

typedef struct setting {
  layout layout;
  int32_t dtype;
  int is_complex, is_backward, is_streamed;
} setting;

static int64_t bytes_of(int32_t dtype) { return dtype == SEQMIX_F32 ? 4 : 2; }

static scan_plane make_plane(const setting *s) {
  int64_t parts = 1 + s->is_complex, channels = CHANNELS / parts;
  const int64_t strides[LAYOUTS][2] = {
      [ROWS] = {CHANNELS + 2 * parts, parts},
      [COLUMNS] = {parts, TOKENS * parts + 6},
      [LINES] = {parts, (TOKENS * parts + LINE) / LINE * LINE},
      [SPREAD] = {channels * 3 * parts + 2, 3 * parts},
  };
  scan_plane plane = {.data = (char *)&memory,
                      .time = strides[s->layout][0],
                      .channel = strides[s->layout][1],
                      .dtype = s->dtype,
                      .is_complex = s->is_complex,
                      .is_streamed = s->is_streamed};
  if (!s->is_backward) return plane;
  plane.data += (TOKENS - 1) * plane.time * bytes_of(s->dtype);
  plane.time = -plane.time;
  return plane;
}

/* Where an element lies, in cells. */
static int64_t cell_at(const scan_plane *plane, int64_t t, int64_t c) {
  int64_t parts = 1 + plane->is_complex;
  int64_t first = (plane->data - (char *)&memory) / bytes_of(plane->dtype);
  return first + t * plane->time + c / parts * plane->channel + c % parts;
}

static float read_cell(const cells *from, int32_t dtype, int64_t at) {
  if (dtype == SEQMIX_F32) return from->f32[at];
  return dtype == SEQMIX_F16 ? seqmix_f32_from_f16(from->half[at])
                             : seqmix_f32_from_bf16(from->half[at]);
}

static void write_cell(cells *to, int32_t dtype, int64_t at, float x) {
  if (dtype == SEQMIX_F32)
    to->f32[at] = x;
  else
    to->half[at] = dtype == SEQMIX_F16 ? seqmix_f16_from_f32(x) : seqmix_bf16_from_f32(x);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static int64_t either(random_state *random, int64_t usual, int64_t other) {
  return random_one_in(random, 2) ? usual : other;
}

/* Often whole vectors and whole runs of tokens, and often not. */
static scan_block make_block(random_state *random, const setting *s) {
  int64_t parts = 1 + s->is_complex;
  scan_block block = {.t = either(random, 0, random_integer(random, 0, 20)),
                      .c = random_integer(random, 0, 15 / parts) * parts};
  block.tokens = either(random, random_integer(random, 1, 4) * 32, random_integer(random, 1, 130));
  block.channels = either(random, random_integer(random, 1, 4) * 16,
                          random_integer(random, 1, 64 / parts) * parts);
  return block;
}

typedef struct test_case {
  setting setting;
  scan_plane plane;
  scan_block block;
} test_case;

static void abort_case(const test_case *c, const char *what) {
  const setting *s = &c->setting;
  ck_abort_msg("%s: %s, type %d%s%s%s, %lld tokens from %lld, %lld channels from %lld", what,
               layout_names[s->layout], (int)s->dtype, s->is_complex ? ", complex" : "",
               s->is_backward ? ", backward" : "", s->is_streamed ? ", streamed" : "",
               (long long)c->block.tokens, (long long)c->block.t, (long long)c->block.channels,
               (long long)c->block.c);
}

static void fill_buffer(float x) {
  for (int64_t i = 0; i < BUFFER; i++) buffer[i] = x;
}

/* Beyond the rows the buffer holds `x` still. */
static void check_rest_of_buffer(const test_case *c, float x) {
  for (int64_t i = c->block.tokens * scan_width(c->block.channels); i < BUFFER; i++)
    if (buffer[i] != x) abort_case(c, "the buffer is written behind the rows");
}

static void check_fetch(const test_case *c) {
  const scan_block *block = &c->block;
  int is_direct = scan_is_direct(&c->plane, block);
  const float *all = (const float *)&memory;
  fill_buffer(-77);
  scan_rows rows = scan_fetch(&c->plane, block, buffer);
  if (is_direct != (rows.at >= all && rows.at < all + CELLS))
    abort_case(c, "rows are in the wrong place");
  for (int64_t i = 0; i < block->tokens; i++)
    for (int64_t k = 0; k < scan_width(block->channels); k++) {
      int64_t at = cell_at(&c->plane, block->t + i, block->c + k);
      float want = k < block->channels ? read_cell(&memory, c->plane.dtype, at) : 0;
      if (rows.at[i * rows.step + k] != want) abort_case(c, "a wrong number in a row");
    }
  check_rest_of_buffer(c, -77);
}

/* Numbers with more digits than 16 bits hold; what fills rows up is NaN and must not be delivered.
 */
static void check_deliver(const test_case *c, random_state *random) {
  const scan_block *block = &c->block;
  fill_buffer(-77);
  scan_rows rows = scan_target(&c->plane, block, buffer);
  memcpy(&wanted, &memory, sizeof wanted);
  for (int64_t i = 0; i < block->tokens; i++)
    for (int64_t k = 0; k < scan_width(block->channels); k++) {
      float x = k < block->channels ? (float)random_normal(random) : NAN;
      rows.at[i * rows.step + k] = x;
      int64_t at = cell_at(&c->plane, block->t + i, block->c + k);
      if (k < block->channels) write_cell(&wanted, c->plane.dtype, at, x);
    }
  scan_deliver(&c->plane, block, buffer);
  if (memcmp(&wanted, &memory, sizeof wanted) != 0)
    abort_case(c, "memory is not what it should be");
  if (!scan_is_direct(&c->plane, block)) check_rest_of_buffer(c, -77);
}

static void fill_memory(random_state *random, int32_t dtype) {
  for (int64_t i = 0; i < CELLS; i++) write_cell(&memory, dtype, i, (float)random_normal(random));
}

static void check_setting(const setting *s, random_state *random) {
  test_case c = {.setting = *s, .plane = make_plane(s)};
  fill_memory(random, s->dtype);
  for (int i = 0; i < BLOCKS; i++) {
    c.block = make_block(random, s);
    check_fetch(&c);
    check_deliver(&c, random);
    check_fetch(&c);
  }
}

/* Of all bits of a setting's choices. */
static setting make_setting(int layout_index, int bits) {
  return (setting){.layout = (layout)layout_index,
                   .is_complex = bits & 1,
                   .is_backward = bits >> 1 & 1,
                   .is_streamed = bits >> 2 & 1};
}

APART check_layout(int layout_index) {
  random_state random = random_start(suite_seed(layout_names[layout_index]));
  for (int bits = 0; bits < 8; bits++)
    for (int type = 0; type < TYPES; type++) {
      setting s = make_setting(layout_index, bits);
      s.dtype = types[type];
      check_setting(&s, &random);
    }
}

START_TEST(test_rows) {
  SKIP_WITHOUT_LEVEL();
  check_layout(_i);
}
END_TEST

APART check_repeated(int layout_index, int type) {
  random_state random = random_start(suite_seed("repeated"));
  test_case c = {.setting = make_setting(layout_index, type & 1)};
  c.setting.dtype = types[type];
  c.plane = make_plane(&c.setting);
  c.plane.time = 0;
  fill_memory(&random, types[type]);
  for (int i = 0; i < BLOCKS; i++) {
    c.block = make_block(&random, &c.setting);
    check_fetch(&c);
  }
}

/* A stride of 0 gives every token the same row. */
START_TEST(test_repeated_rows) {
  SKIP_WITHOUT_LEVEL();
  for (int layout_index = 0; layout_index < LAYOUTS; layout_index++)
    for (int type = 0; type < TYPES; type++) check_repeated(layout_index, type);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("scan_rows_" LEVEL_NAME);
  TCase *tcase = tcase_create("scan_rows");
  tcase_set_timeout(tcase, 0);
  suite_add_loop(tcase, test_rows, 0, LAYOUTS);
  suite_add(tcase, test_repeated_rows);
  suite_add_tcase(suite, tcase);
  return suite;
}
