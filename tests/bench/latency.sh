#!/usr/bin/env bash
# latency.sh - how long a letter waits: delivery -> ticket committed -> receipt accepted, by IDLE and by quick polling.
set -euo pipefail
export LC_ALL=C.UTF-8 PATH="$PATH:${HOME:-/root}/.cargo/bin:/usr/sbin:/sbin"

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly top
# shellcheck source-path=SCRIPTDIR source=lab.bash
. "$top/tests/bench/lab.bash"

usage() {
  cat <<'USAGE'
usage: tests/bench/latency.sh [--letters N] [--engines 'sqlite postgres'] [--binaries DIR]

Delivers N letters (20) by LMTP, one after another, each from a sender of its own, with the machine idle; measures
when LMTP said yes, when the ticket was committed and when the submission server took the receipt (the last two by
the poller's own log). Median and 95th percentile in ms. Dovecot tells IDLE clients 500 ms late by itself. Needs
root, and what `tests/run.sh` needs. At most 60 receipts an hour leave: keep N below that.
USAGE
}

measure() { # ENGINE NAME [MAILBOX LINE]
  local engine=$1 name=$1_$2 address=$1-$2@school.test
  write_desk "$name" "$engine" "$address" "${3:-}"
  start_poller
  first_look
  # The heartbeat comes right before the wait; let that begin.
  sleep 1
  python3 "$top/tests/bench/latency.py" "$MAILLAB_LMTP_PORT" "$address" "$letters" "$work/daemon.log" \
    "$(printf '%-9s %-14s' "$engine" "$2")"
  stop_poller
}

main() {
  letters=20
  local engines='sqlite postgres' from='' engine; local -a addresses=()
  while (($#)); do
    case $1 in
      --letters) letters=$2 ;; --engines) engines=$2 ;; --binaries) from=$2 ;;
      -h | --help) usage; return ;;
      *) usage >&2; exit 2 ;;
    esac
    shift 2
  done
  for engine in $engines; do addresses+=("$engine-idle@school.test" "$engine-quick@school.test"); done
  local load; load=$(machine)
  set_up "$from" "$engines" "${addresses[@]}"
  printf '%-24s %19s %19s %19s\n' '' 'to ticket' 'ticket to receipt' 'in all'
  printf '%-9s %-14s %s\n' database noticed_by '    median      p95      median      p95      median      p95'
  for engine in $engines; do
    measure "$engine" idle
    measure "$engine" quick 'quick_poll_ms = 150'
  done
  echo "$letters letters a row, ms; $load, $(cut -d' ' -f1-3 /proc/loadavg) after"
}

main "$@"
