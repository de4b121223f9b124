//! Where a command is meant to be: what APIs of builds, containers and schedules take.

use super::Part;
use crate::decode::Value;
use memchr::memmem;
use std::net::Ipv4Addr;

/// Names under which APIs of builds, containers and schedules take commands.
const TAKING: [&[u8]; 21] = [
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
    b"steps",
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
        // Of a document within one, such as a package's manifest, its own names tell.
        let path = if value.inner.is_empty() {
            value.name
        } else {
            value.inner
        };
        let names = path.rsplit(|b| *b == b'.').take(2);
        let known = |name: &[u8]| TAKING.iter().any(|t| name.eq_ignore_ascii_case(t));
        json && names.into_iter().any(known)
    };
    let shell = || {
        let path = text.strip_prefix(b"/usr").unwrap_or(text);
        let path = path.strip_prefix(b"/local").unwrap_or(path);
        let folder = path.strip_prefix(b"/bin/").or(path.strip_prefix(b"/sbin/"));
        let name = folder.unwrap_or_default();
        json && !name.is_empty() && name.iter().all(u8::is_ascii_alphanumeric)
    };
    let meant = script() || shell() || named();
    meant && !spies(text) && !fetches_by_number(text)
}

/// Tells a link to a machine of the internet by its number: what builds fetch has a name, or stands within
/// their own network.
fn fetches_by_number(text: &[u8]) -> bool {
    memmem::find_iter(text, b"://").any(|at| {
        let host = &text[at + 3..];
        let part = |b: &&u8| b.is_ascii_digit() || **b == b'.';
        let host = &host[..host.iter().take_while(part).count()];
        let address = std::str::from_utf8(host).unwrap_or_default().parse();
        address.is_ok_and(|address: Ipv4Addr| {
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified())
        })
    })
}

/// Tells a text that asks who and where a machine is, or for a way back in.
pub fn spies(text: &[u8]) -> bool {
    SPYING.iter().any(|word| memmem::find(text, word).is_some())
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
}
