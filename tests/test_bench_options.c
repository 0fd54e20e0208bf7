/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of the bench: what it comes to, and what is refused in which words. */
#include <string.h>

#include "bench/operator.h"
#include "bench/options.h"
#include "support/suite.h"

#define MOST_WORDS 32

/* Parses "seqmix-bench" and the words of `line`, which are separated by single spaces. */
static int parse(const char *line, bench_options *options, char *error) {
  static char words[1024]; /* outlives the options */
  static char program[] = "seqmix-bench";
  char *arguments[MOST_WORDS + 1] = {program};
  int count = 1;
  ck_assert_uint_lt(strlen(line), sizeof words);
  memcpy(words, line, strlen(line) + 1);
  for (char *word = words; *word && count < MOST_WORDS;) {
    arguments[count++] = word;
    word += strcspn(word, " ");
    if (*word) *word++ = 0;
  }
  error[0] = 0;
  return options_parse(count, arguments, options, error);
}

static bench_options good(const char *line) {
  char error[BENCH_TEXT];
  bench_options options;
  ck_assert_msg(parse(line, &options, error), "'%s': %s", line, error);
  return options;
}

/* The line must be refused with a message that holds all of `parts` (separated by '|'). */
static void bad(const char *line, const char *parts) {
  char error[BENCH_TEXT], part[128];
  bench_options options;
  ck_assert_msg(!parse(line, &options, error), "'%s' was taken", line);
  options_free(&options);
  while (*parts) {
    size_t length = strcspn(parts, "|");
    ck_assert_uint_lt(length, sizeof part);
    memcpy(part, parts, length);
    part[length] = 0;
    ck_assert_msg(strstr(error, part) != NULL, "'%s': \"%s\" lacks \"%s\"", line, error, part);
    parts += length + (parts[length] == '|');
  }
}

static int has_case(const bench_options *options, const char *name, int32_t dtype) {
  for (int i = 0; i < options->cases.count; i++)
    if (strcmp(options->cases.items[i].name, name) == 0 && options->cases.items[i].dtype == dtype)
      return 1;
  return 0;
}

static double value_of(const bench_case *item, const char *name) {
  for (int i = 0; i < item->op->parameter_count; i++)
    if (strcmp(item->op->parameters[i].name, name) == 0) return item->values[i];
  ck_abort_msg("there is no parameter %s", name);
  return 0;
}

START_TEST(test_defaults) {
  bench_options options = good("");
  ck_assert_int_eq(options.action, ACTION_RUN);
  ck_assert(has_case(&options, "bert-base", SEQMIX_F32));
  ck_assert(has_case(&options, "llama3-70b-decode", SEQMIX_BF16));
  ck_assert(!has_case(&options, "bert-base", SEQMIX_F16));
  ck_assert(!has_case(&options, "prefill-d128", SEQMIX_F32));
  ck_assert_int_eq(options.device_count, 1);
  ck_assert_str_eq(options.devices[0], "cpu");
  ck_assert_int_eq(options.thread_count, 1);
  ck_assert_int_eq(options.threads[0], 0);
  ck_assert_int_eq(options.baseline, 1);
  options_free(&options);
}
END_TEST

START_TEST(test_lists) {
  bench_options options = good(
      "--preset minilm,decode-16k --type f16,bf16,f16 --threads 1,2 --device cpu,reference "
      "--no-baseline --min-time 0.25 --min-samples 5 --json a --csv b --compare c --variant d");
  ck_assert_int_eq(options.cases.count, 4);
  ck_assert(has_case(&options, "minilm", SEQMIX_F16));
  /* A whole name is that preset alone, not those it is the beginning of. */
  ck_assert(!has_case(&options, "decode-16k-paged", SEQMIX_F16));
  ck_assert_int_eq(options.thread_count, 2);
  ck_assert_int_eq(options.threads[1], 2);
  ck_assert_str_eq(options.devices[1], "reference");
  ck_assert_int_eq(options.baseline, 0);
  ck_assert_double_eq(options.protocol.min_time, 0.25);
  ck_assert_int_eq(options.protocol.min_samples, 5);
  ck_assert_str_eq(options.json, "a");
  ck_assert_str_eq(options.csv, "b");
  ck_assert_str_eq(options.compare, "c");
  ck_assert_str_eq(options.variant, "d");
  options_free(&options);
}
END_TEST

