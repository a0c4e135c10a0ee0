//! Alerts: raised once, ended once, told to the command in order.

use chrono::TimeDelta;

use super::lab::{Lab, monday, on_both_engines};
use crate::domain::alert::{Alert, Until};
use crate::domain::letter::Lane;

on_both_engines! {
    async fn what_lasts_is_told_once_and_that_it_is_over_too(lab: &Lab) {
        let now = monday("10:14:00");
        let alert = Alert::silent(Lane::Worker, now);
        let raise = async |at| lab.store.raise(lab.registrar(), "", &alert, Until::Looked, at).await.expect("the database");
        let letters = async || lab.number("SELECT count(*) FROM letter WHERE kind = 'alert'").await;
        assert!(raise(now).await);
        assert!(!raise(now + TimeDelta::hours(3)).await, "it lasts");
        assert_eq!(letters().await, 1);
        let later = now + TimeDelta::hours(3);
        let open = lab.store.open_alerts().await.expect("the database");
        assert_eq!((open.len(), open[0].matter.as_str(), open[0].raised_at), (1, "silent worker", now));
        assert!(lab.store.end_alert(lab.registrar(), &open[0], later).await.expect("the database"));
        assert!(!lab.store.end_alert(lab.registrar(), &open[0], later).await.expect("the database"), "the other daemon");
        assert_eq!(letters().await, 2);
        assert_eq!(lab.number("SELECT count(*) FROM letter WHERE words LIKE 'over: ninetosix-worker does not run%lasted for 180 min%'").await, 1);
        // Comes and goes: once an hour.
        let comes = later + TimeDelta::minutes(5);
        assert!(raise(comes).await, "the last time was three hours ago");
        lab.end_alerts(comes).await;
        assert!(!raise(comes + TimeDelta::minutes(59)).await);
        assert!(raise(comes + TimeDelta::minutes(61)).await);
    }

    async fn the_command_hears_each_thing_once_in_order(lab: &Lab) {
        let now = monday("10:14:00");
        let lasting = Alert::calendar(2028);
        lab.store.raise(lab.registrar(), "", &lasting, Until::Looked, now).await.expect("the database");
        let event = Alert::database_was_away(7);
        lab.store.raise(lab.registrar(), "", &event, Until::Told, now).await.expect("the database");
        lab.end_alerts(now).await;
        let since = now - TimeDelta::hours(1);
        let mut heard = Vec::new();
        while let Some(telling) = lab.store.take_telling(since).await.expect("the database") {
            heard.push((telling.matter, telling.is_over));
        }
        heard.sort();
        assert_eq!(heard, [("calendar".to_owned(), false), ("calendar".to_owned(), true), ("database".to_owned(), false)]);
        assert_eq!(lab.number("SELECT count(*) FROM alert WHERE over_at IS NULL").await, 0);
        // A command that is configured later hears nothing of long ago.
        lab.store.run("UPDATE alert SET told = 0").await;
        assert_eq!(lab.store.take_telling(now).await.expect("the database"), None);
    }
}
