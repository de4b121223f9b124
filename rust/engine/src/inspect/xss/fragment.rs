//! Pieces of markup: elements that a field opens and leaves open, or closes and never opened, since
//! the page around it does the rest. What people write and editors send is whole.
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
/// Elements without an end, or that may be left open.
const LOOSE: [&[u8]; 14] = [
    b"p", b"li", b"br", b"hr", b"img", b"td", b"tr", b"th", b"dd", b"dt", b"option", b"col",
    b"wbr", b"script",
];

/// Tells whether a short value is a piece of markup. Cost: linear, no allocation.
pub fn is_fragment(text: &[u8]) -> bool {
    if text.len() > SHORT {
        return false;
    }
    let mut open: [&[u8]; DEPTH] = [b""; DEPTH];
    let mut depth = 0;
    for at in memchr::memchr_iter(b'<', text).take(TAGS) {
        let Some(tag) = Tag::read(&text[at + 1..]) else {
            continue;
        };
        if among(&VOID, tag.name) && !tag.closes && tag.assigns {
            return true;
        }
        let opened = (0..depth)
            .rev()
            .find(|n| open[*n].eq_ignore_ascii_case(tag.name));
        let paired = among(&PAIRED, tag.name);
        match opened.filter(|_| tag.closes) {
            Some(of) => depth = of,
            None if tag.closes && paired => return true,
            None if tag.closes || tag.whole || among(&LOOSE, tag.name) => {}
            None if (paired || tag.assigns) && depth < DEPTH => {
                open[depth] = tag.name;
                depth += 1;
            }
            None => {}
        }
    }
    depth > 0
}

struct Tag<'t> {
    /// Without its prefix.
    name: &'t [u8],
    closes: bool,
    /// Ends itself: `<x/>`.
    whole: bool,
    /// Has an attribute with a value in quotes.
    assigns: bool,
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
        let assigns = memchr::memchr_iter(b'=', inside)
            .any(|at| matches!(inside.get(at + 1), Some(b'"' | b'\'')));
        separate.then_some(Tag {
            name: full.rsplit(|b| *b == b':').next().unwrap_or(full),
            closes,
            whole: inside.ends_with(b"/"),
            assigns,
        })
    }
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
            "<body>",
            "x</title>",
            "<svg width=\"1\">",
            "<Svg:Svg>",
            "<input type=\"password\" name='p'>",
            "a</style>b",
            "<div id=\"k\">[x]",
            "<q cite='x'>y",
            "<meta charset=\"utf-7\">",
        ] {
            assert!(is_fragment(text.as_bytes()), "{text}");
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
            "<ACCESS_KEY>",
            "<script>",
            "<img src=\"a.png\">",
            "1 < 2",
            "<input>",
        ] {
            assert!(!is_fragment(text.as_bytes()), "{text}");
        }
    }
}
