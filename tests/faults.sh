#!/usr/bin/env bash
# faults.sh - the long fault tests: every system call of the poller, every byte of its connection, random kills, all trouble.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'USAGE'
usage: tests/faults.sh [SEED]

All checks of tests/run.sh, then these tests at full length, on both databases:

  kill_sweep    either daemon killed at each of its system calls that change anything
  random_kills  300 kills of both daemons at random times
  crash         both daemons killed at each of their fail points, as in tests/run.sh
  trouble       the connection to the mailbox cut at every byte, about 5,000 times; servers that are silent for a
                minute; a database that fails in three ways at each point of two replicas; 10,000 letters after ten
                days of outage; all else as in tests/run.sh
  outbox        the worker's connection to the submission server cut at every byte, about 10,000 times
  endurance     10,000 polls, 2,050 reconnects and 500 tickets in one process, whose memory, descriptors, threads and
                tasks do not grow
  fake_clock    the released worker under libfaketime, from a Friday evening to a Monday morning; its clock is set
  canaries      50,000 random replies of specialists, none of which may show a writer what is internal

The seed of the random kills and replies is printed; SEED plays the same again. Takes an hour and a quarter on two
cores once everything is built; outbox and endurance a quarter of an hour each.
USAGE
}

case ${1:-} in -h | --help) usage; exit ;; esac
export NINETOSIX_TEST_STRIDE=1 NINETOSIX_TEST_KILLS=300 NINETOSIX_TEST_SEED=${1:-$(date +%s)}
echo "faults: seed $NINETOSIX_TEST_SEED"
"$top/tests/support/install-debian.sh" faults
NINETOSIX_TEST_FAKETIME=$(dpkg -L libfaketime | grep '/libfaketimeMT\.so\.1$')
export NINETOSIX_TEST_FAKETIME
(cd "$top" && cargo build --release --locked -p ninetosix-worker)
(cd "$top" && NINETOSIX_TEST_CONVERSATIONS=50000 cargo test -p ninetosix-core --lib --locked canary)
exec "$top/tests/run.sh" --test kill_sweep --test random_kills --test crash --test trouble --test outbox --test endurance --test fake_clock -- --nocapture
