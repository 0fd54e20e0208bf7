/* SPDX-License-Identifier: Apache-2.0 */
#include "gpu/program.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/cache.h"
#include "core/error.h"
#include "core/log.h"
#include "core/memory.h"
#include "gpu/context.h"

enum { CACHE_KEY_MOST = 1200, CONSTANTS_MOST = 1200 };

struct gpu_program_row {
  char key[GPU_PROGRAM_NAME];
  const gpu_text *text;
  gpu_program *program;
  double seconds; /* to compile it; 0: it came from disk or a pack */
  int is_fresh;   /* compiled here, and not on disk yet */
};

static const gpu_text *find_text(const gpu_context *c, const char *name) {
  const gpu_text *text = c->driver->texts;
  while (text->name && strcmp(text->name, name) != 0) text++;
  return text->name ? text : NULL;
}

void seqmix_gpu_name_program(const gpu_special *special, char name[GPU_PROGRAM_NAME]) {
  int used = snprintf(name, GPU_PROGRAM_NAME, "%s", special->text);
  for (const gpu_constant *k = special->constants; k->name && used < GPU_PROGRAM_NAME; k++)
    used += snprintf(name + used, (size_t)(GPU_PROGRAM_NAME - used), " %s=%d", k->name, k->value);
}

static void write_constants(const gpu_special *special, char *lines) {
  int used = 0;
  lines[0] = 0;
  for (const gpu_constant *k = special->constants; k->name && used < CONSTANTS_MOST; k++)
    used += snprintf(lines + used, (size_t)(CONSTANTS_MOST - used), "#define %s %d\n", k->name,
                     k->value);
}

/* ---- making ---------------------------------------------------------------------------------- */

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The name of a program on disk: whatever it was made of, and for which device. */
static void write_cache_key(const gpu_context *c, const struct gpu_program_row *row, char *key) {
  snprintf(key, CACHE_KEY_MOST, "%s\n%s\n%016" PRIx64, c->driver->identity(c->device), row->key,
           row->text->hash);
}

static int load_packed(gpu_context *c, struct gpu_program_row *row) {
  uint64_t size = 0;
  if (!c->driver->packed) return 0;
  const void *bytes = c->driver->packed(c->device, row->key, row->text->hash, &size);
  if (!bytes) return 0;
  row->program = c->driver->load(c->device, bytes, size);
  if (row->program)
    seqmix_log(SEQMIX_LOG_DEBUG, "%s: from a pack", row->key);
  else
    seqmix_log(SEQMIX_LOG_WARNING, "%s: the driver refuses what a pack holds", row->key);
  return row->program != NULL;
}

static int load(gpu_context *c, struct gpu_program_row *row) {
  char cache_key[CACHE_KEY_MOST];
  uint64_t size = 0;
  double start = seconds();
  write_cache_key(c, row, cache_key);
  void *bytes = seqmix_cache_get(cache_key, &size);
  if (!bytes) return 0;
  row->program = c->driver->load(c->device, bytes, size);
  seqmix_memory_free(bytes);
  if (row->program)
    seqmix_log(SEQMIX_LOG_DEBUG, "%s: loaded in %.3f s", row->key, seconds() - start);
  else
    seqmix_log(SEQMIX_LOG_WARNING, "%s: the driver refuses what was kept: compiling", row->key);
  return row->program != NULL;
}

static void keep(const gpu_context *c, struct gpu_program_row *row) {
  char cache_key[CACHE_KEY_MOST];
  uint64_t size = 0;
  void *binary = c->driver->binary(row->program, &size);
  write_cache_key(c, row, cache_key);
  if (binary) seqmix_cache_put(cache_key, binary, size);
  seqmix_memory_free(binary);
  row->is_fresh = 0;
}

void seqmix_gpu_keep_programs(gpu_context *c) {
  for (int32_t i = 0; i < c->programs.count; i++)
    if (c->programs.rows[i].is_fresh) keep(c, &c->programs.rows[i]);
}

static seqmix_status compile(gpu_context *c, const gpu_special *special,
                             struct gpu_program_row *row) {
  char constants[CONSTANTS_MOST];
  double start = seconds();
  write_constants(special, constants);
  const gpu_source source = {row->text, constants};
  SEQMIX_TRY(c->driver->compile(c->device, &source, &row->program));
  row->is_fresh = 1;
  row->seconds = seconds() - start;
  seqmix_log(SEQMIX_LOG_INFO, "%s: compiled in %.2f s", row->key, row->seconds);
  return SEQMIX_OK;
}

static seqmix_status make(gpu_context *c, const gpu_special *special, struct gpu_program_row *row) {
  row->text = find_text(c, special->text);
  if (!row->text)
    return seqmix_fail(SEQMIX_ERROR_INTERNAL, "there is no kernel text '%s'", special->text);
  if (c->driver->is_capturing && c->driver->is_capturing(c->device))
    return seqmix_fail(
        SEQMIX_ERROR_DEVICE,
        "kernels '%s' are not loaded yet, and cannot be while the stream is captured "
        "in a graph: call it once before capturing, with the same sizes and options",
        row->key);
  return load_packed(c, row) || load(c, row) ? SEQMIX_OK : compile(c, special, row);
}

/* ---- the table ------------------------------------------------------------------------------- */

static seqmix_status make_room(gpu_programs *all) {
  if (all->count < all->room) return SEQMIX_OK;
  int32_t room = all->room ? 2 * all->room : 16;
  struct gpu_program_row *rows = seqmix_memory_allocate((uint64_t)room * sizeof *rows);
  if (!rows)
    return seqmix_fail(SEQMIX_ERROR_OUT_OF_MEMORY, "no memory for a table of %d kernels", room);
  if (all->count) memcpy(rows, all->rows, (size_t)all->count * sizeof *rows);
  seqmix_memory_free(all->rows);
  all->rows = rows;
  all->room = room;
  return SEQMIX_OK;
}

/* The row of a program, made if there is none yet. */
static seqmix_status find_program(gpu_context *c, const gpu_special *special,
                                  struct gpu_program_row **found) {
  char key[GPU_PROGRAM_NAME];
  gpu_programs *all = &c->programs;
  seqmix_gpu_name_program(special, key);
  for (int32_t i = 0; i < all->count; i++) {
    *found = &all->rows[i];
    if (strcmp(all->rows[i].key, key) == 0) return SEQMIX_OK;
  }
  SEQMIX_TRY(make_room(all));
  *found = &all->rows[all->count];
  **found = (struct gpu_program_row){.is_fresh = 0};
  memcpy((*found)->key, key, sizeof key);
  SEQMIX_TRY(make(c, special, *found));
  all->count++;
  return SEQMIX_OK;
}

seqmix_status seqmix_gpu_kernel(gpu_context *c, const gpu_special *special, const char *name,
                                gpu_kernel **kernel) {
  struct gpu_program_row *row = NULL;
  SEQMIX_TRY(find_program(c, special, &row));
  return c->driver->kernel(row->program, name, kernel);
}

double seqmix_gpu_compile_seconds(const gpu_context *c, const char *name) {
  for (int32_t i = 0; i < c->programs.count; i++)
    if (strcmp(c->programs.rows[i].key, name) == 0) return c->programs.rows[i].seconds;
  return 0;
}

void seqmix_gpu_release_programs(gpu_context *c) {
  seqmix_gpu_keep_programs(c);
  for (int32_t i = 0; i < c->programs.count; i++) c->driver->release(c->programs.rows[i].program);
  seqmix_memory_free(c->programs.rows);
  c->programs = (gpu_programs){0};
}
