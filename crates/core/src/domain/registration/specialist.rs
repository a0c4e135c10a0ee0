//! Letters of specialists: answers, notes and commands. Whatever is not certain is kept and told to its author;
//! leaking is worse than delay.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    AboutOwnLetter, Answer, AnswerWords, ColleagueAnswered, Facts, Hold, NewCommand, NewEvent,
    NewLetter, NewMessage, NewNote, Outcome, OwnLetter, Registration, Settled, Settlement,
    SpecialistLetter, TicketChange, TicketFacts, Unsent, Verb, WriterLetter, WriterWrote,
};
use crate::domain::address::EmailAddress;
use crate::domain::alert::Alert;
use crate::domain::command::{self, Command, CommandError, Instructions};
use crate::domain::desk::{Desk, Specialist};
use crate::domain::files::{is_logo, withheld};
use crate::domain::gate::first_minute;
use crate::domain::incoming::{Attachment, IncomingMail};
use crate::domain::letter::{Kind, Lane};
use crate::domain::proof::Proof;
use crate::domain::reply_text::{ReplyContext, certain_top, reply_text, requester_text};
use crate::domain::thanks::is_only_thanks;
use crate::domain::ticket::{Event, apply};

/// Letters a day to one specialist about replies to such letters, where these order nothing: two programs would talk to each
/// other for ever (promise P15).
const AGAIN_PER_DAY: u32 = 2;
/// The same where they order something, as programs do not.
const ORDERS_AGAIN_PER_DAY: u32 = 20;
/// Words of others that a letter about a letter repeats, in characters.
const SHOWN_CHARS: usize = 2000;

/// A specialist's reply to a letter that was sent to him about a ticket.
pub(super) struct Reply<'a> {
    pub mail: &'a IncomingMail,
    pub proof: &'a Proof,
    pub facts: &'a Facts,
    pub specialist: &'a Specialist,
    pub ticket: &'a TicketFacts,
    pub desk: &'a Desk,
    pub now: DateTime<Utc>,
}

/// What is kept of a letter that is not sent.
struct Kept<'a> {
    /// All that may be its author's.
    body: &'a str,
    /// Whether it was meant as an answer.
    held: bool,
    /// What can be let go of it: nothing if it is empty.
    draft: Draft,
}

/// What would be sent.
#[derive(Default)]
struct Draft {
    words: String,
    with_files: bool,
    verbs: Vec<Verb>,
}

