//! XPath and XQuery injection: a quote that ends a predicate, and the axes and functions that walk
//! a document without knowing it.
//!
//! Source: XPath 1.0, sections 2.2 (axes) and 4 (core functions).

use super::detector::{Detector, Report};
use super::patterns::{pattern, Patterns};
use super::prefilter::{Hints, Marks};
use super::words::Words;
use super::Family;
use crate::decode::{kind, Value};

/// The detector of this family.
pub struct XpathInjection;

static PATTERNS: Patterns = Patterns::new(&[
    // Classes have parents and attributes, too: `parent::find(1)`.
    pattern("xpath.axis", 0.85, 0.3, "\\b(?:child|parent|ancestor(?:-or-self)?|descendant(?:-or-self)?|following(?:-sibling)?|preceding(?:-sibling)?|attribute)::(?:\\*|(?:node|text|comment)\\(\\)|[\\w.-]+(?:[/\\[\\]=|]|\\s*$))|\\b(?:ancestor-or-self|descendant-or-self|following-sibling|preceding-sibling)::\\w"),
    pattern("xpath.function", 0.8, 0.4, "\\b(?:count|name|string-length|substring|contains|starts-with|string|local-name|namespace-uri|normalize-space|translate|position|last|boolean|number)\\(\\s*(?:/|\\.\\./|\\.\\s*[,)]|@|//|(?:substring|name|local-name|position)\\()"),
    pattern("xpath.function", 0.8, 0.5, "^[^'\"]{0,64}['\"]\\s*\\)*\\s*\\]*\\s*(?:and|or)\\b\\s*\\(*(?:not\\()?[a-z][\\w:.-]+\\(|^[^'\"()]{0,24}\\]\\s*(?:and|or)\\s+(?:not\\()?[a-z][a-z:-]+\\s*\\("),
    // A bracket that the value did not open: whole expressions are full of those that they did.
    pattern("xpath.breakout", 0.75, 0.4, "^[^'\"]{0,64}['\"]\\s*\\)*\\s*\\]\\s*(?:\\||/|union\\b)|^[^'\"]{0,64}['\"]\\s*(?:and|or)\\s+//?\\w|\\|\\s*//?\\*|//(?:\\*|user|node\\(\\)|text\\(\\))\\s*(?:[|'\"]|\\[\\s*\\d)|^[^'\"]{0,64}\\]\\s*\\|\\s*/|/\\*\\[\\s*(?:\\d|position\\(|last\\()|\\bor\\s+//[\\w@*]|\\bdoc(?:-available)?\\(\\s*(?:concat|['\"](?:[a-z]+:|/))|\\bunparsed-text\\(|\\bfor\\s+\\$\\w+\\s+in\\s+(?:doc\\(|/)"),
]);

/// Tells whether a place is made for whole expressions, as tools for tests and transformations have it.
fn takes_expressions(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    [
        &b"xpath"[..],
        b"selector",
        b"locator",
        b"xsl",
        b"expr",
        b"transform",
        b"mapping",
    ]
    .iter()
    .any(|word| memchr::memmem::find(&name, word).is_some())
}

impl Detector for XpathInjection {
    fn family(&self) -> Family {
        Family::XpathInjection
    }

    fn wants(&self, hints: &Hints) -> bool {
        let seen = hints.seen;
        hints.words.contains(Words::SQL) && seen.any & kind::OPEN != 0
            || seen.any & kind::SLASH != 0
                && (seen.any & (kind::QUOTE | kind::BRACE) != 0
                    || hints.has(Marks::CALL)
                    || seen.twice & kind::SLASH != 0
                        && seen.any & kind::OPEN != 0
                        && seen.any & (kind::SPACE | kind::CONTROL) != 0)
            || hints.has(Marks::AXIS)
    }

    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>) {
        if takes_expressions(value.name) {
            report.doubt(&["xpath."], 0.3);
        }
        PATTERNS.judge(value, value.bytes, report);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing::{score, score_at};
    use crate::inspect::{patterns, Part};

    #[test]
    fn predicates_are_found() {
        patterns::compiles(&PATTERNS);
        for text in [
            "' and count(/*)=1 and '1'='1",
            "count(/child::node())",
            "') and starts-with(../password,'c",
            "x']|//*|//*['",
            "' or position()=1 or '1'='2",
            "') or true() or ('",
            "' or boolean(//admin) or '",
            "x'] union //user/password['",
            "1] | //*[1",
            "4\")]|//a|/a[contains(a,\"b",
            "' or /root or '",
            "'or(true())or'",
            "x' or unparsed-text('/etc/passwd') or '",
            "for $u in //user return $u",
            "x/ancestor::node()",
        ] {
            assert!(score(&XpathInjection, text) >= 0.5, "{text}");
        }
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in [
            "std::vec::Vec",
            "a/b (c)",
            "count(x) > 3",
            "http://a.example/[id]",
            "startswith(Name,'A') or contains(Text,'x')",
            "parent::find($id)",
            "//*[@id='main']/ul/li[2]/a",
            "//div[@class='price']/text()",
            "doc('users')",
        ] {
            assert!(score(&XpathInjection, text) < 0.5, "{text}");
        }
        let asked = "count(//item) > 3";
        assert!(score_at(&XpathInjection, Part::Json, b"check.xpath", asked) < 0.5);
    }
}
