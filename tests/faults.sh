#!/usr/bin/env bash
# faults.sh - the long fault tests: every system call of the poller, hundreds of random kills, everything about trouble.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'USAGE'
usage: tests/faults.sh [SEED]

Runs what tests/run.sh runs quickly at full length, on both databases: the poller killed at each of its system calls
that change anything, and 300 kills of both daemons at random times. The seed of the random ones is printed;
SEED plays the same again. Takes about ten minutes once everything is built.
USAGE
}

case ${1:-} in -h | --help) usage; exit ;; esac
export NINETOSIX_TEST_STRIDE=1 NINETOSIX_TEST_KILLS=300 NINETOSIX_TEST_SEED=${1:-$(date +%s)}
echo "faults: seed $NINETOSIX_TEST_SEED"
exec "$top/tests/run.sh" --test kill_sweep --test random_kills --test crash --test trouble -- --nocapture
