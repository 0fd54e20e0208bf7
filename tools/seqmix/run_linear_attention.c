/* SPDX-License-Identifier: Apache-2.0 */
/* `seqmix run linear_attention`. */
#include <stdio.h>

#include "run.h"
#include "tool.h"

static void read_words(run *r, seqmix_linear_attention_args *args) {
  static const char *const rules[] = {"linear", "gated", "delta", "gated_delta", "dplr"};
  static const char *const features[] = {"none", "elu1",    "relu", "relu2",
                                         "exp",  "softmax", "silu", "l2norm"};
  static const char *const normalizes[] = {"none", "sum", "abs_max"};
  static const char *const sharings[] = {"interleaved", "tiled"};
  const tool_arguments *a = r->arguments;
  int wrong = arguments_word(a, "--update-rule", rules, 5, &args->update_rule) ||
              arguments_word(a, "--feature-map", features, 8, &args->feature_map) ||
              arguments_word(a, "--normalize", normalizes, 3, &args->normalize) ||
              arguments_word(a, "--head-sharing", sharings, 2, &args->head_sharing);
  if (wrong && !r->status) r->status = 2;
}

static void read_numbers(run *r, seqmix_linear_attention_args *args) {
  const tool_arguments *a = r->arguments;
  int wrong = arguments_real(a, "--scale", &args->scale) ||
              arguments_real(a, "--eps", &args->eps) ||
              arguments_real(a, "--floor", &args->floor) ||
              arguments_integer(a, "--chunk-size", &args->chunk_size);
  if (wrong && !r->status) r->status = 2;
  args->causal = arguments_value(a, "--no-causal") == NULL;
  args->reverse = arguments_value(a, "--reverse") != NULL;
  args->bidirectional = arguments_value(a, "--bidirectional") != NULL;
}

/* A gate has time and heads as q has, but for a constant decay. */
static const seqmix_tensor *gate(run *r, const char *option) {
  return run_sequence(r, arguments_value(r->arguments, option), 0, 1);
}

static void read_tensors(run *r, seqmix_linear_attention_args *args) {
  args->q = run_sequence(r, r->arguments->values[0], 4, 1);
  args->k = run_sequence(r, r->arguments->values[1], 4, 1);
  args->v = run_sequence(r, r->arguments->values[2], 4, 1);
  args->decay = gate(r, "--decay");
  args->decay_reverse = gate(r, "--decay-reverse");
  args->beta = gate(r, "--beta");
  args->erase = gate(r, "--erase");
  args->a = gate(r, "--a");
  args->b = gate(r, "--b");
  args->bonus = run_option(r, "--bonus");
  args->input_gate = gate(r, "--input-gate");
  args->past_state = run_option(r, "--past-state");
  args->past_normalizer = run_option(r, "--past-normalizer");
  args->past_stabilizer = run_option(r, "--past-stabilizer");
  args->cu_seqlens = run_option(r, "--cu-seqlens");
  args->state_indices = run_option(r, "--state-indices");
  args->state_out_indices = run_option(r, "--state-out-indices");
}

/* One part of the present state. */
static const seqmix_tensor *make_state(run *r, const char *option, const seqmix_tensor *past,
                                       const seqmix_linear_attention_args *args, int ndim,
                                       const int64_t *shape) {
  int is_pool = args->state_indices || args->state_out_indices;
  return run_state(r, option, past, is_pool, SEQMIX_F32, ndim, shape);
}

static void make_outputs(run *r, seqmix_linear_attention_args *args) {
  if (r->status) return;
  const int64_t *q = args->q->shape, *v = args->v->shape;
  int32_t type = arguments_value(r->arguments, "--out-f32") ? SEQMIX_F32 : args->q->dtype;
  int64_t out[4] = {q[0], q[1], q[2] > v[2] ? q[2] : v[2], v[3]};
  int64_t state[4] = {run_sequence_count(args->cu_seqlens, q[0]), v[2], q[3], v[3]};
  args->out = run_output_sequence(r, arguments_value(r->arguments, "-o"), type, 4, out, 1);
  args->present_state = make_state(r, "--state", args->past_state, args, 4, state);
  args->present_normalizer = make_state(r, "--normalizer", args->past_normalizer, args, 3, state);
  args->present_stabilizer = make_state(r, "--stabilizer", args->past_stabilizer, args, 2, state);
}

