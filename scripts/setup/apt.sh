# shellcheck shell=bash
# Debian packages: those that are missing are collected first, then installed in one go.

packages=()
reasons=()

# want PACKAGE REASON
want() {
  case " ${packages[*]} " in *" $1 "*) return ;; esac
  packages+=("$1")
  reasons+=("$2")
}

# The linker's own search says whether a library can be linked, wherever it was installed.
can_link() {
  have cc || return 1
  case $(cc -print-file-name="lib$1.so") in /*) return 0 ;; *) return 1 ;; esac
}

want_build_tools() {
  have c++ || want g++ "compiles FAISS, librdkafka and the glue to libtorch"
  have make || want make "builds librdkafka, and runs the recipes"
  have pkg-config || want pkg-config "finds system libraries"
  have gfortran || want gfortran "OpenBLAS' run time, which FAISS links"
  can_link openblas || want libopenblas-dev "matrix products of FAISS"
  if ! have cmake; then
    want cmake "builds FAISS"
  else
    local found
    found=$(cmake --version | awk 'NR == 1 { print $3 }')
    at_least 3.24 "$found" || fail "cmake $found is too old, FAISS needs 3.24 or later"
  fi
}

want_redis() {
  have redis-server || want redis-server "holds the online features (Fairlead starts its own, on its own port)"
}

apt_make() {
  [ ${#packages[@]} -gt 0 ] || return 0
  local i install=(apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 "${packages[@]}")
  # RUNLEVEL: servers are installed for their programs; none is started as a service.
  local as_root=(env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1)
  part "apt packages: ${packages[*]}" "tools and libraries that are not on this machine:" "10 to 60 seconds"
  for i in "${!packages[@]}"; do note "  ${packages[$i]}: ${reasons[$i]}"; done
  if ! have apt-get; then
    fail "no apt-get here: install the equivalents of: ${packages[*]}"
  elif [ "$(id -u)" -eq 0 ]; then
    :
  elif have sudo && sudo -n true 2>/dev/null; then
    as_root=(sudo -n "${as_root[@]}")
  else
    fail "may not install packages as $(id -un); run this, then setup again:
    sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packages[*]}"
  fi
  lock_cache
  "${as_root[@]}" apt-get update -qq </dev/null || note "apt-get update failed; trying with the lists that are here"
  "${as_root[@]}" "${install[@]}" -qq </dev/null >/dev/null || fail "apt-get could not install: ${packages[*]}"
  hash -r
}
