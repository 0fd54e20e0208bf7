/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dispatch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/features.h"
#include "core/log.h"
#include "core/memory.h"

static const char *const operator_names[] = {
#define SEQMIX_OPERATOR(name, NAME, tolerance, description) #name,
#include "seqmix/operators.def"
#undef SEQMIX_OPERATOR
};

const char *seqmix_operator_name(int32_t op) {
  return op >= 0 && op < SEQMIX_OPERATOR_COUNT ? operator_names[op] : "";
}

/* ---- choice -------------------------------------------------------------------------------- */

/* Whether the list `names` (NULL: empty) holds the `length` characters at `name`. */
static int list_holds(const char *names, const char *name, size_t length) {
  while (names && *names) {
    size_t item = strcspn(names, ",");
    if (item == length && strncmp(names, name, length) == 0) return 1;
    names += item + (names[item] == ',');
  }
  return 0;
}

static int is_forced(const seqmix_variant *variant, const char *forced) {
  return list_holds(forced, variant->name, strlen(variant->name));
}

static int any_forced(const seqmix_variant *variants, int32_t count, int32_t op,
                      const char *forced) {
  for (int32_t i = 0; i < count; i++)
    if (variants[i].op == op && is_forced(&variants[i], forced)) return 1;
  return 0;
}

int seqmix_is_available(const seqmix_variant *variant, const seqmix_device_properties *device) {
  return (variant->device_features & ~device->features) == 0;
}

static int can_take(const seqmix_variant *variant, const seqmix_problem *problem,
                    const seqmix_device_properties *device) {
  return variant->op == problem->op && (variant->dtypes & SEQMIX_DTYPE_BIT(problem->dtype)) != 0 &&
         seqmix_is_available(variant, device) &&
         (problem->features & ~variant->problem_features) == 0 &&
         (!variant->accepts || variant->accepts(problem, device));
}

const seqmix_variant *seqmix_choose_variant(const seqmix_variant *variants, int32_t count,
                                            const seqmix_problem *problem,
                                            const seqmix_device_properties *device,
                                            const char *forced) {
  int only_forced = any_forced(variants, count, problem->op, forced);
  const seqmix_variant *possible = NULL;
  for (int32_t i = 0; i < count; i++) {
    const seqmix_variant *variant = &variants[i];
    if (only_forced && !is_forced(variant, forced)) continue;
    if (!can_take(variant, problem, device)) continue;
    if (only_forced || !variant->suits || variant->suits(problem, device)) return variant;
    if (!possible) possible = variant;
  }
  return possible;
}

/* ---- errors -------------------------------------------------------------------------------- */

static int is_called(const seqmix_variant *variant, const char *name, size_t length) {
  return strlen(variant->name) == length && strncmp(variant->name, name, length) == 0;
}

static int device_has(const seqmix_device *device, const char *name, size_t length) {
  const seqmix_backend *backend = device->backend;
  for (int32_t i = 0; i < backend->variant_count; i++)
    if (is_called(&backend->variants[i], name, length) &&
        seqmix_is_available(&backend->variants[i], &device->properties))
      return 1;
  return 0;
}

static int any_device_has(const char *name, size_t length) {
  const seqmix_registry *registry = seqmix_registry_get();
  for (int32_t i = 0; i < registry->device_count; i++)
    if (device_has(&registry->devices[i], name, length)) return 1;
  return 0;
}

static seqmix_status fail_unknown_variant(const seqmix_device *device, const char *operation,
                                          const char *name, size_t length) {
  const seqmix_backend *backend = device->backend;
  char list[2048] = "";
  size_t used = 0;
  for (int32_t i = 0; i < backend->variant_count && used < sizeof list; i++)
    if (seqmix_is_available(&backend->variants[i], &device->properties))
      used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "",
                               backend->variants[i].name);
  return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                     "%s: names has '%.*s', which is no variant; device %s has: %s", operation,
                     (int)(length < 80 ? length : 80), name, device->name, list);
}

seqmix_status seqmix_check_variant_names(const seqmix_device *device, const char *operation,
                                         const char *names, int of_any_device) {
  while (*names) {
    size_t length = strcspn(names, ",");
    int known = of_any_device ? any_device_has(names, length) : device_has(device, names, length);
    if (!known) return fail_unknown_variant(device, operation, names, length);
    names += length + (names[length] == ',');
  }
  return SEQMIX_OK;
}

/* Says what keeps the closest variant from taking the problem: the one lacking the least, in the
 * order operator, type, options, device, size. */
