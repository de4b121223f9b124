//! What the text of an answer gives away of an attack in its request: the contents or the output that
//! attacks are after, or the complaint of an interpreter that read their payload.
//!
//! Read only of requests with findings that were let through, so that ordinary answers cost nothing.

use crate::verdict::Attempt;
use regex::bytes::Regex;
use std::sync::OnceLock;

/// What only servers have: accounts, keys, settings of machines, the output of commands.
const CONTENTS: &str = r#"(?x-u)
    \b(?:root|daemon|nobody):[x*!]?:\d+:\d+:
  | \broot:\$[0-9a-z]{1,4}\$
  | \buid=\d+\([a-z_][\w.-]*\)\ gid=\d+\(
  | -----BEGIN\ (?:[A-Z]{2,9}\ )?PRIVATE\ KEY-----
  | ;\ for\ 16-bit\ app\ support | \[boot\ loader\]
  | \bVolume\ Serial\ Number\ is\ [0-9A-F]{4}-
  | \bLinux\ version\ \d+\.\d+\.\d+
  | (?:^|[\x00\n])(?:PATH|LD_LIBRARY_PATH)=/
  | "AccessKeyId"\s*:\s*"A[KS]IA | <title>phpinfo\(\)</title>
"#;

/// What databases, template engines, shells and runtimes say of a text that they cannot read.
const COMPLAINTS: &str = r#"(?x-u)
    \bYou\ have\ an\ error\ in\ your\ SQL\ syntax\b | \b(?:ORA|PLS)-\d{5}\b | \bSQLSTATE\[\w{5}\]
  | \bsyntax\ error\ at\ or\ near\ \\?" | \bunterminated\ quoted\ string\ at\ or\ near\b
  | \bnear\ \\?"[^"\n]{0,40}":\ syntax\ error\b | \bunrecognized\ token:\ \\?"
  | \bUnclosed\ quotation\ mark\ (?:after|before)\ the\ character\ string\b | \bIncorrect\ syntax\ near\ '
  | \b(?:com\.mysql\.|java\.sql\.SQL|org\.postgresql\.util\.PSQL|org\.hibernate\.|oracle\.jdbc\.)
  | \bjavax\.naming\.\w*Exception\b | \bBad\ search\ filter\b
  | \b(?:XPathException|Invalid\ XPath\ expression|xmlXPathEval|SAXParseException|XMLSyntaxError)\b
  | \bjinja2\.exceptions\. | \bTemplateSyntaxError\b | \bfreemarker\.core\. | \bTwig\\Error
  | \b(?:OgnlException|SpelEvaluationException|SpelParseException|ELException)\b
  | \bTraceback\ \(most\ recent\ call\ last\) | \bat\ [\w.$]+\(\w+\.(?:java|kt|scala):\d+\)
  | \b(?:Warning|Fatal\ error|Parse\ error)(?:</b>)?:\ [^\n]{1,200}\ on\ line\ (?:<b>)?\d
  | \bServer\ Error\ in\ '/[^'\n]{0,80}'\ Application | \bSystem\.Data\.SqlClient\.
  | \bsh:\ (?:line\ )?\d*:?\ ?[^\n:]{1,60}:\ (?:command\ )?not\ found\b
"#;

/// Reads a piece of an answer. Cost: two passes; some milliseconds for the first of a process, whose
/// patterns are compiled.
pub fn read(text: &[u8]) -> Attempt {
    static PATTERNS: OnceLock<[Option<Regex>; 2]> = OnceLock::new();
    let compile = || [CONTENTS, COMPLAINTS].map(|pattern| Regex::new(pattern).ok());
    let [contents, complaints] = PATTERNS.get_or_init(compile);
    let found = |pattern: &Option<Regex>| pattern.as_ref().is_some_and(|p| p.is_match(text));
    let mut said = Attempt::default();
    if found(contents) {
        said.insert(Attempt::DISCLOSED);
    }
    if found(complaints) {
        said.insert(Attempt::COMPLAINED);
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_and_complaints_are_told_from_answers() {
        for (text, want) in [
            ("root:x:0:0:root:/root:/bin/bash\n", Attempt::DISCLOSED),
            (
                "{\"out\":\"uid=33(www-data) gid=33(www-data) groups=33\"}",
                Attempt::DISCLOSED,
            ),
            (
                "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn",
                Attempt::DISCLOSED,
            ),
            (
                "; for 16-bit app support\r\n[fonts]\r\n",
                Attempt::DISCLOSED,
            ),
            ("HOSTNAME=a\0PATH=/usr/bin:/bin\0", Attempt::DISCLOSED),
            (
                "{\"Code\":\"Success\",\"AccessKeyId\" : \"ASIA1234\"}",
                Attempt::DISCLOSED,
            ),
            (
                "You have an error in your SQL syntax; check the manual",
                Attempt::COMPLAINED,
            ),
            (
                "{\"error\":\"ERROR: syntax error at or near \\\"'\\\"\"}",
                Attempt::COMPLAINED,
            ),
            (
                "ORA-01756: quoted string not properly terminated",
                Attempt::COMPLAINED,
            ),
            ("near \"UNION\": syntax error", Attempt::COMPLAINED),
            (
                "jinja2.exceptions.UndefinedError: 'x' is undefined",
                Attempt::COMPLAINED,
            ),
            (
                "  at com.shop.Search.find(Search.java:42)",
                Attempt::COMPLAINED,
            ),
            (
                "<b>Warning</b>: include(x): failed in /a.php on line <b>3</b>",
                Attempt::COMPLAINED,
            ),
            ("sh: 1: foo: not found", Attempt::COMPLAINED),
            (
                "{\"id\":7,\"name\":\"Root cellar\",\"note\":\"PATH=/ is not what you want\"}",
                Attempt::default(),
            ),
            ("{\"error\":\"syntax error in filter\"}", Attempt::default()),
            (
                "<p>Errors near the door; the warning was on line 3.</p>",
                Attempt::default(),
            ),
            (
                "{\"key\":\"-----BEGIN PUBLIC KEY-----\"}",
                Attempt::default(),
            ),
            ("root: 12, daemon: 3", Attempt::default()),
            ("", Attempt::default()),
        ] {
            assert_eq!(read(text.as_bytes()), want, "{text}");
        }
    }
}
