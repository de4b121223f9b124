//! Path traversal and file inclusion: dot segments that climb, files that only attackers ask for,
//! and schemes that read files.

use super::detector::{Detector, Report};
use super::prefilter::{Hints, Marks};
use super::words::Words;
use super::{Family, Part};
use crate::decode::{kind, Value};
use memchr::memmem::{self, Finder};
use std::sync::LazyLock;

/// How much of a value is read. Units: bytes.
const REACH: usize = 8 << 10;
/// Longest value that is next to nothing but a path. Units: bytes.
const SHORT: usize = 256;
/// Longest value that can be a path by itself. Units: bytes.
const PATH: usize = 2048;

/// Files and folders of the server's own, in lower case with single slashes, and what naming one
/// is worth where a path is expected.
const FILES: [(&[u8], f32); 95] = [
    (b"etc/passwd", 0.9),
    (b"etc/shadow", 0.9),
    (b"etc/group", 0.8),
    (b"etc/hosts", 0.7),
    (b"etc/issue", 0.7),
    (b"etc/motd", 0.7),
    (b"etc/master.passwd", 0.9),
    (b"etc/security/", 0.8),
    (b"etc/ssh/", 0.7),
    (b"etc/apache", 0.8),
    (b"etc/httpd", 0.8),
    (b"etc/nginx", 0.8),
    (b"etc/mysql", 0.8),
    (b"etc/my.cnf", 0.8),
    (b"etc/php", 0.8),
    (b"etc/crontab", 0.8),
    (b"etc/sudoers", 0.8),
    (b"etc/fstab", 0.8),
    (b"etc/resolv.conf", 0.7),
    (b"etc/network/", 0.7),
    (b"etc/profile", 0.7),
    (b"etc/init.d/", 0.7),
    (b"etc/ftp", 0.7),
    (b"etc/logrotate", 0.8),
    (b"etc/vsftpd", 0.8),
    (b"etc/proftpd", 0.8),
    (b"proc/self/", 0.9),
    (b"proc/version", 0.8),
    (b"proc/cpuinfo", 0.7),
    (b"proc/net/", 0.8),
    (b"proc/1/", 0.7),
    (b"proc/cmdline", 0.8),
    (b"boot.ini", 0.8),
    (b"win.ini", 0.8),
    (b"system.ini", 0.7),
    (b"php.ini", 0.7),
    (b"my.ini", 0.6),
    (b"web-inf/", 0.7),
    (b"meta-inf/", 0.5),
    (b".htaccess", 0.6),
    (b".htpasswd", 0.7),
    (b".git/config", 0.7),
    (b".git/head", 0.7),
    (b".svn/entries", 0.7),
    (b".ssh/", 0.8),
    (b"id_rsa", 0.7),
    (b".passwd", 0.6),
    (b".bash_history", 0.8),
    (b".mysql_history", 0.8),
    (b"windows/system32", 0.8),
    (b"winnt/", 0.8),
    (b"windows/repair", 0.8),
    (b"windows/panther", 0.8),
    (b"inetpub/", 0.7),
    (b"var/log/", 0.7),
    (b"var/adm/", 0.7),
    (b"var/mail/", 0.7),
    (b"logs/access", 0.6),
    (b"logs/error", 0.6),
    (b"xampp/", 0.6),
    (b"system32/config/", 0.8),
    (b"apache/logs/", 0.7),
    (b"usr/local/apache", 0.7),
    (b"usr/local/etc/", 0.7),
    (b"usr/pkg/etc/", 0.7),
    (b"opt/lampp/", 0.7),
    (b"var/lib/mysql", 0.7),
    (b"var/run/", 0.6),
    (b"var/spool/", 0.6),
    (b"var/cpanel/", 0.7),
    (b"program files/apache", 0.7),
    (b"program files/mysql", 0.7),
    (b"httpd.conf", 0.7),
    (b"access_log", 0.6),
    (b"error_log", 0.6),
    (b"access.log", 0.6),
    (b"error.log", 0.6),
    (b".bashrc", 0.6),
    (b".bash_profile", 0.6),
    (b".aws/credentials", 0.8),
    (b".docker/config", 0.7),
    (b".kube/config", 0.7),
    (b"wp-config.php", 0.7),
    (b"config.inc.php", 0.6),
    (b"global.asa", 0.6),
    (b"desktop.ini", 0.6),
    (b"boot/grub", 0.7),
    (b"sys/class/", 0.6),
    (b"windows/debug", 0.7),
    (b"windows/system", 0.6),
    (b"root/.", 0.6),
    (b"www/logs/", 0.7),
    (b"log/httpd/", 0.7),
    (b"apache/log", 0.7),
    (b"apache2/log", 0.7),
];

