//! LDAP injection: a value that closes a filter's bracket and opens another.
//!
//! Source: RFC 4515 (string representation of search filters).

use super::detector::{Detector, Report};
use super::patterns::{pattern, Patterns};
use super::prefilter::{Hints, Marks};
use super::Family;
use crate::decode::Value;

/// The detector of this family.
pub struct LdapInjection;

static PATTERNS: Patterns = Patterns::new(&[
    pattern("ldap.breakout", 0.85, 0.3, "^[^()\\s]{0,64}\\)+\\s*\\(\\s*[|&!]?\\s*\\(?\\s*(?:[a-z][\\w.;-]*\\s*[~<>]?=|[|&!]|$)"),
    pattern("ldap.breakout", 0.85, 0.2, "^[^()]{0,64}\\)\\s*\\(\\s*[|&]\\s*\\(?|^[^()\\s]{0,64}\\)\\s*\\(\\s*[|&!]?$|^\\*?\\)+\\s*(?:\\(|%00|\\x00|$)|^\\*\\)\\(|^\\(?\\*\\(?\\)|^\\*\\(\\|"),
    pattern("ldap.breakout", 0.85, 0.3, "^[^()]{0,64}\\)\\s*[|&!]\\s*\\(\\s*[a-z][\\w.;-]*\\s*[~<>]?=|^[^()\\s]{0,32}\\*\\s*\\(?\\)\\s*[|&]"),
    pattern("ldap.filter", 0.7, 0.35, "\\([&|!]\\s*\\([a-z][\\w.;-]*\\s*[~<>]?=[^()]*\\)|^\\(?[&|!]?\\(?[a-z][\\w.;-]*\\s*[~<>]?=[^()=]{0,64}\\)\\s*\\([|&!(a-z]"),
    pattern("ldap.filter", 0.7, 0.4, "\\b(?:objectclass|objectcategory|samaccountname|userpassword|uidnumber|memberof|distinguishedname|useraccountcontrol)\\s*=\\s*[*\\w]|\\)\\(\\s*(?:cn|uid|sn|ou|dc|mail|password|userpassword|objectclass)\\s*[~<>]?="),
]);

impl Detector for LdapInjection {
    fn family(&self) -> Family {
        Family::LdapInjection
    }

    fn wants(&self, hints: &Hints) -> bool {
        hints.has(Marks::FILTER)
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
    fn filters_are_found() {
        patterns::compiles(&PATTERNS);
        for text in [
            "*)(uid=*))(|(uid=*",
            "admin)(&)",
            "admin)(!(&(1=0",
            "x)(|(password=*))",
            "(&(sn=a)(password=*))",
            "*)(objectClass=*",
            "x)|(uid=*",
            "x)!(sn=*",
            "x) ( &",
            "*()|&'",
            "*(|(mail=*))",
            "*))%00",
            "admin*)((|userpassword=*)",
        ] {
            assert!(score(&LdapInjection, text) >= 0.5, "{text}");
        }
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in [
            "f(x)(y)",
            "call (a)(b) now",
            "(a && b) || (!c)",
            "x = (y)(z)",
            "(see *)",
            "(a) | (b)",
            "5*(3)|x",
            "bold *(maybe)* text",
        ] {
            assert!(score(&LdapInjection, text) < 0.5, "{text}");
        }
    }
}
