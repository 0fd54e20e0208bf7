/* SPDX-License-Identifier: Apache-2.0 */
/* The contexts the suites run on: the judge, and the device under test in each way of spreading its
 * work. */
#ifndef SEQMIX_VERIFY_DEVICES_H
#define SEQMIX_VERIFY_DEVICES_H

#include <seqmix/seqmix.h>

/* Ways of spreading work, all of which must give the same bits. */
typedef enum device_way {
  DEVICE_ONE_THREAD,
  DEVICE_TWO_THREADS,
  DEVICE_THREE_THREADS,
  DEVICE_CALLER_SERIAL,  /* the caller's parallel-for, last body first, on one thread */
  DEVICE_CALLER_THREADS, /* the caller's parallel-for, a thread per body */
  DEVICE_WAYS
} device_way;

/* Names the device under test; otherwise it is SEQMIX_TEST_DEVICE, or "cpu". Before devices_open().
 */
void devices_choose(const char *name);
const char *device_name(void);

/* Opens and closes all contexts. If devices_missing() or devices_failure() then has something to
 * say, no call may be made on any. */
void devices_open(void);
void devices_close(void);

/* That there is no device of this name, or NULL. */
const char *devices_missing(void);

/* Why a context of a device that is there could not be made, or NULL. */
const char *devices_failure(void);

/* The float64 reference, the judge of all. */
seqmix_context *device_reference(void);

/* The device under test. */
seqmix_context *device_under_test(device_way way);

/* How many of the ways say something of the device: one with memory of its own spreads its work by
 * itself, and is only to do the same twice. */
int devices_ways(void);

/* "cpu, 2 threads": for messages. */
const char *device_label(device_way way);

/* How often a context asked a caller's parallel-for for more bodies than it may. */
int device_parallel_faults(void);

#endif