static seqmix_status fail_unsupported(const seqmix_context *context,
                                      const seqmix_problem *problem) {
  const seqmix_device *device = context->device;
  const char *name = seqmix_operator_name(problem->op);
  int32_t of_operator = 0, of_type = 0;
  uint64_t missing = UINT64_MAX;
  for (int32_t i = 0; i < device->backend->variant_count; i++) {
    const seqmix_variant *variant = &device->backend->variants[i];
    if (variant->op != problem->op || !seqmix_is_available(variant, &device->properties)) continue;
    if (any_forced(device->backend->variants, device->backend->variant_count, problem->op,
                   context->forced_variants) &&
        !is_forced(variant, context->forced_variants))
      continue;
    of_operator++;
    if (!(variant->dtypes & SEQMIX_DTYPE_BIT(problem->dtype))) continue;
    of_type++;
    uint64_t lacks = problem->features & ~variant->problem_features;
    if (__builtin_popcountll(lacks) < __builtin_popcountll(missing)) missing = lacks;
  }
  const char *forced = context->forced_variants ? " with the forced variant" : "";
  if (!of_operator)
    return seqmix_fail(SEQMIX_ERROR_UNSUPPORTED, "%s: device %s does not have this operator", name,
                       device->name);
  if (!of_type)
    return seqmix_fail(SEQMIX_ERROR_UNSUPPORTED, "%s: device %s%s does not take %s inputs", name,
                       device->name, forced, seqmix_dtype_name(problem->dtype));
  if (missing) {
    char list[512];
    seqmix_feature_list(problem->op, missing, list, sizeof list);
    return seqmix_fail(SEQMIX_ERROR_UNSUPPORTED, "%s: device %s%s cannot do: %s", name,
                       device->name, forced, list);
  }
  return seqmix_fail(SEQMIX_ERROR_UNSUPPORTED,
                     "%s: device %s%s has no algorithm for these sizes and strides", name,
                     device->name, forced);
}

/* ---- running ------------------------------------------------------------------------------- */

static seqmix_status choose(seqmix_context *context, const seqmix_problem *problem,
                            const seqmix_variant **variant, uint64_t *bytes) {
  const seqmix_device *device = context->device;
  *variant = seqmix_choose_variant(device->backend->variants, device->backend->variant_count,
                                   problem, &device->properties, context->forced_variants);
  if (!*variant) return fail_unsupported(context, problem);
  atomic_store(&context->chosen, (*variant)->name);
  int32_t workers = atomic_load(&context->workers);
  *bytes = (*variant)->workspace ? (*variant)->workspace(problem, &device->properties, workers) : 0;
  if (*bytes == UINT64_MAX)
    return seqmix_fail(SEQMIX_ERROR_OUT_OF_MEMORY,
                       "%s: the workspace of %s is beyond the address space",
                       seqmix_operator_name(problem->op), (*variant)->name);
  return SEQMIX_OK;
}

static seqmix_status check_workspace(const seqmix_context *context, const char *name,
                                     const void *workspace, uint64_t given, uint64_t needed) {
  if (given < needed)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: workspace_bytes is %" PRIu64 "; it must be at least %" PRIu64, name,
                       given, needed);
  if (context->device->properties.memory != SEQMIX_MEMORY_OPENCL &&
      (uintptr_t)workspace % SEQMIX_ALIGNMENT != 0)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: workspace is at %p; its address must be a multiple of %d", name,
                       workspace, SEQMIX_ALIGNMENT);
  return SEQMIX_OK;
}

/* The context's own workspace may be gone when what is recorded now is done. */
static seqmix_status check_capture(const seqmix_context *context, const char *name,
                                   uint64_t needed) {
  const seqmix_backend *backend = context->device->backend;
  if (!backend->is_capturing || !backend->is_capturing(context->state)) return SEQMIX_OK;
  return seqmix_fail(SEQMIX_ERROR_DEVICE,
                     "%s: workspace is NULL while the context's stream is captured in a graph; it "
                     "must be %" PRIu64 " bytes that stay where they are as long as the graph",
                     name, needed);
}

static seqmix_status run_entered(seqmix_context *context, const seqmix_problem *problem,
                                 void *workspace, uint64_t workspace_bytes) {
  const char *name = seqmix_operator_name(problem->op);
  const seqmix_variant *variant;
  uint64_t needed = 0;
  SEQMIX_TRY(choose(context, problem, &variant, &needed));
  if (workspace) {
    SEQMIX_TRY(check_workspace(context, name, workspace, workspace_bytes, needed));
  } else if (needed) {
    SEQMIX_TRY(check_capture(context, name, needed));
    SEQMIX_TRY(seqmix_context_arena(context, name, needed, &workspace));
  }
  seqmix_log(SEQMIX_LOG_DEBUG, "%s: %s, %" PRIu64 " bytes of workspace", name, variant->name,
             needed);
  const seqmix_call call = {
      .host = &seqmix_host_services,
      .device = context->state,
      .workspace = workspace,
      .workspace_bytes = needed,
      .workers = atomic_load(&context->workers),
      .runner = context,
      .parallel_for = seqmix_context_parallel_for,
  };
  return variant->run(&call, problem);
}

seqmix_status seqmix_run(seqmix_context *context, const seqmix_problem *problem, void *workspace,
                         uint64_t workspace_bytes) {
  seqmix_active active;
  SEQMIX_TRY(seqmix_context_enter(context, &active, seqmix_operator_name(problem->op)));
  seqmix_status status = run_entered(context, problem, workspace, workspace_bytes);
  seqmix_context_leave(context, &active);
  return status;
}

seqmix_status seqmix_run_workspace(seqmix_context *context, const seqmix_problem *problem,
                                   uint64_t *bytes) {
  seqmix_active active;
  SEQMIX_TRY(seqmix_context_enter(context, &active, seqmix_operator_name(problem->op)));
  const seqmix_variant *variant;
  uint64_t needed = 0;
  seqmix_status status = choose(context, problem, &variant, &needed);
  seqmix_context_leave(context, &active);
  if (status == SEQMIX_OK) *bytes = needed;
  return status;
}
