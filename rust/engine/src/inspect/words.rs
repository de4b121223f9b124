//! Trigger words: a value's runs of letters, looked up and judged by what stands around them.

use super::triggers::TRIGGERS;
use super::word::Word;
use crate::decode::kind::{self, Rare, BLOCK, WINDOW};
use crate::decode::Passage;
use std::ops::Range;

/// Trigger words of a value: a set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Words(pub(super) u16);

impl Words {
    /// Words of statements, and `or`/`and` before a literal.
    pub const SQL: Words = Words(1);
    /// Schemes and calls of scripts.
    pub const SCRIPT: Words = Words(1 << 1);
    /// Names of files and folders, and wrappers' schemes.
    pub const FILE: Words = Words(1 << 2);
    /// Words of statements that sentences use as well.
    pub const SQL_LIKE: Words = Words(1 << 3);
    /// Programs of a shell, where a command may start.
    pub const SHELL: Words = Words(1 << 4);
    /// Functions and classes that run code.
    pub const CODE: Words = Words(1 << 5);
    /// Schemes and hosts that only a server reaches.
    pub const URL: Words = Words(1 << 6);
    /// Names of scanners and exploit tools.
    pub const TOOL: Words = Words(1 << 7);
    /// Operators of document databases.
    pub const OPERATOR: Words = Words(1 << 8);

    /// Folders and files of servers that scans ask for.
    pub const ADMIN: Words = Words(1 << 9);

    /// The words of both sets.
    pub const fn or(self, other: Words) -> Words {
        Words(self.0 | other.0)
    }

    /// Tells the set as a number.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Tells whether one of `other` is in this set.
    pub fn contains(self, other: Words) -> bool {
        self.0 & other.0 != 0
    }
}

/// What one reading of a value gives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Read {
    pub words: Words,
    pub rare: Rare,
    /// Holds `bin/` or `/dev/`.
    pub folder: bool,
    /// Holds `http/`, in any case.
    pub http: bool,
}

/// Reads a value once. `closely` tells that it may hold an equals sign or a slash.
/// Cost: linear; a multiplication and a load for most words.
pub fn read(text: &[u8], closely: bool) -> Read {
    let mut reader = Reader::new(text, closely);
    let mut rare = Rare::default();
    let mut from = 0;
    loop {
        let end = text.len().min(from + WINDOW);
        let (seen, letters) = kind::survey(&text[from..end]);
        rare = rare.join(seen);
        for (at, letters) in (from..end).step_by(BLOCK).zip(letters) {
            reader.block(at, letters);
        }
        // The next window holds a cut word whole, and the pair of bytes at the border.
        from = match (reader.edges.open, end == text.len()) {
            (None, true) => break,
            (None, false) => end - 1,
            (Some(start), false) if start > from => {
                reader.edges.open = None;
                start
            }
            (Some(_), _) => {
                let more = text[end..].iter().take_while(|b| b.is_ascii_alphabetic());
                let end = end + more.count();
                reader.end(end);
                if end == text.len() {
                    break;
                }
                end
            }
        };
    }
    Read {
        words: Words(reader.found),
        rare,
        folder: reader.folder,
        http: reader.http,
    }
}

/// Tells what stands before a slash: `bin` or `/dev`, and `http` in any case.
#[inline(always)]
pub fn before_slash(lead: &[u8]) -> (bool, bool) {
    let Some(tail) = lead.last_chunk::<4>() else {
        return (lead == b"bin", false);
    };
    let http = tail.map(|b| b | 0x20) == *b"http";
    (tail[1..] == *b"bin" || tail == b"/dev", http)
}

/// Where words start and end: runs of letters.
#[derive(Default)]
pub struct Edges {
    /// Where a word has started that has not ended yet.
    open: Option<usize>,
}

impl Edges {
    /// Hands out the words of 64 bytes from `at` on, told by their letters: bit n is set where byte n is
    /// one.
    #[inline(always)]
    pub fn each(&mut self, at: usize, letters: u64, mut word: impl FnMut(Range<usize>)) {
        let before = letters << 1 | u64::from(self.open.is_some());
        // A bit where a word starts, and one behind its end.
        let (mut starts, mut ends) = (letters & !before, before & !letters);
        let mut start = match self.open {
            Some(open) => open,
            None => at + take_first(&mut starts),
        };
        while ends != 0 {
            word(start..at + take_first(&mut ends));
            start = at + take_first(&mut starts);
        }
        self.open = (letters >> (BLOCK - 1) != 0).then_some(start);
    }
}

/// Takes the lowest bit away and tells its place; 64 where there is none.
#[inline(always)]
fn take_first(bits: &mut u64) -> usize {
    let first = bits.trailing_zeros();
    *bits &= bits.wrapping_sub(1);
    first as usize
}

/// What is being read, and what was found.
struct Reader<'t> {
    text: &'t [u8],
    edges: Edges,
    closely: bool,
    found: u16,
    folder: bool,
    http: bool,
}

