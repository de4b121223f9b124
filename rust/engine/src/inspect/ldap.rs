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

/// An attribute and its comparison, with a matching rule or without: `cn=`, `cn:dn:=`, `uid>=`.
macro_rules! attribute {
    () => {
        "[a-z][\\w.;:-]*\\s*[~<>]?="
    };
}

static PATTERNS: Patterns = Patterns::new(&[
    pattern("ldap.breakout", 0.85, 0.3, concat!("^[^()\\s]{0,64}\\)+\\s*\\(\\s*[|&!]?\\s*\\(?\\s*(?:", attribute!(), "|[|&!]|$)")),
    pattern("ldap.breakout", 0.85, 0.2, "^[^()]{0,64}\\)\\s*\\(\\s*[|&]\\s*\\(?|^[^()\\s]{0,64}\\)\\s*\\(\\s*[|&!]?$|^\\*?\\)+\\s*(?:\\(|%00|\\x00|$)|^\\*\\)\\(|^\\*\\(?\\)|^\\(\\*\\(?\\)\\s*[*()|&]|^\\*\\(\\||^[^()\\s]{0,64}\\)+\\s*(?:%00|\\x00)"),
    pattern("ldap.breakout", 0.85, 0.3, concat!("^[^()]{0,64}\\)\\s*[|&!]\\s*\\(\\s*", attribute!(), "|^[^()\\s]{0,32}\\*\\s*\\(?\\)\\s*[|&]")),
    pattern("ldap.breakout", 0.85, 0.4, "^[^()]{0,64}\\)+\\s*\\(\\s*(?:cn|uid|sn|ou|dc|mail|password|userpassword|objectclass|givenname|memberof)[\\w:.;-]*\\s*[~<>]?="),
    // Whole filters, which sentences quote behind their first words.
    pattern("ldap.filter", 0.7, 0.35, concat!("^\\s*(?:\\w+\\s*[=:]\\s*)?[^\\s()]{0,32}\\([&|!]\\s*\\(", attribute!(), "[^()]*\\)|^\\(?[&|!]?\\(?", attribute!(), "[^()=]{0,64}\\)\\s*\\([|&!(a-z]")),
    pattern("ldap.filter", 0.7, 0.3, "^\\S*[(|&!]\\s*(?:objectclass|objectcategory|samaccountname|userpassword|uidnumber|memberof|distinguishedname|useraccountcontrol)\\s*=\\s*[*\\w]|(?:^\\S*|\\*)\\)\\(\\s*(?:cn|uid|sn|ou|dc|mail|password|userpassword|objectclass)\\s*[~<>]?=|^\\((?:cn|uid|sn|ou|mail|givenname)=\\*\\)"),
]);

/// Tells whether a place is made for whole filters, as settings and search tools have it.
fn takes_filters(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    [&b"filter"[..], b"ldap"]
        .iter()
        .any(|word| memchr::memmem::find(&name, word).is_some())
}

impl Detector for LdapInjection {
    fn family(&self) -> Family {
        Family::LdapInjection
    }

    fn wants(&self, hints: &Hints) -> bool {
        hints.has(Marks::FILTER.or(Marks::NULL))
    }

    /// Its patterns look far behind brackets.
    fn steps(&self, bytes: usize) -> usize {
        30 + bytes
    }

    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>) {
        if takes_filters(value.name) {
            report.doubt(&["ldap.filter"], 0.3);
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
            "x)(cn:dn:=admin",
            "a)(member:1.2.840.113556.1.4.1941:=cn=a",
            "admin))\0",
            "John Smith)(cn=*",
            "(cn=*)",
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
            "(*)",
            "(uid=jsmith)",
            "The filter (&(objectClass=user)(cn=*)) finds nobody",
            "cn=John Doe,ou=People,dc=example",
        ] {
            assert!(score(&LdapInjection, text) < 0.5, "{text}");
        }
        let setting = "(&(objectClass=posixAccount)(uid=%s))";
        assert!(score_at(&LdapInjection, Part::Json, b"ldap.user_filter", setting) < 0.5);
    }
}
