# SPDX-License-Identifier: Apache-2.0
"""Builds the plug-ins of this folder as a stranger would, then runs the test program with them.

The headers come from an installation of the build into a folder of its own; the plug-ins link
nothing of seqmix. Usage:

    run.py MESON BUILD WORK TEST_PROGRAM TOOL COMPILER...

Everything is made afresh below the folder WORK. TOOL is the `seqmix` command, or empty: it must
tell a plug-in that computes wrongly from one that does not.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).resolve().parent

DEFECTS = [
    "TOO_OLD",
    "TOO_NEW",
    "NO_ENTRY",
    "DECLINES",
    "NO_NAME",
    "ODD_NAME",
    "TAKEN_NAME",
    "EMPTY_TABLE",
    "NO_VARIANTS",
    "NO_RUN",
    "NO_VARIANT_NAME",
    "UNKNOWN_OPERATOR",
    "NO_OPEN",
    "HALF_THE_BUFFERS",
]


def install_headers(meson: str, build: Path, stage: Path) -> Path:
    """Installs what developers get, and returns the folder to give the compiler."""
    command = [meson, "install", "-C", str(build), "--no-rebuild", "--quiet", "--tags", "devel"]
    subprocess.run(command + ["--destdir", str(stage)], check=True)
    headers = list(stage.rglob("seqmix/backend.h"))
    if len(headers) != 1:
        sys.exit(f"{len(headers)} files seqmix/backend.h were installed; there must be one")
    return headers[0].parent.parent


def compile_plugin(compiler: list[str], include: Path, source: str, target: Path,
                   *options: str) -> None:
    """Makes a module of one source file; an undefined symbol is an error."""
    flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-fvisibility=hidden", "-shared",
             "-Wl,--no-undefined", f"-I{include}"]
    files = [str(SOURCES / source), "-o", str(target), "-lm"]
    subprocess.run([*compiler, *flags, *options, *files], check=True)


def make_folders(compiler: list[str], include: Path, work: Path) -> list[Path]:
    """Two folders of plug-ins: sound ones, and ones that must be left out."""
    good, bad = work / "good", work / "bad"
    good.mkdir()
    bad.mkdir()
    compile_plugin(compiler, include, "toy.c", good / "toy.so")
    compile_plugin(compiler, include, "far.c", good / "far.so")
    for defect in DEFECTS:
        target = bad / f"{defect.lower()}.so"
        compile_plugin(compiler, include, "broken.c", target, f"-DDEFECT={defect}")
    shutil.copy(good / "toy.so", bad / "twin.so")
    (bad / "text.so").write_text("This is no module.\n")
    (bad / "empty.so").write_text("")
    (bad / "folder.so").mkdir()
    (bad / "dangling.so").symlink_to("nowhere.so")
    (bad / "readme.txt").write_text("This is not even called one, and not looked at.\n")
    return [good, bad]


def verify(tool: str, folder: Path, device: str, status: int, *sentences: str) -> None:
    """Runs `seqmix verify` on a plug-in's device; exits if it does not end and say as it must."""
    command = [tool, "verify", "--device", device, "--operator", "attention"]
    environment = dict(os.environ, SEQMIX_PLUGIN_PATH=str(folder))
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    missing = [sentence for sentence in sentences if sentence not in done.stdout]
    if done.returncode != status or missing:
        sys.exit(f"{' '.join(command)}: status {done.returncode}, must be {status}; "
                 f"lacks {missing}\n{done.stdout}{done.stderr}")


def verify_plugins(tool: str, compiler: list[str], include: Path, work: Path) -> None:
    """What the command makes of a sound device, of one slightly off and of one that only fails."""
    wrong = work / "wrong"
    wrong.mkdir()
    compile_plugin(compiler, include, "toy.c", wrong / "toy.so", "-DTOY_FACTOR=1.0001")
    verify(tool, work / "good", "toy", 0, "verified: no misses", "attention__f32_toy_loops")
    verify(tool, wrong, "toy", 1, "NOT verified", "MISS: --operator attention --case plain_f32 --seed 20240229",
           "plain_f32 [attention__f32_toy_loops]: out differs by 0.0001 in norm, allowed ")
    verify(tool, work / "good", "far", 1, "NOT verified", "far:0 does not answer")


def main() -> None:
    meson, build, work, program = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
    tool, compiler = sys.argv[5], sys.argv[6:]
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    include = install_headers(meson, build, work.resolve() / "stage")
    folders = make_folders(compiler, include, work.resolve())
    if tool:
        verify_plugins(tool, compiler, include, work.resolve())
    environment = dict(os.environ, SEQMIX_PLUGIN_PATH=":".join(map(str, folders)))
    sys.exit(subprocess.run([program], env=environment, check=False).returncode)


if __name__ == "__main__":
    main()
