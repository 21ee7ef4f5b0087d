# shellcheck shell=bash
# PostgreSQL: the control database of the cluster form. Tests start servers of their own, on their
# own ports; the system's service is neither needed nor started.

postgres_ready() {
  have initdb && have postgres && have createdb && return
  local program
  # Debian keeps the server's programs off the PATH; crates/testkit looks in the same places.
  for program in /usr/lib/postgresql/*/bin/initdb; do
    [ ! -x "$program" ] || return 0
  done
  return 1
}

postgres_want() {
  postgres_ready || want postgresql "holds drafts and releases in tests of the cluster form"
}
