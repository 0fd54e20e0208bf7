/* SPDX-License-Identifier: Apache-2.0 */
/* What the backend found: for who asks why a device is not there, or is slow to begin. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/cache.h"
#include "cuda/cuda.h"

/* A line more; what does not fit is cut. */
__attribute__((format(printf, 3, 4))) static void say(char *text, uint64_t size, const char *format,
                                                      ...) {
  size_t used = strlen(text);
  va_list arguments;
  va_start(arguments, format);
  if (used < size) vsnprintf(text + used, (size_t)size - used, format, arguments);
  va_end(arguments);
}

static void say_compiler(char *text, uint64_t size) {
  char found[2400];
  int version = seqmix_cuda_compiler(found, sizeof found);
  if (version)
    say(text, size, "cuda: compiler: NVRTC %d.%d, %s\n", version / 1000, version % 1000 / 10,
        found);
  else
    say(text, size, "cuda: compiler: %s\n", found);
}

void seqmix_cuda_remark(char *text, uint64_t size) {
  char found[1000];
  int version = seqmix_cuda_driver_version();
  text[0] = 0;
  if (!seqmix_cuda_api()) {
    say(text, size, "cuda: %s\n", seqmix_cuda_api_defect());
    return;
  }
  say(text, size, "cuda: the driver is for CUDA %d.%d\n", version / 1000, version % 1000 / 10);
  seqmix_cuda_tell_devices(found, sizeof found);
  say(text, size, "%s", found);
  say_compiler(text, size);
  if (seqmix_cuda_has_cublas(found, sizeof found))
    say(text, size, "cuda: products: %s, opened when it is needed\n", found);
  else
    say(text, size, "cuda: products: by kernels of seqmix, as there is no cuBLAS\n");
  seqmix_cache_tell(found, sizeof found);
  say(text, size, "cuda: compiled kernels are kept %s\n", found);
}
