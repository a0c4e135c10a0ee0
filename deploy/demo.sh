#!/usr/bin/env bash
# demo.sh - a support desk at work, on this machine alone: a private mail server, two desks with both daemons
# each, people who write and answer, and every mail as it arrived. Leaves nothing behind.
set -euo pipefail
export LC_ALL=C.UTF-8 PATH="$PATH:${HOME:-/root}/.cargo/bin:/usr/sbin:/sbin"
# All people of the demo live in Moscow, three hours ahead of UTC all year. No zone data is needed so.
export TZ=MSK-3 PYTHONDONTWRITEBYTECODE=1
umask 022

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly top
readonly MAILLAB=$top/tests/support/maillab/maillab
readonly DEMO=$top/deploy/demo
# shellcheck source=deploy/demo/desk.sh
. "$DEMO/desk.sh"
# The longest wait for any one mail. A desk looks every 5 s at the latest.
readonly LIMIT_S=60

usage() {
  cat <<'USAGE'
usage: deploy/demo.sh [--play DIR] [--keep]

Installs what is missing (Debian 12; Rust must be there), builds, and plays one conversation:
a parent and a teacher write, get their receipts, a specialist answers by plain reply, the parent
writes again; and a second desk, closed now, says when it opens. Then it prints all mail.

  --play DIR   skip installing and building: ninetosix-poller and ninetosix-worker are in DIR
  --keep       leave the demo's directory (mail, databases, logs) behind

The private mail server needs root; without it the demo asks sudo after the build.
USAGE
}

say() { echo "demo: $*"; }
step() { printf '\n== %s\n' "$*"; }

# --- stopping ----------------------------------------------------------------------------

work=''
keep=''
told=''
lab_up=''
# One "PID NAME" a daemon; NAME is the desk and the program, and the name of its log.
daemons=()

# Says what went wrong, with the ends of all logs, and ends the demo; the exit trap cleans up.
fail() {
  local log
  trap '' INT TERM HUP
  told=yes
  echo >&2
  echo "demo: FAILED: $*" >&2
  for log in "$work"/log/*.log; do
    [[ -s $log ]] || continue
    echo "--- last lines of ${log##*/}" >&2
    tail -n 15 "$log" >&2
  done
  exit 1
}

# Whether a daemon runs: the pid may belong to a stranger by now, but only ours is our child.
runs() { [[ $(ps -o ppid= -p "$1" | tr -d ' ') == "$$" ]]; }

