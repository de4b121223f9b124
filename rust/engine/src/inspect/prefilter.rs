//! Decides what must look at a value: by the kinds of its bytes, or by trigger words.

use super::triggers::{
    COMMAND, DOLLAR, DOTTED, DUNDER, HEX, INVOKED, LOGIC, SCHEME, SORTS, TRIGGERS,
};
use super::Part;
use crate::decode::{kind, Value};

/// Units: bytes.
const SHORT: usize = 24;

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

    /// Tells the set as a number.
    pub const fn bits(self) -> u16 {
        self.0
    }

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
    /// Whether it holds `<!` or `<?`, or entities.
    pub declares: bool,
    /// Whether it holds a bracket of templates or of lookups: `{{`, `${`, `<%`.
    pub template: bool,
    /// Whether it holds brackets as filters of directories have them: `)(`, `*)`.
    pub filter: bool,
    /// Whether it holds what shells read: a backtick, a pipe, a function's head, a file's pattern.
    pub shell: bool,
    /// Whether it holds `||` or `&&`, or a quote before the end of a statement.
    pub pipes: bool,
    /// Whether it holds a double colon.
    pub axis: bool,
    /// Whether it holds `://`, or a URL's start in another spelling.
    pub link: bool,
    /// Whether it names the protocol, or holds a character that some fold to a line end.
    pub http: bool,
    /// Whether it may be a serialised object.
    pub object: bool,
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
    if seen.any & !kind::DOT == 0 && seen.twice == 0 && !evasive && !kind::is_class(value.bytes) {
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
        declares: declares(value),
        template: template(value),
        filter: filter(value),
        shell: shell(value),
        pipes: pipes(value),
        axis: seen.any & !kind::DOT != 0 && pair(value.bytes, *b"::"),
        link: seen.twice & kind::SLASH != 0 && link(value),
        http: http(value),
        object: object(value),
        null: seen.any & kind::CONTROL != 0 && memchr::memchr(0, value.bytes).is_some(),
        evasive,
    })
}

fn pair(text: &[u8], [first, second]: [u8; 2]) -> bool {
    memchr::memchr_iter(first, text).any(|at| text.get(at + 1) == Some(&second))
}

/// `bin/` or `/dev/`.
fn folder(text: &[u8]) -> bool {
    memchr::memchr_iter(b'/', text)
        .any(|at| text[..at].ends_with(b"bin") || text[at + 1..].starts_with(b"dev/"))
}

/// A URL that may be included: in JSON, only one within another value, or of another scheme.
fn link(value: &Value<'_>) -> bool {
    let plain = value.bytes.starts_with(b"http") && value.part == Part::Json;
    pair(value.bytes, *b":/") && !(plain && memchr::memchr(b'=', value.bytes).is_none())
}

fn shell(value: &Value<'_>) -> bool {
    let has = |kinds| value.seen.any & kinds != 0;
    let text = value.bytes;
    let letter = |at: Option<usize>| {
        at.and_then(|at| text.get(at))
            .is_some_and(u8::is_ascii_alphabetic)
    };
    let inside = |at: &usize| letter(at.checked_sub(1)) && letter(Some(at + 1));
    has(kind::SPACE) && memchr::memchr(b'`', text).is_some()
        || has(kind::QUOTE)
            && has(kind::TAG | kind::BRACE | kind::OPEN)
            && memchr::memchr2_iter(b'\'', b'"', text)
                .filter(inside)
                .nth(1)
                .is_some()
        || has(kind::BRACE) && memchr::memchr(b'|', text).is_some()
        || has(kind::BRACE) && memchr::memmem::find(text, b"\\x0").is_some()
        || has(kind::OPEN) && pair(text, *b"()") && has(kind::BRACE)
        || has(kind::OPEN) && memchr::memchr(b'%', text).is_some() && has(kind::SPACE)
        || has(kind::SLASH)
            && (folder(text)
                || memchr::memchr_iter(b'?', text).any(|at| {
                    text.get(at + 1)
                        .is_some_and(|b| matches!(b, b'?' | b'/' | b'*'))
                }))
}

