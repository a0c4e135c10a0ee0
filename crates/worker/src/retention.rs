//! What is no longer kept by the rules of the configuration: shown to the operator, done once a day or at his word.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use ninetosix_core::cli::{self, Exit};
use ninetosix_core::clock::{Clock, SystemClock};
use ninetosix_core::config::Settings;
use ninetosix_core::domain::retention::{Manner, due_before};
use ninetosix_core::process;
use ninetosix_core::pulse::Pulse;
use ninetosix_core::stop::Stop;
use ninetosix_core::store::erasure::Unreadable;
use ninetosix_core::store::erasure::act::{Cause, Erasure};
use ninetosix_core::store::erasure::due::{Due, Terms};
use ninetosix_core::store::heartbeat::RETENTION;
use ninetosix_core::store::{Result, Store};
use ninetosix_core::tell;
use ninetosix_core::timekeeper::Timekeeper;

/// A day begins within so long of its midnight.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Between two things that are erased, others write.
const PAUSE: Duration = Duration::from_millis(20);
/// Between two attempts to make unreadable what was erased.
const AGAIN: TimeDelta = TimeDelta::hours(1);
/// A clock that shows so much more than at the last look was set, or nobody looked: nothing is erased on that day. What is
/// gone does not come back, so a wrong clock must be seen first.
const LOOKED_LATELY: TimeDelta = TimeDelta::days(2);

/// What it takes to apply the rules once a day.
pub(crate) struct Retention {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timekeeper: Arc<Timekeeper>,
    pub(crate) stop: Stop,
}

impl Retention {
    /// Applies them until a stop is asked for.
    pub(crate) async fn run(self) {
        let mut pulse = Pulse::new(RETENTION.to_owned());
        let mut looked: Option<DateTime<Utc>> = None;
        let mut done_on = None;
        let mut readable = false;
        let mut tried: Option<DateTime<Utc>> = None;
        let mut failure_told = false;
        // What could not be erased on the last day that was looked at.
        let mut left: Option<String> = None;
        loop {
            let now = self.clock.now();
            let today = self.settings.calendar.date_of(now);
            if looked.is_none() {
                looked = self.last_look().await;
            }
            let mut failed = None;
            if done_on != Some(today) {
                let is_seen = looked.is_some_and(|at| (now - at).abs() <= LOOKED_LATELY);
                let done = if is_seen {
                    self.today().await
                } else {
                    tracing::info!(
                        "terms of retention are looked at from tomorrow on: today's date was not seen coming"
                    );
                    Ok(Some(Swept::default()))
                };
                match done {
                    Ok(Some(Swept { erased, failed })) => {
                        done_on = Some(today);
                        if erased > 0 {
                            (readable, tried) = (true, None);
                        }
                        for problem in &failed {
                            tracing::warn!(problem, "it is tried again tomorrow");
                        }
                        left = failed.into_iter().next();
                        if erased > 0 {
                            tracing::info!(erased, "erased what is kept no longer");
                        }
                    }
                    // Another process does it, clocks do not agree, or the desk is quiet.
                    Ok(None) => {}
                    Err(error) => failed = Some(error.to_string()),
                }
            }
            if readable && tried.is_none_or(|at| (now - at).abs() >= AGAIN) {
                tried = Some(now);
                let made = self.store.make_unreadable(false).await;
                readable = matches!(made, Err(_) | Ok(Unreadable::Busy));
                match made {
                    Ok(Unreadable::TooLarge) => tracing::warn!("{}", TOO_LARGE),
                    Ok(Unreadable::NotOwner) => tracing::warn!("{}", NOT_OWNER),
                    Err(error) if !failure_told => {
                        failure_told = true;
                        tracing::warn!(%error, "what was erased could not be made unreadable; it is tried every hour");
                    }
                    _ => {}
                }
            }
            looked = Some(now);
            match failed.or_else(|| left.clone()) {
                None => pulse.good(&self.store, now).await,
                Some(problem) => pulse.bad(&self.store, problem, now).await,
            }
            if !self.stop.sleep(LOOK_EVERY).await {
                return;
            }
        }
    }

