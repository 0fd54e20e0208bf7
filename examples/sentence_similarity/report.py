# SPDX-License-Identifier: Apache-2.0
"""What the program prints."""

import shutil
import textwrap

import numpy as np

MATRIX_AT_MOST = 24

# Unrelated sentences score anything around 0; a dot in their place lets the rest stand out.
FAINT = 0.2


def similarity_table(sentences, similarity):
    """The numbered sentences, with their similarity to each other in percent while there are few enough for that."""
    count = len(sentences)
    number_width = len(str(count))
    matrix = count <= MATRIX_AT_MOST
    indent = number_width + 2 + (4 * count + 2 if matrix else 0)
    room = max(24, shutil.get_terminal_size((120, 24)).columns - indent)

    if matrix:
        yield " " * number_width + "".join(f"{column:4d}" for column in range(1, count + 1))
    for row, sentence in enumerate(sentences):
        cells = "".join(map(percent, similarity[row])) + "  " if matrix else " "
        yield f"{row + 1:{number_width}d}{cells} {textwrap.shorten(sentence, room, placeholder=' ...')}"


def percent(value):
    # A NaN is not faint: it must show.
    return "   ." if value < FAINT else f"{100 * value:4.0f}"


def closest_pairs(sentences, similarity, count):
    """The `count` most similar pairs of different sentences, best first."""
    first, second = np.triu_indices(len(sentences), k=1)
    for pair in np.argsort(-similarity[first, second], kind="stable")[:count]:
        i, j = first[pair], second[pair]
        yield f"  {similarity[i, j]:7.4f}  {i + 1}: {sentences[i]}"
        yield f"           {j + 1}: {sentences[j]}"
