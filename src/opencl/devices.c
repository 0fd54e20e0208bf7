/* SPDX-License-Identifier: Apache-2.0 */
/* Which devices there are, and what they are like. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cache.h"
#include "core/log.h"
#include "opencl/opencl.h"

enum { PLATFORMS_MOST = 16, DEVICES_MOST = 32, DEFECTS_SIZE = 1000 };

/* Ranks of "auto": the CPU has 100. */
/* Behind the CPU's 100: these kernels have not been verified on a GPU yet. */
enum { RANK_GPU = 50 };

static opencl_place places[DEVICES_MOST];
static int32_t place_count;
static char defects[DEFECTS_SIZE]; /* of devices left out, a line for each */

static uint64_t number(cl_device_id device, cl_uint what) {
  /* OpenCL is little-endian or refused: shorter numbers are the first bytes of this. */
  uint64_t value = 0;
  if (seqmix_opencl_api()->clGetDeviceInfo(device, what, sizeof value, &value, NULL)) return 0;
  return value;
}

/* The text without blanks around it, of which some drivers have many. */
static void trim(char *text) {
  size_t length = strlen(text), blanks = strspn(text, " ");
  memmove(text, text + blanks, length - blanks + 1);
  length -= blanks;
  while (length > 0 && text[length - 1] == ' ') text[--length] = 0;
}

void seqmix_opencl_device_text(cl_device_id device, cl_uint what, char *text, size_t size) {
  char whole[1024] = "";
  if (seqmix_opencl_api()->clGetDeviceInfo(device, what, sizeof whole - 1, whole, NULL))
    whole[0] = 0;
  trim(whole);
  snprintf(text, size, "%.*s", (int)size - 1, whole);
}

void seqmix_opencl_platform_text(cl_platform_id platform, cl_uint what, char *text, size_t size) {
  char whole[1024] = "";
  if (seqmix_opencl_api()->clGetPlatformInfo(platform, what, sizeof whole - 1, whole, NULL))
    whole[0] = 0;
  trim(whole);
  snprintf(text, size, "%.*s", (int)size - 1, whole);
}

/* "OpenCL 1.2 of somebody" is 12. */
static long version_of(cl_device_id device) {
  static const char start[] = "OpenCL ";
  char version[64], *end;
  seqmix_opencl_device_text(device, CL_DEVICE_VERSION, version, sizeof version);
  if (strncmp(version, start, sizeof start - 1) != 0) return 0;
  long major = strtol(version + sizeof start - 1, &end, 10);
  return major * 10 + (*end == '.' ? strtol(end + 1, NULL, 10) : 0);
}

/* Why a device cannot be used; NULL if it can. */
static const char *defect_of(cl_device_id device) {
  if (version_of(device) < 12) return "it is older than OpenCL 1.2";
  if (!number(device, CL_DEVICE_AVAILABLE)) return "it is not available";
  if (!number(device, CL_DEVICE_COMPILER_AVAILABLE)) return "it has no compiler";
  if (!number(device, CL_DEVICE_ENDIAN_LITTLE)) return "it is big-endian";
  return NULL;
}

static void leave_out(const char *name, const char *defect) {
  size_t used = strlen(defects);
  seqmix_log(SEQMIX_LOG_INFO, "opencl: device '%s' left out: %s", name, defect);
  snprintf(defects + used, sizeof defects - used, "opencl: device '%s' left out: %s\n", name,
           defect);
}

static void add_devices(const opencl_api *api, cl_platform_id platform) {
  cl_device_id ids[DEVICES_MOST];
  cl_uint count = 0;
  cl_bitfield types = CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_ACCELERATOR | CL_DEVICE_TYPE_CPU;
  if (api->clGetDeviceIDs(platform, types, DEVICES_MOST, ids, &count)) return;
  for (cl_uint i = 0; i < count && i < DEVICES_MOST && place_count < DEVICES_MOST; i++) {
    const char *defect = defect_of(ids[i]);
    char name[128];
    seqmix_opencl_device_text(ids[i], CL_DEVICE_NAME, name, sizeof name);
    if (defect)
      leave_out(name, defect);
    else
      places[place_count++] = (opencl_place){platform, ids[i]};
  }
}

