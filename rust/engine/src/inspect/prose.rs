//! What reads like a command and is none: code that prose quotes, alternatives of a regular
//! expression, strings in a list, brackets of tags that are escaped.

use super::patterns::REACH;
use super::plain::LONGEST;
use super::references::placeholder;
use super::Part;

/// Words around quoted code that make it prose.
const WORDS: usize = 2;

/// Characters of HTML that are named as programs, and those that escaped tags stand between.
const REFERENCES: [&[u8]; 5] = [b"&copy;", b"&sc;", b"&dd;", b"&lt;", b"&gt;"];

/// Takes out the code that Markdown quotes within a sentence, [`REFERENCES`] of HTML, and the
/// alternatives that a query of metrics or logs has for a label, `job=~"log|exec"`, and places for data,
/// `{{ $value | printf "%.1f" }}`, of which the brackets are left; `None` where there is none of them. A
/// sentence starts with a word, and quotes stand between blanks or before a mark.
/// Cost: linear.
pub fn without_code(part: Part, text: &[u8]) -> Option<Vec<u8>> {
    let named = |at: usize| REFERENCES.iter().find(|name| text[at..].starts_with(name));
    let referred = memchr::memchr_iter(b'&', text).any(|at| named(at).is_some());
    // What stands in a URL or a header is no prose.
    let prose = matches!(part, Part::Form | Part::Json | Part::Body);
    let quoted = prose && memchr::memchr(b'`', text).is_some() && quotes(text);
    let matched = memchr::memchr_iter(b'~', text).any(|at| alternatives(&text[at..]).is_some());
    // Behind it nothing is matched.
    let reach = text.len().min(REACH);
    let held = memchr::memmem::find_iter(&text[..reach], b"{{")
        .any(|at| placeholder(&text[at..]).is_some());
    if !(referred || quoted || matched || held) {
        return None;
    }
    let mut out = Vec::with_capacity(text.len());
    let (mut at, mut within) = (0, false);
    while at < text.len() {
        let sign = |b: &u8| matches!(b, b'`' | b'&' | b'~' | b'{');
        let plain = text[at..].iter().position(sign).unwrap_or(text.len() - at);
        if !within {
            out.extend_from_slice(&text[at..at + plain]);
        }
        at += plain;
        let Some(byte) = text.get(at) else {
            break;
        };
        if quoted && *byte == b'`' {
            within = !within;
            at += 1;
        } else if let Some(name) = Some(at).filter(|_| *byte == b'&').and_then(named) {
            at += name.len();
            out.push(behind_reference(&text[at..]));
        } else if let Some(length) = Some(at)
            .filter(|_| *byte == b'~')
            .and_then(|at| alternatives(&text[at..]))
        {
            out.push(b' ');
            at += length;
        } else if let Some(length) = Some(at)
            .filter(|at| *byte == b'{' && *at < reach)
            .and_then(|at| placeholder(&text[at..]))
        {
            out.extend_from_slice(b"{{}}");
            at += length;
        } else {
            out.extend(Some(*byte).filter(|_| !within));
            at += 1;
        }
    }
    Some(out)
}

/// What takes a reference's place: a blank before a capital, as sentences start; before anything else a
/// line's end, behind which only the names of programs count that are no words, since a shell reads the
/// reference's semicolon.
fn behind_reference(text: &[u8]) -> u8 {
    match text.trim_ascii_start() {
        [] | [b'A'..=b'Z', ..] => b' ',
        _ => b'\n',
    }
}

/// How long the alternatives are that a label is held against, from the `~` of `=~"log|exec"` to the
/// quote that ends them. `None` where a shell could run one: behind or before a blank, a bar at either
/// end, or an expansion.
fn alternatives(text: &[u8]) -> Option<usize> {
    let inside = text.strip_prefix(b"~\"")?;
    let grouped = inside.strip_prefix(b"(?:").or(inside.strip_prefix(b"("));
    let (opening, inside) = (
        inside.len() - grouped.unwrap_or(inside).len(),
        grouped.unwrap_or(inside),
    );
    let plain = |b: &&u8| {
        b.is_ascii_alphanumeric() || matches!(b, b'|' | b'_' | b'-' | b'.' | b'*' | b'+' | b':')
    };
    let length = inside.iter().take_while(plain).count();
    let words = &inside[..length];
    let rest = &inside[length..];
    let ended = match opening {
        0 => Some(rest),
        _ => rest.strip_prefix(b")"),
    };
    let whole = matches!(ended, Some([b'"', b',' | b'}', ..]));
    (whole && words.split(|b| *b == b'|').all(|word| !word.is_empty()))
        .then_some(3 + opening + length + usize::from(opening > 0))
}

/// Tells a sentence that quotes code.
fn quotes(text: &[u8]) -> bool {
    let letter = |b: &u8| b.is_ascii_alphabetic() || !b.is_ascii();
    let starts = text.trim_ascii_start().first().is_some_and(letter);
    let pieces = text.split(|b| *b == b'`');
    let (mut words, mut apart, mut count) = (0, true, 0);
    for (nth, piece) in pieces.enumerate() {
        count = nth + 1;
        if nth % 2 == 1 {
            continue;
        }
        let opens = piece
            .last()
            .is_none_or(|b| b.is_ascii_whitespace() || *b == b'(');
        let ends = |b: &u8| {
            b.is_ascii_whitespace() || matches!(b, b'.' | b',' | b':' | b'?' | b'!' | b')')
        };
        apart &= nth == 0 || piece.first().is_none_or(ends);
        apart &= opens || piece.is_empty() || is_last(text, piece);
        let word = |w: &&[u8]| w.len() > 1 && w.iter().all(letter);
        words += piece
            .split(|b| b.is_ascii_whitespace() || matches!(b, b',' | b'.' | b':'))
            .filter(word)
            .count();
    }
    starts && apart && words >= WORDS && count % 2 == 1
}

