//! isdayoff: one digit a day of the year.

use super::draft::{Draft, Kind, dates, length};
use super::{nonsense, year_wanted};
use crate::config::{Flaw, quoted, words};

/// How long the service's own codes of errors are.
const CODE_CHARS: usize = 3;

pub(super) fn read(text: &str, asked: Option<i32>) -> Result<Draft, Flaw> {
    let text = text.trim();
    let found = text.chars().count();
    if found == CODE_CHARS {
        return Err(error_code(text));
    }
    let Some(year) = asked else {
        return Err(year_wanted(words!(
            "в строке isdayoff год не назван",
            "a line of isdayoff does not say its year"
        )));
    };
    let mut draft = Draft::new(year)?;
    let wanted = length(year);
    if found != wanted {
        return Err(wrong_length(year, found, wanted));
    }
    for (date, digit) in dates(year).zip(text.chars()) {
        let kind = match digit {
            '0' | '4' => Kind::Worked,
            '1' => Kind::Off,
            '2' => Kind::Short,
            '8' => {
                draft.names.insert(date, "праздничный день".to_owned());
                Kind::Off
            }
            other => {
                let value = quoted(&other.to_string());
                return Err(nonsense(words!(
                    "{date}: знак {value} не из isdayoff (бывают 0, 1, 2, 4, 8)",
                    "{date}: {value} is no digit of isdayoff (0, 1, 2, 4 and 8 are)"
                )));
            }
        };
        draft.tell(date, kind)?;
    }
    if !draft.knows_short_days() {
        draft.shorten_by_law();
        draft.remarks.push(words!(
            "сокращённых дней в файле нет (его получили без pre=1): они поставлены по ст. 95 ТК РФ, в рабочий день прямо перед праздником; короткую рабочую субботу так не узнать",
            "the file has no shortened days (it was asked without pre=1): they are set by art. 95, the worked day right before a public holiday; a short worked Saturday cannot be known so"
        ));
    }
    Ok(draft)
}

fn error_code(code: &str) -> Flaw {
    let (ru, en) = match code {
        "100" => ("даты в запросе не понял", "it did not understand the date"),
        "101" => (
            "данных за этот год у него нет",
            "it has no data of that year",
        ),
        "199" => ("сбой на его стороне", "a failure on its side"),
        _ => ("такой код нам неизвестен", "we do not know that code"),
    };
    let code = quoted(code);
    Flaw::new(
        words!(
            "это не календарь, а код ошибки сервиса isdayoff: {code}, {ru}",
            "this is no calendar but the service's error code {code}: {en}"
        ),
        words!(
            "проверьте запрос и год и скачайте файл заново, с pre=1",
            "see to the request and its year, and download the file again, with pre=1"
        ),
    )
}

fn wrong_length(year: i32, found: usize, wanted: usize) -> Flaw {
    let leap = wanted == 366;
    let (ru, en) = if leap {
        ("високосном ", " (a leap year)")
    } else {
        ("", "")
    };
    Flaw::new(
        words!(
            "в файле {found} знаков, а в {ru}{year} году {wanted} дней",
            "the file has {found} characters, and {year}{en} has {wanted} days"
        ),
        words!(
            "скачайте строку за весь {year} год, с pre=1, без пробелов между цифрами, или исправьте --year",
            "download the line of the whole of {year}, with pre=1 and without anything between the digits, or correct --year"
        ),
    )
}
