//! Tables for spreadsheets: RFC 4180, and no cell is a formula, whoever wrote what is in it (promise P20).

/// What a spreadsheet takes for the beginning of a formula, wide forms included (they are folded to the plain ones), or
/// passes over on the way to one.
const FORMULA: [char; 11] = [
    '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
];

/// Returns one line of the table, its end included.
pub fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<String> = cells.into_iter().map(cell).collect();
    format!("{}\r\n", cells.join(","))
}

/// A cell between quotes. One that could be a formula begins with an apostrophe, which makes it text.
fn cell(text: &str) -> String {
    let first = text
        .trim_start_matches([' ', '\u{a0}', '\u{feff}'])
        .chars()
        .next();
    let guard = if first.is_some_and(|first| FORMULA.contains(&first)) {
        "'"
    } else {
        ""
    };
    let kept = text.chars().filter(|c| *c != '\0');
    let quoted = kept.collect::<String>().replace('"', "\"\"");
    format!("\"{guard}{quoted}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a table by RFC 4180, quotes on every cell.
    fn read(text: &str) -> Vec<Vec<String>> {
        let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
        let mut chars = text.chars().peekable();
        let mut quoted = false;
        while let Some(c) = chars.next() {
            match (quoted, c) {
                (true, '"') if chars.peek() == Some(&'"') => cell.extend(chars.next()),
                (_, '"') => quoted = !quoted,
                (false, ',') => row.push(std::mem::take(&mut cell)),
                (false, '\r') => {
                    assert_eq!(chars.next(), Some('\n'));
                    row.push(std::mem::take(&mut cell));
                    rows.push(std::mem::take(&mut row));
                }
                _ => cell.push(c),
            }
        }
        assert!(!quoted && cell.is_empty() && row.is_empty(), "{text:?}");
        rows
    }

    #[test]
    fn every_cell_is_read_back_and_none_is_a_formula() {
        let cells = [
            "plain",
            "",
            "a, b; c",
            "say \"no\"",
            "two\r\nlines",
            "=1+1",
            "+7 831",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "\u{ff1d}1",
            "\u{ff0b}1",
            "\u{ff0d}1",
            "\u{ff20}A1",
            "  =1",
            "a=1",
            "Рита",
        ];
        let table = format!("{}{}", line(cells), line(["last"; 2]));
        let rows = read(&table);
        assert_eq!(rows.len(), 2);
        for (cell, read) in cells.iter().zip(&rows[0]) {
            assert_eq!(read.trim_start_matches('\''), *cell);
            let first = read.trim_start().chars().next();
            assert!(
                first.is_none_or(|first| !FORMULA.contains(&first)),
                "{read:?}"
            );
            let is_harmless = ["plain", "", "a=1", "Рита"].contains(cell);
            assert!(!is_harmless || read == cell, "{read:?}");
        }
    }
}
