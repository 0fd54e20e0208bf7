/* SPDX-License-Identifier: Apache-2.0 */
/* Elements of every type as doubles and back, written apart from the library's conversions so
 * that neither hides a mistake of the other. */
#ifndef SEQMIX_VERIFY_NUMBERS_H
#define SEQMIX_VERIFY_NUMBERS_H

#include <stdint.h>

/* The element at `address` (any alignment). Booleans are 0 or 1. */
double number_load(int32_t dtype, const void *address);

/* Stores `value`, rounded to nearest even; integers take whole numbers. */
void number_store(int32_t dtype, void *address, double value);

/* Half the distance from 1 to the next number: the relative error of one rounding. */
double number_rounding(int32_t dtype);

/* What is lost near zero: the step of f16's subnormal numbers; the smallest normal number of the
 * others, whose subnormal ones a device may flush. */
double number_step(int32_t dtype);

/* A quiet NaN with an unusual payload, which no arithmetic makes: an output that still holds
 * these bits was never written. Integers and booleans get a pattern of their own. */
void number_store_poison(int32_t dtype, void *address);
int number_is_poison(int32_t dtype, const void *address);

#endif
