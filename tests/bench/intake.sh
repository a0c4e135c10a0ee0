#!/usr/bin/env bash
# intake.sh - how fast waiting letters are registered: beside mbsync, the bare commit rate, and a database long in use.
set -euo pipefail
export LC_ALL=C.UTF-8 PATH="$PATH:${HOME:-/root}/.cargo/bin:/usr/sbin:/sbin"

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly top
# shellcheck source-path=SCRIPTDIR source=lab.bash
. "$top/tests/bench/lab.bash"
# shellcheck source-path=SCRIPTDIR source=fill.bash
. "$top/tests/bench/fill.bash"

# Seconds a commit rate is measured for.
readonly COMMIT_S=3

usage() {
  cat <<'USAGE'
usage: tests/bench/intake.sh [--letters N] [--huge N] [--seed S] [--runs R] [--flat TICKETS]
                             [--parts 'commits mbsync sqlite postgres'] [--binaries DIR]

Puts N letters (10000; see genmail.py; some of 40 MB with --huge) into a mailbox of a private mail server and has them
fetched: by ninetosix on SQLite and on PostgreSQL, whose poller was away meanwhile, and by mbsync, which only copies
them into files, each written through to the disk. Beside that, how fast the databases commit on this disk. All in
turn, R times (3); shown are medians, and for ratios the median of the runs' ratios. --flat TICKETS also measures
databases that hold so many tickets already. Needs root, and what `tests/run.sh` needs; installs isync and sqlite3
from Debian if they are missing. 10000 letters take 1 GB of disk, and each database as much; a million tickets 3 GB.

letters/s    from the start of the program to the last letter's decision (mbsync: to its end)
CPUs/1000    CPU seconds, user + system, of the poller or mbsync alone for 1000 letters
peak_MiB     its peak memory
descriptors  the fewest and the most it had open after its first five seconds
seconds      how long it took
busy_CPUs    CPU seconds of the whole machine meanwhile, servers and neighbours included
receipts     receipts sent meanwhile: the poller's work too, and no more than 60 an hour to writers who are new
start_CPUs   CPU seconds of the poller from its start to the end of its first look at the empty mailbox; about as many
             are in CPUs/1000
start_MiB    its peak memory until then
USAGE
}

# --- results -----------------------------------------------------------------------------

# note ROW COLUMN VALUE
note() { echo "$run $1 $2 $3" >>"$work/results"; }

# The middle one of the numbers on standard input.
middle() { sort -g | awk '{ v[NR] = $1 } END { print NR ? (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 : "-" }'; }

# median ROW COLUMN
median() { awk -v row="$1" -v column="$2" '$2 == row && $3 == column { print $4 }' "$work/results" | middle; }

# The median of the runs' ratios: ratio ROW ROW COLUMN
ratio() {
  awk -v a="$1" -v b="$2" -v column="$3" '$3 == column { v[$1, $2] = $4; last = $1 }
    END { for (run = 1; run <= last; run++) if ((run, a) in v && v[run, b] > 0) print v[run, a] / v[run, b] }' "$work/results" | middle
}

# shown DIGITS VALUE
shown() { if [[ $2 == - ]]; then echo -; else printf '%.*f' "$1" "$2"; fi; }

# --- mailboxes ---------------------------------------------------------------------------

doveadm_lab() { doveadm -c "$work/lab/etc/dovecot.conf" "$@"; }

# The letters of all runs, made once. They are linked into the mailboxes: every program reads the same pages.
make_letters() {
  mkdir "$work/letters"
  corpus=$(python3 "$top/tests/bench/genmail.py" --seed "$seed" --huge "$huge" --to help@school.test \
    --owner "$(stat -c %u:%g "$work/lab/mail")" "$letters" "$work/letters")
}

put_letters() { # ADDRESS
  find "$work/letters" -type f -exec cp -al -t "$work/lab/mail/$1/new" {} +
  sync
}

empty_mailbox() { find "$work/lab/mail/$1/"{new,cur} -type f -delete; }

# --- mbsync ------------------------------------------------------------------------------

