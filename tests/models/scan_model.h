/* SPDX-License-Identifier: Apache-2.0 */
/* A model of the scans as its users know it: a function that draws the model's own parameters,
 * computes `want` by its paper's formula in float64, with nothing of the library, and `got` by an
 * operator in f32, with whatever the model has before and behind it. It returns the operator's
 * status. */
#ifndef SEQMIX_TESTS_SCAN_MODEL_H
#define SEQMIX_TESTS_SCAN_MODEL_H

#include <complex.h>

#include <seqmix/seqmix.h>

#include "common.h"
#include "verify/random.h"

/* Tokens, outputs of each, and states behind an output where it has some of its own. */
enum { TIME = 150, WIDTH = 12, ORDER = 4 };

typedef struct scan_model {
  seqmix_context *context;
  random_state random;
  double want[TIME][WIDTH];
  float got[TIME][WIDTH];
} scan_model;

/* ---- random parameters: whole f32 numbers ---------------------------------------------------- */

double draw_between(scan_model *m, double low, double high);
double draw_normal(scan_model *m);
double complex draw_complex(scan_model *m); /* of size 1 on average */
void draw_tokens(scan_model *m, double x[TIME][WIDTH]);

/* What a caller keeps of a factor that is constant in time: f32. */
double complex rounded(double complex x);

/* ---- the recurrence, on rounded numbers -------------------------------------------------------
 */

/* h = a h + b in `channels` channels; a is [channels] or, per_token, [TIME, channels]. */
seqmix_status recur(scan_model *m, int per_token, int64_t channels, const double *a,
                    const double *b, double *h);
seqmix_status recur_complex(scan_model *m, int per_token, int64_t channels, const double complex *a,
                            const double complex *b, double complex *h);

/* ---- the models, by family --------------------------------------------------------------------
 */

/* scan_constant.c */
seqmix_status s4d(scan_model *m);
seqmix_status s5(scan_model *m);
seqmix_status lru(scan_model *m);

/* scan_hippo.c */
seqmix_status lssl(scan_model *m);
seqmix_status lmu(scan_model *m);

/* scan_gated.c */
seqmix_status hgrn(scan_model *m);
seqmix_status gateloop(scan_model *m);
seqmix_status mingru(scan_model *m);
seqmix_status rg_lru(scan_model *m);

/* scan_mamba.c */
seqmix_status mamba(scan_model *m);
seqmix_status mamba_complex(scan_model *m);

/* scan_other.c */
seqmix_status lightnet(scan_model *m);
seqmix_status mamba_convolution(scan_model *m);
seqmix_status hyena_filters(scan_model *m);

#endif
