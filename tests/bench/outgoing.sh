#!/usr/bin/env bash
# outgoing.sh - how fast letters leave: letters a second beside smtp-source, how long one waits, and what waiting costs.
set -euo pipefail
export LC_ALL=C.UTF-8 PATH="$PATH:${HOME:-/root}/.cargo/bin:/usr/sbin:/sbin"

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly top
# shellcheck source-path=SCRIPTDIR source=lab.bash
. "$top/tests/bench/lab.bash"
# shellcheck source-path=SCRIPTDIR source=fill.bash
. "$top/tests/bench/fill.bash"

# Mailboxes of the second row: each has a connection of its own, as each lane of a mailbox has one.
readonly MAILBOXES=4
# Bytes of the bodies that smtp-source sends: about as many as a notice has.
readonly BODY=3000

usage() {
  cat <<'USAGE'
usage: tests/bench/outgoing.sh [--letters N] [--runs R] [--waits W] [--idle SECONDS] [--engines 'sqlite postgres']
                               [--binaries DIR]

N notices (2000) wait in the outbox; the worker composes them and gives them to a submission server that takes everything
(smtp-sink), over one connection and over four (one a mailbox). In the same run smtp-source sends as many mails of about
that size to the same server over as many connections. R times in turn (3); shown are medians, and for ratios the median
of the runs' ratios. Then W letters (20) come one by one while both daemons run: how long after its registration was
committed is a notice claimed by the worker, and taken by the server. Then both are left alone for a while (60 s).
Needs root, and what `tests/run.sh` needs.

letters/s    from the first letter that was taken to the last
CPUs/1000    CPU seconds, user + system, of the worker for 1000 letters, its start included
ratio        of letters/s to those of smtp-source over as many connections, each kept open for all its mails
USAGE
}

# --- results -----------------------------------------------------------------------------

# note ROW COLUMN VALUE
note() { echo "$run $1 $2 $3" >>"$work/results"; }

middle() { sort -g | awk '{ v[NR] = $1 } END { print NR ? (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 : "-" }'; }

# median ROW COLUMN
median() { awk -v row="$1" -v column="$2" '$2 == row && $3 == column { print $4 }' "$work/results" | middle; }

# --- the server ----------------------------------------------------------------------------

# Without AUTH, which smtp-sink offers and does not speak.
start_sink() {
  sink_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  smtp-sink -a -u postfix "127.0.0.1:$sink_port" 1000 </dev/null >"$work/sink.log" 2>&1 &
  sink=$!
  disown "$sink"
  local end=$((SECONDS + 10))
  until (: <"/dev/tcp/127.0.0.1/$sink_port") 2>/dev/null; do
    ((SECONDS < end)) || fail "smtp-sink does not listen"
    sleep 0.1
  done
}

# measure_source CONNECTIONS
measure_source() {
  local begin end
  begin=$(date +%s.%N)
  smtp-source -d -s "$1" -m "$letters" -l "$BODY" -f help@school.test -t ivan@school.test "127.0.0.1:$sink_port" ||
    fail "smtp-source did not end well"
  end=$(date +%s.%N)
  note "source$1" rate "$(awk -v n="$letters" -v b="$begin" -v e="$end" 'BEGIN { print n / (e - b) }')"
}

# --- ninetosix -----------------------------------------------------------------------------

# write_outgoing NAME ENGINE ADDRESS ...: a desk that sends to the sink, for all these mailboxes
write_outgoing() {
  local address
  write_desk "$1" "$2" "$3"
  for address in "${@:4}"; do
    cat >>"$desk/ninetosix.toml" <<TOML
[[mailbox]]
address = "$address"
password_file = "mail.password"
imap = "imaps://localhost:$MAILLAB_IMAPS_PORT"
smtp = "smtps://localhost:$MAILLAB_SUBMISSIONS_PORT"
ca_file = "$MAILLAB_CA"
TOML
  done
  cat >>"$desk/ninetosix.toml" <<TOML
[limits]
sends_per_day = 100000
TOML
  sed -i "s|^smtp = .*|smtp = \"smtp://127.0.0.1:$sink_port\"|" "$desk/ninetosix.toml"
}

start_worker() {
  MALLOC_ARENA_MAX=1 NINETOSIX_LOG_FORMAT=json "$binaries/ninetosix-worker" run --config "$desk/ninetosix.toml" \
    </dev/null >"$work/worker.log" 2>&1 &
  worker=$!
}

stop_worker() {
  kill -TERM "$worker"
  wait "$worker" || fail "the worker ended with exit code $?"
  worker=''
}

# CPU seconds of a process so far.
cpu_s() { awk -v hz="$hz" '{ sub(/.*\) /, ""); print ($12 + $13) / hz }' "/proc/$1/stat"; }

