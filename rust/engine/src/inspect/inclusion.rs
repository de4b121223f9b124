//! Remote file inclusion: a URL where an application expects a path of its own, with the question
//! mark that cuts off what the application would append.

use super::detector::{Detector, Report};
use super::documents::is_field;
use super::patterns::{pattern, Patterns};
use super::prefilter::{Hints, Marks};
use super::ssrf::goes_back;
use super::{Family, Part};
use crate::decode::Value;

/// The detector of this family.
pub struct FileInclusion;

/// Nested in any value.
static PATTERNS: Patterns = Patterns::new(&[
    pattern("inclusion.parameter", 0.8, 0.3, "\\.(?:php[345]?|aspx?|jsp|cgi|cfm|inc)\\?[^\\s]*?=(?:ht|f)tps?://[^\\s&]+(?:\\?+|\\.(?:txt|php|inc|dat|jpe?g|gif))\\s*$"),
    pattern("inclusion.parameter", 0.75, 0.2, "\\.(?:php[345]?|inc)\\?[^\\s]*?=(?:ht|f)tps?://(?:\\d{1,3}\\.){3}\\d{1,3}(?:[:/]|$)"),
    pattern("inclusion.wrapper", 0.85, 0.4, "(?:^\\s*|[='\"(,])(?:php|phar|expect|zip|glob|zlib|compress\\.(?:zlib|bzip2)|data|ogg|rar|ssh2(?:\\.\\w+)?|input)://?(?:input|filter|output|temp|memory|fd|stdin|text|[\\w./-])"),
]);

/// In a path, the schemes that no file's name has.
static IN_PATH: Patterns = Patterns::new(&[pattern(
    "inclusion.wrapper",
    0.85,
    0.85,
    "/(?:php|phar|expect|zip|glob|zlib|compress\\.(?:zlib|bzip2)|ogg|rar|ssh2(?:\\.\\w+)?)://\\w",
)]);

/// A whole parameter.
static WHOLE: Patterns = Patterns::new(&[
    pattern("inclusion.cut", 0.8, 0.2, "^[\\s=]*(?:ht|f)tps?:/{1,2}[^\\s?]+\\?+(?:\\\\?\\x00|\\\\x00|%00|=?['\"];?|&?cmd=\\w*)?$"),
    pattern("inclusion.script", 0.75, 0.2, "^\\s*(?:ht|f)tps?://[^\\s?]*(?:shell|c99|r57|rfi|webshell|backdoor|cmd)[^\\s/?]*\\.\\w{2,4}\\??$"),
    pattern("inclusion.address", 0.6, 0.1, "^\\s*(?:ht|f)tps?://(?:(?:\\d{1,3}\\.){3}\\d{1,3}|\\[[0-9a-f:.]+\\])(?::\\d+)?/[^\\s?]*\\??"),
]);

/// Names that applications give to parameters from which they include. Matched at the end.
const NAMES: [&[u8]; 11] = [
    b"docroot",
    b"_path",
    b"dir",
    b"directory",
    b"root",
    b"include",
    b"inc",
    b"template",
    b"library",
    b"includepath",
    b"absolutepath",
];

/// Names of parameters that choose a part of a page, whose value is never another site's program.
const PARTS: [&[u8]; 13] = [
    b"cfg",
    b"file",
    b"path",
    b"module",
    b"skin",
    b"theme",
    b"lang",
    b"language",
    b"layout",
    b"config",
    b"conf",
    b"view",
    b"plugin",
];

/// Names of parameters that hold links, of which some end in a question mark.
const LINKS: [&[u8]; 16] = [
    b"url",
    b"uri",
    b"u",
    b"link",
    b"href",
    b"src",
    b"source",
    b"target",
    b"next",
    b"return",
    b"return_to",
    b"returnurl",
    b"goto",
    b"continue",
    b"website",
    b"feed",
];

/// What the names of such parameters end in: `image_url`, `websiteUri`.
const SITES: [&[u8]; 3] = [b"url", b"uri", b"link"];

/// How files end that servers run or that attackers name programs.
const PROGRAMS: [&[u8]; 8] = [
    b".php", b".php5", b".phtml", b".inc", b".txt", b".asp", b".jsp", b".cgi",
];

/// How files end that pages show or play.
const SHOWN: [&[u8]; 20] = [
    b".html", b".htm", b".css", b".js", b".mjs", b".json", b".xml", b".svg", b".png", b".jpg",
    b".jpeg", b".webp", b".pdf", b".md", b".csv", b".mp3", b".mp4", b".m3u8", b".ts", b".aac",
];

