#!/bin/sh
# How the poller takes letters made to hurt: builds it as it is released and runs tests/mail/bombs.py.
# usage: tests/mail/bombs.sh [POLLER]
set -eu
cd "$(dirname "$0")/../.."
poller=${1:-}
if [ -z "$poller" ]; then
    cargo build --release --locked -p ninetosix-poller
    poller=${CARGO_TARGET_DIR:-target}/release/ninetosix-poller
fi
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
python3 tests/mail/bombs.py run "$poller" "$directory"
