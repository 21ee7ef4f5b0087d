# shellcheck shell=bash
# Messages of setup, and functions that keep incomplete folders out of the cache.

# part NAME WHY HOW_LONG: announces something that is about to be made.
part() { printf '==> %s\n    %s\n    takes %s\n' "$1" "$2" "$3"; }

note() { printf '    %s\n' "$1"; }

fail() {
  printf 'setup: %s\n' "$1" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# at_least WANTED FOUND: compares dotted versions.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

scratch_folders=()
drop_scratch() { [ ${#scratch_folders[@]} -eq 0 ] || rm -rf -- "${scratch_folders[@]}"; }
trap drop_scratch EXIT

# Sets `scratch` to a new folder on the cache's own file system, so that what is made in it can be
# renamed into place when complete; it is deleted however setup ends.
new_scratch() {
  mkdir -p "$cache" || fail "cannot create the cache folder $cache: set FAIRLEAD_CACHE to one that can be written"
  scratch=$(mktemp -d "$cache/.making.XXXXXX") || fail "cannot write to $cache: set FAIRLEAD_CACHE to a folder that can be written"
  scratch_folders+=("$scratch")
}

# need_space MEGABYTES: refuses before a long download rather than in the middle of it.
need_space() {
  local free
  free=$(($(df -Pk "$cache" | awk 'NR == 2 { print $4 }') / 1024))
  [ "$free" -ge "$1" ] || fail "$cache has $free MB free, $1 MB are needed: free some space, or set FAIRLEAD_CACHE to a folder elsewhere"
}

# move_into_place FROM TO: replaces TO completely, even an older, incomplete one.
move_into_place() {
  rm -rf -- "$2"
  mv -T -- "$1" "$2"
}

# One setup at a time per cache: a second one waits, then finds the work done.
lock_cache() {
  mkdir -p "$cache" || fail "cannot create the cache folder $cache: set FAIRLEAD_CACHE to one that can be written"
  exec 9>"$cache/.setup.lock"
  flock 9
}