# Ends the daemons by SIGTERM, and by SIGKILL what is left after 40 s; false if one did not end by itself with 0.
stop_daemons() {
  local entry pid name rc all_well=0 end=$((SECONDS + 40))
  for entry in "${daemons[@]}"; do
    pid=${entry%% *}
    if runs "$pid"; then kill -TERM "$pid" || true; fi
  done
  for entry in "${daemons[@]}"; do
    pid=${entry%% *} name=${entry#* } rc=0
    while runs "$pid" && ((SECONDS < end)); do sleep 0.1; done
    if runs "$pid"; then
      say "$name did not end within 40 s of SIGTERM: killed"
      kill -KILL "$pid" || true
    fi
    wait "$pid" || rc=$?
    ((rc == 0)) || { say "$name ended with exit code $rc"; all_well=1; }
  done
  daemons=()
  return $all_well
}

# On every way out: nothing keeps running, nothing stays.
clean_up() {
  local rc=$?
  trap '' INT TERM HUP
  if ((rc != 0)) && [[ -z $told ]]; then say "interrupted, or failed unexpectedly (exit code $rc): stopping everything" >&2; fi
  stop_daemons || true
  if [[ -n $lab_up ]]; then "$MAILLAB" down "$work/lab" >/dev/null 2>&1 || true; fi
  if [[ -n $work && -n $keep ]]; then
    say "kept: $work"
  elif [[ -n $work ]]; then
    rm -rf "$work"
  fi
  exit "$rc"
}

# --- the two desks -----------------------------------------------------------------------

# The daemons and their commands run as nobody, and see nothing of the caller's environment.
readonly AS_DESK=(setpriv --reuid=nobody --regid=nogroup --clear-groups --no-new-privs
  env -i PATH=/usr/bin:/bin LANG=C.UTF-8)

write_desk() { # DIRECTORY ADDRESS NAME HOURS
  local desk=$work/$1
  mkdir "$desk"
  desk_configuration "$2" "$3" "$desk/ninetosix.db" "$4" >"$desk/ninetosix.toml"
  desk_password "$work/lab" "$2" "$desk/mail.password"
  chmod 700 "$desk"
  chown -R nobody:nogroup "$desk"
}

# Runs one of the programs of a desk: desk DIRECTORY PROGRAM COMMAND ...
desk() {
  "${AS_DESK[@]}" "$work/bin/ninetosix-$2" "${@:3}" --config "$work/$1/ninetosix.toml"
}

start_daemon() { # DIRECTORY PROGRAM
  # No function call here: the pid must be the daemon's own.
  "${AS_DESK[@]}" "$work/bin/ninetosix-$2" run --config "$work/$1/ninetosix.toml" \
    </dev/null >>"$work/log/$1-$2.log" 2>&1 &
  daemons+=("$! $1-$2")
}

need_daemons() {
  local entry
  for entry in "${daemons[@]}"; do
    runs "${entry%% *}" || fail "${entry#* } has ended by itself"
  done
}

# --- waiting -----------------------------------------------------------------------------

# Repeats a command until it succeeds: await WHAT COMMAND ... ; exit code 3 means it never will.
await() {
  local what=$1 rc begin=$SECONDS; shift
  while :; do
    rc=0
    # A subshell, so that a trap that comes meanwhile speaks to the terminal and not into the log.
    ("$@") >"$work/log/waiting.log" 2>&1 || rc=$?
    case $rc in
      0) say "$what ($((SECONDS - begin)) s)"; return ;;
      3) fail "$what: $(<"$work/log/waiting.log")" ;;
    esac
    need_daemons
    ((SECONDS - begin < LIMIT_S)) || fail "not within $LIMIT_S s: $what"
    sleep 0.3
  done
}

people() { python3 "$DEMO/people.py" "$work" "$@"; }

# Sends a letter: writes NAME DESCRIPTION
writes() {
  people send "$1" || fail "could not send: $2"
  say "$2"
}

# --- the demo ----------------------------------------------------------------------------

