# SPDX-License-Identifier: Apache-2.0
"""`seqmix run` on .npy files against the same calls from Python, and what it says of bad files."""

import numpy as np
import pytest

import seqmix
from linear_attention_cases import logs, rates
from support import BF16, DEVICE, F16, F32, assert_close, load, normal, on_the_command_line

B, TQ, TK, HQ, HKV, D, DV = 2, 9, 21, 4, 2, 16, 12


def attention(run, *options, **arrays):
    return run("attention", "q.npy", "k.npy", "v.npy", "-o", "out.npy", "--device", DEVICE,
               *options, **arrays)


@pytest.fixture
def qkv(rng, dtype):
    return {
        "q": normal(rng, B, TQ, HQ, D, dtype=dtype),
        "k": normal(rng, B, TK, HKV, D, dtype=dtype),
        "v": normal(rng, B, TK, HKV, DV, dtype=dtype),
    }


def test_types(run, qkv, dtype, device):
    said = attention(run, "--lse", "lse.npy", **qkv)
    out, lse = seqmix.attention(**qkv, return_lse=True, context=device)
    result = load(run, "out", dtype)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, out)
    np.testing.assert_array_equal(load(run, "lse", F32), lse)
    assert f"attention on {DEVICE} (attention__" in said
    assert f"wrote out.npy {'bf16' if dtype == BF16 else 'f32' if dtype == F32 else 'f16'}" in said


NUMBERS = {
    "--causal": {"causal": True},
    "--window=3,-1": {"window": (3, None)},
    "--window=-1,2": {"window": (None, 2)},
    "--scale=0.3": {"scale": 0.3},
    "--softcap=2.5": {"softcap": 2.5},
    "--causal --query-offset=-4": {"causal": True, "query_offset": -4},
    "--head-sharing=tiled": {"head_sharing": "tiled"},
    "--causal --threads=1": {"causal": True},
}


@pytest.mark.parametrize("words", NUMBERS)
def test_numbers(run, qkv, dtype, device, words):
    attention(run, *words.split(), **qkv)
    expected = seqmix.attention(**qkv, **NUMBERS[words], context=device)
    np.testing.assert_array_equal(load(run, "out", dtype), expected)


FILES = {
    "mask": lambda rng: rng.random((TQ, TK)) < 0.5,
    "bias": lambda rng: normal(rng, HQ, TQ, TK),
    "alibi_slopes": lambda rng: normal(rng, HQ) ** 2,
    "sinks": lambda rng: normal(rng, HQ),
    "key_lengths": lambda rng: rng.integers(1, TK, B),
    "query_lengths": lambda rng: rng.integers(1, TQ, B).astype(np.int32),
}


@pytest.mark.parametrize("name", FILES)
def test_files(run, rng, qkv, dtype, device, name):
    array = FILES[name](rng)
    option = name.replace("alibi_slopes", "alibi").replace("_", "-")
    attention(run, f"--{option}", "extra.npy", extra=array, **qkv)
    expected = seqmix.attention(**qkv, **{name: array}, context=device)
    np.testing.assert_array_equal(load(run, "out", dtype), expected)


def test_offsets_per_sequence(run, qkv, dtype, device):
    attention(run, "--causal", "--query-offsets", "at.npy", at=np.array([3, 7]), **qkv)
    expected = seqmix.attention(**qkv, causal=True, query_offset=[3, 7], context=device)
    np.testing.assert_array_equal(load(run, "out", dtype), expected)


def test_heads_before_time(run, qkv, dtype, device):
    turned = {name: np.ascontiguousarray(array.swapaxes(1, 2)) for name, array in qkv.items()}
    attention(run, "--layout", "bhtd", "--causal", **turned)
    expected = seqmix.attention(**qkv, causal=True, context=device)
    result = load(run, "out", dtype)
    assert result.shape == (B, HQ, TQ, DV)
    np.testing.assert_array_equal(result, expected.swapaxes(1, 2))


