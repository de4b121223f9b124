//! Words that are searched for all at once: one pass over a text instead of one for each.
//!
//! Source: Aho & Corasick (1975), as the `aho-corasick` crate has it, which `regex` needs anyway.

use super::built::Built;
use aho_corasick::automaton::{Automaton, OverlappingState};
use aho_corasick::dfa::DFA;
use aho_corasick::{Input, StartKind};

/// Stands for a word that is not there.
const NOWHERE: u32 = u32::MAX;

/// A set of words. What searches for them is [`Built`].
pub struct Needles<const N: usize> {
    words: [&'static [u8]; N],
    any_case: bool,
    searcher: Built<Option<DFA>>,
}

/// Where the words of a set first stand in a text, by their place in the set.
pub struct Spots<'t, const N: usize> {
    text: &'t [u8],
    words: &'static [&'static [u8]; N],
    first: [u32; N],
}

impl<const N: usize> Needles<N> {
    /// Words as they are spelled.
    pub const fn new(words: [&'static [u8]; N]) -> Needles<N> {
        Needles::with(words, false)
    }

    /// Words in any case of their ASCII letters.
    pub const fn any_case(words: [&'static [u8]; N]) -> Needles<N> {
        Needles::with(words, true)
    }

    const fn with(words: [&'static [u8]; N], any_case: bool) -> Needles<N> {
        Needles {
            words,
            any_case,
            searcher: Built::new(),
        }
    }

    /// Tells whether any of them is in a text. Cost: some ten instructions a byte.
    pub fn is_in(&self, text: &[u8]) -> bool {
        let searcher = self.searcher.get_or(|| self.build());
        let found = |searcher: &DFA| matches!(searcher.try_find(&Input::new(text)), Ok(Some(_)));
        searcher.as_ref().is_some_and(found)
    }

    /// Hands every place where a word stands to `visit`: the word's place in the set, and where it
    /// starts. Cost: some ten instructions a byte, and as many for each place.
    pub fn each(&self, text: &[u8], mut visit: impl FnMut(usize, usize)) {
        let Some(searcher) = self.searcher.get_or(|| self.build()) else {
            return;
        };
        let input = Input::new(text);
        let mut state = OverlappingState::start();
        // It fails only where it was not built for such an input.
        while searcher.try_find_overlapping(&input, &mut state).is_ok() {
            let Some(found) = state.get_match() else {
                return;
            };
            visit(found.pattern().as_usize(), found.start());
        }
    }

    /// Tells where each word first stands, in a text of less than 4 GiB. Cost: as for [`Needles::each`].
    pub fn spot<'t>(&'static self, text: &'t [u8]) -> Spots<'t, N> {
        let mut first = [NOWHERE; N];
        self.each(text, |n, at| first[n] = first[n].min(at as u32));
        Spots {
            text,
            words: &self.words,
            first,
        }
    }

    fn build(&self) -> Option<DFA> {
        let mut builder = DFA::builder();
        builder
            .ascii_case_insensitive(self.any_case)
            .start_kind(StartKind::Unanchored)
            .prefilter(false);
        builder.build(self.words).ok()
    }
}

impl<'t, const N: usize> Spots<'t, N> {
    /// Where the n-th word first starts.
    pub fn at(&self, n: usize) -> Option<usize> {
        Some(self.first[n])
            .filter(|at| *at != NOWHERE)
            .map(|at| at as usize)
    }

    /// Tells whether the n-th word is there.
    pub fn has(&self, n: usize) -> bool {
        self.first[n] != NOWHERE
    }

    /// What stands behind the n-th word, where it first stands.
    pub fn behind(&self, n: usize) -> Option<&'t [u8]> {
        self.at(n).map(|at| &self.text[at + self.words[n].len()..])
    }
}

/// A word's place among others. In a `const` it does not compile where it is none of them.
pub const fn place(words: &[&[u8]], word: &[u8]) -> usize {
    let mut n = 0;
    while !is_same(words[n], word) {
        n += 1;
    }
    n
}

const fn is_same(a: &[u8], b: &[u8]) -> bool {
    let mut same = a.len() == b.len();
    let mut i = 0;
    while same && i < a.len() {
        same = a[i] == b[i];
        i += 1;
    }
    same
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&[u8]; 5] = [b"alert", b"alert(", b"let", b"=", b"\xbcx"];
    const LET: usize = place(&WORDS, b"let");

    #[test]
    fn words_are_found_where_they_first_stand() {
        static NEEDLES: Needles<5> = Needles::any_case(WORDS);
        let spots = NEEDLES.spot(b"a = LET aLert(alert) = \xbcX");
        let first: Vec<_> = (0..5).filter_map(|n| spots.at(n)).collect();
        assert_eq!(first, [8, 8, 4, 2, 23]);
        assert_eq!(spots.behind(LET), Some(&b" aLert(alert) = \xbcX"[..]));
        assert!(!NEEDLES.spot(b"").has(0) && !NEEDLES.spot(b"al ert").has(0));
    }

    #[test]
    fn every_place_is_found() {
        static NEEDLES: Needles<2> = Needles::new([b"aba", b"B"]);
        let mut found = Vec::new();
        NEEDLES.each(b"ababaAB", |n, at| found.push((n, at)));
        assert_eq!(found, [(0, 0), (0, 2), (1, 6)]);
        assert!(NEEDLES.is_in(b"xaba") && NEEDLES.is_in(b"B") && !NEEDLES.is_in(b"ab"));
    }
}