impl Reply<'_> {
    /// Returns what the reply causes.
    pub(super) fn decide(&self) -> Registration {
        let mail = self.mail;
        let whole = mail.body.as_str();
        let name = mail.sender_name();
        let context = ReplyContext::of_reply(name.as_str());
        let text = reply_text(whole, context);
        let quoting_file = mail.attachments.iter().find(|file| file.may_quote_us);
        let with_files = self.has_files() && quoting_file.is_none();
        let keep = |body, words, verbs| Kept {
            body,
            held: true,
            draft: Draft {
                words,
                with_files,
                verbs,
            },
        };
        let to_us = mail.to.iter().any(|address| self.desk.is_own(address));
        if mail.is_forward() || !to_us {
            let own = text.certain().map(command::words_alone);
            let draft = Draft {
                words: own.unwrap_or_default(),
                ..Draft::default()
            };
            let (body, held) = (whole, false);
            return self.kept_back(Kept { body, held, draft }, OwnLetter::ForwardKept);
        }
        let Some(own) = text.certain() else {
            let top = command::words_alone(&certain_top(whole, context));
            return self.kept_back(keep(whole, top, Vec::new()), OwnLetter::QuotationUncertain);
        };
        let instructions = match command::parse(own) {
            Ok(instructions) => instructions,
            Err(error) => {
                let kept = keep(own, command::words_alone(own), Vec::new());
                return self.kept_back(kept, explain(error));
            }
        };
        let says_nothing = instructions.words.is_empty() && !self.has_files();
        let answers = !instructions.is_note() && !says_nothing;
        if instructions.cancels() {
            return self.withdraw();
        }
        if instructions.sends()
            || instructions.closes() && says_nothing && self.draft_answered().is_some()
        {
            return self.send(&instructions);
        }
        if instructions.commands.is_empty() && says_nothing {
            return self.kept_back(keep("", String::new(), Vec::new()), OwnLetter::Empty);
        }
        match self.why_not(&instructions, answers, quoting_file) {
            Some(why) => {
                let verbs = verbs(&instructions, false);
                let words = if answers { &instructions.words } else { "" };
                self.kept_back(keep(words, words.to_owned(), verbs), why)
            }
            None => self.carry_out(instructions, answers),
        }
    }

    /// Why an answer, or an order to close, must wait for its author's word.
    fn why_not(
        &self,
        instructions: &Instructions,
        answers: bool,
        quoting_file: Option<&Attachment>,
    ) -> Option<OwnLetter> {
        if let Some(address) = instructions
            .address
            .as_ref()
            .filter(|one| self.is_ours(one))
        {
            let address = address.to_string();
            return Some(OwnLetter::AddressNotAllowed { address });
        }
        if !answers {
            let overtaken = instructions.closes() && self.writer_since().is_some();
            return overtaken.then(|| self.stale());
        }
        if let Some(file) = quoting_file {
            let name = file.name.clone();
            return Some(OwnLetter::FileMayQuoteUs { name });
        }
        let names = withheld(&self.mail.attachments);
        if !names.is_empty() {
            return Some(OwnLetter::FilesWithheld {
                names: names.join(", "),
            });
        }
        // A mail program may have put the pictures of what it quotes there.
        if instructions.words.is_empty() && self.mail.attachments.iter().all(|file| file.inline) {
            return Some(OwnLetter::OnlyPictures);
        }
        let Some(address) = instructions
            .address
            .as_ref()
            .or(self.ticket.requester.as_ref())
        else {
            return Some(OwnLetter::NoWriterAddress);
        };
        let orders = !instructions.commands.is_empty();
        if self.answers_own_letter() && !orders && self.draft_answered().is_none() {
            return Some(OwnLetter::NotAnOrder);
        }
        if self.facts.since.colleague.is_some() || self.writer_since().is_some() {
            return Some(self.stale());
        }
        let refused = self.facts.dead_address.as_ref();
        refused
            .filter(|_| Some(address) == self.ticket.requester.as_ref())
            .map(|why| OwnLetter::AddressRefused {
                address: address.to_string(),
                why: why.clone(),
            })
    }

    /// Whether an address cannot be a writer's: it is the desk's, or of somebody who works there, or has no domain of the world.
    fn is_ours(&self, address: &EmailAddress) -> bool {
        let is_his = |one: &Specialist| one.address == *address || one.aliases.contains(address);
        self.desk.is_own(address)
            || self.desk.operator.as_ref() == Some(address)
            || self.desk.specialists.iter().any(is_his)
            || !address.domain().contains('.')
    }

    fn has_files(&self) -> bool {
        !self.mail.attachments.iter().all(is_logo)
    }

    /// Whether the reply answers a letter about a letter of his own.
    fn answers_own_letter(&self) -> bool {
        let kind = self.proof.answers_kind.as_deref();
        [Kind::OwnLetter, Kind::Delivery]
            .iter()
            .any(|one| kind == Some(one.as_str()))
    }

    /// The held answer that the letter he replies to is about.
    fn draft_answered(&self) -> Option<&Unsent> {
        let entry = self.proof.answers_entry?;
        let mut held = self.facts.unsent.iter().filter(|unsent| unsent.held);
        held.find(|unsent| self.answers_own_letter() && unsent.entry == entry)
    }

    /// What the writer wrote after the letter that is answered, unless it is only thanks.
    fn writer_since(&self) -> Option<&WriterWrote> {
        let since = self.facts.since.writer.as_ref();
        since.filter(|wrote| {
            let context = ReplyContext::of_reply(self.ticket.requester_name.as_str());
            !is_only_thanks(&requester_text(&wrote.words, context))
        })
    }

    fn stale(&self) -> OwnLetter {
        let shown = |words: &str| words.chars().take(SHOWN_CHARS).collect::<String>();
        let name = |login: &str| {
            let colleague = self.desk.by_login(login);
            colleague.map_or(login, |one| &one.name).to_owned()
        };
        OwnLetter::Stale {
            colleague: self
                .facts
                .since
                .colleague
                .as_ref()
                .map(|one| ColleagueAnswered {
                    who: name(&one.who),
                    at: one.at,
                    words: shown(&one.words),
                }),
            writer: self.writer_since().map(|one| WriterWrote {
                at: one.at,
                words: shown(&one.words),
            }),
        }
    }

    /// Carries out what a reply orders: at once in business hours, else at the next opening; an answer after the time in
    /// which it may be withdrawn. A note is kept at any hour.
    fn carry_out(&self, instructions: Instructions, answers: bool) -> Registration {
        let (specialist, ticket, now) = (self.specialist, self.ticket, self.now);
        let login = specialist.login.as_str();
        let recall = if answers {
            self.desk.recall
        } else {
            TimeDelta::zero()
        };
        let due_at = first_minute(Lane::Worker, &self.desk.calendar, now + recall);
        let ordered = verbs(&instructions, answers);
        let what = if answers {
            "an answer"
        } else if instructions.is_note() {
            "a note"
        } else {
            "a command"
        };
        let mut registration = on_ticket(specialist, ticket, what);
        if instructions.is_note() && !instructions.words.is_empty() {
            registration.note = Some(NewNote {
                login: login.to_owned(),
                body: instructions.words.clone(),
                held: false,
            });
            registration.events.push(NewEvent::new("note", login, ""));
        }
        let address = instructions.address.as_ref();
        if let (true, Some(to)) = (answers, address.or(ticket.requester.as_ref())) {
            registration.letters.push(NewLetter::ToWriter {
                address: to.clone(),
                name: ticket.requester_name.clone(),
                due_at,
                letter: WriterLetter::Answer(Answer {
                    author: login.to_owned(),
                    words: AnswerWords(instructions.words),
                    with_files: true,
                    held: None,
                }),
            });
            self.replace_all_but(None, &mut registration);
        }
        let replaces = registration.settled.iter().any(|one| !one.unsent.held);
        let accepted = OwnLetter::Accepted {
            at: due_at,
            answer: answers,
            replaces,
            orders: ordered.iter().any(|verb| *verb != Verb::Answer),
        };
        self.order(&mut registration, ordered, address, due_at);
        if due_at - now > recall && !registration.commands.is_empty() {
            self.tell(&mut registration, accepted, None, true);
        }
        registration
    }

    /// Orders `verbs`, to take effect at `due_at`: now, or then by the worker.
    fn order(
        &self,
        registration: &mut Registration,
        verbs: Vec<Verb>,
        address: Option<&EmailAddress>,
        due_at: DateTime<Utc>,
    ) {
        let (specialist, ticket) = (self.specialist, self.ticket);
        let applied = due_at <= self.now;
        if applied {
            let state = verbs
                .iter()
                .fold(ticket.state, |state, verb| apply(state, verb.event()).to);
            registration.ticket = TicketChange::Existing {
                number: ticket.number,
                state,
                assignee: assignee_after(ticket.assignee.as_deref(), &verbs, specialist),
            };
            let events = verbs
                .iter()
                .map(|verb| NewEvent::new(verb.event_kind(), &specialist.login, ""));
            registration.events.extend(events);
        }
        registration.commands = verbs
            .into_iter()
            .map(|verb| NewCommand {
                verb,
                address: address.filter(|_| verb == Verb::Address).cloned(),
                due_at,
                applied,
            })
            .collect();
    }

    /// Lets a held answer go.
    fn send(&self, instructions: &Instructions) -> Registration {
        let mut registration = on_ticket(self.specialist, self.ticket, "a word about an answer");
        let held = || self.facts.unsent.iter().rfind(|unsent| unsent.held);
        let Some(unsent) = self.draft_answered().or_else(held) else {
            self.tell(&mut registration, OwnLetter::NothingWaits, None, true);
            return registration;
        };
        if self.facts.since.colleague.is_some() || self.writer_since().is_some() {
            let draft = Some(unsent.words.clone());
            self.tell(&mut registration, self.stale(), draft, true);
            return registration;
        }
        let due_at = first_minute(Lane::Worker, &self.desk.calendar, self.now);
        self.replace_all_but(Some(unsent), &mut registration);
        let replaces = !registration.settled.is_empty();
        registration.settled.push(Settled {
            unsent: unsent.clone(),
            how: Settlement::Send {
                due_at,
                without_files: instructions.without_files,
            },
        });
        registration
            .events
            .push(NewEvent::new("released", &self.specialist.login, ""));
        let mut ordered = verbs(instructions, true);
        for verb in &unsent.verbs {
            if !ordered.contains(verb) {
                ordered.push(*verb);
            }
        }
        self.order(
            &mut registration,
            ordered,
            instructions.address.as_ref(),
            due_at,
        );
        if due_at > self.now {
            let orders = registration.commands.iter();
            let accepted = OwnLetter::Accepted {
                at: due_at,
                answer: true,
                replaces,
                orders: orders.into_iter().any(|order| order.verb != Verb::Answer),
            };
            self.tell(&mut registration, accepted, None, true);
        }
        registration
    }

    /// Takes back what has not left or taken effect: what the letter he replies to is about, or his latest.
    fn withdraw(&self) -> Registration {
        let mut registration = on_ticket(self.specialist, self.ticket, "a word about an answer");
        let entry = self.proof.answers_entry;
        let unsent = &self.facts.unsent;
        // What the letter he answers is about; all, where it is about nothing that waits.
        let is_meant = |unsent: &&Unsent| self.answers_own_letter() && Some(unsent.entry) == entry;
        let meant: Vec<&Unsent> = match unsent.iter().find(is_meant) {
            Some(one) => vec![one],
            None => unsent.iter().collect(),
        };
        let what = if meant.is_empty() {
            OwnLetter::NothingWaits
        } else {
            OwnLetter::Withdrawn {
                more: meant.len() < unsent.len(),
            }
        };
        for unsent in meant {
            // What was to leave at once has moved the ticket already.
            let moved = unsent.letter.is_some() && !unsent.held && !unsent.put_off;
            if let (true, TicketChange::Existing { state, .. }) = (moved, &mut registration.ticket)
            {
                *state = apply(*state, Event::Bounced).to;
            }
            registration.settled.push(Settled {
                unsent: unsent.clone(),
                how: Settlement::Withdraw,
            });
            let event = NewEvent::new("withdrawn", &self.specialist.login, "");
            registration.events.push(event);
        }
        self.tell(&mut registration, what, None, true);
        registration
    }

    /// Earlier versions of an answer give way to the one that goes now; orders given alone stand.
    fn replace_all_but(&self, kept: Option<&Unsent>, registration: &mut Registration) {
        let others = self.facts.unsent.iter().filter(|unsent| {
            unsent.letter.is_some()
                && (unsent.held || unsent.put_off)
                && Some(unsent.entry) != kept.map(|kept| kept.entry)
        });
        registration.settled.extend(others.map(|unsent| Settled {
            unsent: unsent.clone(),
            how: Settlement::Replace,
        }));
    }

    /// Keeps a letter as words for specialists, what can be sent of it as a held answer, and tells its author why.
    fn kept_back(&self, kept: Kept<'_>, why: OwnLetter) -> Registration {
        let Kept { body, held, draft } = kept;
        let login = self.specialist.login.as_str();
        let what = if held {
            "an answer that was not sent"
        } else {
            "a note"
        };
        let mut registration = on_ticket(self.specialist, self.ticket, what);
        registration.note = Some(NewNote {
            login: login.to_owned(),
            body: body.to_owned(),
            held,
        });
        let event = NewEvent::new(if held { "held" } else { "note" }, login, "");
        registration.events.push(event);
        let mut shown = None;
        let can_go = !draft.words.is_empty() || draft.with_files;
        if let (true, Some(address)) = (can_go, &self.ticket.requester) {
            shown = Some(draft.words.clone());
            registration.letters.push(NewLetter::ToWriter {
                address: address.clone(),
                name: self.ticket.requester_name.clone(),
                due_at: self.now,
                letter: WriterLetter::Answer(Answer {
                    author: login.to_owned(),
                    words: AnswerWords(draft.words),
                    with_files: draft.with_files,
                    held: Some(Hold {
                        why: why_held(&why),
                        verbs: draft.verbs,
                    }),
                }),
            });
            let held = self.facts.unsent.iter().filter(|unsent| unsent.held);
            registration.settled.extend(held.map(|unsent| Settled {
                unsent: unsent.clone(),
                how: Settlement::Replace,
            }));
        }
        self.tell(&mut registration, why, shown, false);
        registration
    }

    /// Tells the author what became of his letter; at the end of a chain of such letters the operator instead.
    fn tell(
        &self,
        registration: &mut Registration,
        what: OwnLetter,
        draft: Option<String>,
        ordered: bool,
    ) {
        let again = self.answers_own_letter();
        let limit = if ordered {
            ORDERS_AGAIN_PER_DAY
        } else {
            AGAIN_PER_DAY
        };
        if again && self.facts.again_today >= limit {
            registration.alert = Some(Alert::replies_of(&self.specialist.login));
            return;
        }
        registration.letters.push(NewLetter::ToSpecialist {
            login: self.specialist.login.clone(),
            due_at: self.now,
            letter: SpecialistLetter::OwnLetter(AboutOwnLetter {
                what,
                draft,
                again,
                unvouched: false,
            }),
        });
    }
}

