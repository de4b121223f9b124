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
        // One block more, so that each has one behind it.
        let blocks = text.len().div_ceil(BLOCK);
        marks.resize(blocks + 1, Marks::default());
        marks[blocks] = Marks::default();
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

    /// Counts the bytes from `from` on that are not hot.
    #[inline(always)]
    pub fn plain(&self, from: usize) -> usize {
        let Some(first) = self.marks.get(from / BLOCK) else {
            return 0;
        };
        let hot = first.hot >> (from % BLOCK);
        if hot != 0 {
            return hot.trailing_zeros() as usize;
        }
        let mut count = BLOCK - from % BLOCK;
        for marks in &self.marks[from / BLOCK + 1..] {
            if marks.hot != 0 {
                return count + marks.hot.trailing_zeros() as usize;
            }
            count += BLOCK;
        }
        count
    }

    /// Takes a range of the text that was marked.
    #[inline(always)]
    pub fn passage<'t>(&self, text: &'t [u8], range: Range<usize>) -> Passage<'t, 'm> {
        Passage {
            whole: &text[..range.end],
            start: range.start,
            marks: self.marks,
        }
    }
}

/// A passage of a marked text.
#[derive(Clone, Copy)]
pub struct Passage<'t, 'm> {
    /// The whole text, up to the passage's end.
    pub whole: &'t [u8],
    /// Where it starts in the whole. Units: bytes.
    pub start: usize,
    marks: &'m [Marks],
}

/// What 64 bytes of a document hold, as [`Marks`] have it: bit n tells of byte n.
#[derive(Clone, Copy, Default)]
pub struct Spoken {
    pub loud: u64,
    pub signs: u64,
    pub letters: u64,
}

impl<'t> Passage<'t, '_> {
    /// Gives what the passage holds.
    #[inline(always)]
    pub fn text(&self) -> &'t [u8] {
        &self.whole[self.start..]
    }

    /// Tells of the 64 bytes from `at` of the whole on, zeros behind the end.
    #[inline(always)]
    pub fn spoken(&self, at: usize) -> Spoken {
        let (block, skip) = (at / BLOCK, at % BLOCK);
        let blocks = self.marks.get(block..).and_then(<[Marks]>::first_chunk);
        let [first, next] = blocks.copied().unwrap_or_default();
        let left = self.whole.len().saturating_sub(at);
        let mine = match left {
            0..BLOCK => (1 << left) - 1,
            _ => u64::MAX,
        };
        let across =
            |first: u64, next: u64| (first >> skip | next << 1 << (BLOCK - 1 - skip)) & mine;
        Spoken {
            loud: across(first.loud, next.loud),
            signs: across(first.signs, next.signs),
            letters: across(first.letters, next.letters),
        }
    }
}
