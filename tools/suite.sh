# SPDX-License-Identifier: Apache-2.0
# Sourced by ./dev: builds the library in one of several ways and runs its tests.
# shellcheck shell=bash

# configure FOLDER OPTIONS...: does nothing if that is how the folder is configured.
configure() {
  local folder=$1 wanted
  shift
  # With the tools that Meson looks for: one that was installed since must be found.
  wanted="$* CC=${CC:-} CXX=${CXX:-} doxygen=$(command -v doxygen)"
  if [ -e "$folder/build.ninja" ]; then
    [ "$(cat "$folder/dev-options" 2>/dev/null)" = "$wanted" ] && return 0
    meson setup --reconfigure "$folder" "$@" >"$folder/dev-log" 2>&1 || rm -rf "$folder"
  fi
  if [ ! -e "$folder/build.ninja" ]; then
    mkdir -p "$folder"
    meson setup "$folder" "$@" >"$folder/dev-log" 2>&1 || { cat "$folder/dev-log"; return 1; }
  fi
  echo "$wanted" >"$folder/dev-options"
}

compile() { ninja -C "$1" --quiet; }

# python_env FOLDER COMMAND...: with the package of this tree, the library and tool of that build, and
# without drivers of the machine, whose devices tests do not know, unless SEQMIX_DEVICE names one.
python_env() {
  local folder=$1 cuda=/nowhere opencl=/nowhere
  shift
  [[ ${SEQMIX_DEVICE:-} != cuda* ]] || cuda=${SEQMIX_CUDA:-}
  [[ ${SEQMIX_DEVICE:-} != opencl* ]] || opencl=
  env SEQMIX_CUDA="$cuda" SEQMIX_OPENCL="$opencl" PYTHONPATH="$PWD/python" \
    SEQMIX_LIBRARY="$PWD/$folder/src/libseqmix.so" \
    SEQMIX_TOOL="$PWD/$folder/tools/seqmix" "$@"
}

# stage NAME COMMAND...: runs it and says how long it took.
stage() {
  local name=$1 start=$SECONDS status=0
  shift
  "$@" || status=$?
  echo "== $name: $((SECONDS - start)) s$([ $status = 0 ] || echo ", FAILED")"
  return $status
}

folder_of() { [ "$1" = main ] && echo build || echo "build-$1"; }

configure_suite() {
  local folder
  folder=$(folder_of "$1")
  case $1 in
    main) configure "$folder" -Dwerror=true -Dtests=enabled ;;
    clang) CC=clang CXX=clang++ configure "$folder" -Dwerror=true -Dtests=enabled ;;
    # With more optimisation gcc takes minutes for a file of vector loops.
    asan) CC=gcc CXX=g++ configure "$folder" -Dwerror=true -Dtests=enabled \
      -Ddebug=true -Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false ;;
    # clang's run-time forgets the parent's threads in a forked child; gcc 12's takes theirs for new
    # ones that reuse an address.
    tsan) CC=clang CXX=clang++ configure "$folder" -Dwerror=true -Dtests=enabled \
      -Dbuildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false ;;
    *) echo "dev: there is no suite '$1'" >&2 && return 2 ;;
  esac
}

# What every sanitizer must do: stop at the first error, with a failing exit status.
sanitizer_env() {
  export ASAN_OPTIONS=halt_on_error=1:detect_leaks=1:detect_stack_use_after_return=1
  export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
  # Threads started after fork() in a child are something tests do on purpose.
  export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:die_after_fork=0
  export CK_TIMEOUT_MULTIPLIER=10
  # All of the named cases; of the random ones, which the other suites have in full, a share.
  export SEQMIX_TEST_CASES=25%
}

c_tests() {
  local suite=$1 folder=$2 runner=()
  local options=(-C "$folder" --no-rebuild --print-errorlogs --quiet)
  case $suite in
    asan | tsan) sanitizer_env && options+=(--timeout-multiplier 10) ;;
  esac
  # Where the kernel randomises more bits of an address than TSan's memory map can take.
  if [ "$suite" = tsan ] && setarch -R true 2>/dev/null; then runner=(setarch -R); fi
  "${runner[@]}" meson test "${options[@]}" </dev/null
}

