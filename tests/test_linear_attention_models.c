/* SPDX-License-Identifier: Apache-2.0 */
/* Every published model that linear_attention is for, each as its paper has it, against one call
 * with the options of docs/operators.md. On the reference, which thereby is judged itself, and on
 * the device under test. */
#include <math.h>
#include <stdio.h>

#include "models/model.h"
#include "support/suite.h"
#include "tests/support/mirror.h"

static const struct {
  const char *name;
  void (*make)(model *m);
} models[] = {
    {"linear_attention", linear_attention},
    {"retnet", retnet},
    {"lightning", lightning},
    {"mamba2", mamba2},
    {"gla", gla},
    {"hgrn2", hgrn2},
    {"gateloop", gateloop},
    {"regla", regla},
    {"mlstm", mlstm},
    {"deltanet", deltanet},
    {"gated_deltanet", gated_deltanet},
    {"gated_deltanet2", gated_deltanet2},
    {"comba", comba},
    {"comba_before_decay", comba_before_decay},
    {"kda", kda},
    {"rwkv6", rwkv6},
    {"rwkv7", rwkv7},
    {"galerkin", galerkin},
    {"sla", sla},
    {"lion_d", lion_d},
    {"lion_s", lion_s},
};

enum { MODELS = sizeof models / sizeof *models };

/* The call, in f32. */
typedef struct model_call {
  float q[TIME][HEADS][DIM], k[TIME][HEADS][DIM], v[TIME][HEADS][VALUE_DIM];
  float out[TIME][HEADS][VALUE_DIM];
} model_call;

static void round_numbers(const double *from, float *to, size_t count) {
  for (size_t i = 0; i < count; i++) to[i] = (float)from[i];
}

/* The first `heads` of rows that have room for HEADS of them. */
static seqmix_tensor first_heads(float *data, int64_t heads) {
  return seqmix_tensor_nd(data, SEQMIX_F32, 4, (int64_t[]){1, TIME, heads, DIM},
                          (int64_t[]){TIME * HEADS * DIM, HEADS * DIM, DIM, 1});
}

static seqmix_status run_model(seqmix_context *context, const model *m, model_call *call) {
  round_numbers(&m->q[0][0][0], &call->q[0][0][0], TIME * HEADS * DIM);
  round_numbers(&m->k[0][0][0], &call->k[0][0][0], TIME * HEADS * DIM);
  round_numbers(&m->v[0][0][0], &call->v[0][0][0], TIME * HEADS * VALUE_DIM);
  for (int i = 0; i < TIME * HEADS * VALUE_DIM; i++) (&call->out[0][0][0])[i] = NAN;
  seqmix_tensor q = first_heads(&call->q[0][0][0], m->query_heads);
  seqmix_tensor k = first_heads(&call->k[0][0][0], m->key_heads);
  seqmix_tensor v = seqmix_tensor_4d(call->v, SEQMIX_F32, 1, TIME, HEADS, VALUE_DIM);
  seqmix_tensor out = seqmix_tensor_4d(call->out, SEQMIX_F32, 1, TIME, HEADS, VALUE_DIM);
  seqmix_linear_attention_args args = m->args;
  args.q = &q;
  args.k = &k;
  args.v = &v;
  args.out = &out;
  return mirror_call(context, SEQMIX_OP_LINEAR_ATTENTION, &args);
}

/* Even numbers are the reference, odd ones the device under test. */
START_TEST(model_is_as_published) {
  static model m;
  static model_call call;
  const char *name = models[_i / 2].name, *device = _i % 2 ? suite_device() : "reference";
  seqmix_context *context = NULL;
  seqmix_status status = seqmix_context_create(&context, device);
  if (status == SEQMIX_ERROR_NO_DEVICE) suite_skip("no device named %s", device);
  ck_assert_msg(status == SEQMIX_OK, "%s", seqmix_last_error());
  model_start(&m, suite_seed(name));
  models[_i / 2].make(&m);
  status = run_model(context, &m, &call);
  seqmix_context_destroy(context);
  if (status == SEQMIX_ERROR_UNSUPPORTED)
    suite_skip("%s on %s: %s", name, device, seqmix_last_error());
  ck_assert_msg(status == SEQMIX_OK, "%s: %s", name, seqmix_last_error());
  enum { COUNT = TIME * HEADS * VALUE_DIM };
  test_bound bound = model_bound(SEQMIX_OP_LINEAR_ATTENTION, _i % 2 == 0, COUNT);
  model_expect(name, &m.want[0][0][0], &call.out[0][0][0], COUNT, &bound);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("linear_attention_models");
  TCase *tcase = tcase_create("models");
  for (int i = 0; i < 2 * MODELS; i++)
    if (suite_wants_case(models[i / 2].name))
      suite_add_loop(tcase, model_is_as_published, i, i + 1);
  suite_add_tcase(suite, tcase);
  return suite;
}
