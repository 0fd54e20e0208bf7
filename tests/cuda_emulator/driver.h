/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the stand-in for libcuda share. */
#ifndef SEQMIX_EMULATOR_DRIVER_H
#define SEQMIX_EMULATOR_DRIVER_H

#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

extern "C" {
#include "cuda/api.h"
}
#include "engine.h"

/* A device's primary context. What a launch has broken stays so until nobody holds it any more. */
struct CUctx_st {
  int device, holders;
  CUresult broken;
};

struct CUmod_st {
  CUctx_st *context;
  void *library;
  int file;        /* the memory it was loaded from */
  uint64_t number; /* of the module in the process */
  uint64_t begin, end;
  bool is_observed;
  std::vector<std::unique_ptr<CUfunc_st>> functions;
};

struct CUfunc_st {
  CUmod_st *module;
  const emulator::kernel_entry *entry;
  uint64_t given_most; /* bytes that a launch may give */
};

/* A launch with its parameters. */
struct recorded_launch {
  CUfunc_st *function;
  int64_t blocks;
  int threads;
  uint64_t local_given;
  std::vector<std::vector<char>> parameters;
};

struct CUgraph_st {
  std::vector<recorded_launch> launches;
};
struct CUgraphExec_st {
  CUctx_st *context;
  std::vector<recorded_launch> launches;
};
struct CUstream_st {
  CUctx_st *context;
  int capture; /* CU_STREAM_CAPTURE_STATUS_* */
  CUgraph_st graph;
};

namespace emulator {

/* What NVRTC's stand-in gives as a CUBIN or as PTX, before the bytes of a shared object. */
struct image_head {
  char magic[8];
  uint32_t arch;
  uint32_t is_portable, is_observed, unused;
  uint64_t bytes, hash;
};
inline constexpr char IMAGE_MAGIC[8] = {'E', 'M', 'U', 'L', 'A', 'T', 'E', 'D'};
inline uint64_t hash_of(const char *bytes, uint64_t count) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (uint64_t i = 0; i < count; i++) hash = (hash ^ (uint8_t)bytes[i]) * 0x100000001b3u;
  return hash;
}

/* One call at a time. `status` is what it has to answer at once: it is to fail (EMULATOR_FAIL), or
 * nobody has called cuInit(). */
struct entry {
  explicit entry(const char *function);
  std::lock_guard<std::recursive_mutex> lock;
  CUresult status;
};
#define ENTER()                            \
  const emulator::entry entered(__func__); \
  if (entered.status) return entered.status

/* Counts as an environment variable has them. */
int number_of(const char *variable, int otherwise);
int device_count();
/* Such as 90. */
int arch_of(int device);
enum : uint64_t { LOCAL_MOST = 48 << 10 };
uint64_t local_most_of(int device);

CUctx_st *current_context();
/* CUDA_SUCCESS if the thread has a context that is not broken. */
CUresult check_context();
/* The same for work on a stream; NULL is the default stream. */
CUresult check_stream(CUstream_st *stream);
/* For what cannot be captured: spoils a capture of the context that is under way. */
CUresult check_not_capturing(CUctx_st *context);
void break_context(CUctx_st *context, CUresult status);

CUresult run_recorded(CUctx_st *context, const recorded_launch &r);

}  // namespace emulator

#endif
