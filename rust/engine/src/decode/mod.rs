//! A request's values, each decoded once, with the place it came from.
//!
//! Path, query, headers, cookies and body are walked in this order; a [`Value`] is borrowed from
//! the request or from [`Scratch`] and lives for one call. What servers would still decode is
//! decoded to a fixed point ([`percent`]), and JSON within a value is walked one level down. A
//! budget bounds values and bytes: what lies beyond is counted, not looked at.
//! Base64 of text is undone once, beside the value as it is ([`base64`]), and the literals of a
//! GraphQL document are values too ([`graphql`]).

mod base64;
mod body;
mod coding;
mod graphql;
mod headers;
pub mod html;
pub mod json;
pub mod kind;
mod multipart;
pub mod percent;
mod url;
mod xml;

use crate::inspect::Part;
use crate::request::Request;
use crate::verdict::Uninspected;
use threat_agent_scan::Seen;

/// Most values of one request.
const VALUES: u32 = 131_072;
/// Most bytes of all values of one request, each way to read them counted. Units: bytes.
const BYTES: usize = 4 << 20;
/// Buffers above this size are given back after a request. Units: bytes.
const KEPT_BYTES: usize = 128 << 10;

/// One value, ready to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Value<'v> {
    pub part: Part,
    /// The name within the part, as the client sent it.
    pub name: &'v [u8],
    pub bytes: &'v [u8],
    /// The kinds of byte in it (see [`kind`]).
    pub seen: Seen,
    /// Rounds of percent-decoding beyond what its place asks for: evasion, or a nested URL.
    pub extra_rounds: u8,
    /// Whether ASCII was spelled in overlong or full-width UTF-8.
    pub odd_utf8: bool,
}

impl<'v> Value<'v> {
    /// What else can be read in the same place.
    fn with<'w>(&self, bytes: &'w [u8], seen: Seen) -> Value<'w>
    where
        'v: 'w,
    {
        Value {
            bytes,
            seen,
            ..*self
        }
    }
}

/// What was not looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    pub why: Uninspected,
    /// Units: bytes.
    pub bytes: u64,
}

impl Gaps {
    fn add(&mut self, why: Uninspected, bytes: usize) {
        self.why.insert(why);
        self.bytes += bytes as u64;
    }
}

/// Memory that is reused between requests.
#[derive(Default)]
pub struct Scratch {
    text: Vec<u8>,
    token: Vec<u8>,
    outer: json::Scratch,
    inner: json::Scratch,
}

/// Looks at values.
pub trait Visitor {
    /// Tells whether a value is to be visited. Cheap, for most are not.
    fn wants(&self, value: &Value<'_>) -> bool;

    fn visit(&mut self, value: &Value<'_>);
}

/// A visitor of all values.
struct All<F>(F);

impl<F: FnMut(&Value<'_>)> Visitor for All<F> {
    fn wants(&self, _value: &Value<'_>) -> bool {
        true
    }

    fn visit(&mut self, value: &Value<'_>) {
        (self.0)(value);
    }
}

/// What came of a walk.
#[derive(Clone, Copy, Debug)]
pub struct Walked {
    pub gaps: Gaps,
    /// Values that there were, visited or not.
    pub values: u32,
}

/// Hands every value of a request to `visit`.
/// Cost: linear in the request; no allocation once the buffers have grown.
pub fn walk(request: &Request<'_>, scratch: &mut Scratch, visit: impl FnMut(&Value<'_>)) -> Gaps {
    walk_for(request, scratch, All(visit)).gaps
}

/// Hands a visitor what it wants. Cost: as [`walk`].
pub fn walk_for(request: &Request<'_>, scratch: &mut Scratch, visitor: impl Visitor) -> Walked {
    let Scratch {
        text,
        token,
        outer,
        inner,
    } = scratch;
    if text.capacity() > KEPT_BYTES {
        *text = Vec::new();
    }
    outer.trim(KEPT_BYTES);
    inner.trim(KEPT_BYTES);
    let mut sink = Sink {
        text,
        nested: Nested {
            out: Out { visitor, values: 0 },
            token,
            inner,
        },
        odd: [request.path, request.query, request.headers]
            .into_iter()
            .any(percent::may_be_odd),
        values: VALUES,
        bytes: BYTES,
        gaps: Gaps::default(),
    };
    sink.encoded(Part::Path, b"", request.path, false);
    url::pairs(&mut sink, Part::Query, request.query);
    let notes = headers::walk(&mut sink, request);
    body::walk(&mut sink, request, &notes, outer);
    Walked {
        gaps: sink.gaps,
        values: sink.nested.out.values,
    }
}

/// Takes raw values in, decodes them, keeps to the budget.
struct Sink<'s, V> {
    text: &'s mut Vec<u8>,
    nested: Nested<'s, V>,
    /// Whether values may hold overlong or full-width UTF-8.
    odd: bool,
    values: u32,
    bytes: usize,
    gaps: Gaps,
}

