//! What-if: letters and replies of days to come go through the real decisions on a clock that jumps, in a database that is
//! thrown away, and what would leave when is told. Nothing is sent, and nothing of the desk's own is touched.

pub mod script;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::BASE64;
use ninetosix_core::cli::printable;
use ninetosix_core::config::{Database, Settings};
use ninetosix_core::domain::address::EmailAddress;
use ninetosix_core::domain::desk::{Desk, Vouching};
use ninetosix_core::domain::gate::{Gate, first_minute, may_begin};
use ninetosix_core::domain::letter::{Kind, Lane};
use ninetosix_core::domain::outgoing::{Content, Letterhead, WriterContent};
use ninetosix_core::domain::token::{TokenKey, TokenKeys};
use ninetosix_core::mail::parse;
use ninetosix_core::store::Store;
use ninetosix_core::store::folder::FolderKey;
use ninetosix_core::store::intake::Listed;
use ninetosix_core::store::outbox::{Claimed, Ending};
use ninetosix_core::store::registration::Registrar;
use ninetosix_core::tell;
use serde::Serialize;

use script::{Happening, What};

/// More steps than a script that ends can need.
const STEPS: usize = 100_000;
const HOLDER: &str = "simulate/0/0";

/// Something that would happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When.
    pub at: DateTime<Utc>,
    /// What: `arrives`, the kind of a letter that leaves, `carried_out`, `deadline`.
    pub what: String,
    /// The ticket it is about.
    pub ticket: Option<i64>,
    /// Who writes, or to whom a letter goes.
    pub who: Option<String>,
    /// More about it.
    pub words: String,
}

/// What a deadline is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Term {
    FirstAnswer,
    Solution,
}

impl Term {
    fn words(self) -> &'static str {
        match self {
            Term::FirstAnswer => "the first answer is due",
            Term::Solution => "the solution is due",
        }
    }
}

/// A desk whose days are played.
struct Simulation {
    store: Store,
    desk: Desk,
    key: TokenKeys,
    letterhead: Letterhead,
    mailbox: EmailAddress,
    now: DateTime<Utc>,
    uid: u32,
    /// The ticket of each letter of the script.
    tickets: BTreeMap<usize, i64>,
    /// The latest notice of a ticket to a specialist.
    notices: BTreeMap<(i64, EmailAddress), String>,
    /// Deadlines to come.
    deadlines: BTreeSet<(DateTime<Utc>, i64, Term)>,
    events: Vec<Event>,
    _dir: tempfile::TempDir,
}

/// Plays `script` for the desk as `mailbox` sees it, until `to`, and returns what would happen in order.
///
/// # Errors
/// If the database that is thrown away cannot be written, or the script never ends.
pub async fn run(
    settings: &Settings,
    mailbox: &EmailAddress,
    script: &[Happening],
    to: DateTime<Utc>,
) -> anyhow::Result<Vec<Event>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("simulation.db");
    let database = Database::Sqlite { path };
    let store = Store::connect(&database).await?;
    store.migrate(&database).await?;
    let mut desk = settings.desk_of(mailbox.as_str());
    // No server is there to vouch for a reply of the script.
    desk.vouching = Vouching::Nobody;
    let mut simulation = Simulation {
        store,
        desk,
        // Tokens of a desk that nobody writes to.
        key: TokenKeys::new(TokenKey::new('1', [0; 32]), None),
        letterhead: Letterhead {
            desk: settings.desk.name.clone(),
            phones: Vec::new(),
        },
        mailbox: mailbox.clone(),
        now: DateTime::<Utc>::MIN_UTC,
        uid: 0,
        tickets: BTreeMap::new(),
        notices: BTreeMap::new(),
        deadlines: BTreeSet::new(),
        events: Vec::new(),
        _dir: dir,
    };
    simulation.play(script, to).await?;
    Ok(simulation.events)
}

impl Simulation {
    async fn play(&mut self, script: &[Happening], to: DateTime<Utc>) -> anyhow::Result<()> {
        let mut script = script.iter().peekable();
        for _ in 0..STEPS {
            let arrival = script.peek().map(|happening| happening.at);
            let Some(next) = self.next(arrival).await?.filter(|next| *next < to) else {
                return Ok(());
            };
            self.now = next;
            while let Some(happening) = script.next_if(|happening| happening.at <= next) {
                self.happens(&happening.what).await?;
            }
            let poll = format!("poll:{}", self.mailbox);
            self.store.beat(&poll, None, self.now).await?;
            self.carry_out().await?;
            for lane in [Lane::Poller, Lane::Worker] {
                self.send(lane).await?;
            }
            self.tell_deadlines().await?;
        }
        anyhow::bail!("it does not come to an end: {STEPS} steps by {}", self.now)
    }

