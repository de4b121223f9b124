//! Server-side request forgery: URLs to where only the server gets (loopback, link-local, private
//! networks, metadata services), addresses in odd spellings, schemes that speak other protocols.
//!
//! Source: RFC 6890 for special-purpose addresses; the clouds' metadata documentation.

use super::detector::{Detector, Report};
use super::patterns::{pattern, quoted, Patterns};
use super::prefilter::{Hints, Marks};
use super::words::Words;
use super::{Family, Part};
use crate::decode::Value;

/// The detector of this family.
pub struct Ssrf;

static PATTERNS: Patterns = Patterns::new(&[
    pattern("ssrf.metadata", 0.9, 0.5, "169\\.254\\.169\\.254|metadata\\.(?:google|azure|tencentyun|packet)|(?:latest|computemetadata|opc/v\\d|openstack)/(?:meta-data|user-data|v1/|instance|api/token|dynamic)|100\\.100\\.100\\.200|192\\.0\\.0\\.192|instance-data\\b|169\\.254\\.170\\.2|rancher-metadata|fd00:ec2::254"),
    pattern("ssrf.address", 0.85, 0.4, "\\b[a-z][a-z0-9+._-]{1,15}:[/\\\\]*(?:[^/\\s@]*@)?(?:0x[0-9a-f]{1,8}(?:[./:]|$)|\\d{8,10}(?:[/:]|$)|0[0-7]{1,10}\\.|\\d{1,3}\\.0x|\\d{1,3}\\.\\d{1,3}\\.\\d{4,}|\\d{1,3}\\.\\d{5,}|(?:\\d{1,3}\\.){2,3}0[0-7x]|\\[[0-9a-f:.]+\\]|[0-9a-f]{0,4}::)"),
    pattern("ssrf.address", 0.85, 0.5, "\\b[a-z][a-z0-9+._-]{1,15}:[/\\\\]*[^/\\s]{0,60}(?:\\xe2(?:\\x91[\\xa0-\\xbf]|\\x92[\\x80-\\xbf]|\\x93[\\x80-\\xbf])|\\xe3\\x80\\x82|\\xef\\xbd\\xa1|\\xef\\xbc\\x8e)"),
    // A socket in a proxy's path, CVE-2021-40438.
    pattern("ssrf.socket", 0.85, 0.4, "\\bunix:[^|\\s]{4,}\\|[a-z]+://"),
    pattern("ssrf.rebind", 0.85, 0.5, "\\.(?:nip\\.io|xip\\.io|sslip\\.io|localtest\\.me|oastify\\.com|burpcollaborator\\.net|interact\\.sh|oast\\.(?:pro|live|site|online|fun|me)|requestbin\\.\\w+|dnslog\\.cn|ceye\\.io|rbndr\\.us|1u\\.ms)\\b|make-127-"),
    pattern("ssrf.private", 0.55, 0.1, "^\\s*(?:https?|ftp)://(?:[^/\\s@]*@)?(?:10\\.\\d+\\.\\d+\\.\\d+|192\\.168\\.\\d+\\.\\d+|172\\.(?:1[6-9]|2\\d|3[01])\\.\\d+\\.\\d+|169\\.254\\.\\d+\\.\\d+)"),
    pattern("ssrf.private", 0.6, 0.1, "^\\s*(?:https?|ftp)://(?:[a-z0-9-]+\\.)*(?:internal|intranet|corp|consul|svc\\.cluster\\.local|kubernetes\\.default)(?:[:/]|$)"),
    pattern("ssrf.scheme", 0.8, 0.4, "(?:^|[\\s=:'\"(,])(?:gophers?|dict|ldaps?|rmi|tftp|netdoc|jar|sftp|phar|local_file|expect|corba|iiop|ircs?|ircu|nfs|afp|ogg|smb|imaps?|rtsp|telnet|jdbc:\\w+|url|mongodb|dns):(?:[/\\\\]{2}|[/\\\\]?127)"),
    pattern("ssrf.confusion", 0.75, 0.3, "^\\s*(?:https?|ftp):(?:[/\\\\]*[^/\\s@?#]*(?:[\\s#?\\\\]|:\\d+\\s)[^/\\s]*@[^/]|[/\\\\]*[^/\\s]*@[^/\\s]*@|[/\\\\]*[0-9:.]+:\\d+:\\d+|\\d|\\[)"),
]);

/// What settings of services hold too, which come in JSON.
static LOCAL: Patterns = Patterns::new(&[
    pattern("ssrf.loopback", 0.75, 0.2, "(?:^\\s*|[^\\s\\w.+-])[a-z][a-z0-9+._-]{1,15}:[/\\\\]*(?:[^/\\s@]*@)?(?:localhost|127\\.\\d+|0\\.0\\.0\\.0|0(?:[:/]|$)|\\[?::1?\\]?(?:[:/]|$)|\\[::|127\\b|localtest\\.me|lvh\\.me|vcap\\.me|0\\.\\d)"),
    quoted("ssrf.loopback", 0.75, 0.2, "\\b[a-z][a-z0-9+._-]{1,15}:[/\\\\]*(?:[^/\\s@]*@)?(?:localhost|127\\.\\d+|0\\.0\\.0\\.0|0(?:[:/]|$)|\\[?::1?\\]?(?:[:/]|$)|\\[::|127\\b|localtest\\.me|lvh\\.me|vcap\\.me|0\\.\\d)"),
    pattern("ssrf.loopback", 0.6, 0.0, "^\\s*(?:localhost\\d?(?:\\.localdomain\\d?)?|ip(?:v?6)-(?:localhost|loopback)|(?:gateway|host|kubernetes)\\.(?:docker|containers|default\\.svc\\.cluster)\\.(?:internal|local)|lvh\\.me|localtest\\.me|vcap\\.me|127(?:\\.\\d+){1,3})(?::\\d+)?/"),
    pattern("ssrf.address", 0.75, 0.2, "^\\s*[a-z][a-z0-9+.-]*:[/\\\\]*(?:\\\\\\w){3,}|^\\s*[a-z][a-z0-9+.-]*://(?:\\[(?:fe80|f[cd]\\w\\w)?:|\\[[0:]*ffff|0x[0-9a-f]{8,})"),
    pattern("ssrf.scheme", 0.75, 0.2, "(?:^|[\\s=:'\"(,])(?:ssh|svn):(?:[/\\\\]{2}|[/\\\\]?127)"),
]);