impl<V: Visitor> Sink<'_, V> {
    /// A value in percent-encoding; `plus` as in forms.
    fn encoded(&mut self, part: Part, name: &[u8], raw: &[u8], plus: bool) {
        let coded = if plus {
            memchr::memchr2(b'%', b'+', raw).is_some()
        } else {
            memchr::memchr(b'%', raw).is_some()
        };
        if coded {
            self.undo(part, name, raw, Some(plus));
        } else {
            self.value(part, name, raw, kind::seen(raw));
        }
    }

    /// A value that its place does not encode.
    fn plain(&mut self, part: Part, name: &[u8], bytes: &[u8]) {
        self.value(part, name, bytes, kind::seen(bytes));
    }

    /// The same, its kinds already known.
    #[inline]
    fn value(&mut self, part: Part, name: &[u8], bytes: &[u8], seen: Seen) {
        let coded = seen.any & kind::OPEN != 0 && memchr::memchr(b'%', bytes).is_some();
        if coded || self.odd && percent::is_odd(bytes) {
            return self.undo(part, name, bytes, None);
        }
        if !self.afford(bytes.len()) {
            return;
        }
        let odd_utf8 = false;
        let value = Value {
            part,
            name,
            bytes,
            seen,
            extra_rounds: 0,
            odd_utf8,
        };
        self.nested.judge(&value);
    }

    /// Decodes to a fixed point. `place` tells that the place itself encodes, and its plus.
    #[inline(never)]
    fn undo(&mut self, part: Part, name: &[u8], raw: &[u8], place: Option<bool>) {
        if !self.afford(raw.len()) {
            return;
        }
        self.text.clear();
        self.text.extend_from_slice(raw);
        let undone = percent::undo(self.text, place == Some(true));
        let value = Value {
            part,
            name,
            bytes: self.text,
            seen: kind::seen(self.text),
            extra_rounds: undone.rounds.saturating_sub(u8::from(place.is_some())),
            odd_utf8: undone.odd_utf8,
        };
        self.nested.judge(&value);
    }

    #[inline]
    fn afford(&mut self, bytes: usize) -> bool {
        if self.values == 0 || self.bytes < bytes {
            self.gaps.add(Uninspected::OVER_BUDGET, bytes);
            return false;
        }
        self.values -= 1;
        self.bytes -= bytes;
        true
    }
}

/// The strings of a JSON body are values.
impl<V: Visitor> json::Strings for Sink<'_, V> {
    #[inline(always)]
    fn passes(&mut self, path: &[u8], plain: &[u8]) -> bool {
        let value = Value {
            part: Part::Json,
            name: path,
            bytes: plain,
            seen: Seen::default(),
            extra_rounds: 0,
            odd_utf8: false,
        };
        let passes = !self.odd
            && !self.nested.out.visitor.wants(&value)
            && !base64::may_be(plain)
            && self.values > 0
            && self.bytes >= plain.len();
        if passes {
            self.values -= 1;
            self.bytes -= plain.len();
            self.nested.out.values += 1;
        }
        passes
    }

    #[inline(never)]
    fn take(&mut self, path: &[u8], text: &[u8], seen: Seen) {
        self.value(Part::Json, path, text, seen);
    }
}

/// Where values go.
struct Out<V> {
    visitor: V,
    /// How many there were.
    values: u32,
}

impl<V: Visitor> Out<V> {
    #[inline(always)]
    fn hand(&mut self, value: &Value<'_>) {
        self.values += 1;
        if self.visitor.wants(value) {
            self.visitor.visit(value);
        }
    }
}

/// Hands values out, and what is nested in them.
struct Nested<'s, V> {
    out: Out<V>,
    token: &'s mut Vec<u8>,
    inner: &'s mut json::Scratch,
}

