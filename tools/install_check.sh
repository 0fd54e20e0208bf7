# SPDX-License-Identifier: Apache-2.0
# What a user of an installed tree does: install, find the library with pkg-config and with CMake,
# link it shared and static, run. Then moves the tree: the CMake package must still find it.
# shellcheck shell=bash
set -euo pipefail

folder=$PWD/build-install-check
prefix=$folder/prefix
rm -rf "$folder"
mkdir "$folder"

run() {
  local name=$1 output
  shift
  output=$("$@") || { echo "$output"; echo "$name: FAILED" >&2; return 1; }
  echo "$name: ok"
}

# run_examples NAME FOLDER [VARIABLE=VALUE]: all programs of examples/c, built there.
run_examples() {
  local name=$1 built=$2 program
  shift 2
  for program in attention gated_delta; do
    run "$name: $program" env "$@" "$built/$program"
  done
}

# needs PROGRAM: whether it wants libseqmix.so when it starts.
needs() { readelf -d "$1" | grep -q 'NEEDED.*libseqmix'; }
needs_not() {
  if needs "$1"; then
    echo "$1 was to be linked with libseqmix.a" >&2
    return 1
  fi
}

# with_make NAME EXAMPLE [VARIABLE=VALUE], with_cmake NAME EXAMPLE [OPTION]: built in $folder/NAME.
with_make() {
  local name=$1 example=$2
  shift 2
  cp -r "examples/$example" "$folder/$name"
  PKG_CONFIG_PATH=$prefix/lib/pkgconfig make -s -C "$folder/$name" CFLAGS="-O1 -Werror" "$@"
}

with_cmake() {
  local name=$1 example=$2
  shift 2
  cmake -S "examples/$example" -B "$folder/$name" -DCMAKE_PREFIX_PATH="$prefix" "$@" \
    >"$folder/cmake.log" || { cat "$folder/cmake.log"; return 1; }
  cmake --build "$folder/$name" >"$folder/cmake.log" || { cat "$folder/cmake.log"; return 1; }
}

# As the READMEs say it, with no option of ours.
meson setup "$folder/build" --prefix "$prefix" --libdir lib -Dtests=disabled >"$folder/setup.log" 2>&1 ||
  { cat "$folder/setup.log"; exit 1; }
ninja -C "$folder/build" --quiet
meson install -C "$folder/build" --no-rebuild --quiet

for file in include/seqmix/{attention,backend,context,linear_attention,seqmix,sharing,types,version}.h \
  include/seqmix/operators.def lib/libseqmix.{so,a} lib/pkgconfig/seqmix.pc bin/seqmix bin/seqmix-pack; do
  [ -e "$prefix/$file" ] || { echo "$file was not installed" >&2; exit 1; }
done
run "the command, without any path set" "$prefix/bin/seqmix" devices
run "the command lists kernels to compile ahead" "$prefix/bin/seqmix" pack --arch sm_80 --list
run "the command verifies" "$prefix/bin/seqmix" verify

with_make make-shared c
needs "$folder/make-shared/attention"
run_examples "make, shared" "$folder/make-shared" LD_LIBRARY_PATH="$prefix/lib"
with_make make-static c STATIC=1
needs_not "$folder/make-static/attention"
run_examples "make, static" "$folder/make-static"

with_cmake cmake-shared c
needs "$folder/cmake-shared/attention"
run_examples "CMake, shared" "$folder/cmake-shared"
with_cmake cmake-static c -DSTATIC=ON
needs_not "$folder/cmake-static/attention"
run_examples "CMake, static" "$folder/cmake-static"

with_make make-mamba mamba_block
run "make, shared: mamba_block" env LD_LIBRARY_PATH="$prefix/lib" "$folder/make-mamba/mamba_block"
with_cmake cmake-mamba mamba_block
run "CMake, shared: mamba_block" "$folder/cmake-mamba/mamba_block"

mv "$prefix" "$folder/moved"
prefix=$folder/moved
with_cmake cmake-moved c
run_examples "CMake, after moving the tree" "$folder/cmake-moved"
run "the command, after moving the tree" "$prefix/bin/seqmix" devices
run "packs, after moving the tree" "$prefix/bin/seqmix" pack --arch sm_80 --list

# A program that asks for a version this is not must not get it.
sed 's/find_package(seqmix 0.1 /find_package(seqmix 0.999 /' examples/c/CMakeLists.txt \
  >"$folder/make-shared/CMakeLists.txt"
if cmake -S "$folder/make-shared" -B "$folder/cmake-wrong" -DCMAKE_PREFIX_PATH="$prefix" \
  >/dev/null 2>&1; then
  echo "find_package(seqmix 0.999) must fail" >&2
  exit 1
fi
