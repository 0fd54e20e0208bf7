/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays in NumPy's .npy files: formats 1.0 to 3.0, little-endian, in C order.
 *
 * Types: <f4, <f2, <i4, <i8, |b1, |u1, and <V2 or |V2, which is what NumPy writes for bf16 (it has
 * no name for the type): np.load(file).view(ml_dtypes.bfloat16) gives it back. */
#ifndef SEQMIX_NPY_H
#define SEQMIX_NPY_H

#include <seqmix/types.h>

/* Room for a message; it names the file. */
#define NPY_ERROR 1024

/* What a file's header says. */
typedef struct npy_header {
  int32_t dtype; /* a seqmix_dtype */
  int32_t ndim;
  int64_t shape[SEQMIX_MAX_DIMS];
  uint64_t bytes; /* of all elements; fits in size_t and in int64_t */
} npy_header;

/* Parses the text of a header: a Python dictionary. Never reads beyond `length`. Returns 0; or -1
 * with a message, without the file's name. */
int npy_parse_header(const char *characters, size_t length, npy_header *header,
                     char error[NPY_ERROR]);

/* Reads a file into a contiguous tensor, whose data is to be freed with free(). Returns 0; or -1
 * with a message. */
int npy_read(const char *path, seqmix_tensor *tensor, char error[NPY_ERROR]);

/* Writes a contiguous tensor. Returns 0; or -1 with a message, and then leaves no file. */
int npy_write(const char *path, const seqmix_tensor *tensor, char error[NPY_ERROR]);

#endif
