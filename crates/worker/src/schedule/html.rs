//! The schedule as HTML: an A4 sheet by itself, or what goes inside a page. No script, and nothing from outside.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, context};

use super::sheet::Sheet;

const SHEET: &str = include_str!("sheet.html");
const CSS: &str = include_str!("sheet.css");
const PAGE_CSS: &str = include_str!("page.css");

/// Returns the sheet, or the fragment for a page.
pub(super) fn page(sheet: &Sheet, fragment: bool) -> anyhow::Result<String> {
    rendered(
        SHEET,
        context! {
            sheet => Serde(sheet),
            fragment,
            percent => font_percent(sheet),
            css => Value::from_safe_string(CSS.to_owned()),
            page_css => Value::from_safe_string(PAGE_CSS.to_owned()),
        },
    )
}

/// How large the letters of a sheet are, so that what it holds goes on one page.
fn font_percent(sheet: &Sheet) -> usize {
    // Lines are about so long in the tables and in the two columns below them.
    let lines = |text: &str, of: usize| text.chars().count().div_ceil(of);
    let ahead = sheet.ahead.iter().map(|row| lines(&row.said(), 42));
    let phones = sheet.phones.iter();
    let phones = phones.map(|phone| 1 + lines(&phone.label, 30) + lines(&phone.hours, 30));
    let people = sheet.people.iter().map(|person| {
        let order = person.order.as_deref().unwrap_or_default();
        lines(&person.name, 30) + lines(order, 30)
    });
    let columns = phones.sum::<usize>().max(people.sum::<usize>() + 6);
    let lines = 2 * sheet.hours.len() + ahead.sum::<usize>() + columns;
    (100 - 3 * lines.saturating_sub(14).min(100) / 2).clamp(70, 100)
}

/// Fills in a page. Whatever is put in is escaped.
pub(crate) fn rendered(page: &str, facts: Value) -> anyhow::Result<String> {
    let mut templates = Environment::new();
    let lines_of_their_own = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()?;
    templates.set_syntax(lines_of_their_own);
    // By this name minijinja knows that it must escape.
    templates.add_template("page.html", page)?;
    Ok(templates.get_template("page.html")?.render(facts)?)
}
