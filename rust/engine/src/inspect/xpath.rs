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
    pattern("xpath.axis", 0.85, 0.3, "\\b(?:child|parent|ancestor(?:-or-self)?|descendant(?:-or-self)?|following(?:-sibling)?|preceding(?:-sibling)?|attribute)::(?:\\*|node\\(\\)|text\\(\\)|\\w)"),
    pattern("xpath.function", 0.8, 0.4, "\\b(?:count|name|string-length|substring|contains|starts-with|string|local-name|namespace-uri|normalize-space|translate|position|last)\\(\\s*(?:/|\\.\\./|\\.\\s*[,)]|@|//|(?:substring|name|local-name|position)\\()"),
    pattern("xpath.function", 0.8, 0.5, "['\")\\]]\\s*(?:and|or)\\s+(?:not\\()?(?:count|string-length|substring|contains|starts-with|position|name|last|text|node|doc|local-name)\\s*\\("),
    pattern("xpath.breakout", 0.75, 0.4, "['\"]\\s*\\]\\s*(?:\\||/)|\\|\\s*//?\\*|//(?:\\*|user|node\\(\\)|text\\(\\))\\s*[\\[|'\"]|\\]\\s*\\|\\s*/|/\\*\\[|\\bor\\s+//|\\bdoc\\(\\s*(?:concat|['\"])|\\btext\\(\\)\\s*="),
]);

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
        PATTERNS.judge(value, value.bytes, report);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::{patterns, testing::score};

    #[test]
    fn predicates_are_found() {
        patterns::compiles(&PATTERNS);
        for text in [
            "' and count(/*)=1 and '1'='1",
            "count(/child::node())",
            "') and starts-with(../password,'c",
            "x']|//*|//*['",
            "' or position()=1 or '1'='2",
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
        ] {
            assert!(score(&XpathInjection, text) < 0.5, "{text}");
        }
    }
}
