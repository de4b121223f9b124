//! Session fixation: a link or a form of another site that brings a session along, so that who
//! follows it logs in to a session that the attacker knows.
//!
//! Source: CWE-384; the names of session cookies in the manuals of servlet containers, PHP, ASP,
//! ColdFusion and the common frameworks.

use super::detector::{Detector, Report};
use super::prefilter::{Hints, Marks};
use super::Family;
use crate::decode::Value;
use crate::request::Request;

/// The detector of this kind; part of header injection, since what it sets is a cookie's.
pub struct SessionFixation;

impl Detector for SessionFixation {
    fn family(&self) -> Family {
        Family::HeaderInjection
    }

    fn wants(&self, hints: &Hints) -> bool {
        hints.has(Marks::SESSION)
    }

    fn judge(&self, _value: &Value<'_>, report: &mut Report<'_>) {
        report.add("header.session", 0.8);
    }
}

/// Names of session cookies, in lower case, by their ends. `session_id` is not among them: payment
/// providers send buyers back with one of their own.
const ENDS: [&[u8]; 17] = [
    b"sessionid",
    b"session-id",
    b"_session_id",
    b"sessid",
    b"phpsession",
    b"jservsession",
    b"jwsession",
    b"weblogicsession",
    b"laravel_session",
    b"rails_session",
    b"flask_session",
    b"play_session",
    b"ci_session",
    b"rack.session",
    b"session-token",
    b"login_token",
    b"cftoken",
];

/// The same where they are the whole name.
const WHOLE: [&[u8]; 8] = [
    b"cfid",
    b"cfsid",
    b"cakephp",
    b"connect.sid",
    b"sails.sid",
    b"koa.sess",
    b"koa:sess",
    b"shiny-token",
];

/// Tells whether a parameter is named as a session cookie. Cost: one comparison for most names.
#[inline]
pub fn names_session(name: &[u8]) -> bool {
    let last = name.last().map_or(0, |b| b | 0x20);
    let named = matches!(last, b'd' | b'n' | b's' | b'p') || name.len() >= 12;
    name.len() > 3 && named && is_listed(name)
}

#[inline(never)]
fn is_listed(name: &[u8]) -> bool {
    let is = |word: &[u8]| name.eq_ignore_ascii_case(word);
    let ends = |word: &&[u8]| {
        let start = name.len().checked_sub(word.len());
        start.is_some_and(|at| name[at..].eq_ignore_ascii_case(word))
    };
    let starts = |word: &[u8]| {
        let start = name.get(..word.len());
        start.is_some_and(|w| w.eq_ignore_ascii_case(word))
    };
    let listed = ENDS.iter().any(ends) || WHOLE.iter().any(|w| is(w));
    listed && !is(b"session_id") || starts(b"aspsessionid")
}

/// Tells whether a path carries a session in a parameter of its own: `/login;jsessionid=74B0`.
pub fn carries_session(path: &[u8]) -> bool {
    let parameter = memchr::memchr(b';', path).map(|at| &path[at + 1..]);
    let end = parameter.and_then(|parameter| memchr::memchr(b'=', parameter));
    parameter
        .zip(end)
        .is_some_and(|(p, end)| names_session(&p[..end]))
}

/// Tells whether a request was made by the page of another site.
pub fn is_foreign(request: &Request<'_>) -> bool {
    let Some(referer) = request.header("Referer") else {
        return false;
    };
    let Some(at) = memchr::memmem::find(referer, b"://") else {
        return false;
    };
    let (host, own) = (name(&referer[at + 3..]), name(request.host));
    !host.is_empty() && !own.is_empty() && !host.eq_ignore_ascii_case(own)
}

/// The host's name, without port and path.
fn name(authority: &[u8]) -> &[u8] {
    let end = |b: &u8| matches!(b, b'/' | b':' | b'?' | b'#');
    let length = authority.iter().position(end).unwrap_or(authority.len());
    &authority[..length]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::{Findings, Inspector};

    fn found(query: &str, headers: &str) -> bool {
        let request = Request {
            host: b"shop.example:8443",
            path: b"/login",
            query: query.as_bytes(),
            headers: headers.as_bytes(),
            ..Request::default()
        };
        let mut found = Findings::default();
        Inspector::new(&[Family::HeaderInjection]).inspect(&request, &mut found);
        found.list.iter().any(|f| f.rule == "header.session")
    }

    #[test]
    fn a_session_from_elsewhere_is_found() {
        let foreign = "Referer: https://other.example/x\r\n";
        let own = "Referer: https://shop.example/x\r\n";
        for query in [
            "jsessionid=74B0CB41",
            "PHPSESSID=abc",
            "ASPSESSIONIDQABC=x1",
            "connect.sid=s:abc",
            "asp.net_sessionid=abc",
            "a=1&laravel_session=eyJ",
        ] {
            assert!(found(query, foreign), "{query}");
            assert!(!found(query, own), "{query}");
            assert!(!found(query, ""), "{query}");
        }
        let path = |path: &str| carries_session(path.as_bytes());
        assert!(path("/login;jsessionid=74B0CB41") && !path("/a;v=1/sessionid"));
        for query in ["session_id=cs_1", "id=7", "session=x", "grid=1", "card=2"] {
            assert!(!found(query, foreign), "{query}");
        }
    }
}
