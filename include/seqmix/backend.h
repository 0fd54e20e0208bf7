/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * The door between the library and its backends, the same for those inside and for plug-ins.
 *
 * A backend is a table of functions and a list of variants. The library validates a call, fills
 * in every default and hands the chosen variant a *problem*: plain sizes, strides and pointers,
 * with nothing left to decide. A backend never re-validates, prints, exits or aborts; it reports
 * through seqmix_host::fail and a status.
 *
 * A plug-in is a shared module that defines #SEQMIX_PLUGIN_ENTRY and links nothing of seqmix. It
 * is loaded from the folder the library was configured with and from `SEQMIX_PLUGIN_PATH`.
 *
 * This ABI is unstable before release 1.0: a plug-in is refused (and `SEQMIX_LOG=warning` says
 * so) unless its #SEQMIX_BACKEND_ABI is the library's.
 */
#ifndef SEQMIX_BACKEND_H
#define SEQMIX_BACKEND_H

#include "attention.h"
#include "causal_conv1d.h"
#include "linear_attention.h"
#include "linear_recurrence.h"
#include "prefix_scan.h"
#include "selective_scan.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Rises with every change of this header that an old plug-in could not know. */
#define SEQMIX_BACKEND_ABI 5

/** The operators, numbered in the order of operators.def. */
typedef enum seqmix_operator {
/** @cond */
#define SEQMIX_OPERATOR(name, NAME, tolerance, description) SEQMIX_OP_##NAME,
#include "operators.def"
#undef SEQMIX_OPERATOR
  /** @endcond */
  SEQMIX_OPERATOR_COUNT /**< how many there are */
} seqmix_operator;

/* ---- problems ------------------------------------------------------------------------------ */

/** What every problem starts with. */
typedef struct seqmix_problem {
  uint64_t struct_size; /**< of the whole problem */
  uint64_t features;    /**< options in use, bits of the operator's own enumeration */
  int32_t op;           /**< a #seqmix_operator */
  int32_t dtype;        /**< the type variants are chosen by: that of the main input */
} seqmix_problem;

/** A tensor whose axes have been given their meaning; absent if `dtype` is 0. */
typedef struct seqmix_view {
  void *data;           /**< with byte_offset applied already where memory is host memory */
  uint64_t byte_offset; /**< what is left to add on the device (OpenCL); else 0 */
  int64_t stride[4];    /**< elements, in the order stated by the problem; 0 broadcasts */
  int32_t dtype;        /**< a #seqmix_dtype, or 0 */
  int32_t reserved;     /**< 0 */
} seqmix_view;

/** An index array of int32 or int64; absent if `bits` is 0. */
typedef struct seqmix_index_view {
  const void *data;     /**< as in seqmix_view */
  uint64_t byte_offset; /**< as in seqmix_view */
  int64_t stride[2];    /**< elements, per axis */
  int32_t bits;         /**< 32 or 64; or 0 */
  int32_t reserved;     /**< 0 */
} seqmix_index_view;

/** Element (i, j) of an index array in host memory. */
static inline int64_t seqmix_index_at(const seqmix_index_view *view, int64_t i, int64_t j) {
  int64_t at = i * view->stride[0] + j * view->stride[1];
  return view->bits == 64 ? ((const int64_t *)view->data)[at] : ((const int32_t *)view->data)[at];
}

/** Options of attention; a variant lists those it understands. */
enum seqmix_attention_feature {
  SEQMIX_ATTENTION_WINDOW = 1 << 0, /**< window_left or window_right is not open (or causal) */
  SEQMIX_ATTENTION_OFFSETS = 1 << 1,
  SEQMIX_ATTENTION_KEY_LENGTHS = 1 << 2,
  SEQMIX_ATTENTION_QUERY_LENGTHS = 1 << 3,
  SEQMIX_ATTENTION_MASK = 1 << 4,
  SEQMIX_ATTENTION_BIAS = 1 << 5,
  SEQMIX_ATTENTION_ALIBI = 1 << 6,
  SEQMIX_ATTENTION_SOFTCAP = 1 << 7,
  SEQMIX_ATTENTION_SINKS = 1 << 8,
  SEQMIX_ATTENTION_BLOCK_MAP = 1 << 9,
  SEQMIX_ATTENTION_PACKED_QUERIES = 1 << 10,
  SEQMIX_ATTENTION_PACKED_KEYS = 1 << 11,
  SEQMIX_ATTENTION_PAGED = 1 << 12,
  SEQMIX_ATTENTION_LSE = 1 << 13,
  SEQMIX_ATTENTION_SCORES = 1 << 14,
  SEQMIX_ATTENTION_TILED_HEADS = 1 << 15,
  SEQMIX_ATTENTION_OUT_F32 = 1 << 16 /**< out is f32 beside 16-bit inputs */
};