START_TEST(test_beginnings_and_groups) {
  bench_options options = good("--preset llama3-8b --type f32");
  ck_assert_int_eq(options.cases.count, 3);
  options_free(&options);
  int presets = 0;
  for (int i = 0; bench_operators[i]; i++) presets += bench_operators[i]->preset_count;
  options = good("--preset all --type f32");
  ck_assert_int_eq(options.cases.count, presets);
  options_free(&options);
  options = good("--preset linear_attention:all,attention:minilm --type f32");
  ck_assert_int_eq(options.cases.count, linear_attention_operator.preset_count + 1);
  ck_assert(has_case(&options, "kda-d128", SEQMIX_F32));
  options_free(&options);
  options = good("--preset attention:models --type f32");
  ck_assert(has_case(&options, "minilm", SEQMIX_F32));
  ck_assert(!has_case(&options, "retnet-3b-prefill", SEQMIX_F32));
  options_free(&options);
  /* A model's layers of several operators. */
  options = good("--preset mamba-130m --type f32");
  ck_assert(has_case(&options, "mamba-130m-prefill", SEQMIX_F32));
  ck_assert(has_case(&options, "mamba-130m-conv-prefill", SEQMIX_F32));
  options_free(&options);
}
END_TEST

START_TEST(test_shape) {
  bench_options options = good("--shape Tq=1,Tk=4096,Hq=32,Hkv=8,D=128,softcap=0.5");
  ck_assert_int_eq(options.cases.count, 1);
  const bench_case *item = &options.cases.items[0];
  ck_assert_int_eq(item->dtype, SEQMIX_F32);
  ck_assert_str_eq(item->phase, "decode");
  ck_assert_double_eq(value_of(item, "B"), 1);
  ck_assert_double_eq(value_of(item, "Tk"), 4096);
  ck_assert_double_eq(value_of(item, "Dv"), 128);
  ck_assert_double_eq(value_of(item, "softcap"), 0.5);
  options_free(&options);
}
END_TEST

START_TEST(test_shape_with_choices) {
  bench_options options = good(
      "--shape linear_attention:T=300,Hq=2,Hk=4,H=8,D=32,rule=gated_delta,decay=channel,beta=head "
      "--shape linear_attention:T=1,rule=delta,decay=none,state_type=bf16");
  const bench_case *item = &options.cases.items[0];
  ck_assert_str_eq(item->op->name, "linear_attention");
  ck_assert_str_eq(item->name, "gated_delta-channel");
  ck_assert_str_eq(item->phase, "prefill");
  ck_assert_double_eq(value_of(item, "rule"), SEQMIX_UPDATE_GATED_DELTA);
  ck_assert_double_eq(value_of(item, "Dv"), 32);
  char text[320];
  case_format(item, text, sizeof text);
  ck_assert_str_eq(text,
                   "B=1,T=300,Hq=2,Hk=4,H=8,D=32,Dv=32,rule=gated_delta,decay=channel,beta=head,"
                   "map=none,bonus=0,state_type=f32,states=none,packed=0");
  /* One token: states in place, whatever was said. */
  item = &options.cases.items[1];
  ck_assert_str_eq(item->name, "delta-decode");
  ck_assert_str_eq(item->phase, "decode");
  case_format(item, text, sizeof text);
  ck_assert_ptr_nonnull(strstr(text, "Hq=8,Hk=8,H=8"));
  ck_assert_ptr_nonnull(strstr(text, "state_type=bf16,states=update"));
  options_free(&options);
}
END_TEST

START_TEST(test_sweep) {
  bench_options options = good("--sweep 100..500");
  ck_assert_int_eq(options.cases.count, 4);
  for (int i = 0; i < 4; i++) {
    const double lengths[] = {100, 200, 400, 500};
    ck_assert_double_eq(value_of(&options.cases.items[i], "Tq"), lengths[i]);
    ck_assert_double_eq(value_of(&options.cases.items[i], "Tk"), lengths[i]);
  }
  ck_assert_str_eq(options.cases.items[3].name, "prefill-d128@500");
  options_free(&options);
  options = good("--preset llama3-8b-decode --sweep 512..512");
  ck_assert_int_eq(options.cases.count, 1);
  ck_assert_double_eq(value_of(&options.cases.items[0], "Tq"), 1);
  ck_assert_double_eq(value_of(&options.cases.items[0], "Tk"), 512);
  options_free(&options);
  options = good("--preset gated-delta-d128,gated-delta-decode-b1 --sweep 1..2");
  ck_assert_int_eq(options.cases.count, 4);
  ck_assert_double_eq(value_of(&options.cases.items[1], "T"), 2);
  ck_assert_double_eq(value_of(&options.cases.items[3], "T"), 1);
  ck_assert_str_eq(options.cases.items[0].name, "gated-delta-d128@1");
  options_free(&options);
}
END_TEST

