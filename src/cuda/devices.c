/* SPDX-License-Identifier: Apache-2.0 */
/* Which devices there are, and what they are like. */
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "cuda/cuda.h"

enum { DEVICES_MOST = 32, DEFECTS_SIZE = 1000 };

/* Below this there are no kernels: compilers of CUDA 13 know none either. */
enum { ARCHITECTURE_LEAST = 75, ARCHITECTURE_OF_MMA = 80 };

/* Of "auto": behind the CPU's 100, as these kernels have not been measured against it yet; before
 * OpenCL's 50. */
enum { RANK = 60 };

typedef struct cuda_place {
  CUdevice id;
  int number; /* CUDA's, which others' arrays have, even where a device before it was left out */
} cuda_place;

static cuda_place places[DEVICES_MOST];
static int32_t place_count;
static char defects[DEFECTS_SIZE]; /* of devices left out, a line for each */

int32_t seqmix_cuda_attribute(CUdevice id, int attribute) {
  int value = 0;
  return seqmix_cuda_api()->cuDeviceGetAttribute(&value, attribute, id) ? 0 : value;
}

int32_t seqmix_cuda_architecture(CUdevice id) {
  return seqmix_cuda_attribute(id, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) * 10 +
         seqmix_cuda_attribute(id, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
}

static void name_device(CUdevice id, char *name, size_t size) {
  if (seqmix_cuda_api()->cuDeviceGetName(name, (int)size - 1, id)) name[0] = 0;
  name[size - 1] = 0;
}

static void leave_out(CUdevice id, const char *defect) {
  char name[128] = "";
  name_device(id, name, sizeof name);
  seqmix_log(SEQMIX_LOG_INFO, "cuda: device '%s' left out: %s", name, defect);
  size_t used = strlen(defects);
  snprintf(defects + used, sizeof defects - used, "cuda: device '%s' left out: %s\n", name, defect);
}

static void add(CUdevice id, int number) {
  char defect[80];
  int32_t architecture = seqmix_cuda_architecture(id);
  if (architecture < ARCHITECTURE_LEAST) {
    snprintf(defect, sizeof defect, "its compute capability is %d.%d; it must be 7.5 or higher",
             architecture / 10, architecture % 10);
    leave_out(id, defect);
  } else if (seqmix_cuda_attribute(id, CU_DEVICE_ATTRIBUTE_COMPUTE_MODE) ==
             CU_COMPUTEMODE_PROHIBITED) {
    leave_out(id, "its compute mode prohibits work");
  } else {
    places[place_count++] = (cuda_place){id, number};
  }
}

/* Called once, while the registry is built. */
int32_t seqmix_cuda_device_count(void) {
  const cuda_api *api = seqmix_cuda_api();
  int count = 0;
  place_count = 0;
  defects[0] = 0;
  if (!api || api->cuDeviceGetCount(&count)) return 0;
  for (int i = 0; i < count && place_count < DEVICES_MOST; i++) {
    CUdevice id = 0;
    if (api->cuDeviceGet(&id, i) == CUDA_SUCCESS) add(id, i);
  }
  return place_count;
}

CUdevice seqmix_cuda_device_id(int32_t index) { return places[index].id; }

seqmix_status seqmix_cuda_describe(int32_t index, seqmix_device_properties *p) {
  CUdevice id = places[index].id;
  char name[128] = "", path[64];
  size_t bytes = 0;
  name_device(id, name, sizeof name);
  p->architecture = seqmix_cuda_architecture(id);
  int has_cublas = seqmix_cuda_has_cublas(path, sizeof path);
  snprintf(p->description, sizeof p->description, "%s, sm_%d%s", name, p->architecture,
           has_cublas ? ", with cuBLAS" : "");
  p->features = SEQMIX_DEVICE_F64;
  if (p->architecture >= ARCHITECTURE_OF_MMA) p->features |= SEQMIX_DEVICE_MMA;
  if (has_cublas) p->features |= SEQMIX_DEVICE_BLAS;
  if (seqmix_cuda_api()->cuDeviceTotalMem_v2(&bytes, id) == CUDA_SUCCESS) p->memory_bytes = bytes;
  p->memory = SEQMIX_MEMORY_CUDA;
  p->memory_device = places[index].number;
  p->automatic_rank = RANK;
  p->compute_units = seqmix_cuda_attribute(id, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  p->local_bytes =
      (uint64_t)seqmix_cuda_attribute(id, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK);
  p->local_bytes_most =
      (uint64_t)seqmix_cuda_attribute(id, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
  p->group_items = seqmix_cuda_attribute(id, CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK);
  p->vector_width = 1;
  p->step_items = seqmix_cuda_attribute(id, CU_DEVICE_ATTRIBUTE_WARP_SIZE);
  return SEQMIX_OK;
}
