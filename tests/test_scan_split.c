/* SPDX-License-Identifier: Apache-2.0 */
/* What must not change a result of a scan: where a sequence is cut, and whether its tokens come
 * many at once or one by one. */
#include "scan_outcome.h"
#include "test_attention.h"

#define SIZE(b, n, c) .at.batch = (b), .at.t = (n), .channels = (c)
#define BF16 .dtype = SEQMIX_BF16
#define STATES .states = STATES_BOTH

#define CUT(n)                                                                                     \
  {RECURRENCE, {.name = "split_recurrence_t" #n, SIZE(2, n, 9), STATES}},                          \
      {RECURRENCE,                                                                                 \
       {.name = "split_recurrence_slow_t" #n,                                                      \
        SIZE(2, n, 9),                                                                             \
        STATES,                                                                                    \
        .factors = FACTORS_NEAR_ONE}},                                                             \
      {RECURRENCE,                                                                                 \
       {.name = "split_recurrence_constant_t" #n, SIZE(2, n, 9), STATES, .constant = 1}},          \
      {RECURRENCE,                                                                                 \
       {.name = "split_recurrence_complex_t" #n, SIZE(2, n, 9), STATES, .is_complex = 1}},         \
      {RECURRENCE,                                                                                 \
       {.name = "split_recurrence_reverse_t" #n, SIZE(2, n, 9), STATES, .reverse = 1}},            \
      {RECURRENCE, {.name = "split_recurrence_bf16_t" #n, BF16, SIZE(2, n, 17), STATES}},          \
      {RECURRENCE,                                                                                 \
       {.name = "split_recurrence_time_inside_t" #n, SIZE(2, n, 9), STATES, .layout = SCAN_TIME}}, \
      {SELECTIVE, {.name = "split_selective_t" #n, SIZE(2, n, 9), STATES, .skip = 1, .gate = 1}},  \
      {SELECTIVE,                                                                                  \
       {.name = "split_selective_slow_t" #n, SIZE(2, n, 9), STATES, .steps = STEPS_SMALL}},        \
      {SELECTIVE,                                                                                  \
       {.name = "split_selective_complex_t" #n, SIZE(2, n, 5), STATES, .is_complex = 1}},          \
      {SELECTIVE,                                                                                  \
       {.name = "split_selective_bf16_t" #n,                                                       \
        BF16,                                                                                      \
        SIZE(2, n, 9),                                                                             \
        STATES,                                                                                    \
        .width = 16,                                                                               \
        .softplus = 1}},                                                                           \
      {SELECTIVE,                                                                                  \
       {.name = "split_selective_time_inside_t" #n,                                                \
        SIZE(2, n, 9),                                                                             \
        STATES,                                                                                    \
        .width = 3,                                                                                \
        .layout = SCAN_TIME}},                                                                     \
      {CONVOLUTION, {.name = "split_convolution_t" #n, SIZE(2, n, 17), STATES}},                   \
      {CONVOLUTION,                                                                                \
       {.name = "split_convolution_silu_t" #n,                                                     \
        SIZE(2, n, 17),                                                                            \
        STATES,                                                                                    \
        .width = 3,                                                                                \
        .silu = 1,                                                                                 \
        .bias = 1}},                                                                               \
      {CONVOLUTION, {.name = "split_convolution_wide_t" #n, SIZE(2, n, 9), STATES, .width = 33}},  \
      {CONVOLUTION, {.name = "split_convolution_of_one_t" #n, SIZE(2, n, 9), STATES, .width = 1}}, \
      {CONVOLUTION, {.name = "split_convolution_bf16_t" #n, BF16, SIZE(2, n, 17), STATES}}, {      \
    CONVOLUTION, {                                                                                 \
      .name = "split_convolution_time_inside_t" #n, SIZE(2, n, 9), STATES, .layout = SCAN_TIME     \
    }                                                                                              \
  }

static const scan_property short_ones[] = {CUT(70), CUT(5)};
static const scan_property long_ones[] = {CUT(1000)};
static const scan_property token_ones[] = {CUT(40)};
enum { SHORT_ONES = sizeof short_ones / sizeof short_ones[0] };
enum { LONG_ONES = sizeof long_ones / sizeof long_ones[0] };
enum { TOKEN_ONES = sizeof token_ones / sizeof token_ones[0] };
enum { MOST = 40 }; /* parts: a token each */

/* Tokens first .. first+count-1 of all sequences, which begin where `before` ended; NULL: where
 * the whole begins. */
static scan_outcome draw_part(const scan_outcome *whole, int64_t first, int64_t count,
                              const scan_outcome *before) {
  scan_case spec = whole->data.spec;
  spec.at.t = count;
  scan_outcome part = {.data = scan_draw(whole->data.of, &spec, 0)};
  scan_copy_constants(&part.data, &whole->data);
  for (int64_t n = 0; n < spec.at.batch; n++) {
    for (int64_t i = 0; i < count; i++) {
      scan_copy_token(&part.data, n, i, &whole->data, n, first + i);
    }
    if (before) {
      scan_copy_present(&part.data, n, before, n);
    } else {
      scan_copy_past(&part.data, n, &whole->data, n);
    }
  }
  return part;
}

/* The whole against parts of which ends[p-1] .. ends[p]-1 is number p, each by `variant`. */
static void check_parts(test_report *report, const scan_outcome *whole, const int64_t *ends,
                        int parts, const char *variant) {
  int64_t batch = whole->data.spec.at.batch;
  scan_expectation e = scan_expect(whole);
  scan_outcome before = {0};
  for (int step = 0; step < parts; step++) {
    int p = whole->data.spec.reverse ? parts - 1 - step : step;
    int64_t first = p ? ends[p - 1] : 0, count = ends[p] - first;
    scan_outcome part = draw_part(whole, first, count, step ? &before : NULL);
    scan_compute(report, &part, variant);
    for (int64_t n = 0; n < batch; n++) {
      for (int64_t i = 0; i < count; i++) scan_expect_token(&e, n, first + i, &part, n, i);
    }
    if (step) scan_outcome_release(&before);
    before = part;
  }
  for (int64_t n = 0; n < batch; n++) scan_expect_present(&e, n, &before, n);
  scan_outcome_release(&before);
  scan_compare(report, &e, variant);
}

static void check_short(test_report *report, const scan_outcome *whole, const char *variant) {
  int64_t t = whole->data.spec.at.t;
  const int64_t ends[] = {t / 3, t / 3, t - 1, t};
  check_parts(report, whole, ends, 4, variant);
}

START_TEST(scan_parts_give_the_same) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  scan_property_holds(&short_ones[_i], check_short);
}
END_TEST

static void check_long(test_report *report, const scan_outcome *whole, const char *variant) {
  static const int64_t ends[] = {1, 64, 129, 600, 1000};
  check_parts(report, whole, ends, 5, variant);
}

START_TEST(scan_parts_of_long_sequences_give_the_same) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  scan_property_holds(&long_ones[_i], check_long);
}
END_TEST

static void check_tokens(test_report *report, const scan_outcome *whole, const char *variant) {
  int64_t ends[MOST];
  for (int64_t i = 0; i < MOST; i++) ends[i] = i + 1;
  check_parts(report, whole, ends, MOST, variant);
}

START_TEST(scan_token_by_token_gives_the_same) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  scan_property_holds(&token_ones[_i], check_tokens);
}
END_TEST

void suite_scan_split(Suite *suite) {
  TCase *tcase = tcase_create("scans in parts");
  tcase_add_unchecked_fixture(tcase, open_devices, devices_close);
  scan_properties_add(tcase, scan_parts_give_the_same, short_ones, SHORT_ONES);
  scan_properties_add(tcase, scan_parts_of_long_sequences_give_the_same, long_ones, LONG_ONES);
  scan_properties_add(tcase, scan_token_by_token_gives_the_same, token_ones, TOKEN_ONES);
  suite_add_tcase(suite, tcase);
}
