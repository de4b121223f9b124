//! Pieces of markup: elements that a field opens and leaves open, or closes and never opened, since
//! the page around it does the rest. What people write and editors send is whole, and sentences and
//! code name a tag without meaning one.
//!
//! Source: HTML Living Standard, section 13.1.2 (elements, void elements, optional tags).

/// Longest value that counts as a piece. Units: bytes.
const SHORT: usize = 512;
/// Most elements that are open at once.
const DEPTH: usize = 16;
/// Most tags that are read.
const TAGS: usize = 32;

/// Elements that a page is made of, that take input, or that draw. The end tag of none of them may
/// be left out but those of `html`, `head` and `body`, which no field holds. `script` is judged by
/// what it does.
const PAIRED: [&[u8]; 27] = [
    b"html",
    b"head",
    b"body",
    b"form",
    b"textarea",
    b"select",
    b"button",
    b"svg",
    b"math",
    b"style",
    b"title",
    b"template",
    b"xmp",
    b"noscript",
    b"div",
    b"span",
    b"table",
    b"center",
    b"font",
    b"marquee",
    b"video",
    b"audio",
    b"canvas",
    b"label",
    b"fieldset",
    b"stylesheet",
    b"namespace",
];
/// Elements without an end that take input, or change the page around them.
const VOID: [&[u8]; 5] = [b"input", b"meta", b"base", b"link", b"keygen"];

/// Elements that load what they name.
const LOADING: [&[u8]; 6] = [b"a", b"img", b"iframe", b"object", b"embed", b"image"];

/// Attributes that do, or that take in what follows as a name.
const TAKING: [&[u8]; 8] = [
    b"src",
    b"href",
    b"action",
    b"formaction",
    b"data",
    b"background",
    b"target",
    b"name",
];

/// Elements without an end that do nothing by themselves.
const ENDLESS: [&[u8]; 10] = [
    b"br", b"hr", b"img", b"wbr", b"col", b"source", b"input", b"meta", b"link", b"base",
];

/// Attributes that load or submit, or make a document of its own of the element; in lower case.
const LOADS: [&[u8]; 6] = [
    b"charset=",
    b"action=",
    b"href=",
    b"http-equiv=",
    b"background=",
    b"xmlns",
];

/// Finds where a piece of markup starts in a short value. `None` for whole markup, and for text.
/// Cost: linear, no allocation.
pub fn find(text: &[u8]) -> Option<usize> {
    if text.len() > SHORT {
        return None;
    }
    let mut open: [(&[u8], Option<usize>); DEPTH] = [(b"", None); DEPTH];
    let mut depth = 0;
    for at in memchr::memchr_iter(b'<', text).take(TAGS) {
        let Some(tag) = Tag::read(&text[at + 1..]) else {
            if dangles(&text[at + 1..]) && !has_words(&text[..at]) {
                return Some(at);
            }
            continue;
        };
        // Behind words, only what loads or submits: the rest is what they are about.
        let plain = tag.name.eq_ignore_ascii_case(b"meta") && !tag.loads;
        let meant = tag.assigns && !plain && (tag.loads || !has_words(&text[..at]));
        if among(&VOID, tag.name) && !tag.closes && meant {
            if depth == 0 || !tag.name.eq_ignore_ascii_case(b"input") {
                return Some(at);
            }
            // Whole where what stands around it is.
            open[depth - 1].1.get_or_insert(at);
        }
        let opened = (0..depth)
            .rev()
            .find(|n| open[*n].0.eq_ignore_ascii_case(tag.name));
        let paired = among(&PAIRED, tag.name);
        match opened.filter(|_| tag.closes) {
            Some(of) => depth = of,
            None if tag.closes && paired && is_cut(text, at) => return Some(at),
            None if tag.closes || tag.whole || among(&ENDLESS, tag.name) => {}
            None if depth < DEPTH => {
                let piece = paired && (meant || is_bare(text));
                open[depth] = (tag.name, piece.then_some(at));
                depth += 1;
            }
            None => {}
        }
    }
    open[..depth].iter().find_map(|(_, piece)| *piece)
}

/// Tells a tag whose last attribute is quoted and does not end: it takes in what follows the value,
/// `<img src='//a.example/?`.
fn dangles(text: &[u8]) -> bool {
    let name = text.iter().take_while(|b| b.is_ascii_alphanumeric());
    let name = &text[..name.count()];
    let known = among(&PAIRED, name) || among(&VOID, name) || among(&LOADING, name);
    let quote = |w: &[u8]| w[0] == b'=' && matches!(w[1], b'\'' | b'"');
    let Some(last) = text.windows(2).rposition(quote).filter(|_| known) else {
        return false;
    };
    let letter = |b: &&u8| b.is_ascii_alphabetic();
    let attribute = text[..last].iter().rev().take_while(letter).count();
    if !among(&TAKING, &text[last - attribute..last]) {
        return false;
    }
    memchr::memchr2(text[last + 1], b'>', &text[last + 2..]).is_none()
}

