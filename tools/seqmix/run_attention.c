/* SPDX-License-Identifier: Apache-2.0 */
/* `seqmix run attention` and `seqmix run attention_merge`. */
#include <stdio.h>

#include "run.h"
#include "tool.h"

/* ---- attention --------------------------------------------------------------------------------
 */

static void read_numbers(run *r, seqmix_attention_args *args) {
  static const char *const modes[] = {"raw", "softcap", "bias", "probabilities"};
  static const char *const sharings[] = {"interleaved", "tiled"};
  const tool_arguments *a = r->arguments;
  int64_t window[2] = {-1, -1}, block[2] = {0, 0};
  int wrong = arguments_pair(a, "--window", window) || arguments_pair(a, "--block-size", block) ||
              arguments_real(a, "--scale", &args->scale) ||
              arguments_real(a, "--softcap", &args->softcap) ||
              arguments_integer(a, "--query-offset", &args->query_offset) ||
              arguments_word(a, "--scores-mode", modes, 4, &args->scores_mode) ||
              arguments_word(a, "--head-sharing", sharings, 2, &args->head_sharing);
  if (wrong && !r->status) r->status = 2;
  run_needs(r, "--block-size", "--block-map");
  run_needs(r, "--scores-mode", "--scores");
  args->causal = arguments_value(a, "--causal") != NULL;
  args->window_left = window[0];
  args->window_right = window[1];
  args->block_map_queries = block[0];
  args->block_map_keys = block[1];
}

static void read_tensors(run *r, seqmix_attention_args *args) {
  args->q = run_sequence(r, r->arguments->values[0], 4, 1);
  args->k = run_sequence(r, r->arguments->values[1], 4, 1);
  args->v = run_sequence(r, r->arguments->values[2], 4, 1);
  args->query_offsets = run_option(r, "--query-offsets");
  args->key_lengths = run_option(r, "--key-lengths");
  args->query_lengths = run_option(r, "--query-lengths");
  args->mask = run_option(r, "--mask");
  args->bias = run_option(r, "--bias");
  args->alibi_slopes = run_option(r, "--alibi");
  args->sinks = run_option(r, "--sinks");
  args->block_map = run_option(r, "--block-map");
  args->cu_seqlens_q = run_option(r, "--cu-seqlens-q");
  args->cu_seqlens_k = run_option(r, "--cu-seqlens-k");
  args->block_table = run_input(r, arguments_value(r->arguments, "--block-table"), 2);
}

static void make_outputs(run *r, seqmix_attention_args *args) {
  if (r->status) return;
  const int64_t *q = args->q->shape, *k = args->k->shape;
  int32_t type = arguments_value(r->arguments, "--out-f32") ? SEQMIX_F32 : args->q->dtype;
  int64_t keys = args->block_table ? args->block_table->shape[1] : 1;
  int64_t out[4] = {q[0], q[1], q[2], args->v->shape[3]}, lse[3] = {q[0], q[2], q[1]};
  int64_t scores[4] = {q[0], q[2], q[1], 0};
  if (__builtin_mul_overflow(keys, k[1], &scores[3])) scores[3] = INT64_MAX;
  args->out = run_output_sequence(r, arguments_value(r->arguments, "-o"), type, 4, out, 1);
  args->lse = run_output(r, arguments_value(r->arguments, "--lse"), SEQMIX_F32, 3, lse);
  args->scores = run_output(r, arguments_value(r->arguments, "--scores"), type, 4, scores);
}

static seqmix_status attention_workspace(seqmix_context *context, const void *args,
                                         uint64_t *bytes) {
  return seqmix_attention_workspace_size(context, args, bytes);
}

static const char *const attention_files[] = {"Q.npy", "K.npy", "V.npy"};

