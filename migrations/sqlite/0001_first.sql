-- The first schema. migrations/postgres/0001_first.sql says the same for PostgreSQL; a test compares the two.
--
-- Times are UTC, written as RFC 3339 text with at most microseconds, always by the program and never by SQL,
-- so that comparing two of them as text compares the instants.

-- A folder that was looked at, once for each numbering of its letters. A letter that was in it before the first one began
-- is `before_start`, not a ticket.
CREATE TABLE folder (
    mailbox       TEXT NOT NULL,                -- the support address the mailbox serves
    folder        TEXT NOT NULL,                -- its name on the server, decoded
    numbering     INTEGER NOT NULL,             -- 1, 2, 3 …: a new one when the server's UIDs mean other letters
    uidvalidity   INTEGER NOT NULL,             -- what the server calls it (RFC 9051 section 2.3.1.1)
    first_seen_at TEXT NOT NULL,                -- when it began for us
    PRIMARY KEY (mailbox, folder, numbering)
) STRICT, WITHOUT ROWID;

-- A letter's bytes exactly as the server gave them, once for all copies of it.
CREATE TABLE raw_mail (
    id         INTEGER PRIMARY KEY AUTOINCREMENT, -- the key other tables name it by
    sha256     TEXT NOT NULL UNIQUE,            -- of all the bytes, in lower-case hex
    size_bytes INTEGER NOT NULL,                 -- of all the bytes
    complete   INTEGER NOT NULL,                -- 1 once the last chunk is written: a large letter takes several transactions
    created_at TEXT NOT NULL,                   -- when its first copy was stored
    header_sha256 TEXT,                         -- of the header, in lower-case hex: by it a copy is known once the bytes are gone; NULL before
    erased_at  TEXT,                            -- when the bytes were erased; the row stays, so that the same letter is known again
    unwanted_by INTEGER                         -- the erasure with which its copies in the mailbox are to go too; NULL where they stay
) STRICT;

-- The bytes themselves, in rows of 1 MiB at most, so that no write holds the lock for long.
CREATE TABLE raw_chunk (
    raw_mail_id INTEGER NOT NULL REFERENCES raw_mail (id) ON DELETE CASCADE, -- whose bytes they are
    seq         INTEGER NOT NULL,               -- 0, 1, 2 … in the order of the bytes
    bytes       BLOB NOT NULL,                  -- 1 MiB, or what is left
    PRIMARY KEY (raw_mail_id, seq)
) STRICT;

-- A request for help and what became of it.
CREATE TABLE ticket (
    number            INTEGER PRIMARY KEY AUTOINCREMENT,    -- the number people are told
    mailbox           TEXT NOT NULL,            -- the support address it came to and is answered from
    state             TEXT NOT NULL CHECK (state IN ('new', 'in_work', 'answered', 'closed', 'merged')),
    subject           TEXT NOT NULL,            -- of the first letter, cleaned; '' where it had none
    requester_address TEXT NOT NULL,            -- in its compared form (lower case)
    requester_name    TEXT NOT NULL,            -- as the first letter spelled it; '' where it did not
    assignee          TEXT,                     -- login of the specialist who has it
    receipt_letter    INTEGER,                   -- the letter that names this ticket to its writer; one may name several
    related_ticket    INTEGER REFERENCES ticket (number),    -- an older ticket its first letter pointed at
    merged_into       INTEGER REFERENCES ticket (number),    -- the ticket that goes on in its place, exactly while it is merged
    received_at       TEXT NOT NULL,            -- INTERNALDATE of the first letter
    created_at        TEXT NOT NULL,            -- when it was registered
    updated_at        TEXT NOT NULL,            -- when its state last changed
    closed_at         TEXT,                     -- NULL while it is not closed
    erased_at         TEXT,                     -- when its content was erased, or who it was from; nothing is added to it any more
    CHECK ((state = 'merged') = (merged_into IS NOT NULL))
) STRICT;
CREATE INDEX ticket_requester ON ticket (requester_address, number);
CREATE INDEX ticket_receipt ON ticket (receipt_letter);
CREATE INDEX ticket_closed ON ticket (closed_at) WHERE erased_at IS NULL AND closed_at IS NOT NULL;

