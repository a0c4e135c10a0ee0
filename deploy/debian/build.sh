#!/usr/bin/env bash
# build.sh - builds the Debian package and prints where it is. Needs Rust, cargo-deb and a C compiler.
set -euo pipefail
export LC_ALL=C.UTF-8 PATH="$PATH:${HOME:-/root}/.cargo/bin"

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly top
cd "$top"

die() { echo "build: $*" >&2; exit 1; }

# The annotated sample as a manual page: what it says of each key is the documentation of that key.
manual_of_configuration() { # VERSION
  cat <<ROFF
.TH ninetosix.toml 5 "" "ninetosix $1" "ninetosix"
.SH NAME
ninetosix.toml \\- configuration of ninetosix\\-poller and ninetosix\\-worker
.SH DESCRIPTION
Both daemons read one file in TOML,
.IR /etc/ninetosix/ninetosix.toml .
This page is an example of it with every key explained.
.SH "EVERY KEY"
.nf
ROFF
  # A line of the sample is text and no request: backslashes, leading dots and quotes lose their meaning.
  sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^[.']/\\\\\&&/" deploy/config/ninetosix.toml
  cat <<'ROFF'
.fi
.SH "SEE ALSO"
.BR ninetosix\-poller (1),
.BR ninetosix\-worker (1)
ROFF
}

main() {
  local target version papers program
  cargo deb --version >/dev/null 2>&1 || die "cargo-deb is missing: cargo install cargo-deb --locked"
  command -v dpkg-shlibdeps >/dev/null || die "dpkg-shlibdeps is missing: apt install dpkg-dev"

  read -r version target < <(cargo metadata --no-deps --format-version 1 | python3 -c '
import json, sys
of = json.load(sys.stdin)
print(of["packages"][0]["version"], of["target_directory"])')
  grep -q "^ninetosix ($version-" deploy/debian/changelog ||
    die "deploy/debian/changelog does not begin with version $version"

  cargo build --profile dist --locked --workspace --bins
  papers=$target/dist/papers
  rm -rf "$papers"
  for program in ninetosix-poller ninetosix-worker; do
    "$target/dist/$program" papers "$papers"
  done
  manual_of_configuration "$version" >"$papers/ninetosix.toml.5"
  gzip --best --no-name "$papers"/*.[15]
  cargo deb --package ninetosix-poller --profile dist --no-build --locked
}

main "$@"