    /// When the loop last looked, in an earlier life too.
    async fn last_look(&self) -> Option<DateTime<Utc>> {
        let beats = self.store.heartbeats().await.ok()?;
        beats
            .into_iter()
            .find(|beat| beat.name == RETENTION)
            .map(|beat| beat.at)
    }

    async fn today(&self) -> Result<Option<Swept>> {
        // A copy of the desk shares its mailboxes with the original, and may know of things that are not as they were.
        if self.store.quiet().await?.is_some() || !self.timekeeper.compare(&self.store).await? {
            return Ok(None);
        }
        let go_on = || !self.stop.is_asked();
        sweep(&self.store, &self.settings, self.clock.as_ref(), go_on).await
    }
}

/// The terms of every rule, for every mailbox of it.
fn terms(settings: &Settings, now: DateTime<Utc>) -> Vec<Terms<'_>> {
    let rules = settings.retention.iter();
    let all = rules.flat_map(|rule| rule.mailboxes.iter().map(move |mailbox| (rule, mailbox)));
    let terms = all.map(|(rule, mailbox)| {
        let calendar = settings.calendar_of(mailbox.as_str());
        let before = |days: u32| due_before(calendar, now, days);
        Terms {
            rule,
            mailbox,
            files: rule.files_after_days.map(before),
            tickets: rule.tickets.map(|(days, _)| before(days)),
            loose: rule.loose_after_days.map(before),
        }
    });
    terms.collect()
}

/// What was done of what was due.
#[derive(Debug, Default)]
struct Swept {
    erased: usize,
    /// What could not be erased, and why.
    failed: Vec<String>,
}

/// Erases all that is due, as long as it may `go_on`; what cannot be erased keeps nothing else. `None` while another process
/// does it.
async fn sweep(
    store: &Store,
    settings: &Settings,
    clock: &dyn Clock,
    go_on: impl Fn() -> bool,
) -> Result<Option<Swept>> {
    let now = clock.now();
    let Some(held) = store.take_lease(RETENTION, &process::holder(), now).await? else {
        return Ok(None);
    };
    let mut act: Option<Erasure> = None;
    let mut erased = 0;
    let mut failed = Vec::new();
    for terms in terms(settings, now) {
        let copies = terms.rule.mailbox_copies;
        loop {
            let due = store.due_to_erase(&terms, false).await?;
            // What could not be erased is found again, and is left for tomorrow.
            let before = erased;
            for one in &due {
                if !go_on() {
                    return Ok(None);
                }
                let erasure = begun(store, &mut act, now).await?;
                match store.erase_due(one, &terms, copies, erasure).await {
                    Ok(true) => erased += 1,
                    // It was opened again meanwhile.
                    Ok(false) => {}
                    Err(error) => {
                        let problem = format!("{}: {error}", named(one));
                        if !failed.contains(&problem) {
                            failed.push(problem);
                        }
                    }
                }
                tokio::time::sleep(PAUSE).await;
            }
            let left = store.due_to_erase(&terms, false).await?;
            if left.is_empty() || left == due || erased == before {
                break;
            }
            store.renew_lease(&held, clock.now()).await?;
        }
    }
    let with_copies = settings.retention.iter().filter(|rule| rule.mailbox_copies);
    let with_copies: Vec<_> = with_copies.flat_map(|rule| &rule.mailboxes).collect();
    for late in store.late_to_erase(&with_copies).await? {
        if !go_on() {
            return Ok(None);
        }
        let erasure = begun(store, &mut act, now).await?;
        match store.erase_late(late, erasure).await {
            Ok(()) => erased += 1,
            Err(error) => failed.push(format!("letter {}, which came late: {error}", late.raw)),
        }
        store.renew_lease(&held, clock.now()).await?;
        tokio::time::sleep(PAUSE).await;
    }
    if let Some(act) = act {
        store.finish_act(act, clock.now()).await?;
    }
    store.forget_acts(now).await?;
    store.release_lease(&held, clock.now()).await?;
    Ok(Some(Swept { erased, failed }))
}