/**
 * attention, lowered. `causal` has become `window_right`, the default scale and offset rule are
 * filled in. Sequence n has query rows q_first + 0 .. q_len - 1 along the time axis, where
 * q_first is cu_seqlens_q[n] (packed; the batch axis, of length 1, then has stride 0) or 0.
 */
typedef struct seqmix_attention_problem {
  seqmix_problem header; /**< features: #seqmix_attention_feature */
  int64_t sequences;     /**< N */
  int64_t query_length;  /**< Tq; packed: the longest sequence or a bound of it */
  int64_t key_length;    /**< Tk; packed: likewise; paged: max_pages * page_size */
  int64_t query_total;   /**< rows along q's time axis */
  int64_t key_total;     /**< rows along k's time axis; paged: pages */
  int64_t q_heads;       /**< Hq */
  int64_t kv_heads;      /**< Hkv, divides Hq */
  int64_t head_dim;      /**< D */
  int64_t value_dim;     /**< Dv */
  int64_t page_size;     /**< 0: not paged */
  int64_t max_pages;     /**< per sequence */
  int64_t window_left;   /**< -1: open */
  int64_t window_right;  /**< -1: open; causal is 0 */
  int64_t query_offset;  /**< or #SEQMIX_OFFSET_END: Tk_n - Tq_n; unread with query_offsets */
  double scale;          /**< finite */
  double softcap;        /**< 0: none */
  int32_t scores_mode;   /**< a #seqmix_scores_mode */
  int32_t allow_nondeterministic;  /**< 0 or 1 */
  int64_t block_map_queries;       /**< bq, at least 1 with block_map */
  int64_t block_map_keys;          /**< bk, likewise */
  int64_t mask_keys;               /**< extent of mask's key axis; keys beyond are masked */
  int64_t bias_keys;               /**< the same of bias */
  seqmix_view q;                   /**< [n, t, h, d], d contiguous */
  seqmix_view k;                   /**< the same; paged: [page, slot, h, d] */
  seqmix_view v;                   /**< as k */
  seqmix_view out;                 /**< as q */
  seqmix_view lse;                 /**< [n, h, t] */
  seqmix_view scores;              /**< [n, h, i, j], j contiguous */
  seqmix_view mask;                /**< [n, h, i, j] bytes */
  seqmix_view bias;                /**< [n, h, i, j] */
  seqmix_view alibi;               /**< [h] f32 */
  seqmix_view sinks;               /**< [h] */
  seqmix_view block_map;           /**< [n, h, block of i, block of j] bytes */
  seqmix_index_view cu_seqlens_q;  /**< [n], one more than sequences */
  seqmix_index_view cu_seqlens_k;  /**< [n], one more than sequences */
  seqmix_index_view key_lengths;   /**< [n] */
  seqmix_index_view query_lengths; /**< [n] */
  seqmix_index_view query_offsets; /**< [n] */
  seqmix_index_view block_table;   /**< [n, page of the sequence] */
  int64_t block_map_rows;          /**< extents of block_map: where lengths lie in device memory */
  int64_t block_map_columns;       /**< they may turn out to be too small */
} seqmix_attention_problem;

/** Options of attention_merge. */
enum seqmix_attention_merge_feature {
  SEQMIX_ATTENTION_MERGE_SINKS = 1 << 0,
  SEQMIX_ATTENTION_MERGE_LSE = 1 << 1,
  SEQMIX_ATTENTION_MERGE_OUT_F32 = 1 << 2
};

