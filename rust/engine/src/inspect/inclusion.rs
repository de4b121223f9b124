//! Remote file inclusion: a URL where an application expects a path of its own, with the question
//! mark that cuts off what the application would append.

use super::detector::{Detector, Report};
use super::patterns::{pattern, Patterns};
use super::prefilter::{Hints, Marks};
use super::{Family, Part};
use crate::decode::Value;

/// The detector of this family.
pub struct FileInclusion;

/// Nested in any value.
static PATTERNS: Patterns = Patterns::new(&[
    pattern("inclusion.parameter", 0.8, 0.3, "\\.(?:php[345]?|aspx?|jsp|cgi|cfm|inc)\\?[^\\s]{0,200}?=(?:ht|f)tps?://[^\\s&]+(?:\\?+|\\.(?:txt|php|inc|dat|jpe?g|gif))\\s*$"),
    pattern("inclusion.parameter", 0.75, 0.2, "\\.(?:php[345]?|inc)\\?[^\\s]{0,200}?=(?:ht|f)tps?://(?:\\d{1,3}\\.){3}\\d{1,3}(?:[:/]|$)"),
    pattern("inclusion.wrapper", 0.85, 0.4, "(?:^|[=\\s'\"(,])(?:php|phar|expect|zip|glob|zlib|compress\\.(?:zlib|bzip2)|data|ogg|rar|ssh2(?:\\.\\w+)?|input)://?(?:input|filter|output|temp|memory|fd|stdin|text|[\\w./-])"),
]);

/// A whole parameter.
static WHOLE: Patterns = Patterns::new(&[
    pattern("inclusion.cut", 0.8, 0.2, "^[\\s=]*(?:ht|f)tps?:/{1,2}[^\\s?]+\\?+(?:\\\\?\\x00|\\\\x00|%00|=?['\"];?|&?cmd=\\w*)?$"),
    pattern("inclusion.script", 0.75, 0.2, "^\\s*(?:ht|f)tps?://[^\\s?]*(?:shell|c99|r57|rfi|webshell|backdoor|cmd)[^\\s/?]*\\.\\w{2,4}\\??$"),
    pattern("inclusion.address", 0.6, 0.1, "^\\s*(?:ht|f)tps?://(?:\\d{1,3}\\.){3}\\d{1,3}(?::\\d+)?/[^\\s?]*\\??"),
]);

/// Names that applications give to parameters from which they include. Matched at the end.
const NAMES: [&[u8]; 10] = [
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

impl Detector for FileInclusion {
    fn family(&self) -> Family {
        Family::FileInclusion
    }

    fn wants(&self, hints: &Hints) -> bool {
        hints.has(Marks::LINK)
    }

    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>) {
        if !matches!(
            value.part,
            Part::Query | Part::Form | Part::Cookie | Part::Json | Part::Body
        ) {
            return;
        }
        PATTERNS.judge(value, value.bytes, report);
        if value.part == Part::Json {
            return;
        }
        WHOLE.judge(value, value.bytes, report);
        if remote(value.bytes) && names(value.name) {
            report.add("inclusion.remote", 0.65);
        }
    }
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
    use crate::inspect::{patterns, testing::score};

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
