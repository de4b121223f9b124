//! Path traversal and file inclusion: dot segments that climb, files that only attackers ask for,
//! and schemes that read files.

mod files;
mod path;
mod spelling;

use super::detector::{Detector, Report};
use super::documents::{is_deep, is_field};
use super::prefilter::{Hints, Marks};
use super::words::Words;
use super::{Family, Part};
use crate::decode::{kind, Value};
use memchr::memmem;
use path::{is_slash, Path};
use spelling::{garbled, hexed, misspelled};

/// How much of a value is read. Units: bytes.
const REACH: usize = 8 << 10;
/// Longest value that is next to nothing but a path. Units: bytes.
const SHORT: usize = 256;
/// Longest value that can be a path by itself. Units: bytes.
const PATH: usize = 2048;

/// Schemes that open files or run filters, where a path is expected.
const SCHEMES: [(&[u8], f32); 16] = [
    (b"php://", 0.9),
    (b"expect://", 0.9),
    (b"phar://", 0.9),
    (b"zip://", 0.8),
    (b"glob://", 0.8),
    (b"compress.zlib://", 0.8),
    (b"compress.bzip2://", 0.8),
    (b"file:/", 0.7),
    (b"netdoc:", 0.7),
    (b"jar:http", 0.7),
    (b"jar:file", 0.7),
    (b"data:application/x-httpd-php", 0.8),
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

    /// A path is read in several spellings.
    fn steps(&self, bytes: usize) -> usize {
        90 + bytes.min(REACH) / 16
    }

    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>) {
        let raw = &value.bytes[..value.bytes.len().min(REACH)];
        let path = Path::read(raw);
        let climbs = path.climbs;
        // A path has no blanks before its climb; prose and programs that name one do. Behind `](` stands
        // what a link of Markdown leads to.
        let before = raw.get(..path.first_climb).unwrap_or_default();
        let linked = before.ends_with(b"](");
        let alone = raw.len() <= PATH && !linked && !blank_before(raw, path.first_climb);
        let hidden = value.odd_utf8 || value.extra_rounds > 0;
        let file = files::named(&path.text);
        let named =
            alone && raw.len() <= PATH && (!prose(raw) || is_drive(raw) && raw.len() <= SHORT);
        let field = matches!(value.part, Part::Query | Part::Form);
        if climbs > 0 {
            let climbed = || match prose(raw) && value.part != Part::Query {
                true => files::named(&Path::read(&climbing(raw)).text),
                false => file,
            };
            let score = match (climbs, alone) {
                (1..=2, true) if !hidden && is_shown(raw) => 0.3,
                _ if !hidden && file.is_none() && is_reference(value, raw) => 0.3,
                _ if file.is_some() && (alone || climbs > 2 && climbed().is_some()) => 0.95,
                (1.., true) if value.odd_utf8 => 0.9,
                (1.., true) if hidden => 0.7,
                (4.., true) => 0.85,
                // Nothing but the climb.
                (1.., true) if raw.len() > 3 && is_slash(raw[0]) && bare(raw) => 0.6,
                (3, true) => 0.75,
                // From the root there is nowhere to climb to.
                (1.., true) if rooted(raw, path.first_climb) => 0.6,
                // Clients that are no browsers may leave a link's dots; hardly one ends in them.
                (1, true) if field && is_link(raw) && raw.ends_with(b"../") => 0.5,
                // What leaves the folder that it names first is no import.
                (2, true) if path.leaves => 0.6,
                // Programs' files import each other so.
                (2, true) if matches!(value.part, Part::Json | Part::Body) => 0.4,
                (2, true) => 0.65,
                (1, true) if value.part == Part::Path => 0.5,
                (1, true) if at_start(value, raw) => 0.65,
                (1, true) => 0.3,
                // Sources and differences of them, many imports each.
                (4.., false) if matches!(value.part, Part::Json | Part::Body) && prose(raw) => 0.0,
                (4.., false) if raw.len() <= SHORT => 0.6,
                _ => 0.0,
            };
            if score > 0.0 {
                report.add("traversal.climb", score);
            }
        }
        let document = is_field(value);
        let setting = document && is_setting(value.name);
        // Sentences, and APIs about servers, name files that are of little use to an attacker.
        let sentence = memchr::memchr(b' ', raw.trim_ascii()).is_some() && !is_drive(raw);
        let least = match sentence {
            true => 0.8,
            false if setting => 0.9,
            false if document => 0.7,
            false => 0.0,
        };
        let telling = |score: &f32| *score >= least;
        if let Some(score) = file.filter(telling).filter(|_| named) {
            report.add("traversal.file", score);
        }
        // In a path of a URL such a file is asked for, which is known by itself.
        if named && field && path.text.ends_with(b"/.env") {
            report.add("traversal.file", 0.6);
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
        // Folders of people and of programs are what the people name themselves.
        let own_drive = path.text.get(2..).is_some_and(|rest| {
            [&b"/users/"[..], b"/program files"]
                .iter()
                .any(|folder| rest.starts_with(folder))
        });
        let drive = field && is_drive(raw) && !own_drive;
        let own = !setting
            && !is_deep(value)
            && !is_served(value)
            && ROOTS.iter().any(|root| path.text.starts_with(root));
        let more = field && MORE_ROOTS.iter().any(|root| path.text.starts_with(root));
        if named && (drive || own || more) {
            report.add("traversal.root", if own { 0.65 } else { 0.6 });
        }
        if named {
            if let Some(score) = scheme(&path.text) {
                // Editors and uploads send such URLs in JSON.
                let meant = value.part == Part::Json && score < 0.8 && !opens(&path.text);
                report.add("traversal.scheme", if meant { 0.3 } else { score });
            }
            if let Some(score) = null(raw) {
                report.add("traversal.null_byte", score);
            }
        }
    }
}

