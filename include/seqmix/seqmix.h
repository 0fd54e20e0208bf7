/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * All of seqmix for callers (plug-in authors include backend.h as well).
 */
#ifndef SEQMIX_H
#define SEQMIX_H

#include "attention.h"
#include "causal_conv1d.h"
#include "context.h"
#include "linear_attention.h"
#include "linear_recurrence.h"
#include "prefix_scan.h"
#include "selective_scan.h"
#include "types.h"
#include "version.h"

#endif