/// Searchers for [`FILES`], built once.
static FINDERS: LazyLock<Vec<(Finder<'static>, f32)>> = LazyLock::new(|| {
    FILES
        .iter()
        .map(|(file, score)| (Finder::new(*file), *score))
        .collect()
});

/// Schemes that open files or run filters, where a path is expected.
const SCHEMES: [(&[u8], f32); 14] = [
    (b"php://", 0.9),
    (b"expect://", 0.9),
    (b"phar://", 0.9),
    (b"zip://", 0.8),
    (b"glob://", 0.8),
    (b"compress.zlib://", 0.8),
    (b"compress.bzip2://", 0.8),
    (b"file://", 0.7),
    (b"netdoc:", 0.7),
    (b"jar:http", 0.7),
    (b"data://text", 0.7),
    (b"data:text/plain", 0.5),
    (b"data:;base64", 0.7),
    (b"ogg://", 0.6),
];

/// Folders that no client sees: a value that starts in one names a file of the server.
const ROOTS: [&[u8]; 5] = [b"/etc/", b"/proc/", b"/sys/", b"/var/adm", b"/root/"];

/// Folders that settings, which come in JSON, name as well.
const MORE_ROOTS: [&[u8]; 6] = [
    b"/var/log/",
    b"/var/run/",
    b"/var/spool/",
    b"/var/mysql",
    b"/var/lp/",
    b"/boot/",
];

/// The detector of this family.
pub struct Traversal;

impl Detector for Traversal {
    fn family(&self) -> Family {
        Family::PathTraversal
    }

    fn wants(&self, hints: &Hints) -> bool {
        hints.seen.twice & kind::DOT != 0
            || hints.words.contains(Words::FILE)
            || hints.has(Marks::NULL.or(Marks::EVASIVE).or(Marks::NIBBLES))
    }

    /// Every file's name is searched for by itself.
    fn steps(&self, bytes: usize) -> usize {
        FILES.len() * 4 + bytes.min(REACH)
    }

    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>) {
        let raw = &value.bytes[..value.bytes.len().min(REACH)];
        let path = Path::read(raw);
        let climbs = path.climbs;
        // A path has no blanks before its climb; prose and programs that name one do.
        let alone = raw.len() <= PATH && !blank_before(raw, path.first_climb);
        let hidden = value.odd_utf8 || value.extra_rounds > 0;
        let file = path.file();
        let named = alone && raw.len() <= PATH && !prose(raw);
        if climbs > 0 {
            let score = match (climbs, alone) {
                _ if file.is_some() && (alone || climbs > 2) => 0.95,
                (1.., true) if value.odd_utf8 => 0.9,
                (1.., true) if hidden => 0.7,
                (4.., true) => 0.85,
                // Nothing but the climb.
                (1.., true) if raw.len() > 3 && is_slash(raw[0]) && bare(raw) => 0.6,
                (3, true) => 0.75,
                // From the root there is nowhere to climb to.
                (1.., true) if rooted(raw, path.first_climb) => 0.6,
                // Browsers resolve a link's dots before they send it.
                (1, true) if matches!(value.part, Part::Query | Part::Form) && is_link(raw) => 0.5,
                // Programs' files import each other so.
                (2, true) if matches!(value.part, Part::Json | Part::Body) => 0.4,
                (2, true) => 0.65,
                (1, true) if value.part == Part::Path => 0.5,
                (1, true) if at_start(value, raw) => 0.65,
                (1, true) => 0.3,
                (4.., false) if raw.len() <= SHORT => 0.6,
                _ => 0.0,
            };
            if score > 0.0 {
                report.add("traversal.climb", score);
            }
        }
        // Sentences, and APIs about servers, name files that are of little use to an attacker.
        let sentence = memchr::memchr(b' ', raw.trim_ascii()).is_some() && !is_drive(raw);
        let least = match sentence {
            true => 0.8,
            false if value.part == Part::Json => 0.7,
            false => 0.0,
        };
        let telling = |score: &f32| *score >= least;
        if let Some(score) = file.filter(telling).filter(|_| named) {
            report.add("traversal.file", score);
        }
        if named && garbled(raw) {
            report.add("traversal.file", 0.75);
        }
        if named && dotted(raw) {
            report.add("traversal.climb", 0.6);
        }
        if named && (hexed(raw) || misspelled(raw)) {
            report.add("traversal.climb", 0.7);
        }
        let field = matches!(value.part, Part::Query | Part::Form);
        let drive = field && is_drive(raw);
        let own = ROOTS.iter().any(|root| path.text.starts_with(root));
        let more = field && MORE_ROOTS.iter().any(|root| path.text.starts_with(root));
        if named && (drive || own || more) {
            report.add("traversal.root", if own { 0.65 } else { 0.6 });
        }
        if named {
            if let Some(score) = scheme(&path.text) {
                // Editors and uploads send such URLs in JSON.
                let meant = value.part == Part::Json && score < 0.8;
                report.add("traversal.scheme", if meant { 0.3 } else { score });
            }
            if let Some(score) = null(raw) {
                report.add("traversal.null_byte", score);
            }
        }
    }
}

