/* SPDX-License-Identifier: Apache-2.0 */
/* What the host knows of the kernels of unfused.c. */
#ifndef SEQMIX_KERNELS_ATTENTION_UNFUSED_H
#define SEQMIX_KERNELS_ATTENTION_UNFUSED_H

/** Queries of a block. */
enum { BLOCK_ROWS = 4 };

/** attention_arguments::scores_mode: those of seqmix_scores_mode. */
enum { SHOW_RAW = 0, SHOW_SOFTCAP = 1, SHOW_PROBABILITIES = 3 };

#endif
