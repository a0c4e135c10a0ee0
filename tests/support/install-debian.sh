#!/usr/bin/env bash
# install-debian.sh - installs what is missing from Debian for the tests or the demo, and starts nothing.
set -euo pipefail
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"

readonly POLICY=/usr/sbin/policy-rc.d
readonly POLICY_MARK='written by ninetosix install-debian.sh'
readonly CREATECLUSTER=/etc/postgresql-common/createcluster.conf

usage() {
  cat <<'USAGE'
usage: install-debian.sh WHAT ...

WHAT is a Debian package or a group:
  demo     dovecot-core dovecot-imapd dovecot-lmtpd postfix openssl procps python3, a C compiler;
           Rust must be there already
  tests    the same, strace and postgresql (whatever version Debian has)
  faults   the same and libfaketime, which tests/faults.sh alone needs

Asks for root (or sudo) only when something is missing. Services of new packages are neither started
now nor enabled for the next boot; a new PostgreSQL gets no "main" cluster.
USAGE
}

die() { echo "install-debian: $*" >&2; exit 1; }
say() { echo "install-debian: $*"; }

# --- what is missing ---------------------------------------------------------------------

has_package() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# Any version serves, and one from elsewhere than the package "postgresql" too.
has_postgresql() { compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

# The linker driver and the headers that crates with C code in them need.
has_c_compiler() { command -v cc >/dev/null && [[ -e /usr/include/stdlib.h ]]; }

# smtplib and asyncio, which python3-minimal lacks.
has_python() { python3 -c 'import asyncio, smtplib, zlib' 2>/dev/null; }

# Prints the packages of one argument that are not there.
missing_of() {
  local package
  case $1 in
    demo)
      for package in dovecot-core dovecot-imapd dovecot-lmtpd postfix openssl procps; do missing_of "$package"; done
      has_python || echo python3
      has_c_compiler || printf '%s\n' gcc libc6-dev ;;
    tests)
      missing_of demo
      has_package strace || echo strace
      has_postgresql || echo postgresql ;;
    faults)
      missing_of tests
      has_package libfaketime || echo libfaketime ;;
    *) has_package "$1" || echo "$1" ;;
  esac
}

# Rust comes from rustup, not from Debian 12, whose version is too old.
need_rust() {
  command -v cargo >/dev/null || [[ -x ${HOME:-/nonexistent}/.cargo/bin/cargo ]] ||
    die "Rust is missing: no cargo in the PATH. Install it with rustup (https://rustup.rs), then come back"
}

# --- installing, as root -----------------------------------------------------------------

# Nothing may start during the installation: maintainer scripts ask policy-rc.d. An own one that says no stays.
forbid_services() {
  restore_services # of a run that was killed
  if [[ -e $POLICY || -L $POLICY ]]; then
    local rc=0
    "$POLICY" dovecot start >/dev/null 2>&1 || rc=$?
    ((rc != 101)) || return 0
    mv "$POLICY" "$POLICY.before-ninetosix"
  fi
  printf '#!/bin/sh\n# %s: no service starts while it installs; removed at its end.\nexit 101\n' "$POLICY_MARK" >"$POLICY"
  chmod 755 "$POLICY"
}

restore_services() {
  if grep -qsF "$POLICY_MARK" "$POLICY"; then rm -f "$POLICY"; fi
  if [[ -e $POLICY.before-ninetosix ]] && [[ ! -e $POLICY ]]; then mv "$POLICY.before-ninetosix" "$POLICY"; fi
}

# A new PostgreSQL would make a cluster "main" that starts at boot.
forbid_main_cluster() {
  if [[ -e $CREATECLUSTER ]]; then
    grep -Eqs '^[[:space:]]*create_main_cluster[[:space:]]*=[[:space:]]*(false|off|no|0)' "$CREATECLUSTER" ||
      say "$CREATECLUSTER is there already and stays as it is: PostgreSQL may make a cluster \"main\" (it is not started)"
    return 0
  fi
  mkdir -p "${CREATECLUSTER%/*}"
  cat >"$CREATECLUSTER" <<'CONF'
# Written by ninetosix install-debian.sh before PostgreSQL was installed: its tests run clusters of their
# own, so none named "main" was made. Remove this line, then `pg_createcluster VERSION main`, to have one.
create_main_cluster = false
CONF
  say "wrote $CREATECLUSTER with create_main_cluster = false: PostgreSQL makes no cluster \"main\""
}

# Units that the installation enabled would start at the next boot.
disable_services() {
  local unit
  command -v systemctl >/dev/null || return 0
  for unit in "$@"; do
    [[ $(systemctl is-enabled "$unit" 2>/dev/null) == enabled ]] || continue
    if systemctl disable "$unit" >/dev/null 2>&1; then
      say "$unit stays disabled (to run it yourself: systemctl enable --now $unit)"
    else
      say "could not disable $unit: it starts at the next boot"
    fi
  done
}

install_packages() {
  local package; local -a units=()
  exec 9>/var/lock/ninetosix-install.lock
  flock -w 900 9 || die "another installation has been running for 15 minutes"
  # Another run may have installed them while this one waited.
  local -a missing=(); for package in "$@"; do has_package "$package" || missing+=("$package"); done
  ((${#missing[@]})) || return 0
  say "installing ${missing[*]}"
  for package in "${missing[@]}"; do
    case $package in
      postgresql) forbid_main_cluster; units+=(postgresql.service) ;;
      dovecot-core) units+=(dovecot.service dovecot.socket) ;;
      docker.io) units+=(docker.service docker.socket) ;;
      postfix)
        units+=(postfix.service)
        # Should somebody start it by hand, it listens on loopback only.
        echo 'postfix postfix/main_mailer_type select Local only' | debconf-set-selections ;;
    esac
  done
  trap restore_services EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  forbid_services
  export RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
  # Descriptor 9 is the lock: no child may keep it.
  local -a apt=(apt-get -q -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold)
  "${apt[@]}" update 9>&- </dev/null || say "apt-get update met errors; going on with what it has"
  "${apt[@]}" install -y --no-install-recommends "${missing[@]}" 9>&- </dev/null || die "apt-get install failed"
  disable_services "${units[@]}"
}

main() {
  local what; local -a missing=() packages=()
  (($#)) || { usage >&2; exit 2; }
  case $1 in
    -h | --help) usage; return ;;
    --packages) shift; ((EUID == 0)) || die "--packages needs root"; install_packages "$@"; return ;;
  esac
  command -v apt-get >/dev/null || die "this is no Debian (no apt-get); install by hand what --help lists"
  for what in "$@"; do
    case $what in
      demo | tests | faults) need_rust ;;
      -*) die "unknown option $what" ;;
    esac
    mapfile -t packages < <(missing_of "$what")
    missing+=("${packages[@]}")
  done
  if ((${#missing[@]} == 0)); then
    say "nothing is missing"
    return
  fi
  mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
  if ((EUID == 0)); then
    install_packages "${missing[@]}"
  elif command -v sudo >/dev/null; then
    say "missing: ${missing[*]}; asking sudo"
    sudo -- bash "$(realpath "$0")" --packages "${missing[@]}"
  else
    die "missing: ${missing[*]}. Neither root nor sudo here; as root, run: bash $(realpath "$0") --packages ${missing[*]}"
  fi
  say "done"
}

main "$@"