    /// The next moment at which anything can happen, after the present one.
    async fn next(&self, arrival: Option<DateTime<Utc>>) -> anyhow::Result<Option<DateTime<Utc>>> {
        let mut moments: Vec<DateTime<Utc>> = arrival.into_iter().collect();
        let worker = |at| first_minute(Lane::Worker, &self.desk.calendar, at);
        let later = |at: DateTime<Utc>| at.max(self.now + TimeDelta::seconds(1));
        let receipts = self.store.oldest_due(Lane::Poller).await?.into_iter();
        moments.extend(receipts.map(|(_, at)| later(at)));
        let due = self.store.oldest_due(Lane::Worker).await?.into_iter();
        moments.extend(due.map(|(_, at)| worker(later(at))));
        let awaited = self.store.awaited_read(self.mailbox.as_str()).await?;
        moments.extend(awaited.map(|at| worker(later(at))));
        moments.extend(self.deadlines.first().map(|(at, ..)| *at));
        Ok(moments.into_iter().min())
    }

    async fn happens(&mut self, what: &What) -> anyhow::Result<()> {
        match what {
            What::Letter {
                number,
                from,
                subject,
            } => {
                let raw = letter(
                    from,
                    &self.mailbox,
                    self.uid,
                    subject,
                    None,
                    "Помогите, пожалуйста.",
                );
                let ticket = self.register(raw, from, subject).await?;
                self.tickets.extend(ticket.map(|ticket| (*number, ticket)));
            }
            What::Reply {
                letter: number,
                login,
                words,
            } => {
                let ticket = self.tickets.get(number).copied();
                let specialist = self.desk.by_login(login).map(|found| found.address.clone());
                let notice = ticket.zip(specialist).and_then(|(ticket, specialist)| {
                    let notice = self.notices.get(&(ticket, specialist.clone()))?;
                    Some((specialist, notice.clone()))
                });
                let Some((from, notice)) = notice else {
                    let why = format!(
                        "{login} cannot reply to letter {number}: no notice of it has reached him by then"
                    );
                    self.tell("arrives", ticket, Some(login.clone()), why);
                    return Ok(());
                };
                let raw = letter(&from, &self.mailbox, self.uid, "Re:", Some(&notice), words);
                self.register(raw, &from, words).await?;
            }
        }
        Ok(())
    }

    /// Registers a letter as the poller would.
    async fn register(
        &mut self,
        raw: Vec<u8>,
        from: &EmailAddress,
        words: &str,
    ) -> anyhow::Result<Option<i64>> {
        self.uid += 1;
        let name = format!("mailbox:{}", self.mailbox);
        let held = self.store.take_lease(&name, HOLDER, self.now).await?;
        let held = held.ok_or_else(|| anyhow::anyhow!("the lease is held"))?;
        let folder = FolderKey {
            mailbox: self.mailbox.to_string(),
            folder: "INBOX".to_owned(),
            uidvalidity: 1,
            numbering: 1,
        };
        let mail = parse::parse(&raw);
        let listed = Listed {
            uid: self.uid,
            internal_date: self.now,
            size_bytes: raw.len() as u64,
            message_id: None,
        };
        let letters = [(listed, raw)];
        self.store
            .store_raw(&folder, &letters, &held, self.now)
            .await?;
        let mut ticket = None;
        for pending in self.store.pending(self.mailbox.as_str(), 1).await? {
            let registered = self
                .store
                .register(self.registrar(), &pending, &mail, &held, self.now)
                .await?;
            let Some(registered) = registered else {
                continue;
            };
            ticket = registered.ticket;
            let outcome = registered.outcome.as_str();
            let words = format!("{outcome}: {}", words.lines().next().unwrap_or_default());
            self.tell("arrives", ticket, Some(from.to_string()), words);
            if let Some(number) = ticket {
                self.await_deadlines(number).await?;
            }
        }
        Ok(ticket)
    }

    /// Carries out what specialists ordered, as the worker would.
    async fn carry_out(&mut self) -> anyhow::Result<()> {
        if !self.desk.calendar.is_open(self.now) {
            return Ok(());
        }
        let applied = self
            .store
            .apply_due_commands(self.registrar(), self.now)
            .await?;
        if applied > 0 {
            let words = format!("{applied} orders that were given outside business hours");
            self.tell("carried_out", None, None, words);
            for number in self.tickets.clone().into_values() {
                self.await_deadlines(number).await?;
            }
        }
        Ok(())
    }

    /// Sends everything of a lane that may leave now: the server takes it all at once.
    async fn send(&mut self, lane: Lane) -> anyhow::Result<()> {
        while may_begin(lane, &self.desk.calendar, self.now) == Gate::Open {
            let claimed = self
                .store
                .claim(lane, self.mailbox.as_str(), HOLDER, self.now)
                .await?;
            let Some(claimed) = claimed else { break };
            let content = self
                .store
                .content(self.registrar(), &self.letterhead, &claimed, self.now)
                .await?;
            let words = self.said(&content);
            if let (Kind::Notice, Some(ticket), Some(to)) =
                (claimed.kind, claimed.ticket, &claimed.recipient)
            {
                let notice = claimed.message_id.clone();
                self.notices.insert((ticket, to.clone()), notice);
            }
            self.leaves(&claimed, words).await?;
        }
        Ok(())
    }

