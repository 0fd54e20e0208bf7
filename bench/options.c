/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* getopt_long */
#include "bench/options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "bench/operator.h"

static const char help[] =
    "usage: seqmix-bench [options]\n"
    "\n"
    "Times operators of seqmix and says how close they come to what this machine can do.\n"
    "Without options: one layer of models people know, in f32 and bf16.\n"
    "\n"
    "What to time:\n"
    "  --preset NAME,...    presets by name or group: models (the default), kernel, all;\n"
    "                       of one operator alone: attention:models, linear_attention:all\n"
    "  --shape NAME=N,...   a shape of your own, for example B=1,Tq=2048,Hq=8,D=128,causal=1\n"
    "                       or linear_attention:T=4096,H=16,D=128,rule=gated,decay=channel;\n"
    "                       what is left out has a default; may be repeated\n"
    "  --sweep FROM..TO     each preset or shape at lengths FROM, twice that, ... up to TO\n"
    "                       (alone: of the preset prefill-d128)\n"
    "  --type T,...         f32, f16, bf16 (default f32,bf16; with --shape or --sweep f32)\n"
    "  --device NAME,...    devices as `seqmix devices` lists them (default cpu)\n"
    "  --threads N,...      CPU threads (default: one per usable processor)\n"
    "  --variant NAME       forces an algorithm\n"
    "  --ceilings           measures what the processors can do: alone, or ahead of cases\n"
    "  --gpus               times nothing: which kernels some GPUs would be given, and what the\n"
    "                       cases take there at least, by their data sheets\n"
    "  --no-baseline        leaves out the same calculation by plain means\n"
    "  --list               lists presets and the numbers that make a shape\n"
    "\n"
    "How:\n"
    "  --min-time SECONDS   of samples per case (default 0.5)\n"
    "  --min-samples N      per case (default 11; a third of that if calls take seconds)\n"
    "\n"
    "Output, besides the table:\n"
    "  --json FILE          everything; tools/plot_bench.py draws it, --compare reads it\n"
    "  --csv FILE           a line per case\n"
    "  --compare OLD.json   verdict on each case that OLD.json has too\n"
    "\n"
    "Every case is first compared with the device `reference`; one that is wrong is not timed.\n"
    "docs/bench.md explains columns and protocol.\n"
    "\n"
    "Exit status: 0; 1 if a case failed; 2 for a mistake on the command line, or nothing\n"
    "to compare; 3 if --compare finds a case slower beyond noise.\n";

void options_print_help(FILE *file) { fputs(help, file); }

/* ---- values -------------------------------------------------------------------------------- */

static int fail(char *error, const char *option, const char *text, const char *must) {
  snprintf(error, BENCH_TEXT, "--%s: '%.80s' must be %s", option, text, must);
  return 0;
}

/* What an option's reader fills; the pointers may be shared between readers. */
typedef struct parse_state {
  bench_options *options;
  case_sweep sweep;
  int32_t dtypes[MOST_DTYPES];
  int dtype_count;
  int has_shape;
  char *error;
} parse_state;

static int read_dtype(parse_state *state, const char *item, size_t length) {
  int32_t dtype = case_parse_dtype(item, length);
  if (!dtype) {
    snprintf(state->error, BENCH_TEXT, "--type: there is no '%.*s'; there are f32, f16 and bf16",
             (int)(length < 80 ? length : 80), item);
    return 0;
  }
  for (int i = 0; i < state->dtype_count; i++)
    if (state->dtypes[i] == dtype) return 1;
  state->dtypes[state->dtype_count++] = dtype;
  return 1;
}

static int read_device(parse_state *state, const char *item, size_t length) {
  bench_options *options = state->options;
  if (options->device_count == MOST_DEVICES || length == 0 || length >= BENCH_NAME)
    return fail(state->error, "device", item, "a list of at most 16 names of devices");
  snprintf(options->devices[options->device_count++], BENCH_NAME, "%.*s", (int)length, item);
  return 1;
}

static int read_threads(parse_state *state, const char *item, size_t length) {
  char *end;
  long threads = strtol(item, &end, 10);
  if (end != item + length || !length || threads < 1 || threads > SEQMIX_MAX_THREADS ||
      state->options->thread_count == MOST_THREAD_COUNTS)
    return fail(state->error, "threads", item, "a list of numbers from 1 to 1024");
  state->options->threads[state->options->thread_count++] = (int32_t)threads;
  return 1;
}

static int read_preset(parse_state *state, const char *item, size_t length) {
  return cases_add_presets(&state->options->cases, item, length, state->error);
}

/* Calls `reader` for each of a list separated by commas. */
static int read_list(parse_state *state, const char *text,
                     int (*reader)(parse_state *, const char *, size_t)) {
  for (;;) {
    size_t length = strcspn(text, ",");
    if (!reader(state, text, length)) return 0;
    if (!text[length]) return 1;
    text += length + 1;
  }
}

static int read_min_time(parse_state *state, const char *text) {
  char *end;
  double seconds = strtod(text, &end);
  if (end == text || *end || !(seconds >= 0 && seconds <= 3600))
    return fail(state->error, "min-time", text, "a number of seconds from 0 to 3600");
  state->options->protocol.min_time = seconds;
  return 1;
}

static int read_min_samples(parse_state *state, const char *text) {
  char *end;
  long samples = strtol(text, &end, 10);
  if (end == text || *end || samples < 1 || samples > 1000)
    return fail(state->error, "min-samples", text, "a number from 1 to 1000");
  state->options->protocol.min_samples = (int)samples;
  return 1;
}

/* ---- options ------------------------------------------------------------------------------- */

