# shellcheck shell=bash
# Rust is the one thing that setup does not fetch: which toolchain a machine has is its owner's choice.

rust_check() {
  local wanted found
  [ -d "$HOME/.cargo/bin" ] && PATH=$PATH:$HOME/.cargo/bin
  wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$root/Cargo.toml")
  have cargo || fail "cargo is not on PATH: install Rust $wanted or later (https://rustup.rs)"
  found=$(rustc --version | awk '{ print $2 }')
  { cargo clippy --version && rustfmt --version; } >/dev/null 2>&1 ||
    note "clippy or rustfmt is missing, 'make lint' needs them: rustup component add clippy rustfmt"
  at_least "$wanted" "$found" || fail "Rust $found is too old, $wanted or later is needed: run 'rustup update stable'"
}
