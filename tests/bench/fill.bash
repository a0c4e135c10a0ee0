# shellcheck shell=bash
# fill.bash - fills a desk's database with tickets of the past, by SQL, as if it had been in use for long.
# Sourced by intake.sh, after lab.bash.

# Each ticket: one letter of some 200 bytes with its ledger row, every tenth with an attachment, a receipt and a notice,
# both sent, and three lines of history. 200 tickets a person; 30 of the people are writers of genmail.py. UIDs are
# 1 to TICKETS; times end two days ago, so that no ceiling of receipts is near.
# fill ENGINE TICKETS ADDRESS UIDVALIDITY: into `database`, which write_desk sets and which is migrated and empty
fill() {
  local engine=$1 tickets=$2 mailbox=$3 uidvalidity=$4 into=${database:?}
  if [[ $engine == sqlite ]]; then
    { sqlite_rows; tables; sqlite_end; } | sqlite3 -bail "${into#sqlite:}" >/dev/null
  else
    { postgres_rows; tables; postgres_end; } | psql -qtAX --set ON_ERROR_STOP=1 "$into" >/dev/null
  fi
}

# What the rows of one ticket have in common, in a table `n`: number, time, 64 hex digits in no order, writer.
people() { echo "CASE WHEN k < 30 THEN 'writer' || (k * 10) ELSE 'known' || k END || '@family.test'"; }

sqlite_rows() {
  cat <<SQL
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -1000000;
BEGIN;
CREATE TEMP TABLE n AS
WITH RECURSIVE counted (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM counted WHERE i < $tickets)
SELECT i, strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now', '-2 days', ((i - $tickets) * 30) || ' seconds') AS at,
       printf('%08x%056x', i * 2654435761 % 4294967296, i) AS hash, $(people) AS who, CAST('$(raw)' AS BLOB) AS raw
FROM (SELECT i, i % max(1, $tickets / 200) AS k FROM counted);
SQL
}

postgres_rows() {
  cat <<SQL
-- No look-ups of foreign keys: all of them are right.
SET session_replication_role = replica;
BEGIN;
CREATE TEMP TABLE n AS
SELECT i, now() - interval '2 days' + (i - $tickets) * interval '30 seconds' AS at,
       lpad(to_hex(i * 2654435761 % 4294967296), 8, '0') || lpad(to_hex(i), 56, '0') AS hash, $(people) AS who, '$(raw)'::bytea AS raw
FROM (SELECT i, i % greatest(1, $tickets / 200) AS k FROM generate_series(1::bigint, $tickets) AS i) AS counted;
SQL
}

raw() {
  printf 'From: A Writer <writer@family.test>\nTo: <%s>\nSubject: The journal\nDate: Mon, 1 Sep 2025 11:00:00 +0300\n' "$mailbox"
  printf 'Message-ID: <of.the.past@family.test>\n\nThe journal shows nothing.\n'
}

# The same for both engines.
tables() {
  cat <<SQL
INSERT INTO person (address, name, first_seen_at, last_seen_at)
SELECT who, 'A Writer', min(at), max(at) FROM n GROUP BY who;
INSERT INTO raw_mail (id, sha256, size_bytes, complete, created_at)
SELECT i, hash, length(raw), true, at FROM n;
INSERT INTO raw_chunk (raw_mail_id, seq, bytes)
SELECT i, 0, raw FROM n;
INSERT INTO ticket (number, mailbox, state, subject, requester_address, requester_name, assignee, receipt_letter, received_at, created_at, updated_at, closed_at)
SELECT i, '$mailbox', CASE WHEN i % 10 = 0 THEN 'in_work' ELSE 'closed' END, 'The journal', who, 'A Writer', 'ivan', i * 2 - 1, at, at, at, CASE WHEN i % 10 = 0 THEN NULL ELSE at END FROM n;
INSERT INTO folder (mailbox, folder, numbering, uidvalidity, first_seen_at)
SELECT '$mailbox', 'INBOX', 1, $uidvalidity, min(at) FROM n;
INSERT INTO ledger (id, mailbox, folder, uidvalidity, numbering, uid, internal_date, size_bytes, message_id, raw_mail_id, outcome, reason, ticket, attempts, attempts_alone, released, marked, fetched_at, decided_at)
SELECT i, '$mailbox', 'INBOX', $uidvalidity, 1, i, at, length(raw), substr(hash, 1, 8) || '.' || i || '@family.test', i, 'ticket', 'a new letter', i, 1, 0, false, true, at, at FROM n;
INSERT INTO message (id, ticket, raw_mail_id, author, from_address, from_name, message_id, content_hash, subject, body, received_at, created_at)
SELECT i, i, i, 'requester', who, 'A Writer', substr(hash, 1, 8) || '.' || i || '@family.test', hash, 'The journal', 'The journal shows nothing.', at, at FROM n;
INSERT INTO attachment (id, message, part, name, content_type, size_bytes, sha256, inline)
SELECT i, i, 1, 'scan.pdf', 'application/pdf', 1000, hash, false FROM n WHERE i % 10 = 0;
INSERT INTO letter (id, kind, lane, mailbox, ticket, message, recipient_address, recipient_name, message_id, dedup_key, state, due_at, attempts, fence, possibly_twice, with_files, put_off, created_at, sent_at)
SELECT i * 2 - 1, 'receipt', 'poller', '$mailbox', i, i, who, 'A Writer', 'receipt.' || i || '.' || i || '.writer.' || hash || '@school.test', 'receipt.' || i || '.' || i || '.' || who, 'sent', at, 1, 1, false, true, false, at, at FROM n;
INSERT INTO letter (id, kind, lane, mailbox, ticket, message, recipient_address, recipient_name, recipient_login, message_id, dedup_key, state, due_at, attempts, fence, possibly_twice, with_files, put_off, created_at, sent_at)
SELECT i * 2, 'notice', 'worker', '$mailbox', i, i, 'ivan@school.test', 'Ivan', 'ivan', 'notice.' || i || '.' || i || '.ivan.' || hash || '@school.test', 'notice.' || i || '.' || i || '.ivan@school.test', 'sent', at, 1, 1, false, true, false, at, at FROM n;
INSERT INTO event (ticket, at, kind, actor, detail)
SELECT i, at, 'opened', 'requester', '' FROM n;
INSERT INTO event (ticket, at, kind, actor, detail)
SELECT i, at, 'sent', 'desk', 'receipt ' || (i * 2 - 1) FROM n;
INSERT INTO event (ticket, at, kind, actor, detail)
SELECT i, at, 'sent', 'desk', 'notice ' || (i * 2) FROM n;
COMMIT;
SQL
}

sqlite_end() {
  echo "PRAGMA journal_mode = WAL;"
}

# The counters go on behind the rows; what the server would do by itself within minutes is done now.
postgres_end() {
  local key
  for key in ticket.number raw_mail.id ledger.id message.id attachment.id letter.id event.id; do
    echo "SELECT setval(pg_get_serial_sequence('${key%.*}', '${key#*.}'), max(${key#*.})) FROM ${key%.*};"
  done
  echo "VACUUM ANALYZE;"
  echo "CHECKPOINT;"
}