-- One row a UID the server ever showed us, ending in exactly one outcome. Where we stand in a mailbox is read from here.
CREATE TABLE ledger (
    id             INTEGER PRIMARY KEY AUTOINCREMENT, -- its number, in order of fetching: a letter that was set aside is called by it
    mailbox        TEXT NOT NULL,               -- the support address
    folder         TEXT NOT NULL,               -- the folder on the server
    uidvalidity    INTEGER NOT NULL,            -- what the server calls the numbering of the UID
    numbering      INTEGER NOT NULL,            -- what we call it: a server may use one UIDVALIDITY for two
    uid            INTEGER NOT NULL,            -- the letter's UID there
    internal_date  TEXT NOT NULL,               -- when the server took the letter in: its true time of arrival
    size_bytes     INTEGER NOT NULL,             -- as the server says (RFC822.SIZE)
    message_id     TEXT,                        -- its Message-ID without brackets, if it has one
    raw_mail_id    INTEGER REFERENCES raw_mail (id),   -- NULL only where the letter was never fetched (before_start, or the server did not give it)
    outcome        TEXT CHECK (outcome IN ('ticket', 'entry', 'command', 'bounce', 'automatic', 'own',
                       'duplicate_of', 'refused', 'quarantined', 'before_start')),   -- NULL: fetched, not yet decided
    reason         TEXT,                        -- why that outcome, in words for the operator
    ticket         INTEGER REFERENCES ticket (number), -- the ticket it opened or belongs to
    duplicate_of   INTEGER REFERENCES ledger (id),     -- the row that registered the same letter first
    attempts       INTEGER NOT NULL,            -- times its registration was begun, counted before parsing
    attempts_alone INTEGER NOT NULL,            -- of these, with no other letter in hand: three of them quarantine it
    released       INTEGER NOT NULL,            -- 1 once the operator let it out of quarantine: it is registered by its header alone
    marked         INTEGER NOT NULL,            -- 1 once the courtesy mark was set on the server (or need not be)
    fetched_at     TEXT NOT NULL,               -- when its row was written
    decided_at     TEXT,                        -- when its outcome was
    copy           TEXT CHECK (copy IN ('unwanted', 'gone', 'kept')), -- what is to become of the copy on the server, or became: gone, or kept where another letter is there; NULL: it stays
    UNIQUE (mailbox, folder, uidvalidity, numbering, uid)
) STRICT;
CREATE INDEX ledger_undecided ON ledger (mailbox, id) WHERE outcome IS NULL;
CREATE INDEX ledger_unmarked ON ledger (mailbox, folder, uidvalidity, numbering, uid) WHERE NOT marked;
CREATE INDEX ledger_raw ON ledger (raw_mail_id);
CREATE INDEX ledger_unwanted ON ledger (mailbox, folder, uidvalidity, numbering, uid) WHERE copy = 'unwanted';
CREATE INDEX ledger_ticket ON ledger (ticket) WHERE ticket IS NOT NULL;
CREATE INDEX ledger_duplicate ON ledger (duplicate_of) WHERE duplicate_of IS NOT NULL;

-- A letter that was understood. The words of requesters are here; those of specialists are answers (table letter)
-- or notes (table note), so that nothing internal has a way to a requester.
CREATE TABLE message (
    id            INTEGER PRIMARY KEY AUTOINCREMENT, -- the key other tables name it by
    ticket        INTEGER REFERENCES ticket (number), -- the ticket it belongs to; NULL for letters that belong to none
    raw_mail_id   INTEGER NOT NULL REFERENCES raw_mail (id), -- its bytes
    author        TEXT NOT NULL CHECK (author IN ('requester', 'specialist', 'robot')), -- who wrote it
    login         TEXT,                         -- of the specialist who wrote it
    from_address  TEXT NOT NULL,                -- whom to answer, in its compared form; '' where there was nobody
    from_name     TEXT NOT NULL,                -- the name beside the address; '' where there was none
    message_id    TEXT NOT NULL,                -- without brackets; made from the content where the letter had none; 'erased:' and its SHA-256 once erased
    content_hash  TEXT NOT NULL,                -- SHA-256 of sender, date, subject and body: some programs use a Message-ID twice
    subject       TEXT NOT NULL,                -- cleaned
    body          TEXT NOT NULL,                -- the words a person would read, cleaned; '' for a specialist's letter
    received_at   TEXT NOT NULL,                -- INTERNALDATE
    created_at    TEXT NOT NULL,                -- when it was registered
    UNIQUE (message_id, content_hash)
) STRICT;
CREATE INDEX message_ticket ON message (ticket, id);
CREATE INDEX message_from_address ON message (from_address, id);
CREATE INDEX message_raw ON message (raw_mail_id);

