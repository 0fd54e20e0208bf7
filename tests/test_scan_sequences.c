/* SPDX-License-Identifier: Apache-2.0 */
/* What must not change a result of a scan: which sequences are computed beside one, where they
 * lie, and what stands in other channels or later tokens. */
#include <math.h>

#include "scan_outcome.h"
#include "test_attention.h"

#define SIZE(b, n, c) .at.batch = (b), .at.t = (n), .channels = (c)
#define BF16 .dtype = SEQMIX_BF16
#define STATES .states = STATES_BOTH

/* Every way sequences and their states can lie, for an operator. */
#define WAYS(operator, name_of, ...)                                                               \
  {operator, {.name = name_of "_batch", SIZE(3, 33, 17), STATES, __VA_ARGS__} },                   \
   {operator, {.name = name_of "_packed", SIZE(5, 70, 17), STATES, .at.packed = 1, __VA_ARGS__} }, \
    {operator, {.name = name_of "_packed_bf16",                                                    \
                BF16,                                                                              \
                SIZE(5, 70, 33),                                                                   \
                STATES,                                                                            \
                .at.packed = 1,                                                                    \
                .at.empty_ends = 1,                                                                \
                .layout = SCAN_TIME,                                                               \
                __VA_ARGS__} },                                                                    \
     {operator, {.name = name_of "_pool",                                                          \
                 SIZE(7, 17, 9),                                                                   \
                 STATES,                                                                           \
                 .at.pool = POOL_SAME_ROWS,                                                        \
                 .at.pool_absences = 1,                                                            \
                 __VA_ARGS__} },                                                                   \
      {operator, {.name = name_of "_pool_other_rows",                                              \
                  SIZE(7, 17, 9),                                                                  \
                  STATES,                                                                          \
                  .at.pool = POOL_OTHER_ROWS,                                                      \
                  .at.pool_absences = 1,                                                           \
                  .at.pool_readers = 1,                                                            \
                  __VA_ARGS__} },                                                                  \
       {operator, {.name = name_of "_pool_in_place_packed",                                        \
                   SIZE(7, 17, 9),                                                                 \
                   STATES,                                                                         \
                   .at.pool = POOL_SAME_ROWS,                                                      \
                   .at.pool_absences = 1,                                                          \
                   .at.in_place = 1,                                                               \
                   .at.packed = 1,                                                                 \
                   __VA_ARGS__} },                                                                 \
        {operator, {.name = name_of "_spread",                                                     \
                    SIZE(2, 40, 9),                                                                \
                    STATES,                                                                        \
                    .layout = SCAN_SPREAD,                                                         \
                    .state_layout = STATE_PADDED,                                                  \
                    __VA_ARGS__} },                                                                \
         {operator, {.name = name_of "_time_inside",                                               \
                     SIZE(2, 70, 17),                                                              \
                     STATES,                                                                       \
                     .layout = SCAN_TIME,                                                          \
                     .state_layout = STATE_TRANSPOSED,                                             \
                     __VA_ARGS__} },                                                               \
          {operator, {.name = name_of "_backwards",                                                \
                      SIZE(2, 40, 9),                                                              \
                      STATES,                                                                      \
                      .layout = SCAN_BACKWARDS,                                                    \
                      .state_layout = STATE_REVERSED,                                              \
                      __VA_ARGS__} },

static const scan_property ways[] = {
    WAYS(RECURRENCE, "alone_recurrence", .is_complex = 0)
        WAYS(RECURRENCE, "alone_recurrence_complex", .is_complex = 1)
            WAYS(RECURRENCE, "alone_recurrence_reverse", .reverse = 1)
                WAYS(SELECTIVE, "alone_selective", .skip = 1, .gate = 1, .bias = 1, .softplus = 1)
                    WAYS(SELECTIVE, "alone_selective_complex", .is_complex = 1)
                        WAYS(CONVOLUTION, "alone_convolution", .silu = 1, .bias = 1)
                            WAYS(CONVOLUTION, "alone_convolution_wide", .width = 20)};
enum { WAYS_COUNT = sizeof ways / sizeof ways[0] };

/* ---- sequences alone ------------------------------------------------------------------------- */

static scan_outcome draw_alone(const scan_outcome *whole, int64_t n) {
  const test_sequence *at = &whole->data.sequences.each[n];
  scan_case spec = whole->data.spec;
  spec.at = (sequence_options){.batch = 1, .t = at->length};
  spec.layout = SCAN_CHANNELS;
  spec.state_layout = STATE_CONTIGUOUS;
  scan_outcome alone = {.data = scan_draw(whole->data.of, &spec, 0)};
  scan_copy_constants(&alone.data, &whole->data);
  for (int64_t i = 0; i < at->length; i++) {
    scan_copy_token(&alone.data, 0, i, &whole->data, n, i);
  }
  scan_copy_past(&alone.data, 0, &whole->data, at->past_row);
  return alone;
}

static void expect_alone(test_report *report, scan_expectation *e, int64_t n, const char *variant) {
  const test_sequence *at = &e->whole->data.sequences.each[n];
  if (at->past_row < 0) {
    for (int64_t i = 0; i < at->length; i++) scan_expect_zeros(e, n, i);
    return;
  }
  scan_outcome alone = draw_alone(e->whole, n);
  scan_compute(report, &alone, variant);
  for (int64_t i = 0; i < at->length; i++) scan_expect_token(e, n, i, &alone, 0, i);
  if (at->present_row >= 0) scan_expect_present(e, at->present_row, &alone, 0);
  scan_outcome_release(&alone);
}

