//! A set of UIDs as the ranges it is made of: a mailbox of a million letters has a few.

use std::collections::BTreeMap;

/// A set of UIDs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct UidRanges {
    /// The last UID of each range by its first; no two touch.
    ranges: BTreeMap<u32, u32>,
}

impl UidRanges {
    /// Returns whether the UID is in the set.
    pub(crate) fn contains(&self, uid: u32) -> bool {
        let range = self.ranges.range(..=uid).next_back();
        range.is_some_and(|(_, last)| uid <= *last)
    }

    /// Returns the highest UID.
    pub(crate) fn last(&self) -> Option<u32> {
        self.ranges.last_key_value().map(|(_, last)| *last)
    }

    /// Returns how many UIDs there are.
    pub(crate) fn len(&self) -> usize {
        let ranges = self.ranges.iter();
        ranges
            .map(|(first, last)| (last - first) as usize + 1)
            .sum()
    }

    /// Adds a UID.
    pub(crate) fn insert(&mut self, uid: u32) {
        if self.contains(uid) {
            return;
        }
        let before = self.ranges.range(..uid).next_back();
        let first = before
            .filter(|(_, last)| last.checked_add(1) == Some(uid))
            .map_or(uid, |(first, _)| *first);
        let after = uid
            .checked_add(1)
            .and_then(|next| self.ranges.remove(&next));
        self.ranges.insert(first, after.unwrap_or(uid));
    }
}

impl Extend<u32> for UidRanges {
    fn extend<T: IntoIterator<Item = u32>>(&mut self, uids: T) {
        uids.into_iter().for_each(|uid| self.insert(uid));
    }
}

/// From ranges that do not touch, as first and last UID.
impl FromIterator<(u32, u32)> for UidRanges {
    fn from_iter<T: IntoIterator<Item = (u32, u32)>>(ranges: T) -> UidRanges {
        UidRanges {
            ranges: ranges.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn it_is_a_set_and_its_ranges_join() {
        // Every order of adding a few numbers, and those at the edges.
        let mut state = 1_u32;
        for _ in 0..500 {
            let (mut ranges, mut plain) = (UidRanges::default(), BTreeSet::new());
            for _ in 0..40 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let uid = match state >> 28 {
                    0 => u32::MAX - (state >> 8) % 3,
                    _ => (state >> 8) % 30,
                };
                ranges.insert(uid);
                plain.insert(uid);
                assert_eq!(ranges.last(), plain.last().copied());
                assert_eq!(ranges.len(), plain.len());
            }
            let mut edges: Vec<u32> = (0..32).collect();
            edges.extend(u32::MAX - 4..=u32::MAX);
            for uid in edges {
                assert_eq!(
                    ranges.contains(uid),
                    plain.contains(&uid),
                    "{uid}: {ranges:?}"
                );
            }
            let apart: Vec<_> = ranges.ranges.iter().collect();
            assert!(
                apart.windows(2).all(|two| two[0].1 + 1 < *two[1].0),
                "{apart:?}"
            );
        }
    }
}
