# SPDX-License-Identifier: Apache-2.0
"""`seqmix pack`, and programs that use what it makes, on stand-ins for the driver and the compiler: a
machine without a compiler works with a pack, and a pack that is no good is as if it were not there.

  pack_test.py SEQMIX FAKE_CUDA FAKE_NVRTC
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

SEQMIX, FAKE_CUDA, FAKE_NVRTC = sys.argv[1:]
FAKES = {
    **os.environ,
    "SEQMIX_CUDA": FAKE_CUDA,
    "SEQMIX_NVRTC": FAKE_NVRTC,
    "SEQMIX_CUBLAS": "/nowhere",
    "SEQMIX_OPENCL": "/nowhere",
    "SEQMIX_CACHE_DIR": "",
    "SEQMIX_CUDA_PACK": "",
    "SEQMIX_DEVICE": "cuda:0",
    "SEQMIX_LOG": "debug",
}
NO_COMPILER = {"SEQMIX_NVRTC": "/nowhere"}
COMPILES, FROM_PACK, FROM_CACHE = "fake: compiles", ": from a pack", ": loaded in"
PROGRAMS = 49  # at least: of portable kernels
passed = 0
Words = list[str | Path]


def expect(words: Words, status: int, *parts: str, no: tuple[str, ...] = (), env: dict[str, str] | None = None) -> str:
    """Runs the command; its output, which has the parts, and none of those in `no`."""
    global passed
    more = env or {}
    command = [SEQMIX, *map(str, words)]
    result = subprocess.run(command, env={**FAKES, **more}, capture_output=True, text=True)
    output = result.stdout + result.stderr
    if result.returncode != status or any(part not in output for part in parts) or any(p in output for p in no):
        sys.exit(f"{words} {more}: status {result.returncode}, must be {status} with {parts}, no {no}\n{output}")
    passed += 1
    return output


def write_npy(path: Path, shape: tuple[int, ...]) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    count = 1
    for extent in shape:
        count *= extent
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(4 * count))


def check_words(folder: Path) -> None:
    for words, part in (
        (["--arch", "sm_12"], "--arch has 'sm_12', which is none of sm_75, sm_80"),
        (["--arch", "sm_80,"], "--arch has ''"),
        (["--arch"], "--arch needs a value"),
        (["--output"], "--output needs a value"),
        (["--frob"], "unknown argument '--frob'"),
        (["more"], "unknown argument 'more'"),
    ):
        expect(["pack", *words], 2, part, no=(COMPILES,))
    expect(["pack", "--help"], 0, "--arch LIST", "SEQMIX_CUDA_PACK")
    expect(["pack", "--compiler"], 0, "NVRTC 13.0", FAKE_NVRTC)
    expect(["pack", "--compiler"], 1, "there is no NVRTC", "/nowhere", env=NO_COMPILER)
    expect(["pack", "--output", folder / "x"], 1, "there is no NVRTC", env=NO_COMPILER)
    expect(["pack", "--arch", "sm_80", "--output", folder / "no" / "x"], 1, "No such file")
    expect(["pack", "--show", folder / "x"], 1, "No such file")
    assert not list(folder.iterdir()), list(folder.iterdir())


def check_lists(pack: Path) -> None:
    listed = expect(["pack", "--arch", "sm_90a,sm_80", "--list"], 0, "scan/scan", env=NO_COMPILER)
    programs = [line for line in listed.splitlines() if line.startswith("sm_")]
    assert len(programs) >= 2 * PROGRAMS and len(set(programs)) == len(programs), listed
    made = expect(["pack", "--arch", "sm_90a,sm_80", "--output", pack], 0, COMPILES,
                  "--gpu-architecture=sm_90a", "--gpu-architecture=sm_80", f"{len(programs)} programs")
    assert made.count(COMPILES) == len(programs), made
    shown = expect(["pack", "--show", pack], 0, "with CUDA 13.0", no=("damaged",))
    for program in programs:
        architecture, hash_of_text, _, name = program.split(" ", 3)
        assert any(line.startswith(f"{architecture} {hash_of_text} ") and line.endswith(" " + name)
                   for line in shown.splitlines()), program
    # The same words, the same pack.
    again = pack.with_name("again")
    expect(["pack", "--arch", "sm_80,sm_90a", "--output", again], 0)
    assert again.read_bytes() == pack.read_bytes()
    again.unlink()


def check_use(folder: Path, pack: Path) -> None:
    write_npy(folder / "a.npy", (1, 16, 4))
    call: Words = ["run", "linear_recurrence", folder / "a.npy", folder / "a.npy", "-o", folder / "h.npy"]
    with_pack = {"SEQMIX_CUDA_PACK": str(pack)}
    expect(call, 0, COMPILES, no=(FROM_PACK,))
    expect(call, 1, "SEQMIX_NVRTC", "seqmix pack", env=NO_COMPILER)
    expect(call, 0, FROM_PACK, no=(COMPILES,), env={**with_pack, **NO_COMPILER})
    expect(["devices"], 0, f"cuda: pack {pack}: ", env=with_pack)
    # Of two architectures, and of those that run the earlier one's.
    for capability in ("80", "86", "89"):
        expect(call, 0, FROM_PACK, no=(COMPILES,), env={"FAKE_CUDA": f"capability={capability}", **with_pack})
    for capability in ("75", "100", "120"):
        expect(call, 0, COMPILES, no=(FROM_PACK,), env={"FAKE_CUDA": f"capability={capability}", **with_pack})
    # Before the cache, which has it.
    cache = {"SEQMIX_CACHE_DIR": str(folder / "cache")}
    expect(call, 0, COMPILES, env=cache)
    expect(call, 0, FROM_CACHE, no=(COMPILES, FROM_PACK), env=cache)
    expect(call, 0, FROM_PACK, no=(COMPILES, FROM_CACHE), env={**cache, **with_pack})


def check_others(folder: Path, pack: Path) -> None:
    call: Words = ["run", "linear_recurrence", folder / "a.npy", folder / "a.npy", "-o", folder / "h.npy"]
    other, whole = folder / "other", pack.read_bytes()
    with_other = {"SEQMIX_CUDA_PACK": str(other)}
    for data, part in (
        (whole[:60], "is left out: it is no pack"),
        (whole[:100], "is left out: it is not as long as it says"),
        (whole[:-1], "is left out: it is not as long as it says"),
        (b"seqmix pack 99".ljust(16, b"\0") + whole[16:], "is left out: it is no pack"),
        (whole[:200] + bytes([whole[200] ^ 1]) + whole[201:], "is left out: its table is damaged"),
        (whole.replace(b"fake cubin", b"fake xubin"), "holds is damaged"),
    ):
        other.write_bytes(data)
        expect(call, 0, part, COMPILES, no=(FROM_PACK,), env=with_other)
    # A damaged program shows when the pack is listed.
    expect(["pack", "--show", other], 1, "(damaged)")
    expect(call, 0, COMPILES, "is left out: it is of CUDA 13, and the driver", no=(FROM_PACK,),
           env={"FAKE_CUDA": "driver=12040 nvrtc=12040", "SEQMIX_CUDA_PACK": str(pack)})
    # Whole, but for a driver that takes no such code; then nothing else does.
    expect(call, 1, "the driver refuses what a pack holds",
           env={"FAKE_CUDA": "refuse-image", "SEQMIX_CUDA_PACK": str(pack)})


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pack = folder / "two.pack"
        check_words(folder)
        check_lists(pack)
        check_use(folder, pack)
        check_others(folder, pack)
    print(f"totals: {passed} passed, 0 failed, 0 skipped")


main()
