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

    /// Takes a range in which nothing is loud but a scheme.
    #[inline(always)]
    pub fn quiet<'t>(&self, text: &'t [u8], range: Range<usize>) -> Option<Quiet<'t, 'm>> {
        let scheme = scheme(&text[range.clone()]);
        let (mut loud, mut signs) = (0, 0);
        let mut rest = Bits {
            marks: self.marks,
            at: range.start + scheme,
            end: range.end,
        };
        let letters = rest;
        while let Some(bits) = rest.take(|marks| [marks.loud, marks.signs]) {
            loud |= bits[0];
            signs |= bits[1];
        }
        (loud == 0).then_some(Quiet {
            text: &text[range],
            scheme,
            signs: signs != 0,
            letters,
        })
    }
}

/// Measures the scheme of a link with its slashes.
#[inline(always)]
fn scheme(text: &[u8]) -> usize {
    let schemes = [&b"https://"[..], b"http://"];
    let scheme = schemes.into_iter().find(|s| text.starts_with(s));
    scheme.map_or(0, <[u8]>::len)
}

/// A text in which nothing is loud ([`super::kind::PROSE`]) but for the scheme of a link.
#[derive(Clone, Copy)]
pub struct Quiet<'t, 'm> {
    pub text: &'t [u8],
    /// Bytes of the scheme with its slashes; 0 where the text is no link.
    pub scheme: usize,
    /// Whether one of the signs to look at stands behind the scheme.
    pub signs: bool,
    letters: Bits<'m>,
}

impl<'m> Quiet<'_, 'm> {
    /// Tells which bytes behind the scheme are letters, 64 a word.
    #[inline(always)]
    pub fn letters(&self) -> impl Iterator<Item = u64> + use<'m> {
        let mut bits = self.letters;
        std::iter::from_fn(move || bits.take(|marks| [marks.letters]).map(|[bits]| bits))
    }
}

/// The marks of a range.
#[derive(Clone, Copy)]
struct Bits<'m> {
    marks: &'m [Marks],
    at: usize,
    end: usize,
}

impl Bits<'_> {
    /// Takes the bits of the next 64 bytes, zeros behind the end.
    #[inline(always)]
    fn take<const N: usize>(&mut self, of: impl Fn(&Marks) -> [u64; N]) -> Option<[u64; N]> {
        let left = self.end.checked_sub(self.at).filter(|left| *left > 0)?;
        let (block, skip) = (self.at / BLOCK, self.at % BLOCK);
        self.at += BLOCK;
        let mut bits = self.marks.get(block).map_or([0; N], &of).map(|b| b >> skip);
        if skip > 0 && left > BLOCK - skip {
            let more = self.marks.get(block + 1).map_or([0; N], &of);
            for (bits, more) in bits.iter_mut().zip(more) {
                *bits |= more << (BLOCK - skip);
            }
        }
        let beyond = BLOCK.saturating_sub(left);
        Some(bits.map(|b| b << beyond >> beyond))
    }
}
