//! Uploads that a server would run: files that are named like its own programs, and pictures that
//! are programs for the converter. Part of code injection, whose detector asks it.
//!
//! Source: CWE-434; the extensions that Apache, PHP, Tomcat and IIS run by default.

use super::detector::Report;
use super::patterns::{pattern, Patterns};
use super::prefilter::names_file;
use super::Part;
use crate::decode::Value;

/// Names. What stands behind the extension is dropped by some servers: points, blanks, `;.jpg`,
/// `%00.png`, `::$DATA`.
static NAMES: Patterns = Patterns::new(&[
    pattern("code.upload", 0.65, 0.65, "\\.\\s*(?:ph(?:p\\d?|t(?:ml?)?|ar|ps)|jspx?|jspf|asp|aspx|ashx|asmx|asa|soap|(?:cs|vb)html|cfm|cfml|war|shtml?)[\\s.'\\x80-\\xff]*(?:(?:[;:/#?]|%00|\\x00|\\\\x?0).*)?$|(?:^|[/\\\\])\\.?(?:htaccess|user\\.ini|web\\.config)$"),
    pattern("code.upload", 0.65, 0.65, "\\.(?:ph(?:p\\d?|tml|ar)|jspx?|aspx?)\\s*\\.\\w{2,4}$|(?:^|[/\\\\])sess_[a-z0-9]{16,}$"),
]);

/// Pictures, and settings of a folder that make programs of others' files.
static CONTENTS: Patterns = Patterns::new(&[pattern(
    "code.upload",
    0.85,
    0.85,
    "^%!ps(?:.|\\n)*%pipe%|^push graphic-context(?:.|\\n)*(?:\\||url\\(|msl:|ephemeral:|label:@)|^\\s*(?:addtype|addhandler|sethandler|forcetype)\\s+[\\w/.+-]*(?:php|cgi|ssi|server-parsed|jsp|asp)|^\\s*(?:php_(?:admin_)?(?:value|flag)\\s+)?auto_(?:pre|ap)pend_file\\b",
)]);

/// Judges a value that is or may be an upload's.
pub fn judge(value: &Value<'_>, report: &mut Report<'_>) {
    match value.part {
        Part::File => NAMES.judge(value, value.bytes, report),
        Part::Header if names_file(value.name) => NAMES.judge(value, value.bytes, report),
        Part::Form | Part::Body => CONTENTS.judge(value, value.bytes, report),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::inspect::code::CodeInjection;
    use crate::inspect::testing::score_at;
    use crate::inspect::Part;

    #[test]
    fn programs_are_known_by_their_names() {
        let file = |name: &str| score_at(&CodeInjection, Part::File, b"file", name);
        for name in [
            "a.php",
            "shell.jsp  ",
            "x. php",
            "x.aspx;.jpg",
            "a.phtml",
            "a.php.jpg",
            "x.php%00.png",
            ".htaccess",
            "a.pht",
            "a.cshtml",
            "a.php .jpg",
            "a.php#.png",
            "a.php\u{200b}",
        ] {
            assert!(file(name) >= 0.5, "{name}");
        }
        for name in [
            "photo.jpg",
            "report.final.pdf",
            "php.txt",
            "how to use jsp.docx",
            "a.html",
            "archive.tar.gz",
            "asp",
            "key.cer",
        ] {
            assert!(file(name) < 0.5, "{name}");
        }
        assert!(score_at(&CodeInjection, Part::Header, b"X-File-Name", "a.php") >= 0.5);
        assert!(score_at(&CodeInjection, Part::Header, b"X-File-Name", "a.png") < 0.5);
    }
}