impl Detector for Ssrf {
    fn family(&self) -> Family {
        Family::Ssrf
    }

    fn wants(&self, hints: &Hints) -> bool {
        hints.words.contains(Words::URL) || hints.has(Marks::SCHEME)
    }

    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>) {
        // Where a browser comes from is the browser's to say.
        let own = value.part == Part::Header
            && [
                &b"Referer"[..],
                b"Origin",
                b"Via",
                b"Forwarded",
                b"User-Agent",
            ]
            .iter()
            .any(|name| value.name.eq_ignore_ascii_case(name));
        if own || goes_back(value.name) {
            return;
        }
        PATTERNS.judge(value, value.bytes, report);
        if value.part != Part::Json {
            LOCAL.judge(value, value.bytes, report);
        }
    }
}

/// Tells whether a parameter says where a client's own browser goes next.
fn goes_back(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    [
        &b"redirect"[..],
        b"callback",
        b"origin",
        b"referer",
        b"referrer",
    ]
    .iter()
    .any(|word| memchr::memmem::find(&name, word).is_some())
}

/// Longest host that is read. Units: bytes.
const HOST: usize = 64;

/// Bytes that neither end a host or its name, nor stand in none.
static ORDINARY: [bool; 256] = {
    let mut table = [true; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = !matches!(byte as u8, b'/' | b'?' | b'#' | b':' | b'@' | b' ' | 0x80..);
        byte += 1;
    }
    table
};

/// Tells whether a host is one that only the server's own network knows, by its first letters or
/// its last.
pub fn is_internal(host: &[u8]) -> bool {
    let (mut end, mut port, mut odd) = (host.len().min(HOST), None, false);
    let mut at = 0;
    while let Some(step) = host[at..end]
        .iter()
        .position(|b| !ORDINARY[usize::from(*b)])
    {
        at += step;
        match host[at] {
            // Behind the port another host may come: `a.example:80 @b.example`.
            b':' => port = port.or(Some(at)),
            b'/' | b'?' | b'#' => {
                end = at;
                break;
            }
            _ => odd = true,
        }
        at += 1;
    }
    let name = &host[..port.unwrap_or(end)];
    let starts = |start: &[u8]| {
        name.get(..start.len())
            .is_some_and(|s| s.eq_ignore_ascii_case(start))
    };
    let ends = |end: &[u8]| {
        name.len() > end.len() && name[name.len() - end.len()..].eq_ignore_ascii_case(end)
    };
    let (Some(first), Some(last)) = (name.first(), name.last_chunk::<2>()) else {
        return odd;
    };
    let begins = match first | 0x20 {
        b'l' => starts(b"localhost"),
        b'm' => starts(b"metadata") || starts(b"make-127"),
        b'i' => starts(b"internal") || starts(b"intranet") || starts(b"instance-data"),
        b'k' => starts(b"kubernetes"),
        b'r' => starts(b"rancher"),
        _ => false,
    };
    let closes = match &last.map(|b| b | 0x20) {
        b"al" => ends(b".local") || ends(b".internal"),
        b"io" => ends(b".nip.io") || ends(b".xip.io") || ends(b".sslip.io"),
        b"om" => ends(b"oastify.com"),
        b"un" => ends(b".oast.fun"),
        b"me" => ends(b"lvh.me"),
        _ => false,
    };
    begins || closes || odd
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::{patterns, testing::score, testing::score_at};

    #[test]
    fn forged_requests_are_found() {
        patterns::compiles(&PATTERNS);
        patterns::compiles(&LOCAL);
        for text in [
            "http://a.example:80 &@127.0.0.1:22/# @b.example/",
            "http://169.254.169.254/latest/meta-data/",
            "http://localhost:22/",
            "http://127.0.0.1/admin",
            "http://0x7f000001/",
            "http://2130706433/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "gopher://127.0.0.1:25/_x",
            "dict://a.example:11211/stat",
            "http:127.0.0.1",
            "http://metadata.google.internal/computeMetadata/v1/",
            "http://127.0.0.1.nip.io/",
            "http://10.0.0.1/",
        ] {
            assert!(score(&Ssrf, text) >= 0.5, "{text}");
        }
    }

    #[test]
    fn ordinary_addresses_are_left_alone() {
        for text in [
            "https://a.example/x?y=z",
            "https://www.example.com:8443/path",
            "mailto:someone@a.example",
            "time 10:20:30 and file: none",
            "https://203.0.113.7/x",
        ] {
            assert!(score(&Ssrf, text) < 0.5, "{text}");
        }
    }

    #[test]
    fn texts_tell_about_addresses() {
        let text =
            "see http://127.0.0.1:8080/ once the server of the tutorial runs on your own machine";
        assert!(score_at(&Ssrf, Part::Json, b"note", text) < 0.5);
    }
}