-- A file that came with a letter. Its bytes stay in the raw mail; `part` says where.
CREATE TABLE attachment (
    id           INTEGER PRIMARY KEY AUTOINCREMENT, -- the key
    message      INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE, -- the letter it came with
    part         INTEGER NOT NULL,              -- index of the MIME part in the parsed letter
    name         TEXT NOT NULL,                 -- cleaned: never a path
    content_type TEXT NOT NULL,                 -- its media type, as the letter says
    size_bytes   INTEGER NOT NULL,               -- decoded
    sha256       TEXT NOT NULL,                 -- of the decoded bytes: proves that `part` still means the same
    inline       INTEGER NOT NULL,              -- 1 for a picture shown inside the text
    UNIQUE (message, part)
) STRICT;

-- Words for specialists only. No code that writes to requesters reads this table.
CREATE TABLE note (
    id         INTEGER PRIMARY KEY AUTOINCREMENT, -- the key
    ticket     INTEGER NOT NULL REFERENCES ticket (number), -- the ticket it is about
    message    INTEGER NOT NULL UNIQUE REFERENCES message (id), -- the letter it was written in
    login      TEXT NOT NULL,                   -- who wrote it
    held       INTEGER NOT NULL,                -- 1 for an answer that was kept back because it could not be told from a quotation
    body       TEXT NOT NULL,                   -- the words
    created_at TEXT NOT NULL                    -- when it was registered
) STRICT;
CREATE INDEX note_ticket ON note (ticket, id);

-- What happened, in order. Rows are only ever added.
CREATE TABLE event (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,   -- the order of things
    ticket INTEGER REFERENCES ticket (number),  -- the ticket it happened to
    at     TEXT NOT NULL,                       -- when
    kind   TEXT NOT NULL,                       -- opened, entry, taken, answered, closed, reopened, note, sent, failed …
    actor  TEXT NOT NULL,                       -- login, 'requester' or 'desk'
    detail TEXT NOT NULL                        -- no bodies, no full addresses
) STRICT;
CREATE INDEX event_ticket ON event (ticket, id);

-- The states a ticket went through, in order; each holds until the next. Rows are only ever added: terms are counted from them.
CREATE TABLE ticket_state (
    id     INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of things
    ticket INTEGER NOT NULL REFERENCES ticket (number), -- the ticket
    state  TEXT NOT NULL,                       -- as in ticket.state
    at     TEXT NOT NULL                        -- from when on; of the first, when its letter came in
) STRICT;
CREATE INDEX ticket_state_ticket ON ticket_state (ticket, id);

-- What a specialist ordered, and when it takes effect: at once in business hours, else at the next opening.
CREATE TABLE command (
    id         INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of writing
    ticket     INTEGER NOT NULL REFERENCES ticket (number), -- the ticket it is about
    message    INTEGER NOT NULL REFERENCES message (id), -- the letter it was given in
    login      TEXT NOT NULL,                   -- who gave it
    verb       TEXT NOT NULL CHECK (verb IN ('take', 'answer', 'close', 'address')), -- what is to be done
    address    TEXT,                            -- the writer's address from then on, exactly where the verb is 'address'
    due_at     TEXT NOT NULL,                   -- when it takes effect
    applied_at TEXT,                            -- NULL: waits for the worker
    cancelled_at TEXT,                          -- when its author withdrew or replaced it before it took effect
    created_at TEXT NOT NULL,                   -- when it was registered
    UNIQUE (message, ticket, verb)
) STRICT;
CREATE INDEX command_waiting ON command (due_at, id) WHERE applied_at IS NULL AND cancelled_at IS NULL;
CREATE INDEX command_ticket ON command (ticket, id);

