/* SPDX-License-Identifier: Apache-2.0 */
/* seqmix-pack, which is `seqmix pack`: compiles kernels for CUDA devices that are not here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "cuda/cuda.h"
#include "cuda/pack.h"
#include "tools/pack/programs.h"
#include "tools/pack/write.h"

enum { DONE, FAILED, WRONG_USAGE, ITEMS_MOST = 4096, CONSTANTS = 1200, NOTE = 4096 };

typedef struct pack_options {
  int wanted[PACK_ARCHITECTURES];
  int lists, asks;
  const char *output, *shown;
} pack_options;

static int print_usage(FILE *file) {
  fputs(
      "usage: seqmix pack [--arch LIST] [--output FILE]   compiles kernels ahead, into a pack\n"
      "       seqmix pack [--arch LIST] --list            lists those kernels\n"
      "       seqmix pack --show FILE                     lists what a pack holds\n"
      "       seqmix pack --compiler                      says which compiler there is\n\n"
      "  --arch LIST    for which GPUs, by commas; without it for all:\n"
      "                ",
      file);
  for (int i = 0; i < PACK_ARCHITECTURES; i++) fprintf(file, " %s", pack_architectures[i].name);
  fputs(
      "\n  --output FILE  the pack; without it seqmix.pack\n\n"
      "Programs take what they can from the packs in SEQMIX_CUDA_PACK (FILE:FILE...).\n",
      file);
  return file == stdout ? DONE : WRONG_USAGE;
}

/* ---- words ----------------------------------------------------------------------------------- */

static int want(pack_options *options, const char *name, size_t length) {
  for (int i = 0; i < PACK_ARCHITECTURES; i++) {
    const char *known = pack_architectures[i].name;
    if (strlen(known) != length || strncmp(known, name, length) != 0) continue;
    options->wanted[i] = 1;
    return 1;
  }
  fprintf(stderr, "seqmix pack: --arch has '%.*s', which is none of", (int)length, name);
  for (int i = 0; i < PACK_ARCHITECTURES; i++)
    fprintf(stderr, "%s %s", i ? "," : "", pack_architectures[i].name);
  fputc('\n', stderr);
  return 0;
}

static int want_list(pack_options *options, const char *list) {
  for (;;) {
    size_t length = strcspn(list, ",");
    if (!want(options, list, length)) return 0;
    if (!list[length]) return 1;
    list += length + 1;
  }
}

/* A word that stands alone; zero if it does not. */
static int take_flag(pack_options *options, const char *word) {
  int lists = !strcmp(word, "--list"), asks = !strcmp(word, "--compiler");
  options->lists |= lists;
  options->asks |= asks;
  return lists || asks;
}

/* A word and its value, NULL if there is none; zero, with a message, if they are wrong. */
static int take_value(pack_options *options, const char *word, const char *value) {
  int is_arch = !strcmp(word, "--arch"), is_output = !strcmp(word, "--output");
  if (!is_arch && !is_output && strcmp(word, "--show") != 0) {
    fprintf(stderr, "seqmix pack: unknown argument '%s'\n", word);
    return 0;
  }
  if (!value) {
    fprintf(stderr, "seqmix pack: %s needs a value\n", word);
    return 0;
  }
  if (is_arch) return want_list(options, value);
  *(is_output ? &options->output : &options->shown) = value;
  return 1;
}

static int take_words(pack_options *options, int count, char **words) {
  int any = 0;
  for (int i = 0; i < count; i++)
    if (!take_flag(options, words[i])) {
      const char *value = i + 1 < count ? words[i + 1] : NULL;
      if (!take_value(options, words[i], value)) return 0;
      i++;
    }
  for (int i = 0; i < PACK_ARCHITECTURES; i++) any |= options->wanted[i];
  for (int i = 0; i < PACK_ARCHITECTURES && !any; i++) options->wanted[i] = 1;
  return 1;
}

/* ---- listing --------------------------------------------------------------------------------- */

static int fail(void) {
  fprintf(stderr, "seqmix pack: %s\n", seqmix_last_error());
  return FAILED;
}

static int list(const pack_options *options) {
  for (int i = 0; i < PACK_ARCHITECTURES; i++) {
    pack_programs programs = {.count = 0};
    if (!options->wanted[i]) continue;
    seqmix_status status = pack_list(&pack_architectures[i], &programs);
    for (int32_t k = 0; !status && k < programs.count; k++)
      printf("%s %016llx %llu %s\n", pack_architectures[i].name,
             (unsigned long long)programs.rows[k].text->hash,
             (unsigned long long)programs.rows[k].local_bytes, programs.rows[k].name);
    pack_free(&programs);
    if (status) return fail();
  }
  return DONE;
}

