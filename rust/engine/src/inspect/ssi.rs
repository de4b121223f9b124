//! Server-side includes and edge-side includes.
//!
//! Source: Apache's mod_include; the ESI 1.0 note of the W3C.

use super::detector::{Detector, Report};
use super::patterns::{pattern, Patterns};
use super::prefilter::{Hints, Marks};
use super::Family;
use crate::decode::Value;

/// The detector of this family.
pub struct SsiInjection;

static PATTERNS: Patterns = Patterns::new(&[
    pattern("ssi.directive", 0.9, 0.6, "<!\\s*-*\\s*#\\s*(?:exec|include|echo|config|printenv|fsize|flastmod|set|if|elif|else|endif|printf|odbc|email)\\b"),
    pattern("ssi.edge", 0.9, 0.6, "<esi:(?:include|inline|assign|vars|debug|remove|try|choose|eval|function)\\b"),
]);

impl Detector for SsiInjection {
    fn family(&self) -> Family {
        Family::SsiInjection
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
    fn directives_are_told_from_comments() {
        patterns::compiles(&PATTERNS);
        for text in [
            "<!--#exec cmd=\"id\" -->",
            "<!--#printenv -->",
            "<esi:include src=\"http://a/\"/>",
        ] {
            assert!(score(&SsiInjection, text) >= 0.5, "{text}");
        }
        for text in [
            "<!-- # a heading -->",
            "<!--[if IE]>x<![endif]-->",
            "<p>#include</p>",
        ] {
            assert!(score(&SsiInjection, text) < 0.5, "{text}");
        }
    }
}
