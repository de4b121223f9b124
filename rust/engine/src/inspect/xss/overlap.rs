//! Tags that start within another one's attributes: what the one before read of them is not read again.
//!
//! `<a <a <a` is one tag of many attributes to some readers, and many tags to others. From the same byte on
//! both read the same, whatever they started as.

use super::attribute::Sort;

/// What was read behind the start of another tag, a chain for each sort of tag. Places are told by how many
/// bytes are left behind them.
#[derive(Default)]
pub struct Overlaps([Vec<usize>; 3]);

/// How far a tag that came by the same place was read.
#[derive(Debug, PartialEq)]
pub struct Reached {
    /// What is left behind that.
    pub left: usize,
    /// The attributes on the way there that end behind the start of the next tag.
    pub behind: usize,
}

impl Overlaps {
    /// Takes note that an attribute was read from one place to another.
    pub fn note(&mut self, sort: Sort, from: usize, to: usize) {
        let chain = &mut self.0[sort as usize];
        if chain.last() != Some(&from) {
            chain.clear();
            chain.push(from);
        }
        chain.push(to);
    }

    /// Tells how far was read from a place on; `None` where nothing was. `next` is what is left where
    /// the next tag starts.
    /// Cost: a binary search.
    pub fn reached(&self, sort: Sort, from: usize, next: usize) -> Option<Reached> {
        let chain = &self.0[sort as usize];
        let at = chain.binary_search_by(|left| from.cmp(left)).ok()?;
        let (left, ends) = (*chain.last()?, &chain[at + 1..]);
        let within = ends.partition_point(|end| *end >= next);
        (!ends.is_empty()).then_some(Reached {
            left,
            behind: ends.len() - within,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_told_from_each_of_its_places() {
        let mut overlaps = Overlaps::default();
        for (from, to) in [(90, 80), (80, 60), (60, 50)] {
            overlaps.note(Sort::Link, from, to);
        }
        let reached = |left, behind| Some(Reached { left, behind });
        for (from, next, want) in [
            (90, 90, reached(50, 3)),
            (80, 70, reached(50, 2)),
            (80, 60, reached(50, 1)),
            (60, 10, reached(50, 0)),
            (50, 50, None),
            (70, 70, None),
            (95, 90, None),
        ] {
            assert_eq!(
                overlaps.reached(Sort::Link, from, next),
                want,
                "{from} {next}"
            );
        }
        assert_eq!(overlaps.reached(Sort::Other, 90, 90), None);
        overlaps.note(Sort::Link, 40, 30);
        assert_eq!(overlaps.reached(Sort::Link, 90, 90), None);
        assert_eq!(overlaps.reached(Sort::Link, 40, 40), reached(30, 1));
    }
}