def test_f32_result_and_scores(run, qkv, dtype, device):
    attention(run, "--out-f32", "--scores", "s.npy", "--scores-mode", "probabilities", **qkv)
    out, scores = seqmix.attention(
        **qkv, out=np.empty((B, TQ, HQ, DV), F32), scores="probabilities", context=device
    )
    np.testing.assert_array_equal(load(run, "out", F32), out)
    result = load(run, "s", F32)
    assert result.dtype == F32
    assert_close(result, scores, dtype)


def test_packed(run, rng, device):
    q, k, v = (normal(rng, 1, 30, heads, D) for heads in (HQ, HKV, HKV))
    ends_q, ends_k = np.array([0, 11, 30]), np.array([0, 25, 30], np.int32)
    attention(run, "--cu-seqlens-q", "cq.npy", "--cu-seqlens-k", "ck.npy", q=q, k=k, v=v, cq=ends_q,
              ck=ends_k)
    expected = seqmix.attention(
        q, k, v, cu_seqlens_q=ends_q, cu_seqlens_k=ends_k, context=device
    )
    np.testing.assert_array_equal(load(run, "out", F32), expected)


def test_paged(run, rng, device):
    q, (k, v) = normal(rng, B, 3, HQ, D), (normal(rng, 5, 4, HKV, D) for _ in "kv")
    table, lengths = np.array([[4, 0], [2, 3]]), np.array([6, 8])
    attention(run, "--causal", "--block-table", "table.npy", "--key-lengths", "n.npy", "--scores",
              "s.npy", q=q, k=k, v=v, table=table, n=lengths)
    out, scores = seqmix.attention(
        q, k, v, causal=True, block_table=table, key_lengths=lengths, scores="raw", context=device
    )
    np.testing.assert_array_equal(load(run, "out", F32), out)
    np.testing.assert_array_equal(load(run, "s", F32), scores)


def test_block_map(run, rng, device):
    q, k, v = (normal(rng, B, 8, HQ, D) for _ in "qkv")
    live = np.array([[[[1, 0], [1, 1]]]], np.uint8)
    attention(run, "--block-map", "m.npy", "--block-size", "4,4", q=q, k=k, v=v, m=live)
    expected = seqmix.attention(q, k, v, block_mask=live, block_size=(4, 4), context=device)
    np.testing.assert_array_equal(load(run, "out", F32), expected)


@pytest.mark.parametrize("layout", ["bthd", "bhtd"])
def test_merge(run, rng, dtype, device, layout):
    outs, lses = normal(rng, 3, B, TQ, HQ, DV, dtype=dtype), normal(rng, 3, B, HQ, TQ)
    sinks = normal(rng, HQ)
    given = outs if layout == "bthd" else np.ascontiguousarray(outs.swapaxes(2, 3))
    run("attention_merge", "outs.npy", "lses.npy", "-o", "out.npy", "--lse", "lse.npy", "--sinks",
        "sinks.npy", "--device", DEVICE, "--layout", layout, outs=given, lses=lses, sinks=sinks)
    out, lse = seqmix.attention_merge(outs, lses, sinks, context=device)
    result = load(run, "out", dtype)
    np.testing.assert_array_equal(result if layout == "bthd" else result.swapaxes(1, 2), out)
    np.testing.assert_array_equal(load(run, "lse", F32), lse)


def test_a_variant_by_name(run, rng, device):
    for variant in device.variants():
        if variant.startswith("attention__") and "decode" not in variant:
            dtype = {"bf16": BF16, "half": F16}.get(variant.split("_")[2], F32)
            q = normal(rng, 1, TQ, HQ, D, dtype=dtype)
            assert f"({variant})" in attention(run, "--variant", variant, q=q, k=q, v=q)
            expected = seqmix.attention(q, q, q, context=device)
            assert_close(load(run, "out", dtype), expected, dtype, factor=2)


# ---- linear attention ---------------------------------------------------------------------------


def linear_attention(run, *options, **arrays):
    return run("linear_attention", "q.npy", "k.npy", "v.npy", "-o", "out.npy", "--device", DEVICE,
               *options, **arrays)


