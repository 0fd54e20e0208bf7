# SPDX-License-Identifier: Apache-2.0
"""What `seqmix verify` prints and how it ends. That it finds a wrong device is tested with the
plug-ins, in tests/plugins/run.py."""

import os
import re
import subprocess

import pytest

import seqmix
from support import DEVICE, tool


def verify(*words, status=0, **environment):
    done = subprocess.run(
        [tool(), "verify", *words],
        env=dict(os.environ, **environment),
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout if status < 2 else done.stderr


def all_rows(text):
    """Pairs of a name and (accepted, refused, missed), as the table has them."""
    return [
        (name, tuple(map(int, counts.split())))
        for name, counts in re.findall(r"^  (\w[\w ]+?) +((?:\d+ +){3})", text, re.MULTILINE)
    ]


def rows(text):
    """The same as a dictionary, for what is there once."""
    return dict(all_rows(text))


def test_every_variant_has_a_row():
    text = verify("--device", DEVICE, "--case", "plain_f32", SEQMIX_LOG="error")
    assert f"seqmix {seqmix.version()} (API " in text and f"\ndevice: {DEVICE}: " in text
    assert "level: quick, seed 20240229" in text and "environment: SEQMIX_LOG=error" in text
    with seqmix.Context(DEVICE) as context:
        variants = set(context.variants())
    table = rows(text)
    assert set(table) - {"by its own choice"} == variants
    choices = [counts for name, counts in all_rows(text) if name == "by its own choice"]
    assert len(choices) == len({name.split("__")[0] for name in variants})
    assert choices[:3] == [(1, 0, 0), (0, 0, 0), (1, 0, 0)]  # attention, its merge, linear attention
    for operator in ("attention__", "linear_attention__"):
        counts = [row for name, row in table.items() if name.startswith(operator)]
        assert (1, 0, 0) in counts and all(a + r == 1 and m == 0 for a, r, m in counts)
    merge = [row for name, row in table.items() if name.startswith("attention_merge__")]
    assert merge and all(row == (0, 0, 0) for row in merge)  # it has no such case
    assert text.endswith("verified: no misses\n")


def test_one_operator_and_seed():
    words = ["--device", DEVICE, "--operator", "attention_merge", "--seed", "7"]
    text = verify(*words)
    assert "level: quick, seed 7\n" in text
    assert all(accepted > 20 for accepted, _, _ in rows(text).values())
    assert not any(name.startswith("attention__") for name in rows(text))
    assert verify(*words) == text


def test_levels_kept_out_are_named():
    text = verify("--device", "cpu", "--case", "plain_f16", SEQMIX_CPU_ISA="generic")
    if "avx2" not in text:
        pytest.skip("this processor's library has one level")
    assert "avx2 variants: not on this processor, or kept out by SEQMIX_CPU_ISA\n" in text
    assert "attention__any_avx2" not in text


def test_a_forced_variant_has_no_effect():
    text = verify("--device", "cpu", "--case", "plain_f32",
                  SEQMIX_VARIANT="attention__any_generic_decode")
    assert "environment: SEQMIX_VARIANT=attention__any_generic_decode\n" in text
    assert rows(text)["attention__any_generic_blocked"] == (1, 0, 0)


def test_all_devices_but_the_judge():
    text = verify("--device", "all", "--case", "random_5")
    names = {device["name"] for device in seqmix.devices()} - {"reference"}
    assert {f"device: {name}" for name in names} <= set(re.findall(r"^device: .+?(?=: )", text, re.M))
    assert "device: reference" not in text


def test_no_such_device():
    assert "not verified\n" in verify("--device", "nowhere", status=1)


WRONG_USAGE = {
    "there is no case 'plain'": ["--case", "plain"],
    "there is no case 'random_07'": ["--case", "random_07"],
    "there is no case 'merge_f32'": ["--case", "merge_f32", "--operator", "attention"],
    "--level is 'half'; it must be quick or full": ["--level", "half"],
    "--operator is 'all'; it must be attention": ["--operator", "all"],
    "--seed is 'x'; it must be a whole number": ["--seed", "x"],
    "one argument too many: 'cpu'": ["cpu"],
}


@pytest.mark.parametrize("sentence", WRONG_USAGE)
def test_wrong_usage(sentence):
    assert sentence in verify(*WRONG_USAGE[sentence], status=2)


def test_help():
    assert verify("--help").startswith("usage: seqmix verify [options]")
