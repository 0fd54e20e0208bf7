# SPDX-License-Identifier: Apache-2.0
"""What the documents say to paste into Python runs as it stands there."""

import re
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]


def blocks(document, language):
    """The fenced blocks of a document, in order."""
    text = (ROOT / document).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def run(code, names):
    exec(compile(code, "document", "exec"), names)  # noqa: S102
    return names


def test_readme():
    """Its blocks follow on each other."""
    names = {}
    found = blocks("README.md", "python")
    assert len(found) == 2
    for block in found:
        run(block, names)
    assert names["out"].shape == (1, 1, 32, 64) and names["state"].shape == (1, 8, 64, 64)
    assert np.isfinite(names["out"]).all() and names["lse"].shape == (1, 32, 128)


def test_a_prompt_and_tokens():
    (block,) = (code for code in blocks("docs/python.md", "python") if "import seqmix" in code)
    names = run(block, {})
    assert names["out"].shape == (2, 1, 4, 64) and np.isfinite(names["state"]).all()
