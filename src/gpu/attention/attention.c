/* SPDX-License-Identifier: Apache-2.0 */
#include "gpu/attention/attention.h"

#include "gpu/attention/plan.h"
#include "gpu/sequences.h"
#include "kernels/shared/faults.h"

attention_rows seqmix_gpu_attention_rows(const seqmix_view *view) {
  return (attention_rows){
      .byte_offset = (int64_t)view->byte_offset,
      .stride = {view->stride[0], view->stride[1], view->stride[2]},
      .dtype = view->dtype,
  };
}

static attention_scores scores_of(const seqmix_view *view) {
  return (attention_scores){
      .byte_offset = (int64_t)view->byte_offset,
      .stride = {view->stride[0], view->stride[1], view->stride[2], view->stride[3]},
      .dtype = view->dtype,
  };
}

static attention_heads heads_of(const seqmix_view *view) {
  return (attention_heads){
      .byte_offset = (int64_t)view->byte_offset,
      .stride = view->stride[0],
      .dtype = view->dtype,
  };
}

static void take_indices(const seqmix_attention_problem *p, attention_arguments *a) {
  int32_t op = p->header.op;
  a->cu_seqlens_q = seqmix_gpu_index(&p->cu_seqlens_q, op, FAULT_CU_SEQLENS_Q);
  a->cu_seqlens_k = seqmix_gpu_index(&p->cu_seqlens_k, op, FAULT_CU_SEQLENS_K);
  a->key_lengths = seqmix_gpu_index(&p->key_lengths, op, FAULT_KEY_LENGTHS);
  a->query_lengths = seqmix_gpu_index(&p->query_lengths, op, FAULT_QUERY_LENGTHS);
  a->query_offsets = seqmix_gpu_index(&p->query_offsets, op, FAULT_QUERY_OFFSETS);
  a->block_table = seqmix_gpu_index(&p->block_table, op, FAULT_BLOCK_TABLE);
  a->page_step = p->block_table.stride[1];
  a->fault_of_query_length = seqmix_gpu_fault(op, FAULT_MAX_SEQLEN_Q);
  a->fault_of_key_length = seqmix_gpu_fault(op, FAULT_MAX_SEQLEN_K);
  a->fault_of_block_map = seqmix_gpu_fault(op, FAULT_BLOCK_MAP);
}

attention_arguments seqmix_gpu_attention_arguments(const seqmix_attention_problem *p) {
  attention_arguments a = {
      .sequences = p->sequences,
      .query_length = p->query_length,
      .key_length = p->key_length,
      .query_total = p->query_total,
      .key_total = p->key_total,
      .q_heads = p->q_heads,
      .kv_heads = p->kv_heads,
      .head_dim = p->head_dim,
      .value_dim = p->value_dim,
      .page_size = p->page_size,
      .window_left = p->window_left,
      .window_right = p->window_right,
      .query_offset = p->query_offset,
      .block_map_queries = p->block_map_queries,
      .block_map_keys = p->block_map_keys,
      .block_map_rows = p->block_map_rows,
      .block_map_columns = p->block_map_columns,
      .mask_keys = p->mask_keys,
      .bias_keys = p->bias_keys,
      .q = seqmix_gpu_attention_rows(&p->q),
      .k = seqmix_gpu_attention_rows(&p->k),
      .v = seqmix_gpu_attention_rows(&p->v),
      .out = seqmix_gpu_attention_rows(&p->out),
      .lse = seqmix_gpu_attention_rows(&p->lse),
      .mask = scores_of(&p->mask),
      .bias = scores_of(&p->bias),
      .block_map = scores_of(&p->block_map),
      .scores = scores_of(&p->scores),
      .alibi = heads_of(&p->alibi),
      .sinks = heads_of(&p->sinks),
      .scale = (float)p->scale,
      .softcap = (float)p->softcap,
      .offset_is_end = p->query_offset == SEQMIX_OFFSET_END && !p->query_offsets.bits,
      .is_tiled = (p->header.features & SEQMIX_ATTENTION_TILED_HEADS) != 0,
      .has_terms = seqmix_gpu_has_terms(p),
      .scores_mode = p->scores_mode,
  };
  take_indices(p, &a);
  return a;
}

/* Handles before it in the kernels' parameters, and what any OpenCL device passes. */
enum { HANDLES = 19, PARAMETER_BYTES = 1024 };
_Static_assert(sizeof(attention_arguments) + HANDLES * sizeof(void *) <= PARAMETER_BYTES,
               "attention's parameters are more than devices must take");

gpu_arguments seqmix_gpu_pass_attention(const seqmix_call *call, const seqmix_attention_problem *p,
                                        const attention_arguments *a) {
  gpu_arguments list = seqmix_gpu_arguments(call->device);
  seqmix_gpu_pass_memory(&list, &call->workspace);
  seqmix_gpu_pass_view(&list, &p->q);
  seqmix_gpu_pass_view(&list, &p->k);
  seqmix_gpu_pass_view(&list, &p->v);
  seqmix_gpu_pass_view(&list, &p->out);
  seqmix_gpu_pass_view(&list, &p->lse);
  seqmix_gpu_pass_view(&list, &p->scores);
  seqmix_gpu_pass_view(&list, &p->mask);
  seqmix_gpu_pass_view(&list, &p->bias);
  seqmix_gpu_pass_view(&list, &p->block_map);
  seqmix_gpu_pass_view(&list, &p->alibi);
  seqmix_gpu_pass_view(&list, &p->sinks);
  seqmix_gpu_pass_index(&list, &p->cu_seqlens_q);
  seqmix_gpu_pass_index(&list, &p->cu_seqlens_k);
  seqmix_gpu_pass_index(&list, &p->key_lengths);
  seqmix_gpu_pass_index(&list, &p->query_lengths);
  seqmix_gpu_pass_index(&list, &p->query_offsets);
  seqmix_gpu_pass_index(&list, &p->block_table);
  seqmix_gpu_pass_value(&list, a, sizeof *a);
  return list;
}