fn pipes(value: &Value<'_>) -> bool {
    let text = value.bytes;
    value.seen.twice & kind::BRACE != 0 && pair(text, *b"||")
        || value.seen.twice & kind::OPEN != 0 && pair(text, *b"&&")
        || value.seen.any & kind::QUOTE != 0
            && value.seen.any & (kind::TAG | kind::BRACE) != 0
            && memchr::memchr2_iter(b'\'', b'"', text)
                .any(|at| text.get(at + 1).is_some_and(|b| matches!(b, b';' | b'}')))
}

fn http(value: &Value<'_>) -> bool {
    value.seen.any & kind::SLASH != 0
        && memchr::memchr_iter(b'/', value.bytes).any(|at| {
            let name = at.checked_sub(4).and_then(|from| value.bytes.get(from..at));
            name.is_some_and(|n| n.eq_ignore_ascii_case(b"http"))
        })
        || pair(value.bytes, *b"\xe5\x98")
}

fn object(value: &Value<'_>) -> bool {
    let text = value.bytes;
    [
        &b"rO0AB"[..],
        b"KztAB",
        b"H4sIAAAA",
        b"AAEAAAD",
        b"\xac\xed\x00\x05",
    ]
    .iter()
    .any(|magic| text.starts_with(magic))
        || value.seen.any & kind::QUOTE != 0 && pair(text, *b":\"")
        || value.seen.any & kind::QUOTE != 0
            && value.seen.any & kind::BRACE != 0
            && pair(text, *b":{")
}

fn declares(value: &Value<'_>) -> bool {
    let next = |at: usize| value.bytes.get(at + 1).copied().unwrap_or(0);
    value.seen.any & kind::TAG != 0
        && memchr::memchr_iter(b'<', value.bytes).any(|at| matches!(next(at), b'!' | b'?'))
}

fn template(value: &Value<'_>) -> bool {
    let has = |kinds| value.seen.any & kinds != 0;
    let text = value.bytes;
    let at = |at: Option<usize>| at.and_then(|at| text.get(at)).copied().unwrap_or(0);
    has(kind::BRACE)
        && memchr::memchr_iter(b'{', text).any(|i| {
            matches!(
                at(i.checked_sub(1)),
                b'$' | b'#' | b'%' | b'@' | b'*' | b'~' | b'{'
            ) || matches!(at(Some(i + 1)), b'%' | b'#' | b'@')
        })
        || has(kind::OPEN)
            && memchr::memchr_iter(b'$', text)
                .any(|i| matches!(at(Some(i + 1)), b'_' | b'(' | b'{' | b'\''))
        || has(kind::TAG)
            && memchr::memchr_iter(b'<', text).any(|i| matches!(at(Some(i + 1)), b'%' | b'#'))
        || has(kind::OPEN) && memchr::memchr_iter(b'@', text).any(|i| at(Some(i + 1)) == b'(')
        || has(kind::OPEN)
            && memchr::memchr_iter(b'#', text).any(|i| {
                at(Some(i + 1)).is_ascii_alphabetic()
                    && at(Some(i + 2)).is_ascii_alphabetic()
                    && memchr::memchr2(b'(', b'=', &text[i..]).is_some()
            })
}

fn filter(value: &Value<'_>) -> bool {
    let text = value.bytes;
    let at = |at: Option<usize>| at.and_then(|at| text.get(at)).copied().unwrap_or(0);
    value.seen.any & kind::OPEN != 0
        && memchr::memchr2_iter(b'(', b')', text).any(|i| {
            let (before, after) = (at(i.checked_sub(1)), at(Some(i + 1)));
            match text[i] {
                b')' => matches!(after, b'(' | b'|' | b'&' | b'!') || before == b'*',
                _ => matches!(after, b'&' | b'|' | b'!') && before != b' ',
            }
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
            lead: &text[..start],
            rest: &text[at..],
        };
        let length = at - start;
        let trigger = TRIGGERS.find(packed, length > 8);
        if trigger != 0 {
            found |= word.judge(trigger);
        }
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

/// One run of letters and its surroundings.
struct Word<'t> {
    lead: &'t [u8],
    rest: &'t [u8],
}

impl Word<'_> {
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
        let dotted = special & DOTTED != 0 && self.rest.starts_with(b".");
        let dunder = special & DUNDER != 0 && self.before() == b'_' && self.rest.starts_with(b"_");
        if invoked || dotted || dunder {
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
        matches!(rest, [b'(' | b'`', ..] | [b'/', b'*', ..])
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
    u16::from(literal || constant || compared) * Words::SQL.0
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