/// Tells a name under which services are told where their files lie.
fn is_setting(name: &[u8]) -> bool {
    const PARTS: [&[u8]; 13] = [
        b"bind",
        b"cafile",
        b"cert",
        b"command",
        b"conf",
        b"dest",
        b"hostpath",
        b"keyfile",
        b"log",
        b"mount",
        b"socket",
        b"target",
        b"volume",
    ];
    // Other words have these in them.
    const OTHERS: [&[u8]; 11] = [
        b"blog",
        b"catalog",
        b"concert",
        b"conference",
        b"confid",
        b"confirm",
        b"dialog",
        b"login",
        b"logistic",
        b"logo",
        b"ology",
    ];
    let holds =
        |name: &[u8], words: &[&[u8]]| words.iter().any(|w| memmem::find(name, w).is_some());
    // An object's name counts as its field's.
    let mut names = name
        .rsplit(|b| *b == b'.')
        .take(2)
        .map(<[u8]>::to_ascii_lowercase);
    names.any(|name| holds(&name, &PARTS) && !holds(&name, &OTHERS))
}

/// Tells a picture or a style, which pages themselves link to by climbs.
fn is_shown(raw: &[u8]) -> bool {
    const SHOWN: [&[u8]; 8] = [
        b".css", b".gif", b".jpeg", b".jpg", b".mp4", b".pdf", b".png", b".webp",
    ];
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/' | b'-' | b'_');
    raw.iter().all(plain) && SHOWN.iter().any(|end| raw.ends_with(end))
}

