# shellcheck shell=bash
# How the checks of chart and deployment report: every step runs, any failure fails the run.

wrong=0
# step WHAT COMMAND...
step() {
  local what=$1
  shift
  if "$@"; then printf '    ok: %s\n' "$what"; else printf '    WRONG: %s\n' "$what" >&2; wrong=1; fi
}
# skip WHAT: says that a check did not run; in the gate that is a failure.
skip() {
  printf '    skipped: %s\n' "$1"
  [ -z "${FAIRLEAD_GATE:-}" ] || wrong=1
}
# quietly COMMAND...: what it prints is shown only where it fails.
quietly() {
  local said
  said=$("$@" 2>&1) || { printf '%s\n' "$said" >&2; return 1; }
}
steps_passed() { [ "$wrong" -eq 0 ]; }