/// Tells whether an end tag ends what stands around the value: one word before it at most, and no
/// sentence behind it. One that is a line and nothing else is of a document that is kept in lines.
fn is_cut(text: &[u8], at: usize) -> bool {
    let end = memchr::memchr(b'>', &text[at..]).map_or(text.len(), |end| at + end + 1);
    let line = at == 0 && &text[end..] == b"\n";
    !line && !has_words(&text[..at]) && text.get(end) != Some(&b' ')
}

fn has_words(text: &[u8]) -> bool {
    let plain = |w: &[u8]| !w.is_empty() && w.iter().all(u8::is_ascii_alphabetic);
    text.contains(&b' ') && text.split(|b| *b == b' ').any(plain)
}

/// Tells whether a value is nothing but tags and signs.
fn is_bare(text: &[u8]) -> bool {
    let outside = |piece: &[u8]| {
        let end = memchr::memchr(b'>', piece).map_or(0, |end| end + 1);
        !piece[end..].iter().any(u8::is_ascii_alphanumeric)
    };
    text.split(|b| *b == b'<').all(outside)
}

struct Tag<'t> {
    /// Without its prefix.
    name: &'t [u8],
    closes: bool,
    /// Ends itself: `<x/>`.
    whole: bool,
    /// Has an attribute with a value.
    assigns: bool,
    /// Has one that loads what it names, or submits to it.
    loads: bool,
}

impl<'t> Tag<'t> {
    /// Reads the tag behind a `<`. `None` where there is none.
    fn read(text: &'t [u8]) -> Option<Tag<'t>> {
        let (closes, text) = match text.strip_prefix(b"/") {
            Some(text) => (true, text),
            None => (false, text),
        };
        let named = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b':' | b'-');
        let length = text.iter().take_while(|b| named(b)).count();
        let (full, rest) = text.split_at(length);
        if !full.first()?.is_ascii_alphabetic() {
            return None;
        }
        let end = memchr::memchr(b'>', rest)?;
        let inside = &rest[..end];
        let separate = inside.first().is_none_or(|b| *b <= b' ' || *b == b'/');
        separate.then_some(Tag {
            name: full.rsplit(|b| *b == b':').next().unwrap_or(full),
            closes,
            whole: inside.ends_with(b"/"),
            // A component's attributes have their values in brackets.
            assigns: memchr::memchr(b'=', inside).is_some() && !holds(inside, b"={"),
            loads: LOADS.iter().any(|name| holds(inside, name)),
        })
    }
}

fn holds(text: &[u8], name: &[u8]) -> bool {
    let mut places = text.windows(name.len());
    places.any(|place| place.eq_ignore_ascii_case(name))
}

fn among(names: &[&[u8]], name: &[u8]) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_told_from_whole_markup() {
        for text in [
            "</form><form action=\"https://a.example/\">",
            "<form action=//a.example><input name=p><button>aa bb",
            "<body>",
            "x</title>",
            "<svg width=\"1\">",
            "<Svg:Svg>",
            "<input type=\"password\" name='p'>",
            "a</style>b",
            "</style>",
            "</style>\n<svg>\n",
            "\"</style>\n",
            "<div id=\"k\">[x]",
            "<meta charset=\"utf-7\">",
            "<img src='//a.example/?",
            "<base target='",
            "<div><input name=\"p\">",
        ] {
            assert!(find(text.as_bytes()).is_some(), "{text}");
        }
        for text in [
            "",
            "<p>Hello<br>you",
            "<p class=\"a\">Hello",
            "<div class=\"md\"><h1>Hi</h1>\n</div>",
            "<html><body>Hello</body></html>",
            "<svg width=\"1\"><g id=\"a\"></g></svg>",
            "<g id=\"a\"/>",
            "<a href=\"/x\">x</a> and <a href='/y'>y</a>",
            "Vec<T>, Option<title_t> and <api key>",
            "a <b and c> d",
            "<div><input type=\"text\" name=\"p\"></div>",
            "<p><input type=\"checkbox\" checked> Done</p>",
            "<meta name=\"description\" content=\"x\">",
            "<input value={x} onChange={this.props.onChange} />",
            "x\"><img class=\"wide",
            "see <a href=\"https://a.example/long",
            "</style>\n",
            "<ACCESS_KEY>",
            "<script>",
            "<img src=\"a.png\">",
            "1 < 2",
            "<input>",
            "<svg> icons are blurry",
            "press <Select> or <Start>",
            "Missing </div> in header.html",
            "</div> is missing",
            "List<Label> labels",
            "Map<String, List<Button>>",
            "<item id=\"4\">",
            "<a href=\"https://a.example\">x",
            "button <Button variant=\"x\"> does not render",
        ] {
            assert!(find(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn a_piece_is_found_where_it_starts() {
        assert_eq!(find(b"<p>a</p><form action=x>b c d e f"), Some(8));
    }
}