install_and_build() {
  step "what is missing"
  "$top/tests/support/install-debian.sh" demo
  step "building"
  cargo build --release --locked --workspace --manifest-path "$top/Cargo.toml"
  binaries=$(cargo metadata --no-deps --format-version 1 --manifest-path "$top/Cargo.toml" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/release
}

# A fresh directory, the mail server, two desks.
set_up() {
  local day; local -a accounts=() address
  work=$(mktemp -d /var/tmp/ninetosix-demo.XXXXXX)
  chmod 711 "$work"
  mkdir "$work/log" "$work/bin"
  install -m 755 "$1/ninetosix-poller" "$1/ninetosix-worker" "$work/bin/"

  step "a private mail server in $work"
  for address in help@school.test night@school.test ivan@school.test anna@school.test \
    m.sokolova@school.test o.petrova@family.test catchall@school.test; do
    accounts+=(--user "$address:$(openssl rand -hex 12)")
  done
  lab_up=yes
  "$MAILLAB" up "$work/lab" --catchall catchall@school.test "${accounts[@]}" >"$work/log/maillab.log" 2>&1 ||
    fail "the mail server did not start"
  # shellcheck source=/dev/null
  . "$work/lab/env"
  say "IMAP on port $MAILLAB_IMAPS_PORT, SMTP on port $MAILLAB_SUBMISSIONS_PORT, on loopback only"

  step "two desks"
  write_desk help help@school.test "Служба поддержки АИС" 'mon-sun = ["00:00-24:00"]'
  # Open on tomorrow's weekday alone, hence closed now.
  day=$(LC_ALL=C date -d tomorrow +%a)
  write_desk night night@school.test "Ночная служба поддержки" "${day,,} = [\"09:00-18:00\"]"
  say "help@school.test: open day and night"
  say "night@school.test: open on $(LC_ALL=C date -d tomorrow '+%A, %-d %B'), 09:00-18:00 Moscow time; closed now"
  start_daemon help poller
  start_daemon help worker
  start_daemon night poller
  start_daemon night worker
  # Letters already in a mailbox at its first poll are history; the people must write after it.
  await "help@ has been polled" desk help poller health
  await "night@ has been polled" desk night poller health
}

# The conversation, each step after the mail it answers has arrived.
play() {
  step "a parent and a teacher write"
  writes olga-asks "Olga Petrova (parent) wrote to help@, with a photograph"
  await "Olga has her receipt" people find receipt-olga
  writes maria-asks "Maria Sokolova (teacher) wrote to help@, in KOI8-R"
  await "Maria has her receipt" people find receipt-maria
  writes olga-asks-late "Olga wrote to night@, which is closed"
  await "Olga has the receipt that says when night@ opens" people find receipt-late

  step "the specialists read"
  await "Ivan has Olga's letter" people find notice-ivan
  await "Anna has Olga's letter" people find notice-anna
  await "Ivan has Maria's letter" people find notice-maria-ivan
  await "Anna has Maria's letter" people find notice-maria-anna

  step "Ivan answers by plain reply, #закрыть below his text"
  writes ivan-answers "Ivan answered the notice about Olga's letter"
  await "Olga has Ivan's answer, and nothing internal with it" people find answer

  step "Olga writes again"
  writes olga-asks-again "Olga answered: спасибо, ещё вопрос"
  await "Ivan, who answered, has Olga's second letter" people find again-ivan
  await "Olga knows that her ticket is open again" people find reopened

  if people find late-ivan || people find late-anna; then
    fail "night@ is closed, yet a specialist has mail from it"
  fi
  say "nobody has been disturbed by night@, which is closed"
}

# Shows what an operator sees: operator DIRECTORY PROGRAM COMMAND ...
operator() {
  step "$1@: ninetosix-$2 ${*:3}"
  desk "$@" || fail "ninetosix-$2 ${*:3} of $1@ ended with exit code $?"
}

# Everything that can be seen afterwards.
show() {
  step "every mail, in order of arrival"
  python3 "$DEMO/show-mail.py" "$work/lab/mail"
  operator help worker tickets
  operator help worker tickets show 1
  operator help poller ledger
  operator night worker tickets
  operator night poller ledger
}

main() {
  local binaries=''
  while (($#)); do
    case $1 in
      --play) binaries=${2:?"--play needs a directory"}; shift 2 ;;
      --keep) keep=--keep; shift ;;
      -h | --help) usage; return ;;
      *) usage >&2; exit 2 ;;
    esac
  done
  [[ -n $binaries ]] || install_and_build
  binaries=$(realpath "$binaries")
  [[ -x $binaries/ninetosix-poller && -x $binaries/ninetosix-worker ]] ||
    { say "no ninetosix-poller and ninetosix-worker in $binaries" >&2; exit 1; }
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      { say "the private mail server needs root: run this as root, or install sudo" >&2; exit 1; }
    say "the private mail server needs root: asking sudo"
    exec sudo -- bash "$top/deploy/demo.sh" --play "$binaries" ${keep:+"$keep"}
  fi

  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  set_up "$binaries"
  play
  show
  step "stopping"
  stop_daemons || fail "a daemon did not stop as it should"
  say "all four daemons ended on SIGTERM; everything worked"
}

main "$@"
