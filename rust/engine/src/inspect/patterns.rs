//! Families that are known by patterns: a set of regular expressions that is compiled when first
//! needed, each with a score where the value stands alone and one where it is part of a text.
//!
//! Source: regular expressions without backtracking, so that the work is linear in the value
//! ([`Automaton`]); a value is cut at [`REACH`].

use super::automaton::{self, Automaton};
use super::built::Built;
use super::detector::Report;
use super::Part;
use crate::decode::Value;
use std::cell::OnceCell;

/// How much of a value is matched. Units: bytes.
pub const REACH: usize = 16 << 10;
/// Longest value that counts as one by itself however many words it has. Units: bytes.
const ALONE: usize = 48;
/// Words, and ends of lines, by which a text has begun.
const WORDS: usize = 6;
const LINES: usize = 2;
/// One pattern. In texts people write about code and servers, most say little.
pub struct Pattern {
    pub rule: &'static str,
    /// Score where no text has begun before it.
    pub alone: f32,
    /// Score behind the beginning of prose or of a program.
    pub within: f32,
    /// Whether a sentence may start with it or quote it, as with a command or a link: then a text tells
    /// about it wherever it stands.
    pub quoted: bool,
    /// In the syntax of the `regex` crate, ASCII, any case, `.` for any byte but a line end.
    pub regex: &'static str,
}

/// Letters beyond ASCII by which a text has begun, also one that sets no blanks between its words.
const LETTERS: usize = 24;

/// Shorthand for a table's line.
pub const fn pattern(rule: &'static str, alone: f32, within: f32, regex: &'static str) -> Pattern {
    Pattern {
        rule,
        alone,
        within,
        quoted: false,
        regex,
    }
}

/// The same for what a sentence may start with or quote.
pub const fn quoted(rule: &'static str, alone: f32, within: f32, regex: &'static str) -> Pattern {
    Pattern {
        quoted: true,
        ..pattern(rule, alone, within, regex)
    }
}

/// A family's patterns.
pub struct Patterns {
    table: &'static [Pattern],
    automata: Built<Vec<Automaton>>,
}

impl Patterns {
    pub const fn new(table: &'static [Pattern]) -> Patterns {
        Patterns {
            table,
            automata: Built::new(),
        }
    }

    /// Reports every pattern that matches `text`, which is the value or a plainer form of it. What
    /// stands behind a match says nothing about it: whoever attacks writes there what they like.
    /// Cost: linear, one pass for each of few automata, and one more over the head of a text that
    /// matches.
    pub fn judge(&self, value: &Value<'_>, text: &[u8], report: &mut Report<'_>) {
        let read = &text[..text.len().min(REACH)];
        report.skip(text.len() - read.len());
        let head = OnceCell::new();
        let head = || *head.get_or_init(|| prose(value.part, read).map(|begins| &read[..begins]));
        let tables = self.table.chunks(automaton::MOST);
        for (table, automaton) in tables.zip(self.automata()) {
            let found = report.search(automaton, read);
            if found == 0 {
                continue;
            }
            let early = head().map(|head| report.search(automaton, head));
            for (n, pattern) in table.iter().enumerate() {
                if found >> n & 1 == 0 {
                    continue;
                }
                let score = match early {
                    Some(early) if pattern.quoted || early >> n & 1 == 0 => pattern.within,
                    _ => pattern.alone,
                };
                if score > 0.0 {
                    report.add(pattern.rule, score);
                }
            }
        }
    }

    fn automata(&self) -> &[Automaton] {
        self.automata.get_or(|| self.compile().unwrap_or_default())
    }

    fn compile(&self) -> Result<Vec<Automaton>, automaton::Error> {
        let tables = self.table.chunks(automaton::MOST);
        let regexes = tables.map(|table| table.iter().map(|p| p.regex).collect::<Vec<_>>());
        regexes.map(|regexes| Automaton::new(&regexes)).collect()
    }
}

/// Tells whether a value is a text: several lines or sentences, as people and programs send them.
pub fn is_text(value: &Value<'_>) -> bool {
    begins(value.part, value.bytes).is_some()
}

/// Where prose or a program has begun, behind which little tells an attack; nowhere in a parameter of
/// a URL, which is judged as a whole. Cost: linear.
pub fn prose(part: Part, text: &[u8]) -> Option<usize> {
    begins(part, text).filter(|_| part != Part::Query)
}