impl<'t> Reader<'t> {
    /// `closely` as of [`read`].
    fn new(text: &'t [u8], closely: bool) -> Reader<'t> {
        Reader {
            text,
            edges: Edges::default(),
            closely,
            found: 0,
            folder: false,
            http: false,
        }
    }

    /// Takes in the words of 64 bytes from `at` on. Apart from its caller, so that what its loop needs
    /// stays in registers.
    #[inline(never)]
    fn block(&mut self, at: usize, letters: u64) {
        let mut edges = std::mem::take(&mut self.edges);
        edges.each(at, letters, |word| self.word(word));
        self.edges = edges;
    }

    /// Takes in the word that ends where the text ends, or behind it.
    fn end(&mut self, end: usize) {
        if self.edges.open.is_some() {
            self.block(end, 0);
        }
    }

    /// Takes in what a word says. Cost: no more than its lookup for most.
    #[inline(always)]
    fn word(&mut self, word: Range<usize>) {
        if may_tell(self.text, &word) {
            self.found |= known(self.text, word.clone(), self.found);
        }
        if self.closely {
            self.beside(word.start, word.end);
        }
    }

    /// Looks for a folder, a protocol, and a handler.
    #[inline(always)]
    fn beside(&mut self, start: usize, end: usize) {
        let word = &self.text[start..end];
        if self.text.get(end) == Some(&b'/') {
            let (folder, http) = before_slash(&self.text[..end]);
            self.folder |= folder;
            self.http |= http;
        } else if word.len() > 4 && word[..2].eq_ignore_ascii_case(b"on") {
            self.found |= Word::new(self.text, start, end).handler();
        }
    }
}

/// Tells whether a word of a text may be a trigger.
#[inline(always)]
pub fn may_tell(text: &[u8], word: &Range<usize>) -> bool {
    TRIGGERS.may_know(pack(text, word.start, word.end))
}

/// Tells whether a word of the whole says something in a passage.
#[inline(never)]
pub fn tells(passage: &Passage<'_, '_>, word: Range<usize>) -> bool {
    let start = passage.start;
    known(passage.text(), word.start - start..word.end - start, 0) != 0
}

/// Tells what a word sets that may be a trigger, beside what was found.
#[inline(never)]
fn known(text: &[u8], word: Range<usize>, found: u16) -> u16 {
    let Range { start, end } = word;
    let (trigger, most) = TRIGGERS.find(pack(text, start, end), end - start > 8);
    if most & !found == 0 {
        return 0;
    }
    let sets = Word::new(text, start, end).judge(trigger, found);
    debug_assert_eq!(sets & !most, 0);
    sets
}

/// Packs the last eight letters of a word in lower case, the first of them in the lowest byte.
#[inline(always)]
fn pack(text: &[u8], start: usize, end: usize) -> u64 {
    const LOWER: u64 = 0x2020_2020_2020_2020;
    let beyond = 8 * 8u32.saturating_sub((end - start) as u32);
    let tail = match text[..end].last_chunk() {
        Some(tail) => u64::from_le_bytes(*tail),
        None => tail(text, end),
    };
    (tail | LOWER).wrapping_shr(beyond)
}

/// The bytes before an end that has fewer than eight before it, the last of them in the highest byte.
#[cold]
fn tail(text: &[u8], end: usize) -> u64 {
    let head = match text.first_chunk() {
        Some(head) => u64::from_le_bytes(*head),
        None => text
            .iter()
            .rev()
            .fold(0, |head, b| head << 8 | u64::from(*b)),
    };
    head << (64 - 8 * end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The words one after the other, without windows and vectors.
    fn plainly(text: &[u8]) -> u16 {
        let mut at = 0;
        let mut reader = Reader::new(text, true);
        while at < text.len() {
            let length = text[at..].iter().take_while(|b| b.is_ascii_alphabetic());
            let length = length.count();
            if length > 0 {
                reader.word(at..at + length);
            }
            at += length.max(1);
        }
        reader.found
    }

    proptest! {
        #[test]
        fn windows_hide_no_word(
            lead in 0usize..1100,
            filler in prop::sample::select(&b" a/"[..]),
            text in "[a ]{0,9}(union|passwd|/etc|onload=|javascript|x|::|0x2e| ){0,9}",
        ) {
            let mut long = vec![filler; lead];
            long.extend_from_slice(text.as_bytes());
            let read = read(&long, true);
            prop_assert_eq!(read.words.0, plainly(&long));
            prop_assert_eq!(read.rare.twice & kind::rare::COLON != 0, text.contains("::"));
        }
    }

    #[test]
    fn letters_are_packed_in_lower_case() {
        for (text, start, end, want) in [
            (&b"Ab"[..], 0, 2, &b"ab"[..]),
            (b"  oRder by", 2, 7, b"order"),
            (b"JAVASCRIPT", 0, 10, b"vascript"),
            (b"1234567x", 7, 8, b"x"),
        ] {
            let mut packed = [0; 8];
            packed[..want.len()].copy_from_slice(want);
            assert_eq!(pack(text, start, end), u64::from_le_bytes(packed));
        }
    }
}
