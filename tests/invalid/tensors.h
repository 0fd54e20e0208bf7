/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables of calls do to tensors in the arena, and how outputs there are compared. */
#ifndef SEQMIX_TESTS_TENSORS_H
#define SEQMIX_TESTS_TENSORS_H

#include "expect.h"

/* Bytes of its elements, were they dense. */
int64_t tensor_bytes(const seqmix_tensor *tensor);

/* Fills a dense f32 tensor with random numbers, for one name the same each time. */
void fill_numbers(const seqmix_tensor *tensor, const char *name);

/* Makes a dense f32 tensor one of bf16, with the same values cut short. */
void narrow_to_bf16(seqmix_tensor *tensor);

/* Makes a dense f32 tensor one of f64, or of int32 with the hundredfold values. */
void convert_numbers(seqmix_tensor *tensor, int32_t dtype);

/* Writes element i of an int32 or int64 array. */
void set_index(seqmix_tensor *tensor, int i, int64_t value);

/* Makes an int32 array one of int64, with the same values. */
void widen_index(seqmix_tensor *tensor);

/* Turns a tensor around along an axis: the same elements, read from the far end. */
void flip_axis(seqmix_tensor *tensor, int axis);

/* Compares an output in the arena with the same bytes of `expected`, another one, then makes them
 * equal, so that afterwards any difference is a byte outside the outputs. Returns 0 if it agrees;
 * otherwise says on standard error where it does not and returns 1. */
int compare_output(const char *row_name, const subject *s, const unsigned char *expected);

#endif
