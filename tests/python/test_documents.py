# SPDX-License-Identifier: Apache-2.0
"""What the documents say to paste into Python runs as it stands there."""

import re
import textwrap
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]


def blocks(document, language, indent=""):
    """The fenced blocks of a document, in order."""
    text = (ROOT / document).read_text()
    return re.findall(rf"^{indent}```{language}\n(.*?)^{indent}```", text, re.MULTILINE | re.DOTALL)


def run(code, names):
    exec(compile(code, "document", "exec"), names)  # noqa: S102
    return names


def test_readme():
    """Its blocks follow on each other."""
    names = {}
    found = blocks("README.md", "python")
    assert len(found) == 3
    for block in found:
        run(block, names)
    assert names["out"].shape == (1, 1, 32, 64) and names["state"].shape == (1, 8, 64, 64)
    assert np.isfinite(names["out"]).all() and names["lse"].shape == (1, 32, 128)
    assert names["y"].shape == (1, 1, 96) and np.isfinite(names["y"]).all()
    assert names["conv"].shape == (1, 3, 96) and names["scan"].shape == (1, 96, 16)


def test_a_prompt_and_tokens():
    names = a_prompt_and_tokens({})
    assert names["out"].shape == (2, 1, 4, 64) and np.isfinite(names["state"]).all()


def a_prompt_and_tokens(names):
    (block,) = (code for code in blocks("docs/python.md", "python") if "import seqmix" in code)
    return run(block, names)


def test_a_layer_of_mamba():
    """What it goes on from, the layer, and the same with channels before time."""
    names = a_prompt_and_tokens({})
    layer = next(code for code in blocks("docs/python.md", "python") if "selective_scan" in code)
    names = run(layer, names)
    assert names["y"].shape == (2, 1, 96) and np.isfinite(names["y"]).all()
    whole, _ = names["layer"](names["x"], names["z"])
    np.testing.assert_allclose(names["y"], whole[:, 100:], rtol=1e-4, atol=1e-4)
    assert [state.shape for state in names["states"]] == [(2, 3, 96), (2, 96, 16)]

    (turned,) = (code for code in blocks("docs/python.md", "python", "  ") if "swapaxes" in code)
    y = run(textwrap.dedent(turned), names)["y"]
    x, weight, bias = (names[name] for name in ("x", "weight", "bias"))
    np.testing.assert_allclose(y[..., 3], (x[..., :4] * weight).sum(axis=-1) + bias, rtol=1e-4, atol=1e-4)
