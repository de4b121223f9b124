//! Server-side request forgery: URLs to where only the server gets (loopback, link-local, private
//! networks, metadata services), addresses in odd spellings, schemes that speak other protocols.
//!
//! Source: RFC 6890 for special-purpose addresses; the clouds' metadata documentation.

use super::detector::{Detector, Report};
use super::documents::is_field;
use super::patterns::{pattern, quoted, Patterns};
use super::prefilter::{Hints, Marks};
use super::words::Words;
use super::{Family, Part};
use crate::decode::{xml, Value};

/// The detector of this family.
pub struct Ssrf;

/// Hosts that only the server gets to.
macro_rules! inside {
    () => {
        "(?:localhost|127(?:\\.\\d+){1,3}|0\\.0\\.0\\.0|0|\\[::1?\\]|10\\.\\d+\\.\\d+\\.\\d+|192\\.168\\.\\d+\\.\\d+|\
         172\\.(?:1[6-9]|2\\d|3[01])\\.\\d+\\.\\d+|(?:[a-z0-9-]+\\.)*(?:internal|intranet|consul|svc\\.cluster\\.local|default\\.svc))"
    };
}

/// What no service of its own is configured with, wherever it stands.
static PATTERNS: Patterns = Patterns::new(&[
    pattern("ssrf.metadata", 0.9, 0.3, "[/\\\\@]169\\.254\\.\\d+\\.\\d+|168\\.63\\.129\\.16|metadata\\.(?:google|azure|tencentyun|packet|platformequinix|oraclecloud|cloud\\.ibm)|(?:latest|computemetadata|opc/v\\d|openstack)/(?:meta-data|user-data|v1/|instance|api/token|dynamic)|100\\.100\\.100\\.200|192\\.0\\.0\\.192|instance-data\\b|rancher-metadata|fd00:ec2::254|fd20:ce::254"),
    quoted("ssrf.metadata", 0.9, 0.3, "169\\.254\\.169\\.254"),
    // Numbers in other bases, fewer parts than four, addresses of IPv4 within such of IPv6.
    pattern("ssrf.address", 0.85, 0.4, "\\b[a-z][a-z0-9+._-]+:[/\\\\]+(?:[^/\\s@]*@)?(?:0x[0-9a-f]{1,8}(?:[/:]|$|\\.(?:\\d|0x))|\\d{8,10}(?:[/:]|$)|0[0-7]{1,10}\\.(?:\\d|0x)|0[0-7]{8,11}(?:[/:]|$)|\\d{1,3}\\.0x|\\d{1,3}\\.\\d{1,3}\\.\\d{4,}|\\d{1,3}\\.\\d{5,}|(?:\\d{1,3}\\.){2,3}0[0-7x]|\\d{1,3}(?:\\.\\d{1,3}){1,2}(?:[/:]|$)|\\[[0:]*ffff:|\\[(?:64:ff9b:|2002:|fe80:|0{2,4}:|0:)|[0-9a-f]{0,4}::)"),
    pattern("ssrf.address", 0.85, 0.5, "\\b[a-z][a-z0-9+._-]+:[/\\\\]*[^/\\s]*(?:\\xe2(?:\\x91[\\xa0-\\xbf]|\\x92[\\x80-\\xbf]|\\x93[\\x80-\\xbf])|\\xe3\\x80\\x82|\\xef\\xbd\\xa1|\\xef\\xbc\\x8e)"),
    // A socket in a proxy's path, CVE-2021-40438.
    pattern("ssrf.socket", 0.85, 0.4, "\\bunix:[^|\\s]{4,}\\|[a-z]+://"),
    pattern("ssrf.rebind", 0.85, 0.5, "\\.(?:nip\\.io|xip\\.io|sslip\\.io|localtest\\.me|oastify\\.com|burpcollaborator\\.net|interact\\.sh|oast\\.(?:pro|live|site|online|fun|me)|requestbin\\.\\w+|dnslog\\.cn|ceye\\.io|rbndr\\.us|1u\\.ms)\\b|make-127-"),
    pattern("ssrf.scheme", 0.8, 0.4, "(?:^|[\\s=:'\"(,])(?:gophers?|dict|rmi|tftp|netdoc|jar|phar|local_file|expect|corba|iiop|ircu|ogg|url):(?:[/\\\\]{2}|[/\\\\]?127)"),
    pattern("ssrf.scheme", 0.8, 0.4, "^\\s*(?:jar:|url:)*(?:url:[a-z]{2,10}|jar:(?:https?|ftp)):[/\\\\]"),
    // Those of directories and mail are a setting's where it starts with them, and not in a lookup.
    pattern("ssrf.scheme", 0.8, 0.3, "\\w[=:'\"(,](?:ldaps?|dns|smb|sftp|telnet):[/\\\\]{2}"),
    // A port before a slash, `HTTP:80/`, is where a balancer looks whether a server lives.
    pattern("ssrf.confusion", 0.75, 0.3, "^\\s*(?:https?|ftp):(?:[/\\\\]*[^/\\s@?#]*(?:[\\s#?\\\\]|:\\d+\\s)[^/\\s=]*@[^/]|[/\\\\]*[^/\\s]*@[^/\\s]*@|[/\\\\]*[0-9:.]+:\\d+:\\d+|0|\\d+(?:[^\\d/]|$)|\\d{6}|\\[)"),
]);

