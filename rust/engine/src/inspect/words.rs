//! Trigger words: a value's runs of letters, looked up and judged by what stands around them.

use super::triggers::{
    BRACED, COMMAND, DOLLAR, DOTTED, DUNDER, HEX, INVOKED, LOGIC, SCHEME, SORTS, TRIGGERS,
};
use crate::decode::kind::{self, Rare, BLOCK, WINDOW};

/// Longest operand behind `or` and `and`. Units: bytes.
const OPERAND: usize = 64;

/// Trigger words of a value: a set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Words(u16);

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
    let mut reader = Reader {
        text,
        head: head(text),
        closely,
        found: 0,
        folder: false,
        http: false,
    };
    let mut rare = Rare::default();
    let mut from = 0;
    loop {
        let end = text.len().min(from + WINDOW);
        let (seen, letters) = kind::survey(&text[from..end]);
        rare = rare.join(seen);
        let blocks = (end - from).div_ceil(BLOCK);
        // Where a word has started that has not ended yet.
        let mut open = None;
        let mut before = 0;
        for (block, letters) in letters[..blocks].iter().enumerate() {
            let at = from + block * BLOCK;
            let behind = letters << 1 | before;
            before = letters >> (BLOCK - 1);
            let (mut starts, mut ends) = (letters & !behind, behind & !letters);
            while ends != 0 {
                let start = open.take().unwrap_or_else(|| {
                    let start = at + starts.trailing_zeros() as usize;
                    starts &= starts - 1;
                    start
                });
                let end = at + ends.trailing_zeros() as usize;
                ends &= ends - 1;
                reader.word(start, end);
            }
            if starts != 0 {
                open = Some(at + starts.trailing_zeros() as usize);
            }
        }
        // The next window holds a cut word whole, and the pair of bytes at the border.
        from = match (open, end == text.len()) {
            (None, true) => break,
            (None, false) => end - 1,
            (Some(start), false) if start > from => start,
            (Some(start), _) => {
                let more = text[end..].iter().take_while(|b| b.is_ascii_alphabetic());
                let end = end + more.count();
                reader.word(start, end);
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

/// What is being read, and what was found.
struct Reader<'t> {
    text: &'t [u8],
    /// The first eight bytes.
    head: u64,
    closely: bool,
    found: u16,
    folder: bool,
    http: bool,
}

impl Reader<'_> {
    /// Takes in what a run of letters says. Cost: no more than its lookup for most.
    #[inline(always)]
    fn word(&mut self, start: usize, end: usize) {
        let packed = pack(self.text, self.head, start, end);
        if TRIGGERS.may_know(packed, end - start > 8) {
            self.known(packed, start, end);
        }
        if self.closely {
            self.beside(start, end);
        }
    }

    #[inline(never)]
    fn known(&mut self, packed: u64, start: usize, end: usize) {
        let trigger = TRIGGERS.find(packed, end - start > 8);
        if trigger != 0 {
            self.found |= Word::new(self.text, start, end).judge(trigger);
        }
    }

    /// Looks for a folder, a protocol, and a handler.
    #[inline(always)]
    fn beside(&mut self, start: usize, end: usize) {
        let word = &self.text[start..end];
        if self.text.get(end) == Some(&b'/') {
            let whole = start > 0 && self.text[start - 1] == b'/' && word == b"dev";
            self.folder |= whole || word.ends_with(b"bin");
            let tail = word.last_chunk::<4>();
            self.http |= tail.is_some_and(|w| w.eq_ignore_ascii_case(b"http"));
        } else if word.len() > 4 && word[..2].eq_ignore_ascii_case(b"on") {
            self.found |= Word::new(self.text, start, end).handler();
        }
    }
}

/// Packs the last eight letters of a word in lower case, the first of them in the lowest byte.
#[inline(always)]
fn pack(text: &[u8], head: u64, start: usize, end: usize) -> u64 {
    const LOWER: u64 = 0x2020_2020_2020_2020;
    let beyond = 64 - 8 * (end - start).min(8) as u32;
    match text[..end].last_chunk() {
        Some(tail) => (u64::from_le_bytes(*tail) | LOWER) >> beyond,
        None => ((head | LOWER) >> (8 * start)) << beyond >> beyond,
    }
}

/// The first eight bytes, zeros behind them where there are fewer.
fn head(text: &[u8]) -> u64 {
    match text.first_chunk() {
        Some(head) => u64::from_le_bytes(*head),
        None => text
            .iter()
            .rev()
            .fold(0, |head, b| head << 8 | u64::from(*b)),
    }
}

/// One run of letters and its surroundings.
struct Word<'t> {
    lead: &'t [u8],
    rest: &'t [u8],
}

