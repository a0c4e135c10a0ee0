//! Bytes to domain values and back; no sockets.
//!
//! - [`parse`] reads a letter that came in, [`invitation`] one to a meeting; [`explain`] says what was understood;
//! - `writer_letter` and `specialist_letter` put outgoing letters into words, each with the facts its reader may know;
//!   [`test_letter`] is that of `check --send`;
//! - [`compose`] makes the words a mail, as text and as HTML, with pictures and files (`html_part`, `pictures`, `file_part`);
//! - [`wording`] holds the texts, [`moment`] says instants, `day_words` dates and hours, [`calendar_notes`] why a day is so.

pub mod calendar_notes;
pub mod compose;
mod day_words;
pub mod explain;
mod file_part;
pub mod flowed;
pub mod html_part;
#[cfg(test)]
mod html_part_tests;
pub mod invitation;
pub mod moment;
pub mod parse;
pub mod pictures;
#[cfg(test)]
mod quoting_tests;
#[cfg(test)]
mod snapshot_tests;
pub mod specialist_letter;
pub mod test_letter;
#[cfg(test)]
mod tests;
pub mod wording;
pub mod writer_letter;
