//! Tags and their attributes, as a browser would read them.

use super::disguise::hides_host;
use super::script::{is_event, runs};
use crate::decode::html;
use crate::inspect::detector::Report;
use crate::inspect::documents::names_css;

/// How often all bytes of a value may be read: tags within tags are read again, since it depends
/// on what stands around the value which of them a browser sees.
const WORK: usize = 8;
/// How far behind a tag's name its meaning is looked for. Units: bytes.
const NEAR: usize = 2048;
/// What a tag costs beside its bytes. Units: steps.
const TAG: usize = 8;
/// Most attributes that are read of one tag.
const ATTRIBUTES: usize = 32;

/// One attribute: name and value, without quotes.
struct Attribute<'t> {
    name: &'t [u8],
    value: &'t [u8],
    /// Whether an equals sign follows the name.
    assigned: bool,
}

/// Judges all tags. Returns how many bytes were read for it, each time counted.
pub fn judge(text: &[u8], report: &mut Report<'_>) -> usize {
    let rich = is_rich(text);
    let mut spent = 0;
    // Whether the script that is open holds data, which no browser runs.
    let mut data = false;
    for at in memchr::memchr_iter(b'<', text) {
        if spent > WORK * text.len() + 4096 {
            report.skip(text.len() - at);
            break;
        }
        let behind = &text[at + 1..];
        if starts(behind, b"script") {
            data = is_data(&behind[6..behind.len().min(6 + NEAR)]);
        }
        let read = tag(behind, rich, data, report);
        data &= !starts(behind, b"/script");
        spent += read;
        if !report.spend(TAG + read) {
            report.skip(text.len() - at);
            break;
        }
    }
    spent
}

/// Tells whether a value is a page or a post: longer, and of paragraphs and the like. A frame or a
/// style sheet is no news there.
fn is_rich(text: &[u8]) -> bool {
    let plain: &[&[u8]] = &[
        b"p>", b"p ", b"div", b"br", b"li>", b"td", b"tr", b"h1", b"h2", b"h3", b"h4", b"head>",
        b"body", b"a ", b"strong", b"em>", b"span",
    ];
    let ordinary = |at: usize| plain.iter().any(|name| starts(&text[at + 1..], name));
    text.len() > 300
        && memchr::memchr_iter(b'<', text)
            .take(64)
            .filter(|at| ordinary(*at))
            .count()
            > 2
}

/// Judges the tag at the start. Returns how many bytes were read for it.
/// `data` tells that a script's end would end data.
fn tag(text: &[u8], rich: bool, data: bool, report: &mut Report<'_>) -> usize {
    if starts(text, b"/script") {
        if !data {
            report.add("xss.script_tag", 0.6);
        }
        return 0;
    }
    let (closes, text) = match text.strip_prefix(b"/") {
        Some(text) => (true, text),
        None => (false, text),
    };
    let text = skip(text, |b| b == 0);
    let end = |b: &u8| *b <= b' ' || matches!(b, b'/' | b'>' | b'<' | b'"' | b'\'' | b'=' | b'(');
    let length = text.iter().position(end).unwrap_or(text.len());
    let (name, rest) = text.split_at(length);
    let near = &rest[..rest.len().min(NEAR)];
    match name.first() {
        // Browsers want the name at once; careless filters do not.
        None => {
            let text = skip(near, |b| b <= b' ');
            if starts(text, b"script") {
                report.add("xss.script_tag", 0.6);
            }
            return near.len() - text.len();
        }
        Some(b'!' | b'?') => {
            declaration(name, near, rich, report);
            return length;
        }
        Some(first) if !first.is_ascii_alphabetic() => return length,
        Some(_) => {}
    }
    let local = name.rsplit(|b| *b == b':').next().unwrap_or(name);
    let prefixed = local.len() < name.len();
    let mut spent = length;
    let score = if is(local, b"script") {
        spent += near.len();
        script_tag(near)
    } else if starts(local, b"script") && !local[6..].iter().all(u8::is_ascii_alphanumeric) {
        0.7
    } else if prefixed || closes {
        0.0
    } else {
        weigh(local, rest) * if rich { 0.5 } else { 1.0 }
    };
    if score > 0.0 {
        let scripted = score >= 0.7;
        report.add(
            if scripted {
                "xss.script_tag"
            } else {
                "xss.tag"
            },
            score,
        );
    }
    let mut after = rest;
    for _ in 0..ATTRIBUTES {
        let Some((attribute, next)) = attribute(after) else {
            break;
        };
        judge_attribute(local, &attribute, report);
        after = next;
    }
    spent + (rest.len() - after.len())
}