/// Tells a link whose query is empty, so that what a server would append to its file is none of it; that of a
/// whole site cuts nothing off.
fn cuts_off(link: &[u8]) -> bool {
    let Some(path) = link.strip_suffix(b"?") else {
        return false;
    };
    let segments = path.split(|b| *b == b'/').skip(3);
    segments.into_iter().any(|segment| !segment.is_empty())
}

impl Detector for FileInclusion {
    fn family(&self) -> Family {
        Family::FileInclusion
    }

    fn wants(&self, hints: &Hints) -> bool {
        hints.has(Marks::LINK)
    }

    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>) {
        if value.part == Part::Path {
            return IN_PATH.judge(value, value.bytes, report);
        }
        if !matches!(
            value.part,
            Part::Query | Part::Form | Part::Cookie | Part::Json | Part::Body
        ) {
            return;
        }
        let text = value.bytes.trim_ascii();
        let remote = remote(text);
        let path = &text[..memchr::memchr(b'?', text).unwrap_or(text.len())];
        let program = remote && ends(path, &PROGRAMS);
        PATTERNS.judge(value, value.bytes, report);
        let share = || is_share(text) && is(value.name, &[b"page"]);
        if (program || is_share(text)) && is(value.name, &PARTS) || share() {
            report.add("inclusion.remote", 0.6);
        }
        // Settings name other sites; what cuts a path off or is a program says more.
        let cuts = path.len() < text.len() || program;
        if value.part == Part::Json || is_field(value) && !program {
            if remote && cuts && names(value.name) {
                report.add("inclusion.remote", 0.6);
            }
            return;
        }
        let link = is(value.name, &LINKS)
            || ends(value.name, &SITES)
            || ends(value.name, &[b"site"]) && !cuts_off(text)
            || goes_back(value.name);
        if link && !program {
            report.doubt(&["inclusion.cut", "inclusion.address"], LINKED);
        } else if ends(text, &SHOWN) {
            report.doubt(&["inclusion.address"], LINKED);
        }
        WHOLE.judge(value, value.bytes, report);
        if remote && names(value.name) && !ends(text, &SHOWN) {
            report.add("inclusion.remote", 0.65);
        }
    }
}

/// Most that is said of a link where links are expected.
const LINKED: f32 = 0.3;

