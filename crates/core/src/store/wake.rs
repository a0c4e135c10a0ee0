//! Word of letters that another process wrote: LISTEN and NOTIFY on PostgreSQL, nothing on SQLite. A help and no more: a
//! word that is lost costs the time to the next look at the outbox.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, RuntimeErr};
use sqlx::postgres::PgListener;

use super::{Result, Store, execute};
use crate::domain::letter::Lane;

/// The channel; what is said on it is a lane.
const CHANNEL: &str = "ninetosix_letter";

/// Hears of letters, over a connection of its own.
pub struct Listener {
    listener: PgListener,
    lane: Lane,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener")
            .field("lane", &self.lane)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Returns who hears of letters of `lane`; `None` where the database has no way to tell.
    pub async fn listen(&self, lane: Lane) -> Result<Option<Listener>> {
        if self.db.get_database_backend() != DbBackend::Postgres {
            return Ok(None);
        }
        let pool = self.db.get_postgres_connection_pool();
        let mut listener = PgListener::connect_with(pool).await.map_err(lost)?;
        listener.listen(CHANNEL).await.map_err(lost)?;
        Ok(Some(Listener { listener, lane }))
    }
}

impl Listener {
    /// Waits until a transaction was committed that wrote a letter of the lane.
    pub async fn hear(&mut self) -> Result<()> {
        while self.listener.recv().await.map_err(lost)?.payload() != self.lane.as_str() {}
        Ok(())
    }
}

/// Tells, once the transaction is committed, that it wrote a letter which is due. The poller writes its own letters and
/// needs no telling.
pub(super) async fn tell(tx: &impl ConnectionTrait, lane: Lane) -> Result<()> {
    if lane == Lane::Worker && tx.get_database_backend() == DbBackend::Postgres {
        let notify = "SELECT pg_notify($1, $2)";
        execute(tx, notify, [CHANNEL.into(), lane.as_str().into()]).await?;
    }
    Ok(())
}

fn lost(error: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(error.into()))
}
