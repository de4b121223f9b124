//! XML external entities: declarations of entities in a DOCTYPE, inclusions and external
//! stylesheets.
//!
//! Source: XML 1.0, section 4.2.2 (external entities); XInclude 1.0; XOP 1.0, whose
//! includes name parts of the message (`cid:`) and nothing else.

use super::detector::{Detector, Report};
use super::documents::names_css;
use super::patterns::{pattern, Patterns};
use super::prefilter::{Hints, Marks};
use super::Family;
use crate::decode::Value;

/// The detector of this family.
pub struct Xxe;

static PATTERNS: Patterns = Patterns::new(&[
    pattern("xxe.entity", 0.9, 0.8, "<!entity\\s+(?:%\\s*)?\\S+\\s+(?:system|public)\\b"),
    // An entity of entities: it grows with each level.
    pattern("xxe.entity", 0.95, 0.8, "<!entity\\s+(?:%\\s*)?\\S+\\s+[\"'](?:[&%][\\w.-]+;){2}"),
    pattern("xxe.entity", 0.8, 0.6, "<!entity\\s+(?:%\\s*)?\\S+\\s+[\"']"),
    pattern("xxe.entity", 0.75, 0.6, "<!doctype\\s[^>\\[]{0,200}\\[\\s*(?:<!|%|\\]|$)"),
    pattern("xxe.doctype", 0.8, 0.6, "<!doctype\\s+\\S+\\s+system\\s+[\"']?(?:file|https?|ftp|gopher|php|expect|jar|netdoc|//|/|\\\\|\\w+://)"),
    pattern("xxe.doctype", 0.6, 0.5, "<!doctype\\s+\\S+\\s+(?:system|public)\\s+[\"'][^\"']{0,200}[\"']\\s+[\"'](?:file|http)://(?:127|localhost|\\d)"),
    pattern("xxe.include", 0.9, 0.8, "<xi:include\\b|xmlns:xi\\s*=|www\\.w3\\.org/2001/xinclude|<xop:include\\b[^>]{0,200}href\\s*=\\s*[\"']?(?:file|https?|ftp|gopher|netdoc|jar):"),
    // An identifier for the public, from someone who publishes none.
    pattern("xxe.public", 0.6, 0.3, "<!doctype\\s+\\S+\\s+public\\s+[\"'][^\"']{0,200}[\"']\\s+[\"'](?:[a-z]+:/|//)"),
    // Markup that takes in a file of whoever reads it.
    pattern("xxe.include", 0.8, 0.4, "\\b(?:href|src|schemalocation|system)\\s*=\\s*[\"']?file:/"),
    pattern("xxe.parameter", 0.8, 0.4, "<!(?:element|attlist|notation)\\s+\\S+\\s+\\S+|&(?:xxe|file|payload|send|exfil|content);|%(?:xxe|dtd|remote|payload|file|send|asd|sp|param\\d|all|ext|init);"),
    pattern("xxe.transform", 0.8, 0.6, "<xsl:(?:value-of|include|import|copy-of|template)\\b|document\\(\\s*['\"]|<\\?xml-stylesheet\\b|xmlns:(?:php|java|msxsl|xalan)\\s*="),
    // A bracket in a section of its own: the parser puts a tag together that no filter saw.
    pattern("xxe.section", 0.8, 0.5, "<!\\[cdata\\[\\s*[<>/]{1,2}\\s*\\]\\]>"),
    pattern("xxe.declaration", 0.5, 0.3, "^[\\s\"']*<(?:!--)?\\?xml\\b[^>]{0,120}(?:utf-7|utf-16|utf-32|ucs-?[24]|ebcdic|\\?-->)"),
]);

impl Detector for Xxe {
    fn family(&self) -> Family {
        Family::Xxe
    }

    fn wants(&self, hints: &Hints) -> bool {
        hints.has(Marks::DECLARES.or(Marks::MARKUP))
    }