/** attention_merge, lowered. The part axis of outs and lses has a stride of its own. */
typedef struct seqmix_attention_merge_problem {
  seqmix_problem header;    /**< features: #seqmix_attention_merge_feature */
  int64_t parts;            /**< P, may be 0 */
  int64_t batch;            /**< B */
  int64_t time;             /**< T */
  int64_t heads;            /**< H */
  int64_t value_dim;        /**< Dv */
  int64_t outs_part_stride; /**< elements from one part of outs to the next */
  int64_t lses_part_stride; /**< the same of lses */
  seqmix_view outs;         /**< [n, t, h, d] of part 0, d contiguous */
  seqmix_view lses;         /**< [n, h, t] of part 0 */
  seqmix_view sinks;        /**< [h] */
  seqmix_view out;          /**< [n, t, h, d], d contiguous */
  seqmix_view lse;          /**< [n, h, t] */
} seqmix_attention_merge_problem;

/** Options of linear_attention; rules and shapes of gates are options, too. */
enum seqmix_linear_attention_feature {
  SEQMIX_LINEAR_ATTENTION_GATED = 1 << 0,         /**< rule gated */
  SEQMIX_LINEAR_ATTENTION_DELTA = 1 << 1,         /**< rule delta or gated_delta */
  SEQMIX_LINEAR_ATTENTION_DPLR = 1 << 2,          /**< rule dplr */
  SEQMIX_LINEAR_ATTENTION_DECAY = 1 << 3,         /**< one per head, constant or of each token */
  SEQMIX_LINEAR_ATTENTION_CHANNEL_DECAY = 1 << 4, /**< one per key channel, instead */
  SEQMIX_LINEAR_ATTENTION_BETA = 1 << 5,          /**< one per head */
  SEQMIX_LINEAR_ATTENTION_CHANNEL_BETA = 1 << 6,  /**< one per value channel, instead */
  SEQMIX_LINEAR_ATTENTION_ERASE = 1 << 7,
  SEQMIX_LINEAR_ATTENTION_BONUS = 1 << 8,
  SEQMIX_LINEAR_ATTENTION_NORMALIZE = 1 << 9,
  SEQMIX_LINEAR_ATTENTION_INPUT_GATE = 1 << 10,
  SEQMIX_LINEAR_ATTENTION_FEATURE_MAP = 1 << 11,
  SEQMIX_LINEAR_ATTENTION_TILED_HEADS = 1 << 12,
  SEQMIX_LINEAR_ATTENTION_NOT_CAUSAL = 1 << 13,
  SEQMIX_LINEAR_ATTENTION_REVERSE = 1 << 14,
  SEQMIX_LINEAR_ATTENTION_BIDIRECTIONAL = 1 << 15,
  SEQMIX_LINEAR_ATTENTION_PAST = 1 << 16,
  SEQMIX_LINEAR_ATTENTION_PRESENT = 1 << 17,
  SEQMIX_LINEAR_ATTENTION_STATE_INDICES = 1 << 18, /**< state_indices or state_out_indices */
  SEQMIX_LINEAR_ATTENTION_PACKED = 1 << 19,
  SEQMIX_LINEAR_ATTENTION_OUT_F32 = 1 << 20 /**< out is f32 beside 16-bit inputs */
};

/**
 * linear_attention, lowered: defaults are filled in, absent axes of gates have stride 0.
 * Sequence n has tokens first + 0 .. length_n - 1 along the time axis, where first is
 * cu_seqlens[n] (packed; the batch axis, of length 1, then has stride 0) or 0.
 */
