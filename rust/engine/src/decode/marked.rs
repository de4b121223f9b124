//! A text whose blocks are marked: where its reader stops, and whether what lies before is plain.

use threat_agent_scan::{Marks, Table, BLOCK};

/// A text with its marks.
#[derive(Clone, Copy)]
pub struct Marked<'m> {
    marks: &'m [Marks],
    length: usize,
}

impl<'m> Marked<'m> {
    /// Marks the stops, and as hot the bytes of classes that are not `plain` and neighbours of one
    /// class. The marks lie in `marks`.
    /// Cost: one pass; memory for a quarter of the text.
    pub fn new(
        text: &[u8],
        (table, plain): (&Table, u8),
        stops: [u8; 2],
        marks: &'m mut Vec<Marks>,
    ) -> Marked<'m> {
        marks.resize(text.len().div_ceil(BLOCK), Marks::default());
        let mut places = marks.iter_mut();
        threat_agent_scan::mark(table, plain, stops, text, |block| {
            if let Some(place) = places.next() {
                *place = block;
            }
        });
        Marked {
            marks,
            length: text.len(),
        }
    }

    /// Finds the first stop from `from` on. Shape: where, the length when there is none, and whether
    /// anything before it is hot.
    #[inline(always)]
    pub fn run(&self, from: usize) -> (usize, bool) {
        let Some(first) = self.marks.get(from / BLOCK) else {
            return (self.length, false);
        };
        let skip = from % BLOCK;
        let (stops, hot) = (first.stops >> skip, first.hot >> skip);
        if stops == 0 {
            return self.run_on(from / BLOCK + 1, hot != 0);
        }
        let before = (stops & stops.wrapping_neg()) - 1;
        let stop = from + stops.trailing_zeros() as usize;
        (stop, hot & before != 0)
    }

    /// The same from a block's start, `hot` or not so far.
    fn run_on(&self, block: usize, mut hot: bool) -> (usize, bool) {
        for (n, marks) in self.marks[block..].iter().enumerate() {
            if marks.stops != 0 {
                let before = (marks.stops & marks.stops.wrapping_neg()) - 1;
                let stop = (block + n) * BLOCK + marks.stops.trailing_zeros() as usize;
                return (stop, hot || marks.hot & before != 0);
            }
            hot |= marks.hot != 0;
        }
        (self.length, hot)
    }
}
