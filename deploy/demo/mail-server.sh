#!/usr/bin/env bash
# mail-server.sh - the demo's mail server in a container: keeps it in DIR/lab, makes the desk's directory DIR/desk,
# and stops on SIGTERM.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=deploy/demo/desk.sh
. deploy/demo/desk.sh

readonly DIR=$1 MAILLAB=tests/support/maillab/maillab
# The daemons' user in their image.
readonly DAEMONS=65532:65532

accounts=()
for address in help@school.test ivan@school.test anna@school.test o.petrova@family.test catchall@school.test; do
  accounts+=(--user "$address:$(openssl rand -hex 12)")
done
# A volume of an earlier play holds old mail.
rm -rf "${DIR:?}"/{lab,desk,letters,ready}
trap 'rm -f "$DIR/ready"; "$MAILLAB" down "$DIR/lab" >/dev/null; exit 0' TERM INT
"$MAILLAB" up "$DIR/lab" --catchall catchall@school.test "${accounts[@]}"
# shellcheck source=/dev/null
. "$DIR/lab/env"
mkdir -m 700 "$DIR/desk"
desk_configuration help@school.test "Служба поддержки АИС" "$DIR/desk/ninetosix.db" \
  'mon-sun = ["00:00-24:00"]' >"$DIR/desk/ninetosix.toml"
desk_password "$DIR/lab" help@school.test "$DIR/desk/mail.password"
chown -R "$DAEMONS" "$DIR/desk"
touch "$DIR/ready"
# `wait` ends with the trap, `sleep` alone would not.
sleep infinity &
wait $!
