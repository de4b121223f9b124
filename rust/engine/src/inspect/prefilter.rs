//! Decides what must look at a value: by the kinds of its bytes, or by trigger words.

use crate::decode::{kind, Value};

/// Units: bytes.
const SHORT: usize = 24;

/// Trigger words of a value: a set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Words(u8);

impl Words {
    /// Words of statements, and `or`/`and` before a literal.
    pub const SQL: Words = Words(1);
    /// Words of statements that sentences use as well.
    pub const SQL_LIKE: Words = Words(1 << 3);
    /// Schemes and calls of scripts.
    pub const SCRIPT: Words = Words(1 << 1);
    /// Names of files and folders, and wrappers' schemes.
    pub const FILE: Words = Words(1 << 2);

    /// Tells whether one of `other` is in this set.
    pub fn contains(self, other: Words) -> bool {
        self.0 & other.0 != 0
    }
}

/// What is known of a value before anyone looks closely.
#[derive(Clone, Copy, Debug)]
pub struct Hints {
    pub seen: threat_agent_scan::Seen,
    pub words: Words,
    /// Whether it starts like a number and goes on with something else.
    pub numeric: bool,
    /// Whether it is so short that a quote and an operator fill it.
    pub short: bool,
    /// Whether it holds a `<`, or an escape that could be one.
    pub markup: bool,
    /// Whether it holds a null byte.
    pub null: bool,
    /// Whether it was encoded more than its place asks for.
    pub evasive: bool,
}

/// Looks at a value once, for all detectors. `None` when nothing can be in it.
/// Cost: nothing for plain words and numbers; one pass over the letters of the others.
pub fn look(value: &Value<'_>) -> Option<Hints> {
    let seen = value.seen;
    let evasive = value.extra_rounds > 1 || value.odd_utf8;
    if seen.any & !kind::DOT == 0 && seen.twice == 0 && !evasive {
        return None;
    }
    let digit = |b: &u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'(' | b')' | b'@');
    let operators = kind::TAG | kind::OPEN | kind::SPACE | kind::CONTROL | kind::SLASH;
    let goes_on = seen.any & operators != 0 || seen.twice != 0;
    Some(Hints {
        seen,
        words: words(value.bytes),
        numeric: goes_on && value.bytes.first().is_some_and(digit),
        short: value.bytes.len() <= SHORT,
        markup: markup(value),
        null: seen.any & kind::CONTROL != 0 && memchr::memchr(0, value.bytes).is_some(),
        evasive,
    })
}

fn markup(value: &Value<'_>) -> bool {
    let has = |kinds| value.seen.any & kinds != 0;
    has(kind::TAG) && memchr::memchr(b'<', value.bytes).is_some()
        || has(kind::OPEN) && memchr::memmem::find(value.bytes, b"&#").is_some()
        || has(kind::BRACE)
            && memchr::memchr_iter(b'\\', value.bytes)
                .any(|at| matches!(value.bytes.get(at + 1), Some(b'u' | b'U' | b'x' | b'X')))
}

fn words(text: &[u8]) -> Words {
    let mut found = 0;
    let mut at = 0;
    while at < text.len() {
        let (gap, letters) = split(text, at);
        if gap > 0 {
            at += gap;
            continue;
        }
        let start = at;
        at += letters.length;
        let mut packed = letters.packed;
        if letters.length == 8 {
            at += text[at..]
                .iter()
                .take_while(|b| b.is_ascii_alphabetic())
                .count();
            packed = split(text, at - 8).1.packed;
        }
        let word = Word {
            packed,
            before: start.checked_sub(1).map_or(0, |i| text[i]),
            rest: &text[at..],
        };
        found |= if at - start <= 8 {
            word.trigger()
        } else {
            word.long()
        };
        if at - start > 4 && letters.packed as u16 == u16::from_le_bytes(*b"on") {
            found |= word.handler();
        }
    }
    Words(found)
}

/// Letters at the start of eight bytes.
struct Letters {
    /// In lower case, the first in the lowest byte.
    packed: u64,
    length: usize,
}

/// Splits the eight bytes at `at`: how many at their start are no letters, or else the letters
/// there. Cost: no loop; arithmetic on all eight bytes at once.
fn split(text: &[u8], at: usize) -> (usize, Letters) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let rest = &text[at..];
    let bytes = rest.first_chunk::<8>().copied().unwrap_or_else(|| {
        let mut bytes = [0; 8];
        bytes[..rest.len()].copy_from_slice(rest);
        bytes
    });
    let raw = u64::from_le_bytes(bytes);
    let lower = raw | (0x20 * ONES);
    let low = lower & !HIGH;
    // The high bit of each byte tells: at least `a`, and not beyond `z`.
    let at_least = low + (0x80 - u64::from(b'a')) * ONES;
    let beyond = low + (0x7f - u64::from(b'z')) * ONES;
    let letter = at_least & !beyond & !raw & HIGH;
    let gap = (letter.trailing_zeros() / 8) as usize;
    let length = ((letter ^ HIGH).trailing_zeros() / 8) as usize;
    let packed = if length == 8 {
        lower
    } else {
        lower & ((1 << (8 * length)) - 1)
    };
    (gap.min(rest.len()), Letters { packed, length })
}

/// Packs a word of up to eight letters as [`split`] does; of a longer one the last eight count.
const fn pack(word: &[u8]) -> u64 {
    let mut packed = 0;
    let mut i = word.len();
    while i > 0 {
        i -= 1;
        packed = packed << 8 | word[i] as u64;
    }
    packed
}

