//! One run of letters: what it says with what stands around it.

use super::triggers::{
    BEHIND, BRACED, COMMAND, DOLLAR, DOTTED, DUNDER, HEX, INVOKED, LINE, LOGIC, SCHEME, SCOPED,
    SORTS,
};
use super::words::Words;

/// Longest operand behind `or` and `and`. Units: bytes.
const OPERAND: usize = 64;

/// One run of letters and its surroundings.
pub struct Word<'t> {
    lead: &'t [u8],
    rest: &'t [u8],
}

impl<'t> Word<'t> {
    pub fn new(text: &'t [u8], start: usize, end: usize) -> Word<'t> {
        Word {
            lead: &text[..start],
            rest: &text[end..],
        }
    }

    fn before(&self) -> u8 {
        self.lead.last().copied().unwrap_or(0)
    }

    /// Sets what the trigger sets and was not found yet, as far as its conditions hold here.
    pub fn judge(&self, trigger: u64, found: u16) -> u16 {
        let lacks = |words: Words| words.0 & !found != 0;
        let when = |shift: u32, holds: fn(&Self) -> bool| {
            let sets = (trigger >> shift) as u16;
            if lacks(Words(sets)) && holds(self) {
                sets
            } else {
                0
            }
        };
        let special = trigger >> 48;
        let mut sets = trigger as u16;
        sets |= when(16, Self::calls);
        sets |= when(32, Self::path);
        if special & LOGIC != 0 && lacks(Words::SQL) {
            sets |= logic(self.rest);
        }
        if special & SORTS != 0 && lacks(Words::SQL) {
            sets |= self.sorts();
        }
        if special & HEX != 0 {
            sets |= self.hex();
        }
        if special & COMMAND != 0 && lacks(Words::SHELL) && self.command() {
            sets |= Words::SHELL.0;
        }
        if special & SCHEME != 0 && lacks(Words::URL) && self.scheme() {
            sets |= Words::URL.0;
        }
        let invoked = special & INVOKED != 0 && self.invoked();
        let dotted = special & DOTTED != 0 && self.dotted();
        let braced = special & BRACED != 0 && matches!(self.rest.first(), Some(b']' | b'}'));
        let dunder = special & DUNDER != 0
            && self.before() == b'_'
            && matches!(self.rest, [b'_' | b'[', ..]);
        let scoped = special & SCOPED != 0 && self.rest.starts_with(b"::");
        if invoked || dotted || dunder || braced || scoped {
            sets |= Words::CODE.0;
        }
        if special & DOLLAR != 0 && matches!(self.before(), b'$' | b'&') {
            sets |= Words::OPERATOR.0;
        }
        let behind = special & BEHIND != 0 && self.ended();
        if behind || special & LINE != 0 && self.second_line() {
            sets |= Words::OPERATOR.0;
        }
        sets
    }

    /// Something was ended before it.
    fn ended(&self) -> bool {
        let before = self.lead.trim_ascii_end().last();
        matches!(before, Some(b'\'' | b'"' | b')' | b'}' | b']' | b';'))
    }

    /// It starts a line behind one that is no more than a word.
    fn second_line(&self) -> bool {
        let starts = matches!(self.before(), b'\n' | b'\r');
        let before = self.lead.trim_ascii_end();
        starts && before.len() <= OPERAND && !before.iter().any(u8::is_ascii_whitespace)
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
    pub fn scheme(&self) -> bool {
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
    pub fn handler(&self) -> u16 {
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
