/* SPDX-License-Identifier: Apache-2.0 */
/* Programs, kernels and launches of the stand-in for libcuda. An image is a shared object, loaded
 * from memory. */
#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <climits>
#include <cstdio>

#include "driver.h"

namespace emulator {
namespace {

/* ---- programs -------------------------------------------------------------------------------- */

CUresult check_image(const image_head *head, int device) {
  if (std::memcmp(head->magic, IMAGE_MAGIC, sizeof head->magic) != 0)
    return CUDA_ERROR_INVALID_IMAGE;
  if (hash_of((const char *)(head + 1), head->bytes) != head->hash)
    return head->is_portable ? CUDA_ERROR_INVALID_PTX : CUDA_ERROR_INVALID_IMAGE;
  const int own = arch_of(device), arch = (int)head->arch;
  const bool runs = head->is_portable ? arch <= own : arch / 10 == own / 10 && arch <= own;
  /* One that was compiled to be observed, or not to be, is compiled anew. */
  return runs && (head->is_observed != 0) == is_observed() ? CUDA_SUCCESS
                                                           : CUDA_ERROR_NO_BINARY_FOR_GPU;
}

/* Fills in where the program lies. */
int find_range(struct dl_phdr_info *info, size_t, void *data) {
  CUmod_st *module = (CUmod_st *)data;
  const struct link_map *map = (const struct link_map *)module->library;
  if (info->dlpi_addr != map->l_addr) return 0;
  module->begin = info->dlpi_addr;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const auto &part = info->dlpi_phdr[i];
    const uint64_t end = info->dlpi_addr + part.p_vaddr + part.p_memsz;
    if (part.p_type == PT_LOAD && end > module->end) module->end = end;
  }
  return 1;
}

/* The file stays open while the library is loaded: its name is taken for the library's. */
CUresult open_image(CUmod_st *module, const image_head *head) {
  module->file = memfd_create("program", MFD_CLOEXEC);
  if (module->file < 0) return CUDA_ERROR_OUT_OF_MEMORY;
  if (write(module->file, head + 1, head->bytes) != (ssize_t)head->bytes)
    return CUDA_ERROR_OUT_OF_MEMORY;
  const std::string path = "/proc/self/fd/" + std::to_string(module->file);
  module->library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!module->library) {
    std::fprintf(stderr, "cuda emulator: %s\n", dlerror());
    return CUDA_ERROR_INVALID_IMAGE;
  }
  dl_iterate_phdr(find_range, module);
  return CUDA_SUCCESS;
}

void close_module(CUmod_st *module) {
  if (module->library) dlclose(module->library);
  if (module->file >= 0) close(module->file);
  delete module;
}

}  // namespace

extern "C" {

CUresult cuModuleLoadDataEx(CUmodule *made, const void *image, unsigned, int *, void **) {
  ENTER();
  CUresult status = check_context();
  if (!status) status = check_not_capturing(current_context());
  if (status) return status;
  const image_head *head = (const image_head *)image;
  status = check_image(head, current_context()->device);
  if (status) return status;
  static uint64_t modules;
  CUmod_st *module = new CUmod_st{current_context(), nullptr, -1, ++modules, 0, 0, false, {}};
  module->is_observed = head->is_observed != 0;
  status = open_image(module, head);
  if (status) {
    close_module(module);
    return status;
  }
  *made = module;
  return CUDA_SUCCESS;
}

CUresult cuModuleUnload(CUmodule module) {
  ENTER();
  if (!module) return CUDA_ERROR_INVALID_HANDLE;
  close_module(module);
  return CUDA_SUCCESS;
}

/* ---- kernels --------------------------------------------------------------------------------- */

CUresult cuModuleGetFunction(CUfunction *made, CUmodule module, const char *name) {
  ENTER();
  const CUresult status = check_context();
  if (status) return status;
  const std::string symbol = std::string("emulator_kernel_") + name;
  const void *found = dlsym(module->library, symbol.c_str());
  if (!found) return CUDA_ERROR_NOT_FOUND;
  module->functions.push_back(
      std::make_unique<CUfunc_st>(CUfunc_st{module, (const kernel_entry *)found, LOCAL_MOST}));
  *made = module->functions.back().get();
  return CUDA_SUCCESS;
}

CUresult cuFuncGetAttribute(int *value, int attribute, CUfunction function) {
  ENTER();
  switch (attribute) {
    case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = function->entry->threads_most; break;
    /* Nobody counts these here. */
    case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
    case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
    case CU_FUNC_ATTRIBUTE_NUM_REGS: *value = 0; break;
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: *value = (int)function->given_most; break;
    default: return CUDA_ERROR_INVALID_VALUE;
  }
  return CUDA_SUCCESS;
}

CUresult cuFuncSetAttribute(CUfunction function, int attribute, int value) {
  ENTER();
  const CUresult status = check_context();
  if (status) return status;
  const uint64_t most = local_most_of(function->module->context->device);
  if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES || value < 0 ||
      (uint64_t)value > most)
    return CUDA_ERROR_INVALID_VALUE;
  function->given_most = (uint64_t)value;
  return CUDA_SUCCESS;
}

}  // extern "C"

