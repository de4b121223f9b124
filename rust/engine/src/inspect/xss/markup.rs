//! Tags, as a browser would read them.

use super::attribute::{self, Sort};
use super::overlap::Overlaps;
use crate::inspect::detector::Report;
use crate::inspect::documents::names_css;

/// How often all bytes of a value may be read: tags within tags are read again, since it depends
/// on what stands around the value which of them a browser sees.
const WORK: usize = 8;
/// How far behind a tag's name its meaning is looked for. Units: bytes.
const NEAR: usize = 2048;
/// What a tag costs beside its bytes. Units: steps.
const TAG: usize = 38;
/// The same of an attribute.
const ATTRIBUTE: usize = 8;
/// Most attributes that are read of one tag behind the next one's start.
const ATTRIBUTES: usize = 32;

/// Judges all tags. Returns how many bytes were read for it, each time counted.
pub fn judge(text: &[u8], report: &mut Report<'_>) -> usize {
    let rich = is_rich(text);
    let mut spent = 0;
    // Whether the script that is open holds data, which no browser runs.
    let mut data = false;
    let mut overlaps = Overlaps::default();
    for at in memchr::memchr_iter(b'<', text) {
        if spent > WORK * text.len() + 4096 {
            report.skip(text.len() - at);
            break;
        }
        let behind = &text[at + 1..];
        if starts(behind, b"script") {
            data = is_data(&behind[6..]);
        }
        let read = tag(behind, rich, data, &mut overlaps, report);
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
fn tag(
    text: &[u8],
    rich: bool,
    data: bool,
    overlaps: &mut Overlaps,
    report: &mut Report<'_>,
) -> usize {
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
        script_tag(rest)
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
    // What is left where the next tag starts.
    let own = memchr::memchr(b'<', rest).map_or(0, |at| rest.len() - at);
    let sort = Sort::of(local);
    let (mut after, mut behind, mut passed) = (rest, 0, 0);
    while behind < ATTRIBUTES {
        if let Some(reached) = overlaps.reached(sort, after.len(), own) {
            let known = after.len() - reached.left;
            (after, passed) = (&after[known..], passed + known);
            behind += reached.behind;
            continue;
        }
        let Some((attribute, next)) = attribute::read(after) else {
            break;
        };
        if !report.spend(ATTRIBUTE) {
            report.skip(after.len());
            break;
        }
        attribute::judge(sort, &attribute, report);
        // What stands between backticks is read over again.
        spent += attribute
            .value
            .len()
            .saturating_sub(after.len() - next.len());
        if next.len() < own {
            overlaps.note(sort, after.len(), next.len());
            behind += 1;
        }
        after = next;
    }
    spent + (rest.len() - after.len() - passed)
}

/// Tells the attributes of a script that is data: of linked data, of a page's state, a template. Its
/// first type is one of media that no browser has ever run. Where the tag's end is out of sight, it is
/// none: that reaches [`NEAR`], and on to the next tag's start, for what lies between is read for no other
/// tag. Shape: what stands behind the name.
///
/// Source: HTML Living Standard, section 4.12.1 (data blocks).
fn is_data(behind: &[u8]) -> bool {
    let own = memchr::memchr(b'<', behind).unwrap_or(behind.len());
    let mut after = &behind[..own.max(NEAR.min(behind.len()))];
    let mut kind: Option<&[u8]> = None;
    loop {
        after = skip(after, |b| b <= b' ' || b == b'/');
        let Some((attribute, rest)) = attribute::read(after) else {
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
    let ends = after.first() == Some(&b'>');
    ends && kind.is_some_and(|kind| {
        kind.contains(&b'/')
            && kind.iter().all(plain)
            && !find(kind, b"script")
            && !find(kind, b"vbs")
    })
}

/// Weighs a script tag: one that neither loads, nor closes, nor calls is a word in brackets.
fn script_tag(rest: &[u8]) -> f32 {
    if is_data(rest) {
        return 0.0;
    }
    let near = &rest[..rest.len().min(NEAR)];
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

/// `<!...` and `<?...`.
fn declaration(name: &[u8], rest: &[u8], rich: bool, report: &mut Report<'_>) {
    let loads = is(name, b"?import")
        || is(name, b"?xml-stylesheet") && !names_css(rest)
        || starts(name, b"!--[if") && !find(&rest[..rest.len().min(24)], b"mso");
    if loads || is(name, b"!attlist") && find(rest, b"javascript") {
        report.add("xss.tag", if rich { 0.3 } else { 0.6 });
    }
}

pub fn skip(text: &[u8], pass: impl Fn(u8) -> bool) -> &[u8] {
    let start = text.iter().position(|b| !pass(*b)).unwrap_or(text.len());
    &text[start..]
}

pub fn is(name: &[u8], word: &[u8]) -> bool {
    name.eq_ignore_ascii_case(word)
}

pub fn starts(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// Searches for a lower-case word, in any case. Cost: linear; words are short.
pub fn find(text: &[u8], word: &[u8]) -> bool {
    let (low, high) = (word[0], word[0].to_ascii_uppercase());
    memchr::memchr2_iter(low, high, text).any(|at| starts(&text[at..], word))
}