typedef struct seqmix_linear_attention_problem {
  seqmix_problem header;               /**< features: #seqmix_linear_attention_feature */
  int64_t sequences;                   /**< N */
  int64_t length;                      /**< T; packed: the longest sequence or a bound of it */
  int64_t total;                       /**< tokens along the time axis */
  int64_t q_heads;                     /**< Hq: divides Hs or is a multiple of it */
  int64_t k_heads;                     /**< Hk, divides Hs */
  int64_t state_heads;                 /**< Hs */
  int64_t head_dim;                    /**< D */
  int64_t value_dim;                   /**< Dv */
  int64_t chunk_size;                  /**< a hint; 0: none */
  int32_t update_rule;                 /**< a #seqmix_update_rule */
  int32_t feature_map;                 /**< a #seqmix_feature_map */
  int32_t normalize;                   /**< a #seqmix_normalize */
  int32_t reserved;                    /**< 0 */
  double scale;                        /**< finite */
  double eps;                          /**< finite, at least 0 */
  double floor;                        /**< finite, at least 0 */
  seqmix_view q;                       /**< [n, t, h, d], d contiguous */
  seqmix_view k;                       /**< the same */
  seqmix_view v;                       /**< [n, t, h, j], j contiguous */
  seqmix_view out;                     /**< the same, with max(Hq, Hs) heads */
  seqmix_view decay;                   /**< [n, t, h, d] */
  seqmix_view decay_reverse;           /**< the same; decay itself if it was not given */
  seqmix_view beta;                    /**< [n, t, h, j] */
  seqmix_view erase;                   /**< [n, t, h, d] */
  seqmix_view a;                       /**< the same */
  seqmix_view b;                       /**< the same */
  seqmix_view bonus;                   /**< [h, d] */
  seqmix_view input_gate;              /**< [n, t, h] */
  seqmix_view past_state;              /**< [row, h, d, j] */
  seqmix_view past_normalizer;         /**< [row, h, d] */
  seqmix_view past_stabilizer;         /**< [row, h] f32 */
  seqmix_view present_state;           /**< [row, h, d, j] */
  seqmix_view present_normalizer;      /**< [row, h, d] */
  seqmix_view present_stabilizer;      /**< [row, h] f32 */
  int64_t past_rows;                   /**< of the past tensors */
  int64_t present_rows;                /**< of the present ones */
  seqmix_index_view cu_seqlens;        /**< [n], one more than sequences */
  seqmix_index_view state_indices;     /**< [n]; absent: n itself */
  seqmix_index_view state_out_indices; /**< [n]; state_indices if it was not given */
} seqmix_linear_attention_problem;

/**
 * The sequences of a scan or convolution: sequence n has tokens first + 0 .. length_n - 1 along the
 * time axis, where first is cu_seqlens[n] (packed; the batch axis, of length 1, then has stride 0)
 * or 0.
 */
typedef struct seqmix_sequences {
  int64_t count;                       /**< N */
  int64_t length;                      /**< T; packed: the longest sequence or a bound of it */
  int64_t total;                       /**< tokens along the time axis */
  int64_t past_rows;                   /**< of past_state */
  int64_t present_rows;                /**< of present_state */
  seqmix_index_view cu_seqlens;        /**< [n], one more than sequences */
  seqmix_index_view state_indices;     /**< [n]; absent: n itself */
  seqmix_index_view state_out_indices; /**< [n]; state_indices if it was not given */
} seqmix_sequences;

/** Options of linear_recurrence. */
enum seqmix_linear_recurrence_feature {
  SEQMIX_LINEAR_RECURRENCE_COMPLEX = 1 << 0,
  SEQMIX_LINEAR_RECURRENCE_CONSTANT = 1 << 1, /**< a is [C] */
  SEQMIX_LINEAR_RECURRENCE_REVERSE = 1 << 2,
  SEQMIX_LINEAR_RECURRENCE_PAST = 1 << 3,
  SEQMIX_LINEAR_RECURRENCE_PRESENT = 1 << 4,
  SEQMIX_LINEAR_RECURRENCE_STATE_INDICES = 1 << 5, /**< state_indices or state_out_indices */
  SEQMIX_LINEAR_RECURRENCE_PACKED = 1 << 6,
  SEQMIX_LINEAR_RECURRENCE_OUT_F32 = 1 << 7 /**< out is f32 beside 16-bit inputs */
};

/** linear_recurrence, lowered. Complex: strides count real numbers, and the imaginary part is the
 * element after the real one. */
typedef struct seqmix_linear_recurrence_problem {
  seqmix_problem header;     /**< features: #seqmix_linear_recurrence_feature; dtype is b's */
  seqmix_sequences at;       /**< where sequences and their states lie */
  int64_t channels;          /**< C */
  seqmix_view a;             /**< [n, t, c]; of a constant one n and t have stride 0 */
  seqmix_view b;             /**< [n, t, c] */
  seqmix_view out;           /**< [n, t, c] */
  seqmix_view past_state;    /**< [row, c] */
  seqmix_view present_state; /**< [row, c] */
} seqmix_linear_recurrence_problem;