/// Where a text has begun: the start of its sixth word or the end of its second line, within [`REACH`].
/// `None` for what is none. Cost: linear, up to there.
fn begins(part: Part, text: &[u8]) -> Option<usize> {
    let text = &text[..text.len().min(REACH)];
    let lead = text.len() - text.trim_ascii_start().len();
    let text = text.trim_ascii();
    if matches!(part, Part::Path | Part::Header | Part::Cookie) || text.len() <= ALONE {
        return None;
    }
    if let Some(opened) = fence(text) {
        return Some(lead + opened);
    }
    let ascii = text.is_ascii();
    let (mut words, mut lines, mut letters, mut at) = (0, 0, 0, 0);
    for word in text.split_inclusive(u8::is_ascii_whitespace) {
        let (start, ends) = (at, word.ends_with(b"\n"));
        at += word.len();
        if !ascii {
            let missing = LETTERS - letters;
            if let Some((last, _)) = foreign(word).nth(missing - 1) {
                return Some(lead + start + last);
            }
            letters += foreign(word).count();
        }
        words += usize::from(is_word(word.trim_ascii_end()));
        lines += usize::from(ends);
        if words == WORDS {
            return Some(lead + start);
        }
        if lines == LINES {
            return Some(lead + at);
        }
    }
    None
}

/// Measures the line that opens a block of code in Markdown, where a text starts with one. What it is
/// written in stands there, and nothing else. Source: CommonMark 0.31, section 4.5.
fn fence(text: &[u8]) -> Option<usize> {
    const MARK: &[u8] = b"```";
    let opened = text.strip_prefix(MARK)?;
    let end = memchr::memchr(b'\n', opened)?;
    let (language, block) = opened.split_at(end);
    let named = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'#' | b'_');
    let closed = memchr::memmem::find(block, b"\n```").is_some();
    (closed && language.trim_ascii().iter().all(named)).then_some(MARK.len() + end + 1)
}

/// The letters of a word beyond ASCII, and where each starts. Signs, and letters in a form that readers
/// fold to those of ASCII, are none. Source: Unicode 15, blocks from U+00C0 to U+D7FF but U+2000 to U+2FFF.
fn foreign(word: &[u8]) -> impl Iterator<Item = (usize, &u8)> {
    let starts = |byte: u8| matches!(byte, 0xc3..=0xdf | 0xe0 | 0xe1 | 0xe3..=0xed);
    word.iter()
        .enumerate()
        .filter(move |(_, byte)| starts(**byte))
}

fn is_word(word: &[u8]) -> bool {
    let plain = |b: &u8| b.is_ascii_alphabetic() || matches!(b, b',' | b'.' | b'\'');
    word.len() > 1 && word.iter().all(plain)
}

#[cfg(test)]
pub fn compiles(patterns: &Patterns) {
    if let Err(error) = patterns.compile() {
        panic!("{error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_begin_in_any_script_and_with_a_block_of_code() {
        let begins = |text: &str| begins(Part::Json, text.as_bytes()).is_some();
        for text in [
            "現在時刻を生成し、文字列として返します。必要な場合は `$now()` を使います",
            "Произвольный текст описания, который кончается здесь: $now() и далее",
            "```js\nconst a = require('fs'); a.readFileSync('x.json')\n```",
        ] {
            assert!(begins(text), "{text}");
        }
        for text in [
            "現在時刻を返します: $now() const a = require('fs')",
            "{{''.__𝐜𝐥𝐚𝐬𝐬__.__𝐦𝐫𝐨__[1].__𝐬𝐮𝐛𝐜𝐥𝐚𝐬𝐬𝐞𝐬__()}}",
            "ｃｏｎｓｔ ｒｅｑｕｉｒｅ ｃｈｉｌｄ ｐｒｏｃｅｓｓ; ⓒⓤⓡⓛ",
            "```js const a = require('fs'); a.readFileSync('x.json')```",
            "```js\nconst a = require('fs'); a.readFileSync('x.json')",
            "```js;id a = require('fs'); a.readFileSync('x.json')\n```",
        ] {
            assert!(!begins(text), "{text}");
        }
    }
}