@pytest.fixture
def linear(rng, dtype):
    """q, k and v with two states, each for two heads of q."""
    return {
        "q": normal(rng, B, TQ, HQ, D, dtype=dtype),
        "k": normal(rng, B, TQ, 1, D, dtype=dtype),
        "v": normal(rng, B, TQ, HKV, DV, dtype=dtype),
    }


LINEAR_WORDS = {
    "--scale=0.3 --no-causal": {"scale": 0.3, "causal": False},
    "--reverse --chunk-size=4": {"reverse": True, "chunk_size": 4},
    "--bidirectional --feature-map=elu1": {"bidirectional": True, "feature_map": "elu1"},
    "--feature-map=l2norm --update-rule=delta": {"feature_map": "l2norm", "update_rule": "delta"},
    "--feature-map=none --normalize=none": {},
    "--normalize=sum --eps=0.5": {"normalize": "sum", "eps": 0.5},
    "--normalize=abs_max --floor=2": {"normalize": "abs_max", "floor": 2},
    "--head-sharing=tiled --threads=1": {"head_sharing": "tiled"},
}


@pytest.mark.parametrize("words", LINEAR_WORDS)
def test_linear_attention_words(run, linear, dtype, device, words):
    said = linear_attention(run, *words.split(), **linear)
    expected = seqmix.linear_attention(**linear, **LINEAR_WORDS[words], context=device)
    result = load(run, "out", dtype)
    assert result.dtype == dtype and f"linear_attention on {DEVICE} (linear_attention__" in said
    np.testing.assert_array_equal(result, expected)


def small(rng, *shape):
    return normal(rng, *shape) / F32.type(D)


def gates(rng, rule):
    """Options that are files, by an update rule or what else they go with."""
    time = B, TQ, HKV
    return {
        "linear": dict(bonus=normal(rng, HKV, D)),
        "constant": dict(update_rule="gated", decay=logs(rng, HKV)),
        "gated": dict(update_rule="gated", decay=logs(rng, *time, D)),
        "bidirectional": dict(update_rule="gated", decay=logs(rng, *time), bidirectional=True,
                              decay_reverse=logs(rng, *time)),
        "delta": dict(update_rule="delta", beta=rates(rng, *time), erase=small(rng, *time, D)),
        "gated_delta": dict(update_rule="gated_delta", beta=rates(rng, *time, DV), feature_map="l2norm",
                            decay=logs(rng, *time)),
        "dplr": dict(update_rule="dplr", a=small(rng, *time, D), b=small(rng, *time, D)),
    }[rule]


RULES = ["linear", "constant", "gated", "bidirectional", "delta", "gated_delta", "dplr"]


@pytest.mark.parametrize("layout", ["bthd", "bhtd"])
@pytest.mark.parametrize("rule", RULES)
def test_linear_attention_files(run, rng, linear, dtype, device, rule, layout):
    options = gates(rng, rule)
    words, arrays = on_the_command_line(options)
    arrays.update(linear)
    if layout == "bhtd":
        arrays = {
            name: array if array.ndim < 3 else np.ascontiguousarray(array.swapaxes(1, 2))
            for name, array in arrays.items()
        }
    linear_attention(run, *words, "--layout", layout, **arrays)
    expected = seqmix.linear_attention(**linear, **options, context=device)
    result = load(run, "out", dtype)
    np.testing.assert_array_equal(result if layout == "bthd" else result.swapaxes(1, 2), expected)


STATES = dict(state="--state", normalizer="--normalizer", stabilizer="--stabilizer")


def with_input_gate(rng, rows, **more):
    """Options under which a state has all three parts, and a past of so many rows."""
    options = dict(update_rule="gated", normalize="abs_max", decay=logs(rng, 1, 12, HKV),
                   input_gate=normal(rng, 1, 12, HKV), **more)
    past = [normal(rng, rows, HKV, D, DV, dtype=F16), normal(rng, rows, HKV, D), normal(rng, rows, HKV)]
    words, arrays = on_the_command_line(options)
    names = ["past_state", "past_normalizer", "past_stabilizer"]
    for name, array in zip(names, past):
        words += [f"--{name.replace('_', '-')}", f"{name}.npy"]
        arrays[name] = array
    for name, option in STATES.items():
        words += [option, f"{name}.npy"]
    return options, past, words, arrays


