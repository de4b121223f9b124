//! Operators and casts that single databases have, and that pass filters which know only the
//! older half of SQL.
//! Source: the manuals of PostgreSQL (JSON functions, type casts) and SQLite.

/// Longest value that is looked at for them. Units: bytes.
const COMPARED: usize = 512;

/// `'{"a":1}'::jsonb @> '{}'`: a cast of a string to JSON, and an operator on it. It passes filters
/// that know only the older half of SQL.
pub(super) fn extracts(text: &[u8]) -> bool {
    if memchr::memchr(b':', text).is_none() {
        return false;
    }
    let Some(at) = memchr::memmem::find(text, b"'::json") else {
        return false;
    };
    let rest = &text[at + 7..];
    let rest = rest.strip_prefix(b"b").unwrap_or(rest).trim_ascii_start();
    let quotes = memchr::memchr(b'\'', rest).is_some();
    !selects(text)
        && matches!(
            rest.first(),
            Some(b'-' | b'#' | b'@' | b'<' | b'>' | b'?' | b'|')
        )
        && quotes
}

/// Tells a statement that is sent whole.
fn selects(text: &[u8]) -> bool {
    let first = text.trim_ascii_start().get(..6);
    first.is_some_and(|word| word.eq_ignore_ascii_case(b"select"))
}

/// `'{"a":2}' > '$.a'`: JSON in a string, and an operator on it.
pub(super) fn compares(text: &[u8]) -> bool {
    let lead = text.iter().take(24).position(|b| *b == b'\'');
    let document =
        lead.filter(|at| !selects(text) && matches!(text.get(at + 1), Some(b'{' | b'[')));
    let Some(from) = document.filter(|_| text.len() <= COMPARED) else {
        return false;
    };
    let end = [&b"}'"[..], b"]'"]
        .iter()
        .find_map(|end| memchr::memmem::find(&text[from..], end));
    let rest = end.map_or(&b""[..], |at| text[from + at + 2..].trim_ascii_start());
    let operator = rest
        .iter()
        .take_while(|b| {
            matches!(
                b,
                b'-' | b'>' | b'<' | b'@' | b'?' | b'#' | b'=' | b'|' | b'&'
            )
        })
        .count();
    let operand = rest[operator..].trim_ascii_start().first();
    operator > 0 && operand.is_some_and(|b| *b == b'\'' || b.is_ascii_alphanumeric())
}

/// `load data infile '/x'`, `copy t from '/x'`, `backup database d to disk='\\\\x'`: a statement that
/// reads or writes files of the server's, however whole it is.
pub(super) fn reads_files(text: &[u8]) -> bool {
    if text.len() > COMPARED || memchr::memchr2(b'\'', b'"', text).is_none() {
        return false;
    }
    let mut words = text
        .split(|b| *b <= b' ' || matches!(b, b'=' | b';' | b'('))
        .filter(|w| !w.is_empty());
    while let Some(word) = words.next() {
        let is = |word: Option<&[u8]>, known: &[u8]| {
            word.is_some_and(|word| word.eq_ignore_ascii_case(known))
        };
        let mut next = words.clone();
        let reads = match word.first() {
            Some(b'i' | b'I') if is(Some(word), b"infile") => {
                matches!(next.next(), Some([b'\'' | b'"', ..]))
            }
            Some(b'c' | b'C') if is(Some(word), b"copy") => {
                let table = next.next().is_some_and(|w| w.iter().all(is_name));
                let direction = next.next();
                let moves = is(direction, b"from") || is(direction, b"to");
                let file = next.next();
                let path = matches!(file, Some([b'\'', b'/' | b'\\', ..]));
                table && moves && (path || is(file, b"program"))
            }
            Some(b'b' | b'B') if is(Some(word), b"backup") => {
                is(next.next(), b"database")
                    && is(next.nth(1), b"to")
                    && next.next().is_some_and(|w| is(w.get(..4), b"disk"))
            }
            _ => false,
        };
        if reads {
            return true;
        }
    }
    false
}

fn is_name(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')
}

/// `password::int`: a cast to a type of PostgreSQL at the value's end, which fails aloud.
pub(super) fn casts(text: &[u8]) -> bool {
    const TYPES: [&[u8]; 12] = [
        b"int",
        b"int4",
        b"int8",
        b"integer",
        b"bigint",
        b"text",
        b"varchar",
        b"numeric",
        b"json",
        b"jsonb",
        b"regclass",
        b"bytea",
    ];
    if text.len() > COMPARED || memchr::memchr(b':', text).is_none() {
        return false;
    }
    let Some(at) = memchr::memmem::rfind(text, b"::") else {
        return false;
    };
    let of = text[..at].last();
    let value = of.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b')' | b'\''));
    value
        && !selects(text)
        && TYPES
            .iter()
            .any(|t| text[at + 2..].trim_ascii().eq_ignore_ascii_case(t))
}
