//! XML external entities: declarations of entities in a DOCTYPE, inclusions and external
//! stylesheets.
//!
//! Source: XML 1.0, section 4.2.2 (external entities); XInclude 1.0; XOP 1.0, whose
//! includes name parts of the message (`cid:`) and nothing else.

use super::detector::{Detector, Report};
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
    pattern("xxe.doctype", 0.8, 0.6, "<!doctype\\s+\\S+\\s+system\\s+[\"']?(?:file|https?|ftp|gopher|php|expect|jar|netdoc|//|/|\\w+://)"),
    pattern("xxe.doctype", 0.6, 0.5, "<!doctype\\s+\\S+\\s+(?:system|public)\\s+[\"'][^\"']{0,200}[\"']\\s+[\"'](?:file|http)://(?:127|localhost|\\d)"),
    pattern("xxe.include", 0.9, 0.8, "<xi:include\\b|xmlns:xi\\s*=|www\\.w3\\.org/2001/xinclude|<xop:include\\b[^>]{0,200}href\\s*=\\s*[\"']?(?:file|https?|ftp|gopher|netdoc|jar):"),
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

    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>) {
        PATTERNS.judge(value, value.bytes, report);
    }
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
            "<!-- a comment --><p>text</p>",
        ] {
            assert!(score(&Xxe, text) < 0.5, "{text}");
        }
    }
}