def packed_qkv(rng):
    return {name: normal(rng, 1, 12, HKV, width) for name, width in dict(q=D, k=D, v=DV).items()}


def test_linear_attention_states(run, rng, device):
    ends = np.array([0, 5, 12])
    options, past, words, arrays = with_input_gate(rng, 2, cu_seqlens=ends)
    qkv = packed_qkv(rng)
    said = linear_attention(run, "--out-f32", *words, **qkv, **arrays)
    out, present = seqmix.linear_attention(
        **qkv, past_state=past, return_state=True, context=device, **options
    )
    np.testing.assert_array_equal(load(run, "out", F32), out)
    for name, part in zip(STATES, present):
        result = load(run, name, part.dtype)
        assert result.dtype == part.dtype
        np.testing.assert_array_equal(result, part)
    assert f"state.npy f16 [2, {HKV}, {D}, {DV}]" in said


def test_a_new_state_is_in_f32(run, linear, dtype, device):
    linear_attention(run, "--state", "state.npy", **linear)
    _, state = seqmix.linear_attention(**linear, return_state=True, context=device)
    result = load(run, "state", F32)
    assert result.dtype == F32
    np.testing.assert_array_equal(result, state)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_linear_attention_pool(run, rng, device, elsewhere):
    """The present pool is the past one but for the rows that were written."""
    ends, rows = np.array([0, 3, 4, 12]), np.array([4, -1, 1])
    options, past, words, arrays = with_input_gate(rng, 6, cu_seqlens=ends, state_indices=rows)
    if elsewhere:
        options["state_out_indices"] = arrays["outs"] = np.array([0, -1, 3], np.int32)
        words += ["--state-out-indices", "outs.npy"]
    qkv = packed_qkv(rng)
    linear_attention(run, *words, **qkv, **arrays)
    present = [part.copy() for part in past]
    out, _ = seqmix.linear_attention(
        **qkv, past_state=past, present_state=present, context=device, **options
    )
    np.testing.assert_array_equal(load(run, "out", F32), out)
    for name, part in zip(STATES, present):
        np.testing.assert_array_equal(load(run, name, part.dtype), part)


# ---- what goes wrong ----------------------------------------------------------------------------


def header(text, version=b"\x01\x00"):
    body = text.encode()
    wide = 2 if version[0] == 1 else 4
    return b"\x93NUMPY" + version + len(body).to_bytes(wide, "little") + body


GOOD = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 1, 3), }"
ELEMENTS = bytes(24)