/// Looks a packed word up among literals; compares numbers, not texts.
macro_rules! look_up {
    ($packed:expr, $($($word:literal)|+ => $then:expr),+ $(,)?) => {{
        $($(if $packed == const { pack($word) } { return $then; })+)+
        0
    }};
}

/// One run of letters and its surroundings.
struct Word<'t> {
    packed: u64,
    before: u8,
    rest: &'t [u8],
}

impl Word<'_> {
    /// Judges a word of up to eight letters.
    fn trigger(&self) -> u8 {
        look_up!(self.packed,
            b"or" | b"and" | b"xor" => logic(self.rest),
            b"union" | b"select" | b"exec" | b"declare" | b"waitfor" | b"having" | b"outfile"
                | b"dumpfile" | b"rlike" => Words::SQL.0,
            b"insert" | b"delete" | b"drop" | b"truncate" | b"execute" | b"shutdown" | b"sleep"
                | b"case" | b"char" | b"chr" | b"where" | b"update" | b"alter" | b"limit"
                | b"exists" => Words::SQL_LIKE.0,
            b"order" | b"group" => self.sorts(),
            b"script" | b"alert" | b"confirm" | b"prompt" | b"eval" | b"document" | b"window"
                | b"adw" | b"top" | b"self" | b"parent" => self.calls(),
            b"etc" | b"passwd" | b"proc" | b"ini" | b"windows" | b"winnt" | b"php" | b"file"
                | b"data" | b"expect" | b"zip" | b"phar" | b"boot" | b"inf" | b"htaccess"
                | b"htpasswd" | b"git" | b"ssh" | b"rsa" | b"log" | b"logs" | b"history"
                | b"inetpub" | b"xampp" | b"var" | b"jar" | b"netdoc" | b"glob" | b"ogg"
                | b"usr" | b"lampp" | b"program" | b"httpd" | b"bashrc"
                | b"bash" | b"aws" | b"docker" | b"kube" | b"asa" | b"sys" | b"root" | b"compress" | b"svn" | b"mysql" | b"apache" => self.path(),
            b"x" => self.hex(),
        )
    }

    /// Judges a longer word by its last eight letters.
    fn long(&self) -> u8 {
        look_up!(self.packed,
            b"vascript" | b"vbscript" | b"structor" | b"harcode" => Words::SCRIPT.0,
            b"enchmark" | b"actvalue" | b"pdatexml" => Words::SQL.0,
        )
    }

    fn sorts(&self) -> u8 {
        let next = self.rest.trim_ascii_start();
        let by = next.get(..2).is_some_and(|w| w.eq_ignore_ascii_case(b"by"));
        u8::from(by || next.starts_with(b"/*")) * Words::SQL.0
    }

    /// Names that are called, assigned, or looked into.
    fn calls(&self) -> u8 {
        let called = matches!(
            self.rest.trim_ascii_start().first(),
            Some(b'(' | b'`' | b'.' | b'[' | b'/' | b'>' | b';' | b')' | b'+' | b'-' | b',' | b'<')
        );
        u8::from(called || self.before == b'=') * Words::SCRIPT.0
    }

    /// Names beside a separator of paths or of schemes.
    fn path(&self) -> u8 {
        let beside = |b: &u8| matches!(b, b'/' | b'\\' | b'.' | b':' | b'-' | b'_');
        let after = self.rest.first().is_some_and(beside);
        u8::from(after || beside(&self.before)) * Words::FILE.0
    }

    /// `0x2e`, `0x2f`, `0x5c`.
    fn hex(&self) -> u8 {
        let path = [&b"2e"[..], b"2f", b"5c"]
            .iter()
            .any(|code| self.rest.starts_with(code));
        u8::from(path && self.before == b'0') * Words::FILE.0
    }

    /// `onload =`.
    fn handler(&self) -> u8 {
        let assigned = self.rest.trim_ascii_start().first() == Some(&b'=');
        u8::from(assigned) * Words::SCRIPT.0
    }
}

/// `or`, `and`: before a literal, an operator or a bracket, or before `word =`.
fn logic(rest: &[u8]) -> u8 {
    let next = rest.trim_ascii_start();
    let word = next.iter().take_while(|b| is_word(**b)).count();
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
    u8::from(literal || constant || compared) * Words::SQL.0
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing::value;

    #[test]
    fn plain_values_are_passed_over() {
        for text in [
            "",
            "hello",
            "42",
            "3.14",
            "2024-01-01",
            "a.b@c.example",
            "caf\u{e9}",
        ] {
            assert!(look(&value(text.as_bytes())).is_none(), "{text}");
        }
    }

    #[test]
    fn letters_are_told_from_all_other_bytes() {
        for byte in 0..=255u8 {
            let (gap, letters) = split(&[byte, b'z'], 0);
            let letter = byte.is_ascii_alphabetic();
            assert_eq!(
                (gap, letters.length),
                if letter { (0, 2) } else { (1, 0) },
                "{byte}"
            );
        }
        assert_eq!(split(b"", 0).0, 0);
    }

    #[test]
    fn words_are_known_in_any_case() {
        for (text, want) in [
            ("1 UNION/**/x", Words::SQL),
            ("1 order by 5", Words::SQL),
            ("x onload =y", Words::SCRIPT),
            ("a oR 1", Words::SQL),
            ("x javascript:y", Words::SCRIPT),
            ("(waitfor)", Words::SQL),
            ("=document.x", Words::SCRIPT),
            ("/ETC/x", Words::FILE),
        ] {
            assert!(
                look(&value(text.as_bytes())).unwrap().words.contains(want),
                "{text}"
            );
        }
        let prose = look(&value(b"this or that and more")).unwrap();
        assert!(!prose.words.contains(Words::SQL));
    }
}
