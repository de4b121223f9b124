//! A JSON tokenizer that hands out strings: streaming, forgiving, without recursion.

mod path;
mod strings;

pub use strings::{Room, Strings};

use super::kind;
use super::marked::Marked;
use super::percent::hex;
use path::Path;
use strings::All;
use threat_agent_scan::{Marks, Seen};

/// Deepest nesting that is followed.
const DEPTH: usize = 16_384;
/// Marks an array in a level; the rest of a level is the length of the path outside of it.
const ARRAY: u8 = 0x80;

/// Memory that is reused between documents.
#[derive(Default)]
pub struct Scratch {
    text: Vec<u8>,
    levels: Vec<u8>,
    marks: Vec<Marks>,
}

impl Scratch {
    /// Gives back buffers that have grown beyond `bytes`.
    pub fn trim(&mut self, bytes: usize) {
        for buffer in [&mut self.text, &mut self.levels] {
            if buffer.capacity() > bytes {
                *buffer = Vec::new();
            }
        }
        if self.marks.capacity() * size_of::<Marks>() > bytes {
            self.marks = Vec::new();
        }
    }
}

/// How a document ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Bytes that were understood.
    pub read: usize,
    pub why: Why,
}

/// Why reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// All brackets are closed and nothing follows.
    Complete,
    /// The text ends within the document.
    Truncated,
    /// What follows is not JSON.
    Malformed,
    /// The nesting is deeper than is followed.
    TooDeep,
}

/// Reads one document, or several one after the other (NDJSON), and hands out each key and each
/// string with its path, and bare scalars outside of any bracket.
/// Shape: `emit` is [`Strings::take`].
/// Cost: linear; memory for one byte a level, for the longest escaped string, and five eighths of the
/// document for its marks.
pub fn walk(json: &[u8], scratch: &mut Scratch, emit: impl FnMut(&[u8], &[u8], Seen)) -> End {
    walk_for(json, scratch, &mut All::new(emit))
}

/// The same for whoever lets plain strings pass.
pub fn walk_for(json: &[u8], scratch: &mut Scratch, strings: &mut impl Strings) -> End {
    let Scratch {
        text,
        levels,
        marks,
    } = scratch;
    let mut path = Path::new();
    levels.clear();
    let marked = Marked::new(json, kind::JSON, Some(kind::PROSE), *b"\"\\", marks);
    let mut at = 0;
    // The innermost level: whether it is one at all, and an object, and the length of the path outside
    // of it.
    let (mut nested, mut in_object, mut outside) = (false, false, 0);
    let mut room = *strings.room();
    let mut link = 0..0;
    let end = |read, why| End { read, why };
    let follows = |at: usize, byte: u8| json.get(at) == Some(&byte);
    let end = loop {
        let Some(byte) = json.get(at) else {
            let why = if nested {
                Why::Truncated
            } else {
                Why::Complete
            };
            break end(at, why);
        };
        match byte {
            b'"' => {
                let from = at + 1;
                let rest = &json[from..];
                let length = marked.plain(from);
                // What ends a string is hot, too.
                if rest.get(length) == Some(&b'"') {
                    let content = &rest[..length];
                    let is_key;
                    (at, is_key) = behind(json, from + length + 1, in_object, nested);
                    if is_key {
                        path.put(content);
                    }
                    if !(strings.passes(content) && room.admit(1, length)) {
                        room = hand(strings, room, &mut path, content, Seen::default());
                    }
                    continue;
                }
                let (stop, _) = marked.run(from);
                if json.get(stop) == Some(&b'"') {
                    let passage = marked.passage(json, from..stop);
                    let content = passage.text();
                    let is_key;
                    (at, is_key) = behind(json, stop + 1, in_object, nested);
                    if is_key {
                        path.put(content);
                    }
                    if !(strings.settles(passage, &mut link) && room.admit(1, content.len())) {
                        room = hand(strings, room, &mut path, content, kind::seen(content));
                    }
                    continue;
                }
                let (content, seen, after) = string(json, from, stop, marked, text);
                if let Some(after) = after {
                    let is_key;
                    (at, is_key) = behind(json, after, in_object, nested);
                    if is_key {
                        path.copy(content);
                    }
                }
                room = hand(strings, room, &mut path, content, seen);
                if after.is_none() {
                    break end(json.len(), Why::Truncated);
                }
            }
            b'{' | b'[' => {
                if levels.len() == DEPTH {
                    break end(at, Why::TooDeep);
                }
                (nested, in_object) = (true, *byte == b'{');
                outside = path.get().len();
                path.enter(outside);
                levels.push(outside as u8 | if in_object { 0 } else { ARRAY });
                at += 1;
            }
            b'}' | b']' => {
                if !nested || in_object != (*byte == b'}') {
                    break end(at, Why::Malformed);
                }
                path.leave(outside);
                levels.pop();
                nested = !levels.is_empty();
                let level = levels.last().copied().unwrap_or(ARRAY);
                in_object = level & ARRAY == 0;
                outside = usize::from(level & !ARRAY);
                path.enter(outside);
                at += 1;
                if nested && follows(at, b',') {
                    at += 1;
                }
            }
            b',' if nested => at += 1,
            b' ' | b'\n' | b'\r' | b'\t' => at += blanks(&json[at..]),
            _ => {
                let length = scalar(&json[at..]);
                if length == 0 {
                    break end(at, Why::Malformed);
                }
                if !nested {
                    let bare = &json[at..at + length];
                    room = hand(strings, room, &mut path, bare, kind::seen(bare));
                }
                at += length;
                if nested && follows(at, b',') {
                    at += 1;
                }
            }
        }
    };
    *strings.room() = room;
    end
}

