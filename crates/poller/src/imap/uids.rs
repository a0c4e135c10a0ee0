//! Sets of UIDs as IMAP writes them: `1:5,7` (RFC 3501 section 9, `sequence-set`).

use std::fmt::Write as _;

/// The longest set in one command; with everything around it a line stays below the 8192 bytes that
/// servers can be relied on to read (RFC 7162 section 4).
const LONGEST: usize = 6000;

/// These UIDs in ascending order, without repetitions and without 0, which is no UID.
pub(super) fn ordered(uids: &[u32]) -> Vec<u32> {
    let mut uids: Vec<u32> = uids.iter().copied().filter(|&uid| uid != 0).collect();
    uids.sort_unstable();
    uids.dedup();
    uids
}

/// The sets, one a command, that together name exactly these UIDs; each with how many it names.
pub(super) fn sets(uids: &[u32]) -> Vec<(String, usize)> {
    let mut sets: Vec<(String, usize)> = Vec::new();
    for run in ordered(uids).chunk_by(|a, b| *b == a + 1) {
        let (first, last) = (run[0], run[run.len() - 1]);
        let mut range = first.to_string();
        if last != first {
            // Writing to a string cannot fail.
            let _ = write!(range, ":{last}");
        }
        match sets.last_mut() {
            Some((set, count)) if set.len() + 1 + range.len() <= LONGEST => {
                set.push(',');
                set.push_str(&range);
                *count += run.len();
            }
            _ => sets.push((range, run.len())),
        }
    }
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(uids: &[u32]) -> String {
        let sets = sets(uids);
        assert_eq!(sets.len(), 1, "{sets:?}");
        assert_eq!(sets[0].1, ordered(uids).len());
        sets[0].0.clone()
    }

    #[test]
    fn neighbours_become_ranges() {
        assert_eq!(one(&[1, 2, 3, 4, 5, 7]), "1:5,7");
        assert_eq!(one(&[7, 5, 3, 5, 4, 0]), "3:5,7");
        assert_eq!(one(&[9]), "9");
        assert_eq!(one(&[9, 10]), "9:10");
        assert_eq!(one(&[u32::MAX - 1, u32::MAX]), "4294967294:4294967295");
        assert!(sets(&[]).is_empty() && sets(&[0]).is_empty());
    }

    #[test]
    fn long_sets_are_spread_over_commands() {
        let uids: Vec<u32> = (0..2000).map(|n| 4_000_000_000 + 2 * n).collect();
        let sets = sets(&uids);
        assert!(sets.len() > 1 && sets.iter().all(|(set, _)| set.len() <= LONGEST));
        assert_eq!(sets.iter().map(|(_, count)| count).sum::<usize>(), 2000);
        let named: Vec<u32> = sets
            .iter()
            .flat_map(|(set, _)| set.split(',').map(|uid| uid.parse().expect("a number")))
            .collect();
        assert_eq!(named, uids);
    }
}
