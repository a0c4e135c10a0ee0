//! A daemon from its first configuration to its end: SIGTERM and SIGINT stop it, SIGHUP reads the configuration anew.
//!
//! A configuration that cannot be read changes nothing: what is wrong is logged, and the daemon goes on with the one it has.
//! So it is with one that names what cannot be used: a token key, certificates, a database that is away or has another schema. With a
//! sound one the loops finish what they have in hand, as at a stop, and begin again.

use std::path::Path;
use std::pin::pin;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::{self, Settings};
use crate::daemon;
use crate::stop::{Stop, Stopper};
use crate::watchdog::{self, Watchdog};

/// What somebody wants of the daemon.
enum Wanted {
    Stop,
    Reload,
}

struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Signals> {
        Ok(Signals {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Wanted {
        tokio::select! {
            _ = self.term.recv() => Wanted::Stop,
            _ = self.int.recv() => Wanted::Stop,
            _ = self.hup.recv() => Wanted::Reload,
        }
    }
}

/// Runs a daemon whose configuration is in `file` until it is stopped. `run` is one run of it, with one configuration.
///
/// # Errors
/// Those of `run`, and if signals cannot be listened to.
pub async fn serve<Running>(
    file: &Path,
    first: Settings,
    run: impl Fn(Settings, Stop, Watchdog) -> Running,
) -> anyhow::Result<()>
where
    Running: Future<Output = anyhow::Result<()>>,
{
    let mut signals = Signals::listen()?;
    let mut settings = first;
    loop {
        let (stopper, stop) = Stopper::new();
        let watchdog = Watchdog::from_environment();
        let reporting = tokio::spawn(watchdog.clone().report(stop.clone()));
        let mut running = pin!(run(settings.clone(), stop, watchdog));
        let mut next = loop {
            let wanted = tokio::select! {
                ended = &mut running => {
                    stopper.stop();
                    return ended;
                }
                wanted = signals.next() => wanted,
            };
            match wanted {
                Wanted::Stop => break None,
                Wanted::Reload => {
                    if let Some(new) = reread(file, &settings).await {
                        break Some(new);
                    }
                }
            }
        };
        match next {
            Some(_) => watchdog::tell_reloading(),
            None => watchdog::tell_stopping(),
        }
        stopper.stop();
        let mut is_over = next.is_none();
        loop {
            tokio::select! {
                ended = &mut running => {
                    ended?;
                    break;
                }
                wanted = signals.next() => match wanted {
                    Wanted::Stop => is_over = true,
                    // What was mended meanwhile counts.
                    Wanted::Reload => next = reread(file, &settings).await.or(next),
                },
            }
        }
        // It ends with the stop.
        let _ = reporting.await;
        match next {
            Some(next) if !is_over => settings = next,
            _ => return Ok(()),
        }
    }
}

/// Reads the configuration anew; says what is wrong with it, or why it cannot be run.
async fn reread(file: &Path, old: &Settings) -> Option<Settings> {
    match config::load(file) {
        Ok(new) => match daemon::prove(&new, old).await {
            Ok(()) => {
                tracing::info!("the configuration is read anew");
                Some(new)
            }
            Err(error) => {
                tracing::error!(
                    "the configuration was not changed, for it cannot be run: {error:#}"
                );
                None
            }
        },
        Err(problems) => {
            for problem in problems
                .to_string()
                .lines()
                .filter(|line| !line.trim().is_empty())
            {
                tracing::error!("{}: {}", file.display(), problem.trim());
            }
            tracing::error!(
                "the configuration was not changed: what is wrong with it stands above"
            );
            None
        }
    }
}