/// Passes over what stands behind a string. Shape: where what follows starts, and whether the string
/// was a key.
#[inline(always)]
fn behind(json: &[u8], mut at: usize, in_object: bool, nested: bool) -> (usize, bool) {
    let mut next = json.get(at);
    if next.is_some_and(|next| *next <= b' ') {
        at += blanks(&json[at..]);
        next = json.get(at);
    }
    match next {
        Some(b':') if in_object => (at + 1, true),
        Some(b',') if nested => (at + 1, false),
        _ => (at, false),
    }
}

/// Measures blanks.
fn blanks(json: &[u8]) -> usize {
    let blank = |b: &u8| matches!(b, b' ' | b'\n' | b'\r' | b'\t');
    json.iter().position(|b| !blank(b)).unwrap_or(json.len())
}

/// Bytes of numbers, `true`, `false` and `null`.
static SCALAR: [bool; 256] = {
    let mut scalar = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        scalar[byte] = b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
        byte += 1;
    }
    scalar
};

/// Measures a number, `true`, `false` or `null`; 0 when it is something else.
#[inline]
fn scalar(json: &[u8]) -> usize {
    let length = json.iter().take_while(|b| SCALAR[usize::from(**b)]).count();
    match json.first() {
        Some(b'0'..=b'9' | b'-') => length,
        _ if matches!(&json[..length], b"true" | b"false" | b"null") => length,
        _ => 0,
    }
}

/// Hands out a string. Returns the room that is left.
#[inline(never)]
fn hand(
    strings: &mut impl Strings,
    room: Room,
    path: &mut Path<'_>,
    text: &[u8],
    seen: Seen,
) -> Room {
    *strings.room() = room;
    strings.take(path.get(), text, seen);
    *strings.room()
}

/// Reads the string that starts at `from` and whose first stop, at `stop`, does not end it.
/// Shape: the content, its kinds, and what stands behind the closing quote, `None` without one.
#[inline(never)]
fn string<'s>(
    json: &'s [u8],
    from: usize,
    stop: usize,
    marked: Marked<'_>,
    text: &'s mut Vec<u8>,
) -> (&'s [u8], Seen, Option<usize>) {
    if stop < json.len() {
        let after = escaped(json, from, stop, marked, text);
        return (text, kind::seen(text), after);
    }
    let content = &json[from..];
    (content, kind::seen(content), None)
}