/// Tells where a document refers to what lies beside it: a description or a schema to another one, a
/// package to others of its repository, a layer of manifests to those below it.
/// Source: JSON Reference (draft-pbryan-zyp-json-ref-03); XML Schema, section 4.2; npm's package.json;
/// Kustomize's kustomization.yaml.
fn is_reference(value: &Value<'_>, raw: &[u8]) -> bool {
    const WRITTEN: [&[u8]; 4] = [b".json", b".xsd", b".yaml", b".yml"];
    const BESIDE: [&[u8]; 9] = [
        b"bases",
        b"components",
        b"dependencies",
        b"devDependencies",
        b"optionalDependencies",
        b"overrides",
        b"peerDependencies",
        b"resolutions",
        b"resources",
    ];
    // Folders that every system has, and those of which repositories have some as well.
    const OF_SYSTEMS: [&[u8]; 9] = [
        b"boot", b"etc", b"proc", b"root", b"sys", b"tmp", b"usr", b"var", b"windows",
    ];
    const SHARED: [&[u8]; 2] = [b"dev", b"home"];
    const OPENING: [&[u8]; 3] = [b"file:", b"link:", b"portal:"];
    let path = raw.split(|b| *b == b'#').next().unwrap_or_default();
    let opened = OPENING.iter().find_map(|scheme| path.strip_prefix(*scheme));
    let path = opened.unwrap_or(path);
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/' | b'-' | b'_');
    if !is_field(value) || !path.starts_with(b"../") || !path.iter().all(plain) {
        return false;
    }
    // Of a document within one, fields have names of their own.
    let name = match value.inner {
        b"" => value.name,
        inner => inner,
    };
    let mut names = name.rsplit(|b| *b == b'.');
    let (last, parent) = (names.next().unwrap_or_default(), names.next());
    let written = matches!(last, b"$ref" | b"schemaLocation")
        && WRITTEN.iter().any(|end| path.ends_with(end));
    // It climbs and then goes down, to nothing that is hidden.
    let mut down = path.split(|b| *b == b'/').skip_while(|name| *name == b"..");
    let first = down.clone().next().unwrap_or_default();
    let is_any = |names: &[&[u8]]| names.iter().any(|name| first.eq_ignore_ascii_case(name));
    let straight = down.all(|name| !matches!(name, [] | [b'.', ..])) && !is_any(&OF_SYSTEMS);
    // A folder, whose name has no point.
    let end = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
    let named = BESIDE.contains(&last) || parent.is_some_and(|name| BESIDE.contains(&name));
    let beside = named && memchr::memchr(b'.', end).is_none() && !is_any(&SHARED);
    straight && (written || beside)
}

/// Tells a page of a site or what belongs to one, by the end of a URL's path: sites have folders that are
/// named as a server's (`/etc/designs/a.css`, `/bin/search.json`).
pub(super) fn is_served(value: &Value<'_>) -> bool {
    const SERVED: [&[u8]; 10] = [
        b".css", b".gif", b".html", b".jpg", b".js", b".json", b".png", b".svg", b".woff",
        b".woff2",
    ];
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/' | b'-' | b'_');
    value.part == Part::Path
        && value.bytes.iter().all(plain)
        && SERVED.iter().any(|end| value.bytes.ends_with(end))
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

fn blank_before(raw: &[u8], climb: usize) -> bool {
    let lead = raw[..climb.min(raw.len())].trim_ascii_start();
    climb != usize::MAX && lead.iter().any(u8::is_ascii_whitespace)
}

/// Tells whether a value reads like sentences or a program: two blanks, or lines. What stands behind
/// a link's `#` never reaches what it names.
fn prose(raw: &[u8]) -> bool {
    let linked =
        memmem::find(raw, b":/").and_then(|at| Some(at + memchr::memchr(b'#', &raw[at..])?));
    let text = raw[..linked.unwrap_or(raw.len())].trim_ascii();
    memchr::memchr_iter(b' ', text).count() > 1 || memchr::memchr(b'\n', text).is_some()
}

/// The words of a text that climb, as which a file that it also tells about is not among them.
fn climbing(raw: &[u8]) -> Vec<u8> {
    let words = raw.split(|b| b.is_ascii_whitespace());
    let climbs = |word: &&[u8]| memmem::find_iter(word, b"..").count() > 2;
    words.filter(climbs).collect::<Vec<_>>().join(&b' ')
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

/// Tells the URL of a file in a folder that no client sees, or of an archive there.
fn opens(text: &[u8]) -> bool {
    let url = text.strip_prefix(b"jar:").unwrap_or(text);
    let path = url.strip_prefix(b"file:").unwrap_or_default();
    let slashes = path.iter().take_while(|b| **b == b'/').count();
    let path = &path[slashes.saturating_sub(1)..];
    ROOTS
        .iter()
        .chain(&MORE_ROOTS)
        .any(|root| path.starts_with(root))
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
mod tests;
