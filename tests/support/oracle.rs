//! What must be true of a desk after any crash, told from the letters that were sent in, the Maildirs and the rows of
//! the database; never from the daemons' own counters.

use std::collections::{BTreeMap, BTreeSet};

use super::desk::Desk;
use super::letter::Letter;
use super::mail::Mail;

/// Checks everything. `asked` are letters that each open a ticket; `answered` are the words of specialists' answers,
/// each told apart from all others.
pub(crate) fn all_is_well(desk: &Desk, asked: &[Letter], answered: &[String]) {
    each_letter_once(desk, asked);
    each_ticket_has_its_letters(desk, asked.len());
    each_mail_is_a_letter_that_was_sent(desk);
    each_answer_arrived(desk, answered);
    desk.nothing_internal_reached_writers(&[]);
    desk.stored_as_served();
    desk.ledger_agrees();
}

/// Every letter in the mailbox has one row with an outcome; every letter that asks, one ticket and one message in it.
fn each_letter_once(desk: &Desk, asked: &[Letter]) {
    let ledger = desk.ledger();
    let mailbox = desk.inbox(&desk.help);
    assert_eq!(
        ledger.len(),
        mailbox.len(),
        "a row for each letter in the mailbox: {ledger:?}"
    );
    let uids: BTreeSet<_> = ledger.iter().map(|row| row.text("uid")).collect();
    assert_eq!(uids.len(), ledger.len(), "a UID has one row: {ledger:?}");
    let undecided: Vec<_> = ledger
        .iter()
        .filter(|row| row.maybe("outcome").is_none())
        .collect();
    assert!(undecided.is_empty(), "{undecided:?}");

    let messages = desk
        .database
        .rows("message_id, ticket, author", "FROM message ORDER BY id");
    let mut numbers = BTreeSet::new();
    for letter in asked {
        let id = letter.message_id();
        let stored: Vec<_> = mailbox
            .iter()
            .filter(|mail| mail.message_id == id)
            .collect();
        assert!(
            stored.len() == 1 && stored[0].says(&letter.uuid),
            "{id} is in the mailbox"
        );
        let rows: Vec<_> = ledger
            .iter()
            .filter(|row| row.maybe("message_id") == Some(id))
            .collect();
        assert_eq!(rows.len(), 1, "{id}: {rows:?}");
        assert_eq!(rows[0].text("outcome"), "ticket", "{rows:?}");
        assert!(
            numbers.insert(rows[0].number("ticket")),
            "a ticket of its own: {rows:?}"
        );
        let entries: Vec<_> = messages
            .iter()
            .filter(|row| row.text("message_id") == id)
            .collect();
        assert_eq!(entries.len(), 1, "{id}: {entries:?}");
        assert_eq!(entries[0].maybe("ticket"), rows[0].maybe("ticket"));
    }
    assert_eq!(desk.tickets().len(), asked.len(), "no ticket but theirs");
    assert_eq!(messages.len(), ledger.len(), "one message a letter");
}

/// Every ticket is named by one receipt and told once to each specialist, by a notice or in a digest. Tickets are those of first letters alone.
fn each_ticket_has_its_letters(desk: &Desk, tickets: usize) {
    let letters = desk.letters();
    let of = |kind: &'static str| letters.iter().filter(move |row| row.text("kind") == kind);
    let lines = desk.database.rows(
        "d.ticket, l.recipient_address",
        "FROM digest_line d JOIN letter l ON l.id = d.letter",
    );
    let told: Vec<(&str, &str)> = of("notice")
        .map(|row| (row.text("ticket"), row.text("recipient_address")))
        .chain(
            lines
                .iter()
                .map(|row| (row.text("d.ticket"), row.text("l.recipient_address"))),
        )
        .collect();
    let once: BTreeSet<_> = told.iter().collect();
    assert_eq!(
        (told.len(), once.len()),
        (2 * tickets, 2 * tickets),
        "each ticket once to each specialist: {told:?}"
    );
    for ticket in desk.tickets() {
        let named = ticket.text("receipt_letter");
        assert!(
            of("receipt").any(|row| row.text("id") == named),
            "{ticket:?}"
        );
    }
    let confirmed: BTreeSet<_> = of("receipt").map(|row| row.text("ticket")).collect();
    assert_eq!(
        confirmed.len(),
        of("receipt").count(),
        "a receipt a ticket at most: {letters:?}"
    );
}

/// What arrived is what the outbox says was sent, to whom it says. Twice only where the outbox admits it, and then
/// byte for byte the same.
fn each_mail_is_a_letter_that_was_sent(desk: &Desk) {
    let letters = desk.letters();
    let mut arrived: BTreeMap<(String, String), Vec<Mail>> = BTreeMap::new();
    for address in [&desk.rita, &desk.olga, &desk.ivan, &desk.anna] {
        for mail in desk.inbox(address) {
            let copies = arrived
                .entry((mail.message_id.clone(), address.clone()))
                .or_default();
            copies.push(mail);
        }
    }
    for ((id, address), copies) in &arrived {
        let row = letters.iter().find(|row| row.text("message_id") == id);
        let row =
            row.unwrap_or_else(|| panic!("{address} has a mail that is no letter of ours: {id}"));
        assert_eq!(row.text("state"), "sent", "{row:?}");
        assert_eq!(base(row.text("recipient_address")), *address, "{row:?}");
        if copies.len() > 1 {
            assert_eq!(
                row.maybe("why"),
                Some("possibly sent twice"),
                "{} copies: {row:?}",
                copies.len()
            );
        }
        let first = copies[0].submitted();
        assert!(
            copies.iter().all(|copy| copy.submitted() == first),
            "two different mails: {row:?}"
        );
    }
    for row in letters.iter().filter(|row| row.text("state") == "sent") {
        let key = (
            row.text("message_id").to_owned(),
            base(row.text("recipient_address")),
        );
        assert!(
            arrived.contains_key(&key),
            "said to be sent, and never arrived: {row:?}"
        );
    }
}

/// Every answer is one letter and reached its reader.
fn each_answer_arrived(desk: &Desk, answered: &[String]) {
    let inboxes: Vec<Mail> = [&desk.rita, &desk.olga]
        .iter()
        .flat_map(|address| desk.inbox(address))
        .collect();
    for words in answered {
        let ids: BTreeSet<_> = inboxes
            .iter()
            .filter(|mail| mail.says(words))
            .map(|mail| &mail.message_id)
            .collect();
        assert_eq!(ids.len(), 1, "{words:?} is one letter: {ids:?}");
    }
    let answers = desk.database.count("letter WHERE kind = 'answer'");
    assert_eq!(
        answers,
        i64::try_from(answered.len()).expect("few"),
        "no answer but theirs"
    );
}

/// The address without what stands behind a plus.
fn base(address: &str) -> String {
    match (address.split_once('+'), address.split_once('@')) {
        (Some((local, _)), Some((_, domain))) => format!("{local}@{domain}"),
        _ => address.to_owned(),
    }
}