fn is(name: &[u8], names: &[&[u8]]) -> bool {
    let name = name.strip_suffix(b"]").unwrap_or(name);
    let name = name
        .rsplit(|b| matches!(b, b'.' | b'['))
        .next()
        .unwrap_or(name);
    names.iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn ends(text: &[u8], ends: &[&[u8]]) -> bool {
    ends.iter().any(|end| {
        let at = text.len().checked_sub(end.len());
        at.is_some_and(|at| text[at..].eq_ignore_ascii_case(end))
    })
}

/// Tells another machine's program, by the scheme of the page or on a share: `//a.example/x.php`,
/// `\\a.example\x.php`. Cost: two comparisons for most values.
#[inline(always)]
pub fn is_share(text: &[u8]) -> bool {
    matches!(text, [b'/', b'/', ..] | [b'\\', b'\\', ..]) && runs(text)
}

/// Tells the name of a program that only a server runs.
#[inline(never)]
fn runs(text: &[u8]) -> bool {
    ends(
        text,
        &[b".php", b".phtml", b".inc", b".asp", b".jsp", b".cgi"],
    )
}

fn remote(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    [&b"http://"[..], b"https://", b"ftp://", b"ftps://"]
        .iter()
        .any(|s| {
            text.get(..s.len())
                .is_some_and(|t| t.eq_ignore_ascii_case(s))
        })
}

/// Tells whether a parameter's name ends like a path's: `mosConfig_absolute_path`, `incDir`.
fn names(name: &[u8]) -> bool {
    let name = name.strip_suffix(b"]").unwrap_or(name);
    NAMES.iter().any(|word| {
        let Some(lead) = name.len().checked_sub(word.len()) else {
            return false;
        };
        let (before, end) = name.split_at(lead);
        // `incDir` and `inc_dir` are paths, `credir` is not.
        let begins = !before.last().is_some_and(u8::is_ascii_alphanumeric)
            || end.first().is_some_and(|b| !b.is_ascii_lowercase());
        begins && end.eq_ignore_ascii_case(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::{patterns, testing::score, testing::score_at};

    #[test]
    fn names_tell_what_a_link_is_for() {
        for (part, name, text, want) in [
            (Part::Query, &b"path"[..], "http://a.example/x.php", true),
            (
                Part::Query,
                b"GLOBALS[path]",
                "http://a.example/x.txt",
                true,
            ),
            (Part::Form, b"skin", "https://a.example/x.txt?", true),
            (
                Part::Json,
                b"page.template",
                "http://a.example/t.php?",
                true,
            ),
            (Part::Query, b"cfg[docroot]", "http://a.example/x", true),
            (Part::Query, b"include", "http://a.example/x.php", true),
            (Part::Query, b"include", "https://cdn.example/lib.js", false),
            (
                Part::Query,
                b"template",
                "https://cdn.example/invoice.html",
                false,
            ),
            (
                Part::Json,
                b"template",
                "https://cdn.example/invoice",
                false,
            ),
            (Part::Query, b"url", "http://go.example/abc?", false),
            (Part::Query, b"site", "http://a.example/?", false),
            (Part::Query, b"main_site", "http://a.example/x?", true),
            (Part::Form, b"image_url", "http://a.example/x?", false),
            (Part::Form, b"image_url", "http://a.example/x.txt?", true),
            (Part::Query, b"page", "//a.example/x.php", true),
            (Part::Query, b"page", "\\\\a.example\\b\\x.php", true),
            (Part::Query, b"page", "https://a.example/x.php", false),
            (Part::Query, b"cfg", "http://a.example/x.inc", true),
            (Part::Query, b"q", "how to read php://input", false),
            (Part::Query, b"q", "  php://input", true),
            (Part::Query, b"url", "http://203.0.113.7:8080/stream", false),
            (
                Part::Body,
                b"application",
                "http://192.168.1.9:70/app",
                false,
            ),
            (Part::Body, b"a", "http://203.0.113.7/x.php", true),
            (Part::Query, b"url", "http://a.example/x.txt?", true),
            (Part::Query, b"src", "https://[2001:db8::1]/x.php", true),
            (Part::Query, b"src", "https://[2001:db8::1]/x", false),
            (
                Part::Query,
                b"stream",
                "http://203.0.113.7:8080/a.mp3",
                false,
            ),
            (
                Part::Query,
                b"redirect_uri",
                "http://127.0.0.1:8765/callback",
                false,
            ),
            (Part::Query, b"file", "https://a.example/report.pdf", false),
            (Part::Query, b"module", "\\\\a.example\\b\\x.php", true),
            (Part::Form, b"view", "//a.example/x.jsp", true),
            (Part::Query, b"file", "\\\\a.example\\b\\x.txt", false),
            (Part::Query, b"next", "//a.example/x.php", false),
            (Part::Query, b"path", "/a/x.php", false),
        ] {
            let found = score_at(&FileInclusion, part, name, text) >= 0.5;
            assert_eq!(found, want, "{text}");
        }
    }

    #[test]
    fn inclusions_are_found() {
        patterns::compiles(&PATTERNS);
        patterns::compiles(&WHOLE);
        for text in [
            "http://a.example/x.txt?",
            "http://a.example/x?",
            "/a/b.php?root=http://a.example/x.txt?",
            "php://filter/convert.base64-encode/resource=index.php",
            "http://198.51.100.7/x.txt",
            "ftp://a.example/c99.txt?",
            "=http://a.example/x.inc?",
            "http://a.example/x.inc?\\x00",
        ] {
            assert!(score(&FileInclusion, text) >= 0.5, "{text}");
        }
        for (path, want) in [
            ("/a/php://filter/resource=a.php", true),
            ("/a/expect://id", true),
            ("/a/http://b.example/c", false),
            ("/docs/php:intro", false),
        ] {
            let found = score_at(&FileInclusion, Part::Path, b"", path) >= 0.5;
            assert_eq!(found, want, "{path}");
        }
        assert!(names(b"mosConfig_absolute_path") && names(b"dir[inc]") && !names(b"redirect_uri"));
        assert!(names(b"incDir") && !names(b"credir"));
    }

    #[test]
    fn ordinary_links_are_left_alone() {
        for text in [
            "https://a.example/p/1?x=y",
            "https://a.example/image.png",
            "https://a.example/callback",
            "see http://a.example/why? and more",
        ] {
            assert!(score(&FileInclusion, text) < 0.5, "{text}");
        }
    }
}