/// What settings of services hold too, which come in JSON and XML.
static LOCAL: Patterns = Patterns::new(&[
    pattern("ssrf.loopback", 0.75, 0.2, "(?:^\\s*|[^\\s\\w.+-])[a-z][a-z0-9+._-]+:[/\\\\]*(?:[^/\\s@]*@)?(?:localhost\\d?(?:[^\\w-]|$)|127\\.\\d+|0\\.0\\.0\\.0|0(?:[:/]|$)|\\[?::1?\\]?(?:[:/]|$)|\\[::|127\\b|localtest\\.me|lvh\\.me|vcap\\.me|0\\.\\d)"),
    quoted("ssrf.loopback", 0.75, 0.2, "\\b[a-z][a-z0-9+._-]+:[/\\\\]*(?:[^/\\s@]*@)?(?:localhost\\d?(?:[^\\w-]|$)|127\\.\\d+|0\\.0\\.0\\.0|0(?:[:/]|$)|\\[?::1?\\]?(?:[:/]|$)|\\[::|127\\b|localtest\\.me|lvh\\.me|vcap\\.me|0\\.\\d)"),
    pattern("ssrf.loopback", 0.6, 0.0, "^\\s*(?:localhost\\d?(?:\\.localdomain\\d?)?|ip(?:v?6)-(?:localhost|loopback)|(?:gateway|host|kubernetes)\\.(?:docker|containers|default\\.svc\\.cluster)\\.(?:internal|local)|lvh\\.me|localtest\\.me|vcap\\.me|127(?:\\.\\d+){1,3})(?::\\d+)?/"),
    pattern("ssrf.address", 0.75, 0.2, "^\\s*[a-z][a-z0-9+.-]*:[/\\\\]*(?:\\\\\\w){3,}|^\\s*[a-z][a-z0-9+.-]*://(?:\\[(?:[0-14-9a-f:][0-9a-f:.]*|[23][0-9a-f]{0,2}(?:[:.][0-9a-f:.]*)?)\\]|0x[0-9a-f]{8,})"),
    pattern("ssrf.private", 0.55, 0.1, "^(?:\\s*|/[\\w./-]{0,64}/)(?:https?|ftp)://(?:[^/\\s@]*@)?(?:10\\.\\d+\\.\\d+\\.\\d+|192\\.168\\.\\d+\\.\\d+|172\\.(?:1[6-9]|2\\d|3[01])\\.\\d+\\.\\d+|169\\.254\\.\\d+\\.\\d+)"),
    pattern("ssrf.private", 0.6, 0.1, "^\\s*(?:https?|ftp)://(?:[^/\\s@]*@)?(?:[a-z0-9-]+\\.)*(?:internal|intranet|localhost|corp|consul|svc\\.cluster\\.local|[a-z0-9-]+\\.svc|kubernetes\\.default)\\.?(?:[:/]|$)"),
    // With the scheme of the page that it stands in.
    pattern("ssrf.private", 0.6, 0.1, "^\\s*/{2,}(?:[^/\\s@]*@)?(?:localhost|127(?:\\.\\d+){1,3}|169\\.254\\.\\d+\\.\\d+|10\\.\\d+\\.\\d+\\.\\d+|192\\.168\\.\\d+\\.\\d+|172\\.(?:1[6-9]|2\\d|3[01])\\.\\d+\\.\\d+|0x[0-9a-f]{8}|\\d{8,10}|\\[[0-9a-f:.]+\\])(?:[:/]|$)"),
    pattern("ssrf.scheme", 0.8, 0.4, "(?:^|[\\s=:'\"(,])(?:ldaps?|sftp|ircs?|nfs|afp|smb|imaps?|rtsp|telnet|jdbc:\\w+|mongodb|dns):(?:[/\\\\]{2}|[/\\\\]?127)"),
    pattern("ssrf.scheme", 0.75, 0.2, "(?:^|[\\s=:'\"(,])(?:ssh|svn):(?:[/\\\\]{2}|[/\\\\]?127)"),
]);