/// The verbs that instructions order.
fn verbs(instructions: &Instructions, answers: bool) -> Vec<Verb> {
    let ordered = [
        (instructions.address.is_some(), Verb::Address),
        (instructions.takes(), Verb::Take),
        (answers, Verb::Answer),
        (instructions.closes(), Verb::Close),
    ];
    ordered
        .into_iter()
        .filter_map(|(is_ordered, verb)| is_ordered.then_some(verb))
        .collect()
}

/// Why an answer waits, for the operator.
fn why_held(why: &OwnLetter) -> &'static str {
    match why {
        OwnLetter::Stale { .. } => {
            "waits for its author: something came after the letter he answers"
        }
        OwnLetter::AddressRefused { .. } => "waits for its author: the address refused a letter",
        OwnLetter::QuotationUncertain => "waits for its author: only its top is certainly his",
        OwnLetter::FileMayQuoteUs { .. } => {
            "waits for its author: a file of it may hold a letter of the desk"
        }
        OwnLetter::FilesWithheld { .. } => "waits for its author: a file of it does not travel",
        OwnLetter::OnlyPictures => "waits for its author: there are only pictures",
        OwnLetter::ForwardKept => "waits for its author: his letter was forwarded, not an answer",
        OwnLetter::NotAnOrder => "waits for its author: it answers a letter about his own letter",
        _ => "waits for its author: a command was not understood",
    }
}

