//! Decides what must look at a value: by the kinds of its bytes, or by trigger words.

use super::fixation;
use super::inclusion;
use super::signs;
use super::words::{self, Read, Words};
use super::Part;
use crate::decode::kind::{self, rare, Rare};
use crate::decode::Value;

/// Longest value that counts as short. Units: bytes.
pub const SHORT: usize = 24;

/// Marks of a value: a set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks(u32);

impl Marks {
    /// Starts like a number and goes on with something else.
    pub const NUMERIC: Marks = Marks(1);
    /// So short that a quote and an operator fill it.
    pub const SHORT: Marks = Marks(1 << 1);
    /// Holds a `<`, or an escape that could be one.
    pub const MARKUP: Marks = Marks(1 << 2);
    /// Holds `<!` or `<?`.
    pub const DECLARES: Marks = Marks(1 << 3);
    /// Holds a bracket of templates or of lookups: `{{`, `${`, `<%`.
    pub const TEMPLATE: Marks = Marks(1 << 4);
    /// Holds brackets as filters of directories have them: `)(`, `*)`.
    pub const FILTER: Marks = Marks(1 << 5);
    /// Holds what shells read: a backtick, a pipe, a function's head, a file's pattern.
    pub const SHELL: Marks = Marks(1 << 6);
    /// Holds `||` or `&&`, or a quote before the end of a statement.
    pub const PIPES: Marks = Marks(1 << 7);
    /// Holds a double colon.
    pub const AXIS: Marks = Marks(1 << 8);
    /// Holds `://`, or a URL's start in another spelling, or is another machine's program.
    pub const LINK: Marks = Marks(1 << 9);
    /// Names the protocol, or holds what some fold to a line end or spell one by.
    pub const HTTP: Marks = Marks(1 << 10);
    /// May be a serialised object.
    pub const OBJECT: Marks = Marks(1 << 11);
    /// Holds a null byte.
    pub const NULL: Marks = Marks(1 << 12);
    /// Holds a bracket behind a name.
    pub const CALL: Marks = Marks(1 << 13);
    /// Was encoded more than its place asks for.
    pub const EVASIVE: Marks = Marks(1 << 14);
    /// Holds a variable that is called or looked into: `$a(`, `$a[`, `$a->`.
    pub const VARIABLE: Marks = Marks(1 << 15);
    /// Holds a bracket behind a bracket or a quote: what is called is not a name.
    pub const INVOKES: Marks = Marks(1 << 16);
    /// A path with a file or folder whose name starts with a point.
    pub const HIDDEN: Marks = Marks(1 << 17);
    /// Is a user agent.
    pub const AGENT: Marks = Marks(1 << 18);
    /// Is the name of an uploaded file, or starts like a picture that is a program.
    pub const UPLOAD: Marks = Marks(1 << 19);
    /// Is the session of a link from another site.
    pub const SESSION: Marks = Marks(1 << 20);
    /// Holds an escape in pieces, `%2%f`.
    pub const NIBBLES: Marks = Marks(1 << 21);
    /// Holds `://` behind another scheme than the web's, or starts with `//` and an address.
    pub const SCHEME: Marks = Marks(1 << 22);

    /// The marks of both sets.
    pub const fn or(self, other: Marks) -> Marks {
        Marks(self.0 | other.0)
    }

    /// The set where it holds, or none.
    fn when(self, holds: bool) -> Marks {
        Marks(if holds { self.0 } else { 0 })
    }
}

/// What is known of a value before anyone looks closely.
#[derive(Clone, Copy, Debug)]
pub struct Hints {
    pub seen: threat_agent_scan::Seen,
    pub words: Words,
    marks: Marks,
}

impl Hints {
    /// Adds what only the request tells.
    pub fn mark(&mut self, marks: Marks) {
        self.marks = self.marks.or(marks);
    }

    /// Tells whether the value has one of these marks.
    pub fn has(&self, marks: Marks) -> bool {
        self.marks.0 & marks.0 != 0
    }
}

