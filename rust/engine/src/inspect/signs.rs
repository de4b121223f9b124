//! What stands beside single bytes: the closer looks of the prefilter.

use super::{serialized, Part};
use crate::decode::kind::{self, rare, Rare};
use crate::decode::Value;

/// How far behind a dollar its name ends. Units: bytes.
const NAME: usize = 64;
/// Longest value in which options behind an operator are looked for. Units: bytes.
const CHAINED: usize = 64;

/// A percent sign, a digit, and another percent sign.
pub fn nibbles(text: &[u8]) -> bool {
    memchr::memchr_iter(b'%', text).any(
        |at| matches!(text.get(at + 1..at + 3), Some([digit, b'%']) if digit.is_ascii_hexdigit()),
    )
}

pub fn pair(text: &[u8], [first, second]: [u8; 2]) -> bool {
    memchr::memchr_iter(first, text).any(|at| text.get(at + 1) == Some(&second))
}

/// A URL that may be included: in JSON, only one within another value, with a query, or of another scheme.
pub fn link(value: &Value<'_>) -> bool {
    let plain = value.bytes.starts_with(b"http") && value.part == Part::Json;
    pair(value.bytes, *b":/") && !(plain && memchr::memchr2(b'=', b'?', value.bytes).is_none())
}

/// Two slashes or more, whichever way they lean, before a number or a bracket: an address, with the
/// scheme of the page. Or a path at an address of this machine's own net, with no scheme.
#[inline(always)]
pub fn relative(text: &[u8]) -> bool {
    matches!(text, [b'/' | b'\\', b'/' | b'\\', ..]) && addresses(text)
        || text.starts_with(LOCAL) && asks(text)
}

/// Where services tell a machine about itself.
const LOCAL: &[u8] = b"169.254.";

/// Tells a path behind an address; behind that of a network there is a number.
fn asks(text: &[u8]) -> bool {
    let slash = memchr::memchr(b'/', text);
    slash.is_some_and(|at| text.get(at + 1).is_some_and(u8::is_ascii_alphabetic))
}

fn addresses(text: &[u8]) -> bool {
    let host = text.iter().find(|b| !matches!(b, b'/' | b'\\'));
    matches!(host, Some(b'0'..=b'9' | b'['))
}

/// A line end that is spelled out.
pub fn line_end(text: &[u8]) -> bool {
    memchr::memmem::find(text, b"\\r\\n").is_some()
}

/// What stands around the dollars of a text.
#[derive(Clone, Copy, Default)]
pub struct Dollars {
    /// A name behind one, and a bracket, an arrow or a comment behind that.
    pub variable: bool,
    /// One starts a template: `$_`, `$(`, `${`, `$'`.
    pub template: bool,
    /// One ends a word and starts another: `c$@at`, `ping$() `.
    pub expands: bool,
}

impl Dollars {
    /// Reads each once.
    pub fn of(text: &[u8]) -> Dollars {
        let mut found = Dollars::default();
        for at in memchr::memchr_iter(b'$', text) {
            let rest = &text[at + 1..text.len().min(at + NAME)];
            let next = text.get(at + 1).copied().unwrap_or(0);
            found.template |= matches!(next, b'_' | b'(' | b'{' | b'\'' | b'"');
            found.expands |= at > 0
                && text[at - 1].is_ascii_alphabetic()
                && matches!(next, b'@' | b'*' | b'!' | b'?' | b'-' | b'(' | b'{');
            found.variable = found.variable || names(rest);
        }
        found
    }
}

/// Tells a variable that is called or looked into. Another dollar ends the name: what follows it is
/// looked at from there.
fn names(rest: &[u8]) -> bool {
    let named = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'@' | b'.');
    let length = rest.iter().take_while(|b| named(b)).count();
    matches!(
        rest[length..].trim_ascii_start(),
        [b'(' | b'[' | b'{', ..] | [b'-', b'>', ..] | [b'/', b'*' | b'/', ..]
    )
}