fn bare(raw: &[u8]) -> bool {
    raw.iter().all(|b| *b == b'.' || is_slash(*b))
}

/// Tells whether a path starts at the root and climbs before it goes anywhere: `/.//../x`.
fn rooted(raw: &[u8], climb: usize) -> bool {
    raw.first().copied().is_some_and(is_slash) && raw.get(..climb).is_some_and(bare)
}

/// Tells a URL of the web.
fn is_link(raw: &[u8]) -> bool {
    raw.starts_with(b"http://") || raw.starts_with(b"https://")
}

/// Tells whether a parameter starts with a climb: applications do not send each other such.
fn at_start(value: &Value<'_>, raw: &[u8]) -> bool {
    let parameter = matches!(
        value.part,
        Part::Query | Part::Form | Part::Cookie | Part::File
    );
    parameter && raw.len() <= SHORT && raw.starts_with(b"..")
}

/// A value as a path: lower case, forward slashes, single, without `.` segments and null bytes.
struct Path {
    text: Vec<u8>,
    climbs: usize,
    first_climb: usize,
}

impl Path {
    fn read(raw: &[u8]) -> Path {
        let mut text = Vec::with_capacity(raw.len());
        let (mut climbs, mut first_climb) = (0, usize::MAX);
        let mut at = 0;
        while at < raw.len() {
            let byte = match folded_slash(&raw[at..]) {
                Some(slash) => {
                    at += 2;
                    slash
                }
                None => raw[at],
            };
            let slash = is_slash(byte);
            if byte == b'.' {
                let dots = raw[at..].iter().take_while(|b| **b == b'.').count();
                let before = at == 0 || !raw[at - 1].is_ascii_alphanumeric();
                let after = raw.get(at + dots).copied();
                let follows = after.is_some_and(is_slash)
                    || folded_slash(&raw[at + dots..]).is_some()
                    || swallowed(&raw[at + dots..])
                    || raw[at + dots..].starts_with(b";/")
                    || dots == 2
                        && at > 0
                        && is_slash(raw[at - 1])
                        && (after.is_none() || after == Some(0));
                if (2..=8).contains(&dots) && follows && before {
                    climbs += 1;
                    first_climb = first_climb.min(at);
                }
                let segment =
                    dots == 1 && after.is_some_and(is_slash) && at > 0 && is_slash(raw[at - 1]);
                if !segment {
                    text.resize(text.len() + dots, b'.');
                }
                at += dots;
                continue;
            }
            if slash
                && matches!(text.as_slice(), [.., b'/'])
                && !matches!(text.as_slice(), [.., b':', b'/'])
            {
                at += 1;
                continue;
            }
            if byte != 0 {
                text.push(if slash {
                    b'/'
                } else {
                    byte.to_ascii_lowercase()
                });
            }
            at += 1;
        }
        Path {
            text,
            climbs,
            first_climb,
        }
    }

