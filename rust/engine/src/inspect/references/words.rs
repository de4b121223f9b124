//! The words of a bracket: paths of names, literals, and filters for the looks of what they name.

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

/// Those of them that data have as fields, too, behind what they are a field of.
const MEMBERS: [&[u8]; 6] = [
    b".document",
    b".file",
    b".handler",
    b".header",
    b".settings",
    b".system",
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

/// A path of names: `AWS::Region`, `.Values.image`, `$labels.job`.
pub fn is_path(word: &[u8]) -> bool {
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
    // Of an alert, which has nothing else: `$labels.handler`.
    if let Some(label) = word.strip_prefix(b"$labels.") {
        return !label.is_empty()
            && label
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || *b == b'_');
    }
    let two = memchr::memmem::find(path, b"::");
    let (scope, rest) = two.map_or((&b"x"[..], path), |at| (&path[..at], &path[at + 2..]));
    // What such an object is a member of is another one: `code.system`.
    let rest = MEMBERS
        .iter()
        .find_map(|member| rest.strip_suffix(*member))
        .unwrap_or(rest);
    name(scope) && rest.split(|b| *b == b'.').all(name)
}

/// A number or a quoted word, and how many names it puts into itself: `"pets/\(.pet.id)"`. `None` for
/// anything else.
pub fn literal(word: &[u8]) -> Option<usize> {
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
pub fn is_filter(stage: &[u8]) -> bool {
    let mut words = Words(stage);
    let known = words.next().is_some_and(|name| FILTERS.contains(&name));
    let format = |word: &[u8]| {
        matches!(word, [b'"', b'%', inside @ .., b'"']
            if inside.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'%')))
    };
    known && words.all(|word| literal(word) == Some(0) || format(word))
}

/// Splits at blanks that stand in no quotes.
pub struct Words<'t>(pub &'t [u8]);

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