/* ---- launches -------------------------------------------------------------------------------- */

CUresult run_recorded(CUctx_st *context, const recorded_launch &r) {
  const CUmod_st *module = r.function->module;
  std::vector<void *> parameters;
  for (const std::vector<char> &one : r.parameters) parameters.push_back((void *)one.data());
  launch l = {r.function->entry, (const void *)module->number,
              module->begin,     module->end,
              r.blocks,          r.threads,
              r.local_given,     LOCAL_MOST,
              parameters.data()};
  const bool is_right = run_launch(l);
  if (!is_right) break_context(context, CUDA_ERROR_ILLEGAL_ADDRESS);
  return context->broken;
}

namespace {

CUresult check_launch(const CUfunc_st *function, const unsigned *grid, const unsigned *items,
                      unsigned given) {
  if (!function || function->module->context != current_context()) return CUDA_ERROR_INVALID_HANDLE;
  for (int i = 0; i < 3; i++)
    if (grid[i] == 0 || items[i] == 0) return CUDA_ERROR_INVALID_VALUE;
  /* The engine's grids have one dimension, as the project's have. */
  if (grid[1] != 1 || grid[2] != 1 || items[1] != 1 || items[2] != 1)
    return CUDA_ERROR_NOT_SUPPORTED;
  if (grid[0] > INT_MAX || given > function->given_most) return CUDA_ERROR_INVALID_VALUE;
  const int most = function->entry->threads_most;
  return items[0] > (unsigned)most ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

}  // namespace

extern "C" CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y,
                                   unsigned grid_z, unsigned items_x, unsigned items_y,
                                   unsigned items_z, unsigned given, CUstream stream,
                                   void **parameters, void **extra) {
  ENTER();
  CUresult status = check_stream(stream);
  if (status) return status;
  const unsigned grid[] = {grid_x, grid_y, grid_z}, items[] = {items_x, items_y, items_z};
  status = check_launch(function, grid, items, given);
  if (!status && extra) status = CUDA_ERROR_NOT_SUPPORTED;
  if (status) return status;
  recorded_launch r = {function, grid_x, (int)items_x, given, {}};
  for (int i = 0; i < function->entry->parameters; i++) {
    const char *from = (const char *)parameters[i];
    r.parameters.emplace_back(from, from + function->entry->bytes[i]);
  }
  if (stream && stream->capture == CU_STREAM_CAPTURE_STATUS_ACTIVE) {
    stream->graph.launches.push_back(std::move(r));
    return CUDA_SUCCESS;
  }
  if (stream && stream->capture == CU_STREAM_CAPTURE_STATUS_INVALIDATED)
    return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  return run_recorded(current_context(), r);
}

}  // namespace emulator