-- The outbox: one outgoing letter a row, written in the transaction that causes it.
CREATE TABLE letter (
    id                INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of writing
    kind              TEXT NOT NULL CHECK (kind IN ('receipt', 'reopened', 'own_letter', 'alert', 'notice', 'digest', 'delivery', 'answer')), -- what it is for; decides who sends it when
    lane              TEXT NOT NULL CHECK (lane IN ('poller', 'worker')),   -- which daemon sends it; follows from the kind
    mailbox           TEXT NOT NULL,            -- the support address it goes out from
    ticket            INTEGER REFERENCES ticket (number), -- the ticket it is about
    message           INTEGER REFERENCES message (id),   -- the letter it is about
    recipient_address TEXT NOT NULL,            -- where it goes
    recipient_name    TEXT NOT NULL,            -- the name beside the address; '' where there is none
    recipient_login   TEXT,                     -- where the recipient is a specialist
    author_login      TEXT,                     -- whose answer it is
    words             TEXT,                     -- an answer's own words, or what a letter to a specialist is about
    with_files        INTEGER NOT NULL,         -- 1 if the files of the letter it is made from go with it
    verbs             TEXT,                     -- what else was ordered with an answer that is held, separated by spaces
    put_off           INTEGER NOT NULL,         -- 1 if its author may take it back until it is due: it leaves once the mailbox was read after that
    message_id        TEXT NOT NULL UNIQUE,     -- without brackets, fixed with the row: a second sending is the same mail
    dedup_key         TEXT NOT NULL UNIQUE,     -- the cause and the recipient: the same cause never writes twice
    state             TEXT NOT NULL CHECK (state IN ('due', 'sending', 'sent', 'maybe_sent', 'held', 'failed', 'cancelled')), -- where it stands; domain/letter.rs says what each means
    due_at            TEXT NOT NULL,            -- not to be sent before
    attempts          INTEGER NOT NULL,         -- counted when it is claimed
    tried_since       TEXT,                     -- since when it is tried; NULL before, and anew after the provider refused us altogether
    fence             INTEGER NOT NULL,          -- rises at each claim; only its last holder may write the outcome
    holder            TEXT,                     -- the process that claimed it
    lease_until       TEXT,                     -- until when the claim holds
    frozen            BLOB,                     -- the finished bytes, from DATA until the outcome is known, or until they are copied
    possibly_twice    INTEGER NOT NULL,         -- 1 if the end-of-data of some attempt was written and never answered
    unanswered_at     TEXT,                     -- when its latest attempt ended without an answer to the end-of-data
    sent_folder       TEXT CHECK (sent_folder IN ('found', 'absent')), -- what the folder of sent mail said to that; NULL: not asked yet
    copy              TEXT CHECK (copy IN ('wanted', 'kept', 'given_up')), -- where its copy for the folder of sent mail stands; NULL: none is wanted
    why               TEXT,                     -- why it waits, failed or is held
    created_at        TEXT NOT NULL,            -- when it was written
    sent_at           TEXT,                     -- when the server took it
    unwanted_by       INTEGER                   -- the erasure with which its copy in the folder of sent mail is to go; NULL where it stays or is gone
) STRICT;
CREATE INDEX letter_due ON letter (lane, mailbox, due_at, id) WHERE state IN ('due', 'sending', 'maybe_sent');
CREATE INDEX letter_order ON letter (ticket, recipient_address, id);
CREATE INDEX letter_recent ON letter (kind, recipient_address, due_at);
CREATE INDEX letter_recent_kind ON letter (kind, due_at);
CREATE INDEX letter_sent ON letter (mailbox, sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX letter_copy ON letter (mailbox, sent_at) WHERE copy = 'wanted';
CREATE INDEX letter_alert ON letter (mailbox, created_at) WHERE kind = 'alert';
CREATE INDEX letter_unwanted ON letter (mailbox, id) WHERE unwanted_by IS NOT NULL;
CREATE INDEX letter_recipient ON letter (recipient_address, id);
CREATE INDEX letter_message ON letter (message);

-- What a receipt promises, kept with its frozen bytes: by which hours it was counted shows when they change.
CREATE TABLE promise (
    letter    INTEGER PRIMARY KEY REFERENCES letter (id), -- the receipt
    made_at   TEXT NOT NULL,                     -- when it was made
    begins_at TEXT NOT NULL,                     -- when work begins
    answer_by TEXT,                              -- by when a person answers; NULL where that is not promised
    calendar  TEXT NOT NULL                      -- which calendar it was counted by (Calendar::version)
) STRICT;

-- A letter that a specialist is told of by a digest, and not by a notice of its own.
CREATE TABLE digest_line (
    letter  INTEGER NOT NULL REFERENCES letter (id),  -- the digest
    ticket  INTEGER NOT NULL REFERENCES ticket (number), -- the ticket it belongs to
    message INTEGER NOT NULL REFERENCES message (id), -- the letter
    PRIMARY KEY (letter, ticket, message)
) STRICT, WITHOUT ROWID;

-- Everyone who wrote to the desk.
CREATE TABLE person (
    address       TEXT PRIMARY KEY NOT NULL,    -- in its compared form
    name          TEXT NOT NULL,                -- as last spelled; '' where never
    first_seen_at TEXT NOT NULL,                -- when the first letter was registered
    last_seen_at  TEXT NOT NULL,                -- when the latest was
    confirmed_at  TEXT,                         -- when it was first known to be its owner's: a letter of ours was answered from it, or the mail server vouched; NULL: anybody may have written it
    dead_at       TEXT,                         -- since when it is not written to: a letter came back from it
    dead_why      TEXT                          -- what was said of it then
) STRICT, WITHOUT ROWID;

-- Who may do what only one process may do at a time.
CREATE TABLE lease (
    name        TEXT PRIMARY KEY NOT NULL,      -- 'mailbox:ADDRESS'
    holder      TEXT NOT NULL,                  -- the process, unique over hosts and restarts
    fence       INTEGER NOT NULL,                -- rises with every new holder
    lease_until TEXT NOT NULL                   -- until when it holds, unless renewed
) STRICT, WITHOUT ROWID;

-- The last sign of life of each loop.
CREATE TABLE heartbeat (
    name     TEXT PRIMARY KEY NOT NULL,         -- 'poll:ADDRESS', 'deliver:LANE:ADDRESS'
    at       TEXT NOT NULL,                     -- last turn of the loop
    good_at  TEXT,                              -- last turn that did all it should
    problem  TEXT                               -- what is wrong now, in the operator's words
) STRICT, WITHOUT ROWID;

-- The hours as they were approved last: one row, so that hours changed without a newer approval are noticed.
CREATE TABLE approved_hours (
    id           INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    approved_on  TEXT NOT NULL,                 -- the day of approval, YYYY-MM-DD
    rules        TEXT NOT NULL                  -- 'mon,tue 09:00-18:00', 'closed 2027-03-05' …, one a line
) STRICT;

-- What operators are told without having asked; domain/alert.rs says what each matter is.
CREATE TABLE alert (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    mailbox    TEXT NOT NULL,                   -- the support address it is about; '' is the whole desk
    matter     TEXT NOT NULL,                   -- 'poll', 'refused', 'quarantine 17'
    title      TEXT NOT NULL,                   -- the same in the operator's language
    words      TEXT NOT NULL,                   -- what happened and what to do
    pulse      TEXT,                            -- the loop whose next good turn ends it; NULL: another condition does
    raised_at  TEXT NOT NULL,
    over_at    TEXT,                            -- when it was over; NULL: it lasts; raised_at: it is told, and that is all
    told       INTEGER NOT NULL                 -- what the operator's command was told: 0 nothing, 1 that it began, 2 that it is over
) STRICT;
CREATE UNIQUE INDEX alert_open ON alert (mailbox, matter) WHERE over_at IS NULL;
CREATE INDEX alert_matter ON alert (mailbox, matter, raised_at);

-- Whose copy of the desk this is: one row. A copy of the database may know less than its original did later, so no letter
-- leaves it until somebody says so.
CREATE TABLE desk (
    id          INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    home        TEXT NOT NULL,                  -- the database it lives in; one that finds itself in another is a copy
    quiet       INTEGER NOT NULL,               -- 1 while no letter of any kind leaves
    why         TEXT,                           -- why, exactly while it is quiet
    restored_at TEXT,                           -- when it last found itself to be a copy: what its original did until then is not known
    last_letter INTEGER NOT NULL,               -- the last letter it had then
    CHECK ((quiet = 1) = (why IS NOT NULL))
) STRICT;
INSERT INTO desk (id, home, quiet, last_letter) VALUES (1, 'file', 0, 0);

-- An act of erasing: what a rule of retention did on one day, or an order about one person. Kept for three years.
CREATE TABLE erasure (
    id           INTEGER PRIMARY KEY AUTOINCREMENT, -- its number
    cause        TEXT NOT NULL CHECK (cause IN ('rule', 'order')), -- a term that ran out, or `erase ADDRESS`
    subject      TEXT NOT NULL,                 -- whose data, masked; '' where it was those of a rule
    subject_salt TEXT NOT NULL,                 -- what the next is salted with
    subject_hash TEXT NOT NULL,                 -- SHA-256 of salt and address: proves whom it was about to whoever knows the address; '' for a rule
    begun_at     TEXT NOT NULL,                 -- when it began
    finished_at  TEXT,                          -- when all of it was done but copies on the server; NULL: it was interrupted
    unreadable   TEXT CHECK (unreadable IN ('done', 'busy', 'too_large', 'not_owner')) -- what came of making it unreadable in the database's files; NULL: not tried yet
) STRICT;

-- What was erased, a record a line: the extract of the journal. No content is here.
CREATE TABLE erasure_line (
    id      INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of things
    erasure INTEGER NOT NULL REFERENCES erasure (id) ON DELETE CASCADE, -- the act
    at      TEXT NOT NULL,                      -- when
    what    TEXT NOT NULL,                      -- raw, file, message, note, letter, ticket, person, copy, sent_copy
    record  INTEGER NOT NULL,                   -- its number; 0 where it has none
    ticket  INTEGER,                            -- the ticket it was in; no reference, for it may outlive that
    manner  TEXT NOT NULL                       -- erased, or anonymised
) STRICT;
CREATE INDEX erasure_line_of ON erasure_line (erasure, id);
