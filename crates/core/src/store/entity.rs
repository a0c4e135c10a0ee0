//! The rows of the database, one module a table; those of `lease`, `person` and `erasure` are touched by SQL
//! alone. The migrations say what each column means. Nothing outside `store` sees these types.

#![allow(
    unreachable_pub,
    reason = "sea-orm derives code that wants its types public"
)]

/// Writes one table's module: the row type and what sea-orm asks for beside it.
macro_rules! table {
    ($(#[$doc:meta])* $module:ident $name:literal { $($(#[$key:meta])* $column:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        pub(crate) mod $module {
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = $name)]
            pub struct Model { $($(#[$key])* pub $column: $kind,)* }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}
        }
    };
}

table!(folder "folder" {
    #[sea_orm(primary_key, auto_increment = false)] mailbox: String,
    #[sea_orm(primary_key, auto_increment = false)] folder: String,
    #[sea_orm(primary_key, auto_increment = false)] numbering: i64,
    uidvalidity: i64,
    first_seen_at: DateTimeUtc,
});

table!(raw_mail "raw_mail" {
    #[sea_orm(primary_key)] id: i64,
    sha256: String,
    size_bytes: i64,
    complete: bool,
    created_at: DateTimeUtc,
    header_sha256: Option<String>,
    erased_at: Option<DateTimeUtc>,
    unwanted_by: Option<i64>,
});

table!(raw_chunk "raw_chunk" {
    #[sea_orm(primary_key, auto_increment = false)] raw_mail_id: i64,
    #[sea_orm(primary_key, auto_increment = false)] seq: i32,
    bytes: Vec<u8>,
});

table!(ticket "ticket" {
    #[sea_orm(primary_key)] number: i64,
    mailbox: String,
    state: String,
    subject: String,
    requester_address: String,
    requester_name: String,
    assignee: Option<String>,
    receipt_letter: Option<i64>,
    related_ticket: Option<i64>,
    merged_into: Option<i64>,
    received_at: DateTimeUtc,
    created_at: DateTimeUtc,
    updated_at: DateTimeUtc,
    closed_at: Option<DateTimeUtc>,
    erased_at: Option<DateTimeUtc>,
});

table!(ledger "ledger" {
    #[sea_orm(primary_key)] id: i64,
    mailbox: String,
    folder: String,
    uidvalidity: i64,
    numbering: i64,
    uid: i64,
    internal_date: DateTimeUtc,
    size_bytes: i64,
    message_id: Option<String>,
    raw_mail_id: Option<i64>,
    outcome: Option<String>,
    reason: Option<String>,
    ticket: Option<i64>,
    duplicate_of: Option<i64>,
    attempts: i32,
    attempts_alone: i32,
    released: bool,
    marked: bool,
    fetched_at: DateTimeUtc,
    decided_at: Option<DateTimeUtc>,
    copy: Option<String>,
});

table!(message "message" {
    #[sea_orm(primary_key)] id: i64,
    ticket: Option<i64>,
    raw_mail_id: i64,
    author: String,
    login: Option<String>,
    from_address: String,
    from_name: String,
    message_id: String,
    content_hash: String,
    subject: String,
    body: String,
    received_at: DateTimeUtc,
    created_at: DateTimeUtc,
});

table!(attachment "attachment" {
    #[sea_orm(primary_key)] id: i64,
    message: i64,
    part: i32,
    name: String,
    content_type: String,
    size_bytes: i64,
    sha256: String,
    inline: bool,
});

table!(note "note" {
    #[sea_orm(primary_key)] id: i64,
    ticket: i64,
    message: i64,
    login: String,
    held: bool,
    body: String,
    created_at: DateTimeUtc,
});

table!(event "event" {
    #[sea_orm(primary_key)] id: i64,
    ticket: Option<i64>,
    at: DateTimeUtc,
    kind: String,
    actor: String,
    detail: String,
});

table!(command "command" {
    #[sea_orm(primary_key)] id: i64,
    ticket: i64,
    message: i64,
    login: String,
    verb: String,
    address: Option<String>,
    due_at: DateTimeUtc,
    applied_at: Option<DateTimeUtc>,
    cancelled_at: Option<DateTimeUtc>,
    created_at: DateTimeUtc,
});

table!(letter "letter" {
    #[sea_orm(primary_key)] id: i64,
    kind: String,
    lane: String,
    mailbox: String,
    ticket: Option<i64>,
    message: Option<i64>,
    recipient_address: String,
    recipient_name: String,
    recipient_login: Option<String>,
    author_login: Option<String>,
    words: Option<String>,
    with_files: bool,
    verbs: Option<String>,
    put_off: bool,
    message_id: String,
    dedup_key: String,
    state: String,
    due_at: DateTimeUtc,
    attempts: i32,
    tried_since: Option<DateTimeUtc>,
    fence: i64,
    holder: Option<String>,
    lease_until: Option<DateTimeUtc>,
    frozen: Option<Vec<u8>>,
    possibly_twice: bool,
    unanswered_at: Option<DateTimeUtc>,
    sent_folder: Option<String>,
    copy: Option<String>,
    why: Option<String>,
    created_at: DateTimeUtc,
    sent_at: Option<DateTimeUtc>,
    unwanted_by: Option<i64>,
});

table!(heartbeat "heartbeat" {
    #[sea_orm(primary_key, auto_increment = false)] name: String,
    at: DateTimeUtc,
    good_at: Option<DateTimeUtc>,
    problem: Option<String>,
});