python_tests() {
  local suite=$1 folder=$2
  local options=(tests/python -q -p no:cacheprovider --junitxml "$folder/junit.xml")
  if [ "$suite" = asan ]; then
    # Python itself is not built for ASan: its runtime comes in ahead of everything, with the
    # C++ library whose exceptions it wraps; what Python never frees is not ours.
    sanitizer_env
    ASAN_OPTIONS+=:detect_leaks=0
    python_env "$folder" LD_PRELOAD="$(gcc -print-file-name=libasan.so) \
      $(gcc -print-file-name=libstdc++.so)" python -m pytest "${options[@]}" </dev/null
  else
    python_env "$folder" python -m pytest "${options[@]}" </dev/null
  fi
}

has_opencl_device() { "$1/tools/seqmix" devices 2>/dev/null | grep '^[* ] opencl:0 ' >/dev/null; }

# The Python suite on another device, with what the C tests there have had compiled.
python_tests_on() {
  local device=$1 folder=$2 name=${1%:*}
  SEQMIX_DEVICE=$device python_env "$folder" python -m pytest tests/python -q -p no:cacheprovider \
    --junitxml "$folder/junit-$name.xml" </dev/null
}

opencl_python_tests() {
  local tests=$PWD/$1/tests/opencl
  SEQMIX_CACHE_DIR=$tests/kernels POCL_CACHE_DIR=$tests/kernels-of-pocl python_tests_on opencl:0 "$1"
}

cuda_python_tests() {
  local emulator=$PWD/$1/tests/cuda_emulator
  SEQMIX_CUDA=$emulator/cuda_emulator.so SEQMIX_NVRTC=$emulator/nvrtc_emulator.so \
    SEQMIX_CUBLAS=/nowhere SEQMIX_CACHE_DIR=$emulator/kernels python_tests_on cuda:0 "$1"
}

# run_python_on opencl|cuda FOLDER, and counts.
run_python_on() {
  local device=$1 folder=$2 status=0
  local reports=(--junit "$folder/junit-$device.xml")
  [ -z "${DEV_TOTALS:-}" ] || reports+=(--append "$DEV_TOTALS")
  rm -f "$folder/junit-$device.xml"
  (stage "main: Python tests on $device:0" "${device}_python_tests" "$folder") || status=1
  python tools/totals.py count "main, $device:0" "${reports[@]}" || status=1
  return $status
}

skip_python_on() {
  echo "SKIP Python tests on $1:0: $2"
  [ -z "${DEV_TOTALS:-}" ] || echo "0 0 1 main, $1:0" >>"$DEV_TOTALS"
}

# Builds, runs the C tests, and the Python tests where they can tell something new.
run_suite() {
  local suite=$1 folder status=0
  folder=$(folder_of "$suite")
  local reports=(--meson "$folder/meson-logs/testlog.json")
  [ -z "${DEV_TOTALS:-}" ] || reports+=(--append "$DEV_TOTALS")
  rm -f "$folder/meson-logs/testlog.json" "$folder/junit.xml"
  if ! stage "$suite: configure" configure_suite "$suite" ||
    ! stage "$suite: build" compile "$folder"; then
    # Nothing ran: the missing logs make that a failure in the totals.
    python tools/totals.py count "$suite" "${reports[@]}"
    return 1
  fi
  (stage "$suite: C tests" c_tests "$suite" "$folder") || status=1
  case $suite in
    main | asan)
      (stage "$suite: Python tests" python_tests "$suite" "$folder") || status=1
      reports+=(--junit "$folder/junit.xml")
      ;;
  esac
  python tools/totals.py count "$suite" "${reports[@]}" || status=1
  [ "$suite" = main ] || return $status
  if has_opencl_device "$folder"; then
    run_python_on opencl "$folder" || status=1
  else
    skip_python_on opencl "there is no such device"
  fi
  if [ -e "$folder/tests/cuda_emulator/cuda_emulator.so" ]; then
    run_python_on cuda "$folder" || status=1
  else
    skip_python_on cuda "no emulator was built: it wants gcc and g++ on x86-64"
  fi
  return $status
}