/// What settings do not ask for at such hosts: ports that do not speak HTTP, consoles, and what their
/// APIs tell.
static PROBES: Patterns = Patterns::new(&[
    pattern("ssrf.probe", 0.65, 0.2, concat!("\\bhttps?://(?:[^/\\s@]*@)?", inside!(), ":(?:2[235]|110|143|445|2375|2379|3306|5432|6379|10250|11211|27017)(?:[/?#'\"\\s]|$)")),
    pattern("ssrf.probe", 0.65, 0.2, concat!("\\bhttps?://(?:[^/\\s@]*@)?", inside!(), "(?::\\d+)?/(?:admin\\b|actuator/(?:env|heapdump|gateway|beans|mappings|loggers)|manager/|server-(?:status|info)|_(?:cat|search|all_dbs|nodes|cluster)\\b|containers/|images/json|v1/(?:kv|secret|agent)/|v2/keys|api/v1/(?:secrets|namespaces|pods|nodes)|latest/|computemetadata/|etc/|script(?:text)?$|console\\b|wp-admin|phpmyadmin|debug/(?:pprof|vars)|jolokia|shutdown\\b|\\.(?:env|git|aws)\\b|\\.\\./|[^\\s?]*\\.\\./)")),
]);

impl Detector for Ssrf {
    fn family(&self) -> Family {
        Family::Ssrf
    }

    fn wants(&self, hints: &Hints) -> bool {
        hints.words.contains(Words::URL) || hints.has(Marks::SCHEME)
    }

    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>) {
        // Where a browser comes from and goes next is the browser's to say, also on a developer's own
        // machine. It comes from no metadata, and goes to no address in odd spelling.
        if says_whence(value) || goes_back(value.name) {
            report.doubt(&["ssrf.rebind", "ssrf.confusion"], TOLD);
            return PATTERNS.judge(value, value.bytes, report);
        }
        if wraps_public(value.bytes) {
            report.doubt(&["ssrf.scheme"], TOLD);
        }
        PATTERNS.judge(value, value.bytes, report);
        if tells_address(value) || says_whose_keys(value) {
            return PROBES.judge(value, value.bytes, report);
        }
        // How people write where a repository is cloned from.
        if value.bytes.starts_with(b"ssh://git@") {
            report.doubt(&["ssrf.scheme"], TOLD);
        }
        if calls_neighbour(value.bytes) {
            report.add("ssrf.probe", 0.65);
        }
        LOCAL.judge(value, value.bytes, report);
    }
}

/// Tells a setting of a document; in XML, which has no other texts than such, a link, but for one to a schema
/// or a picture, which is fetched by who reads the document.
fn tells_address(value: &Value<'_>) -> bool {
    let link = || memchr::memmem::find(value.bytes, b"://").is_some();
    let fetched = || value.name == xml::PICTURE || value.name.ends_with(b"chemaLocation");
    is_field(value) && (value.part == Part::Json || link() && !fetched())
}

/// Tells a link to a host of the web that is said to be one, `url:https://a.example/x`, as catalogues of
/// software locate a source.
fn wraps_public(text: &[u8]) -> bool {
    let link = text.strip_prefix(b"url:").unwrap_or_default();
    let host = link.strip_prefix(b"https://").unwrap_or_default();
    let part = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    let name = &host[..host.iter().take_while(part).count()];
    let last = name.rsplit(|b| *b == b'.').next().unwrap_or_default();
    let public = last.len() < name.len() && last.iter().any(u8::is_ascii_alphabetic);
    public && host.get(name.len()) == Some(&b'/') && !is_internal(host)
}

