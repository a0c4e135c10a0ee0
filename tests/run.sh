#!/usr/bin/env bash
# run.sh - every check of the project in one go: format, lints, docs, shell, units, build, all tests on both databases.
set -euo pipefail
export PATH="$PATH:${HOME:-/root}/.cargo/bin:/usr/sbin:/sbin"

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly top
readonly SUPPORT=$top/tests/support

usage() {
  cat <<'USAGE'
usage: tests/run.sh [ARGUMENT ...]

Runs all checks, then all tests, on SQLite and on a private PostgreSQL, with a private mail server; it starts and
removes both.
ARGUMENTs go to `cargo test` (a test's name, -- --nocapture, ...). A check that fails does not stop the
others; the summary names it and the exit code is 1. Installs what is missing from Debian. The tests'
private mail server needs root.
USAGE
}

say() { echo "run: $*"; }

work=''
results=()
failed=''

# On every way out: the servers stop, nothing stays.
clean_up() {
  local rc=$? lab
  trap '' INT TERM HUP
  [[ -n $work ]] || exit "$rc"
  "$SUPPORT/postgres" down "$work/postgres" --purge >/dev/null 2>&1 || true
  for lab in "$work"/{lab,imap-lab}; do
    [[ ! -d $lab ]] || "$SUPPORT/maillab/maillab" down "$lab" --purge >/dev/null 2>&1 || true
  done
  rm -rf "$work"
  exit "$rc"
}

# Runs one step and remembers how it ended: step NAME COMMAND ... (set -e is off in a function called so)
step() {
  local name=$1 begin=$SECONDS rc=0; shift
  printf '\n== %s\n' "$name"
  "$@" || rc=$?
  if ((rc == 0)); then
    results+=("ok      $name ($((SECONDS - begin)) s)")
  else
    results+=("FAILED  $name (exit code $rc, $((SECONDS - begin)) s)")
    failed=yes
  fi
  return $rc
}

skip() { # NAME WHY
  results+=("skipped $1: $2")
}

# All shell scripts of the project, by syntax and by shellcheck.
check_shell() {
  local script rc=0; local -a scripts
  mapfile -t scripts < <(grep -rlIE '^#!.*\b(ba)?sh$' "$top"/{.ci,deploy,tests} | sort)
  for script in "${scripts[@]}"; do bash -n "$script" || rc=1; done
  if command -v shellcheck >/dev/null; then
    shellcheck -x --source-path=SCRIPTDIR "${scripts[@]}" || rc=1
  else
    say "shellcheck is not installed: only the syntax was checked"
  fi
  return $rc
}

# The hardening of both units, scored without installing them: 1.2 at most (M10 of the promises).
check_units() {
  local unit rc=0
  for unit in "$top"/deploy/systemd/*.service; do
    systemd-analyze security --offline=yes --threshold=12 --no-pager "$unit" | tail -n 1 || rc=1
  done
  return $rc
}

# Makes the private database and exports its URL.
start_postgres() {
  "$SUPPORT/postgres" up "$work/postgres" >/dev/null || return
  NINETOSIX_TEST_POSTGRES_URL=$("$SUPPORT/postgres" url "$work/postgres")
  export NINETOSIX_TEST_POSTGRES_URL
  say "NINETOSIX_TEST_POSTGRES_URL=$NINETOSIX_TEST_POSTGRES_URL"
}

# Starts the private mail server and exports its directory. Each test takes a number, and with it a support address,
# two specialists and two people who write in.
start_lab() {
  local number
  local -ir NUMBERS=600
  for ((number = 0; number < NUMBERS; number++)); do
    printf '%s%02d@%s:secret\n' help "$number" school.test ivan "$number" school.test anna "$number" school.test \
      rita "$number" family.test olga "$number" family.test
  done >"$work/users"
  echo catchall@school.test:secret >>"$work/users"
  "$SUPPORT/maillab/maillab" up "$work/lab" --users "$work/users" >"$work/lab.log" 2>&1 ||
    { cat "$work/lab.log"; return 1; }
  NINETOSIX_TEST_LAB=$work/lab
  export NINETOSIX_TEST_LAB
  say "NINETOSIX_TEST_LAB=$NINETOSIX_TEST_LAB"
}

# A mail server that the tests of the IMAP connection stop and freeze: nobody else's.
start_imap_lab() {
  "$SUPPORT/maillab/maillab" up "$work/imap-lab" >"$work/imap-lab.log" 2>&1 ||
    { cat "$work/imap-lab.log"; return 1; }
  NINETOSIX_TEST_IMAP_LAB=$work/imap-lab
  export NINETOSIX_TEST_IMAP_LAB
}

main() {
  case ${1:-} in -h | --help) usage; return ;; esac
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  cd "$top"

  step "what is missing" "$SUPPORT/install-debian.sh" tests || exit 1
  step "shell scripts" check_shell || true
  if command -v systemd-analyze >/dev/null; then
    step "hardening of the units" check_units || true
  else
    skip "hardening of the units" "no systemd-analyze here"
  fi
  step "cargo fmt" cargo fmt --check || true
  step "cargo clippy" cargo clippy --workspace --all-targets --all-features --locked -- -D warnings || true
  step "cargo doc" env RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked || true
  if step "cargo build" cargo build --workspace --all-features --all-targets --locked; then
    work=$(mktemp -d /var/tmp/ninetosix-tests.XXXXXX)
    chmod 711 "$work"
    if step "private PostgreSQL" start_postgres && step "private mail server" start_lab &&
      step "private mail server of the IMAP tests" start_imap_lab; then
      step "cargo test" cargo test --workspace --all-features --locked "$@" || true
    else
      skip "cargo test" "no database or no mail server"
    fi
  else
    skip "cargo test" "it does not build"
  fi

  printf '\n== summary\n'
  printf '%s\n' "${results[@]}"
  [[ -z $failed ]] || { say "something failed; see above"; exit 1; }
  say "all well"
}

main "$@"
