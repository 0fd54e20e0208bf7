/* SPDX-License-Identifier: Apache-2.0 */
/* The attention of models people know, one layer of it, and shapes that kernels are tuned on. */
#include "bench/attention.h"

/* Columns: B, Tq, Tk, Hq, Hkv, D, Dv, causal, window, softcap, sinks, page, block, live. */
const bench_preset attention_presets[ATTENTION_PRESETS] = {
    /* Encoders: sentences, paragraphs, an image of 384 x 384 in patches of 16. */
    {"models", "minilm", "encode", {32, 128, 128, 12, 12, 32, 32}},
    {"models", "bert-base", "encode", {8, 512, 512, 12, 12, 64, 64}},
    {"models", "vit-l", "encode", {4, 577, 577, 16, 16, 64, 64}},

    {"models", "llama3-8b-prefill", "prefill", {1, 2048, 2048, 32, 8, 128, 128, 1}},
    {"models", "llama3-8b-decode", "decode", {1, 1, 8192, 32, 8, 128, 128, 1}},
    {"models", "llama3-8b-decode-batch", "decode", {16, 1, 2048, 32, 8, 128, 128, 1}},
    {"models", "llama3-70b-prefill", "prefill", {1, 2048, 2048, 64, 8, 128, 128, 1}},
    {"models", "llama3-70b-decode", "decode", {1, 1, 8192, 64, 8, 128, 128, 1}},

    /* Gemma-2 9B: layers alternate between a window of 4096 keys and all; a prompt in chunks. */
    {"models", "gemma2-9b-prefill", "prefill", {1, 1024, 8192, 16, 8, 256, 256, 1, 0, 50}},
    {"models",
     "gemma2-9b-prefill-window",
     "prefill",
     {1, 1024, 8192, 16, 8, 256, 256, 1, 4096, 50}},
    {"models", "gemma2-9b-decode", "decode", {1, 1, 8192, 16, 8, 256, 256, 1, 0, 50}},
    {"models", "gemma2-9b-decode-window", "decode", {1, 1, 8192, 16, 8, 256, 256, 1, 4096, 50}},

    /* GPT-OSS: layers alternate between a window of 128 keys and all; a sink per head. */
    {"models", "gpt-oss-prefill", "prefill", {1, 2048, 2048, 64, 8, 64, 64, 1, 0, 0, 1}},
    {"models", "gpt-oss-prefill-window", "prefill", {1, 2048, 2048, 64, 8, 64, 64, 1, 128, 0, 1}},
    {"models", "gpt-oss-decode", "decode", {1, 1, 8192, 64, 8, 64, 64, 1, 0, 0, 1}},

    {"kernel", "prefill-d128", "prefill", {1, 2048, 2048, 8, 8, 128, 128, 1}},
    {"kernel", "prefill-d64", "prefill", {1, 2048, 2048, 8, 8, 64, 64, 1}},
    {"kernel", "prefill-8k", "prefill", {1, 8192, 8192, 8, 8, 128, 128, 1}},
    {"kernel", "prefill-8k-window", "prefill", {1, 8192, 8192, 8, 8, 128, 128, 1, 256}},
    {"kernel", "block-map", "prefill", {1, 4096, 4096, 8, 8, 128, 128, 0, 0, 0, 0, 0, 64, 8}},
    {"kernel", "decode-16k", "decode", {1, 1, 16384, 32, 8, 128, 128, 1}},
    {"kernel", "decode-16k-paged", "decode", {1, 1, 16384, 32, 8, 128, 128, 1, 0, 0, 0, 16}},
    {"kernel", "decode-64k", "decode", {1, 1, 65536, 32, 8, 128, 128, 1}},
    {"kernel", "decode-64k-paged", "decode", {1, 1, 65536, 32, 8, 128, 128, 1, 0, 0, 0, 16}},
    /* The price of a call: there is hardly anything to do. */
    {"kernel", "small-call", "call", {1, 1, 16, 1, 1, 64, 64, 1}},
};
