/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Devices, contexts and buffers: where work runs and where its memory comes from.
 *
 * Environment variables read here: `SEQMIX_DEVICE` (overrides "auto"), `SEQMIX_NUM_THREADS`
 * (the default of seqmix_context_options::threads), `SEQMIX_VARIANT` (see
 * seqmix_context_set_variant()), `SEQMIX_CPU_ISA` (generic, avx2, avx512 or avx512bf16: the most
 * the CPU backend uses), `SEQMIX_PLUGIN_PATH` (folders of plug-in backends, separated by colons;
 * ignored in set-uid programs), `SEQMIX_CACHE_DIR` (where compiled kernels of GPUs are kept),
 * `SEQMIX_CUDA`, `SEQMIX_NVRTC` and `SEQMIX_CUBLAS` (files to open instead of libcuda.so.1 and of
 * the libnvrtc and libcublas that are found; ignored in set-uid programs) and `SEQMIX_LOG` (error,
 * warning, info or debug: messages up to that level go to standard error; nothing is printed
 * without it).
 */
#ifndef SEQMIX_CONTEXT_H
#define SEQMIX_CONTEXT_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A device as seqmix_device_get_info() describes it. */
typedef struct seqmix_device_info {
  uint64_t struct_size;  /**< set by #SEQMIX_DEVICE_INFO_INIT */
  char name[64];         /**< what seqmix_context_create() takes: "cpu", "cuda:1" */
  char backend[64];      /**< the backend it belongs to: "cpu", "cuda" */
  char description[256]; /**< for people: processor name, instruction sets, driver */
  int32_t index;         /**< its number within the backend */
  int32_t memory;        /**< a #seqmix_memory: what kind of pointer its tensors hold */
  int32_t automatic;     /**< nonzero if "auto" may choose it */
  int32_t compute_units; /**< processors (CPU) or multiprocessors (GPU) */
  uint64_t memory_bytes; /**< memory of the device; 0 if unknown */
} seqmix_device_info;

/** Initial value of a seqmix_device_info. */
#define SEQMIX_DEVICE_INFO_INIT \
  { sizeof(seqmix_device_info), {0}, {0}, {0}, 0, 0, 0, 0, 0 }

/**
 * The number of devices present. The list is made once per process, on the first call that
 * needs it, and does not change afterwards; a backend without a driver has no devices.
 */
SEQMIX_EXPORT int32_t seqmix_device_count(void);

/**
 * Describes device `index` (0 to seqmix_device_count() - 1; best first).
 * @return INVALID_ARGUMENT for an index outside the list or a bad `struct_size`.
 */
SEQMIX_EXPORT seqmix_status seqmix_device_get_info(int32_t index, seqmix_device_info *info);

/**
 * What a backend found on this machine, in words for people: the driver, compiler and libraries it
 * works with, devices it left out, or why it has none. It may open a compiler to ask its version.
 * @param index the backend: 0, 1 and so on
 * @param text  receives lines, each with its end, or "" if there is nothing to say
 * @param size  bytes of `text`, at least 1: longer remarks are cut
 * @return nonzero; 0, and nothing is written, past the last backend and where there is no room.
 */
SEQMIX_EXPORT int32_t seqmix_backend_remark(int32_t index, char *text, uint64_t size);

/**
 * A device together with all that calls on it need: threads or a stream, workspace, variant
 * choice. Calls on one context are serialised by its lock; different contexts run in parallel.
 * A call made on a context from inside that context's own parallel work is refused
 * (INVALID_ARGUMENT). After fork() the child may go on using a CPU context.
 */
typedef struct seqmix_context seqmix_context;

/** The most threads a context may be given. */
#define SEQMIX_MAX_THREADS 1024

/** What seqmix_context_create_with_options() takes. */
typedef struct seqmix_context_options {
  uint64_t struct_size; /**< set by #SEQMIX_CONTEXT_OPTIONS_INIT */
  const char *device;   /**< as in seqmix_context_create(); NULL: "auto" */
  int32_t threads;      /**< CPU threads, 1 to #SEQMIX_MAX_THREADS; 0: one per usable processor */
  int32_t reserved;     /**< must be 0 */
  /** The caller's own queue, in whose context buffers and tensors then are; NULL: one is made.
   * OpenCL: a `cl_command_queue` of the device, which works in order.
   *
   * CUDA: a `CUstream` (or `cudaStream_t`) of the device, in any of its contexts; it must live as
   * long as the context. Calls may be captured in a graph from it. Capture records kernels alone,
   * so a call must have been made once before, with the same sizes and options, to load them, and
   * must be given its workspace, which the graph goes on using; what cannot be recorded answers
   * DEVICE and says so. Faults that replayed kernels find in index arrays are reported by the next
   * seqmix_synchronize() after a call that was not captured. Without a queue, the stream that is
   * made waits for work in the device's default stream, and that for its work. */
  void *queue;
} seqmix_context_options;

/** Initial value of a seqmix_context_options. */
#define SEQMIX_CONTEXT_OPTIONS_INIT \
  { sizeof(seqmix_context_options), 0, 0, 0, 0 }