BAD_FILES = {
    "has 23 bytes of elements; by its header it must have 24": header(GOOD) + ELEMENTS[1:],
    "has 25 bytes of elements; by its header it must have 24": header(GOOD) + ELEMENTS + b"\0",
    "is no .npy file: it must begin with": b"NUMPY" + header(GOOD)[6:] + ELEMENTS,
    "is no .npy file: it must begin with\0": b"",
    "has format version 4.0; it must be 1.0, 2.0 or 3.0": header(GOOD, b"\x04\x00") + ELEMENTS,
    "ends before its header": header(GOOD)[:9],
    "ends within its header": header(GOOD)[:-1],
    "has a header of 4294967295 bytes; at most 10000": header(GOOD, b"\2\0")[:8] + b"\xff" * 9,
    "it is in Fortran order; it must be in C order": header(GOOD.replace("False", "True"))
    + ELEMENTS,
    "its fortran_order is neither": header(GOOD.replace("False", "0")) + ELEMENTS,
    "its type is '<f8'; it must be <f4, <f2": header(GOOD.replace("<f4", "<f8")) + ELEMENTS,
    ".astype(np.float32)": header(GOOD.replace("<f4", "<f8")) + ELEMENTS,
    "this is big-endian": header(GOOD.replace("<f4", ">f4")) + ELEMENTS,
    "convert 8-bit floats": header(GOOD.replace("<f4", "<V1")) + ELEMENTS,
    "its type is a list": header(GOOD.replace("'<f4'", "[('a', '<f4')]")) + ELEMENTS,
    "more elements than memory can hold": header(GOOD.replace("(1", f"({2**62}")) + ELEMENTS,
    "by its header it must have 1099511627776": header(GOOD.replace("2, 1, 3", f"{2**38}"))
    + ELEMENTS,
    "axis 1 of its shape is no whole number": header(GOOD.replace("2", "-2")) + ELEMENTS,
    "axis 0 of its shape is no whole number": header(GOOD.replace("(1", f"({2**63}")) + ELEMENTS,
    "it has more than 8 axes": header(GOOD.replace("(1", "(1, 1, 1, 1, 1, 1")) + ELEMENTS,
    "its shape does not begin with '('": header(GOOD.replace("(", "[")) + ELEMENTS,
    "its shape is a number": header(GOOD.replace("1, 2, 1, 3", "6")) + ELEMENTS,
    "its shape lacks a comma": header(GOOD.replace("1,", "1;")) + ELEMENTS,
    "its header does not begin with '{'": header(GOOD[1:]) + ELEMENTS,
    "its header lacks a comma or '}'": header(GOOD[:-1].rstrip(", ")) + ELEMENTS,
    "its header goes on after '}'": header(GOOD + "x") + ELEMENTS,
    "its header lacks 'descr'": header(GOOD.replace("'descr': '<f4',", "")) + ELEMENTS,
    "its header has 'descr' twice": header(GOOD.replace("{", "{'descr': '<f4',")) + ELEMENTS,
    "its header has 'colour'": header(GOOD.replace("descr", "colour")) + ELEMENTS,
    "its header has something that is no name": header(GOOD.replace("'descr'", "descr")) + ELEMENTS,
    "its header lacks ':'": header(GOOD.replace("':", "'")) + ELEMENTS,
    "has 3 axes; it must have 4": header(GOOD.replace("(1, 2, 1, 3)", "(2, 1, 3)")) + ELEMENTS,
}


@pytest.mark.parametrize("version", [b"\1\0", b"\2\0", b"\3\0"], ids=["1.0", "2.0", "3.0"])
def test_all_formats_and_spellings(run, version):
    """Other quotes, another order and other spaces are the same dictionary."""
    text = '{"shape":(1,2,1,3,),\n "fortran_order" : False, "descr":"<f4"}\n'
    (run.folder / "q.npy").write_bytes(header(text, version) + ELEMENTS)
    ones = np.ones((1, 2, 1, 3), F32)
    attention(run, k=ones, v=ones)
    np.testing.assert_array_equal(load(run, "out", F32), ones)


@pytest.mark.parametrize("sentence", BAD_FILES)
def test_bad_files(run, sentence):
    ones = np.ones((1, 2, 1, 3), F32)
    (run.folder / "v.npy").write_bytes(BAD_FILES[sentence])
    said = attention(run, status=1, q=ones, k=ones)
    assert said.startswith("seqmix run: v.npy: ") and sentence.rstrip("\0") in said
    assert not (run.folder / "out.npy").exists()


@pytest.mark.parametrize("length", range(len(header(GOOD) + ELEMENTS)))
def test_every_truncation(run, length):
    ones = np.ones((1, 2, 1, 3), F32)
    (run.folder / "v.npy").write_bytes((header(GOOD) + ELEMENTS)[:length])
    assert "seqmix run: v.npy: " in attention(run, status=1, q=ones, k=ones)


def test_files_that_are_none(run):
    ones = np.ones((1, 2, 1, 3), F32)
    said = attention(run, status=1, q=ones, k=ones)
    assert said == "seqmix run: v.npy: No such file or directory\n"
    (run.folder / "v.npy").mkdir()
    assert "seqmix run: v.npy: " in attention(run, status=1, q=ones, k=ones)


def test_results_that_cannot_be_written(run):
    ones = np.ones((1, 2, 1, 3), F32)
    words = ["attention", "q.npy", "k.npy", "v.npy", "-o"]
    said = run(*words, "nowhere/out.npy", status=1, q=ones, k=ones, v=ones)
    assert said == "seqmix run: nowhere/out.npy: No such file or directory\n"
    assert "/dev/full: No space left on device" in run(*words, "/dev/full", status=1)