# measure ENGINE CONNECTIONS: as many mailboxes as connections
measure() {
  local engine=$1 connections=$2 row=$1$2 number seconds cpu end
  local name=${row}_$run; local -a addresses=()
  for ((number = 0; number < connections; number++)); do addresses+=("outgoing$number@school.test"); done
  write_outgoing "$name" "$engine" "${addresses[@]}"
  "$binaries/ninetosix-worker" migrate --config "$desk/ninetosix.toml" >/dev/null
  fill "$engine" "$letters" "${addresses[0]}" 1
  # Its files are in no letter.
  change 'DELETE FROM attachment'
  # The notices of the past are due again, one mailbox after the other.
  change "UPDATE letter SET state = 'due', sent_at = NULL, attempts = 0, mailbox = 'outgoing' || (id / 2 % $connections) || '@school.test' WHERE kind = 'notice'"
  sync
  start_worker
  end=$((SECONDS + 300))
  until [[ $(sql "SELECT count(*) FROM letter WHERE kind = 'notice' AND state = 'sent'") == "$letters" ]]; do
    kill -0 "$worker" 2>/dev/null || fail "the worker has ended by itself"
    ((SECONDS < end)) || fail "not all letters have left within 300 s"
    sleep 0.2
  done
  cpu=$(cpu_s "$worker")
  stop_worker
  if [[ $engine == sqlite ]]; then
    seconds=$(sql "SELECT (julianday(max(sent_at)) - julianday(min(sent_at))) * 86400 FROM letter WHERE kind = 'notice'")
  else
    seconds=$(sql "SELECT extract(epoch FROM max(sent_at) - min(sent_at)) FROM letter WHERE kind = 'notice'")
  fi
  note "$row" rate "$(awk -v n="$letters" -v s="$seconds" 'BEGIN { print n / s }')"
  note "$row" cpu "$(awk -v n="$letters" -v s="$cpu" 'BEGIN { print s * 1000 / n }')"
  say "run $run: $engine over $connections: $(awk '$2 == "'"$row"'" && $3 == "rate" { r = $4 } END { printf "%.0f", r }' "$work/results") letters/s"
}

# Changes the desk's database.
change() {
  if [[ $database == sqlite:* ]]; then
    sqlite3 -cmd '.timeout 5000' "${database#sqlite:}" "$1"
  else
    psql -qX "$database" -c "$1"
  fi
}

# wait_and_idle ENGINE
wait_and_idle() {
  local engine=$1 address=$1-waits@school.test poller_s worker_s
  write_outgoing "$1_waits" "$engine" "$address"
  start_poller
  start_worker
  first_look
  sleep 1
  python3 "$top/tests/bench/outgoing.py" "$MAILLAB_LMTP_PORT" "$address" "$waits" "$work/daemon.log" "$work/worker.log" \
    "$database" "$engine"
  poller_s=$(cpu_s "$daemon") worker_s=$(cpu_s "$worker")
  sleep "$idle_s"
  awk -v engine="$engine" -v s="$idle_s" -v p="$(cpu_s "$daemon")" -v p0="$poller_s" -v w="$(cpu_s "$worker")" -v w0="$worker_s" \
    'BEGIN { printf "%-10s idle for %d s: the poller %.2f %% of a CPU, the worker %.2f %%\n", engine, s, (p - p0) * 100 / s, (w - w0) * 100 / s }'
  stop_worker
  stop_poller
}

main() {
  letters=2000 waits=20 idle_s=60 sink=''
  local runs=3 engines='sqlite postgres' from='' engine connections number; local -a addresses=()
  while (($#)); do
    case $1 in
      --letters) letters=$2 ;; --runs) runs=$2 ;; --waits) waits=$2 ;; --idle) idle_s=$2 ;;
      --engines) engines=$2 ;; --binaries) from=$2 ;;
      -h | --help) usage; return ;;
      *) usage >&2; exit 2 ;;
    esac
    shift 2
  done
  hz=$(getconf CLK_TCK)
  for ((number = 0; number < MAILBOXES; number++)); do addresses+=("outgoing$number@school.test"); done
  for engine in $engines; do addresses+=("$engine-waits@school.test"); done
  local load; load=$(machine)
  set_up "$from" "$engines" "${addresses[@]}"
  start_sink
  for ((run = 1; run <= runs; run++)); do
    for connections in 1 "$MAILBOXES"; do
      measure_source "$connections"
      for engine in $engines; do measure "$engine" "$connections"; done
    done
  done
  printf '%-10s %11s %10s %10s %7s\n' database connections letters/s CPUs/1000 ratio
  for connections in 1 "$MAILBOXES"; do
    printf '%-10s %11s %10.0f %10s %7s\n' smtp-source "$connections" "$(median "source$connections" rate)" - 1
    for engine in $engines; do
      printf '%-10s %11s %10.0f %10.2f %7.3f\n' "$engine" "$connections" "$(median "$engine$connections" rate)" \
        "$(median "$engine$connections" cpu)" \
        "$(awk -v a="$engine$connections" -v b="source$connections" '$3 == "rate" { v[$1, $2] = $4; last = $1 }
          END { for (run = 1; run <= last; run++) if (v[run, b] > 0) print v[run, a] / v[run, b] }' "$work/results" | middle)"
    done
  done
  printf '\n%-10s %19s %19s\n' '' 'committed to claimed' 'committed to taken'
  printf '%-10s %s\n' database '    median      p95      median      p95  (ms)'
  for engine in $engines; do wait_and_idle "$engine"; done
  echo "$letters letters, medians of $runs; $load, $(cut -d' ' -f1-3 /proc/loadavg) after"
}

main "$@"
