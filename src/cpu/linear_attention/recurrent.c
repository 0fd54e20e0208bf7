#include "cpu/cpu.h"
#include "cpu/linear_attention/stream.h"
uint64_t LEVEL(linear_attention_recurrent_workspace)(const seqmix_problem *problem,
                                                     const seqmix_device_properties *device,
                                                     int32_t workers) {
  return LEVEL(linear_attention_chunked_workspace)(problem, device, workers);
}
seqmix_status VARIANT(linear_attention, recurrent)(const seqmix_call *call,
                                                   const seqmix_problem *problem) {
  return VARIANT(linear_attention, chunked)(call, problem);
}