def test_the_library_has_the_last_word(run):
    ones = np.ones((1, 2, 1, 3), F32)
    said = attention(run, status=1, q=ones, k=ones, v=np.ones((1, 3, 1, 3), F32))
    assert said.startswith("seqmix run: attention: v ")
    assert "is no variant; device" in attention(run, "--variant", "best", status=1, v=ones)
    said = linear_attention(run, "--normalize=sum", "--state", "s.npy", status=1, v=ones)
    assert said.startswith("seqmix run: linear_attention: present_")
    said = run("attention", "q.npy", "k.npy", "v.npy", "-o", "out.npy", "--device", "none", status=1)
    assert "device is 'none'" in said


WRONG_USAGE = {
    "-o is missing": ["attention", "q", "k", "v"],
    "an argument is missing: 'V.npy'": ["attention", "q", "k", "-o", "out"],
    "one argument too many: 'w'": ["attention", "q", "k", "v", "w", "-o", "out"],
    "there is no option '--casual'": ["attention", "q", "k", "v", "-o", "out", "--casual"],
    "something must follow '--scale'": ["attention", "q", "k", "v", "-o", "out", "--scale"],
    "nothing can follow '--causal'": ["attention", "q", "k", "v", "-o", "out", "--causal=1"],
    "given twice: '-o'": ["attention", "q", "k", "v", "-o", "out", "-o", "out"],
    "--window is '3'; it must be two": ["attention", "q", "k", "v", "-o", "out", "--window", "3"],
    "--scale is 'x'; it must be a number": ["attention", "q", "k", "v", "-o", "o", "--scale", "x"],
    "--query-offset is '1.5'; it must be a whole": ["attention", "q", "k", "v", "-o", "out",
                                                   "--query-offset", "1.5"],
    "--layout is 'dthb'; it must be bthd or bhtd": ["attention", "q", "k", "v", "-o", "out",
                                                   "--layout", "dthb"],
    "--threads is 1025; it must be 1 to 1024": ["attention", "q", "k", "v", "-o", "out",
                                               "--threads", "1025"],
    "--block-size is given without --block-map": ["attention", "q", "k", "v", "-o", "out",
                                                  "--block-size", "8,8"],
    "--scores-mode is given without --scores": ["attention", "q", "k", "v", "-o", "out",
                                                "--scores-mode", "raw"],
    "there is no option '--lse'": ["linear_attention", "q", "k", "v", "-o", "out", "--lse", "l"],
    "--update-rule is 'gate'; it must be linear, gated": ["linear_attention", "q", "k", "v", "-o",
                                                          "out", "--update-rule", "gate"],
    "--feature-map is 'elu'; it must be none, elu1": ["linear_attention", "q", "k", "v", "-o", "out",
                                                      "--feature-map", "elu"],
    "--eps is ''; it must be a number": ["linear_attention", "q", "k", "v", "-o", "out", "--eps="],
    "--state-indices is given without --past-state": ["linear_attention", "q", "k", "v", "-o", "out",
                                                      "--state-indices", "i"],
    "there is no operator 'intention'": ["intention", "q", "k", "v", "-o", "out"],
}


def test_two_results_in_one_file(run):
    ones = np.ones((1, 2, 1, 3), F32)
    words = ("attention", "q.npy", "k.npy", "v.npy", "-o", "x.npy", "--lse", "x.npy")
    assert "x.npy is to hold two results" in run(*words, status=2, q=ones, k=ones, v=ones)


@pytest.mark.parametrize("sentence", WRONG_USAGE)
def test_wrong_usage(run, sentence):
    assert sentence in run(*WRONG_USAGE[sentence], status=2)


HELP = [["--help"], ["attention", "--help"], ["attention_merge", "-h"], ["linear_attention", "-h"]]


@pytest.mark.parametrize("words", HELP)
def test_help(run, words):
    assert run(*words).startswith("usage: seqmix run ")
