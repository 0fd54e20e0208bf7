/* SPDX-License-Identifier: Apache-2.0 */
/* From a problem to the variant that computes it. */
#ifndef SEQMIX_CORE_DISPATCH_H
#define SEQMIX_CORE_DISPATCH_H

#include "core/context.h"
#include "core/registry.h"
#include "seqmix/backend.h"

/** The operator's name, "attention"; "" for no operator. */
const char *seqmix_operator_name(int32_t op);

/**
 * The first variant in the table that can take the problem on such a device and suits it; if none
 * suits, the first that can; NULL if there is none. `forced` (NULL: none) is a list of names
 * separated by commas: if one of them belongs to the problem's operator, only variants named are
 * considered, whether they suit or not. Pure.
 */
const seqmix_variant *seqmix_choose_variant(const seqmix_variant *variants, int32_t count,
                                            const seqmix_problem *problem,
                                            const seqmix_device_properties *device,
                                            const char *forced);

/** Whether the device has what the variant needs, whatever the problem. */
int seqmix_is_available(const seqmix_variant *variant, const seqmix_device_properties *device);

/** INVALID_ARGUMENT if `names` holds one that the device's (or any device's) table does not. */
seqmix_status seqmix_check_variant_names(const seqmix_device *device, const char *operation,
                                         const char *names, int of_any_device);

/** Computes a lowered problem on the context, in the caller's workspace if there is one. */
seqmix_status seqmix_run(seqmix_context *context, const seqmix_problem *problem, void *workspace,
                         uint64_t workspace_bytes);

/** Bytes of workspace seqmix_run() would need. */
seqmix_status seqmix_run_workspace(seqmix_context *context, const seqmix_problem *problem,
                                   uint64_t *bytes);

#endif
