//! Invitations to meetings (RFC 5545), read by a library and told in words where a letter has none of its own.

use calcard::common::IanaString;
use calcard::common::timezone::Tz;
use calcard::icalendar::timezone::TzResolver;
use calcard::icalendar::{
    ICalendarComponent, ICalendarComponentType, ICalendarEntry, ICalendarParameterName,
    ICalendarProperty, ICalendarValue,
};
use calcard::{Entry, Parser};
use chrono::{NaiveDate, TimeDelta, TimeZone};
use minijinja::context;

use super::moment::Moments;
use super::wording::{Wording, WordingError};
use crate::domain::incoming::{IncomingMail, Invitation, MeetingTime};
use crate::domain::text::{CleanLine, CleanText};

/// As much of a calendar is read: one meeting with its zone takes a few KiB.
const CALENDAR_BYTES: usize = 256 * 1024;
/// Characters of a title, a place and a name.
const LINE_CHARS: usize = 200;

/// Returns the first meeting in a calendar, with the method of the whole; `None` where there is no calendar.
pub(super) fn read(calendar: &str) -> Option<Invitation> {
    let calendar = &calendar[..calendar.floor_char_boundary(CALENDAR_BYTES)];
    let Entry::ICalendar(calendar) = Parser::new(calendar).entry() else {
        return None;
    };
    let method = calendar.components.first().and_then(method);
    let meeting = calendar
        .components
        .iter()
        .find(|part| part.component_type == ICalendarComponentType::VEvent);
    let zones = calendar.build_tz_resolver();
    let mut invitation = meeting
        .map(|meeting| of(meeting, &zones))
        .unwrap_or_default();
    invitation.method = method.unwrap_or_default();
    Some(invitation)
}

fn method(calendar: &ICalendarComponent) -> Option<String> {
    let value = calendar
        .property(&ICalendarProperty::Method)?
        .values
        .first()?;
    let method = match value {
        ICalendarValue::Method(method) => method.as_str(),
        other => other.as_text()?,
    };
    Some(method.trim().to_lowercase())
}

fn of(meeting: &ICalendarComponent, zones: &TzResolver<&str>) -> Invitation {
    let text = |name: &ICalendarProperty| {
        let value = meeting
            .property(name)
            .and_then(|entry| entry.values.first());
        value.and_then(ICalendarValue::as_text).unwrap_or_default()
    };
    let line = |name: &ICalendarProperty| CleanLine::new(text(name), LINE_CHARS);
    let begins = meeting
        .property(&ICalendarProperty::Dtstart)
        .and_then(|entry| time(entry, zones));
    let ends = meeting
        .property(&ICalendarProperty::Dtend)
        .and_then(|entry| time(entry, zones))
        .map(last_day)
        .or_else(|| later(begins?, meeting))
        .filter(|ends| Some(*ends) > begins);
    Invitation {
        method: String::new(),
        summary: line(&ICalendarProperty::Summary),
        begins,
        ends,
        place: line(&ICalendarProperty::Location),
        organiser: meeting
            .property(&ICalendarProperty::Organizer)
            .map(organiser)
            .unwrap_or_default(),
        description: CleanText::new(text(&ICalendarProperty::Description)),
    }
}

/// The end of whole days is the day after the last (RFC 5545 section 3.6.1).
fn last_day(ends: MeetingTime) -> MeetingTime {
    match ends {
        MeetingTime::Day(day) => MeetingTime::Day(day.pred_opt().unwrap_or(day)),
        other => other,
    }
}

/// The end where only a duration is given.
fn later(begins: MeetingTime, meeting: &ICalendarComponent) -> Option<MeetingTime> {
    let entry = meeting.property(&ICalendarProperty::Duration)?;
    let ICalendarValue::Duration(duration) = entry.values.first()? else {
        return None;
    };
    let duration = duration
        .to_time_delta()
        .filter(|it| *it > TimeDelta::zero())?;
    match begins {
        MeetingTime::Instant(at) => at.checked_add_signed(duration).map(MeetingTime::Instant),
        MeetingTime::Local(at) => at.checked_add_signed(duration).map(MeetingTime::Local),
        MeetingTime::Day(day) => day
            .checked_add_signed(duration)
            .map(MeetingTime::Day)
            .map(last_day),
    }
}

fn time(entry: &ICalendarEntry, zones: &TzResolver<&str>) -> Option<MeetingTime> {
    let value = entry.values.first()?.as_partial_date_time()?;
    if !value.has_time() {
        let (year, month, day) = (value.year?, value.month?, value.day?);
        return NaiveDate::from_ymd_opt(year.into(), month.into(), day.into())
            .map(MeetingTime::Day);
    }
    let zone = entry
        .parameter(&ICalendarParameterName::Tzid)
        .and_then(|zone| zone.as_text());
    let zone = zone.and_then(|zone| zones.resolve(zone));
    let at = value.to_date_time_with_tz(zone.unwrap_or(Tz::Floating))?;
    Some(if at.timezone().is_floating() {
        MeetingTime::Local(at.naive_local())
    } else {
        MeetingTime::Instant(at.to_utc())
    })
}

