# shellcheck shell=bash
# An S3 server for the lake's tests: moto's, which keeps everything in memory. A tool to test with.

s3_version=5.2.5
s3_home=$cache/moto-$s3_version

s3_ready() { [ -d "$s3_home/moto" ]; }

s3_want() { s3_ready || pip_want; }

s3_make() {
  s3_ready || wheels_fetch "moto $s3_version" "$s3_home" 400 \
    "the S3 server that the lake's tests talk to (115 MB)" "some 40 seconds" "moto-$s3_version.txt"
}