/// Tells whether a piece is the end of a text, behind which no code opens.
fn is_last(text: &[u8], piece: &[u8]) -> bool {
    text.as_ptr_range().end == piece.as_ptr_range().end
}

/// Tells alternatives within brackets, `(cat|dog|sh)$`, and strings between semicolons, as formulas and
/// tables have them: `;"yes";"no"`. Cost: linear.
pub fn lists_words(text: &[u8]) -> bool {
    text.len() <= LONGEST && (alternates(text) || separates(text))
}

/// Tells a sentence that says what to do with something in quotes, `Type "yes" to confirm`: it starts with a
/// capital, which no program's name does, has more words than the first, and nothing in it that a shell
/// would read or open. Cost: linear.
pub fn instructs(text: &[u8]) -> bool {
    let shell = |b: &u8| {
        b.is_ascii_control() || matches!(b, b'`' | b'&' | b'>' | b'<' | b'|' | b';' | b'$' | b'\\')
    };
    let quoted = |word: &[u8]| matches!(word.first(), Some(b'\'' | b'"'));
    let mut words = text.split(|b| *b == b' ');
    let first = words.next().unwrap_or_default();
    let (mut plain, mut quotes, mut opens) = (0, false, false);
    for word in words {
        plain += usize::from(word.len() > 1 && word.iter().all(u8::is_ascii_lowercase));
        quotes |= quoted(word);
        opens |= word.len() > 3 && memchr::memchr(b'/', word).is_some();
        opens |= word.starts_with(b"-") || word.starts_with(b"/");
    }
    text.len() <= LONGEST
        && first.first().is_some_and(u8::is_ascii_uppercase)
        && first[1..].iter().all(u8::is_ascii_lowercase)
        && quotes
        && !opens
        && plain >= WORDS
        && !text.iter().any(shell)
}

fn alternates(text: &[u8]) -> bool {
    let shell =
        |b: &u8| b.is_ascii_whitespace() || matches!(b, b'`' | b'&' | b'>' | b'<' | b'\'' | b'"');
    let alternatives = memchr::memchr(b'|', text).is_some() && !text.ends_with(b"|");
    if !alternatives || text.iter().any(shell) {
        return false;
    }
    let mut depth = 0;
    text.windows(2).all(|pair| {
        match pair[0] {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        match pair {
            [b'|', next] => depth > 0 && *next != b'|',
            // What runs is a command of its own.
            [b'$' | b'<' | b'>', b'('] | [b';', b'a'..=b'z' | b'/'] => false,
            _ => true,
        }
    }) && depth >= 0
}

fn separates(text: &[u8]) -> bool {
    let mut items = text
        .split(|b| *b == b';')
        .skip(1)
        .map(<[u8]>::trim_ascii)
        .peekable();
    let string = |item: &[u8]| match item {
        [b'"', inside @ ..] => {
            let end = memchr::memchr(b'"', inside);
            end.is_some_and(|end| {
                let word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'_');
                inside[..end].iter().all(word) && inside[end + 1..].iter().all(|b| *b == b')')
            })
        }
        _ => false,
    };
    let other = memchr::memchr3(b'|', b'&', b'`', text).is_some();
    !other
        && items.peek().is_some()
        && items.all(string)
        && memchr::memchr_iter(b';', text).count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_code_is_taken_out() {
        for (text, want) in [
            ("Use `ps | grep x`, then `kill`.", Some("Use , then .")),
            ("run (`a`) here", Some("run () here")),
            ("评估字符串 `expr` ,其中包含", Some("评估字符串  ,其中包含")),
            ("&copy; 2024 & more", Some("\n 2024 & more")),
            (
                "&lt;p&gt;Source text&lt;/p&gt;",
                Some("\np Source text\n/p "),
            ),
            (
                "up{verb!~\"proxy|log|exec\",job=~\"a|sh\"} > 0",
                Some("up{verb! ,job= } > 0"),
            ),
            ("x=~\"a|id\"", None),
            ("{x=~\"a|cat /x\"}", None),
            ("{x=~\"|id\"}", None),
            ("{x=~\"a|id|\"}", None),
            ("8.8.8.8 `id` x y", None),
            ("please show`id`", None),
            ("x `id`", None),
            ("one `two", None),
            ("no code", None),
        ] {
            let got = without_code(Part::Json, text.as_bytes());
            assert_eq!(got.as_deref(), want.map(str::as_bytes), "{text}");
        }
        let header = without_code(Part::Header, b"Use `ps | grep x`, then `kill`.");
        assert_eq!(header, None);
    }

    #[test]
    fn alternatives_and_strings_are_lists() {
        for text in [
            "(cat|dog|sh)$",
            "\\.(php|sh)",
            "=IF(A1>5;\"yes\";\"no\")",
            "1;\"date\";\"host\"",
        ] {
            assert!(lists_words(text.as_bytes()), "{text}");
        }
        for text in [
            "x|sh",
            "id|",
            "(a||id)",
            "$(a|id)",
            "(a|b);id",
            "x;\"id\"",
            "x;\"id /x\";\"y\"",
            "(a | sh)",
        ] {
            assert!(!lists_words(text.as_bytes()), "{text}");
        }
    }
}