/// What is due, for whoever reads of it.
fn named(due: &Due) -> String {
    match due {
        Due::Ticket(number, Manner::Erase) => format!("№ {number}: erase"),
        Due::Ticket(number, Manner::Anonymise) => format!("№ {number}: anonymise"),
        Due::Files(number) => format!("№ {number}: its files"),
        Due::Loose(raw) => format!("letter {raw}, of no ticket: erase"),
    }
}

/// The act of the day, begun when there is something to write in it.
async fn begun(store: &Store, act: &mut Option<Erasure>, now: DateTime<Utc>) -> Result<Erasure> {
    Ok(match act {
        Some(act) => *act,
        None => *act.insert(store.begin_act(Cause::Rule, now).await?),
    })
}

/// Shows what would go today, or lets it go.
///
/// # Errors
/// Those of the database.
pub async fn command(settings: &Settings, apply: bool) -> anyhow::Result<Exit> {
    if settings.retention.is_empty() {
        tell!("there is no [[retention]]: nothing is ever removed");
    }
    let store = cli::store(settings).await?;
    let now = SystemClock.now();
    let mut in_all = 0;
    for terms in terms(settings, now) {
        for due in store.due_to_erase(&terms, true).await? {
            in_all += 1;
            let what = named(&due);
            let copies = match terms.rule.mailbox_copies {
                true => ", copies in the mailbox too",
                false => "",
            };
            tell!("{}  {what}{copies}", terms.mailbox);
        }
    }
    if !apply {
        tell!("{in_all} to go today; --apply removes them now");
        return Ok(Exit::Fine);
    }
    if is_quiet(&store).await? {
        return Ok(Exit::Problem);
    }
    let Some(swept) = sweep(&store, settings, &SystemClock, || true).await? else {
        eprintln!("another process is at it; try again in a minute");
        return Ok(Exit::Problem);
    };
    tell!("{} removed", swept.erased);
    for problem in &swept.failed {
        eprintln!("not removed: {problem}");
    }
    if let Some(words) = readable_still(&store).await? {
        eprintln!("{words}");
    }
    store.close().await?;
    Ok(match swept.failed.is_empty() {
        true => Exit::Fine,
        false => Exit::Problem,
    })
}

/// Whether the desk is a copy that was not told to go on; says that nothing is erased then. What stands on the mail server is the
/// original's too.
pub(crate) async fn is_quiet(store: &Store) -> Result<bool> {
    let quiet = store.quiet().await?;
    if let Some(quiet) = &quiet {
        eprintln!(
            "{}\nnothing is erased until then, here or in the mailbox, which the original of this copy may use: first `ninetosix-worker resume`",
            quiet.problem()
        );
    }
    Ok(quiet.is_some())
}

/// What is said of a file that the daemon does not write anew.
const TOO_LARGE: &str = "rests of what was erased may stand in the database, which is too large to be written anew while others work: run `ninetosix-worker retention --apply` when it may take a while";

/// What is said where PostgreSQL does not let the desk run VACUUM.
const NOT_OWNER: &str = "what was removed may be read in the files of PostgreSQL until the owner of the tables, or autovacuum, runs VACUUM";

/// Makes what was removed unreadable; returns what is to be said where that is not done.
pub(crate) async fn readable_still(store: &Store) -> Result<Option<&'static str>> {
    Ok(match store.make_unreadable(true).await? {
        Unreadable::Done => None,
        Unreadable::TooLarge => Some(TOO_LARGE),
        Unreadable::NotOwner => Some(NOT_OWNER),
        Unreadable::Busy if store.has_clock() => Some(NOT_OWNER),
        Unreadable::Busy => Some(
            "what was removed may be read in the files of the database, which others are using: run `ninetosix-worker retention --apply` again",
        ),
    })
}
