#!/usr/bin/env bash
# conversation.sh - the people of the demo in a container: one letter, its receipt, the specialist's answer, thanks and a
# further question; then every mail as it arrived. DIR is that of mail-server.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly DIR=$1 LIMIT_S=60

people() { python3 people.py "$DIR" "$@"; }
say() { echo "demo: $*"; }

# Sends a letter: writes NAME DESCRIPTION
writes() {
  people send "$1"
  say "$2"
}

# Waits for a mail: await MAIL DESCRIPTION; a mail that is wrong ends the demo.
await() {
  local rc begin=$SECONDS
  until people find "$1"; do
    rc=$?
    ((rc == 1 && SECONDS - begin < LIMIT_S)) || { say "FAILED: $2" >&2; exit 1; }
    sleep 0.3
  done
  say "$2 ($((SECONDS - begin)) s)"
}

writes olga-asks "Olga Petrova (parent) wrote to help@, with a photograph"
await receipt-olga "Olga has her receipt"
await notice-ivan "Ivan has Olga's letter"
await notice-anna "Anna has Olga's letter"
writes ivan-answers "Ivan answered by plain reply, #закрыть below his text"
await answer "Olga has Ivan's answer, and nothing internal with it"
writes olga-asks-again "Olga answered: спасибо, ещё вопрос"
await again-ivan "Ivan, who answered, has Olga's second letter"
await reopened "Olga knows that her ticket is open again"
python3 show-mail.py "$DIR/lab/mail"
say "everything worked"