START_TEST(test_actions) {
  static const struct {
    const char *line;
    bench_action action;
  } known[] = {{"--gpus", ACTION_GPUS},
               {"--gpus --preset minilm", ACTION_GPUS},
               {"--help", ACTION_HELP},
               {"-h", ACTION_HELP},
               {"--list", ACTION_LIST},
               {"--version", ACTION_VERSION},
               {"--ceilings", ACTION_CEILINGS},
               {"--ceilings --preset minilm", ACTION_RUN},
               {"--ceilings --sweep 16..32", ACTION_RUN}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    bench_options options = good(known[i].line);
    ck_assert_int_eq(options.action, known[i].action);
    int has_cases = known[i].action == ACTION_RUN || known[i].action == ACTION_GPUS;
    ck_assert_int_eq(options.cases.count > 0, has_cases);
    options_free(&options);
  }
}
END_TEST

START_TEST(test_refusals) {
  bad("--preset nothing", "--preset|nothing|models|minilm|kernel|small-call");
  bad("--preset nothing", "linear_attention:kernel|scalar-decay-decode-b64");
  bad("--preset minilm,", "--preset|''");
  bad("--preset attention:kda-d128", "--preset|attention:kda-d128");
  bad("--preset scan:all", "--preset|scan:all");
  bad("--type f64", "--type|f64|bf16");
  bad("--threads 0", "--threads|1 to 1024");
  bad("--threads 2000", "--threads|2000");
  bad("--threads 1,x", "--threads|x");
  bad("--device ,", "--device");
  bad("--min-time soon", "--min-time|soon");
  bad("--min-time -1", "--min-time|-1");
  bad("--min-samples 0", "--min-samples|1 to 1000");
  bad("--sweep 10", "--sweep|128..8192");
  bad("--sweep 20..10", "--sweep");
  bad("--sweep 0..10", "--sweep");
  bad("--shape Q=1", "--shape|'Q'|Tq, Tk");
  bad("--shape Tq", "--shape|Tq must be a whole number from 1");
  bad("--shape Tq=1.5", "--shape|Tq must be a whole number");
  bad("--shape Tq=nan", "--shape|Tq must be");
  bad("--shape Tq=-3", "--shape|Tq must be");
  bad("--shape Hq=6,Hkv=4", "--shape|Hkv is 4|Hq = 6");
  bad("--shape live=4", "--shape|live|block");
  bad("--shape B=65536,Tq=4194304,Hq=4096,D=4096", "--shape|elements|at most");
  bad("--shape linear_attention:Tq=1", "--shape|'Tq'|B, T, Hq");
  bad("--shape linear_attention:rule=lstm", "rule=lstm|rule must be one of|linear, gated|dplr");
  bad("--shape linear_attention:rule=1", "rule must be one of");
  bad("--shape linear_attention:decay=none", "--shape|rule gated|needs a decay");
  bad("--shape linear_attention:rule=delta", "--shape|rule delta|decay=none");
  bad("--shape linear_attention:beta=head", "--shape|rule gated|beta=none");
  bad("--shape linear_attention:rule=dplr,bonus=1", "--shape|rule dplr|bonus=0");
  bad("--shape linear_attention:H=6,Hk=4", "--shape|Hk is 4|H = 6");
  bad("--shape linear_attention:H=6,Hq=4", "--shape|Hq is 4|H = 6");
  bad("--shape linear_attention:B=65536,T=4194304,H=4096", "--shape|elements|at most");
  bad("--shape scan:T=1", "--shape|no operator 'scan'");
  bad("--shape", "--shape|needs a value");
  bad("--gpus --csv a", "--gpus|--csv");
  bad("--gpus --compare a", "--gpus|--compare");
  bad("--ceilings --gpus", "--gpus|--ceilings");
  bad("--fast", "--fast|--help");
  bad("fast", "fast|--help");
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("bench_options");
  TCase *tcase = tcase_create("bench_options");
  suite_add(tcase, test_defaults);
  suite_add(tcase, test_lists);
  suite_add(tcase, test_beginnings_and_groups);
  suite_add(tcase, test_shape);
  suite_add(tcase, test_shape_with_choices);
  suite_add(tcase, test_sweep);
  suite_add(tcase, test_actions);
  suite_add(tcase, test_refusals);
  suite_add_tcase(suite, tcase);
  return suite;
}
