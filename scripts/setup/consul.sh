# shellcheck shell=bash
# Consul, built from its Go module: the registry of services that tests and `make cluster-demo` talk
# to. Its licence allows use, not offering it as a service: a tool to test with, never shipped.

consul_version=1.19.2
consul_home=$cache/consul-$consul_version

consul_ready() { have consul || [ -x "$consul_home/consul" ]; }

# Go's own place, where a shell has not been told of it.
PATH=$PATH:/usr/local/go/bin

# What Debian 12 brings is too old for both.
go_want() {
  { consul_ready && helm_ready; } || have go ||
    fail "go is not on PATH: install Go 1.23 or later (https://go.dev/dl), which builds Consul and Helm from their modules; or put consul and helm on PATH"
}

consul_make() {
  consul_ready || go_tool consul "$consul_version" "$consul_home" github.com/hashicorp/consul \
    "the registry of services that the tests of discovery talk to (185 MB)" "5 minutes on two cores"
}

# go_tool NAME VERSION HOME MODULE WHY HOW_LONG [PACKAGE]: builds one command of a Go module.
go_tool() {
  local name=$1 version=$2 home=$3 module=$4 package=${7:-$4}
  lock_cache
  [ ! -x "$home/$name" ] || return 0
  part "$name $version -> $home" "$5" "$6"
  new_scratch
  need_space 3000
  # A module of its own that names the tool: the module's own go.sum pins every part of it.
  if ! (
    mkdir -p "$scratch/wrapper" "$scratch/made"
    cd "$scratch/wrapper"
    export GOFLAGS=-modcacherw GOCACHE=$scratch/gocache GOMODCACHE=$scratch/modules
    go mod init "fairlead/$name" && go get -tool "$package@v$version" && go build -o "$scratch/made/$name" "$package"
  ) </dev/null >"$scratch/go.log" 2>&1; then
    tail -n 20 "$scratch/go.log" >&2
    fail "go could not build $module $version (see above): check the network, or put $name on PATH"
  fi
  move_into_place "$scratch/made" "$home"
}
