#!/usr/bin/env bash
# idle.sh - what both daemons take while nothing happens: memory, processor, threads, descriptors.
set -euo pipefail
export LC_ALL=C.UTF-8 PATH="$PATH:${HOME:-/root}/.cargo/bin:/usr/sbin:/sbin"

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly top
# shellcheck source-path=SCRIPTDIR source=lab.bash
. "$top/tests/bench/lab.bash"

# What both may take together when idle.
readonly MOST_MIB=40 MOST_CPU=0.1

usage() {
  cat <<'USAGE'
usage: tests/bench/idle.sh [--seconds S] [--warm_up S] [--engine sqlite|postgres] [--watchdog no] [--binaries DIR]

Starts both daemons on an empty mailbox, lets them warm up (30 s) and measures them for S seconds (60) in which no
letter comes: the default configuration, open hours, news by IDLE, and a service manager that listens as systemd does
with WatchdogSec=120 (unless --watchdog no). Needs root, and what `tests/run.sh` needs.

RSS_MiB  VmRSS at the end. Pages that several processes have, of libc and ld.so, count in each.
PSS_MiB  the same with such pages shared out among those who have them; binary_MiB of it are pages of the program's own
         file, which the kernel may drop at any time
CPU_%    time on a processor, of all threads, in per cent of one
wake/s   times a second that a thread was put on a processor
USAGE
}

# All threads of a process: nanoseconds on a processor, and how often one was put there.
spent() { cat /proc/"$1"/task/*/schedstat | awk '{ ns += $1; times += $3 } END { print ns, times }'; }

# The memory of a process in MiB: RSS, PSS, PSS of the program's file.
memory() {
  awk '/^VmRSS/ { printf "%.2f ", $2 / 1024 }' "/proc/$1/status"
  awk -v file="$2" '/^[0-9a-f]+-[0-9a-f]+ / { own = $6 == file } /^Pss:/ { all += $2; if (own) of_file += $2 }
    END { printf "%.2f %.2f\n", all / 1024, of_file / 1024 }' "/proc/$1/smaps"
}

# A row of the table: measured PID NAME NS_BEFORE TIMES_BEFORE SECONDS. Adds it to `work/sum`.
measured() {
  local ns times rss pss file; local -a descriptors threads
  read -r ns times < <(spent "$1")
  read -r rss pss file < <(memory "$1" "$(readlink "/proc/$1/exe")")
  descriptors=(/proc/"$1"/fd/*) threads=(/proc/"$1"/task/*)
  awk -v name="$2" -v rss="$rss" -v pss="$pss" -v file="$file" -v ns="$((ns - $3))" -v times="$((times - $4))" -v s="$5" \
    -v threads="${#threads[@]}" -v descriptors="${#descriptors[@]}" 'BEGIN {
      print name, rss, pss, file, ns / s / 1e7, times / s, threads, descriptors }' >>"$work/rows"
}

# The service manager: it listens and says nothing.
start_manager() {
  python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1])
while True: s.recv(4096)' "$work/notify" &
  sink=$!
  until [[ -S $work/notify ]]; do sleep 0.1; done
  export NOTIFY_SOCKET=$work/notify WATCHDOG_USEC=120000000
}

main() {
  local seconds=60 warm_up=30 engine=sqlite watchdog=yes from='' load begun ended pid; local -a before_poller before_worker
  while (($#)); do
    case $1 in
      --seconds) seconds=$2 ;; --warm_up) warm_up=$2 ;; --engine) engine=$2 ;; --watchdog) watchdog=$2 ;; --binaries) from=$2 ;;
      -h | --help) usage; return ;;
      *) usage >&2; exit 2 ;;
    esac
    shift 2
  done
  load=$(machine)
  set_up "$from" "$engine" help@school.test
  write_desk idle "$engine" help@school.test
  "$binaries/ninetosix-worker" migrate --config "$desk/ninetosix.toml" >/dev/null
  [[ $watchdog == no ]] || start_manager
  start_poller
  MALLOC_ARENA_MAX=1 NINETOSIX_LOG_FORMAT=json "$binaries/ninetosix-worker" run --config "$desk/ninetosix.toml" \
    </dev/null >"$work/worker.log" 2>&1 &
  worker=$!
  first_look
  sleep "$warm_up"
  read -ra before_poller < <(spent "$daemon")
  read -ra before_worker < <(spent "$worker")
  begun=$(date +%s.%N)
  sleep "$seconds"
  for pid in $daemon $worker; do kill -0 "$pid" 2>/dev/null || fail "a daemon has ended by itself"; done
  ended=$(awk -v from="$begun" -v to="$(date +%s.%N)" 'BEGIN { print to - from }')
  measured "$daemon" poller "${before_poller[@]}" "$ended"
  measured "$worker" worker "${before_worker[@]}" "$ended"
  awk -v mib="$MOST_MIB" -v cpu="$MOST_CPU" '
    function row(name, rss, pss, file, cpu, wakes, threads, descriptors) {
      printf "%-8s %8.1f %8.1f %11.1f %7.3f %7.1f %8d %12d\n", name, rss, pss, file, cpu, wakes, threads, descriptors }
    BEGIN { printf "%-8s %8s %8s %11s %7s %7s %8s %12s\n", "", "RSS_MiB", "PSS_MiB", "binary_MiB", "CPU_%", "wake/s", "threads", "descriptors" }
    { row($1, $2, $3, $4, $5, $6, $7, $8); for (at = 2; at <= 8; at++) sum[at] += $at }
    END {
      row("both", sum[2], sum[3], sum[4], sum[5], sum[6], sum[7], sum[8])
      printf "\ntargets: RSS of both <= %d MiB: %s; CPU of both <= %.1f %%: %s\n", mib, sum[2] <= mib ? "reached" : "missed",
        cpu, sum[5] <= cpu ? "reached" : "missed" }' "$work/rows"
  echo "$engine, $seconds s after $warm_up; $load, $(cut -d' ' -f1-3 /proc/loadavg) after"
}

main "$@"
