/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Versions of seqmix. Two of them, which move apart:
 * the *release* says what the library can do, the *API version* says whether a program
 * linked against one libseqmix runs with another (it is the number in the soname).
 */
#ifndef SEQMIX_VERSION_H
#define SEQMIX_VERSION_H

#include <stdint.h>

/** Release: breaking, adding, mending. */
#define SEQMIX_VERSION_MAJOR 0
/** As #SEQMIX_VERSION_MAJOR. */
#define SEQMIX_VERSION_MINOR 1
/** As #SEQMIX_VERSION_MAJOR. */
#define SEQMIX_VERSION_PATCH 0
/** The three together. */
#define SEQMIX_VERSION_STRING "0.1.0"

/** Incompatible changes of the C API; the soname is libseqmix.so followed by it. */
#define SEQMIX_API_VERSION 0

/** Every public function is exported, everything else in the library is hidden. */
#if defined(_WIN32)
#define SEQMIX_EXPORT
#else
#define SEQMIX_EXPORT __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** The release the running library was built from, for example "0.1.0". Never NULL. */
SEQMIX_EXPORT const char *seqmix_version(void);

/** The API version the running library was built with: #SEQMIX_API_VERSION. */
SEQMIX_EXPORT int32_t seqmix_api_version(void);

#ifdef __cplusplus
}
#endif

#endif