/** Options of selective_scan. */
enum seqmix_selective_scan_feature {
  SEQMIX_SELECTIVE_SCAN_COMPLEX = 1 << 0,
  SEQMIX_SELECTIVE_SCAN_D = 1 << 1,
  SEQMIX_SELECTIVE_SCAN_Z = 1 << 2,
  SEQMIX_SELECTIVE_SCAN_DELTA_BIAS = 1 << 3,
  SEQMIX_SELECTIVE_SCAN_SOFTPLUS = 1 << 4,
  SEQMIX_SELECTIVE_SCAN_PAST = 1 << 5,
  SEQMIX_SELECTIVE_SCAN_PRESENT = 1 << 6,
  SEQMIX_SELECTIVE_SCAN_STATE_INDICES = 1 << 7, /**< state_indices or state_out_indices */
  SEQMIX_SELECTIVE_SCAN_PACKED = 1 << 8,
  SEQMIX_SELECTIVE_SCAN_OUT_F32 = 1 << 9 /**< out is f32 beside 16-bit inputs */
};

/** selective_scan, lowered. Complex: of A, B, C and states strides count real numbers, and the
 * imaginary part is the element after the real one. */
typedef struct seqmix_selective_scan_problem {
  seqmix_problem header;     /**< features: #seqmix_selective_scan_feature; dtype is u's */
  seqmix_sequences at;       /**< where sequences and their states lie */
  int64_t channels;          /**< Din */
  int64_t states;            /**< S, per channel */
  int64_t groups;            /**< G, divides Din */
  seqmix_view u;             /**< [n, t, c] */
  seqmix_view delta;         /**< [n, t, c] */
  seqmix_view A;             /**< [c, s] */
  seqmix_view B;             /**< [n, t, g, s] */
  seqmix_view C;             /**< [n, t, g, s] */
  seqmix_view D;             /**< [c] */
  seqmix_view z;             /**< [n, t, c] */
  seqmix_view delta_bias;    /**< [c] */
  seqmix_view out;           /**< [n, t, c] */
  seqmix_view past_state;    /**< [row, c, s] */
  seqmix_view present_state; /**< [row, c, s] */
} seqmix_selective_scan_problem;

/** Options of prefix_scan. */
enum seqmix_prefix_scan_feature {
  SEQMIX_PREFIX_SCAN_PRODUCT = 1 << 0,
  SEQMIX_PREFIX_SCAN_MAX = 1 << 1,
  SEQMIX_PREFIX_SCAN_LOGSUMEXP = 1 << 2,
  SEQMIX_PREFIX_SCAN_EXCLUSIVE = 1 << 3,
  SEQMIX_PREFIX_SCAN_REVERSE = 1 << 4,
  SEQMIX_PREFIX_SCAN_SEGMENTS = 1 << 5, /**< cu_seqlens */
  SEQMIX_PREFIX_SCAN_OUT_F32 = 1 << 6   /**< out is f32 beside 16-bit x */
};

/**
 * prefix_scan, lowered. The axes that are not scanned are in the order of falling strides of x
 * (regardless of sign; where x's is 0, by out's), those of length 1 are gone, and neighbours that
 * are one axis in both tensors are joined; with none left there is one of length 1.
 */
typedef struct seqmix_prefix_scan_problem {
  seqmix_problem header;                /**< features: #seqmix_prefix_scan_feature */
  int32_t scan_op;                      /**< a #seqmix_scan_op */
  int32_t axes;                         /**< how many others there are, at least 1 */
  int64_t length;                       /**< of the scanned axis */
  int64_t segments;                     /**< N; 1 without cu_seqlens */
  int64_t longest;                      /**< segment, or a bound of it */
  int64_t x_step;                       /**< x's stride along the scanned axis */
  int64_t out_step;                     /**< the same of out */
  int64_t sizes[SEQMIX_MAX_DIMS];       /**< of the other axes */
  int64_t x_strides[SEQMIX_MAX_DIMS];   /**< of x along them */
  int64_t out_strides[SEQMIX_MAX_DIMS]; /**< of out along them */
  seqmix_view x;                        /**< its strides are unused */
  seqmix_view out;                      /**< the same */
  seqmix_index_view cu_seqlens;         /**< [n], one more than segments */
} seqmix_prefix_scan_problem;

/** Options of causal_conv1d. */
enum seqmix_causal_conv1d_feature {
  SEQMIX_CAUSAL_CONV1D_BIAS = 1 << 0,
  SEQMIX_CAUSAL_CONV1D_SILU = 1 << 1,
  SEQMIX_CAUSAL_CONV1D_PAST = 1 << 2,
  SEQMIX_CAUSAL_CONV1D_PRESENT = 1 << 3,
  SEQMIX_CAUSAL_CONV1D_STATE_INDICES = 1 << 4, /**< state_indices or state_out_indices */
  SEQMIX_CAUSAL_CONV1D_PACKED = 1 << 5,
  SEQMIX_CAUSAL_CONV1D_OUT_F32 = 1 << 6 /**< out is f32 beside 16-bit inputs */
};

