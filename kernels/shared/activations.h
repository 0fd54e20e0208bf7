/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of single numbers that models put around a layer. */
#include "shared/powers.h"

/* x / (1 + exp(-x)); of -inf comes NaN, as in C. */
DEVICE lane lane_silu(lane x) { return x / (lane_of(1.0f) + power_of_e(-x)); }