/// What its author is told of commands that cannot be carried out.
fn explain(error: CommandError) -> OwnLetter {
    let hash = |word: &str| format!("#{word}");
    match error {
        CommandError::Unknown {
            written,
            suggestion,
        } => OwnLetter::CommandNotUnderstood {
            written,
            suggestion: suggestion.map(str::to_owned),
        },
        CommandError::NotYet { word } => OwnLetter::CommandNotYet {
            written: hash(word),
        },
        CommandError::InTheMiddle { command } => OwnLetter::CommandsUnclear {
            written: hash(command.word()),
        },
        CommandError::NoteNotFirst => OwnLetter::CommandsUnclear {
            written: hash(Command::Note.word()),
        },
        CommandError::NoArgument { written, .. } | CommandError::NoAddress { written, .. } => {
            OwnLetter::CommandsUnclear { written }
        }
        CommandError::BesideWords { command } => OwnLetter::CommandsUnclear {
            written: hash(command.word()),
        },
        CommandError::Contradiction { one, other } => OwnLetter::CommandsUnclear {
            written: format!("{} {}", hash(one.word()), hash(other.word())),
        },
        CommandError::TooMany { found } => OwnLetter::CommandsUnclear {
            written: found.to_string(),
        },
    }
}

/// Returns who has the ticket after `verbs` of `specialist`: whoever takes it, or the first to answer what nobody has.
pub(crate) fn assignee_after(
    assignee: Option<&str>,
    verbs: &[Verb],
    specialist: &Specialist,
) -> Option<String> {
    let takes = verbs.contains(&Verb::Take) || assignee.is_none() && verbs.contains(&Verb::Answer);
    if takes {
        Some(specialist.login.clone())
    } else {
        assignee.map(str::to_owned)
    }
}

/// A registration on a ticket that does not move it.
fn on_ticket(specialist: &Specialist, ticket: &TicketFacts, what: &str) -> Registration {
    let mut registration = Registration::kept(
        Outcome::Command,
        format!("{what} of {} to ticket {}", specialist.login, ticket.number),
        Some(NewMessage::Specialist(specialist.login.clone())),
    );
    registration.ticket = TicketChange::Existing {
        number: ticket.number,
        state: ticket.state,
        assignee: ticket.assignee.clone(),
    };
    registration
}
