/* SPDX-License-Identifier: Apache-2.0 */
/* Every published model that the scans and the causal convolution are for, each as its paper has
 * it, against what docs/operators.md says makes it. On the reference, which thereby is judged
 * itself, and on the device under test. */
#include <math.h>
#include <string.h>

#include "models/scan_model.h"
#include "support/suite.h"

static const struct {
  const char *name;
  seqmix_status (*run)(scan_model *m);
  seqmix_operator op;
  double magnified; /* by what stands behind the operator: rounding of its results */
} models[] = {
    {"s4d", s4d, SEQMIX_OP_LINEAR_RECURRENCE, 1},
    {"s5", s5, SEQMIX_OP_LINEAR_RECURRENCE, 1},
    {"lru", lru, SEQMIX_OP_LINEAR_RECURRENCE, 1},
    {"lssl", lssl, SEQMIX_OP_LINEAR_RECURRENCE, 10},
    {"lmu", lmu, SEQMIX_OP_LINEAR_RECURRENCE, 1},
    {"hgrn", hgrn, SEQMIX_OP_LINEAR_RECURRENCE, 1},
    {"gateloop", gateloop, SEQMIX_OP_LINEAR_RECURRENCE, 1},
    {"mingru", mingru, SEQMIX_OP_LINEAR_RECURRENCE, 1},
    {"rg_lru", rg_lru, SEQMIX_OP_LINEAR_RECURRENCE, 1},
    {"mamba", mamba, SEQMIX_OP_SELECTIVE_SCAN, 1},
    {"mamba_complex", mamba_complex, SEQMIX_OP_SELECTIVE_SCAN, 1},
    {"lightnet", lightnet, SEQMIX_OP_PREFIX_SCAN, 1},
    {"mamba_convolution", mamba_convolution, SEQMIX_OP_CAUSAL_CONV1D, 1},
    {"hyena_filters", hyena_filters, SEQMIX_OP_CAUSAL_CONV1D, 1},
};

enum { MODELS = sizeof models / sizeof *models };

/* Even numbers are the reference, odd ones the device under test. */
START_TEST(model_is_as_published) {
  static scan_model m;
  const char *name = models[_i / 2].name, *device = _i % 2 ? suite_device() : "reference";
  memset(&m, 0, sizeof m);
  for (int i = 0; i < TIME * WIDTH; i++) (&m.got[0][0])[i] = NAN;
  m.random = random_start(suite_seed(name));
  seqmix_status status = seqmix_context_create(&m.context, device);
  if (status == SEQMIX_ERROR_NO_DEVICE) suite_skip("no device named %s", device);
  ck_assert_msg(status == SEQMIX_OK, "%s", seqmix_last_error());
  status = models[_i / 2].run(&m);
  seqmix_context_destroy(m.context);
  if (status == SEQMIX_ERROR_UNSUPPORTED)
    suite_skip("%s on %s: %s", name, device, seqmix_last_error());
  ck_assert_msg(status == SEQMIX_OK, "%s: %s", name, seqmix_last_error());
  test_bound bound = model_bound(models[_i / 2].op, _i % 2 == 0, TIME * WIDTH);
  bound.norm *= models[_i / 2].magnified;
  bound.largest *= models[_i / 2].magnified;
  model_expect(name, &m.want[0][0], &m.got[0][0], TIME * WIDTH, &bound);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("scan_models");
  TCase *tcase = tcase_create("models");
  for (int i = 0; i < 2 * MODELS; i++)
    if (suite_wants_case(models[i / 2].name))
      suite_add_loop(tcase, model_is_as_published, i, i + 1);
  suite_add_tcase(suite, tcase);
  return suite;
}
