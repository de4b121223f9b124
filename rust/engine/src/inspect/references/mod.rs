//! Places for data in documents: brackets that hold names, which a template looks up and shows, and
//! calls, computes or reaches into nothing: `${AWS::Region}`, `{{ $labels.instance }}`,
//! `${ .order.total > 100 }`.

mod words;

use words::{is_filter, is_path, literal, Words};

/// What all brackets of a text hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holds {
    /// Names, also with filters for their looks.
    Names,
    /// Names held against each other, numbers and quoted words as well.
    Conditions,
}

/// Longest bracket that is measured. Units: bytes.
const LONGEST: usize = 128;

/// Words and signs by which conditions hold one thing against another.
const COMPARING: [&[u8]; 9] = [
    b"==", b"!=", b"<", b"<=", b">", b">=", b"and", b"or", b"not",
];

/// Tells what the brackets of a text hold; `None` where there are none, or one of them holds more.
/// Cost: linear.
pub fn held(text: &[u8]) -> Option<Holds> {
    let mut most = None;
    let mut at = 0;
    while let Some(open) = memchr::memchr(b'{', &text[at..]).map(|found| at + found) {
        let before = open.checked_sub(1).map_or(b' ', |before| text[before]);
        let (inside, close): (usize, &[u8]) = match (before, text.get(open + 1)) {
            // Other engines' brackets.
            (b'#' | b'*' | b'%' | b'~' | b'@', _) | (_, Some(b'%' | b'#')) => return None,
            (_, Some(b'{')) => (open + 2, b"}}"),
            (b'$', _) => (open + 1, b"}"),
            _ => {
                at = open + 1;
                continue;
            }
        };
        let length = memchr::memmem::find(&text[inside..], close)?;
        most = most.max(Some(read(&text[inside..inside + length])?));
        at = inside + length + close.len();
    }
    // Brackets of pages and scripts.
    let other = [&b"<%"[..], b"[[", b"<#", b"@("];
    most.filter(|_| {
        !other
            .iter()
            .any(|o| memchr::memmem::find(text, o).is_some())
    })
}

/// Measures the double bracket at the start that holds names and no more. `None` where there is none.
pub fn placeholder(text: &[u8]) -> Option<usize> {
    let inside = text.strip_prefix(b"{{")?;
    let length = memchr::memmem::find(&inside[..inside.len().min(LONGEST)], b"}}")?;
    (read(&inside[..length]) == Some(Holds::Names)).then_some(length + 4)
}

/// Tells what one bracket holds.
fn read(inside: &[u8]) -> Option<Holds> {
    let mut stages = inside.split(|b| *b == b'|');
    let first = stages.next().unwrap_or_default();
    stages.all(is_filter).then_some(())?;
    let mut words = Words(first).peekable();
    let (mut names, mut compared) = (0, false);
    while let Some(word) = words.next() {
        if COMPARING.contains(&word) {
            compared = true;
        } else if is_path(word) {
            names += 1;
        } else {
            let within = literal(word)?;
            names += within;
            compared |= within > 0;
        }
        // Two things beside each other are a call.
        let apart = |next: &&[u8]| COMPARING.contains(&word) || COMPARING.contains(next);
        if !words.peek().is_none_or(apart) {
            return None;
        }
    }
    match (names, compared) {
        (0, _) => None,
        (_, true) => Some(Holds::Conditions),
        (_, false) => Some(Holds::Names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_what_runs() {
        for text in [
            "arn:aws:x:${AWS::Region}:${__ApiId__}/GET/",
            "${filename}.handler",
            "${Environment}-${Team}",
            "{{ .Chart.AppVersion }}",
            "Only {{ $value | printf \"%.1f\" }}% of {{ $labels.job }}",
            "${ .room.number }",
            "${{ github.ref }}",
            "a { b } ${c}",
            "{{ $labels.handler }} of {{ $labels.app }}",
            "<{{ code.system }}> {{ node.handler }}",
        ] {
            assert_eq!(held(text.as_bytes()), Some(Holds::Names), "{text}");
        }
        for text in [
            "${ .bpm < 60 or .bpm > 100 }",
            "{{ .Kind == \"Pod\" }}",
            "${ \"hello-\\(.task.name)-\\(.id)\" }",
            "${a} ${b == 'x'}",
        ] {
            assert_eq!(held(text.as_bytes()), Some(Holds::Conditions), "{text}");
        }
        for text in [
            "no bracket",
            "{{ $labels.handler.settings }}",
            "{{ $labels }}{{ handler }}",
            "{{ system }} {{ .system }}",
            "{{ os.system.x }} {{ config.file }}",
            "{{7*7}}",
            "{{7}}",
            "{{ 7 == 7 }}",
            "${T(java.lang.Runtime)}",
            "{{constructor.constructor('return 1')()}}",
            "{{ ''.__class__ }}",
            "{{ x.__class__ }}",
            "{{config}}",
            "{{ a }}{{ self }}",
            "[].map.call`${eval}x`",
            "x ${system} y",
            "{{ a }} {% import os %}",
            "{{ x | id }}",
            "{{ x | attr('y') }}",
            "{{ print \"x\" }}",
            "{{ .Foo.Bar arg }}",
            "${a}#{b}",
            "${a}<%= b %>",
            "${a[b]}",
            "${a",
            "${{a}",
            "${ \"x\\(7*7)\" }",
            "${ \"x\\u0041\" }",
            "${env:HOME}",
            "${jndi:ldap://a.example/x}",
            "${${a}}",
        ] {
            assert_eq!(held(text.as_bytes()), None, "{text}");
        }
    }
}
