/* SPDX-License-Identifier: Apache-2.0 */
#include "api/segments.h"

#include <inttypes.h>

#include "core/error.h"

seqmix_status seqmix_take_segments(const seqmix_checker *checker, const char *name,
                                   const seqmix_tensor *segments, const char *packed_name,
                                   const seqmix_tensor *packed, int64_t *sequences) {
  SEQMIX_TRY(seqmix_check_index(checker, name, segments, 1));
  if (segments->shape[0] < 1)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: %s has 0 elements; it must have N+1, at least 1", checker->op, name);
  if (packed && packed->shape[0] != 1)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: %s has batch %" PRId64 "; it must be 1 with %s", checker->op,
                       packed_name, packed->shape[0], name);
  *sequences = segments->shape[0] - 1;
  return SEQMIX_OK;
}

seqmix_status seqmix_check_segments(const seqmix_checker *checker, const char *name,
                                    const char *hint_name, const seqmix_index_view *view,
                                    int64_t sequences, int64_t total, int64_t hint,
                                    int64_t *longest) {
  int64_t before = seqmix_index_at(view, 0, 0);
  if (before != 0)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: %s starts at %" PRId64 "; it must start at 0", checker->op, name,
                       before);
  *longest = 0;
  for (int64_t n = 0; n < sequences; n++) {
    int64_t after = seqmix_index_at(view, n + 1, 0);
    /* The second test keeps a later subtraction from overflowing. */
    if (after < before || after > total)
      return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                         "%s: %s goes from %" PRId64 " to %" PRId64 " at %" PRId64
                         "; it must not decrease nor pass the packed length %" PRId64,
                         checker->op, name, before, after, n + 1, total);
    if (after - before > *longest) *longest = after - before;
    before = after;
  }
  if (before != total)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: %s ends at %" PRId64 "; it must end at %" PRId64 ", the packed length",
                       checker->op, name, before, total);
  if (hint > 0 && hint < *longest)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: %s is %" PRId64 "; it must be at least %" PRId64
                       ", the longest sequence",
                       checker->op, hint_name, hint, *longest);
  return SEQMIX_OK;
}

seqmix_status seqmix_take_per_sequence(const seqmix_checker *checker, const char *name,
                                       const seqmix_tensor *tensor, int64_t sequences,
                                       seqmix_index_view *view) {
  if (!tensor) return SEQMIX_OK;
  SEQMIX_TRY(seqmix_check_index(checker, name, tensor, 1));
  SEQMIX_TRY(seqmix_check_shape(checker, name, tensor, &sequences, "[N]"));
  *view = seqmix_index_view_of(checker, tensor);
  return SEQMIX_OK;
}