enum {
  OPTION_PRESET = 256,
  OPTION_SHAPE,
  OPTION_SWEEP,
  OPTION_TYPE,
  OPTION_DEVICE,
  OPTION_THREADS,
  OPTION_VARIANT,
  OPTION_CEILINGS,
  OPTION_GPUS,
  OPTION_NO_BASELINE,
  OPTION_LIST,
  OPTION_MIN_TIME,
  OPTION_MIN_SAMPLES,
  OPTION_JSON,
  OPTION_CSV,
  OPTION_COMPARE,
  OPTION_VERSION
};

static const struct option known_options[] = {
    {"preset", required_argument, NULL, OPTION_PRESET},
    {"shape", required_argument, NULL, OPTION_SHAPE},
    {"sweep", required_argument, NULL, OPTION_SWEEP},
    {"type", required_argument, NULL, OPTION_TYPE},
    {"device", required_argument, NULL, OPTION_DEVICE},
    {"threads", required_argument, NULL, OPTION_THREADS},
    {"variant", required_argument, NULL, OPTION_VARIANT},
    {"ceilings", no_argument, NULL, OPTION_CEILINGS},
    {"gpus", no_argument, NULL, OPTION_GPUS},
    {"no-baseline", no_argument, NULL, OPTION_NO_BASELINE},
    {"list", no_argument, NULL, OPTION_LIST},
    {"min-time", required_argument, NULL, OPTION_MIN_TIME},
    {"min-samples", required_argument, NULL, OPTION_MIN_SAMPLES},
    {"json", required_argument, NULL, OPTION_JSON},
    {"csv", required_argument, NULL, OPTION_CSV},
    {"compare", required_argument, NULL, OPTION_COMPARE},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

static int read_shape(parse_state *state, const char *text) {
  state->has_shape = 1;
  return cases_add_shape(&state->options->cases, text, state->error);
}

static int read_option(parse_state *state, int option, const char *text) {
  bench_options *o = state->options;
  switch (option) {
    case OPTION_PRESET: return read_list(state, text, read_preset);
    case OPTION_SHAPE: return read_shape(state, text);
    case OPTION_SWEEP: return case_parse_sweep(text, &state->sweep, state->error);
    case OPTION_TYPE: return read_list(state, text, read_dtype);
    case OPTION_DEVICE: return read_list(state, text, read_device);
    case OPTION_THREADS: return read_list(state, text, read_threads);
    case OPTION_MIN_TIME: return read_min_time(state, text);
    case OPTION_MIN_SAMPLES: return read_min_samples(state, text);
    case OPTION_VARIANT: o->variant = text; break;
    case OPTION_CEILINGS: o->ceilings = 1; break;
    case OPTION_GPUS: o->gpus = 1; break;
    case OPTION_NO_BASELINE: o->baseline = 0; break;
    case OPTION_JSON: o->json = text; break;
    case OPTION_CSV: o->csv = text; break;
    case OPTION_COMPARE: o->compare = text; break;
    case OPTION_LIST: o->action = ACTION_LIST; break;
    case OPTION_VERSION: o->action = ACTION_VERSION; break;
    default: o->action = ACTION_HELP; break;
  }
  return 1;
}

static int fail_with_gpus(const bench_options *o, char *error) {
  const char *other = o->csv ? "--csv" : o->compare ? "--compare" : "--ceilings";
  snprintf(error, BENCH_TEXT, "--gpus times nothing: it must be without %s", other);
  return 0;
}

/* What was not said. */
static int add_defaults(parse_state *state) {
  bench_options *o = state->options;
  if (!o->device_count && !read_device(state, "cpu", 3)) return 0;
  if (o->gpus) {
    if (o->csv || o->compare || o->ceilings) return fail_with_gpus(o, state->error);
    o->action = ACTION_GPUS;
  }
  if (!o->thread_count) o->threads[o->thread_count++] = 0;
  if (!o->cases.count && o->ceilings && !state->sweep.first) {
    o->action = ACTION_CEILINGS;
    return 1;
  }
  int is_whole_table = !state->has_shape && !state->sweep.first;
  if (!o->cases.count &&
      !read_list(state, state->sweep.first ? "prefill-d128" : "models", read_preset))
    return 0;
  if (!state->dtype_count && !read_list(state, is_whole_table ? "f32,bf16" : "f32", read_dtype))
    return 0;
  return cases_expand(&o->cases, &state->sweep, state->dtypes, state->dtype_count, state->error);
}

static int fail_unknown(char **arguments, int option, char *error) {
  const char *text = arguments[optind - 1];
  if (option == ':')
    snprintf(error, BENCH_TEXT, "'%.80s' needs a value; see --help", text);
  else
    snprintf(error, BENCH_TEXT, "there is no option '%.80s'; see --help", text);
  return 0;
}

int options_parse(int count, char **arguments, bench_options *options, char *error) {
  *options = (bench_options){.baseline = 1, .protocol = {.min_time = 0.5, .min_samples = 11}};
  parse_state state = {.options = options, .error = error};
  int option;
  optind = 0; /* 0, not 1: glibc then forgets an earlier list of arguments */
  opterr = 0;
  while ((option = getopt_long(count, arguments, ":h", known_options, NULL)) != -1) {
    if (option == '?' || option == ':') return fail_unknown(arguments, option, error);
    if (!read_option(&state, option, optarg)) return 0;
    if (options->action != ACTION_RUN) return 1;
  }
  if (optind < count) {
    snprintf(error, BENCH_TEXT, "'%.80s' is no option; see --help", arguments[optind]);
    return 0;
  }
  return add_defaults(&state);
}

void options_free(bench_options *options) { cases_free(&options->cases); }