/// Tells where the head of a token names the keys of who issued it, which may be a neighbour. Source: RFC 7515,
/// section 4.1.
fn says_whose_keys(value: &Value<'_>) -> bool {
    matches!(value.inner, b"jku" | b"x5u")
}

/// Most that is said of what has an ordinary meaning as well.
const TOLD: f32 = 0.3;

/// Tells a header in which clients and proxies name themselves or their page, or what they move.
fn says_whence(value: &Value<'_>) -> bool {
    const NAMES: [&[u8]; 6] = [
        b"Referer",
        b"Origin",
        b"Via",
        b"Forwarded",
        b"User-Agent",
        b"Destination",
    ];
    value.part == Part::Header
        && NAMES
            .iter()
            .any(|name| value.name.eq_ignore_ascii_case(name))
}

/// Tells whether a parameter says where a client's own browser goes next.
pub fn goes_back(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    // What a client is to be given back, such as its page.
    if name == b"state" || name == b"relaystate" {
        return true;
    }
    let origin = memchr::memmem::find(&name, b"origin")
        .is_some_and(|at| !name[at..].starts_with(b"original"));
    origin
        || [&b"redirect"[..], b"callback", b"referer", b"referrer"]
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
    let (mut end, mut port, mut odd) = (0, None, false);
    let read = &host[..host.len().min(HOST)];
    loop {
        let ordinary = |b: &&u8| ORDINARY[usize::from(**b)];
        end += read[end..].iter().take_while(ordinary).count();
        match read.get(end) {
            // Behind the port another host may come: `a.example:80 @b.example`.
            Some(b':') => port = port.or(Some(end)),
            Some(b'/' | b'?' | b'#') => {
                // Where one reader sees the path begin, another one still sees who logs in.
                odd |= host.get(end + 1) == Some(&b'@');
                break;
            }
            Some(_) => odd = true,
            None => {
                // So long a name is none, or that of who logs in at a host behind it.
                let goes_on = |b: &u8| ORDINARY[usize::from(*b)] || *b == b'@';
                odd |= host.get(end).is_some_and(goes_on);
                break;
            }
        }
        end += 1;
    }
    let name = rooted(&host[..port.unwrap_or(end)]);
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
        b"cn" => ends(b".dnslog.cn"),
        b"et" => ends(b".intranet") || ends(b".burpcollaborator.net"),
        b"io" => ends(b".nip.io") || ends(b".xip.io") || ends(b".sslip.io") || ends(b".ceye.io"),
        b"me" => ends(b"lvh.me") || ends(b"localtest.me") || ends(b"vcap.me") || ends(b".oast.me"),
        b"ms" => ends(b".1u.ms"),
        b"ne" => ends(b".oast.online"),
        b"om" => ends(b"oastify.com"),
        b"ro" => ends(b".oast.pro"),
        b"rp" => ends(b".corp"),
        b"sh" => ends(b".interact.sh"),
        // Source: RFC 6761, section 6.3.
        b"st" => ends(b".localhost"),
        b"te" => ends(b".oast.site"),
        b"ul" => ends(b".consul"),
        b"un" => ends(b".oast.fun"),
        b"us" => ends(b".rbndr.us"),
        b"vc" => ends(b".svc"),
        b"ve" => ends(b".oast.live"),
        _ => false,
    };
    begins || closes || odd || port.is_some_and(|at| is_silent(name, &read[at + 1..end]))
}

/// Takes the point off a name that ends in one, as complete ones do. Source: RFC 1034, section 3.1.
fn rooted(name: &[u8]) -> &[u8] {
    name.strip_suffix(b".").unwrap_or(name)
}

/// Tells a neighbour, whose name has no point, and a port on which no pages are.
#[cold]
fn is_silent(name: &[u8], port: &[u8]) -> bool {
    let digits = port.iter().take_while(|b| b.is_ascii_digit()).count();
    let port = std::str::from_utf8(&port[..digits]).unwrap_or_default();
    let port: Option<u16> = port.parse().ok();
    memchr::memchr(b'.', name).is_none() && port.is_some_and(|port| !serves_pages(port))
}

