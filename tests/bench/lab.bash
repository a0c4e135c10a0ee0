# shellcheck shell=bash
# lab.bash - what all benches share: a private mail server and PostgreSQL, a desk, one daemon, an end that leaves nothing.
# Sourced. The caller sets `top`.

readonly MAILLAB=$top/tests/support/maillab/maillab
readonly POSTGRES=$top/tests/support/postgres

work='' lab_up='' postgres_up='' daemon='' worker='' sink=''

say() { echo "${0##*/}: $*" >&2; }

fail() {
  say "FAILED: $*"
  [[ ! -s $work/daemon.log ]] || tail -n 15 "$work/daemon.log" >&2
  exit 1
}

# On every way out: nothing keeps running, nothing stays.
clean_up() {
  local rc=$?
  trap '' INT TERM HUP
  local pid
  for pid in $daemon $worker $sink; do kill -KILL "$pid" 2>/dev/null || true; done
  [[ -z $lab_up ]] || "$MAILLAB" down "$work/lab" >/dev/null 2>&1 || true
  [[ -z $postgres_up ]] || "$POSTGRES" down "$work/postgres" >/dev/null 2>&1 || true
  [[ -z $work ]] || rm -rf "$work"
  exit "$rc"
}

# Finds or builds the release programs, makes the lab and, if asked for, PostgreSQL: set_up BINARIES ENGINES ADDRESS ...
set_up() {
  local engines=$2 address; local -a accounts=()
  binaries=$1
  if [[ -z $binaries ]]; then
    say "building (release)"
    cargo build --quiet --release --locked --workspace --manifest-path "$top/Cargo.toml"
    binaries=$(cargo metadata --no-deps --format-version 1 --manifest-path "$top/Cargo.toml" |
      python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/release
  fi
  [[ -x $binaries/ninetosix-poller && -x $binaries/ninetosix-worker ]] ||
    { say "no ninetosix-poller and ninetosix-worker in $binaries"; exit 2; }
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  work=$(mktemp -d /var/tmp/ninetosix-bench.XXXXXX)
  chmod 711 "$work"
  for address in "${@:3}" catchall@school.test catchall@family.test; do
    accounts+=(--user "$address:$(openssl rand -hex 12)")
  done
  lab_up=yes
  "$MAILLAB" up "$work/lab" --catchall catchall@school.test "${accounts[@]}" >"$work/lab.log" 2>&1 ||
    fail "the mail server did not start: $(tail -n 2 "$work/lab.log")"
  # shellcheck source=/dev/null
  . "$work/lab/env"
  if [[ $engines == *postgres* ]]; then
    postgres_up=yes
    "$POSTGRES" up "$work/postgres" >"$work/postgres.log" 2>&1 || fail "PostgreSQL did not start"
    postgres_url=$("$POSTGRES" url "$work/postgres")
  fi
}

# Writes the configuration of a desk with an empty database: write_desk NAME ENGINE ADDRESS [MAILBOX LINE]
# Sets `desk` to its directory and `database` to what `sql` reads.
write_desk() {
  desk=$work/$1
  mkdir "$desk"
  (umask 077; sed -n "s/^$3://p" "$MAILLAB_ACCOUNTS" | tr -d '\n' >"$desk/mail.password")
  if [[ $2 == sqlite ]]; then
    database=sqlite:$desk/ninetosix.db
  else
    psql -qX "$postgres_url" -c "CREATE DATABASE $1"
    database=${postgres_url%/*}/$1
  fi
  cat >"$desk/ninetosix.toml" <<TOML
[desk]
name = "Bench"
[database]
url = "$database"
[[mailbox]]
address = "$3"
password_file = "mail.password"
imap = "imaps://localhost:$MAILLAB_IMAPS_PORT"
smtp = "smtps://localhost:$MAILLAB_SUBMISSIONS_PORT"
ca_file = "$MAILLAB_CA"
folders = ["INBOX"]
hello_name = "desk.school.test"
${4:-}
[identity]
require = "token"
[hours]
calendar = "none"
mon-sun = ["00:00-24:00"]
[[specialist]]
login = "ivan"
name = "Ivan"
address = "ivan@school.test"
TOML
  [[ $2 == sqlite ]] || "$binaries/ninetosix-worker" migrate --config "$desk/ninetosix.toml" >/dev/null
}

# Asks the desk's database one thing. An SQLite file that is not there yet has no answer.
sql() {
  if [[ $database == sqlite:* ]]; then
    sqlite3 -readonly -cmd '.timeout 5000' "${database#sqlite:}" "$1" 2>/dev/null || true
  else
    psql -qtAX "$database" -c "$1"
  fi
}

start_poller() {
  # As the units and the image set it.
  MALLOC_ARENA_MAX=1 NINETOSIX_LOG_FORMAT=json "$binaries/ninetosix-poller" run --config "$desk/ninetosix.toml" \
    </dev/null >"$work/daemon.log" 2>&1 &
  daemon=$!
}

stop_poller() {
  kill -TERM "$daemon"
  wait "$daemon" || fail "the poller ended with exit code $?"
  daemon=''
}

# Repeats a question until its answer is YES: await SECONDS YES SQL
await() {
  local end=$((SECONDS + $1))
  until [[ $(sql "$3") == "$2" ]]; do
    kill -0 "$daemon" 2>/dev/null || fail "the poller has ended by itself"
    ((SECONDS < end)) || fail "not within $1 s: $3 = $2"
    sleep 0.2
  done
}

# The first look at the mailbox: what is in it then is history, and no ticket.
first_look() { await 30 1 "SELECT count(*) FROM heartbeat WHERE name LIKE 'poll:%' AND good_at IS NOT NULL"; }

# What may move the numbers.
machine() {
  echo "$(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg) before, $(date -u '+%F %R') UTC," \
    "$(git -C "$top" log -1 --format=%h 2>/dev/null || echo '?')"
}
