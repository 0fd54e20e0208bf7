# SPDX-License-Identifier: Apache-2.0
"""Kernels compile for CUDA devices that are not here, and need no more than they did.

Programs are those of `seqmix pack --list`; at most 120 of them are compiled, spread over texts and
architectures, the same in every run. What ptxas says of a kernel (registers, stack, spills, shared
memory) is compared with the table of the compiler's version, figures_<version>.csv: more of anything
is a failure, and `--update` writes the table anew. Kernels of tensor cores must keep all in
registers, whatever a table says."""

from __future__ import annotations

import argparse
import csv
import ctypes
import re
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass, fields
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import embed_kernels  # type: ignore[import-not-found, unused-ignore]

PAIRS_MOST = 120
PROCESSES = 2
# In order of preference, and what a block may have of shared memory and of registers.
ARCHITECTURES = {"sm_90a": 227 << 10, "sm_80": 163 << 10, "sm_120": 99 << 10, "sm_75": 64 << 10}
REGISTERS = 1 << 16
OPTIONS = ["--std=c++17", "--fmad=false", "-w", "--ptxas-options=-v"]
LICENCE = "# SPDX-License-Identifier: Apache-2.0\n"
ENTRY = re.compile(
    r"Compiling entry function '(?P<kernel>\w+)'.*?(?P<stack>\d+) bytes stack frame, "
    r"(?P<stores>\d+) bytes spill stores, (?P<loads>\d+) bytes spill loads.*?"
    r"Used (?P<registers>\d+) registers(?P<rest>[^\n]*)",
    re.DOTALL,
)


@dataclass(frozen=True, order=True)
class Pair:
    """A program for an architecture."""

    architecture: str
    program: str
    local_bytes: int  # that launches give
    hash: str  # of its text

    @property
    def text(self) -> str:
        return self.program.split()[0]

    @property
    def is_mma(self) -> bool:
        return self.text.endswith("_mma")

    def constant(self, name: str) -> int:
        found = re.search(rf"\b{name}=(-?\d+)", self.program)
        return int(found.group(1)) if found else 0


@dataclass(frozen=True, order=True)
class Figures:
    """A line of the table."""

    architecture: str
    program: str
    kernel: str
    registers: int
    stack: int
    spill_stores: int
    spill_loads: int
    shared: int  # as compiled, and what launches give


NUMBERS = [field.name for field in fields(Figures)][3:]


