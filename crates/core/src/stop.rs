//! Stopping: take no more, finish what is in hand within a limit, give back what was claimed.

use std::time::Duration;

use tokio::sync::watch;

use crate::watchdog;

/// How long what is in hand may take after a stop was asked for.
pub const GRACE: Duration = Duration::from_secs(25);

/// Tells loops to stop.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// Stops the loops that hold its [`Stop`].
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

impl Stopper {
    /// Returns a stopper and what loops listen to.
    pub fn new() -> (Stopper, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Stopper(sender), Stop(receiver))
    }

    /// Asks every loop to stop.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Returns whether a stop was asked for.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until a stop is asked for, or the stopper is gone.
    pub async fn asked(&self) {
        let mut receiver = self.0.clone();
        // An error means that the stopper was dropped: nobody is left to wait for.
        let _ = receiver.wait_for(|stop| *stop).await;
    }

    /// Waits for `wait` or a stop; returns whether to go on.
    pub async fn sleep(&self, wait: Duration) -> bool {
        tokio::select! {
            () = self.asked() => false,
            () = watchdog::waiting(tokio::time::sleep(wait)) => true,
        }
    }
}