/// A name with an address, or either.
fn organiser(entry: &ICalendarEntry) -> CleanLine {
    let address = entry.calendar_address().unwrap_or_default();
    let name = entry
        .parameter(&ICalendarParameterName::Cn)
        .and_then(|name| name.as_text())
        .map(|name| name.trim_matches('"'))
        .unwrap_or_default();
    CleanLine::new(
        &match (name, address) {
            ("", address) => address.to_owned(),
            (name, "") => name.to_owned(),
            (name, address) if name == address => address.to_owned(),
            (name, address) => format!("{name} ({address})"),
        },
        LINE_CHARS,
    )
}

/// Tells the meeting of `mail` in words, where it has no words of its own.
///
/// # Errors
/// If the text cannot be rendered.
pub fn tell_invitation(
    mail: &mut IncomingMail,
    wording: &Wording,
    moments: Moments,
) -> Result<(), WordingError> {
    if let Some(invitation) = mail.invitation.as_ref().filter(|_| mail.body.is_empty()) {
        mail.body = CleanText::new(&tell(invitation, wording, moments)?);
    }
    Ok(())
}

fn tell(
    invitation: &Invitation,
    wording: &Wording,
    moments: Moments,
) -> Result<String, WordingError> {
    let say = |time: MeetingTime| match time {
        MeetingTime::Instant(at) => moments.full(at),
        MeetingTime::Day(day) => moments.day(day),
        MeetingTime::Local(at) => match moments.zone.from_local_datetime(&at).earliest() {
            Some(at) => moments.full(at.to_utc()),
            None => at.to_string(),
        },
    };
    wording.text(
        "invitation",
        context! {
            method => &invitation.method,
            summary => invitation.summary.as_str(),
            begins => invitation.begins.map(say),
            ends => invitation.ends.map(say),
            place => invitation.place.as_str(),
            organiser => invitation.organiser.as_str(),
            description => invitation.description.as_str(),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::language::Language;

    fn told(lines: &str, language: Language) -> String {
        let calendar = format!("BEGIN:VCALENDAR\n{lines}\nEND:VCALENDAR\n").replace('\n', "\r\n");
        let mut mail = IncomingMail {
            invitation: read(&calendar),
            ..IncomingMail::default()
        };
        let moments = Moments {
            language,
            zone: chrono_tz::Europe::Moscow,
        };
        tell_invitation(&mut mail, &Wording::new(language), moments).expect("it can be said");
        mail.body.as_str().replace('\u{a0}', " ")
    }

    #[test]
    fn an_invitation_is_told_with_time_place_and_organiser() {
        let request = "METHOD:REQUEST\nBEGIN:VTIMEZONE\nTZID:Ural\nBEGIN:STANDARD\nDTSTART:16010101T000000\nTZOFFSETFROM:+0500\nTZOFFSETTO:+0500\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\nORGANIZER;CN=Анна Ильина:mailto:anna@school.test\nSUMMARY:Педсовет\\, итоги\nDTSTART;TZID=Asia/Yekaterinburg:20261130T120000\nDTEND;TZID=Asia/Yekaterinburg:20261130T133000\nLOCATION:каб. 12\nDESCRIPTION:Журналы за чет\n верть.\\nВопросы.\nEND:VEVENT";
        assert_eq!(
            told(request, Language::Ru),
            "Приглашение: Педсовет, итоги\nНачало: понедельник, 30 ноября, 10:00 МСК\nКонец: понедельник, 30 ноября, 11:30 МСК\nМесто: каб. 12\nОрганизатор: Анна Ильина (anna@school.test)\n\nЖурналы за четверть.\nВопросы."
        );
    }

    #[test]
    fn whole_days_durations_and_local_times_are_told() {
        let event =
            |lines: &str| format!("METHOD:CANCEL\nBEGIN:VEVENT\nSUMMARY:Trip\n{lines}\nEND:VEVENT");
        for (lines, want) in [
            (
                "DTSTART;VALUE=DATE:20261130\nDTEND;VALUE=DATE:20261203",
                "Begins: 30 November\nEnds: 2 December",
            ),
            (
                "DTSTART;VALUE=DATE:20261130\nDTEND;VALUE=DATE:20261201",
                "Begins: 30 November",
            ),
            (
                "DTSTART:20261130T070000Z\nDURATION:PT45M",
                "Begins: Monday 30 November, 10:00 MSK\nEnds: Monday 30 November, 10:45 MSK",
            ),
            (
                "DTSTART;TZID=Nowhere:20261130T100000",
                "Begins: Monday 30 November, 10:00 MSK",
            ),
            ("DTSTART:99999999T999999", ""),
        ] {
            let want = format!("Meeting cancelled: Trip\n{want}");
            assert_eq!(
                told(&event(lines), Language::En),
                want.trim_end(),
                "{lines}"
            );
        }
    }

    #[test]
    fn anything_may_be_called_a_calendar() {
        assert_eq!(read("no calendar"), None);
        assert_eq!(read(""), None);
        let empty = read("BEGIN:VCALENDAR\r\n").expect("a calendar");
        assert_eq!(empty, Invitation::default());
        for hostile in [
            "BEGIN:VEVENT\r\n".repeat(20_000),
            "X;".repeat(100_000),
            "A:\r\n ".repeat(50_000),
        ] {
            read(&format!("BEGIN:VCALENDAR\r\n{hostile}"));
        }
    }
}