/** causal_conv1d, lowered. */
typedef struct seqmix_causal_conv1d_problem {
  seqmix_problem header;     /**< features: #seqmix_causal_conv1d_feature; dtype is x's */
  seqmix_sequences at;       /**< where sequences and their states lie */
  int64_t channels;          /**< C */
  int64_t width;             /**< W */
  int32_t activation;        /**< a #seqmix_activation */
  int32_t reserved;          /**< 0 */
  seqmix_view x;             /**< [n, t, c] */
  seqmix_view weight;        /**< [c, k] */
  seqmix_view bias;          /**< [c] */
  seqmix_view out;           /**< [n, t, c] */
  seqmix_view past_state;    /**< [row, k, c], x's type; k is 0 to W-2 */
  seqmix_view present_state; /**< the same */
} seqmix_causal_conv1d_problem;

/* ---- devices and variants ------------------------------------------------------------------- */

/** Abilities of a device that variants may need. */
enum seqmix_device_feature {
  SEQMIX_DEVICE_AVX2_FMA = 1 << 0,    /**< AVX2, FMA and F16C */
  SEQMIX_DEVICE_AVX512 = 1 << 1,      /**< F, BW, DQ, VL */
  SEQMIX_DEVICE_AVX512_BF16 = 1 << 2, /**< vdpbf16ps */
  SEQMIX_DEVICE_F64 = 1 << 3,         /**< GPU: arithmetic in double precision */
  SEQMIX_DEVICE_BLAS = 1 << 4,        /**< GPU: a library for products of matrices */
  SEQMIX_DEVICE_MMA = 1 << 5          /**< GPU: tensor cores, by CUDA's mma.m16n8k16 (sm_80) */
};

/** What variant choice may look at. A value, so that tests can make one up. */
typedef struct seqmix_device_properties {
  uint64_t struct_size;   /**< of this struct, set by the library */
  char description[256];  /**< for people */
  uint64_t features;      /**< bits of #seqmix_device_feature */
  uint64_t memory_bytes;  /**< 0: unknown */
  int32_t memory;         /**< a #seqmix_memory */
  int32_t memory_device;  /**< number of the memory, for seqmix_tensor::memory_device */
  int32_t automatic_rank; /**< "auto" takes the highest; 0: never */
  int32_t compute_units;  /**< processors or multiprocessors */
  uint64_t local_bytes;   /**< GPU: local (shared) memory of a work-group (block) */
  uint64_t largest_bytes; /**< GPU: the largest allocation; 0: unknown */
  int32_t group_items;    /**< GPU: most work-items (threads) of a work-group */
  int32_t vector_width;   /**< GPU: floats that a work-item best computes on at once */
  int32_t step_items;     /**< GPU: work-items that run in step (a warp); 0: unknown */
  int32_t is_processor;   /**< GPU: nonzero if it is a CPU all the same */
  /** GPU: the same as `local_bytes` where a kernel asks for more at its launch; 0: no more. */
  uint64_t local_bytes_most;
  int32_t architecture; /**< CUDA: compute capability, 90 for 9.0; otherwise 0 */
  int32_t reserved;     /**< 0 */
} seqmix_device_properties;

/** What the library offers its backends. */
typedef struct seqmix_host {
  uint32_t abi;         /**< #SEQMIX_BACKEND_ABI of the library */
  uint32_t struct_size; /**< of this struct */
  /** `bytes` of memory aligned to 64, or NULL. */
  void *(*allocate)(uint64_t bytes);
  /** Gives it back; NULL is fine. */
  void (*free)(void *memory);
  /** Sets this thread's error text and returns `status`. */
  seqmix_status (*fail)(seqmix_status status, const char *format, ...);
  /** Writes to the log if `SEQMIX_LOG` lets `level` through (1 error .. 4 debug). */
  void (*log)(int32_t level, const char *format, ...);
} seqmix_host;