/// Tells the ports of web servers, and those on which such are developed and tried; not what others have
/// among these. Source: the manuals of Tomcat (AJP), StatsD, Vault, Consul, Cassandra and Kafka.
fn serves_pages(port: u16) -> bool {
    match port {
        8009 | 8125 | 8200 | 8300..=8302 | 8500 | 8600 | 9042 | 9092 | 9093 => false,
        80 | 81 | 443 | 3000..=3010 | 4200 | 4443 | 5000 | 5173 | 7070..=9099 | 9443 => true,
        _ => false,
    }
}

/// Tells a URL of the web to a neighbour's port that serves no pages: databases, queues, and what runs
/// containers, `http://redis:6379/`.
fn calls_neighbour(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let starts = |scheme: &[u8]| {
        let start = text.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let scheme = [&b"http:"[..], b"https:"].into_iter().find(|s| starts(s));
    let Some(rest) = scheme.map(|scheme| &text[scheme.len()..]) else {
        return false;
    };
    // Clients take one slash for two, and either kind.
    let slashes = rest
        .iter()
        .take_while(|b| matches!(b, b'/' | b'\\'))
        .count();
    let ends = |b: &u8| b"/\\?#'\" \t\r\n".contains(b);
    let authority = rest[slashes..].split(ends).next().unwrap_or_default();
    // Who logs in there may have a name of any length.
    let host = authority.rsplit(|b| *b == b'@').next().unwrap_or_default();
    if slashes == 0 || host.len() > HOST {
        return false;
    }
    let Some(colon) = memchr::memchr(b':', host) else {
        return false;
    };
    let name = rooted(&host[..colon]);
    let part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    !name.is_empty() && name.iter().all(part) && is_silent(name, &host[colon + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::{patterns, testing::score, testing::score_at};

    #[test]
    fn forged_requests_are_found() {
        patterns::compiles(&PATTERNS);
        patterns::compiles(&LOCAL);
        patterns::compiles(&PROBES);
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
            "http://017700000001/",
            "http://10.1/",
            "http://[0:0:0:0:0:ffff:10.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://a.example#@127.0.0.1/",
            "http://kubernetes.default.svc/api",
            "//169.254.169.254/latest",
            "///127.0.0.1/",
            "\\\\169.254.169.254\\latest",
            "http://localhost\0.a.example/",
            "http://localhost6:8080",
            "//localhost:9000/",
            "url:file:///x",
            "http://a.rbndr.us/",
            "http://redis:6379/",
            "https://db:3306",
            "http://redis.:6379/",
            "http://docker:2375/containers/json",
            "http://user@db:1433",
            "http://oracle:1521/?x",
            "http://es:9200/_cat",
            "http://api.internal./",
            "http://app.localhost/",
            "http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@redis:6379/",
            "http:/redis:6379/",
            "http:\\\\redis:6379\\x",
            "http://vault:8200/v1/secret/a",
            "http://cassandra:9042",
            "http://kubernetes.default/api",
            "169.254.169.254/latest/meta-data",
            "http://[fd00::1]/",
            "http://[2002:7f00:1::]/",
        ] {
            assert!(score(&Ssrf, text) >= 0.5, "{text}");
        }
    }

    #[test]
    fn services_are_described_where_they_run() {
        let at = |name, text| score_at(&Ssrf, Part::Body, name, text);
        for text in ["http://localhost:9000/services/Order", "http://127.0.0.1/"] {
            assert!(at(b"address.location", text) < 0.5, "{text}");
            assert!(at(b"location", text) < 0.5, "{text}");
            assert!(
                at(b"", text) >= 0.5 && at(b"DOCTYPE", text) >= 0.5,
                "{text}"
            );
        }
        assert!(at(b"location", "localhost/") >= 0.5);
        for name in [
            xml::PICTURE,
            b"schemaLocation",
            b"xsi:noNamespaceSchemaLocation",
        ] {
            assert!(at(name, "http://localhost:8080/a") >= 0.5);
            assert!(at(name, "https://cdn.example.com/a") < 0.5);
        }
        for text in [
            "http://localhost:22/",
            "http://169.254.169.254/latest/meta-data/",
            "gopher://127.0.0.1:6379/_x",
        ] {
            assert!(at(b"address.location", text) >= 0.5, "{text}");
            assert!(at(b"location", text) >= 0.5, "{text}");
        }
        assert!(score(&Ssrf, "HTTP:80/index.html") < 0.5);
        for text in ["http:2130706433/", "http:0/", "http:127.1/"] {
            assert!(score(&Ssrf, text) >= 0.5, "{text}");
        }
    }

    #[test]
    fn settings_name_hosts_and_probes_what_they_tell() {
        let json = |text: &str| score_at(&Ssrf, Part::Json, b"url", text);
        for text in [
            "http://127.0.0.1:9200/_search",
            "http://10.0.0.5/admin",
            "http://localhost:6379/",
            "http://[fd00:ec2::254]/latest/meta-data/",
            "<image href='http://localhost:22/'/>",
            "gopher://redis:6379/_x",
            "$lbracejndi:ldap://a.example/x}",
            "url:file:///etc/hosts",
            "url:http://127.0.0.1/",
            "url:https://localhost/",
            "url:https://192.0.2.1/",
            "url:https://a.example@127.0.0.1/",
            "url:https://api.internal/",
            "url:https://a.localhost/",
            "url:https://a.vcap.me/",
            "jar:http://a.example/x!/",
            "url:jar:http://a.example/x!/",
            "jar:url:https://a.example/x!/",
        ] {
            assert!(json(text) >= 0.5, "{text}");
        }
        for text in [
            "http://jenkins.internal:8080/github-webhook/",
            "http://192.168.1.20:9200",
            "http://elasticsearch:9200",
            "redis://redis:6379/0",
            "http://10.0.0.5:3128",
            "ldaps://ldap.example.com:636",
            "rtsp://192.168.1.10:554/stream1",
            "mongodb://localhost:27017/app",
            "jdbc:postgresql://db.example.com/app",
            "http://[2001:db8::1]:8080/",
            "http://[::1]:3000",
            "see //x and isbn:0451450523",
            "url:https://git.example.com/shop/cart",
            "jar:file:/app/lib/a.jar!/b.class",
        ] {
            assert!(json(text) < 0.5, "{text}");
        }
    }

    #[test]
    fn browsers_come_from_and_go_to_hosts_of_their_own() {
        let agent = |text: &str| score_at(&Ssrf, Part::Header, b"Referer", text);
        let back = |text: &str| score_at(&Ssrf, Part::Query, b"redirect_uri", text);
        for text in [
            "http://169.254.169.254/latest/meta-data/",
            "gopher://127.0.0.1:25/_x",
            "http://0x7f000001/",
        ] {
            assert!(agent(text) >= 0.5 && back(text) >= 0.5, "{text}");
        }
        for text in [
            "http://localhost:3000/callback",
            "http://127.0.0.1:8765/",
            "http://192.168.1.5/admin",
            "https://app.127.0.0.1.nip.io/cb",
            "https://a.example?mail=a@b.example",
        ] {
            assert!(agent(text) < 0.5 && back(text) < 0.5, "{text}");
        }
        let original = score_at(
            &Ssrf,
            Part::Header,
            b"X-Original-URL",
            "http://127.0.0.1/admin",
        );
        assert!(original >= 0.5);
    }

    #[test]
    fn ordinary_addresses_are_left_alone() {
        for text in [
            "https://a.example/x?y=z",
            "https://www.example.com:8443/path",
            "mailto:someone@a.example",
            "time 10:20:30 and file: none",
            "https://203.0.113.7/x",
            "https://203.0.113.7:8443/",
            "https://0xdead.example/",
            "https://[2001:db8::1]/x",
            "http://wiki/",
            "http://blog:8080/",
            "http://app.:3000/",
            "https://a.example/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@redis:6379/",
            "http://app:8501/",
            "https://docs.example.:2375/",
            "https://vault.example.com:2375/",
            "http://a:b",
            "https://git.example.com:22/",
            "169.254.169.254/32",
            "169.254.0.0/16",
            "https://007.example/",
            "ssh://git@git.example.com:7999/a/b.git",
            "//cdn.example/lib.js",
            "https://localhost-guide.example/",
            "///a/b",
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