/// What stands around the round brackets of a text.
#[derive(Clone, Copy, Default)]
pub struct Brackets {
    /// Those of a filter of LDAP, with an operator.
    pub filter: bool,
    /// One opens behind a letter or a digit.
    pub calls: bool,
    /// One opens behind a bracket, a quote or the end of a comment, blanks between them.
    pub invokes: bool,
}

impl Brackets {
    /// Reads each once.
    pub fn of(text: &[u8]) -> Brackets {
        let at = |at: Option<usize>| at.and_then(|at| text.get(at)).copied().unwrap_or(0);
        let mut found = Brackets::default();
        for i in memchr::memchr2_iter(b'(', b')', text) {
            let (before, after) = (at(i.checked_sub(1)), at(Some(i + 1)));
            if text[i] == b')' {
                found.filter = found.filter
                    || matches!(after, b'(' | b'|' | b'&' | b'!')
                    || before == b'*'
                    || reopens(&text[i + 1..]);
                continue;
            }
            found.filter |= matches!(after, b'&' | b'|' | b'!') && before != b' ';
            found.calls |= before.is_ascii_alphanumeric();
            found.invokes = found.invokes || is_closed(&text[..i]);
        }
        found
    }
}

/// Tells whether the end of something stands before a bracket.
fn is_closed(lead: &[u8]) -> bool {
    let before = lead.trim_ascii_end().last();
    matches!(before, Some(b')' | b']' | b'}' | b'"' | b'\'' | b'/'))
}

/// `![]`.
pub fn negates(value: &Value<'_>) -> bool {
    let text = value.bytes;
    value.seen.any & kind::BRACE != 0
        && memchr::memchr_iter(b'!', text).any(|at| text[at + 1..].starts_with(b"[]"))
}

/// Quotes and escapes within words, an option behind an operator.
pub fn shell(value: &Value<'_>) -> bool {
    let has = |kinds| value.seen.any & kinds != 0;
    let text = value.bytes;
    let operators = has(kind::TAG | kind::BRACE | kind::OPEN);
    has(kind::QUOTE) && operators && apart(text)
        || value.seen.twice & kind::QUOTE != 0 && has(kind::SPACE) && holes(text)
        || text.len() <= CHAINED && has(kind::SPACE) && operators && chained(text)
        || text.len() <= CHAINED && operators && escaped(text)
        || text.len() <= CHAINED && has(kind::SLASH) && operators && rooted(text)
}

/// A path from the root behind an operator.
fn rooted(text: &[u8]) -> bool {
    pair(text, *b";/") || pair(text, *b"|/")
}

/// What shells expand.
pub fn expression(value: &Value<'_>, rare: Rare) -> bool {
    let has = |kinds| value.seen.any & kinds != 0;
    let text = value.bytes;
    let holds = |bytes| rare.any & bytes != 0;
    holds(rare::BACKTICK | rare::BAR)
        || holds(rare::BACKSLASH) && memchr::memmem::find(text, b"\\x0").is_some()
        || holds(rare::OPEN) && has(kind::BRACE) && pair(text, *b"()")
        || holds(rare::PERCENT) && has(kind::SPACE)
        || holds(rare::BRACE) && (pair(text, *b"{,") || pair(text, *b",-"))
        || holds(rare::DOLLAR)
            && text.len() <= CHAINED
            && memchr::memchr_iter(b'$', text).nth(2).is_some()
        || holds(rare::DOLLAR) && memchr::memchr2(b';', b'&', text).is_some()
        || holds(rare::QUESTION)
            && has(kind::SLASH)
            && memchr::memchr_iter(b'?', text).any(|at| {
                text.get(at + 1)
                    .is_some_and(|b| matches!(b, b'?' | b'/' | b'*'))
            })
}

/// Two quotes or more, each between letters: `w'h'o`.
fn apart(text: &[u8]) -> bool {
    let quote = |w: &&[u8]| {
        matches!(w[1], b'\'' | b'"') && w[0].is_ascii_alphabetic() && w[2].is_ascii_alphabetic()
    };
    text.windows(3).filter(quote).nth(1).is_some()
}

