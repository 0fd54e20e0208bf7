/* SPDX-License-Identifier: Apache-2.0 */
#include "npy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "elements go between file and memory as they are, which takes a little-endian machine"
#endif

/* NumPy refuses longer headers too, for safety; ours have some hundred bytes. */
#define LONGEST_HEADER 10000
/* What a header is padded to, so that elements of a mapped file are aligned. */
#define ALIGNMENT 64

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

static int fail(char error[NPY_ERROR], const char *path, const char *what) {
  snprintf(error, NPY_ERROR, "%s: %s", path, what);
  return -1;
}

/* ---- reading ----------------------------------------------------------------------------------
 */

/* Reads magic, version and the header's length; returns that length, or -1. */
static long read_length(FILE *file, const char *path, char error[NPY_ERROR]) {
  unsigned char start[12];
  if (fread(start, 1, 8, file) != 8 || memcmp(start, magic, sizeof magic) != 0) {
    return fail(error, path, "is no .npy file: it must begin with \\x93NUMPY and a version");
  }
  int wide = start[6] > 1;
  if (start[6] < 1 || start[6] > 3 || start[7] != 0) {
    snprintf(error, NPY_ERROR, "%s: has format version %d.%d; it must be 1.0, 2.0 or 3.0", path,
             start[6], start[7]);
    return -1;
  }
  if (fread(start + 8, 1, wide ? 4 : 2, file) != (wide ? 4u : 2u)) {
    return fail(error, path, "ends before its header");
  }
  uint32_t length = start[8] | (uint32_t)start[9] << 8;
  if (wide) length |= (uint32_t)start[10] << 16 | (uint32_t)start[11] << 24;
  if (length > LONGEST_HEADER) {
    snprintf(error, NPY_ERROR, "%s: has a header of %" PRIu32 " bytes; at most %d are read", path,
             length, LONGEST_HEADER);
    return -1;
  }
  return (long)length;
}

static int read_header(FILE *file, const char *path, npy_header *header, char error[NPY_ERROR]) {
  char text[LONGEST_HEADER], problem[NPY_ERROR];
  long length = read_length(file, path, error);
  if (length < 0) return -1;
  if (fread(text, 1, (size_t)length, file) != (size_t)length) {
    return fail(error, path, "ends within its header");
  }
  if (npy_parse_header(text, (size_t)length, header, problem)) {
    snprintf(error, NPY_ERROR, "%s: %.900s", path, problem);
    return -1;
  }
  return 0;
}

/* The file must hold what its header says and no more, before memory is taken for it. */
static int check_size(FILE *file, const char *path, const npy_header *header,
                      char error[NPY_ERROR]) {
  struct stat about;
  long at = ftell(file);
  if (at < 0 || fstat(fileno(file), &about) || !S_ISREG(about.st_mode)) {
    return fail(error, path, "is no ordinary file");
  }
  uint64_t left = (uint64_t)about.st_size - (uint64_t)at;
  if (left == header->bytes) return 0;
  snprintf(error, NPY_ERROR,
           "%s: has %" PRIu64 " bytes of elements; by its header it must have %" PRIu64, path, left,
           header->bytes);
  return -1;
}

static int read_elements(FILE *file, const char *path, const npy_header *header,
                         seqmix_tensor *tensor, char error[NPY_ERROR]) {
  void *data = malloc(header->bytes ? (size_t)header->bytes : 1);
  if (!data) return fail(error, path, "does not fit into memory");
  if (fread(data, 1, (size_t)header->bytes, file) != (size_t)header->bytes) {
    free(data);
    return fail(error, path, "cannot be read to its end");
  }
  *tensor = seqmix_tensor_nd(data, header->dtype, header->ndim, header->shape, NULL);
  return 0;
}

int npy_read(const char *path, seqmix_tensor *tensor, char error[NPY_ERROR]) {
  npy_header header;
  FILE *file = fopen(path, "rb");
  if (!file) return fail(error, path, strerror(errno));
  int status = read_header(file, path, &header, error);
  if (!status) status = check_size(file, path, &header, error);
  if (!status) status = read_elements(file, path, &header, tensor, error);
  fclose(file);
  return status;
}

/* ---- writing ----------------------------------------------------------------------------------
 */

static const char *descr_of(int32_t dtype) {
  switch (dtype) {
    case SEQMIX_F32: return "<f4";
    case SEQMIX_F16: return "<f2";
    case SEQMIX_BF16: return "<V2";
    case SEQMIX_I32: return "<i4";
    case SEQMIX_I64: return "<i8";
    case SEQMIX_BOOL: return "|b1";
    case SEQMIX_U8: return "|u1";
    default: return NULL;
  }
}

/* Format 1.0: the longest shape has room by far. Returns the bytes of the header. */
static size_t make_header(const seqmix_tensor *tensor, char header[512]) {
  size_t used = 10;
  used += (size_t)snprintf(header + used, 512 - used,
                           "{'descr': '%s', 'fortran_order': False, 'shape': (",
                           descr_of(tensor->dtype));
  for (int axis = 0; axis < tensor->ndim; axis++) {
    used += (size_t)snprintf(header + used, 512 - used, "%" PRId64 "%s", tensor->shape[axis],
                             axis + 1 < tensor->ndim ? ", "
                             : tensor->ndim == 1     ? ","
                                                     : "");
  }
  used += (size_t)snprintf(header + used, 512 - used, "), }");
  size_t size = (used + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  memset(header + used, ' ', size - used);
  header[size - 1] = '\n';
  memcpy(header, magic, sizeof magic);
  header[6] = 1;
  header[7] = 0;
  header[8] = (char)((size - 10) & 255);
  header[9] = (char)((size - 10) >> 8);
  return size;
}

/* Writes all to an open file, and closes it. Returns 0, or what went wrong as an errno: negative
 * if it left part of an ordinary file. */
static int write_all(FILE *file, const char *header, size_t size, const void *data, size_t bytes) {
  struct stat about;
  int problem = 0;
  if (fwrite(header, 1, size, file) != size || fwrite(data, 1, bytes, file) != bytes) {
    problem = errno ? errno : EIO;
  }
  int ordinary = fstat(fileno(file), &about) == 0 && S_ISREG(about.st_mode);
  if (fclose(file) != 0 && !problem) problem = errno ? errno : EIO;
  return problem && ordinary ? -problem : problem;
}

int npy_write(const char *path, const seqmix_tensor *tensor, char error[NPY_ERROR]) {
  if (!descr_of(tensor->dtype)) return fail(error, path, "its type has no name in .npy files");
  char header[512];
  size_t size = make_header(tensor, header);
  uint64_t bytes = seqmix_dtype_size(tensor->dtype);
  for (int axis = 0; axis < tensor->ndim; axis++) bytes *= (uint64_t)tensor->shape[axis];
  FILE *file = fopen(path, "wb");
  if (!file) return fail(error, path, strerror(errno));
  int problem = write_all(file, header, size, tensor->data, (size_t)bytes);
  if (problem < 0) remove(path);
  return problem ? fail(error, path, strerror(abs(problem))) : 0;
}
