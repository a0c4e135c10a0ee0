//! Letters that the server could not give together with others. They are asked for last and one by one, so that one that
//! cannot be had holds up nobody; one that cannot be had alone either is set aside in the end (mail case 15).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ninetosix_core::store::folder::FolderKey;

use crate::imap::ImapError;

/// Failures alone after which a letter is set aside: where the server answers nonsense, and where it gives nothing or the
/// connection breaks, which has other causes too.
const NONSENSE: u32 = 3;
const BROKEN: u32 = 10;
/// The pause after the first failure alone, and the longest; each is twice the one before.
const PAUSE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3600));
/// Letters kept in mind; the others are asked for as if nothing had happened.
const MOST: usize = 10_000;

/// The letters of one mailbox that are under suspicion.
#[derive(Debug, Default)]
pub(crate) struct Suspects {
    letters: BTreeMap<(String, i64, u32), Suspect>,
    /// The first letter of the batch in which the connection broke last.
    broke_at: Option<(String, i64, u32)>,
}

#[derive(Debug, Default)]
struct Suspect {
    nonsense: u32,
    broken: u32,
    not_before: Option<Instant>,
}

impl Suspects {
    /// Returns whether the letter is kept apart.
    pub(crate) fn holds(&self, key: &FolderKey, uid: u32) -> bool {
        self.letters.contains_key(&name(key, uid))
    }

    /// Notes that letters could not be had together. Where the connection merely broke, they are innocent until it breaks
    /// at the same place again.
    pub(crate) fn batch_failed(&mut self, key: &FolderKey, uids: &[u32], error: &ImapError) {
        let Some(first) = uids.first().map(|uid| name(key, *uid)) else {
            return;
        };
        if merely_broken(error) && self.broke_at.as_ref() != Some(&first) {
            self.broke_at = Some(first);
            return;
        }
        self.broke_at = None;
        self.keep_apart(key, uids);
    }

    /// Notes letters that the server lists and does not give.
    pub(crate) fn keep_apart(&mut self, key: &FolderKey, uids: &[u32]) {
        for uid in uids {
            if self.letters.len() < MOST {
                self.letters.entry(name(key, *uid)).or_default();
            }
        }
    }

    /// Returns the letters of the folder that may be tried alone now, in order.
    pub(crate) fn due(&self, key: &FolderKey, now: Instant) -> Vec<u32> {
        let of_folder = name(key, 0)..=name(key, u32::MAX);
        let due = self.letters.range(of_folder);
        due.filter(|(_, suspect)| suspect.not_before.is_none_or(|at| at <= now))
            .map(|((_, _, uid), _)| *uid)
            .collect()
    }

    /// Notes a failure alone; `error` is none where the server said OK and gave nothing. Returns whether the letter is to
    /// be set aside.
    pub(crate) fn failed_alone(
        &mut self,
        key: &FolderKey,
        uid: u32,
        error: Option<&ImapError>,
        now: Instant,
    ) -> bool {
        let suspect = self.letters.entry(name(key, uid)).or_default();
        if error.is_none_or(merely_broken) {
            suspect.broken += 1;
        } else {
            suspect.nonsense += 1;
        }
        let failures = suspect.nonsense + suspect.broken - 1;
        let pause = PAUSE.0 * 2_u32.pow(failures.min(10));
        suspect.not_before = Some(now + pause.min(PAUSE.1));
        suspect.nonsense >= NONSENSE || suspect.broken >= BROKEN
    }

    /// Returns whether the server answered nonsense about the letter when it was asked for alone.
    pub(crate) fn met_nonsense(&self, key: &FolderKey, uid: u32) -> bool {
        let suspect = self.letters.get(&name(key, uid));
        suspect.is_some_and(|suspect| suspect.nonsense > 0)
    }

    /// Forgets the letters of other numberings of the folder.
    pub(crate) fn keep_only(&mut self, key: &FolderKey) {
        self.letters.retain(|(folder, numbering, _), _| {
            *folder != key.folder || *numbering == key.numbering
        });
    }

    /// Forgets a letter.
    pub(crate) fn clear(&mut self, key: &FolderKey, uid: u32) {
        self.letters.remove(&name(key, uid));
    }
}

fn name(key: &FolderKey, uid: u32) -> (String, i64, u32) {
    (key.folder.clone(), key.numbering, uid)
}

/// Whether nothing is said about the letter: the network, or the server as a whole, may be at fault.
fn merely_broken(error: &ImapError) -> bool {
    matches!(
        error,
        ImapError::Lost(_)
            | ImapError::Timeout(_)
            | ImapError::Unreachable(_)
            | ImapError::No { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::Stage;

    const LOST: ImapError = ImapError::Lost(Stage::Idle);

    fn key(folder: &str) -> FolderKey {
        FolderKey {
            mailbox: "help@school.test".to_owned(),
            folder: folder.to_owned(),
            uidvalidity: 1,
            numbering: 1,
        }
    }

    #[test]
    fn a_batch_is_suspected_at_once_for_nonsense_and_at_the_second_break_for_a_broken_connection() {
        let (inbox, spam) = (key("INBOX"), key("Spam"));
        let mut suspects = Suspects::default();
        suspects.batch_failed(&inbox, &[4, 5], &LOST);
        assert!(!suspects.holds(&inbox, 4));
        // Elsewhere, then here: no second time in a row.
        suspects.batch_failed(&inbox, &[9], &LOST);
        suspects.batch_failed(&inbox, &[4, 5], &LOST);
        assert!(!suspects.holds(&inbox, 4));
        suspects.batch_failed(&inbox, &[4, 5], &LOST);
        assert!(suspects.holds(&inbox, 4) && suspects.holds(&inbox, 5));
        assert!(!suspects.holds(&spam, 4) && !suspects.holds(&inbox, 9));
        suspects.batch_failed(&spam, &[7], &ImapError::Protocol("x".to_owned()));
        let now = Instant::now();
        assert_eq!(
            (suspects.due(&inbox, now), suspects.due(&spam, now)),
            (vec![4, 5], vec![7])
        );
        suspects.clear(&inbox, 4);
        assert_eq!(suspects.due(&inbox, now), [5]);
    }

    #[test]
    fn a_letter_that_fails_alone_waits_longer_each_time_and_is_set_aside_in_the_end() {
        let inbox = key("INBOX");
        let nonsense = ImapError::Protocol("x".to_owned());
        for (error, times) in [(Some(nonsense), 3), (None, 10), (Some(LOST), 10)] {
            let mut suspects = Suspects::default();
            suspects.keep_apart(&inbox, &[4, 5]);
            let mut now = Instant::now();
            let mut waited = Duration::ZERO;
            for time in 1..=times {
                assert_eq!(suspects.due(&inbox, now), [4, 5], "{time}");
                let is_set_aside = suspects.failed_alone(&inbox, 4, error.as_ref(), now);
                assert_eq!(is_set_aside, time == times, "{time}");
                assert_eq!(suspects.due(&inbox, now), [5], "the other need not wait");
                assert_eq!(suspects.met_nonsense(&inbox, 4), times == 3);
                let pause = Duration::from_secs(60 * 2_u64.pow(time - 1)).min(PAUSE.1);
                waited += pause;
                now += pause;
            }
            assert!(waited <= Duration::from_secs(6 * 3600), "{waited:?}");
            let mut other = inbox.clone();
            other.numbering = 2;
            suspects.keep_only(&other);
            assert!(!suspects.holds(&inbox, 4) && !suspects.holds(&inbox, 5));
        }
    }
}