static void check_alone(test_report *report, const scan_outcome *whole, const char *variant) {
  scan_expectation e = scan_expect(whole);
  for (int64_t n = 0; n < whole->data.spec.at.batch; n++) expect_alone(report, &e, n, variant);
  scan_compare(report, &e, variant);
}

START_TEST(lone_scans_give_the_same) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  scan_property_holds(&ways[_i], check_alone);
}
END_TEST

/* ---- spoilt tokens and channels -------------------------------------------------------------- */

#define SPOILT(operator, name_of, ...)                                                       \
  {operator, {.name = name_of "_t70", SIZE(2, 70, 17), __VA_ARGS__} },                       \
   {operator, {.name = name_of "_t300", SIZE(1, 300, 9), __VA_ARGS__} },                     \
    {operator,                                                                               \
     {.name = name_of "_time_inside", SIZE(2, 150, 17), .layout = SCAN_TIME, __VA_ARGS__} }, \
     {operator, {.name = name_of "_bf16", BF16, SIZE(2, 70, 33), __VA_ARGS__} },             \
      {operator, {.name = name_of "_c1", SIZE(1, 1000, 1), __VA_ARGS__} },

static const scan_property spoilt[] = {
    SPOILT(RECURRENCE, "later_recurrence", .is_complex = 0)
        SPOILT(RECURRENCE, "later_recurrence_complex", .is_complex = 1)
            SPOILT(RECURRENCE, "later_recurrence_constant", .constant = 1)
                SPOILT(RECURRENCE, "later_recurrence_reverse", .reverse = 1)
                    SPOILT(SELECTIVE, "later_selective", .skip = 1, .gate = 1)
                        SPOILT(SELECTIVE, "later_selective_complex", .is_complex = 1)
                            SPOILT(CONVOLUTION, "later_convolution", .silu = 1)
                                SPOILT(CONVOLUTION, "later_convolution_wide", .width = 33)};
enum { SPOILT_COUNT = sizeof spoilt / sizeof spoilt[0] };

/* Every number of a token. */
static void spoil_token(scan_data *data, int64_t n, int64_t i) {
  for (int slot = 0; slot < SCAN_PAST; slot++) {
    int64_t token[2];
    if (!(data->has_tokens >> slot & 1)) continue;
    sequences_token(&data->sequences, n, i, token);
    for (tensor_walk w = tensor_start(data->tensors[slot]); w.left; tensor_next(&w)) {
      if (w.index[0] != token[0] || w.index[1] != token[1]) continue;
      tensor_store(data->tensors[slot], w.at, i % 2 ? (double)NAN : (double)INFINITY);
    }
  }
}

/* Tokens from some on are spoilt, which those before must not show. */
static void check_later(test_report *report, const scan_outcome *whole, const char *variant) {
  const scan_case *spec = &whole->data.spec;
  scan_outcome other = {.data = scan_draw(whole->data.of, spec, suite_seed(spec->name))};
  scan_expectation e = scan_expect(whole);
  int64_t first = spec->at.t * 2 / 3;
  for (int64_t n = 0; n < spec->at.batch; n++) {
    for (int64_t i = first; i < first + 5; i++) {
      spoil_token(&other.data, n, spec->reverse ? spec->at.t - 1 - i : i);
    }
  }
  scan_compute(report, &other, variant);
  for (int64_t n = 0; n < spec->at.batch; n++) {
    for (int64_t i = 0; i < spec->at.t; i++) {
      int64_t at = spec->reverse ? spec->at.t - 1 - i : i;
      scan_expect_token(&e, n, at, i < first ? &other : whole, n, at);
    }
  }
  scan_compare(report, &e, variant);
  scan_outcome_release(&other);
}

START_TEST(later_tokens_reach_no_earlier_output) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  scan_property_holds(&spoilt[_i], check_later);
}
END_TEST

/* A NaN in one channel leaves the others as they were. */
static void check_channels(test_report *report, const scan_outcome *whole, const char *variant) {
  scan_case spec = whole->data.spec;
  spec.spoilt = 1;
  scan_outcome other = {.data = scan_draw(whole->data.of, &spec, suite_seed(spec.name))};
  scan_expectation e = scan_expect(whole);
  test_tensor *own = e.own[SCAN_OUT];
  scan_compute(report, &other, variant);
  for (tensor_walk w = tensor_start(own); w.left; tensor_next(&w)) {
    const scan_outcome *from = w.index[2] == spec.channels / 2 ? whole : &other;
    const test_tensor *out = from->call.tensors[SCAN_OUT];
    tensor_store(own, w.at,
                 tensor_load(out, from->result.images[SCAN_OUT], tensor_at(out, w.index)));
  }
  scan_compare(report, &e, variant);
  scan_outcome_release(&other);
}

START_TEST(channels_do_not_see_each_other) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  scan_property_holds(&spoilt[_i], check_channels);
}
END_TEST

void suite_scan_sequences(Suite *suite) {
  TCase *tcase = tcase_create("scans alone");
  tcase_add_unchecked_fixture(tcase, open_devices, devices_close);
  scan_properties_add(tcase, lone_scans_give_the_same, ways, WAYS_COUNT);
  scan_properties_add(tcase, later_tokens_reach_no_earlier_output, spoilt, SPOILT_COUNT);
  scan_properties_add(tcase, channels_do_not_see_each_other, spoilt, SPOILT_COUNT);
  suite_add_tcase(suite, tcase);
}