/// Reads the same, whose first escape is at `at`, into `text`. Returns what stands behind the
/// closing quote.
#[inline(never)]
fn escaped(
    json: &[u8],
    from: usize,
    mut at: usize,
    marked: Marked<'_>,
    text: &mut Vec<u8>,
) -> Option<usize> {
    text.clear();
    text.extend_from_slice(&json[from..at]);
    loop {
        match json.get(at)? {
            b'"' => return Some(at + 1),
            _ => at += unescape(&json[at..], text),
        }
        let (stop, _) = marked.run(at);
        text.extend_from_slice(&json[at..stop]);
        at = stop;
    }
}

/// Undoes the escape at the start; a broken one stays as it is. Returns its length.
fn unescape(json: &[u8], text: &mut Vec<u8>) -> usize {
    let Some(letter) = json.get(1) else {
        text.push(b'\\');
        return 1;
    };
    let byte = match letter {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 8,
        b'f' => 12,
        b'"' | b'\\' | b'/' => *letter,
        b'u' => return unicode(json, text),
        _ => {
            text.extend_from_slice(&json[..2]);
            return 2;
        }
    };
    text.push(byte);
    2
}

fn unicode(json: &[u8], text: &mut Vec<u8>) -> usize {
    let unit = |at: usize| match json.get(at..at + 2) {
        Some(b"\\u") => hex(json.get(at + 2..at + 6)?),
        _ => None,
    };
    let (code, length) = match (unit(0), unit(6)) {
        (Some(high @ 0xd800..=0xdbff), Some(low @ 0xdc00..=0xdfff)) => {
            (0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00), 12)
        }
        (Some(code), _) => (code, 6),
        (None, _) => {
            text.extend_from_slice(&json[..2]);
            return 2;
        }
    };
    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &[u8]) -> (Vec<String>, Why) {
        let mut out = Vec::new();
        let end = walk(json, &mut Scratch::default(), |path, text, _| {
            let show = String::from_utf8_lossy;
            out.push(format!("{}={}", show(path), show(text)));
        });
        (out, end.why)
    }

    #[test]
    fn strings_come_with_their_paths() {
        for (json, want, why) in [
            (
                r#"{"a":{"b":"c"},"d":[1,"e",{"f":"g"}]}"#,
                &["a=a", "a.b=b", "a.b=c", "d=d", "d=e", "d.f=f", "d.f=g"][..],
                Why::Complete,
            ),
            (
                r#""\u003cscript\u003e\n\/\uD83D\uDE00\ud800""#,
                &["=<script>\n/\u{1F600}\u{fffd}"],
                Why::Complete,
            ),
            ("-12.5e3", &["=-12.5e3"], Why::Complete),
            (r#"{"a":"b"#, &["a=a", "a=b"], Why::Truncated),
            (r#"{"a":"b\"#, &["a=a", "a=b\\"], Why::Truncated),
            (r#"{"a":["b","#, &["a=a", "a=b"], Why::Truncated),
            (r#"["a"] or 1=1"#, &["=a"], Why::Malformed),
            (r#"{"a":"b"]"#, &["a=a", "a=b"], Why::Malformed),
            ("{\"a\":1}\n{\"b\":2}", &["a=a", "b=b"], Why::Complete),
            ("{a:1}", &[], Why::Malformed),
            ("", &[], Why::Complete),
        ] {
            assert_eq!(
                read(json.as_bytes()),
                (want.iter().map(|s| s.to_string()).collect(), why),
                "{json}"
            );
        }
    }

    #[test]
    fn nesting_costs_no_stack() {
        let deep = |n: usize| format!("{}\"x\"{}", "[".repeat(n), "]".repeat(n));
        assert_eq!(
            read(deep(10_000).as_bytes()),
            (vec!["=x".into()], Why::Complete)
        );
        assert_eq!(read(deep(DEPTH + 1).as_bytes()).1, Why::TooDeep);
    }
}
