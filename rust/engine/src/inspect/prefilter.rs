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
    let words = words(value.bytes);
    let digit = |b: &u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'(' | b')' | b'@');
    let operators = kind::TAG | kind::OPEN | kind::SPACE | kind::CONTROL | kind::SLASH;
    let numeric = value.bytes.first().is_some_and(digit) && seen.any & operators != 0;
    Some(Hints {
        seen,
        words,
        numeric,
        short: value.bytes.len() <= SHORT,
        evasive,
    })
}

fn words(text: &[u8]) -> Words {
    let mut found = 0;
    let mut at = 0;
    while at < text.len() {
        if !text[at].is_ascii_alphabetic() {
            at += 1;
            continue;
        }
        let start = at;
        let mut packed = 0u64;
        while at < text.len() && text[at].is_ascii_alphabetic() {
            packed = packed << 8 | u64::from(text[at] | 0x20);
            at += 1;
        }
        if at - start <= 8 {
            found |= trigger(packed, &text[at..]);
        } else {
            found |= long(packed);
        }
    }
    Words(found)
}

/// Packs a word of up to eight letters as [`words`] does; of a longer one the last eight.
const fn pack(word: &[u8]) -> u64 {
    let mut packed = 0;
    let mut i = 0;
    while i < word.len() {
        packed = packed << 8 | word[i] as u64;
        i += 1;
    }
    packed
}

macro_rules! words {
    ($packed:expr, $($($word:literal)|+ => $then:expr),+) => {{
        $($(if $packed == const { pack($word) } { return $then; })+)+
        0
    }};
}

fn trigger(packed: u64, rest: &[u8]) -> u8 {
    words!(packed,
        b"or" | b"and" | b"xor" => logic(rest),
        b"union" | b"select" | b"exec" | b"declare" | b"waitfor" | b"having" | b"outfile"
            | b"dumpfile" | b"rlike" => Words::SQL.0,
        b"insert" | b"delete" | b"drop" | b"truncate" | b"execute" | b"shutdown" | b"sleep"
            | b"order" | b"group" | b"like" | b"case" | b"char" | b"chr" | b"where" | b"update"
            | b"alter" | b"limit" | b"exists" | b"is" | b"in" | b"mod" | b"div" | b"between"
            => Words::SQL_LIKE.0,
        b"script" | b"alert" | b"confirm" | b"prompt" | b"eval" | b"document" | b"window"
            | b"import" | b"adw" => Words::SCRIPT.0,
        b"etc" | b"passwd" | b"proc" | b"ini" | b"windows" | b"winnt" | b"php" | b"file" | b"data"
            | b"expect" | b"zip" | b"phar" | b"boot" | b"shadow" | b"inf" | b"htaccess"
            | b"htpasswd" | b"env" | b"git" | b"ssh" | b"rsa" | b"conf" | b"log" | b"logs"
            | b"config" | b"cmd" | b"hosts" | b"self" | b"bash" | b"root" | b"jar" | b"gopher"
            | b"netdoc" | b"glob" | b"ogg" | b"rar" | b"dict" | b"svn" => Words::FILE.0
    )
}

fn long(packed: u64) -> u8 {
    words!(packed,
        b"vascript" | b"vbscript" | b"pression" | b"location" => Words::SCRIPT.0,
        b"enchmark" | b"ctvalue" | b"pdatexml" | b"on_schem" => Words::SQL.0
    )
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
    fn words_are_known_in_any_case() {
        for (text, want) in [
            ("1 UNION/**/x", Words::SQL),
            ("a oR 1", Words::SQL),
            ("x javascript:y", Words::SCRIPT),
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