/**
 * Creates a context.
 * @param out    receives the context; NULL after a failure
 * @param device "auto" or NULL: `SEQMIX_DEVICE` if set, else the best device that may be chosen
 *               automatically (the CPU, as no GPU has been verified yet); otherwise a name, with
 *               or without a number: "cpu", "reference", "cuda", "opencl:1".
 * @return NO_DEVICE if no device has that name (the message lists those present),
 *         INVALID_ARGUMENT if `SEQMIX_VARIANT` names a variant that no device has,
 *         OUT_OF_MEMORY, DEVICE if its driver fails.
 */
SEQMIX_EXPORT seqmix_status seqmix_context_create(seqmix_context **out, const char *device);

/** As seqmix_context_create(), with every option. INVALID_ARGUMENT for an option out of range. */
SEQMIX_EXPORT seqmix_status
seqmix_context_create_with_options(seqmix_context **out, const seqmix_context_options *options);

/** Waits for the context's work, stops its threads and frees it. NULL is fine. */
SEQMIX_EXPORT void seqmix_context_destroy(seqmix_context *context);

/** The name of the context's device, for example "cpu"; "" for NULL. Lives as long as it. */
SEQMIX_EXPORT const char *seqmix_context_device(const seqmix_context *context);

/**
 * Sets the number of CPU threads (the caller's own counts as one). Results do not depend on it.
 * Drops a parallel-for given by seqmix_context_set_parallel_for().
 * @return INVALID_ARGUMENT outside 1..#SEQMIX_MAX_THREADS. If the system refuses a thread, work
 *         goes on with those it has: that is no error.
 */
SEQMIX_EXPORT seqmix_status seqmix_context_set_threads(seqmix_context *context, int32_t threads);

/** The number of CPU threads work is split over at most; 0 for NULL. */
SEQMIX_EXPORT int32_t seqmix_context_threads(const seqmix_context *context);

/**
 * An engine's way to run seqmix's CPU work on its own threads: it must call `body(arg, i)` once
 * for every i in 0..count-1, in any order, on any threads, all at once or one after the other,
 * and return when the last has returned. `count` never exceeds the `workers` it was set with.
 */
typedef void (*seqmix_parallel_for)(void *user, int32_t count,
                                    void (*body)(void *arg, int32_t index), void *arg);

/**
 * Runs the context's CPU work through `function` instead of threads of its own.
 * @param function NULL returns to the context's own threads
 * @param user     handed to `function` as it is
 * @param workers  how many bodies may run at once, 1 to #SEQMIX_MAX_THREADS
 * @return INVALID_ARGUMENT for `workers` outside that range.
 */
SEQMIX_EXPORT seqmix_status seqmix_context_set_parallel_for(seqmix_context *context,
                                                            seqmix_parallel_for function,
                                                            void *user, int32_t workers);

/**
 * Forces algorithm variants by name, for tests and measurements. `names` is a list separated by
 * commas; an operator none of whose variants is named chooses by itself; NULL or "" ends the
 * forcing. A forced variant that cannot take a call answers UNSUPPORTED. The initial value is
 * `SEQMIX_VARIANT`, which may also name variants of other devices.
 * @return INVALID_ARGUMENT for a name the device does not have (the message lists those it has).
 */
SEQMIX_EXPORT seqmix_status seqmix_context_set_variant(seqmix_context *context, const char *names);

/**
 * The name of the device's variant number `index`, in order of preference per operator, for
 * example "attention__any_generic_blocked" (the operator is what stands before the double
 * underscore); NULL past the last.
 */
SEQMIX_EXPORT const char *seqmix_context_variant_name(const seqmix_context *context, int32_t index);

/**
 * The name of the variant that was chosen last on this context, by an operator or its
 * workspace_size; NULL before the first choice. Calls that write nothing choose none. For
 * measurements: a context that other threads use has their choices, too.
 */
SEQMIX_EXPORT const char *seqmix_context_chosen_variant(const seqmix_context *context);

/** Waits until all work given to the context is done, and returns what became of it. */
SEQMIX_EXPORT seqmix_status seqmix_synchronize(seqmix_context *context);

/** @name Buffers: device memory for callers without a runtime of their own
 * On the CPU they are ordinary memory, aligned to 64 bytes. Uploads and downloads are ordered
 * with the context's work and complete on return; that they stay within the buffer is up to the
 * caller. All return INVALID_ARGUMENT for NULL where something is needed, and DEVICE if the driver
 * fails. @{ */

/** Allocates `bytes` (may be 0); `*data` is what a tensor's `data` takes. OUT_OF_MEMORY. */
SEQMIX_EXPORT seqmix_status seqmix_buffer_allocate(seqmix_context *context, uint64_t bytes,
                                                   void **data);
/** Frees what seqmix_buffer_allocate() gave on the same context. NULL is fine. */
SEQMIX_EXPORT void seqmix_buffer_free(seqmix_context *context, void *data);
/** Copies host memory into a buffer, `byte_offset` bytes from its start. */
SEQMIX_EXPORT seqmix_status seqmix_buffer_upload(seqmix_context *context, void *data,
                                                 uint64_t byte_offset, const void *host,
                                                 uint64_t bytes);
/** Copies from a buffer, `byte_offset` bytes from its start, into host memory. */
SEQMIX_EXPORT seqmix_status seqmix_buffer_download(seqmix_context *context, const void *data,
                                                   uint64_t byte_offset, void *host,
                                                   uint64_t bytes);
/** @} */

#ifdef __cplusplus
}
#endif

#endif