/* The compiler's file, on the same rules as the library looks for it. */
static int tell_compiler(void) {
  char note[NOTE];
  int version = seqmix_cuda_compiler(note, sizeof note);
  if (version)
    printf("NVRTC %d.%d %s\n", version / 1000, version % 1000 / 10, note);
  else
    fprintf(stderr, "seqmix pack: %s\n", note);
  return version ? DONE : FAILED;
}

static int show(const char *path) {
  char defect[NOTE];
  cuda_pack pack;
  int is_whole = 1;
  if (!seqmix_cuda_pack_open(&pack, path, defect, sizeof defect)) {
    fprintf(stderr, "seqmix pack: %s: %s\n", path, defect);
    return FAILED;
  }
  printf("%s: %u programs, by seqmix %s with CUDA %u.%u\n", path, pack.header.count,
         pack.header.library, pack.header.toolkit_major, pack.header.toolkit_minor);
  for (uint32_t i = 0; i < pack.header.count; i++) {
    const pack_entry *entry = &pack.entries[i];
    const char suffix[] = {(char)entry->suffix, 0};
    void *bytes = seqmix_cuda_pack_read(&pack, entry);
    printf("sm_%u%s %016llx %llu %s%s\n", entry->capability, suffix,
           (unsigned long long)entry->hash, (unsigned long long)entry->size,
           pack.names + entry->name, bytes ? "" : " (damaged)");
    is_whole &= bytes != NULL;
    seqmix_memory_free(bytes);
  }
  seqmix_cuda_pack_close(&pack);
  return is_whole ? DONE : FAILED;
}

/* ---- making ---------------------------------------------------------------------------------- */

typedef struct pack_work {
  pack_programs programs[PACK_ARCHITECTURES];
  pack_item items[ITEMS_MOST];
  uint32_t count;
  int compiler;
} pack_work;

static seqmix_status compile(const pack_architecture *architecture, const pack_program *program,
                             pack_item *item) {
  char constants[CONSTANTS];
  cuda_image image = {NULL, 0};
  if (!pack_write_constants(program, constants, sizeof constants)) return SEQMIX_ERROR_INTERNAL;
  const gpu_source source = {program->text, constants};
  seqmix_status status = seqmix_cuda_compile_for(architecture->name, &source, &image);
  if (status) return status;
  const char *name = architecture->name;
  *item = (pack_item){
      .capability = (uint32_t)architecture->capability,
      .suffix = name[strlen(name) - 1] == 'a' ? 'a' : 0,
      .name = program->name,
      .hash = program->text->hash,
      .bytes = image.bytes,
      .size = image.size,
  };
  return SEQMIX_OK;
}

static seqmix_status compile_all(pack_work *work, int number) {
  const pack_architecture *architecture = &pack_architectures[number];
  pack_programs *programs = &work->programs[number];
  uint64_t bytes = 0;
  seqmix_status status = pack_list(architecture, programs);
  for (int32_t i = 0; !status && i < programs->count && work->count < ITEMS_MOST; i++) {
    status = compile(architecture, &programs->rows[i], &work->items[work->count]);
    if (!status) bytes += work->items[work->count++].size;
  }
  if (!status)
    fprintf(stderr, "%s: %d programs, %.1f MB\n", architecture->name, programs->count,
            (double)bytes * 1e-6);
  return status;
}

static int make(const pack_options *options, pack_work *work) {
  const char *path = options->output ? options->output : "seqmix.pack";
  for (int i = 0; i < PACK_ARCHITECTURES; i++)
    if (options->wanted[i] && compile_all(work, i)) return fail();
  if (!pack_write(path, work->items, work->count, work->compiler)) {
    fprintf(stderr, "seqmix pack: %s: %s\n", path, strerror(errno));
    return FAILED;
  }
  printf("%s: %u programs\n", path, work->count);
  return DONE;
}

static int make_pack(const pack_options *options) {
  char note[NOTE];
  pack_work *work = calloc(1, sizeof *work);
  if (!work) return FAILED;
  work->compiler = seqmix_cuda_compiler(note, sizeof note);
  if (!work->compiler) fprintf(stderr, "seqmix pack: %s\n", note);
  int result = work->compiler ? make(options, work) : FAILED;
  for (uint32_t i = 0; i < work->count; i++) seqmix_memory_free(work->items[i].bytes);
  for (int i = 0; i < PACK_ARCHITECTURES; i++) pack_free(&work->programs[i]);
  free(work);
  return result;
}

int main(int count, char **words) {
  pack_options options = {.lists = 0};
  for (int i = 1; i < count; i++)
    if (!strcmp(words[i], "--help")) return print_usage(stdout);
  if (!take_words(&options, count - 1, words + 1)) return WRONG_USAGE;
  /* What is forced elsewhere is not what devices would choose. */
  unsetenv("SEQMIX_VARIANT");
  if (options.shown) return show(options.shown);
  if (options.asks) return tell_compiler();
  return options.lists ? list(&options) : make_pack(&options);
}
