#!/usr/bin/env bash
# systemd.sh - the Debian package in a clean Debian 12 with systemd as its first process: installed by apt, set up as README
# says, played with, restarted under load, hung, upgraded, removed and purged.
set -euo pipefail
export LC_ALL=C.UTF-8 PATH="$PATH:${HOME:-/root}/.cargo/bin:/usr/sbin:/sbin"
export TZ=MSK-3 PYTHONDONTWRITEBYTECODE=1
umask 022

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly top
readonly MAILLAB=$top/tests/support/maillab/maillab
readonly LETTERS=40 LIMIT_S=120

usage() {
  cat <<'USAGE'
usage: tests/systemd.sh [PACKAGE.deb] [--keep]

Without PACKAGE.deb it builds one by deploy/debian/build.sh. Needs root and Debian's mirrors; installs mmdebstrap and
systemd-container where they are missing. The container shares this machine's network, to reach the private mail
server on loopback. --keep leaves it running, and says how to enter it. Takes about five minutes.
USAGE
}

say() { echo "systemd: $*"; }
step() { printf '\n== %s\n' "$*"; }

work='' keep='' machine=''

# On every way out: the container and the mail server stop, nothing stays.
clean_up() {
  local rc=$?
  trap '' INT TERM HUP
  if [[ -n $keep && -n $work ]]; then
    say "kept: nsenter -a -t $(leader) /bin/bash; stop it by kill -s RTMIN+4 $(leader); the rest is in $work"
    exit "$rc"
  fi
  if ((rc != 0)) && [[ -n $machine ]]; then inside journalctl --no-pager -n 40 -u 'ninetosix-*' >&2 || true; fi
  power_off || true
  if [[ -d $work/lab ]]; then "$MAILLAB" down "$work/lab" >/dev/null 2>&1 || true; fi
  [[ -z $work ]] || rm -rf "$work"
  exit "$rc"
}

fail() { say "FAILED: $*" >&2; exit 1; }

# Succeeds when the words are a true test: holds WHAT COMMAND ...
holds() {
  local what=$1; shift
  "$@" || fail "$what"
  say "$what"
}

refuses() { ! "$@"; }

# Repeats a command until it succeeds: await WHAT COMMAND ...
await() {
  local what=$1 begin=$SECONDS; shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS - begin < LIMIT_S)) || fail "not within $LIMIT_S s: $what"
    sleep 0.3
  done
  say "$what ($((SECONDS - begin)) s)"
}

# --- the container -------------------------------------------------------------------------

# The container's first process, which is the only child of systemd-nspawn.
leader() { ps -o pid= --ppid "$machine" | tr -d ' '; }