measure_mbsync() {
  local address=mbsync$run@school.test dir=$work/mbsync$run busy copied seconds cpu peak
  mkdir "$dir" "$dir/mail"
  (
    umask 077
    cat >"$dir/mbsyncrc" <<CONF
FSync yes

IMAPAccount far
Host localhost
Port $MAILLAB_IMAPS_PORT
User $address
Pass $(sed -n "s/^$address://p" "$MAILLAB_ACCOUNTS")
AuthMechs LOGIN
SSLType IMAPS
SystemCertificates no
CertificateFile $MAILLAB_CA

IMAPStore far
Account far

MaildirStore near
Path $dir/mail/
Inbox $dir/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns INBOX
Create Near
Sync Pull
SyncState *
CONF
  )
  # Makes the mailbox, as the poller's first look does.
  mbsync -q -c "$dir/mbsyncrc" all
  put_letters "$address"
  busy=$(busy_ticks)
  python3 "$top/tests/bench/spent.py" "$limit_s" mbsync -q -c "$dir/mbsyncrc" all >"$dir/spent" || fail "mbsync did not end well"
  busy=$(($(busy_ticks) - busy))
  copied=$(find "$dir/mail/INBOX/"{new,cur} -type f | wc -l)
  ((copied == letters)) || fail "mbsync copied $copied letters of $letters"
  read -r seconds cpu peak <"$dir/spent"
  note_use mbsync "$seconds" "$cpu" "$peak" "$busy" "copied=$copied"
  rm -rf "$dir"
  empty_mailbox "$address"
}

# --- ninetosix ---------------------------------------------------------------------------

# CPU ticks of the poller, and those the whole machine was busy.
poller_ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$daemon/stat"; }
busy_ticks() { awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 }' /proc/stat; }

# Both in CPU seconds of the poller: what it used so far, and its peak memory in MiB.
poller_cpu_s() { awk -v ticks="$(poller_ticks)" -v hz="$hz" 'BEGIN { print ticks / hz }'; }
poller_peak() { awk '/^VmHWM/ { print $2 / 1024 }' "/proc/$daemon/status"; }

# What one program used for all letters in this run: note_use ROW SECONDS CPU_S PEAK_MIB BUSY_TICKS WHAT_BECAME_OF_THEM
note_use() {
  local rate cpu
  rate=$(awk -v n="$letters" -v s="$2" 'BEGIN { print n / s }')
  cpu=$(awk -v n="$letters" -v s="$3" 'BEGIN { print s * 1000 / n }')
  note "$1" seconds "$2"
  note "$1" rate "$rate"
  note "$1" cpu "$cpu"
  note "$1" peak "$4"
  note "$1" busy "$(awk -v ticks="$5" -v hz="$hz" 'BEGIN { print ticks / hz }')"
  say "run $run: $1 $(shown 0 "$rate") letters/s, $(shown 2 "$cpu") CPU s a 1000; $6"
}