int run_attention(int count, char **words) {
  tool_option options[] = {
      RUN_OPTIONS,
      RUN_HEADS,
      RUN_LSE,
      {"--causal", NULL, "keys up to the query's own position", NULL},
      {"--window", "L,R", "keys at most L before and R after it; -1 is open", NULL},
      {"--scale", "X", "of the scores; 1/sqrt(D) is the default", NULL},
      {"--softcap", "X", "scores become X * tanh(score / X)", NULL},
      {"--query-offset", "N", "position of query 0 among the keys", NULL},
      {"--query-offsets", "FILE", "the same per sequence", NULL},
      {"--key-lengths", "FILE", "live keys of each sequence", NULL},
      {"--query-lengths", "FILE", "live queries of each sequence", NULL},
      {"--mask", "FILE", "booleans, true: attend", NULL},
      {"--bias", "FILE", "added to the scores", NULL},
      {"--alibi", "FILE", "a slope per query head", NULL},
      {"--sinks", "FILE", "a logit without a value per query head", NULL},
      {"--head-sharing", "WORD",
       "interleaved (the default) or tiled: which query heads share a key head", NULL},
      {"--block-map", "FILE", "live blocks of queries and keys, with --block-size", NULL},
      {"--block-size", "BQ,BK", "queries and keys of a block of --block-map", NULL},
      {"--cu-seqlens-q", "FILE", "where packed sequences of queries begin and end", NULL},
      {"--cu-seqlens-k", "FILE", "where those of keys do", NULL},
      {"--block-table", "FILE", "pages of each sequence; K and V are then pools of pages", NULL},
      {"--scores", "FILE", "where the scores go", NULL},
      {"--scores-mode", "WORD", "raw (the default), softcap, bias or probabilities", NULL},
  };
  tool_arguments arguments = {"seqmix run attention",
                              "Q.npy K.npy V.npy -o OUT.npy [options]",
                              options,
                              sizeof options / sizeof *options,
                              attention_files,
                              3,
                              {NULL}};
  seqmix_attention_args args = SEQMIX_ATTENTION_ARGS_INIT;
  run r;
  int status;
  if (!run_read_line(&arguments, count, words, &status)) return status;
  run_start(&r, "attention", &arguments);
  run_layout_of_heads(&r);
  read_numbers(&r, &args);
  read_tensors(&r, &args);
  make_outputs(&r, &args);
  const char *variant = run_chosen_variant(&r, &args, attention_workspace);
  if (!r.status) run_check(&r, seqmix_attention(r.context, &args));
  return run_end(&r, variant);
}

/* ---- attention_merge --------------------------------------------------------------------------
 */

static void make_merged(run *r, seqmix_attention_merge_args *args) {
  if (r->status) return;
  const int64_t *outs = args->outs->shape;
  int32_t type = arguments_value(r->arguments, "--out-f32") ? SEQMIX_F32 : args->outs->dtype;
  int64_t lse[3] = {outs[1], outs[3], outs[2]};
  args->out = run_output_sequence(r, arguments_value(r->arguments, "-o"), type, 4, outs + 1, 1);
  args->lse = run_output(r, arguments_value(r->arguments, "--lse"), SEQMIX_F32, 3, lse);
}

static seqmix_status merge_workspace(seqmix_context *context, const void *args, uint64_t *bytes) {
  return seqmix_attention_merge_workspace_size(context, args, bytes);
}

static const char *const merge_files[] = {"OUTS.npy", "LSES.npy"};

int run_attention_merge(int count, char **words) {
  tool_option options[] = {
      RUN_OPTIONS,
      RUN_HEADS,
      RUN_LSE,
      {"--sinks", "FILE", "a logit without a value per head", NULL},
  };
  tool_arguments arguments = {"seqmix run attention_merge",
                              "OUTS.npy LSES.npy -o OUT.npy [options]",
                              options,
                              sizeof options / sizeof *options,
                              merge_files,
                              2,
                              {NULL}};
  seqmix_attention_merge_args args = SEQMIX_ATTENTION_MERGE_ARGS_INIT;
  run r;
  int status;
  if (!run_read_line(&arguments, count, words, &status)) return status;
  run_start(&r, "attention_merge", &arguments);
  run_layout_of_heads(&r);
  args.outs = run_sequence(&r, arguments.values[0], 5, 2);
  args.lses = run_input(&r, arguments.values[1], 0);
  args.sinks = run_option(&r, "--sinks");
  make_merged(&r, &args);
  const char *variant = run_chosen_variant(&r, &args, merge_workspace);
  if (!r.status) run_check(&r, seqmix_attention_merge(r.context, &args));
  return run_end(&r, variant);
}