impl<'t> Word<'t> {
    fn new(text: &'t [u8], start: usize, end: usize) -> Word<'t> {
        Word {
            lead: &text[..start],
            rest: &text[end..],
        }
    }

    fn before(&self) -> u8 {
        self.lead.last().copied().unwrap_or(0)
    }

    /// Sets what the trigger sets, as far as its conditions hold here.
    fn judge(&self, trigger: u64) -> u16 {
        let when = |shift: u32, holds: fn(&Self) -> bool| {
            let sets = (trigger >> shift) as u16;
            if sets != 0 && holds(self) {
                sets
            } else {
                0
            }
        };
        let special = trigger >> 48;
        let mut found = trigger as u16;
        found |= when(16, Self::calls);
        found |= when(32, Self::path);
        if special & LOGIC != 0 {
            found |= logic(self.rest);
        }
        if special & SORTS != 0 {
            found |= self.sorts();
        }
        if special & HEX != 0 {
            found |= self.hex();
        }
        if special & COMMAND != 0 && self.command() {
            found |= Words::SHELL.0;
        }
        if special & SCHEME != 0 && self.scheme() {
            found |= Words::URL.0;
        }
        let invoked = special & INVOKED != 0 && self.invoked();
        let dotted = special & DOTTED != 0 && self.dotted();
        let braced = special & BRACED != 0 && matches!(self.rest.first(), Some(b']' | b'}'));
        let dunder = special & DUNDER != 0 && self.before() == b'_' && self.rest.starts_with(b"_");
        if invoked || dotted || dunder || braced {
            found |= Words::CODE.0;
        }
        if special & DOLLAR != 0 && matches!(self.before(), b'$' | b'&') {
            found |= Words::OPERATOR.0;
        }
        found
    }

    fn sorts(&self) -> u16 {
        let next = self.rest.trim_ascii_start();
        let by = next.get(..2).is_some_and(|w| w.eq_ignore_ascii_case(b"by"));
        u16::from(by || next.starts_with(b"/*")) * Words::SQL.0
    }

    /// Names that are called, assigned, or looked into.
    fn calls(&self) -> bool {
        let called = matches!(
            self.rest.trim_ascii_start().first(),
            Some(
                b'(' | b'`'
                    | b'.'
                    | b'['
                    | b'/'
                    | b'>'
                    | b';'
                    | b')'
                    | b'+'
                    | b'-'
                    | b','
                    | b'<'
                    | b'"'
                    | b'\''
            )
        );
        called || self.before() == b'='
    }

    /// Names beside a separator of paths or of schemes.
    fn path(&self) -> bool {
        let beside = |b: &u8| matches!(b, b'/' | b'\\' | b'.' | b':' | b'-' | b'_');
        self.rest.first().is_some_and(beside) || beside(&self.before())
    }

    /// A function before its arguments, comments and quotes between them.
    fn invoked(&self) -> bool {
        let rest = self.rest.trim_ascii_start();
        let rest = rest
            .strip_prefix(b"\"")
            .or(rest.strip_prefix(b"'"))
            .unwrap_or(rest);
        matches!(rest, [b'(' | b'`' | b'#', ..] | [b'/', b'*' | b'/', ..])
    }

    /// Something of a class or a module is meant: `os.`, `process["env"]`, `[prototype][x]`.
    fn dotted(&self) -> bool {
        let looked_into = matches!(
            self.rest,
            [b'.' | b'[', ..] | [b']', b'[' | b'.' | b'=', ..]
        );
        looked_into || self.before() == b'[' && self.rest.first() == Some(&b']')
    }

    /// `0x2e`, `0x2f`, `0x5c`.
    fn hex(&self) -> u16 {
        let path = [&b"2e"[..], b"2f", b"5c"]
            .iter()
            .any(|code| self.rest.starts_with(code));
        u16::from(path && self.before() == b'0') * Words::FILE.0
    }

    /// A program's name where a shell would start one: at the start, or behind an operator.
    fn command(&self) -> bool {
        let before = self.lead.trim_ascii_end().last().copied().unwrap_or(0);
        let blank = self.lead.last().is_some_and(u8::is_ascii_whitespace);
        let opens = matches!(
            before,
            b';' | b'|'
                | b'!'
                | b'&'
                | b'`'
                | b'('
                | b'{'
                | b'}'
                | b'\\'
                | b'^'
                | b'$'
                | b'%'
                | b'='
                | b'@'
                | b'"'
                | b'\''
        );
        let line = matches!(self.lead.last(), Some(b'\n' | b'\r'));
        before == 0 || opens || line || !blank && matches!(before, b'/' | b'>' | b'+')
    }

    /// A scheme before an address that only the server's own network knows, or in odd spelling.
    fn scheme(&self) -> bool {
        let Some(rest) = self.rest.strip_prefix(b":") else {
            return false;
        };
        let slashes = rest
            .iter()
            .take_while(|b| matches!(b, b'/' | b'\\'))
            .count();
        let host = &rest[slashes..];
        let first = host.first().copied().unwrap_or(b'a');
        slashes != 2 || !first.is_ascii_alphabetic() || super::ssrf::is_internal(host)
    }

    /// `onload =`.
    fn handler(&self) -> u16 {
        let assigned = self.rest.trim_ascii_start().first() == Some(&b'=');
        u16::from(assigned) * Words::SCRIPT.0
    }
}

/// `or`, `and`: before a literal, an operator or a bracket, or before `word =`.
fn logic(rest: &[u8]) -> u16 {
    let next = rest.trim_ascii_start();
    let word = next
        .iter()
        .take(OPERAND)
        .take_while(|b| is_word(**b))
        .count();
    let literal = match next.first() {
        Some(b',' | b'.' | b'-') | None => false,
        Some(byte) => !byte.is_ascii_alphabetic() && *byte < 0x80,
    };
    let constant = [&b"true"[..], b"not", b"null", b"false"]
        .iter()
        .any(|w| next[..word].eq_ignore_ascii_case(w));
    let compared = matches!(
        next[word..].trim_ascii_start().first(),
        Some(b'=' | b'<' | b'>' | b'(' | b'!' | b'#')
    );
    u16::from(literal || constant || compared) * Words::SQL.0
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The words one after the other, without windows and vectors.
    fn plainly(text: &[u8]) -> u16 {
        let mut at = 0;
        let mut reader = Reader {
            text,
            head: head(text),
            closely: true,
            found: 0,
            folder: false,
            http: false,
        };
        while at < text.len() {
            let length = text[at..].iter().take_while(|b| b.is_ascii_alphabetic());
            let length = length.count();
            if length > 0 {
                reader.word(at, at + length);
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
            assert_eq!(
                pack(text, head(text), start, end),
                u64::from_le_bytes(packed)
            );
        }
    }
}