    async fn leaves(&mut self, claimed: &Claimed, words: String) -> anyhow::Result<()> {
        let to = claimed.recipient.as_ref().map(ToString::to_string);
        self.tell(claimed.kind.as_str(), claimed.ticket, to, words);
        self.store
            .finish(self.registrar(), claimed, &Ending::Sent, self.now)
            .await?;
        Ok(())
    }

    /// What a letter says about time.
    fn said(&self, content: &Content) -> String {
        let Content::Writer(
            _,
            WriterContent::Receipt {
                beginning,
                numbers,
                more,
                ..
            },
        ) = content
        else {
            return String::new();
        };
        let mut said = if beginning.open {
            "work has begun".to_owned()
        } else {
            format!("work begins {}", self.local(beginning.begins))
        };
        if let Some(at) = beginning.answer_by {
            said.push_str(&format!(", an answer by {}", self.local(at)));
        }
        if let Some(year) = beginning.provisional {
            said.push_str(&format!(" (provisional: no calendar of {year} yet)"));
        }
        let named = numbers.len() as i64 + more;
        if named > 1 {
            said.push_str(&format!("; names {named} tickets"));
        }
        said
    }

    /// Awaits the deadlines of a ticket as they stand now.
    async fn await_deadlines(&mut self, number: i64) -> anyhow::Result<()> {
        let due = self.due(number).await?.into_iter();
        let ahead = due.filter(|(due, _)| *due > self.now);
        self.deadlines
            .extend(ahead.map(|(due, term)| (due, number, term)));
        Ok(())
    }

    /// The terms of a ticket that run, and when each is used up.
    async fn due(&self, number: i64) -> anyhow::Result<Vec<(DateTime<Utc>, Term)>> {
        let terms = self
            .store
            .terms(number, &self.desk.calendar, self.desk.terms, self.now)
            .await?;
        let Some(terms) = terms else {
            return Ok(Vec::new());
        };
        let first = terms
            .first_answer_due
            .filter(|_| terms.first_answer_at.is_none());
        let solution = terms.solution_due.filter(|_| terms.solved_at.is_none());
        let due = [(first, Term::FirstAnswer), (solution, Term::Solution)];
        Ok(due
            .into_iter()
            .filter_map(|(due, term)| Some((due?, term)))
            .collect())
    }

    /// Tells the deadlines of this moment that stand.
    async fn tell_deadlines(&mut self) -> anyhow::Result<()> {
        while let Some((at, number, term)) = self.deadlines.first().copied() {
            if at > self.now {
                break;
            }
            self.deadlines.pop_first();
            if self.due(number).await?.contains(&(at, term)) {
                self.tell("deadline", Some(number), None, term.words().to_owned());
            }
        }
        Ok(())
    }

    fn registrar(&self) -> Registrar<'_> {
        Registrar {
            desk: &self.desk,
            key: &self.key,
            mailbox: &self.mailbox,
        }
    }

    fn local(&self, at: DateTime<Utc>) -> String {
        let local = at.with_timezone(&self.desk.calendar.zone());
        local.format("%a %Y-%m-%d %H:%M").to_string()
    }

    fn tell(&mut self, what: &str, ticket: Option<i64>, who: Option<String>, words: String) {
        self.events.push(Event {
            at: self.now,
            what: what.to_owned(),
            ticket,
            who,
            words,
        });
    }
}

/// A letter as it would come in.
fn letter(
    from: &EmailAddress,
    to: &EmailAddress,
    number: u32,
    subject: &str,
    answers: Option<&str>,
    words: &str,
) -> Vec<u8> {
    let encoded = |text: &str| format!("=?UTF-8?B?{}?=", BASE64.encode(text.as_bytes()));
    let answers = answers.map(|id| format!("In-Reply-To: <{id}>\r\nReferences: <{id}>\r\n"));
    let subject = subject.chars().take(30).collect::<String>();
    format!(
        "From: <{from}>\r\nTo: <{to}>\r\nSubject: {}\r\nMessage-ID: <{number}@simulation.invalid>\r\n{}MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        encoded(&subject),
        answers.unwrap_or_default(),
        BASE64.encode(words.as_bytes())
    )
    .into_bytes()
}

/// Prints an event a line: the time in the desk's zone, or JSON.
///
/// # Errors
/// None that can happen: it is plain strings and numbers.
pub fn print(event: &Event, zone: chrono_tz::Tz, json: bool) -> serde_json::Result<()> {
    if json {
        tell!("{}", serde_json::to_string(event)?);
        return Ok(());
    }
    let at = event.at.with_timezone(&zone).format("%a %Y-%m-%d %H:%M:%S");
    let ticket = event.ticket.map(|number| format!("№ {number}"));
    tell!(
        "{at}  {:<11} {:<7} {}  {}",
        event.what,
        ticket.unwrap_or_default(),
        printable(event.who.as_deref().unwrap_or_default()),
        printable(&event.words)
    );
    Ok(())
}
