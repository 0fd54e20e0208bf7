# SPDX-License-Identifier: Apache-2.0
"""Where the package finds its library, and what it says if it does not."""

import ctypes.util
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import seqmix
from seqmix import _library

PACKAGE = pathlib.Path(seqmix.__file__).parent


def import_seqmix(path, **environment):
    """Imports the package from a folder in a new interpreter; returns what it writes."""
    kept = {name: value for name, value in os.environ.items() if name != "SEQMIX_LIBRARY"}
    code = "import seqmix; print(seqmix.__file__, seqmix.version(), len(seqmix.devices()))"
    return subprocess.run(
        [sys.executable, "-c", code],
        env=dict(kept, PYTHONPATH=str(path), **environment),
        capture_output=True,
        text=True,
    )


@pytest.fixture
def package(tmp_path):
    """A copy of the package without a library inside."""
    for source in PACKAGE.glob("*.py"):
        (tmp_path / "seqmix").mkdir(exist_ok=True)
        shutil.copy(source, tmp_path / "seqmix")
    return tmp_path


LOADED = pathlib.Path(_library.library._name)


def test_inside_the_package(package):
    shutil.copy(LOADED, package / "seqmix" / LOADED.name)
    done = import_seqmix(package)
    assert done.returncode == 0, done.stderr
    assert str(package) in done.stdout and seqmix.version() in done.stdout


def test_named_by_the_environment(package):
    done = import_seqmix(package, SEQMIX_LIBRARY=str(LOADED))
    assert done.returncode == 0, done.stderr


def test_a_named_file_that_is_missing_is_an_error_even_if_another_exists(package):
    shutil.copy(LOADED, package / "seqmix" / LOADED.name)
    done = import_seqmix(package, SEQMIX_LIBRARY="/nowhere/libseqmix.so")
    assert done.returncode != 0
    assert "ImportError: seqmix: cannot use the library /nowhere/libseqmix.so" in done.stderr


def test_nowhere(package):
    # An empty PATH and no linker cache entry: find_library() has nowhere to look.
    done = import_seqmix(package, PATH="")
    assert done.returncode != 0
    assert "ImportError: seqmix: its library is neither in" in done.stderr
    assert "SEQMIX_LIBRARY" in done.stderr


def test_a_library_that_is_another(package):
    other = ctypes.util.find_library("c")
    done = import_seqmix(package, SEQMIX_LIBRARY=other)
    assert done.returncode != 0
    assert f"ImportError: seqmix: cannot use the library {other}" in done.stderr


def test_a_library_of_another_api_version(package):
    abi = package / "seqmix" / "_abi.py"
    abi.write_text(abi.read_text().replace("API_VERSION = 0", "API_VERSION = 99"))
    done = import_seqmix(package, SEQMIX_LIBRARY=str(LOADED))
    assert done.returncode != 0
    assert "ImportError: seqmix: the library" in done.stderr
    assert "has API version 0, but this package needs 99" in done.stderr
