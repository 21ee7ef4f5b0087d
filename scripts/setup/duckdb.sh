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
    "reads the lake's files beside our own reader (60 MB)" "some 10 seconds" "duckdb-$duckdb_version.txt"
}
