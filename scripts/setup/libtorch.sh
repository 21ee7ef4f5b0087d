# shellcheck shell=bash
# libtorch, the CPU library of PyTorch, for the crate `tch`: taken from PyTorch's own wheel
# (docs/adr/0003-native-parts.md says why). Also writes .cargo/native.toml, which tells Cargo of it.

libtorch_version=2.11.0
libtorch_home=${LIBTORCH:-$cache/libtorch-$libtorch_version}

libtorch_complete() {
  [ -f "$1/lib/libtorch_cpu.so" ] && [ -f "$1/lib/libc10.so" ] && [ -f "$1/lib/libtorch.so" ] &&
    [ -f "$1/include/torch/csrc/api/include/torch/torch.h" ] &&
    { [ ! -f "$1/build-version" ] || [[ $(<"$1/build-version") == "$libtorch_version"* ]]; }
}

libtorch_want() {
  libtorch_complete "$libtorch_home" && return
  [ -z "${LIBTORCH:-}" ] || fail "LIBTORCH=$LIBTORCH is not a libtorch $libtorch_version (lib/libtorch_cpu.so, include/, build-version): correct it, or unset it to have one fetched"
  [ "$(uname -sm)" = "Linux x86_64" ] || fail "libtorch is fetched for Linux x86_64 only, this is $(uname -sm): set LIBTORCH to a libtorch $libtorch_version"
  pip_want
}

libtorch_make() {
  libtorch_complete "$libtorch_home" || libtorch_fetch
  libtorch_tell_cargo
}

libtorch_fetch() {
  lock_cache
  ! libtorch_complete "$libtorch_home" || return 0
  part "libtorch $libtorch_version -> $libtorch_home" \
    "runs and trains the models; taken from PyTorch's wheel (530 MB to fetch, 480 MB kept)" \
    "some 20 seconds on a fast line"
  new_scratch
  need_space 1700
  local quiet=()
  [ -t 1 ] || quiet=(--quiet)
  # Hashes are pinned; platform and Python are given, so that any Python's pip finds the same files.
  TMPDIR=$scratch python3 -m pip download "${quiet[@]}" --no-cache-dir --disable-pip-version-check \
    --no-deps --require-hashes --only-binary=:all: --implementation cp --python-version 3.11 \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 --platform manylinux_2_17_x86_64 \
    --platform manylinux2014_x86_64 \
    --dest "$scratch/wheels" --requirement "$root/scripts/setup/libtorch-$libtorch_version.txt" ||
    fail "pip could not download libtorch's wheels (see above): check the network, or set LIBTORCH to a libtorch $libtorch_version"
  python3 "$root/scripts/setup/libtorch_from_wheels.py" "$scratch/wheels" "$scratch/libtorch" "$libtorch_version"
  libtorch_complete "$scratch/libtorch" || fail "the wheels of torch $libtorch_version lack a file that libtorch needs"
  move_into_place "$scratch/libtorch" "$libtorch_home"
}

# The file changes only when its content does: a new rpath rebuilds the whole workspace.
libtorch_tell_cargo() {
  local file=$root/.cargo/native.toml text
  case $libtorch_home$cache in *[\"\\,]*) fail "the paths of libtorch and of the cache must not hold quotes, backslashes or commas: $libtorch_home, $cache" ;; esac
  text="# Written by scripts/setup.sh; this machine's own, never committed.
# One target folder for every clone of this machine, the recipes' and plain cargo's alike.
[build]
target-dir = \"$cache/target\"
[env]
LIBTORCH = \"$libtorch_home\"
[target.x86_64-unknown-linux-gnu]
rustflags = [\"-C\", \"link-arg=-Wl,-rpath,$libtorch_home/lib\"]"
  [ -f "$file" ] && [ "$(<"$file")" = "$text" ] && return
  mkdir -p "$root/.cargo"
  printf '%s\n' "$text" >"$file.new"
  mv "$file.new" "$file"
}