/// Tells the attributes of a script that is data: of linked data, of a page's state, a template. Its
/// first type is one of media that no browser has ever run.
///
/// Source: HTML Living Standard, section 4.12.1 (data blocks).
fn is_data(attributes: &[u8]) -> bool {
    let mut after = attributes;
    let mut kind: Option<&[u8]> = None;
    for _ in 0..ATTRIBUTES {
        after = skip(after, |b| b <= b' ' || b == b'/');
        let Some((attribute, rest)) = attribute(after) else {
            break;
        };
        // A browser takes these for a part of the name, and a backtick for no quote.
        let read = &after[..after.len() - rest.len()];
        let odd = |b: &u8| matches!(b, b'"' | b'\'' | b'\\');
        if after.first().is_some_and(odd) || memchr::memchr(b'`', read).is_some() {
            return false;
        }
        after = rest;
        if is(attribute.name, b"src") {
            return false;
        }
        if is(attribute.name, b"type") {
            kind.get_or_insert(attribute.value);
        }
    }
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'+' | b'-' | b'.');
    kind.is_some_and(|kind| {
        kind.contains(&b'/')
            && kind.iter().all(plain)
            && !find(kind, b"script")
            && !find(kind, b"vbs")
    })
}

/// Weighs a script tag: one that neither loads, nor closes, nor calls is a word in brackets.
fn script_tag(near: &[u8]) -> f32 {
    let inside = skip(near, |b| b <= b' ');
    let called = [
        &b"alert"[..],
        b"document",
        b"eval",
        b"prompt",
        b"confirm",
        b"window",
        b"src",
    ]
    .iter()
    .any(|word| find(near, word));
    let attributed = !inside.is_empty() && !inside.starts_with(b">");
    if is_data(inside) {
        return 0.0;
    }
    if called || attributed || find(near, b"/script") || near.is_empty() {
        return 0.9;
    }
    let content = inside.get(1..).unwrap_or_default();
    match () {
        () if memchr::memchr3(b'=', b';', b'`', content).is_some() => 0.6,
        () if memchr::memchr2(b'(', b'[', content).is_some() => 0.4,
        () => 0.0,
    }
}

/// Weighs tags that load or frame something, by themselves.
fn weigh(name: &[u8], rest: &[u8]) -> f32 {
    let has = |word: &[u8]| find(&rest[..rest.len().min(256)], word);
    let known: &[(&[u8], f32)] = &[
        (b"iframe", 0.65),
        (b"frameset", 0.65),
        (b"frame", 0.65),
        (b"object", 0.5),
        (b"embed", 0.5),
        (b"applet", 0.65),
        (b"isindex", 0.65),
        (b"bgsound", 0.65),
        (b"layer", 0.65),
        (b"ilayer", 0.65),
        (b"xss", 0.65),
        (b"plaintext", 0.65),
        (b"noscript#", 0.6),
        (b"vmlframe", 0.65),
        (b"listener", 0.65),
        (b"portal", 0.65),
        (b"fencedframe", 0.65),
    ];
    // What video sites offer to be pasted.
    if is(name, b"iframe") && has(b"https://") && (has(b"allowfullscreen") || has(b"width=")) {
        return 0.4;
    }
    if let Some((_, score)) = known.iter().find(|(known, _)| is(name, known)) {
        return *score;
    }
    match () {
        () if is(name, b"meta") && has(b"http-equiv") => 0.6,
        () if is(name, b"base") && has(b"href") => 0.6,
        () if is(name, b"link") && has(b"href") => 0.5,
        () if is(name, b"xml") && (has(b"src") || has(b"id=")) => 0.5,
        () if is(name, b"import") && has(b"implementation") => 0.6,
        () if is(name, b"handler") && has(b"event") => 0.6,
        () if is(name, b"style")
            && (has(b"@import") || has(b"javascript") || has(b"expression") || has(b"binding")) =>
        {
            0.7
        }
        // What a field holds is told letter by letter to who serves the picture.
        () if is(name, b"style")
            && has(b"url(")
            && [&b"^="[..], b"$=", b"*="].iter().any(|w| has(w)) =>
        {
            0.65
        }
        () if is(name, b"form") && has(b"action") => 0.3,
        () => 0.0,
    }
}