/// Two backslashes or carets, each between letters: `w\ho\am\i`, `w^h^o`.
fn escaped(text: &[u8]) -> bool {
    let letter = |at: usize| text.get(at).is_some_and(u8::is_ascii_lowercase);
    memchr::memchr2_iter(b'\\', b'^', text)
        .filter(|at| *at > 0 && letter(at - 1) && letter(at + 1))
        .nth(1)
        .is_some()
}

/// Two quotes with nothing between them within a word: `ti''me`.
fn holes(text: &[u8]) -> bool {
    memchr::memchr2_iter(b'\'', b'"', text).any(|at| {
        at > 0
            && text[at - 1].is_ascii_alphabetic()
            && text.get(at + 1) == Some(&text[at])
            && text.get(at + 2).is_some_and(u8::is_ascii_alphabetic)
    })
}

/// An option somewhere behind an operator: `;perf --version`.
fn chained(text: &[u8]) -> bool {
    let operator = memchr::memchr3(b';', b'|', b'&', text);
    operator.is_some_and(|at| pair(&text[at..], *b" -"))
}

pub fn pipes(value: &Value<'_>, rare: Rare) -> bool {
    let text = value.bytes;
    rare.twice & (rare::BAR | rare::AMPERSAND) != 0
        || value.seen.any & kind::QUOTE != 0
            && value.seen.any & (kind::TAG | kind::BRACE) != 0
            && memchr::memchr2_iter(b';', b'}', text)
                .any(|at| at > 0 && matches!(text[at - 1], b'\'' | b'"'))
}

#[inline]
pub fn object(value: &Value<'_>, rare: Rare) -> bool {
    let text = value.bytes;
    let started = match text.first() {
        Some(b'=' | b'+' | b'-' | b'@') => rare.any & rare::BAR != 0,
        _ => is_magic(text),
    };
    let quoted = rare.any & rare::COLON != 0 && value.seen.any & kind::QUOTE != 0;
    started
        || rare.any & rare::BACKSLASH != 0 && escapes_to_shell(text)
        || quoted && pair(text, *b":\"")
        || quoted && rare.any & rare::BRACE != 0 && pair(text, *b":{")
}

/// Tells a serialised object by how it starts.
#[inline]
pub fn is_magic(text: &[u8]) -> bool {
    match text.first() {
        Some(b'r') => text.starts_with(b"rO0AB"),
        Some(b'K') => text.starts_with(b"KztAA"),
        Some(b'C') => text.starts_with(b"Cs7QA"),
        Some(b'H') => text.starts_with(b"H4sIAAAA"),
        Some(b'A') => text.starts_with(b"AAEAAAD"),
        Some(0xac) => text.starts_with(b"\xac\xed\x00\x05"),
        Some(b'a') => text.starts_with(b"aced0005"),
        Some(b'g' | b'B') => serialized::may_be(text),
        Some(b'c') => calls_module(text),
        Some(b'p') => text == b"prototype",
        _ => false,
    }
}

/// A module of Python and a line end, as a pickle starts.
fn calls_module(text: &[u8]) -> bool {
    let end = memchr::memchr(b'\n', &text[..text.len().min(16)]);
    end.is_some_and(|end| {
        text[..end]
            .iter()
            .all(|b| b.is_ascii_lowercase() || *b == b'_')
    })
}

/// `\write18`, `\input|`: how TeX runs a program.
fn escapes_to_shell(text: &[u8]) -> bool {
    [&b"\\write18"[..], b"\\input|", b"\\input{|"]
        .iter()
        .any(|word| memchr::memmem::find(text, word).is_some())
}

/// `<!`, `<?`.
pub fn declares(text: &[u8]) -> bool {
    let from = memchr::memchr(b'<', text).unwrap_or(text.len());
    let mut pairs = text[from..].windows(2);
    pairs.any(|pair| matches!(pair, [b'<', b'!' | b'?']))
}

