//! Warns of a production calendar that ends: at the start, and once a day from 1 November while the next year is missing.

use std::sync::Arc;
use std::time::Duration;

use ninetosix_core::clock::Clock;
use ninetosix_core::domain::calendar::Calendar;
use ninetosix_core::stop::Stop;

/// A day begins within so long of its midnight.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Warns until `stop` is asked for.
pub(crate) async fn run(calendars: Vec<Calendar>, clock: Arc<dyn Clock>, stop: Stop) {
    let mut said_on = None;
    loop {
        let now = clock.now();
        let today = calendars.first().map(|calendar| calendar.date_of(now));
        let wanted = |calendar: &Calendar| calendar.wanted_year(calendar.date_of(now));
        if said_on.replace(today) != Some(today)
            && let Some(year) = calendars.iter().filter_map(wanted).min()
        {
            tracing::warn!(
                year,
                "the production calendar has no data of this year: it is counted by art. 112 alone, and dates in it are provisional; `calendar import` takes it over"
            );
        }
        if !stop.sleep(LOOK_EVERY).await {
            return;
        }
    }
}