def listed(tool: str) -> list[Pair]:
    command = [tool, "--arch", ",".join(ARCHITECTURES), "--list"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    rows = [line.split(" ", 3) for line in lines]
    return [Pair(name, program, int(local), text) for name, text, local, program in rows]


def chosen(pairs: list[Pair], most: int = PAIRS_MOST) -> list[Pair]:
    """Every text on every architecture that has it, of tensor cores all on the first one and some on
    others; then more of each, as far as there is room. Each architecture begins at other constants."""
    ranks: dict[Pair, tuple[int, bool, str, int]] = {}
    for number, architecture in enumerate(ARCHITECTURES):
        texts: dict[str, list[Pair]] = {}
        for pair in sorted(pairs):
            if pair.architecture == architecture:
                texts.setdefault(pair.text, []).append(pair)
        for text, all_of in texts.items():
            for place, pair in enumerate(all_of[number % len(all_of) :] + all_of[: number % len(all_of)]):
                share = (len(all_of) if number == 0 else 4) if pair.is_mma else 2 if number == 0 else 1
                ranks[pair] = (place // share, not pair.is_mma, text, number)
    return sorted(sorted(ranks, key=lambda pair: ranks[pair])[:most])


def compiler_of(tool: str) -> tuple[str, str]:
    """Its version and its file, or "" and why there is none."""
    answer = subprocess.run([tool, "--compiler"], capture_output=True, text=True)
    if answer.returncode not in (0, 1):
        raise SystemExit(f"{tool} --compiler: {answer.stderr}")
    if answer.returncode:
        return "", answer.stderr.strip()
    _, version, path = answer.stdout.strip().split(" ", 2)
    return version, path


def source_of(pair: Pair, kernels: Path) -> str:
    """What the library gives the compiler: its text is this tree's, or hashes differ."""
    path = next(path for path in kernels.glob(pair.text + ".*") if path.suffix in (".c", ".cu"))
    name = path.relative_to(kernels).as_posix()
    text = "\n".join(embed_kernels.expanded(name, kernels, "shared/dialect_cuda.h")) + "\n"
    if f"{embed_kernels.hash_of(text.encode('ascii')):016x}" != pair.hash:
        raise SystemExit(f"kernels/{name} is not the text in the library: build it first")
    constants = [word.split("=") for word in pair.program.split()[1:]]
    return "".join(f"#define {name} {value}\n" for name, value in constants) + text


def compiled(library: str, architecture: str, source: str) -> tuple[bool, str]:
    """Whether it compiles, and the compiler's words."""
    nvrtc = ctypes.CDLL(library)
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    options = [f"--gpu-architecture={architecture}", *OPTIONS]
    words = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
    if nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernels", 0, None, None):
        return False, "nvrtcCreateProgram failed"
    result = nvrtc.nvrtcCompileProgram(program, len(options), words)
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value + 1)
    nvrtc.nvrtcGetProgramLog(program, log)
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    return result == 0, log.value.decode(errors="replace")


def figures_of(pair: Pair, log: str) -> list[Figures]:
    rows = []
    for found in ENTRY.finditer(log):
        shared = re.search(r"(\d+) bytes smem", found["rest"])
        registers, stack, stores, loads = (int(found[name]) for name in ("registers", "stack", "stores", "loads"))
        total = (int(shared.group(1)) if shared else 0) + pair.local_bytes
        rows.append(Figures(pair.architecture, pair.program, found["kernel"], registers, stack, stores, loads, total))
    return rows


def hard_faults(pair: Pair, rows: list[Figures]) -> list[str]:
    """What no table can allow."""
    faults = [] if rows else ["the compiler says nothing of its kernels"]
    for row in rows:
        if pair.is_mma and (row.stack or row.spill_stores or row.spill_loads):
            faults.append(f"{row.kernel}: a kernel of tensor cores has {row.stack} bytes of stack, "
                          f"{row.spill_stores} + {row.spill_loads} of spills")
        if row.registers * pair.constant("ITEMS") > REGISTERS:
            faults.append(f"{row.kernel}: {row.registers} registers are more than a block has")
        if row.shared > ARCHITECTURES[row.architecture]:
            faults.append(f"{row.kernel}: {row.shared} bytes of shared memory are more than a block has")
    return faults


def worse(rows: list[Figures], table: dict[tuple[str, ...], Figures]) -> list[str]:
    """What is more than the table says, or not in it."""
    faults = []
    for row in rows:
        was = table.get((row.architecture, row.program, row.kernel))
        if was is None:
            faults.append(f"{row.kernel}: no figures of it yet (--update adds them)")
            continue
        for name in NUMBERS:
            if getattr(row, name) > getattr(was, name):
                faults.append(f"{row.kernel}: {name} {getattr(was, name)} -> {getattr(row, name)}")
    return faults


def read_table(path: Path) -> dict[tuple[str, ...], Figures]:
    with path.open(newline="") as file:
        rows = list(csv.reader(file))[2:]
    figures = [Figures(row[0], row[1], row[2], *(int(number) for number in row[3:])) for row in rows]
    return {(row.architecture, row.program, row.kernel): row for row in figures}


def write_table(path: Path, rows: list[Figures]) -> None:
    with path.open("w", newline="") as file:
        file.write(LICENCE)
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([field.name for field in fields(Figures)])
        writer.writerows(astuple(row) for row in sorted(rows))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tool", help="seqmix-pack")
    parser.add_argument("kernels", type=Path, help="folder of the kernels' texts")
    parser.add_argument("--update", action="store_true", help="write the figures anew")
    arguments = parser.parse_args()
    version, library = compiler_of(arguments.tool)
    if not version:
        print(f"SKIP compile checks: {library}")
        return 77
    pairs = chosen(listed(arguments.tool))
    sources = [source_of(pair, arguments.kernels) for pair in pairs]
    with ProcessPoolExecutor(PROCESSES) as pool:
        names = [pair.architecture for pair in pairs]
        answers = list(pool.map(compiled, [library] * len(pairs), names, sources))
    path = Path(__file__).resolve().parent / f"figures_{version}.csv"
    has_table = path.exists() and not arguments.update
    table = read_table(path) if has_table else {}
    every: list[Figures] = []
    failed = 0
    for pair, (is_done, log) in zip(pairs, answers):
        rows = figures_of(pair, log)
        every += rows
        faults = hard_faults(pair, rows) if is_done else [f"it does not compile: {log[:2000]}"]
        faults += worse(rows, table) if has_table and is_done else []
        failed += bool(faults)
        for fault in faults:
            print(f"{pair.architecture} {pair.program}: {fault}")
    if arguments.update:
        write_table(path, every)
    texts = {pair.text for pair in pairs}
    print(f"NVRTC {version}: {len(pairs)} programs of {len(texts)} texts, {len(every)} kernels")
    if not has_table and not arguments.update:
        print(f"SKIP figures: there is no table of NVRTC {version}")
    skipped = int(not has_table and not arguments.update)
    print(f"totals: {len(pairs) - failed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