/// Tells whether anything can be in a value. Cost: a few comparisons.
#[inline(always)]
pub fn is_suspect(value: &Value<'_>) -> bool {
    let seen = value.seen;
    let plain = seen.any & !kind::DOT == 0 && seen.twice == 0;
    !plain || is_evasive(value) || kind::is_class(value.bytes) || is_telling(value)
}

/// Tells a place where a bare word says something: a user agent, the name of an upload.
#[inline(always)]
fn is_telling(value: &Value<'_>) -> bool {
    match value.part {
        Part::File => true,
        Part::Query | Part::Form => fixation::names_session(value.name),
        Part::Header => is_agent(value) || names_file(value.name),
        _ => false,
    }
}

/// Tells a header that names an uploaded file: `X-File-Name`, `X_Filename`.
pub fn names_file(header: &[u8]) -> bool {
    let [b'X' | b'x', b'-' | b'_' | b'.', name @ ..] = header else {
        return false;
    };
    [&b"Filename"[..], b"File-Name", b"File_Name"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

fn is_upload(value: &Value<'_>) -> bool {
    match value.part {
        Part::Header => names_file(value.name),
        Part::Form | Part::Body => {
            let starts = |word: &[u8]| value.bytes.starts_with(word);
            starts(b"%!PS") || starts(b"push graphic-context") || starts(b"auto_")
        }
        _ => false,
    }
}

/// Tells a user agent, which tools give as a bare word.
#[inline(always)]
pub fn is_agent(value: &Value<'_>) -> bool {
    value.part == Part::Header && value.name.eq_ignore_ascii_case(b"User-Agent")
}

#[inline(always)]
fn is_evasive(value: &Value<'_>) -> bool {
    value.extra_rounds > 1 || value.odd_utf8
}

/// Looks at a suspect value once, for all detectors; gives nothing where none of them wants it.
/// Cost: one pass, and one for each kind of byte that is rare and in it.
#[inline(always)]
pub fn look(value: &Value<'_>) -> Option<Hints> {
    let read = words::read(value.bytes, value.seen.any & (kind::TAG | kind::SLASH) != 0);
    (!is_prose(value, &read)).then(|| hints(value, &read))
}

/// Tells prose: words without a trigger among them, and between them blanks, single points and
/// hyphens, quotes, and marks that by themselves say nothing.
fn is_prose(value: &Value<'_>, read: &Read) -> bool {
    let Read { words, rare, .. } = *read;
    let seen = value.seen;
    let quoted = seen.any & kind::QUOTE != 0;
    seen.any & !(kind::DOT | kind::SPACE | kind::QUOTE) == 0
        && seen.twice & !kind::SPACE == 0
        && words == Words::default()
        && rare.any & !(rare::COLON | rare::QUESTION | rare::AT) == 0
        && rare.twice == 0
        && !(quoted && (rare.any != 0 || value.bytes.len() <= SHORT))
        && !(is_evasive(value) || is_telling(value) || is_upload(value))
        && !signs::object(value, rare)
}

/// Gathers what is known of a value that was read.
fn hints(value: &Value<'_>, read: &Read) -> Hints {
    let seen = value.seen;
    let digit = |b: &u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'(' | b')' | b'@');
    let operators = kind::TAG | kind::OPEN | kind::SPACE | kind::CONTROL | kind::SLASH;
    let goes_on = seen.any & operators != 0 || seen.twice != 0;
    let rare = read.rare;
    let first = value.bytes.trim_ascii_start().first();
    let fold = || rare.any & rare::E5 != 0 && signs::pair(value.bytes, *b"\xe5\x98");
    let marks = [
        Marks::NUMERIC.when(goes_on && first.is_some_and(digit)),
        Marks::SHORT.when(value.bytes.len() <= SHORT),
        Marks::SHELL.when(read.folder || signs::shell(value)),
        Marks::PIPES.when(signs::pipes(value, rare)),
        Marks::HTTP.when(read.http || fold()),
        Marks::OBJECT.when(signs::object(value, rare)),
        Marks::EVASIVE.when(is_evasive(value)),
        Marks::HIDDEN.when(value.part == Part::Path && signs::pair(value.bytes, *b"/.")),
        Marks::AGENT.when(is_agent(value)),
        Marks::UPLOAD.when(value.part == Part::File || is_upload(value)),
        Marks::SCHEME.when(signs::relative(value.bytes)),
        Marks::LINK.when(inclusion::is_share(value.bytes)),
        Marks::MARKUP.when(signs::loads(value)),
    ];
    let marks = marks.into_iter().fold(Marks::default(), Marks::or);
    Hints {
        seen,
        words: read.words,
        marks: if rare.any == 0 {
            marks
        } else {
            marks.or(look_around(value, rare))
        },
    }
}

/// What only stands beside rare bytes, of which prose has none.
#[inline(never)]
fn look_around(value: &Value<'_>, rare: Rare) -> Marks {
    let brackets = if rare.any & (rare::OPEN | rare::CLOSE) != 0 {
        signs::Brackets::of(value.bytes)
    } else {
        signs::Brackets::default()
    };
    let dollars = if rare.any & rare::DOLLAR != 0 {
        signs::Dollars::of(value.bytes)
    } else {
        signs::Dollars::default()
    };
    let link = value.seen.twice & kind::SLASH != 0 && rare.any & rare::COLON != 0;
    let marks = [
        Marks::MARKUP.when(signs::markup(value, rare)),
        Marks::DECLARES.when(rare.any & rare::LESS != 0 && signs::declares(value.bytes)),
        Marks::TEMPLATE.when(dollars.template || signs::template(value.bytes, rare)),
        Marks::FILTER.when(brackets.filter),
        Marks::SHELL.when(dollars.expands || signs::expression(value, rare)),
        Marks::AXIS.when(rare.twice & rare::COLON != 0),
        Marks::LINK.when(link && signs::link(value)),
        Marks::SCHEME.when(link && !value.bytes.starts_with(b"http")),
        Marks::NIBBLES.when(rare.any & rare::PERCENT != 0 && signs::nibbles(value.bytes)),
        Marks::HTTP.when(rare.any & rare::BACKSLASH != 0 && signs::line_end(value.bytes)),
        Marks::NULL.when(rare.any & rare::NULL != 0),
        Marks::CALL.when(brackets.calls),
        Marks::VARIABLE.when(dollars.variable),
        Marks::INVOKES
            .when(brackets.invokes || rare.any & rare::OPEN != 0 && signs::negates(value)),
    ];
    marks.into_iter().fold(Marks::default(), Marks::or)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::detector;
    use crate::inspect::testing::value;
    use proptest::prelude::*;

    #[test]
    fn plain_values_are_passed_over() {
        for text in [
            "",
            "hello",
            "42",
            "3.14",
            "2024-01-01",
            "a.b@c.example",
            "caf\u{e9}",
        ] {
            assert!(!is_suspect(&value(text.as_bytes())), "{text}");
        }
    }

    #[test]
    fn words_are_known_in_any_case() {
        for (text, want) in [
            ("1 UNION/**/x", Words::SQL),
            ("1 order by 5", Words::SQL),
            ("x onload =y", Words::SCRIPT),
            ("a oR 1", Words::SQL),
            ("x javascript:y", Words::SCRIPT),
            ("(waitfor)", Words::SQL),
            ("=document.x", Words::SCRIPT),
            ("/ETC/x", Words::FILE),
        ] {
            let hints = look(&value(text.as_bytes())).expect("no prose");
            assert!(hints.words.contains(want), "{text}");
        }
        assert!(look(&value(b"this or that and more")).is_none());
    }

    proptest! {
        #[test]
        fn no_detector_wants_prose(
            text in "(union|order by|push graphic-context|rO0AB|it's|\\PC|[ a'\"@:?.0-]){0,12}",
            part in prop::sample::select(&[Part::Query, Part::Form, Part::Json, Part::Path, Part::Header][..]),
            name in prop::sample::select(&["q", "User-Agent", "X-File-Name", "PHPSESSID"][..]),
        ) {
            let value = Value { part, name: name.as_bytes(), ..value(text.as_bytes()) };
            let read = words::read(value.bytes, true);
            if is_prose(&value, &read) {
                prop_assert_eq!(detector::wanting(&hints(&value, &read)), 0);
            }
        }
    }
}