    /// What a tag is depends on the document around it.
    fn reads_pieces(&self) -> bool {
        false
    }

    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>) {
        let (named, published) = (names_namespaces(value.bytes), is_published(value.bytes));
        match (named, published) {
            (true, true) => report.doubt(&["xxe.entity", "xxe.public", "xxe.doctype"], 0.2),
            (true, false) => report.doubt(&["xxe.entity"], 0.2),
            (false, true) => report.doubt(&["xxe.public", "xxe.doctype"], 0.2),
            (false, false) => {}
        }
        if is_css(value.bytes) {
            report.doubt(&["xxe.transform"], 0.2);
        }
        PATTERNS.judge(value, value.bytes, report);
    }
}

/// Those whose document types parsers know or ask for every day, by the ends of their hosts.
const PUBLISHERS: [&[u8]; 26] = [
    b"w3.org",
    b"apple.com",
    b"cxml.org",
    b"oasis-open.org",
    b"docbook.org",
    b"sun.com",
    b"oracle.com",
    b"jcp.org",
    b"hibernate.org",
    b"sourceforge.net",
    b"mybatis.org",
    b"apache.org",
    b"springframework.org",
    b"jboss.org",
    b"opensymphony.com",
    b"checkstyle.org",
    b"puppycrawl.com",
    b"eclipse.org",
    b"netscape.com",
    b"wapforum.org",
    b"openmobilealliance.org",
    b"nlm.nih.gov",
    b"nih.gov",
    b"musicxml.org",
    b"freedesktop.org",
    b"gnome.org",
];

/// Tells an instruction by itself that names a style sheet of CSS.
fn is_css(text: &[u8]) -> bool {
    let rest = text.strip_prefix(b"<?xml-stylesheet");
    rest.is_some_and(|rest| names_css(rest) && memchr::memchr(b'<', rest).is_none())
}

/// Tells whether there is a document type, and whether all addresses in every one are a publisher's.
/// Cost: linear.
fn is_published(text: &[u8]) -> bool {
    // XML spells it in upper case, HTML as one likes.
    let spelled = |at: &usize| {
        let name = text[at + 2..].get(..7);
        name.is_some_and(|name| name.eq_ignore_ascii_case(b"doctype"))
    };
    let mut declared = memchr::memmem::find_iter(text, b"<!")
        .filter(spelled)
        .peekable();
    declared.peek().is_some()
        && declared.all(|at| {
            let declared = &text[at + 2..];
            let end = memchr::memchr2(b'<', b'[', declared).unwrap_or(declared.len());
            let declared = &declared[..end];
            // A bracket in quotes would be no end.
            let whole = |quote| {
                memchr::memchr_iter(quote, declared)
                    .count()
                    .is_multiple_of(2)
            };
            let mut addresses = memchr::memmem::find_iter(declared, b"://").peekable();
            let mut quoted = declared.rsplit(|b| matches!(b, b'"' | b'\''));
            let system = quoted.nth(1).unwrap_or_default();
            whole(b'"')
                && whole(b'\'')
                && addresses.peek().is_some()
                && addresses.all(|at| is_publisher(&declared[at + 3..]))
                && (memchr::memmem::find(system, b"://").is_some() || is_local(system))
        })
}

/// Tells the name of a file beside the document.
fn is_local(system: &[u8]) -> bool {
    !system.starts_with(b"/") && memchr::memchr2(b':', b'\\', system).is_none()
}

/// Tells an address of a publisher by its host, from there on.
fn is_publisher(address: &[u8]) -> bool {
    let part = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    let (host, behind) = address.split_at(address.iter().take_while(part).count());
    let ends = matches!(behind, [b'/' | b'"' | b'\'', ..]);
    ends && PUBLISHERS.iter().any(|name| {
        let lead = host.strip_suffix(*name);
        lead.is_some_and(|lead| lead.is_empty() || lead.ends_with(b"."))
    })
}

