/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/cases.h"
#include "bench/operator.h"

/* Spread and drift have one cause in common at most; both runs are independent. */
static double noise_of(const bench_record *before, const bench_record *after, int by_fraction) {
  double old_noise = before->spread + (by_fraction ? before->drift : 0);
  double new_noise = after->spread + (by_fraction ? after->drift : 0);
  return fmax(COMPARE_LEAST_NOISE, hypot(old_noise, new_noise));
}

bench_comparison compare_records(const bench_record *before, const bench_record *after) {
  bench_comparison pair = {.before = before, .after = after};
  int by_fraction = before->fraction > 0 && after->fraction > 0;
  pair.by_time = before->time / after->time;
  if (by_fraction) pair.by_fraction = after->fraction / before->fraction;
  pair.noise = noise_of(before, after, by_fraction);
  /* By logarithms, so that twice as fast and half as fast are equally far from the same. */
  double distance = log(by_fraction ? pair.by_fraction : pair.by_time);
  if (fabs(distance) > log1p(pair.noise))
    pair.verdict = distance > 0 ? VERDICT_FASTER : VERDICT_SLOWER;
  return pair;
}

int compare_runs(const bench_record *before, int before_count, const bench_record *after,
                 int after_count, bench_comparison *pairs) {
  int count = 0;
  for (int a = 0; a < after_count; a++)
    for (int b = 0; b < before_count; b++)
      if (strcmp(before[b].key, after[a].key) == 0) {
        pairs[count++] = compare_records(&before[b], &after[a]);
        break;
      }
  return count;
}

bench_record compare_record_of(const bench_result *result) {
  bench_record record = {.time = result->time.median,
                         .spread = result->time.spread,
                         .fraction = result->fraction,
                         .drift = result->ceiling.drift};
  const char *dtype = seqmix_dtype_name(result->item.dtype);
  char shape[320];
  case_format(&result->item, shape, sizeof shape);
  snprintf(record.key, sizeof record.key, "%.16s %s %.24s %d %.300s", result->item.op->name, dtype,
           result->device, (int)result->threads, shape);
  snprintf(record.name, sizeof record.name, "%s", result->item.name);
  snprintf(record.dtype, sizeof record.dtype, "%s", dtype);
  return record;
}

const char *compare_verdict_name(compare_verdict verdict) {
  return verdict == VERDICT_FASTER ? "faster" : verdict == VERDICT_SLOWER ? "SLOWER" : "same";
}