static seqmix_status workspace(seqmix_context *context, const void *args, uint64_t *bytes) {
  return seqmix_linear_attention_workspace_size(context, args, bytes);
}

static const char *const files[] = {"Q.npy", "K.npy", "V.npy"};

int run_linear_attention(int count, char **words) {
  tool_option options[] = {
      RUN_OPTIONS,
      RUN_HEADS,
      {"--update-rule", "WORD", "linear (the default), gated, delta, gated_delta or dplr", NULL},
      {"--decay", "FILE", "logarithms: of each head, or of tokens, or of their channels", NULL},
      {"--beta", "FILE", "rates of the delta rules; 1 is the default", NULL},
      {"--erase", "FILE", "what the delta rules look up instead of beta k", NULL},
      {"--a", "FILE", "of dplr", NULL},
      {"--b", "FILE", "of dplr", NULL},
      {"--bonus", "FILE", "weights of a token's own key, which is then read before decay", NULL},
      {"--input-gate", "FILE", "logarithms of the keys' weights, stabilised", NULL},
      {"--feature-map", "WORD",
       "of q and k: none (the default), elu1, relu, relu2, exp, softmax, silu or l2norm", NULL},
      {"--normalize", "WORD", "none (the default), sum or abs_max", NULL},
      {"--eps", "X", "added to what --normalize divides by", NULL},
      {"--floor", "X", "the least abs_max divides by", NULL},
      {"--scale", "X", "of the result; 1/sqrt(D) is the default", NULL},
      {"--no-causal", NULL, "every token reads the last state", NULL},
      {"--reverse", NULL, "time runs backwards", NULL},
      {"--bidirectional", NULL, "both directions", NULL},
      {"--decay-reverse", "FILE", "decay of the other direction", NULL},
      {"--past-state", "FILE", "the state before the first token", NULL},
      {"--past-normalizer", "FILE", "its part that --normalize adds", NULL},
      {"--past-stabilizer", "FILE", "its part that --input-gate adds", NULL},
      {"--state", "FILE", "where the state after the last token goes", NULL},
      {"--normalizer", "FILE", "where its part of --normalize goes", NULL},
      {"--stabilizer", "FILE", "where its part of --input-gate goes", NULL},
      {"--cu-seqlens", "FILE", "where packed sequences begin and end", NULL},
      {"--state-indices", "FILE", "rows of the past, then a pool, that sequences begin with", NULL},
      {"--state-out-indices", "FILE", "rows of that pool that they end in, if others", NULL},
      {"--head-sharing", "WORD",
       "interleaved (the default) or tiled: which states share a head of q or k", NULL},
      {"--chunk-size", "N", "tokens per chunk, a hint", NULL},
  };
  tool_arguments arguments = {"seqmix run linear_attention",
                              "Q.npy K.npy V.npy -o OUT.npy [options]",
                              options,
                              sizeof options / sizeof *options,
                              files,
                              3,
                              {NULL}};
  seqmix_linear_attention_args args = SEQMIX_LINEAR_ATTENTION_ARGS_INIT;
  run r;
  int status;
  if (!run_read_line(&arguments, count, words, &status)) return status;
  run_start(&r, "linear_attention", &arguments);
  run_layout_of_heads(&r);
  read_words(&r, &args);
  read_numbers(&r, &args);
  run_needs(&r, "--state-indices", "--past-state");
  run_needs(&r, "--state-out-indices", "--past-state");
  read_tensors(&r, &args);
  make_outputs(&r, &args);
  const char *variant = run_chosen_variant(&r, &args, workspace);
  if (!r.status) run_check(&r, seqmix_linear_attention(r.context, &args));
  return run_end(&r, variant);
}