fn judge_attribute(tag: &[u8], attribute: &Attribute<'_>, report: &mut Report<'_>) {
    let Attribute {
        name,
        value,
        assigned,
    } = attribute;
    if *assigned
        && !is_idle(value)
        && starts(name, b"on")
        && name.len() > 4
        && name[2..].iter().all(u8::is_ascii_alphabetic)
    {
        let score = if is_event(&name[2..]) { 0.9 } else { 0.6 };
        report.add("xss.event_handler", score);
    }
    let garbled =
        event_prefix(name).is_some_and(|e| name.len() > e && !name[e].is_ascii_alphanumeric());
    if garbled && name[2..].iter().any(|b| b.is_ascii_punctuation()) {
        report.add("xss.event_handler", 0.6);
    }
    let mut plain = Vec::new();
    let references = memchr::memchr(b'&', value).is_some() && html::undo(value, &mut plain);
    let value = if references { plain.as_slice() } else { value };
    let body = skip(value, |b| b <= b' ');
    let remote = is(tag, b"a") || is(tag, b"img") || is(tag, b"source") || is(tag, b"image");
    match () {
        () if runs(body) => report.add("xss.script_url", 0.9),
        () if is(name, b"attributename") && starts(body, b"on") => {
            report.add("xss.event_handler", 0.8);
        }
        // Pictures animate colours and places; what changes a link waits for a click.
        () if is(name, b"attributename") && find(body, b"href") => report.add("xss.tag", 0.6),
        () if is(name, b"xlink:href")
            && is(tag, b"a")
            && memchr::memmem::find(body, b"//").is_some() =>
        {
            report.add("xss.tag", 0.5);
        }
        () if is(name, b"href") && hides_host(value) => report.add("xss.link", 0.55),
        () if is(name, b"datasrc") || is(name, b"dataformatas") => report.add("xss.tag", 0.65),
        () if is(name, b"srcdoc") => report.add("xss.srcdoc", 0.8),
        () if !remote && starts(body, b"data:") && !starts(body, b"data:image/") => {
            report.add("xss.data_url", 0.8);
        }
        () if starts(body, b"data:text/html") || starts(body, b"data:image/svg") => {
            report.add("xss.data_url", 0.8);
        }
        () if is(name, b"style") => style(value, report),
        () if is(name, b"content") && find(value, b"url=") && hides_script(value) => {
            report.add("xss.script_url", 0.9);
        }
        // `values="a;javascript:..."`, `srcset`, `to`: lists of URLs.
        () if hides_script(value)
            && !starts(body, b"javascript:")
            && memchr::memchr2(b'(', b'`', value).is_some() =>
        {
            report.add("xss.script_url", 0.7);
        }
        () => {}
    }
}

/// Tells a handler in a bracket that names a function and calls none, or that does not end, as
/// components have it: of `onClick={() => open(true)}` a browser reads `{()`, which is no program.
pub fn is_idle(value: &[u8]) -> bool {
    let Some(inside) = value.strip_prefix(b"{") else {
        return false;
    };
    let path = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'.');
    let named = inside.strip_suffix(b"}").unwrap_or(inside);
    named.iter().all(path) || memchr::memchr2(b'}', b'&', inside).is_none()
}

