#!/usr/bin/env bash
# waiting.sh - how fast the poller registers letters that wait: letters a second, CPU, memory, on both databases.
set -euo pipefail
export LC_ALL=C.UTF-8 PATH="$PATH:${HOME:-/root}/.cargo/bin:/usr/sbin:/sbin"

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly top
# shellcheck source-path=SCRIPTDIR source=lab.bash
. "$top/tests/bench/lab.bash"

usage() {
  cat <<'USAGE'
usage: tests/bench/waiting.sh [--letters N] [--huge N] [--seed S] [--runs R] [--engines 'sqlite postgres'] [--binaries DIR]

Puts N letters (1000; see genmail.py; some of 40 MB with --huge) into the mailbox of a private mail server while the
poller is away, starts it, and measures from its start to the last letter's decision. Needs root, and what `tests/run.sh` needs.
Columns: letters a second; CPU of the poller (user + system) for 1000 letters; its peak memory; busy CPU of the
whole machine meanwhile, neighbours and servers included; the fewest and most descriptors it had open after its first
five seconds; tickets, entries and duplicates in the ledger.
At most 60 receipts an hour leave: that cap is in the numbers.
USAGE
}

# CPU ticks of the poller, and those the whole machine was busy.
poller_ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$daemon/stat"; }
busy_ticks() { awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 }' /proc/stat; }

# Notes how many descriptors the poller has open, five times a second, until it is gone: watch_descriptors FILE
watch_descriptors() {
  local -a open
  sleep 5
  while open=(/proc/"$daemon"/fd/*) && [[ -e /proc/$daemon ]]; do
    echo ${#open[@]} >>"$1"
    sleep 0.2
  done
}

# One run: measure ENGINE NUMBER
measure() {
  local engine=$1 name=$1$2 address=$1$2@school.test begin busy ticks peak last outcomes descriptors
  write_desk "$name" "$engine" "$address"
  start_poller
  first_look
  stop_poller
  local new=$work/lab/mail/$address/new
  python3 "$top/tests/bench/genmail.py" --seed "$seed" --huge "$huge" --to "$address" \
    --owner "$(stat -c %u:%g "$work/lab/mail/$address")" "$letters" "$new" >"$work/corpus"
  sync
  busy=$(busy_ticks) begin=$(date +%s.%N)
  start_poller
  : >"$work/descriptors"
  watch_descriptors "$work/descriptors" &
  await 1800 "$letters" "SELECT count(*) FROM ledger WHERE outcome IS NOT NULL"
  ticks=$(poller_ticks) busy=$(($(busy_ticks) - busy))
  peak=$(awk '/^VmHWM/ { print int($2 / 1024) }' "/proc/$daemon/status")
  if [[ $engine == sqlite ]]; then
    last=$(sql "SELECT printf('%.3f', (julianday(max(decided_at)) - 2440587.5) * 86400) FROM ledger")
  else
    last=$(sql "SELECT extract(epoch FROM max(decided_at)) FROM ledger")
  fi
  descriptors=$(sort -n "$work/descriptors" | sed -n '1p;$p' | paste -sd-)
  outcomes=$(sql "SELECT outcome, count(*) FROM ledger GROUP BY 1 ORDER BY 1" | tr '\n' ' ')
  stop_poller
  awk -v engine="$engine" -v n="$letters" -v s="$(awk "BEGIN { printf \"%.3f\", $last - $begin }")" -v ticks="$ticks" -v busy="$busy" \
    -v hz="$(getconf CLK_TCK)" -v peak="$peak" -v outcomes="$outcomes" -v open="${descriptors:--}" 'BEGIN {
      printf "%-9s %9.1f %9.0f %11.2f %9d %10.1f %11s   %s\n", engine, s, n / s, ticks / hz * 1000 / n, peak, busy / hz, open, outcomes }'
}

main() {
  letters=1000 huge=0 seed=1
  local runs=1 engines='sqlite postgres' from='' engine run; local -a addresses=()
  while (($#)); do
    case $1 in
      --letters) letters=$2 ;; --huge) huge=$2 ;; --seed) seed=$2 ;; --runs) runs=$2 ;; --engines) engines=$2 ;; --binaries) from=$2 ;;
      -h | --help) usage; return ;;
      *) usage >&2; exit 2 ;;
    esac
    shift 2
  done
  for engine in $engines; do
    for ((run = 1; run <= runs; run++)); do addresses+=("$engine$run@school.test"); done
  done
  local load; load=$(machine)
  set_up "$from" "$engines" "${addresses[@]}"
  printf '%-9s %9s %9s %11s %9s %10s %11s   %s\n' database seconds letters/s CPUs/1000 peak_MiB busy_CPUs descriptors outcomes
  for ((run = 1; run <= runs; run++)); do
    for engine in $engines; do measure "$engine" "$run"; done
  done
  echo "$(<"$work/corpus"); $load, $(cut -d' ' -f1-3 /proc/loadavg) after"
}

main "$@"
