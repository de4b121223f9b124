//! One request and its outcome, as borrowed bytes.

use crate::verdict::{Attempt, Uninspected};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Headers of this prefix come from the plugin, never from a client.
const OWN_PREFIX: &[u8] = b"x-threat-agent-";

/// Who sent a request, and where it goes. Ids are Kong's; an absent one is empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Identity<'a> {
    /// The client in canonical form (see [`canonical_ip`]).
    pub client: Option<IpAddr>,
    pub workspace: &'a [u8],
    pub route: &'a [u8],
    pub service: &'a [u8],
    pub consumer: &'a [u8],
    /// Id of the credential that the consumer showed.
    pub credential: &'a [u8],
    /// Keyed hash of the session, as verdicts give it; 0 when there is none, or it is not known.
    pub session: u64,
}

/// A request before it is answered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    pub identity: Identity<'a>,
    pub method: &'a [u8],
    pub scheme: &'a [u8],
    pub host: &'a [u8],
    /// Raw, as on the wire: still percent-encoded, without the query.
    pub path: &'a [u8],
    /// Raw, without the question mark.
    pub query: &'a [u8],
    /// Raw header block: lines `Name: value`, CRLF or LF between them.
    pub headers: &'a [u8],
    pub body: Body<'a>,
    pub stage: Stage,
}

/// Which part of a request is at hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    #[default]
    Whole,
    /// The head, while a body is to come: who sends it is judged and counted, what it carries is not.
    Head,
    /// With its body, after the head was judged and counted.
    Body,
    /// Again, after all of it was judged and counted: for what the last look did not reach.
    Rest(Rest),
    /// For the first time after its end, with what is known of it: no other look can follow.
    Late,
}

/// What an earlier look at a request left to the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rest {
    /// Where the next look starts, as [`Verdict::rest`](crate::Verdict::rest) said.
    pub from: u32,
    /// As [`Verdict::flight`](crate::Verdict::flight) said.
    pub flight: u64,
}

impl Stage {
    /// Tells whether the request arrives with it, and is counted.
    pub fn arrives(self) -> bool {
        matches!(self, Stage::Whole | Stage::Head | Stage::Late)
    }

    /// Tells whether with it the request is under way.
    pub fn departs(self) -> bool {
        matches!(self, Stage::Whole | Stage::Body | Stage::Late)
    }

    /// Gives what an earlier look left, where there was one.
    pub fn rest(self) -> Option<Rest> {
        match self {
            Stage::Rest(rest) => Some(rest),
            _ => None,
        }
    }
}

/// What is known of a request's body.
#[derive(Clone, Copy, Debug, Default)]
pub struct Body<'a> {
    /// The part that was read; empty when there is none.
    pub bytes: &'a [u8],
    /// Length of the part that was not read, as far as known. Units: bytes.
    pub unread_bytes: u64,
    /// Why that part was not read.
    pub unread: Uninspected,
}

impl<'a> Request<'a> {
    /// Tells how much of it there is to read. Units: bytes.
    pub fn bytes(&self) -> usize {
        self.path.len() + self.query.len() + self.headers.len() + self.body.bytes.len()
    }

    /// Walks the lines of the header block.
    fn lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let block = self.headers;
        let ends = memchr::memchr_iter(b'\n', block).chain([block.len()]);
        let mut from = 0;
        ends.filter_map(move |end| {
            let line = block.get(from..end);
            from = end + 1;
            line
        })
    }

    /// Walks the header block. Lines without a colon are passed over.
    /// Shape: (name, value), value trimmed of blanks.
    pub fn header_lines(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        self.lines().filter_map(|line| {
            let colon = memchr::memchr(b':', line)?;
            let (name, value) = line.split_at(colon);
            Some((name.trim_ascii(), value.get(1..)?.trim_ascii()))
        })
    }

    /// Walks the values of all headers of that name, in any case.
    pub fn headers_named<'n>(
        &self,
        name: &'n [u8],
    ) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let lines = self.header_lines();
        lines.filter_map(move |(n, value)| n.eq_ignore_ascii_case(name).then_some(value))
    }

    /// Finds the first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.header_lines()
            .find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }
}

/// Tells the names of headers that only this plugin may set: what a client sends by them, the upstream must
/// not believe. Upstreams of CGI's kind read `_` and `-` alike.
pub fn is_own_header(name: &[u8]) -> bool {
    let Some(start) = name.trim_ascii_start().get(..OWN_PREFIX.len()) else {
        return false;
    };
    let dashed = |b: &u8| match b {
        b'_' => b'-',
        b => b.to_ascii_lowercase(),
    };
    start.iter().map(dashed).eq(OWN_PREFIX.iter().copied())
}

/// Where a response came from, as Kong tells it (`kong.response.get_source`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Source {
    /// The upstream service answered.
    #[default]
    Service = 0,
    /// A plugin or Kong itself answered.
    Exit = 1,
    /// An error inside Kong or on the way to the upstream.
    Error = 2,
}

/// A request's method, as far as APIs are described by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Method {
    #[default]
    Other = 0,
    Get = 1,
    Put = 2,
    Post = 3,
    Delete = 4,
    Options = 5,
    Head = 6,
    Patch = 7,
}

impl Method {
    pub const ALL: [Method; 8] = [
        Method::Other,
        Method::Get,
        Method::Put,
        Method::Post,
        Method::Delete,
        Method::Options,
        Method::Head,
        Method::Patch,
    ];