/// Measures `on` and an event's letters at the start of a name.
fn event_prefix(name: &[u8]) -> Option<usize> {
    let letters = name.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let event = name.get(2..letters).filter(|_| starts(name, b"on"))?;
    (event.len() > 2 && is_event(event)).then_some(letters)
}

fn hides_script(value: &[u8]) -> bool {
    find(value, b"javascript:") || find(value, b"vbscript:") || find(value, b"data:text/html")
}

fn style(value: &[u8], report: &mut Report<'_>) {
    // Comments and backslashes are dropped by old style sheets' readers.
    let mut plain = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if rest.first() == Some(&b'*') && *byte == b'/' {
            let end = memchr::memmem::find(&rest[1..], b"*/").map_or(rest.len(), |at| at + 3);
            rest = &rest[end..];
        } else if *byte != b'\\' && *byte > b' ' {
            plain.push(*byte);
        }
    }
    let escaped = memchr::memchr_iter(b'\\', value)
        .filter(|at| value.get(at + 1).is_some_and(u8::is_ascii_hexdigit))
        .count();
    if escaped > 2 {
        report.add("xss.style", 0.7);
    }
    for word in [
        &b"binding:url("[..],
        b"expression(",
        b"javascript:",
        b"vbscript:",
        b"-moz-binding",
        b"behavior:url",
        b"behaviour:",
    ] {
        if find(&plain, word) {
            return report.add("xss.style", 0.8);
        }
    }
}

/// `<!...` and `<?...`.
fn declaration(name: &[u8], rest: &[u8], rich: bool, report: &mut Report<'_>) {
    let loads = is(name, b"?import")
        || is(name, b"?xml-stylesheet") && !names_css(rest)
        || starts(name, b"!--[if") && !find(&rest[..rest.len().min(24)], b"mso");
    if loads || is(name, b"!attlist") && find(rest, b"javascript") {
        report.add("xss.tag", if rich { 0.3 } else { 0.6 });
    }
}

/// Reads the next attribute of a tag. `None` at its end.
fn attribute(text: &[u8]) -> Option<(Attribute<'_>, &[u8])> {
    let text = skip(text, |b| {
        b <= b' ' || matches!(b, b'/' | b'"' | b'\'' | b'\\')
    });
    if matches!(text.first()?, b'>') {
        return None;
    }
    let end = |b: &u8| *b <= b' ' || matches!(b, b'=' | b'>' | b'/');
    // A name may start with an equals sign.
    let length = 1 + text[1..].iter().position(end).unwrap_or(text.len() - 1);
    let (name, rest) = text.split_at(length);
    let after = skip(rest, |b| b <= b' ');
    let Some(value) = after.strip_prefix(b"=") else {
        return Some((
            Attribute {
                name,
                value: b"",
                assigned: false,
            },
            rest,
        ));
    };
    let value = skip(value, |b| b <= b' ');
    let (value, rest) = match value.first() {
        Some(quote @ (b'"' | b'\'' | b'`')) => {
            let inner = &value[1..];
            let end = memchr::memchr(*quote, inner).unwrap_or(inner.len());
            (&inner[..end], inner.get(end + 1..).unwrap_or_default())
        }
        _ => {
            let end = |b: &u8| *b <= b' ' || *b == b'>';
            value.split_at(value.iter().position(end).unwrap_or(value.len()))
        }
    };
    let attribute = Attribute {
        name,
        value,
        assigned: true,
    };
    Some((attribute, rest))
}

fn skip(text: &[u8], pass: impl Fn(u8) -> bool) -> &[u8] {
    let start = text.iter().position(|b| !pass(*b)).unwrap_or(text.len());
    &text[start..]
}

fn is(name: &[u8], word: &[u8]) -> bool {
    name.eq_ignore_ascii_case(word)
}

fn starts(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// Searches for a lower-case word, in any case. Cost: linear; words are short.
pub fn find(text: &[u8], word: &[u8]) -> bool {
    let (low, high) = (word[0], word[0].to_ascii_uppercase());
    memchr::memchr2_iter(low, high, text).any(|at| starts(&text[at..], word))
}