/** One call, as a variant sees it besides its problem. */
typedef struct seqmix_call {
  const seqmix_host *host;  /**< the library's services */
  void *device;             /**< what seqmix_backend::open gave */
  void *workspace;          /**< aligned to 64; at least what the variant's rule asked for */
  uint64_t workspace_bytes; /**< what the rule asked for */
  int32_t workers;          /**< bodies that may run at once: scratch is needed for so many */
  void *runner;             /**< for parallel_for */
  /** Calls body(arg, i) for i in 0..count-1 on up to `workers` threads; count <= workers. */
  void (*parallel_for)(void *runner, int32_t count, void (*body)(void *arg, int32_t index),
                       void *arg);
} seqmix_call;

/** An algorithm for an operator on a class of devices: a row of a backend's table. */
typedef struct seqmix_variant {
  const char *name;          /**< `operator__types_isa_algorithm`: see docs/architecture.md */
  int32_t op;                /**< a #seqmix_operator */
  uint32_t dtypes;           /**< bits (1 << dtype) of problem dtypes it takes */
  uint64_t device_features;  /**< abilities it needs */
  uint64_t problem_features; /**< options it understands */
  /** Further conditions; NULL: none. Pure. */
  int32_t (*accepts)(const seqmix_problem *problem, const seqmix_device_properties *device);
  /** Bytes of workspace for so many workers; NULL: none. Pure. UINT64_MAX: does not fit. */
  uint64_t (*workspace)(const seqmix_problem *problem, const seqmix_device_properties *device,
                        int32_t workers);
  /** Computes; asynchronously where the device works so. */
  seqmix_status (*run)(const seqmix_call *call, const seqmix_problem *problem);
  /** Whether it should be taken, unless it is forced or no later variant can; NULL: yes. Pure. */
  int32_t (*suits)(const seqmix_problem *problem, const seqmix_device_properties *device);
} seqmix_variant;

/** The bit of a dtype in seqmix_variant::dtypes. */
#define SEQMIX_DTYPE_BIT(dtype) (1u << (dtype))

/** A backend. Functions other than device_count, device_properties and open may be NULL. */
typedef struct seqmix_backend {
  uint32_t abi;                   /**< #SEQMIX_BACKEND_ABI it was built with */
  uint32_t struct_size;           /**< of this struct */
  const char *name;               /**< device names start with it: letters, digits, underscores */
  const seqmix_variant *variants; /**< per operator in order of preference */
  int32_t variant_count;          /**< length of `variants` */
  int32_t reserved;               /**< 0 */
  /** Devices present; 0 without a driver. */
  int32_t (*device_count)(void);
  /** Describes device `index`; what it leaves alone is zero. */
  seqmix_status (*device_properties)(int32_t index, seqmix_device_properties *properties);
  /**
   * Opens a device for one context. `queue` is the caller's own to work on (a `cl_command_queue`, a
   * `CUstream`), NULL if there is none; never given where memory is host memory.
   */
  seqmix_status (*open)(int32_t index, void *queue, void **device);
  /** Ends what `open` began. */
  void (*close)(void *device);
  /** Waits for the device's work. */
  seqmix_status (*synchronize)(void *device);
  /** Device memory. All four buffer functions NULL: host memory, which the library provides. */
  seqmix_status (*allocate)(void *device, uint64_t bytes, void **data);
  /** Gives it back; never NULL. */
  void (*free)(void *device, void *data);
  /** Copies from the host, complete on return. */
  seqmix_status (*upload)(void *device, void *data, uint64_t byte_offset, const void *host,
                          uint64_t bytes);
  /** Copies to the host, complete on return. */
  seqmix_status (*download)(void *device, const void *data, uint64_t byte_offset, void *host,
                            uint64_t bytes);
  /** Whether what is given to the device now is recorded, to be done later and maybe again: then a
   * call gets no workspace of the library's, which may have moved by then. */
  int32_t (*is_capturing)(void *device);
  /** What it found on this machine: see seqmix_backend_remark(). */
  void (*remark)(char *text, uint64_t size);
} seqmix_backend;

/** Name of the function a plug-in defines. */
#define SEQMIX_PLUGIN_ENTRY seqmix_plugin_entry

/**
 * Type of #SEQMIX_PLUGIN_ENTRY: given the library's ABI number and its services, both valid for
 * the life of the process, returns the plug-in's table, or NULL to decline.
 */
typedef const seqmix_backend *(*seqmix_plugin_entry_function)(uint32_t abi,
                                                              const seqmix_host *host);

#ifdef __cplusplus
}
#endif

#endif
