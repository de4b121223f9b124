//! Header injection and response splitting, smuggled requests, and requests that break HTTP:
//! line ends before a header's name or a status line, control bytes where none belong.
//!
//! Source: RFC 9112, sections 2.2 and 11.1 (response splitting).

use super::detector::{Detector, Report};
use super::patterns::{pattern, Patterns};
use super::prefilter::{Hints, Marks};
use super::{Family, Part};
use crate::decode::{kind, Value};

/// The detector of this family.
pub struct HeaderInjection;

/// A line's end, and what servers fold or cut to one. A line that is indented goes on with the header
/// before it (RFC 9112, section 5.2), but some servers pass over a blank.
macro_rules! line_end {
    () => {
        "(?:[\\r\\n]|\\xe5\\x98[\\x8a\\x8d]|\\\\r\\\\n|%0[da])(?:\\s*[\\r\\n])?[ \\t]?"
    };
}

static PATTERNS: Patterns = Patterns::new(&[
    pattern("header.split", 0.9, 0.3, concat!(line_end!(), "(?:set-cookie2?|content-(?:type|length|encoding|disposition|security-policy)|transfer-encoding|access-control-[\\w-]+|x-[\\w-]+|remote-addr|p3p|user-agent|last-modified|etag|http-\\w+)\\s*:")),
    // Names that are words too, before what only a header has.
    pattern("header.split", 0.9, 0.3, concat!(line_end!(), "(?:location\\s*:\\s*(?:\\w+:|[/\\\\]|[\\w-]+\\.\\w)|host\\s*:\\s*[\\w-]+[.:]\\w|status\\s*:\\s*\\d{3}|refresh\\s*:\\s*(?:\\d|\\w+:|[\\w-]+\\.\\w)|link\\s*:\\s*<|connection\\s*:\\s*(?:close|keep-alive|upgrade)|cookie\\s*:\\s*[^\\s=]+=|referer\\s*:\\s*(?:\\w+:|/)|authorization\\s*:\\s*(?:basic|bearer|digest)|via\\s*:\\s*(?:http/)?\\d\\.\\d|server\\s*:\\s*[\\w-]+/\\d|date\\s*:\\s*\\w{3},\\s)")),
    // The end of the head, and a page behind it.
    pattern("header.split", 0.7, 0.0, "^[^\\r\\n]{0,80}\\r\\n\\r\\n\\s*<(?:html|!doctype|head|body|script|svg|iframe|h[1-6])\\b"),
    pattern("header.response", 0.9, 0.6, "[\\r\\n]\\s*http/\\d(?:\\.\\d)?\\s+\\d{3}|^\\s*http/\\d\\.\\d\\s+\\d{3}\\s[^\\r\\n]{0,64}[\\r\\n]"),
    pattern("header.request", 0.9, 0.5, "(?:^|[\\r\\n\\w])(?:get|post|head|options|connect|put|delete|trace|track|patch|propfind|move|copy|lock|mkcol)\\s+(?:/|https?://|\\*)[^\\s]*\\s+http/\\d(?:\\.\\d)?\\s*(?:[\\r\\n]|$)"),
    pattern("header.mail", 0.75, 0.3, "[\\r\\n]\\s*(?:b?cc|to|from|reply-to|subject|mime-version|content-transfer-encoding)\\s*:.*@"),
    // Commands of POP3 and IMAP, RFC 1939 and RFC 9051.
    pattern("header.mail", 0.65, 0.0, "^\\S{0,24}[\\r\\n]+\\s*(?:(?:retr|dele|top|list|uidl)\\s+\\d+(?:\\s+\\d+)?|apop\\s+\\S+\\s+[0-9a-f]{32}|[a-z]\\d+\\s+(?:status|append|select|rename|create|copy|store)\\s.*)\\s*$"),
    pattern("header.mail", 0.75, 0.3, "[\\r\\n]+\\.?[\\r\\n]*(?:mail\\s+from|rcpt\\s+to|helo|ehlo|vrfy|expn)\\b|\\bz\\d{3}\\s(?:select|capability|login)|\\b[a-z]\\d{3}\\s+(?:fetch|delete|capability|logout|examine|login|uid)\\b"),
]);

impl Detector for HeaderInjection {
    fn family(&self) -> Family {
        Family::HeaderInjection
    }

    fn wants(&self, hints: &Hints) -> bool {
        hints.seen.any & kind::CONTROL != 0 || hints.has(Marks::HTTP)
    }