/// Tells whether all entities stand for the names of namespaces, as drawing programs have them. They
/// are neither files nor markup, and grow nothing.
fn names_namespaces(text: &[u8]) -> bool {
    let mut declared = memchr::memmem::find_iter(text, b"<!ENTITY").peekable();
    declared.peek().is_some()
        && declared.all(|at| {
            let words = text[at + 8..].splitn(3, |b| *b == b'"');
            let mut words = words.map(<[u8]>::trim_ascii);
            let named = words.next().is_some_and(|name| {
                !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
            });
            let is_name = |name: &[u8]| {
                name.starts_with(b"http://") && memchr::memchr3(b'<', b'%', b'&', name).is_none()
            };
            named && words.next().is_some_and(is_name)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::{patterns, testing::score};

    #[test]
    fn entities_are_found() {
        patterns::compiles(&PATTERNS);
        for text in [
            "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/hosts\">]><x>&e;</x>",
            "<!ENTITY % a SYSTEM 'http://a.example/x.dtd'>",
            "<!DOCTYPE x [<!ENTITY a \"b\"><!ENTITY c \"&a;&a;&a;\">]>",
            "<xi:include href=\"file:///etc/hosts\"/>",
            "<!DOCTYPE x SYSTEM \"http://a.example/x.dtd\">",
            "<xop:Include href=\"file:///etc/hosts\"/>",
            "<!DOCTYPE x PUBLIC \"-//X//Y\" \"http://a.example/x.dtd\"><x/>",
            "<!DOCTYPE x SYSTEM \"http://w3.org.a.example/x.dtd\"><x/>",
            "<!doctype html PUBLIC \"-//W3C//DTD XHTML 1.0//EN\" \"http://a.example/w3.org/x.dtd\"><html/>",
            "<!DOCTYPE x [<!ENTITY a \"http://a.example/\"><!ENTITY b SYSTEM \"/x\">]><x/>",
            "<!DOCTYPE x PUBLIC \"http://www.w3.org/x\" \"http://a.example/x.dtd\"><x/>",
            "<!DOCTYPE x PUBLIC \"http://www.w3.org/\" \"file:/etc/hosts\"><x/>",
            "<!DOCTYPE x PUBLIC \"http://www.w3.org/\" \"//a.example/x.dtd\"><x/>",
            "<!DOCTYPE x PUBLIC \"http://www.w3.org/>\" \"http://a.example/x.dtd\"><x/>",
            "<!DOCTYPE x PUBLIC \"-//x\" \"http://a.example?.w3.org/x.dtd\"><x/>",
            "<!DOCTYPE x PUBLIC \"-//x\" \"http://www.w3.org:x@a.example/x.dtd\"><x/>",
            "<!-- <!DOCTYPE html PUBLIC \"\" \"http://www.w3.org/\"> --><!DOCTYPE x PUBLIC \"-//x\" \"http://a.example/x.dtd\"><x/>",
            "<?xml-stylesheet type=\"text/xsl\" href=\"https://a.example/x.xsl\"?>",
            "<?xml-stylesheet type=\"text/css\" type='application/xslt+xml' href=\"/x\"?>",
            "<xs:import schemaLocation=\"file:///etc/hosts\"/>",
        ] {
            assert!(score(&Xxe, text) >= 0.5, "{text}");
        }
        assert!(score(&Xxe, "<!ENTITY b \"&a;&a;&a;\">") > score(&Xxe, "<!ENTITY b \"a\">"));
    }

    #[test]
    fn ordinary_markup_is_left_alone() {
        for text in [
            "<!DOCTYPE html><html><head></head></html>",
            "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\">",
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><a>b</a>",
            "<?xml-stylesheet type=\"text/css\" href=\"https://a.example/feed.css\"?>",
            "<!-- a comment --><p>text</p>",
            "<!-- a --><!doctype html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\" \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\"><html></html>",
            "<!DOCTYPE cXML SYSTEM \"http://xml.cxml.org/schemas/cXML/1.2.014/cXML.dtd\"><cXML/>",
            "<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd\" [\n<!ENTITY ns_svg \"http://www.w3.org/2000/svg\">\n]>",
            "<!DOCTYPE mapper PUBLIC \"-//mybatis.org//DTD Mapper 3.0//EN\" \"http://mybatis.org/dtd/mybatis-3-mapper.dtd\">",
        ] {
            assert!(score(&Xxe, text) < 0.5, "{text}");
        }
    }
}
