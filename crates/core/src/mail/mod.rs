//! Bytes to domain values and back; no sockets.
//!
//! - [`parse`] reads a letter that came in, [`invitation`] one to a meeting; [`explain`] says what was understood;
//! - `writer_letter` and `specialist_letter` put outgoing letters into words, each with the facts its reader may know;
//! - [`compose`] makes the words a mail; [`wording`] holds the texts, [`moment`] says dates.

pub mod compose;
pub mod explain;
pub mod flowed;
pub mod invitation;
pub mod moment;
pub mod parse;
pub mod specialist_letter;
#[cfg(test)]
mod tests;
pub mod wording;
pub mod writer_letter;
