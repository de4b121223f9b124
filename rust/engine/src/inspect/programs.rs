//! Programs and queries that are known as such, in which calls of other languages mean nothing.

use super::builds::takes_commands;
use super::documents::holds_program;
use super::Part;
use crate::decode::Value;
use memchr::memmem;

/// What a program of PHP would be.
const PHP: [&str; 3] = ["code.php_call", "code.php_invoked", "code.php_variable"];
/// What scripts of pages do.
const SCRIPTED: [&str; 4] = ["code.call", "code.eval", "code.node", "code.php_call"];
/// What programs do in their own place.
const PROGRAMMED: [&str; 5] = [
    "code.call",
    "code.eval",
    "code.node",
    "code.php_call",
    "code.python",
];

/// Names the rules that say little of a value, since it is in another language than they are about, or
/// stands where programs do. `None` for all that is no program. Cost: linear.
pub fn foreign(value: &Value<'_>) -> Option<&'static [&'static str]> {
    let text = value.bytes;
    match () {
        () if (holds_program(value) || takes_commands(value)) && !leaves(text) => Some(&PROGRAMMED),
        () if is_python(text) && !leaves(text) => Some(&PHP),
        () if queries_panels(text) => Some(&["code.php_variable"]),
        () if is_sample(value) => Some(&SCRIPTED),
        () => None,
    }
}

/// Tells a program that starts others or opens a way to itself.
fn leaves(text: &[u8]) -> bool {
    const WAYS: [&[u8]; 13] = [
        b"/dev/tcp",
        b"/etc/",
        b"__import__",
        b"child_process",
        b"exec(",
        b"execSync",
        b"passthru",
        b"phpinfo",
        b"popen",
        b"pty.",
        b"socket",
        b"subprocess",
        b"system(",
    ];
    WAYS.iter().any(|way| memmem::find(text, way).is_some())
}

/// Tells a program of Python by its first line, which nothing of PHP starts with.
fn is_python(text: &[u8]) -> bool {
    let mut lines = text.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"#"));
    let Some(first) = first.filter(|_| lines.next().is_some()) else {
        return false;
    };
    let starts = |word: &[u8]| first.starts_with(word);
    let name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b' ' | b',' | b'*');
    let defines =
        (starts(b"def ") || starts(b"async def ") || starts(b"class ")) && first.ends_with(b":");
    let imports =
        starts(b"import ") || starts(b"from ") && memmem::find(first, b" import ").is_some();
    defines || imports && first.iter().all(name)
}

/// Tells a query of SQL in a dashboard, whose variables are columns and places for a time's range:
/// `SELECT $__timeGroup(at, '5m') FROM $table`.
fn queries_panels(text: &[u8]) -> bool {
    let start = text.trim_ascii_start();
    let starts = |word: &[u8]| {
        start
            .get(..word.len())
            .is_some_and(|s| s.eq_ignore_ascii_case(word))
    };
    let part = |b: &&u8| b.is_ascii_alphanumeric() || **b == b'_';
    let variable = |at: usize| {
        let rest = &text[at + 1..];
        let (name, behind) = rest.split_at(rest.iter().take_while(part).count());
        let range = name.starts_with(b"__") && name.iter().any(u8::is_ascii_uppercase);
        let leads_on = matches!(
            behind.trim_ascii_start(),
            [b'(' | b'[' | b'{' | b'-' | b'=', ..]
        );
        range || !name.is_empty() && !leads_on
    };
    let mut variables = memchr::memchr_iter(b'$', text).peekable();
    (starts(b"select ") || starts(b"select\n") || starts(b"with "))
        && variables.peek().is_some()
        && variables.all(variable)
}

/// Tells the piece of a blocked script that browsers report.
///
/// Source: Content Security Policy Level 3, section 5.3 (`sample`, `script-sample`).
fn is_sample(value: &Value<'_>) -> bool {
    const SAMPLES: [&[u8]; 2] = [b"csp-report.script-sample", b"body.sample"];
    const LONGEST: usize = 40;
    value.part == Part::Json && SAMPLES.contains(&value.name) && value.bytes.len() <= LONGEST
}