/* Called once, while the registry is built. */
int32_t seqmix_opencl_device_count(void) {
  const opencl_api *api = seqmix_opencl_api();
  cl_platform_id platforms[PLATFORMS_MOST];
  cl_uint count = 0;
  place_count = 0;
  defects[0] = 0;
  if (!api || api->clGetPlatformIDs(PLATFORMS_MOST, platforms, &count)) return 0;
  for (cl_uint i = 0; i < count && i < PLATFORMS_MOST; i++) add_devices(api, platforms[i]);
  return place_count;
}

const opencl_place *seqmix_opencl_place(int32_t index) { return &places[index]; }

/* The width of a warp, where the driver tells; 0 if not. */
static int32_t step_items(cl_device_id device) {
  char extensions[4096] = "";
  if (seqmix_opencl_api()->clGetDeviceInfo(device, CL_DEVICE_EXTENSIONS, sizeof extensions - 1,
                                           extensions, NULL))
    return 0;
  if (strstr(extensions, "cl_nv_device_attribute_query"))
    return (int32_t)number(device, CL_DEVICE_WARP_SIZE_NV);
  if (strstr(extensions, "cl_amd_device_attribute_query"))
    return (int32_t)number(device, CL_DEVICE_WAVEFRONT_WIDTH_AMD);
  return 0;
}

/* Has a CPU given kernels of the shape that a GPU would get, for tests: `gpu`, or `gpu4` for one
 * that computes on vectors. */
static void pretend(seqmix_device_properties *properties) {
  const char *as = getenv("SEQMIX_OPENCL_AS");
  int has_vectors = as && strcmp(as, "gpu4") == 0;
  if (!as || (!has_vectors && strcmp(as, "gpu") != 0)) return;
  properties->is_processor = 0;
  properties->vector_width = has_vectors ? 4 : 1;
  properties->local_bytes = 32768;
  properties->group_items = 256;
}

seqmix_status seqmix_opencl_describe(int32_t index, seqmix_device_properties *properties) {
  const opencl_place *place = seqmix_opencl_place(index);
  char name[128], platform[64];
  seqmix_opencl_device_text(place->device, CL_DEVICE_NAME, name, sizeof name);
  seqmix_opencl_platform_text(place->platform, CL_PLATFORM_NAME, platform, sizeof platform);
  uint64_t type = number(place->device, CL_DEVICE_TYPE);
  properties->is_processor = (type & CL_DEVICE_TYPE_CPU) != 0;
  int has_clblast = seqmix_opencl_has_clblast();
  snprintf(properties->description, sizeof properties->description, "%s%s, %s%s", name,
           properties->is_processor ? " (a CPU)" : "", platform,
           has_clblast ? ", with CLBlast" : "");
  if (has_clblast) properties->features |= SEQMIX_DEVICE_BLAS;
  if (number(place->device, CL_DEVICE_DOUBLE_FP_CONFIG)) properties->features |= SEQMIX_DEVICE_F64;
  properties->memory_bytes = number(place->device, CL_DEVICE_GLOBAL_MEM_SIZE);
  properties->memory = SEQMIX_MEMORY_OPENCL;
  properties->memory_device = index;
  /* A CPU is better served by the backend made for it. */
  int is_gpu = (type & CL_DEVICE_TYPE_GPU) && !properties->is_processor;
  properties->automatic_rank = is_gpu ? RANK_GPU : 0;
  properties->compute_units = (int32_t)number(place->device, CL_DEVICE_MAX_COMPUTE_UNITS);
  properties->local_bytes = number(place->device, CL_DEVICE_LOCAL_MEM_SIZE);
  properties->largest_bytes = number(place->device, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
  properties->group_items = (int32_t)number(place->device, CL_DEVICE_MAX_WORK_GROUP_SIZE);
  properties->vector_width = (int32_t)number(place->device, CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT);
  properties->step_items = step_items(place->device);
  pretend(properties);
  return SEQMIX_OK;
}

void seqmix_opencl_remark(char *text, uint64_t size) {
  char kept[600];
  if (!seqmix_opencl_api()) {
    snprintf(text, (size_t)size, "opencl: %s\n", seqmix_opencl_api_defect());
    return;
  }
  seqmix_cache_tell(kept, sizeof kept);
  snprintf(
      text, (size_t)size, "%s%sopencl: products: by %s\nopencl: compiled kernels are kept %s\n",
      defects, place_count || *defects ? "" : "opencl: the driver has no device\n",
      seqmix_opencl_has_clblast() ? "CLBlast" : "kernels of seqmix, as there is no CLBlast", kept);
}