# Waits until the letters behind ledger row FROM are decided, and notes how many descriptors are open: watch_drain FROM
watch_drain() {
  local begun=$SECONDS; local -a descriptors
  : >"$work/descriptors"
  until [[ $(sql "SELECT count(*) FROM ledger WHERE id > $1 AND outcome IS NOT NULL") == "$letters" ]]; do
    kill -0 "$daemon" 2>/dev/null || fail "the poller has ended by itself"
    ((SECONDS < begun + limit_s)) || fail "not all letters are decided within $limit_s s"
    descriptors=(/proc/"$daemon"/fd/*)
    ((SECONDS <= begun + 5)) || echo ${#descriptors[@]} >>"$work/descriptors"
    sleep 0.2
  done
}

# One run of the poller on an empty database, or one that holds tickets: measure ENGINE TICKETS
measure() {
  local engine=$1 tickets=$2 row=$1 start begin busy cpu peak last outcomes
  ((tickets == 0)) || row=${engine}_full
  local name=${row}_$run; local address=$name@school.test
  write_desk "$name" "$engine" "$address"
  if ((tickets)); then
    "$binaries/ninetosix-worker" migrate --config "$desk/ninetosix.toml" >/dev/null
    fill "$engine" "$tickets" "$address" "$(number_from $((tickets + 1)) "$address")"
    sync
  fi
  start_poller
  first_look
  start=$(poller_cpu_s)
  note "$row" start_cpu "$start"
  note "$row" start_peak "$(poller_peak)"
  stop_poller
  put_letters "$address"
  busy=$(busy_ticks) begin=$(date +%s.%N)
  start_poller
  watch_drain "$tickets"
  cpu=$(poller_cpu_s) peak=$(poller_peak) busy=$(($(busy_ticks) - busy))
  note "$row" receipts "$(sql "SELECT count(*) FROM letter WHERE id > 2 * $tickets AND state = 'sent'")"
  if [[ -s $work/descriptors ]]; then
    note "$row" fewest "$(sort -n "$work/descriptors" | head -n 1)"
    note "$row" most "$(sort -n "$work/descriptors" | tail -n 1)"
  fi
  outcomes=$(sql "SELECT outcome, count(*) FROM ledger WHERE id > $tickets GROUP BY 1 ORDER BY 1" | tr '|\n' '= ')
  if [[ $engine == sqlite ]]; then
    last=$(sql "SELECT printf('%.3f', (julianday(max(decided_at)) - 2440587.5) * 86400) FROM ledger WHERE id > $tickets")
  else
    last=$(sql "SELECT extract(epoch FROM max(decided_at)) FROM ledger WHERE id > $tickets")
  fi
  stop_poller
  note "$row" work "$(awk -v n="$letters" -v all="$cpu" -v start="$start" 'BEGIN { print (all - start) * 1000 / n }')"
  note_use "$row" "$(awk -v from="$begin" -v to="$last" 'BEGIN { print to - from }')" "$cpu" "$peak" "$busy" "$outcomes"
  rm -rf "$desk"
  [[ $engine == sqlite ]] || psql -qX "$postgres_url" -c "DROP DATABASE $name"
  empty_mailbox "$address"
}

# Has the server number the next letter of the mailbox UID, and prints its UIDVALIDITY: number_from UID ADDRESS
number_from() {
  doveadm_lab mailbox status -u "$2" uidnext INBOX >/dev/null
  doveadm_lab mailbox update -u "$2" --min-next-uid "$1" INBOX
  doveadm_lab -f flow mailbox status -u "$2" uidvalidity INBOX | sed 's/.*uidvalidity=//'
}

# --- commits -----------------------------------------------------------------------------

measure_commits() {
  note sqlite commits_1 "$(python3 "$top/tests/bench/commits.py" "$work" "$COMMIT_S" 1)"
  note sqlite commits_100 "$(python3 "$top/tests/bench/commits.py" "$work" "$COMMIT_S" 100)"
  [[ $postgres_up ]] || return 0
  psql -qX "$postgres_url" -c "CREATE TABLE entry (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, bytes TEXT NOT NULL)" \
    -c "ALTER TABLE entry ALTER COLUMN bytes SET STORAGE PLAIN"
  echo "INSERT INTO entry (bytes) VALUES (repeat('x', 4096));" >"$work/entry.sql"
  pgbench -n -c 1 -M prepared -T "$COMMIT_S" -f "$work/entry.sql" "$postgres_url" >"$work/pgbench.log" 2>&1 ||
    fail "pgbench: $(tail -n 2 "$work/pgbench.log")"
  note postgres commits_1 "$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$work/pgbench.log")"
  psql -qX "$postgres_url" -c "DROP TABLE entry"
}

# --- the tables --------------------------------------------------------------------------

# A row of the first table: row ROW LABEL
row() {
  [[ $(median "$1" rate) != - ]] || return 0
  local fewest most open=-
  fewest=$(median "$1" fewest) most=$(median "$1" most)
  [[ $fewest == - ]] || open=$(shown 0 "$fewest")-$(shown 0 "$most")
  printf '%-32s %9s %9s %8s %11s %8s %9s %8s %10s %9s\n' "$2" "$(shown 0 "$(median "$1" rate)")" "$(shown 2 "$(median "$1" cpu)")" \
    "$(shown 0 "$(median "$1" peak)")" "$open" "$(shown 1 "$(median "$1" seconds)")" "$(shown 1 "$(median "$1" busy)")" \
    "$(shown 0 "$(median "$1" receipts)")" "$(shown 2 "$(median "$1" start_cpu)")" "$(shown 0 "$(median "$1" start_peak)")"
}

# A row of the second: rate ROW COLUMN LABEL
rate() { [[ $(median "$1" "$2") == - ]] || printf '%-52s %9.0f\n' "$3" "$(median "$1" "$2")"; }

# A row of the third, with whether it is reached: target LABEL VALUE '>='|'<=' GOOD EXCELLENT
target() {
  [[ $2 != - ]] || return 0
  awk -v label="$1" -v value="$2" -v sign="$3" -v good="$4" -v excellent="$5" '
    function reached(limit) { return limit != "-" && (sign == ">=" ? value >= limit : value <= limit) }
    BEGIN {
      verdict = reached(excellent) ? "excellent" : reached(good) ? "good" : "missed"
      printf "%-52s %9.2f  %s %-5s  %-9s  %s\n", label, value, sign, good, excellent == "-" ? "-" : sign " " excellent, verdict
    }'
}

print_tables() {
  local engine title
  local -A titles=([sqlite]=SQLite [postgres]=PostgreSQL)
  printf '%-32s %9s %9s %8s %11s %8s %9s %8s %10s %9s\n' program letters/s CPUs/1000 peak_MiB descriptors seconds busy_CPUs receipts start_CPUs start_MiB
  row mbsync 'mbsync, written through'
  for engine in sqlite postgres; do
    title=${titles[$engine]}
    row "$engine" "ninetosix, $title"
    row "${engine}_full" "ninetosix, $title, $flat tickets"
  done
  [[ $parts != *commits* ]] || printf '\n%-52s %9s\n' 'commits alone, rows of 4 KB' rows/s
  rate sqlite commits_1 'SQLite, synchronous=FULL, one row a commit'
  rate sqlite commits_100 'SQLite, synchronous=FULL, 100 rows a commit'
  rate postgres commits_1 'PostgreSQL, one client, one row a commit'
  printf '\n%-52s %9s  %-8s  %-9s\n' 'targets' measured good excellent
  for engine in sqlite postgres; do
    title=${titles[$engine]}
    target "$title: letters/s, ninetosix : mbsync" "$(ratio "$engine" mbsync rate)" '>=' 0.4 0.7
    target "$title: CPUs/1000" "$(median "$engine" cpu)" '<=' 2.5 1.4
    # Letters of 40 MB are in memory one by one.
    ((huge)) || target "$title: peak_MiB" "$(median "$engine" peak)" '<=' 64 -
    ((huge)) || target "$title, $flat tickets: peak_MiB" "$(median "${engine}_full" peak)" '<=' 64 -
    target "$title: CPUs/1000, $flat tickets : none" "$(ratio "${engine}_full" "$engine" cpu)" '<=' 1.1 -
    target "$title: the same without start_CPUs" "$(ratio "${engine}_full" "$engine" work)" '<=' 1.1 -
  done
}

main() {
  letters=10000 huge=0 seed=1 flat=0 run=0 parts='commits mbsync sqlite postgres'
  local runs=3 from='' part; local -a addresses=()
  while (($#)); do
    case $1 in
      --letters) letters=$2 ;; --huge) huge=$2 ;; --seed) seed=$2 ;; --runs) runs=$2 ;; --flat) flat=$2 ;;
      --parts) parts=$2 ;; --binaries) from=$2 ;;
      -h | --help) usage; return ;;
      *) usage >&2; exit 2 ;;
    esac
    shift 2
  done
  for part in $parts; do [[ $part =~ ^(commits|mbsync|sqlite|postgres)$ ]] || { usage >&2; exit 2; }; done
  hz=$(getconf CLK_TCK) limit_s=$((300 + letters / 5))
  for ((run = 1; run <= runs; run++)); do
    for part in $parts; do addresses+=("$part$run@school.test" "${part}_$run@school.test" "${part}_full_$run@school.test"); done
  done
  bash "$top/tests/support/install-debian.sh" sqlite3 isync >&2
  local load; load=$(machine)
  set_up "$from" "$parts" "${addresses[@]}"
  : >"$work/results"
  make_letters
  for ((run = 1; run <= runs; run++)); do
    for part in $parts; do
      case $part in
        commits) measure_commits ;;
        mbsync) measure_mbsync ;;
        sqlite | postgres)
          measure "$part" 0
          ((flat == 0)) || measure "$part" "$flat" ;;
      esac
    done
  done
  print_tables
  echo
  echo "$corpus; medians of $runs"
  echo "$load, $(cut -d' ' -f1-3 /proc/loadavg) after"
}

main "$@"