    /// The most telling file that is named, at the start of a path's segment.
    fn file(&self) -> Option<f32> {
        let mut best: Option<f32> = None;
        for (finder, score) in FINDERS.iter() {
            let alphanumeric = |at: usize| self.text.get(at).is_some_and(u8::is_ascii_alphanumeric);
            // The less telling a name is, the more it must be the whole name.
            let starts = |at: usize| {
                let end = at + finder.needle().len();
                !(at > 0 && alphanumeric(at - 1)) && (*score > 0.6 || !alphanumeric(end))
            };
            if finder.find(&self.text).is_some_and(starts) && best.is_none_or(|b| b < *score) {
                best = Some(*score);
            }
        }
        best
    }
}

fn is_slash(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

/// Bytes of no character before a slash: what is left of one that some decoder read as more. Or a
/// control byte between dots, as which an overlong slash was read.
fn swallowed(text: &[u8]) -> bool {
    if let [0x01..=0x08 | 0x0e..=0x1f, b'.', b'.', ..] = text {
        return true;
    }
    let odd = text.iter().take(4).take_while(|b| **b >= 0x80).count();
    odd > 0 && text.get(odd).copied().is_some_and(is_slash)
}

/// What character sets of fewer characters make a slash of, three bytes each: division slash,
/// fraction slash, set minus, their full-width forms, and two of private use that code pages map.
/// Source: Unicode's best-fit tables for Windows code pages.
fn folded_slash(text: &[u8]) -> Option<u8> {
    match text {
        [0xe2, 0x88, 0x95, ..] | [0xe2, 0x81, 0x84, ..] | [0xef, 0xbc, 0x8f, ..] => Some(b'/'),
        [0xe2, 0x88, 0x96, ..] | [0xef, 0xbc, 0xbc, ..] => Some(b'\\'),
        [0xee, 0xbf, 0x88, ..] | [0xef, 0x80, 0xa5, ..] => Some(b'/'),
        _ => None,
    }
}

fn blank_before(raw: &[u8], climb: usize) -> bool {
    let lead = raw[..climb.min(raw.len())].trim_ascii_start();
    climb != usize::MAX && lead.iter().any(u8::is_ascii_whitespace)
}

/// Tells whether a value reads like sentences or a program: two blanks, or lines.
fn prose(raw: &[u8]) -> bool {
    let text = raw.trim_ascii();
    memchr::memchr_iter(b' ', text).count() > 1 || memchr::memchr(b'\n', text).is_some()
}

/// `..0x2f`, `0x2e0x2e`: an escape that careless decoders know.
fn hexed(raw: &[u8]) -> bool {
    [&b"..0x2f"[..], b"..0x5c", b"0x2e0x2e"]
        .iter()
        .any(|w| memmem::find(raw, w).is_some())
}

/// `..2f..2f`, `..%u2216`, `%2%e%2%e%2%f`: slashes and points in the spellings that a careless
/// decoder undoes, or that a filter has left of them; more than once, since names hold them too.
fn misspelled(raw: &[u8]) -> bool {
    const SLASHES: [&[u8]; 12] = [
        b"2f", b"5c", b"252f", b"255c", b"2%f", b"5%c", b"u2215", b"u2216", b"uefc8", b"uf025",
        b"c0%af", b"c1%9c",
    ];
    const NIBBLES: [&[u8]; 3] = [b"%2%e", b"%2%f", b"%5%c"];
    let lower = raw.to_ascii_lowercase();
    let climbs = memmem::find_iter(&lower, b"..").filter(|at| {
        let rest = &lower[at + 2..];
        let rest = rest.strip_prefix(b"%").unwrap_or(rest);
        SLASHES.iter().any(|slash| rest.starts_with(slash))
    });
    let nibbles = || {
        NIBBLES
            .iter()
            .map(|n| memmem::find_iter(&lower, n).count())
            .sum::<usize>()
    };
    climbs.take(2).count() == 2 || memchr::memchr(b'%', &lower).is_some() && nibbles() > 1
}

/// `etc%2%fpasswd`, `etcpasswd`: what a filter or a careless decoder has left of a file's path.
fn garbled(raw: &[u8]) -> bool {
    const BETWEEN: usize = 8;
    let lower = raw.to_ascii_lowercase();
    memmem::find_iter(&lower, b"etc").any(|at| {
        let rest = &lower[at + 3..lower.len().min(at + 3 + BETWEEN + 6)];
        let between = [&b"passwd"[..], b"shadow"]
            .iter()
            .find_map(|name| memmem::find(rest, name));
        between.is_some_and(|end| !rest[..end].iter().any(u8::is_ascii_whitespace))
    })
}

/// `/....../x`, `/.../`: a path that starts with more points than any folder has.
fn dotted(raw: &[u8]) -> bool {
    let Some(rest) = raw.strip_prefix(b"/") else {
        return false;
    };
    let dots = rest.iter().take_while(|b| **b == b'.').count();
    match rest.get(dots) {
        Some(next) => dots > 2 && !next.is_ascii_alphanumeric(),
        None => dots > 3,
    }
}

/// `c:\`, but not the path that browsers invent for uploads.
fn is_drive(raw: &[u8]) -> bool {
    matches!(raw, [drive, b':', b'\\', ..] if drive.is_ascii_alphabetic())
        && memmem::find(raw, b"fakepath").is_none()
}

fn scheme(text: &[u8]) -> Option<f32> {
    let text = text.trim_ascii_start();
    SCHEMES
        .iter()
        .find(|(scheme, _)| text.starts_with(scheme))
        .map(|(_, score)| *score)
}

/// A null byte that cuts a file's name: `x.php\0.png`.
fn null(raw: &[u8]) -> Option<f32> {
    let at = memchr::memchr(0, raw)?;
    let name = raw[..at].iter().any(|b| matches!(b, b'.' | b'/' | b'\\'));
    let suffix = &raw[at + 1..];
    let cut =
        suffix.is_empty() || suffix.len() <= 16 && suffix.iter().all(|b| b.is_ascii_graphic());
    (name && cut).then_some(0.7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing::score;

    #[test]
    fn traversals_are_found() {
        for text in [
            "../../../../etc/passwd",
            "..\\..\\..\\windows\\win.ini",
            "....//....//....//x",
            "/etc//passwd",
            "/./etc/./passwd",
            "..;/..;/..;/x",
            "php://filter/convert.base64-encode/resource=index.php",
            "file:///etc/hosts",
            "C:\\boot.ini",
            "/var/www/../../../etc/shadow\0.png",
            "index.php\0",
            "..2f..2f..2fetc2fx",
            "/..%u2216..%u2216..%u2216",
            "..%2%f..%2%fetc%2%fissue",
            "%2%e%2%e0x2fetc",
            "/etc/hostname.le0",
            "/proc/meminfo",
            "/var/log/x",
            "/..\u{2216}..\u{2216}..\u{2216}x",
            "..%2%fetc%2%fpasswd",
            ".?%5%c.?%5%cboot.ini",
            "/..//..//",
            "/.//../x",
            "/..\x1c..\x1c..\x1c",
            "\\..\\x.inc",
            "http://a.example/x/../",
            "........etcpasswd",
            "/......../x",
            "/var/log/error_log ",
            "C:\\Program Files\\Apache\\conf\\httpd.conf",
        ] {
            assert!(score(&Traversal, text) >= 0.5, "{text}");
        }
    }

    #[test]
    fn ordinary_paths_are_left_alone() {
        for text in [
            "images/../logo.png",
            "/srv/../x",
            "https://a.example/docs/v1..v2/file.tar.gz",
            "see ../../README.md and edit /etc/hosts to match",
            "wait... what?",
            "https://...",
            "data:image/png;base64,AAAA",
            "/home/log/data.ini",
            "version 1..2 from 2..5",
            "100%2 and 50%5",
            "/srv/app/x",
            "first line\nsecond line",
            "... and so on",
            "/...",
            "fetch passwd",
        ] {
            assert!(score(&Traversal, text) < 0.5, "{text}");
        }
    }
}
