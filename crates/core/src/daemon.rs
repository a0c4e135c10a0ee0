//! What both daemons begin and end with: the database, the token key, the loops, and the time they have to stop.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinSet;

use crate::alerts::Alerts;
use crate::approval;
use crate::clock::Clock;
use crate::config::{self, Settings, TokenKeyLine};
use crate::delivery::{Delivery, Office};
use crate::disk::LEAST_FREE;
use crate::domain::address::EmailAddress;
use crate::domain::calendar::approved::Standing;
use crate::domain::letter::Lane;
use crate::domain::token::{TokenKey, TokenKeys};
use crate::http::Http;
use crate::oauth::Login;
use crate::smtp::{Security, SmtpServer, Timeouts};
use crate::stop::{GRACE, Stop};
use crate::store::{SchemaState, Store, StoreError};
use crate::timekeeper::Timekeeper;
use crate::tls;
use crate::watchdog::Watchdog;

/// The pauses between tries to open the database: the first and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// A daemon that has its database.
#[derive(Debug)]
pub struct Daemon {
    /// The database, with the right schema.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whether it may be believed.
    pub timekeeper: Arc<Timekeeper>,
    /// What letters are made with, by the address they leave from.
    offices: BTreeMap<EmailAddress, Arc<Office>>,
    /// Asked by every loop.
    pub stop: Stop,
    /// Watches the loops that mail depends on, and the one that tells of trouble.
    pub watchdog: Watchdog,
}

impl Daemon {
    /// Opens the database, waiting for one that is away, and gives back the claims of dead processes of this host.
    /// Returns `None` if a stop was asked for meanwhile.
    ///
    /// # Errors
    /// What waiting does not cure: a wrong schema, a file that cannot be used, a token key that cannot be read.
    pub async fn start(
        settings: &Settings,
        clock: Arc<dyn Clock>,
        stop: Stop,
        watchdog: Watchdog,
    ) -> anyhow::Result<Option<Daemon>> {
        let key = token_keys(settings)?;
        let mailboxes = settings.mailboxes.iter().map(|own| &own.address);
        let offices = mailboxes
            .map(|own| {
                (
                    own.clone(),
                    Arc::new(Office::new(settings, own, key.clone())),
                )
            })
            .collect();
        let mut pause = PAUSE.0;
        let mut said = None;
        let store = loop {
            match open(settings, clock.now()).await {
                Ok(store) => break store,
                Err(StoreError::TryLater(error)) => {
                    let problem = error.to_string();
                    if said.as_ref() != Some(&problem) {
                        tracing::warn!("the database cannot be opened: {problem}; trying again");
                        said = Some(problem);
                    }
                }
                Err(error) => return Err(error).context("opening the database"),
            }
            if !stop.sleep(pause).await {
                return Ok(None);
            }
            pause = (pause * 2).min(PAUSE.1);
        };
        match approval::standing(settings, &store, true, clock.now()).await {
            Ok(Standing::Changed { approved_on, .. }) => tracing::warn!(
                "the hours have changed since they were approved on {approved_on}; `check` says how"
            ),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "whether the hours are those approved is not known")
            }
        }
        Ok(Some(Daemon {
            timekeeper: Arc::new(Timekeeper::new(clock.clone(), store.has_clock())),
            store,
            clock,
            offices,
            stop,
            watchdog,
        }))
    }

    /// Starts what every daemon runs beside its own loops: who looks whether the desk is well, and who answers monitors.
    pub fn look_after(&self, settings: &Settings, lane: Lane, loops: &mut JoinSet<()>) {
        let alerts = Alerts {
            settings: settings.clone(),
            store: self.store.clone(),
            clock: self.clock.clone(),
            offices: self.offices.clone(),
            stop: self.stop.clone(),
            least_free: LEAST_FREE,
            seen: BTreeMap::new(),
            away: None,
            command_rests_until: None,
        };
        loops.spawn(self.watchdog.watch("alerts", alerts.run()));
        let port = match lane {
            Lane::Poller => settings.http,
            Lane::Worker => settings
                .http
                .map(|at| SocketAddr::new(at.ip(), at.port() + 1)),
        };
        if let Some(at) = port {
            let http = Http {
                at,
                lane,
                settings: settings.clone(),
                store: self.store.clone(),
                clock: self.clock.clone(),
                timekeeper: self.timekeeper.clone(),
                stop: self.stop.clone(),
                health: Mutex::default(),
                metrics: Mutex::default(),
            };
            loops.spawn(http.run());
        }
    }

    /// Returns what letters from this mailbox are made with.
    ///
    /// # Panics
    /// If it is none of the configured ones.
    pub fn office(&self, mailbox: &EmailAddress) -> Arc<Office> {
        self.offices[mailbox].clone()
    }

    /// Returns the loop that sends the letters of `lane` from `mailbox`.
    ///
    /// # Errors
    /// If the certificates to trust cannot be read.
    pub fn delivery(&self, lane: Lane, mailbox: &config::Mailbox) -> anyhow::Result<Delivery> {
        Ok(Delivery {
            store: self.store.clone(),
            clock: self.clock.clone(),
            timekeeper: self.timekeeper.clone(),
            office: self.office(&mailbox.address),
            lane,
            mailbox: mailbox.address.clone(),
            server: smtp_server(mailbox)?,
            timeouts: Timeouts::default(),
            sent_copy: mailbox.sent_copy,
            wake: Arc::new(Notify::new()),
            stop: self.stop.clone(),
        })
    }

    /// Returns the loop that rings `bells` when another process has written a letter of `lane`, where the database tells.
    pub fn rings(&self, lane: Lane, bells: Vec<Arc<Notify>>) -> impl Future<Output = ()> + use<> {
        let (store, stop) = (self.store.clone(), self.stop.clone());
        async move {
            loop {
                let heard = async {
                    let Some(mut listener) = store.listen(lane).await? else {
                        // There is nothing to hear.
                        return std::future::pending().await;
                    };
                    loop {
                        listener.hear().await?;
                        bells.iter().for_each(|bell| bell.notify_one());
                    }
                };
                let lost: Result<(), StoreError> = tokio::select! {
                    lost = heard => lost,
                    () = stop.asked() => return,
                };
                if let Err(error) = lost {
                    tracing::debug!(%error, "nobody tells of letters; they are looked for");
                }
                if !stop.sleep(PAUSE.1).await {
                    return;
                }
            }
        }
    }

    /// Waits for a stop, then for the loops, at most for [`GRACE`]; what is cut short then is repeated or resumed
    /// after the next start, as after a crash. A loop that ends by itself, which none should, ends the daemon.
    pub async fn finish(self, mut loops: JoinSet<()>) -> anyhow::Result<()> {
        self.watchdog.all_run();
        tokio::select! {
            () = self.stop.asked() => {}
            ended = loops.join_next() => {
                if let Some(Err(panic)) = ended {
                    anyhow::bail!("a loop of the daemon failed: {panic}");
                }
                anyhow::ensure!(self.stop.is_asked(), "a loop of the daemon ended by itself");
            }
        }
        tracing::info!("stopping");
        let all = async { while loops.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, all).await.is_err() {
            tracing::warn!(
                "not everything in hand was finished in time; it is resumed after the next start"
            );
            loops.shutdown().await;
        }
        if let Err(error) = self.store.close().await {
            tracing::warn!(%error, "the database was not closed cleanly");
        }
        tracing::info!("stopped");
        Ok(())
    }
}

