//! The daily ceiling on the letters of a mailbox: what there is room for, and what is said where there is none.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Delivery, LaneState, Turn};
use crate::domain::daily_ceiling::room_for;
use crate::domain::letter::{Kind, Lane};
use crate::store::Result;
use crate::store::outbox::Among;

/// How often letters are told that they wait.
const SAY_EVERY: TimeDelta = TimeDelta::seconds(30);

/// What there is room for.
pub(super) struct Room {
    /// Which letters; `None` for none.
    pub(super) among: Option<Among>,
    /// When there is room for more; `None` where there is room for all.
    until: Option<DateTime<Utc>>,
}

impl Delivery {
    /// Returns what there is room for at `now`.
    pub(super) async fn room(&self, now: DateTime<Utc>) -> Result<Room> {
        let full = async |kind| {
            let room = room_for(kind, self.office.sends_per_day);
            self.store
                .full_until(self.mailbox.as_str(), room, now)
                .await
        };
        // The first of the lane's kinds that has to wait.
        let until = match self.lane {
            Lane::Poller => full(Kind::Receipt).await?,
            Lane::Worker => full(Kind::Answer).await?,
        };
        let among = match (until, self.lane) {
            (None, _) => Some(Among::default()),
            (Some(_), Lane::Poller) => full(Kind::OwnLetter).await?.is_none().then(|| Among {
                without_receipts: true,
                ..Among::default()
            }),
            (Some(_), Lane::Worker) => None,
        };
        Ok(Room { among, until })
    }

    /// Returns until when there is no room for anything that is due, if so.
    pub(super) async fn has_no_room(&self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
        let room = self.room(now).await?;
        if room.until.is_none() {
            return Ok(None);
        }
        if let Some(among) = &room.among {
            let mailbox = self.mailbox.as_str();
            let due = self
                .store
                .has_due_letter_among(self.lane, mailbox, among, now);
            if due.await? {
                return Ok(None);
            }
        }
        Ok(room.until)
    }

    /// Says why what is due waits, in its rows now and then, and to the operator once a day.
    pub(super) async fn wait_for_room(
        &self,
        lane: &mut LaneState,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Turn> {
        let ceiling = self.office.sends_per_day;
        if lane
            .said_full
            .is_none_or(|said| (now - said).abs() >= SAY_EVERY)
        {
            let registrar = self.office.registrar(&self.mailbox);
            self.store
                .wait_for_room(registrar, self.lane, ceiling, until, now)
                .await?;
            lane.said_full = Some(now);
        }
        let full = match self.lane {
            Lane::Poller => {
                "three quarters of the daily ceiling are used, which receipts leave to answers"
            }
            Lane::Worker => "the daily ceiling is reached",
        };
        Ok(Turn::Waits {
            problem: format!(
                "{full} (limits.sends_per_day = {ceiling}); what is due waits in its order"
            ),
        })
    }
}
