/* SPDX-License-Identifier: Apache-2.0 */
#include "gpu/scan/causal_conv1d_plan.h"

/* The width of Mamba's and most other models' convolutions. */
enum { TAPS_USUAL = 4 };

/* Vectors side by side: a thread of a CPU takes longer rows, as each token's is on another page. */
enum { STRIP_OF_PROCESSOR = 16 };

/* Tokens of an item, which share its weights. */
enum { TOKENS_OF_PROCESSOR = 64, TOKENS_OF_ITEM = 16 };

/* Vectors run along time from this length on, if it is contiguous. */
enum { TIME_LEAST = 16, TIME_MOST = 4096 };

/* So that none waits long for the last: times as many items as keep a device at work. */
enum { SPARE = 4 };

static void cut_channels(gpu_conv_plan *plan, const seqmix_causal_conv1d_problem *p,
                         const seqmix_device_properties *device) {
  int64_t enough = SPARE * seqmix_gpu_items_enough(device);
  plan->item_channels = (int64_t)plan->strip * plan->lanes;
  plan->channel_items = gpu_divided(p->channels, plan->item_channels);
  int64_t parts = gpu_divided(enough, plan->channel_items);
  plan->item_tokens = gpu_least(gpu_divided(plan->tokens, parts),
                                device->is_processor ? TOKENS_OF_PROCESSOR : TOKENS_OF_ITEM);
}

static void cut_time(gpu_conv_plan *plan, const seqmix_causal_conv1d_problem *p,
                     const seqmix_device_properties *device) {
  plan->item_channels = 1;
  plan->channel_items = p->channels;
  /* A neighbouring item's tokens are to be neighbours in memory, where items run in step. */
  plan->item_tokens = device->is_processor ? TIME_MOST : plan->lanes;
}

gpu_conv_plan seqmix_gpu_conv_plan(const seqmix_causal_conv1d_problem *p,
                                   const seqmix_device_properties *device) {
  gpu_conv_plan plan = {
      .lanes = seqmix_gpu_lanes(device),
      .items = seqmix_gpu_items(device),
      .strip = device->is_processor ? STRIP_OF_PROCESSOR : 1,
      .taps = p->width == TAPS_USUAL ? TAPS_USUAL : 0,
      .tokens = p->at.cu_seqlens.bits ? p->at.total : p->at.total * p->at.count,
  };
  plan.lanes_are_time = p->x.stride[1] == 1 && p->out.stride[1] == 1 && p->at.length >= TIME_LEAST;
  if (plan.lanes_are_time)
    cut_time(&plan, p, device);
  else
    cut_channels(&plan, p, device);
  plan.item_tokens = gpu_most(plan.item_tokens, 1);
  plan.token_items = gpu_divided(plan.tokens, plan.item_tokens);
  return plan;
}