    /// Names the method as requests do; empty for others.
    pub fn name(self) -> &'static str {
        match self {
            Method::Other => "",
            Method::Get => "GET",
            Method::Put => "PUT",
            Method::Post => "POST",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
            Method::Head => "HEAD",
            Method::Patch => "PATCH",
        }
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    pub status: u16,
    pub source: Source,
    /// What the verdict of the request gave; 0 when it was no login.
    pub account: u64,
    /// What the verdict of the request gave; 0 when it had no session.
    pub session: u64,
    /// What the verdict of the request gave; 0 when it was not counted as under way.
    pub flight: u64,
    /// From the first byte of the request to the last of the response. Units: milliseconds.
    pub latency_ms: u32,
    /// Length of the request's body. Units: bytes.
    pub request_bytes: u64,
    /// Length of the response's body. Units: bytes.
    pub response_bytes: u64,
    /// What the verdict of the request gave.
    pub attempt: Attempt,
    pub method: Method,
}

/// Reads an address in its one canonical form: `::ffff:a.b.c.d` becomes `a.b.c.d`, a zone is
/// dropped. Anything else that is not an address gives `None`.
pub fn canonical_ip(text: &[u8]) -> Option<IpAddr> {
    dotted(text).map(IpAddr::V4).or_else(|| other_ip(text))
}

/// Reads four numbers with dots between them, in a tenth of what it takes to try all that an address may be.
fn dotted(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let (mut at, mut number, mut digits) = (0, 0u16, 0);
    for byte in text {
        match byte {
            // No number but 0 begins with one.
            b'0'..=b'9' if digits == 0 || (1..=25).contains(&number) => {
                number = number * 10 + u16::from(byte - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && at < 3 => {
                octets[at] = u8::try_from(number).ok()?;
                (at, number, digits) = (at + 1, 0, 0);
            }
            _ => return None,
        }
    }
    octets[3] = u8::try_from(number).ok()?;
    (at == 3 && digits > 0).then(|| Ipv4Addr::from(octets))
}

/// Apart, so that what is common stays small.
#[inline(never)]
fn other_ip(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let text = text.split('%').next().unwrap_or(text);
    let address: IpAddr = text.parse().ok()?;
    Some(match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4),
        v4 => v4,
    })
}

/// The 16 bytes that stand for a client in keys: an IPv4 address mapped, an IPv6 address cut to
/// its /64, because one host owns all of it.
pub fn client_key(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => {
            let s = v6.segments();
            Ipv6Addr::new(s[0], s[1], s[2], s[3], 0, 0, 0, 0).octets()
        }
    }
}

/// The 16 bytes that stand for the /56 of an IPv6 client: what one line is given, and 256 clients
/// for whoever hops through it. The last byte sets it apart from the /64s.
pub fn network_key(address: IpAddr) -> Option<[u8; 16]> {
    let IpAddr::V6(v6) = address else {
        return None;
    };
    let mut octets = [0; 16];
    octets[..7].copy_from_slice(&v6.octets()[..7]);
    octets[15] = 56;
    Some(octets)
}

/// The 16 bytes that stand for the network of a client: a /24 of IPv4, set apart from addresses by
/// a byte that they have 0, or the /56 of IPv6.
pub fn network_of(address: IpAddr) -> [u8; 16] {
    network_key(address).unwrap_or_else(|| {
        let mut octets = client_key(address);
        octets[8] = 24;
        octets[15] = 0;
        octets
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_client_has_one_form() {
        for (text, want) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("::ffff:192.0.2.1", Some("192.0.2.1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("fe80::1%eth0", Some("fe80::1")),
            ("unix:", None),
            ("", None),
        ] {
            let got = canonical_ip(text.as_bytes()).map(|a| a.to_string());
            assert_eq!(got.as_deref(), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn numbers_with_dots_are_what_the_library_reads(text in "[0-9]{0,4}[.:]?([0-3]?[0-9]{0,2}[.]){0,4}[0-9]{0,3}[.%]?") {
            let read = text.parse::<Ipv4Addr>().ok();
            prop_assert_eq!(dotted(text.as_bytes()), read, "{}", text);
        }

        #[test]
        fn every_address_of_ipv4_is_read(bits: u32) {
            let address = Ipv4Addr::from(bits);
            prop_assert_eq!(dotted(address.to_string().as_bytes()), Some(address));
        }
    }

    #[test]
    fn a_slash_64_is_one_client() {
        let key = |t: &str| client_key(canonical_ip(t.as_bytes()).unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        let wide = |t: &str| network_of(canonical_ip(t.as_bytes()).unwrap());
        assert_eq!(wide("192.0.2.1"), wide("192.0.2.254"));
        assert_ne!(wide("192.0.2.1"), wide("192.0.3.1"));
        assert_ne!(wide("192.0.2.1"), key("192.0.2.0"));
        assert_eq!(wide("2001:db8::1"), wide("2001:db8:0:ff::1"));
        let network = |t: &str| network_key(canonical_ip(t.as_bytes()).unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8:0:ff::1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:100::1"));
        assert_ne!(network("2001:db8::1"), Some(key("2001:db8::1")));
        assert_eq!(network("192.0.2.1"), None);
    }

    #[test]
    fn own_headers_are_known_in_every_spelling() {
        for (name, want) in [
            ("X-Threat-Agent-Verdict", true),
            ("x_threat_agent-incident", true),
            (" X-THREAT_AGENT_", true),
            ("X-Threat-Agent", false),
            ("X-Threats-Agent-Verdict", false),
            ("Referer", false),
            ("", false),
        ] {
            assert_eq!(is_own_header(name.as_bytes()), want, "{name}");
        }
    }

    #[test]
    fn header_lines_survive_odd_blocks() {
        let request = Request {
            headers: b"Host: a\r\nno colon\r\nX-A:  b c \nx-a: 2\r\n\r\n",
            ..Request::default()
        };
        assert_eq!(request.header("x-A"), Some(&b"b c"[..]));
        assert_eq!(request.header_lines().count(), 3);
    }
}
