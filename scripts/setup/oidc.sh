# shellcheck shell=bash
# An OpenID provider for the tests of signing in: oidc-provider of npm. A tool to test with.

oidc_version=9.13.3
oidc_home=$cache/oidc-provider-$oidc_version

oidc_ready() { [ -d "$oidc_home/node_modules/oidc-provider" ]; }

oidc_want() {
  have node || want nodejs "runs the OpenID provider that the tests of signing in talk to"
  oidc_ready || have npm || want npm "fetches the OpenID provider that the tests of signing in talk to"
}

oidc_make() {
  ! oidc_ready || return 0
  have npm || fail "no npm here: it fetches the OpenID provider for the tests of signing in"
  lock_cache
  ! oidc_ready || return 0
  part "oidc-provider $oidc_version -> $oidc_home" "the OpenID provider that the tests of signing in talk to (4 MB)" "some 5 seconds"
  new_scratch
  mkdir "$scratch/oidc"
  cp "$root"/scripts/setup/oidc/package*.json "$scratch/oidc/"
  npm ci --silent --no-audit --no-fund --ignore-scripts --cache "$scratch/npm-cache" --prefix "$scratch/oidc" </dev/null ||
    fail "npm could not install oidc-provider (see above)"
  move_into_place "$scratch/oidc" "$oidc_home"
}