impl<V: Visitor> Nested<'_, V> {
    /// Hands a value out; as its own strings when it is a JSON document by itself; with the text
    /// that it is the base64 of, if it is.
    #[inline(always)]
    fn judge(&mut self, value: &Value<'_>) {
        let any = value.seen.any;
        if any & kind::BRACE != 0 && any & kind::QUOTE != 0 {
            return self.structured(value);
        }
        self.out.hand(value);
        let token = any & !(kind::DOT | kind::SLASH | kind::TAG) == 0;
        if token && base64::undo(value.bytes, self.token) {
            self.undone(value);
        }
    }

    /// Hands out a value that may be a document, with what can be read in it.
    #[inline(never)]
    fn structured(&mut self, value: &Value<'_>) {
        let start = value.bytes.trim_ascii_start();
        let Nested { out, inner, .. } = self;
        if matches!(start, [b'{' | b'[', ..]) {
            let end = json::walk(value.bytes, inner, |_, bytes, seen| {
                out.hand(&value.with(bytes, seen));
            });
            if end.why == json::Why::Complete {
                return;
            }
        }
        out.hand(value);
        if graphql::is_document(value.name, start) {
            graphql::literals(start, inner, |bytes| {
                out.hand(&value.with(bytes, kind::seen(bytes)));
            });
        }
    }

    /// Hands out the text of a token.
    #[inline(never)]
    fn undone(&mut self, value: &Value<'_>) {
        let token = std::mem::take(self.token);
        let text = value.with(&token, kind::seen(&token));
        if text.seen.any & kind::BRACE != 0 && text.seen.any & kind::QUOTE != 0 {
            self.structured(&text);
        } else {
            self.out.hand(&text);
        }
        *self.token = token;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::Location;
    use crate::request::Body;
    use flate2::{write::GzEncoder, Compression};
    use proptest::prelude::*;
    use std::io::Write;

    fn values(request: &Request) -> (Vec<String>, Gaps) {
        let mut out = Vec::new();
        let gaps = walk(request, &mut Scratch::default(), |v| {
            let text = String::from_utf8_lossy(v.bytes);
            out.push(format!("{}={text}", Location::new(v.part, v.name)));
        });
        (out, gaps)
    }

    fn posted<'a>(content_type: &'a str, body: &'a [u8]) -> Vec<String> {
        let headers = format!("Host: a\r\nContent-Type: {content_type}\r\n");
        let body = Body {
            bytes: body,
            ..Body::default()
        };
        let request = Request {
            headers: headers.as_bytes(),
            body,
            ..Request::default()
        };
        let (mut out, _) = values(&request);
        out.retain(|v| v != "path=" && !v.starts_with("header.content-type"));
        out
    }

    #[test]
    fn every_place_is_read() {
        let request = Request {
            path: b"/a%2f%2e%2e",
            query: b"q=a+b&c%3d=%2527&flag&=x",
            headers: b"Host: h\r\nUser-Agent: ua\r\nAccept: */*\r\nCookie: a=b%3d; c=d\r\n\
                Referer: https://h/p?x=%3C\r\nX-Any: %41\r\nAuthorization: Bearer x\r\n",
            ..Request::default()
        };
        let (got, gaps) = values(&request);
        for want in [
            "path=/a/..",
            "query.q=a b",
            "query.c%3d='",
            "query.flag=flag",
            "query=x",
            "header.user-agent=ua",
            "cookie.a=b=",
            "cookie.c=d",
            "header.referer=https://h/p",
            "header.referer=<",
            "header.x-any=A",
        ] {
            assert!(got.iter().any(|v| v == want), "{want} in {got:?}");
        }
        assert!(
            !got.iter()
                .any(|v| v.contains("Bearer") || v.contains("*/*")),
            "{got:?}"
        );
        assert_eq!(gaps, Gaps::default());
    }

    #[test]
    fn bodies_are_read_by_type_and_by_looks() {
        let multipart = b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nv1\r\n\
            --b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"../x\"\r\n\r\nbytes\r\n--b--\r\n";
        for (content_type, body, want) in [
            ("application/json", &b"{\"a\":\"b\"}"[..], "json.a=b"),
            ("Application/JSON; charset=utf-8", b"\"<b>\"", "json=<b>"),
            (
                "application/x-www-form-urlencoded",
                b"{\"a\":\"b\"}",
                "json.a=b",
            ),
            ("text/plain", b"a=b+c&d=e", "form.a=b c"),
            ("", b"a=%7B%22k%22%3A%22v%22%7D", "form.a=v"),
            (
                "application/json",
                b"{\"a\":\"{\\\"k\\\":\\\"v\\\"}\"}",
                "json.a=v",
            ),
            (
                "application/json",
                b"{\"a\":\"b\", junk <x>",
                "body=junk <x>",
            ),
            ("multipart/form-data; boundary=b", multipart, "form.a=v1"),
            (
                "multipart/form-data; boundary=other",
                multipart,
                "file.f=../x",
            ),
            ("text/plain", b"just words", "body=just words"),
            (
                "application/json",
                b"{\"a\":\"PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==\"}",
                "json.a=<script>alert(1)</script>",
            ),
            (
                "application/json",
                b"{\"query\":\"{ a(b: \\\"<c>\\\") }\",\"variables\":{\"d\":\"<e>\"}}",
                "json.query=<c>",
            ),
            (
                "application/json",
                b"{\"query\":\"{ a }\",\"variables\":{\"d\":\"<e>\"}}",
                "json.variables.d=<e>",
            ),
            (
                "application/graphql",
                b"query { a(b: \"<c>\") }",
                "body=<c>",
            ),
            (
                "application/json",
                "{\"a\":\"\u{ff1c}b\u{ff1e}\"}".as_bytes(),
                "json.a=<b>",
            ),
            (
                "application/json",
                b"{\"a\":\"\\uff1cb\\uff1e\"}",
                "json.a=<b>",
            ),
            ("text/plain", b"x\xc0\xbcb>", "body=x<b>"),
            (
                "application/xml",
                b"<?xml version='1.0'?><r k=\"&lt;v\">t<![CDATA[<c>]]></r>",
                "body.k=<v",
            ),
            (
                "application/xml",
                b"<r k='v'>t<![CDATA[<c>]]></r>",
                "body.r=<c>",
            ),
        ] {
            let got = posted(content_type, body);
            assert!(
                got.iter().any(|v| v == want),
                "{content_type}: {want} in {got:?}"
            );
        }
    }

    #[test]
    fn gzip_is_undone() {
        let mut writer = GzEncoder::new(Vec::new(), Compression::default());
        writer.write_all(b"{\"a\":\"<b>\"}").unwrap();
        let body = writer.finish().unwrap();
        let request = Request {
            headers: b"Content-Encoding: gzip\r\nContent-Type: application/json\r\n",
            body: Body {
                bytes: &body,
                ..Body::default()
            },
            ..Request::default()
        };
        let (got, gaps) = values(&request);
        assert!(got.iter().any(|v| v == "json.a=<b>"), "{got:?}");
        assert_eq!(gaps, Gaps::default());
    }

    #[test]
    fn gaps_are_told() {
        let encoded = Request {
            headers: b"Content-Encoding: gzip\r\n",
            body: Body {
                bytes: &[31, 139, 8],
                ..Body::default()
            },
            ..Request::default()
        };
        let gaps = values(&encoded).1;
        assert_eq!(
            gaps,
            Gaps {
                why: Uninspected::BODY_ENCODED,
                bytes: 3
            }
        );

        let many = b"a=b&".repeat(140_000);
        let gaps = values(&Request {
            query: &many,
            ..Request::default()
        })
        .1;
        assert_eq!(gaps.why, Uninspected::OVER_BUDGET);
        assert!(gaps.bytes > 0);

        let broken = Request {
            headers: b"Content-Type: application/json\r\n",
            body: Body {
                bytes: b"{\"a\":",
                ..Body::default()
            },
            ..Request::default()
        };
        assert_eq!(values(&broken).1.why, Uninspected::MALFORMED);
        let cut = Request {
            body: Body {
                unread_bytes: 7,
                ..broken.body
            },
            ..broken
        };
        assert_eq!(values(&cut).1.why, Uninspected::default());
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let spicy = prop::sample::select(&b"{}[]\"\\:,%u&=+;<>!-/'?#x0 \r\n\xc0\xae\0"[..]);
        proptest::collection::vec(prop_oneof![spicy, any::<u8>()], 0..400)
    }

    proptest! {
        /// Any bytes anywhere: no panic, and the work stays within a multiple of the input.
        #[test]
        fn any_bytes_are_walked_in_bounded_work(
            path in bytes(), query in bytes(), headers in bytes(), body in bytes(),
            content_type in prop::sample::select(vec!["", "application/json", "text/xml",
                "application/x-www-form-urlencoded", "multipart/form-data; boundary=\"",
                "multipart/form-data; boundary=-", "multipart/form-data; boundary=\" \"",
                "multipart/form-data; boundary=\"-\\-,-\"; boundary=\"\\x,0\"",
                "application/json; charset=utf-16", "text/plain; charset=utf-32be"]),
            coding in prop::sample::select(vec!["", "identity", "gzip", "x"]),
            start in prop::sample::select(vec![&b""[..], b"-- \r\n", b"--x\n", b"---\r\n",
                b"\xff\xfe", b"{\0", b"\0\0\0[", b"x\x9c"]),
        ) {
            let body = [start, &body[..]].concat();
            let mut block = format!(
                "Content-Type: {content_type}\r\nContent-Encoding: {coding}\r\nCookie: "
            ).into_bytes();
            block.extend_from_slice(&headers);
            let request = Request {
                path: &path,
                query: &query,
                headers: &block,
                body: Body { bytes: &body, ..Body::default() },
                ..Request::default()
            };
            let size = path.len() + query.len() + block.len() + body.len();
            let (mut count, mut total) = (0, 0);
            walk(&request, &mut Scratch::default(), |v| {
                count += 1;
                total += v.bytes.len();
            });
            prop_assert!(total <= 8 * size + 64, "{total} bytes from {size}");
            prop_assert!(count <= 4 * size + 8, "{count} values from {size}");
        }
    }
}