    /// Messages are told apart by their lines first.
    fn steps(&self, bytes: usize) -> usize {
        20 + bytes / 2
    }

    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>) {
        if matches!(value.part, Part::Json | Part::Body) && is_message(value.bytes) {
            report.doubt(&["header."], WHOLE);
        }
        PATTERNS.judge(value, value.bytes, report);
        let line = memchr::memchr2(b'\r', b'\n', value.bytes).is_some();
        let name = matches!(value.part, Part::Query | Part::Form) && value.name.len() > 2 && {
            let undone = value.name.to_ascii_lowercase();
            memchr::memmem::find(&undone, b"%0d").is_some()
                || memchr::memmem::find(&undone, b"%0a").is_some()
        };
        if line && value.part == Part::Path {
            report.add("header.line_end", 0.7);
        }
        if line && name {
            report.add("header.line_end", 0.75);
        }
        if matches!(value.part, Part::Path | Part::Header) && value.bytes.contains(&0) {
            report.add("header.control", 0.7);
        }
    }
}

/// Most that is said of a message, which breaks out of nothing.
const WHOLE: f32 = 0.4;

/// Tells a message as a whole, which APIs of mail and of HTTP send, in JSON or as the body: it starts
/// with a header or a request line, behind what sets a message or a part apart, or as a calendar or a
/// card, while what breaks out of a header starts within one.
fn is_message(text: &[u8]) -> bool {
    let line = memchr::memchr(b'\n', text).map_or(text.len(), |end| end + 1);
    let (first, rest) = text.split_at(line);
    let boundary = first.starts_with(b"--") && first.trim_ascii_end().len() > 8;
    let mailbox = first.starts_with(b"From ") && first.contains(&b'@');
    if let Some(kind) = first
        .strip_prefix(b"BEGIN:")
        .filter(|k| k.starts_with(b"V"))
    {
        let end = text.trim_ascii_end().strip_suffix(kind.trim_ascii_end());
        return end.is_some_and(|text| text.ends_with(b"END:"));
    }
    let text = if boundary || mailbox { rest } else { text };
    let name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let length = text.iter().take_while(|b| name(b)).count();
    match &text[length..] {
        [b':', b' ', ..] => length > 1,
        [b' ', b'/' | b'h' | b'*', ..] => text[..length].iter().all(u8::is_ascii_uppercase),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::{patterns, testing::score, testing::score_at};

    #[test]
    fn headers_are_found() {
        patterns::compiles(&PATTERNS);
        for text in [
            "x\r\nSet-Cookie: a=b",
            "x\nLocation: http://a.example/",
            "\r\n\r\nHTTP/1.1 200 OK\r\n",
            "GET /x HTTP/1.1\r\nHost: a.example",
            "a@a.example\r\nBcc: b@a.example",
            "x\r\nRETR 123",
            "x\r\nA1 APPEND saved (x) {310}",
            "\u{560a}\u{560d}Content-Type:text/html",
            "x\\r\\nLocation: http://a.example",
            "x\r\n\r\n<html>",
            "x\r\nStatus: 200 OK",
            "x\r\nAccess-Control-Allow-Origin: *",
            "x\r\n\r\n Location: http://a.example",
        ] {
            assert!(score(&HeaderInjection, text) >= 0.5, "{text}");
        }
    }

    #[test]
    fn ordinary_lines_are_left_alone() {
        for text in [
            "first line\r\nsecond line: text",
            "Hello,\n\nthanks for all.\nBest: me",
            "get / put",
            "Agenda\nDate: 5 May\nLocation: Room 5\nHost: Anna\nStatus: open",
            "HTTP/1.1 404 Not Found when I click",
            "it says \\r\\n at the end",
            "Document: core-2.0\n      Location: http://docs.a.example/core\n      Revision: 1",
            "ingress:\n  host: shop.a.example\n  location: /api\n",
        ] {
            assert!(score(&HeaderInjection, text) < 0.5, "{text}");
        }
    }

    #[test]
    fn messages_are_told_from_what_breaks_out() {
        let json = |text: &str| score_at(&HeaderInjection, Part::Json, b"raw", text);
        for text in [
            "Subject: Hello\nTo: a@b.example\n\nHi",
            "X-Api-Key: 1\nContent-Type: application/json",
            "GET /health HTTP/1.1\r\nHost: a.example\r\n\r\n",
            "From a@b.example Fri May  3 08:41:30 2024\nTo: b@b.example\nSubject: Hi\n\n@",
            "--part_7f3a\r\nContent-Type: text/xml\r\nContent-ID: <a@b>\r\n\r\n<a/>",
            "BEGIN:VCARD\r\nX-ABUID:1\r\nFN:Anna\r\nEND:VCARD\r\n",
        ] {
            assert!(json(text) < 0.5, "{text}");
            let body = score_at(&HeaderInjection, Part::Body, b"", text);
            assert!(body < 0.5, "{text}");
        }
        for text in [
            "Hello\r\nBcc: a@b.example",
            "x\r\nX-Admin: true",
            "1\r\nGET /admin HTTP/1.1\r\nHost: a",
            "--\r\nSet-Cookie: a=b",
            "From here\r\nSet-Cookie: a=b",
            "BEGIN:V\r\nSet-Cookie: a=b",
        ] {
            assert!(json(text) >= 0.5, "{text}");
        }
    }
}