/// Opens the database, quiet where it is a copy, with the claims of dead processes of this host given back.
async fn open(settings: &Settings, now: DateTime<Utc>) -> Result<Store, StoreError> {
    let store = Store::open(&settings.database).await?;
    if let Some(quiet) = store.recognise(now).await? {
        tracing::warn!("{}", quiet.problem());
    }
    store.release_dead_claims(now).await?;
    Ok(store)
}

/// How long a database that a new configuration names may take to answer.
const PROOF: Duration = Duration::from_secs(15);

/// Makes sure that a daemon can begin with settings that are to take the place of others: what they name is there.
///
/// # Errors
/// What is not: the token key, certificates, or another database with the schema that is needed.
pub async fn prove(new: &Settings, old: &Settings) -> anyhow::Result<()> {
    token_keys(new)?;
    for mailbox in &new.mailboxes {
        smtp_server(mailbox)?;
    }
    if new.database.is_same(&old.database) {
        return Ok(());
    }
    let opened = async {
        let store = Store::connect(&new.database).await?;
        let state = store.schema_state().await?;
        store.close().await?;
        Ok::<_, StoreError>(state)
    };
    let opened = tokio::time::timeout(PROOF, opened).await;
    let state = opened
        .context("the database does not answer")?
        .context("opening the database")?;
    match state {
        SchemaState::Older { .. } if matches!(new.database, config::Database::Sqlite { .. }) => {}
        SchemaState::Current => {}
        SchemaState::Older { found, needed } => anyhow::bail!(
            "the database has schema version {found}, needed is {needed}: run `ninetosix-worker migrate`"
        ),
        SchemaState::Newer { found, known } => {
            anyhow::bail!(
                "the database has schema version {found}, newer than {known}, which this program knows"
            )
        }
    }
    Ok(())
}

/// Returns the submission server of a mailbox.
///
/// # Errors
/// If the certificates to trust cannot be read.
pub fn smtp_server(mailbox: &config::Mailbox) -> anyhow::Result<SmtpServer> {
    let tls = tls::client(mailbox.ca_file.as_deref(), &mailbox.fingerprints)
        .context("reading certificates")?;
    Ok(SmtpServer {
        host: mailbox.smtp.host.clone(),
        port: mailbox.smtp.port,
        security: match mailbox.smtp.security {
            config::Security::Implicit => Security::Implicit,
            config::Security::StartTls => Security::StartTls,
            config::Security::PlainLoopback => Security::PlainLoopback,
        },
        user: mailbox.user.clone(),
        login: Login::of(mailbox, &tls).context("reading certificates")?,
        tls,
        hello_name: mailbox.hello_name.clone(),
    })
}

/// Returns the keys of the desk's tokens; the first is made where there is none.
///
/// # Errors
/// The file cannot be used: which, and why.
pub fn token_keys(settings: &Settings) -> anyhow::Result<TokenKeys> {
    let lines = config::token_key(&settings.identity.token_key_file)?;
    let key = |line: TokenKeyLine| TokenKey::new(line.id, *line.secret.expose_secret());
    Ok(TokenKeys::new(key(lines.signing), lines.former.map(key)))
}
