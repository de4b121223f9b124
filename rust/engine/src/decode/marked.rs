//! A text whose blocks are marked: where its reader stops, and whether what lies before is plain.

use std::ops::Range;
use threat_agent_scan::{Grade, Marks, Prose, BLOCK};

/// A text with its marks.
#[derive(Clone, Copy)]
pub struct Marked<'m> {
    marks: &'m [Marks],
    length: usize,
}

impl<'m> Marked<'m> {
    /// Marks the stops, what is hot, and what prose asks for. The marks lie in `marks`.
    /// Cost: one pass; memory for five eighths of the text.
    pub fn new(
        text: &[u8],
        hot: Grade<'_>,
        prose: Option<Prose<'_>>,
        stops: [u8; 2],
        marks: &'m mut Vec<Marks>,
    ) -> Marked<'m> {
        marks.resize(text.len().div_ceil(BLOCK), Marks::default());
        let mut places = marks.iter_mut();
        threat_agent_scan::mark(hot, prose, stops, text, |block| {
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

    /// Takes a range of the text with its marks.
    #[inline(always)]
    pub fn passage<'t>(&self, text: &'t [u8], range: Range<usize>) -> Passage<'t, 'm> {
        Passage {
            text: &text[range.clone()],
            marks: self.marks,
            start: range.start,
        }
    }
}

/// A passage of a marked text.
#[derive(Clone, Copy)]
pub struct Passage<'t, 'm> {
    pub text: &'t [u8],
    marks: &'m [Marks],
    /// Where it starts in the whole. Units: bytes.
    start: usize,
}

/// What 64 bytes of a document hold, as [`Marks`] have it: bit n tells of byte n.
#[derive(Clone, Copy, Default)]
pub struct Spoken {
    pub loud: u64,
    pub signs: u64,
    pub letters: u64,
}

impl Spoken {
    #[inline(always)]
    fn map(self, of: impl Fn(u64) -> u64) -> Spoken {
        Spoken {
            loud: of(self.loud),
            signs: of(self.signs),
            letters: of(self.letters),
        }
    }
}

impl Passage<'_, '_> {
    /// Tells of the 64 bytes from `at` on, zeros behind the end; none there.
    #[inline(always)]
    pub fn spoken(&self, at: usize) -> Option<Spoken> {
        let left = self.text.len().checked_sub(at).filter(|left| *left > 0)?;
        let start = self.start + at;
        let (block, skip) = (start / BLOCK, start % BLOCK);
        let mut spoken = self.block(block).map(|bits| bits >> skip);
        if left > BLOCK - skip && skip > 0 {
            let more = self.block(block + 1).map(|bits| bits << (BLOCK - skip));
            spoken.loud |= more.loud;
            spoken.signs |= more.signs;
            spoken.letters |= more.letters;
        }
        let mine = u64::MAX >> BLOCK.saturating_sub(left);
        Some(spoken.map(|bits| bits & mine))
    }

    #[inline(always)]
    fn block(&self, block: usize) -> Spoken {
        let spoken = |marks: &Marks| Spoken {
            loud: marks.loud,
            signs: marks.signs,
            letters: marks.letters,
        };
        self.marks.get(block).map(spoken).unwrap_or_default()
    }
}
