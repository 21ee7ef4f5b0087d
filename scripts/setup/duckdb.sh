# shellcheck shell=bash
# DuckDB, as a wheel from PyPI: a reader of the lake's files that is not ours.

duckdb_version=1.4.5
duckdb_home=$cache/duckdb-$duckdb_version

duckdb_ready() { [ -d "$duckdb_home/duckdb" ]; }

duckdb_want() {
  have python3 || want python3 "runs DuckDB and the S3 server of the lake's tests"
  duckdb_ready || pip_want
}

duckdb_make() {
  duckdb_ready || wheels_fetch "DuckDB $duckdb_version" "$duckdb_home" 200 \
    "reads the lake's files beside our own reader (60 MB)" "some 10 seconds" "duckdb==$duckdb_version"
}

# wheels_fetch NAME HOME MEGABYTES WHY HOW_LONG ARGUMENT...: a folder of wheels for PYTHONPATH.
wheels_fetch() {
  local name=$1 home=$2 room=$3 why=$4 how_long=$5
  shift 5
  lock_cache
  [ ! -d "$home" ] || return 0
  part "$name -> $home" "$why" "$how_long"
  new_scratch
  need_room "$room"
  # --target needs no virtual environment, and Debian's guard of the system's Python allows it.
  python3 -m pip install --quiet --no-cache-dir --disable-pip-version-check --root-user-action ignore \
    --no-deps --only-binary=:all: --target "$scratch/wheels" "$@" </dev/null 2>"$scratch/pip.log" || {
    cat "$scratch/pip.log" >&2
    fail "pip could not install $name (see above)"
  }
  move_into_place "$scratch/wheels" "$home"
}
