//! Who makes room for whom where a route or a node has as many names as it keeps.
//!
//! Names that several senders have confirmed, and that were seen lately, stay. Of the others, whoever
//! has most to himself gives up his own: one who makes names up drives out his own, not those of people
//! who came before the second of their like.

use std::cmp::Reverse;

/// Senders from which a name stays.
const CONFIRMED: u32 = 3;

/// What a name is worth.
#[derive(Clone, Copy, Debug)]
pub struct Worth {
    /// Its first sender.
    pub owner: u64,
    /// Senders, halved for each week since it was seen.
    pub senders: u32,
    pub last_s: u64,
}

/// Picks up to `n` names that make room; none where all of them stay.
/// Cost: two sorts, one where `n` is 1.
pub fn least<K>(names: impl Iterator<Item = (K, Worth)>, n: usize) -> Vec<(K, Worth)> {
    let mut loose: Vec<(K, Worth)> = names.filter(|(_, w)| w.senders < CONFIRMED).collect();
    let mut owners: Vec<u64> = loose.iter().map(|(_, worth)| worth.owner).collect();
    owners.sort_unstable();
    let before = |owner: u64, or_own: bool| {
        owners.partition_point(|other| *other < owner || or_own && *other == owner)
    };
    let rank = |worth: &Worth| {
        let held = before(worth.owner, true) - before(worth.owner, false);
        (Reverse(held), worth.senders, worth.last_s)
    };
    if n == 1 {
        let least = loose.into_iter().min_by_key(|(_, worth)| rank(worth));
        return least.into_iter().collect();
    }
    loose.sort_by_cached_key(|(_, worth)| rank(worth));
    loose.truncate(n);
    loose
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worth(owner: u64, senders: u32, last_s: u64) -> Worth {
        Worth {
            owner,
            senders,
            last_s,
        }
    }

    #[test]
    fn who_has_most_to_himself_makes_room() {
        let names = [
            ("old", worth(1, 1, 10)),
            ("new", worth(2, 1, 20)),
            ("made up", worth(3, 1, 31)),
            ("made up first", worth(3, 1, 30)),
            ("known", worth(3, 3, 1)),
        ];
        let gone = |n| {
            let gone = least(names.into_iter(), n);
            gone.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(gone(1), ["made up first"]);
        assert_eq!(gone(9), ["made up first", "made up", "old", "new"]);
    }
}
