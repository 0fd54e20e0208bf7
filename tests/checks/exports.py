# SPDX-License-Identifier: Apache-2.0
"""The shared library exports exactly the functions its public headers declare, links nothing but
the C library and its companions, and is named after the API version; nothing the static library
defines can collide with a name of its user's."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
DECLARATION = re.compile(r"^SEQMIX_EXPORT\b[^;{]*?\b(\w+)\s*\(", re.MULTILINE)
ALLOWED_LIBRARIES = re.compile(r"(libc|libm|libpthread|libdl|ld-linux.*)\.so\.\d+")
SANITIZER_LIBRARIES = re.compile(r"(lib[atl]san|libubsan|libgcc_s|libstdc\+\+)\.so\.\d+")


def output(*command: str) -> list[str]:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def declared(headers: list[Path]) -> set[str]:
    texts = [COMMENT.sub("", path.read_text()) for path in headers]
    return {name for text in texts for name in DECLARATION.findall(text)}


def operators(arguments: argparse.Namespace) -> list[str]:
    table = arguments.headers[0].parent / "operators.def"
    found = re.findall(r"^SEQMIX_OPERATOR\((\w+),", table.read_text(), re.MULTILINE)
    return found if found else sys.exit(f"no operator in {table}")


def defined(*command: str) -> set[str]:
    rows = [line.split() for line in output(*command)]
    return {row[-1].split("@")[0] for row in rows if len(row) >= 2}


def dynamic(library: Path, tag: str) -> list[str]:
    lines = output("readelf", "--dynamic", "--wide", str(library))
    return [line.split("[")[1].rstrip("]") for line in lines if f"({tag})" in line]


def problems(arguments: argparse.Namespace) -> list[str]:
    wanted = declared(arguments.headers)
    exported = defined("nm", "-D", "--defined-only", str(arguments.shared))
    found = [] if len(wanted) > 10 else [f"only {len(wanted)} declarations found in the headers"]
    found += [f"{name} is declared but not exported" for name in sorted(wanted - exported)]
    found += [f"{name} is exported but not declared" for name in sorted(exported - wanted)]
    for name in dynamic(arguments.shared, "NEEDED"):
        sanitizer = arguments.sanitized and SANITIZER_LIBRARIES.fullmatch(name)
        if not sanitizer and not ALLOWED_LIBRARIES.fullmatch(name):
            found.append(f"the library needs {name}")
    if dynamic(arguments.shared, "SONAME") != [f"libseqmix.so.{arguments.api_version}"]:
        found.append(f"the soname is {dynamic(arguments.shared, 'SONAME')}")
    if arguments.static:
        names = defined("nm", "--extern-only", "--defined-only", str(arguments.static))
        if not wanted <= names:
            found.append(f"the static library lacks {sorted(wanted - names)}")
        own = ("seqmix_", "__odr_asan", *(f"{operator}_" for operator in operators(arguments)))
        strangers = sorted(name for name in names if not name.startswith(own))
        found += [f"{name} of the static library may collide" for name in strangers]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("headers", nargs="+", type=Path)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--static", type=Path)
    parser.add_argument("--api-version", required=True)
    parser.add_argument("--sanitized", action="store_true")
    found = problems(parser.parse_args())
    for problem in found:
        print(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