pub fn template(text: &[u8], rare: Rare) -> bool {
    let holds = |bytes| rare.any & bytes != 0;
    let at = |at: Option<usize>| at.and_then(|at| text.get(at)).copied().unwrap_or(0);
    holds(rare::BRACE)
        && memchr::memchr_iter(b'{', text).any(|i| {
            matches!(
                at(i.checked_sub(1)),
                b'$' | b'#' | b'%' | b'@' | b'*' | b'~' | b'{'
            ) || matches!(at(Some(i + 1)), b'%' | b'#' | b'@' | b'$')
                || holds(rare::BAR) && matches!(at(Some(i + 1)), b'\'' | b'"')
        })
        || holds(rare::LESS)
            && memchr::memchr_iter(b'<', text).any(|i| matches!(at(Some(i + 1)), b'%' | b'#'))
        || holds(rare::AT)
            && holds(rare::OPEN)
            && memchr::memchr_iter(b'@', text).any(|i| at(Some(i + 1)) == b'(')
        || holds(rare::HASH) && hashes(text)
}

/// `#x...(`, `#x...=`.
fn hashes(text: &[u8]) -> bool {
    let Some(last) = memchr::memrchr2(b'(', b'=', text) else {
        return false;
    };
    memchr::memchr_iter(b'#', &text[..last]).any(|at| {
        text[at + 1..last]
            .first_chunk::<2>()
            .is_some_and(|next| next.iter().all(|b| b.is_ascii_alphabetic() || *b == b'_'))
    })
}

/// A bracket and an operator of filters behind blanks: ` (&`, ` ( |`.
fn reopens(rest: &[u8]) -> bool {
    match rest.trim_ascii_start() {
        [b'(', inside @ ..] => {
            matches!(inside.trim_ascii_start().first(), Some(b'&' | b'|' | b'!'))
        }
        _ => false,
    }
}

pub fn markup(value: &Value<'_>, rare: Rare) -> bool {
    let holds = |bytes| rare.any & bytes == bytes;
    holds(rare::LESS)
        || holds(rare::COLON) && is_document(value.bytes)
        || holds(rare::AMPERSAND | rare::HASH) && memchr::memmem::find(value.bytes, b"&#").is_some()
        || holds(rare::BACKSLASH)
            && memchr::memchr_iter(b'\\', value.bytes)
                .any(|at| matches!(value.bytes.get(at + 1), Some(b'u' | b'U' | b'x' | b'X')))
}

/// A page or a drawing in a URL, at the start or behind a quote.
pub fn is_document(text: &[u8]) -> bool {
    let start = memchr::memchr(b'd', &text[..text.len().min(3)]);
    start.is_some_and(|at| {
        text[at..].starts_with(b"data:")
            && [&b"text/html"[..], b"image/svg", b"application/xhtml"]
                .iter()
                .any(|kind| text[at + 5..].starts_with(kind))
    })
}

/// A quote at the start, a blank, and an equals sign.
pub fn loads(value: &Value<'_>) -> bool {
    let quoted = matches!(
        value.bytes,
        [b'\'' | b'"', b' ', ..] | [_, b'\'' | b'"', b' ', ..]
    );
    quoted && value.seen.any & kind::TAG != 0 && memchr::memchr(b'=', value.bytes).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_dollar_of_a_run_decides() {
        for (text, want) in [
            ("$a(", true),
            ("$a$b [", true),
            ("$a$b->", true),
            ("$$a/*", true),
            ("$a$b", false),
            ("$a b(", false),
            ("$ne$ne$ne", false),
        ] {
            assert_eq!(Dollars::of(text.as_bytes()).variable, want, "{text}");
        }
    }

    #[test]
    fn addresses_stand_behind_slashes() {
        for (text, want) in [
            ("//10.0.0.1/", true),
            ("///127.0.0.1/", true),
            ("\\\\169.254.169.254\\x", true),
            ("//[::1]/", true),
            ("/1/2", false),
            ("//a.example/", false),
            ("//", false),
        ] {
            assert_eq!(relative(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn quotes_break_words_where_there_are_two() {
        for (text, want) in [
            ("w'h'oami", true),
            ("c'a\"t", true),
            ("it's", false),
            ("'a' b'c", false),
        ] {
            assert_eq!(apart(text.as_bytes()), want, "{text}");
        }
    }
}
