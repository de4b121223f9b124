//! Command lines as patterns: programs behind what separates commands, and what shells of Unix and
//! Windows expand.
//!
//! Source: POSIX.1-2017, Shell Command Language; the manuals of bash and cmd.exe.

use crate::inspect::patterns::{pattern, quoted, Patterns};

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

/// Where a command starts, what it is, and what only a shell reads.
pub static PATTERNS: Patterns = Patterns::new(&[
    pattern(
        "command.chained",
        0.85,
        0.3,
        concat!("(?:[;|]|&&?|\\$\\(|[<>]\\()[\\s\"'({]*(?:[\\w./\\\\:-]*[/\\\\])?", programs!(), "(?:\\s+[^\\s=]|\\s*$|[;|&<>)`\"'#}/+])"),
    ),
    // On a line of its own, but for a field of GraphQL.
    pattern(
        "command.chained",
        0.85,
        0.3,
        concat!("[\\r\\n][\\s\"'({]*(?:[\\w./\\\\:-]*[/\\\\])?", programs!(), "(?:[ \\t]+[^\\s{]|\\s*$|[\\r\\n;|&<>)`\"'#}/+])"),
    ),
    // Behind a backtick, but for the language of a block of Markdown, behind which its line ends. In
    // sentences, code stands between blanks.
    pattern(
        "command.chained",
        0.85,
        0.3,
        concat!("[^`\\s]`(?:[\\w./\\\\:-]*[/\\\\])?", programs!(), "(?:[ \\t;|&<>)`\"'#}/+]|$)"),
    ),
    quoted(
        "command.chained",
        0.85,
        0.0,
        concat!("(?:^|\\s)`(?:[\\w./\\\\:-]*[/\\\\])?", programs!(), "(?:[ \\t;|&<>)`\"'#}/+]|$)"),
    ),
    pattern(
        "command.chained",
        0.8,
        0.2,
        concat!("(?:[;|]|&&?|\\$\\(|[<>]\\()[\\s\"'({]*(?:[\\w./\\\\:-]*[/\\\\])?", words!(), "(?:\\s*(?:[;|&>)`#\"'\\n]|<(?:[^/]|/\\w+/)|$)|[\\s,]+(?:[-/$.~*\"'>%+\\\\]|[a-z]:\\\\|[\\w.]*[0-9/_.]|\\S+[ \\t]*[#>|&;]))"),
    ),
    pattern(
        "command.chained",
        0.8,
        0.2,
        concat!("[^`\\s]`(?:[\\w./\\\\:-]*[/\\\\])?", words!(), "(?:[ \\t]*(?:[;|&<>)`#\"']|$)|[ \\t,]+(?:[-/$.~*\"'>%+\\\\]|[a-z]:\\\\|[\\w.]*[0-9/_.]|[^\\s`]+[ \\t]*[#>|&;]))"),
    ),
    quoted(
        "command.chained",
        0.8,
        0.0,
        concat!("(?:^|\\s)`(?:[\\w./\\\\:-]*[/\\\\])?", words!(), "(?:[ \\t]*(?:[;|&<>)`#\"']|$)|[ \\t,]+(?:[-/$.~*\"'>%+\\\\]|[a-z]:\\\\|[\\w.]*[0-9/_.]|[^\\s`]+[ \\t]*[#>|&;]))"),
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
    // On the line behind a number, a host or an address.
    pattern(
        "command.chained",
        0.6,
        0.0,
        concat!("^\\s*(?:\\d+|[\\w-]+(?:[.@][\\w-]+)+)\\s*[\\r\\n]\\s*", words!(), "(?:\\s+[\\w/.-]+)?\\s*$"),
    ),
    // Programs that run others.
    pattern(
        "command.chained",
        0.75,
        0.2,
        concat!("(?:[;|]|&&?|\\$\\()\\s*(?:(?:eval|exec|busybox|sudo|nohup|xargs|env(?:\\s+\\w+=\\S*)*|timeout \\d+)\\s+(?:", programs!(), "|", words!(), ")|docker\\s+(?:ps|run|exec|images|inspect)|kubectl\\s+(?:get|exec|apply|delete|run))(?:\\W|$)"),
    ),
    pattern(
        "command.chained",
        0.8,
        0.6,
        concat!("^[^\"'\\s]{0,24}[\"']\\s*(?:\\|\\|?|&&?|;)\\s*", words!(), "\\s+\\S"),
    ),
    quoted(
        "command.program",
        0.6,
        0.0,
        concat!("^\\s*[\"']?(?:", programs!(), "\\s+(?:-|/|https?:|\\$|[\"'|#]|[<>](?:[^=]|$)|[\\w-]+\\.\\w)|echo\\s+(?:-[a-z]|/|\\$|\\.\\.?/|~|[<>|]|[a-z]:\\\\)|(?:cat|ls|rm|find|type|dir|head|tail|nl|tac|less|more|cp|mv|grep|sed|source|touch|cd)\\s+(?:-[a-z]|/|\\$|\\.\\.?/|~|[\"'<>|]|[a-z]:\\\\))"),
    ),
    // What only prints something is a line of many a script.
    quoted("command.program", 0.5, 0.0, "^\\s*[\"']?echo\\s+[\"']"),
    quoted(
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
        "(?:system32\\\\|\\b(?:cmd|powershell|wscript|cscript|mshta|certutil|wmic)\\.exe\\b)|\\bcmd(?:\\.exe)?[\\s\"']*/[ckr]\\b|\\bpowershell\\b.*-(?:e|enc|c|nop|w|ep|exec)\\w*\\b|\\b(?:ba|da|z|k|c|tc)?sh\\s+-c\\b",
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
        concat!("\\$\\{?ifs\\b|\\$ifs|(?:^|\\W|\\$\\w+)\\{(?:", words!(), "|", programs!(), "),[^}\\s]+\\}|\\$'(?:\\\\x?[0-9a-f]{2,3})+|\\$\\{[a-z_]+:\\d+:\\d+\\}|\\$\\{!?[@*#]\\S{0,6}\\}|\\$\\(\\(|\\$[@*!?]\\w"),
    ),
    quoted(
        "command.substitution",
        0.65,
        0.0,
        concat!(
            "\\$\\(\\s*(?:[a-z]*/[^)]*|[a-z]+[^)a-z.][^)]*|",
            programs!(),
            "|",
            words!(),
            ")\\)|^[^`]{0,40}`\\s*",
            programs!(),
            "(?:\\s[^`]*)?`[^`]*$|[<>]\\([a-z]+\\s[^)]+\\)"
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
        "%(?:comspec|systemroot|windir|programfiles|userprofile|programdata|pathext|os|appdata|temp)[%:]|\\bfor\\s+(?:/[dflr]\\s+)?[^%\\n]*%+[~a-z]\\S*\\s+in\\b|\\bif\\s+(?:/i\\s+|not\\s+)*(?:exist|defined|errorlevel|cmdextversion)\\b|\\bif\\b[^;{}\\n]+(?:==|\\s(?:equ|neq|lss|leq|gtr|geq)\\s)[^;{}\\n]*[\\s(@](?:set|call|echo|goto)\\b|\\bset\\s+/[ap]\\s|%[a-z_]+:~-?\\d",
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
        "(?:^|[;|&^\\s'\"])[a-z_]\\w*=\\$?\\\\?[\"'][^\"'\\n]*[\"']\\s*;\\s*\\w*\\$\\{?[a-z_]",
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
    quoted(
        "command.program",
        0.65,
        0.0,
        concat!("^\\W{0,4}(?:(?:time|nohup|nice|sudo|env|exec|watch|command|xargs|timeout\\s+\\d+|cpulimit(?:\\s+-\\w+(?:\\s+\\d+)?)*)[\\s;]+)+", programs!(), "\\b"),
    ),
    // Variables in a row are a word in pieces; one without quotes is set and then run.
    pattern("command.variable", 0.75, 0.3, "(?:\\$[a-z_]\\w{0,7}){3}|(?:^|[;|&\\s])[a-z_]\\w*=[^\\s;&=]+;\\s*\\w*\\$\\{?[a-z_]\\w*"),
    // An unset variable before the program's name.
    pattern("command.variable", 0.6, 0.0, "[;|]\\s*\\$\\w{1,8}\\s+[a-z]\\w*(?:\\s|$)"),
    // A word from braces: `{l,-lh}s`, `{nc,-l,9}`.
    pattern("command.expansion", 0.7, 0.2, "(?:^|[;|&`(\\s])\\w*\\{[^{}\\s,]*,-{1,2}[a-z][^{}\\s]*\\}"),
    // A terminal's escape that is spelled out, for whoever reads the log.
    quoted("command.escape", 0.65, 0.0, "\\\\(?:033|x1b|e)\\[\\d"),
    // Arithmetic whose result shows that a program ran.
    pattern("command.probe", 0.7, 0.3, "\\bexpr\\s+\\d+\\s*(?:[-+%]|\\\\?\\*)\\s*\\d+"),
    pattern("command.alias", 0.65, 0.2, "(?:^|[;|&`]\\s*)alias\\s+(?:-\\w\\s+)?[\"']?[\\w.]+[\"']?="),
    // A loop of a batch file, which is no sentence however many words it has.
    pattern("command.batch", 0.75, 0.6, "\\bfor\\s+(?:/[dflr]\\s+)?(?:\"[^\"\\n]*\"\\s+)?%+\\S{1,3}\\s+in\\s*\\([^)]*\\)\\s*do\\b|^\\W{0,3}if\\s*/i\\s|^\\W{0,3}if\\s+(?:not\\s+)*(?:[\"'\\[({]*%(?:~?\\d|\\w+%)|exist\\s+\\S+\\s+\\w|defined\\s+\\S+\\s+\\w)"),
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
        "[;|]/(?:[\\w?*\\[\\]]+/)*[a-z]+[?*\\[][\\w?*\\[\\]]*(?:/|\\s|$)|/(?:[a-z]*[?][a-z?*]*|\\[[^\\]/]+\\][^\\s/]*)/[^\\s/]*[?*\\[]|/[?*]{2,}/|/b(?:[?*]n?|i[?*])/",
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
        "(?:\\s|^|[;|&])-{1,2}(?:checkpoint-action|to-command|use-compress-program|oproxycommand|post-file|output-document)=?|^-{1,2}(?:upload-pack|receive-pack|use-askpass|open-files-in-pager|rsh|exec|rsync-path|config-file)=\\S|\\bnet\\s+(?:user|localgroup|share|view|start|stop)\\b.{0,60}(?:/add|/del|/domain|$)|\\b(?:xp_cmdshell|sc\\s+(?:create|config|query)|reg\\s+(?:add|query|save|delete)\\s)",
    ),
    pattern(
        "command.waits",
        0.8,
        0.3,
        "(?:^|[;|&`'\"(\\n])\\s*(?:sleep|timeout|ping)\\s+(?:/t\\s+|-[nci]\\s*)?\\d+\\s*(?:[;|&`'\")#\\n]|$|\\s(?:127|localhost|-|#))",
    ),
]);