# Runs a command in the container: inside COMMAND ...
inside() {
  nsenter -a -t "$(leader)" env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

boot() {
  mmdebstrap --quiet --variant=apt --include=systemd-sysv,dbus bookworm "$work/root" http://deb.debian.org/debian
  # What every installed Debian has.
  echo '127.0.0.1 localhost' >"$work/root/etc/hosts"
  systemd-nspawn --quiet --register=no --keep-unit --boot --console=pipe --directory="$work/root" \
    </dev/null >"$work/boot.log" 2>&1 &
  machine=$!
  await "Debian 12 is up, systemd is its first process" inside systemctl is-system-running
}

power_off() {
  [[ -n $machine ]] || return 0
  local first; first=$(leader)
  [[ -z $first ]] || kill -s RTMIN+4 "$first"
  wait "$machine" || true
  machine=''
}

poller() { inside runuser -u ninetosix -- ninetosix-poller "$@"; }
worker() { inside runuser -u ninetosix -- ninetosix-worker "$@"; }
property() { inside systemctl show --value --property="$2" "ninetosix-$1"; }
mode_of() { inside stat -c '%a %U:%G' "$1"; }

# --- the steps -----------------------------------------------------------------------------

start_lab() {
  local address; local -a accounts=()
  for address in help@school.test ivan@school.test anna@school.test o.petrova@family.test catchall@school.test; do
    accounts+=(--user "$address:$(openssl rand -hex 12)")
  done
  "$MAILLAB" up "$work/lab" --catchall catchall@school.test "${accounts[@]}" >"$work/lab.log" 2>&1 ||
    { cat "$work/lab.log"; return 1; }
  # shellcheck source=/dev/null
  . "$work/lab/env"
}

install_package() {
  step "apt install"
  cp "$1" "$work/root/root/ninetosix.deb"
  inside apt-get -q update
  inside apt-get -q install -y --no-install-recommends /root/ninetosix.deb
  holds "the configuration belongs to root and is read by the daemons alone" \
    test "$(mode_of /etc/ninetosix/ninetosix.toml)" = "640 root:ninetosix"
  holds "the state directory is the daemons' own" test "$(mode_of /var/lib/ninetosix)" = "700 ninetosix:ninetosix"
  holds "nothing was started" refuses inside systemctl is-active --quiet ninetosix-poller ninetosix-worker
  holds "nothing was enabled" refuses inside systemctl is-enabled --quiet ninetosix-poller ninetosix-worker
  holds "completions work in a shell" inside bash -c \
    '. /usr/share/bash-completion/completions/ninetosix-worker && complete -p ninetosix-worker'

  step "started before anything is edited"
  inside systemctl start ninetosix-poller || true
  await "the poller gives up" refuses inside systemctl is-active --quiet ninetosix-poller
  holds "with exit code 2, which is not tried again" \
    test "$(property poller ExecMainStatus) $(property poller NRestarts)" = "2 0"
  inside journalctl --no-pager -o cat -u ninetosix-poller
  inside systemctl reset-failed
}

set_up() {
  local etc=$work/root/etc/ninetosix
  step "configuration"
  # shellcheck source=deploy/demo/desk.sh
  . "$top/deploy/demo/desk.sh"
  cp "$MAILLAB_CA" "$etc/ca.pem"
  MAILLAB_CA=ca.pem desk_configuration help@school.test "Служба поддержки АИС" /var/lib/ninetosix/ninetosix.db \
    'mon-sun = ["00:00-24:00"]' >"$etc/ninetosix.toml"
  desk_password "$work/lab" help@school.test "$etc/mail.password"
  inside chown ninetosix: /etc/ninetosix/mail.password
  holds "the poller's check finds nothing wrong" poller check
  holds "the worker's check finds nothing wrong" worker check

  step "start"
  inside timeout "$LIMIT_S" systemctl enable --now ninetosix-poller ninetosix-worker
  await "the mailbox is polled" poller health
  await "the worker lives" worker health
}

# Writes the letters of many people into the mailbox; each gets one ticket, one receipt, one notice a specialist.
flood() {
  local -i number
  for ((number = 1; number <= LETTERS; number++)); do
    "$MAILLAB" deliver "$work/lab" help@school.test "writer$number@family.test" <<MAIL
From: writer$number@family.test
To: help@school.test
Subject: letter of the flood, number $number
Message-ID: <flood-$number@family.test>
Date: $(date -R)

This is the letter with the number $number.
MAIL
  done
}

tickets() { worker tickets --limit 1000 --json | wc -l; }
enough_tickets() { (($(tickets) >= $1)); }

# The subjects in an inbox that have these words: subjects ADDRESS WORDS
subjects() { "$MAILLAB" inbox "$work/lab" "$1" list | cut -f 4 | grep "$2" || true; }
enough_mail() { (($(subjects "$1" "$2" | wc -l) >= $3)); }
# Every subject names its ticket or its letter, so that the same one twice is the same mail twice.
no_mail_twice() { [[ -z $(subjects "$1" "$2" | sort | uniq -d) ]]; }

restart_under_load() {
  local before flooding; local -i restarts=0; before=$(tickets)
  step "restarts while $LETTERS letters arrive"
  flood &
  flooding=$!
  while kill -0 "$flooding" 2>/dev/null; do
    inside systemctl restart ninetosix-poller ninetosix-worker
    restarts+=1
  done
  wait "$flooding"
  say "both were restarted $restarts times"
  await "every letter has its ticket" enough_tickets $((before + LETTERS))
  await "every writer has a receipt" enough_mail catchall@school.test зарегистрировано "$LETTERS"
  await "the ledger agrees with the mailbox" poller ledger
  inside systemctl restart ninetosix-poller ninetosix-worker
  await "the mailbox is polled" poller health
  holds "no ticket twice" test "$(tickets)" = $((before + LETTERS))
  holds "no receipt twice" no_mail_twice catchall@school.test зарегистрировано
  holds "no receipt too many" refuses enough_mail catchall@school.test зарегистрировано $((LETTERS + 1))
  holds "no notice twice" no_mail_twice ivan@school.test 'letter of the flood'
}

restarted() { [[ $(property "$1" NRestarts) != "$2" ]]; }
has_ended() { [[ $(property "$1" MainPID) != "$2" ]]; }

drop_in() { # DAEMON LINE
  mkdir -p "$work/root/etc/systemd/system/ninetosix-$1.service.d"
  printf '[Service]\n%s\n' "$2" >"$work/root/etc/systemd/system/ninetosix-$1.service.d/test.conf"
  inside systemctl daemon-reload
}

# The password as a credential: root's own file, which the daemons' user cannot read.
credential() {
  local daemon pid
  step "a password that root alone may read; reload"
  inside chown root: /etc/ninetosix/mail.password
  for daemon in poller worker; do
    drop_in "$daemon" LoadCredential=mail.password:/etc/ninetosix/mail.password
    inside timeout "$LIMIT_S" systemctl restart "ninetosix-$daemon"
  done
  await "the mailbox is polled, as root sees it" inside ninetosix-poller health
  for daemon in poller worker; do
    pid=$(property "$daemon" MainPID)
    inside systemctl reload "ninetosix-$daemon"
    holds "the $daemon goes on after a reload" test "$(property "$daemon" MainPID)" = "$pid"
    rm -r "$work/root/etc/systemd/system/ninetosix-$daemon.service.d"
  done
  inside chown ninetosix: /etc/ninetosix/mail.password
  inside systemctl daemon-reload
  inside systemctl restart ninetosix-poller ninetosix-worker
}

# A daemon that hangs is ended by the watchdog; the two minutes are cut to fifteen seconds here.
hang() {
  local before pid
  step "a daemon that hangs"
  drop_in poller WatchdogSec=15
  inside systemctl restart ninetosix-poller
  before=$(property poller NRestarts) pid=$(property poller MainPID)
  inside kill -STOP "$pid"
  await "the watchdog has ended it, and it was started again" restarted poller "$before"
  holds "as a watchdog's matter" inside sh -c 'journalctl -u ninetosix-poller | grep -q "Watchdog timeout"'
  await "the mailbox is polled" poller health
  rm -r "$work/root/etc/systemd/system/ninetosix-poller.service.d"
  inside systemctl daemon-reload
}

# The same package with a higher number.
upgrade() {
  local pid
  step "upgrade"
  dpkg-deb --raw-extract "$work/root/root/ninetosix.deb" "$work/next"
  sed -i 's/^Version: .*/&+next/' "$work/next/DEBIAN/control"
  dpkg-deb -Zgzip -z1 --root-owner-group --build "$work/next" "$work/root/root/next.deb" >/dev/null
  cp "$work/root/etc/ninetosix/ninetosix.toml" "$work/before.toml"
  inside systemctl stop ninetosix-worker
  pid=$(property poller MainPID)
  inside apt-get -q install -y /root/next.deb
  holds "the configuration is kept" cmp "$work/before.toml" "$work/root/etc/ninetosix/ninetosix.toml"
  holds "the poller was restarted" has_ended poller "$pid"
  holds "the worker, which was stopped, stays so" refuses inside systemctl is-active --quiet ninetosix-worker
  inside systemctl start ninetosix-worker
  await "the mailbox is polled" poller health
}

remove_and_purge() {
  step "remove"
  inside apt-get -q remove -y ninetosix
  holds "nothing runs" refuses inside pgrep -x 'ninetosix-.*'
  holds "configuration and tickets stay" inside test -e /etc/ninetosix/ninetosix.toml -a -e /var/lib/ninetosix/ninetosix.db
  step "purge"
  inside apt-get -q purge -y ninetosix
  holds "configuration and tickets are gone" refuses inside ls -d /etc/ninetosix /var/lib/ninetosix
  holds "no unit is left" refuses inside systemctl cat ninetosix-poller
}

main() {
  local package=''
  while (($#)); do
    case $1 in
      --keep) keep=yes ;;
      -h | --help) usage; return ;;
      *.deb) package=$(realpath "$1") ;;
      *) usage >&2; exit 2 ;;
    esac
    shift
  done
  ((EUID == 0)) || { say "needs root" >&2; exit 1; }
  "$top/tests/support/install-debian.sh" demo mmdebstrap systemd-container
  [[ -n $package ]] || package=$("$top/deploy/debian/build.sh" | tail -n 1)
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  work=$(mktemp -d /var/tmp/ninetosix-systemd.XXXXXX)
  chmod 711 "$work"

  step "a clean Debian 12"
  boot
  start_lab
  install_package "$package"
  set_up
  step "a conversation"
  "$top/deploy/demo/conversation.sh" "$work" >"$work/conversation" || { cat "$work/conversation"; fail "the conversation"; }
  grep '^demo:' "$work/conversation"
  restart_under_load
  credential
  hang
  step "what they take"
  inside ps -C ninetosix-poller,ninetosix-worker -o comm,rss,nlwp
  upgrade
  remove_and_purge
  step "all well"
}

main "$@"
