//! SQL injection: a value is read as SQL in the three places where applications put values (as
//! it stands, within single quotes, within double quotes), and judged by what follows the break.
//! Source: the idea of reading in three contexts is libinjection's; lexer and patterns are own.

mod breakout;
mod call;
mod condition;
mod functions;
mod lexer;
mod reading;
mod statement;

use super::detector::{Detector, Report};
use super::prefilter::{Hints, Marks};
use super::words::Words;
use super::{Family, Part};
use crate::decode::{kind, Value};
use lexer::{Comments, Tokens};
use reading::{Context, Reading};

/// How far into a value a break is looked for. Units: bytes.
const REACH: usize = 16 << 10;

/// Longest value whose typographic quotes are looked at. Units: bytes.
const STRAIGHT: usize = 96;

/// The detector of this family.
pub struct SqlInjection;

impl Detector for SqlInjection {
    fn family(&self) -> Family {
        Family::SqlInjection
    }

    fn wants(&self, hints: &Hints) -> bool {
        let seen = hints.seen;
        let commented = seen.twice & (kind::DOT | kind::SLASH) != 0;
        let operators = seen.any & (kind::OPEN | kind::TAG | kind::BRACE) != 0 || commented;
        let quoted = seen.any & kind::QUOTE != 0;
        hints.words.contains(Words::SQL)
            || quoted && (operators || hints.has(Marks::SHORT))
            || hints.words.contains(Words::SQL_LIKE) && (operators || quoted)
            || hints.has(Marks::NUMERIC) && operators
    }

    /// Three readings of so many tokens at most.
    fn steps(&self, bytes: usize) -> usize {
        48 + bytes.min(512) + bytes / 32
    }

    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>) {
        let text = match value.part {
            Part::Path => segment(value.bytes),
            _ => value.bytes,
        };
        let text = &text[..text.len().min(REACH)];
        let mut tokens = Tokens::new();
        let mut evasive = false;
        let mut read = |from: usize, context| {
            tokens.read(&text[from..]);
            let reading = Reading {
                text: &text[from..],
                tokens: &tokens,
                context,
                before: from,
                quote: if from > 0 { text[from - 1] } else { 0 },
            };
            let found = reading.judge();
            evasive |= disguised(tokens.comments, found.is_some());
            if let Some((rule, score)) = found {
                report.add(rule, score);
            }
        };
        read(0, Context::Bare);
        for quote in [b'\'', b'"'] {
            if let Some(at) = memchr::memchr(quote, text) {
                read(at + 1, Context::Quoted);
            }
        }
        if evasive {
            report.add("sqli.disguise", 0.5);
        }
        if let Some(plain) = straightened(text) {
            let quote = memchr::memchr(b'\'', &plain).map_or(0, |at| at + 1);
            tokens.read(&plain[quote..]);
            let reading = Reading {
                text: &plain[quote..],
                tokens: &tokens,
                context: Context::Quoted,
                before: quote,
                quote: b'\'',
            };
            if let Some((rule @ "sqli.tautology", score)) = reading.judge() {
                report.add(rule, score);
            }
        }
        if extracts(text) {
            report.add("sqli.json", 0.7);
        }
    }
}

/// Cuts a path down to where its first suspicious segment starts.
fn segment(path: &[u8]) -> &[u8] {
    let sharp = |b: &u8| matches!(b, b'\'' | b'"' | b'(' | b')' | b' ' | b';' | b'=' | b'*');
    let end = path.iter().position(sharp).unwrap_or(path.len());
    let start = memchr::memrchr(b'/', &path[..end]).map_or(0, |at| at + 1);
    &path[start..]
}

/// Makes typographic quotes straight, as databases and character sets do that know no others.
/// `None` for values without, and for those too long to be more than prose.
fn straightened(text: &[u8]) -> Option<Vec<u8>> {
    let quote = |at: usize| matches!(text.get(at + 1..at + 3), Some([0x80, 0x98 | 0x99 | 0xb2]));
    let first =
        memchr::memchr_iter(0xe2, &text[..text.len().min(STRAIGHT)]).find(|at| quote(*at))?;
    let (mut out, mut at) = (text[..first].to_vec(), first);
    while let Some(byte) = text.get(at) {
        let curly = *byte == 0xe2 && quote(at);
        out.push(if curly { b'\'' } else { *byte });
        at += if curly { 3 } else { 1 };
    }
    (text.len() <= STRAIGHT).then_some(out)
}

/// `'{"a":1}'::jsonb @> '{}'`: a cast of a string to JSON, and an operator on it. It passes filters
/// that know only the older half of SQL.
fn extracts(text: &[u8]) -> bool {
    let Some(at) = memchr::memmem::find(text, b"'::json") else {
        return false;
    };
    let rest = &text[at + 7..];
    let rest = rest.strip_prefix(b"b").unwrap_or(rest).trim_ascii_start();
    let quotes = memchr::memchr(b'\'', rest).is_some();
    let statement = text.trim_ascii_start().get(..6);
    if statement.is_some_and(|word| word.eq_ignore_ascii_case(b"select")) {
        return false;
    }
    matches!(
        rest.first(),
        Some(b'-' | b'#' | b'@' | b'<' | b'>' | b'?' | b'|')
    ) && quotes
}

/// Comments where blanks would do are there to pass filters.
fn disguised(comments: Comments, found: bool) -> bool {
    comments.executable > 0 || found && comments.inline > 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing::score;

    #[test]
    fn injections_are_found() {
        for text in [
            "1 or 1=1",
            "1' or '1'='1",
            "\" or \"\"=\"",
            "admin'--",
            "') or ('a'='a",
            "-1 union all select null,null,version()",
            "1;drop table users",
            "1'; waitfor delay '0:0:5'--",
            "1 and (select count(*) from users)>0",
            "'||(select password from users)||'",
            "1 and sleep(5)",
            "1/**/union/**/select/**/password/**/from/**/users",
            "1 order by 10-- ",
            "x' and extractvalue(1,concat(0x7e,version()))-- ",
            "' union select 1 into outfile '/tmp/x'",
            "'OR'a='a",
            "1'or'a='a",
            "aa' / current_date != '1",
            "aa' DIV 1 = 0 or '1",
            "1\" where 4=4 and make_set(2=7,7)--",
            "1';begin user_lock.sleep(5); end--",
            "1\u{2019} or \u{2018}1\u{2019}=\u{2018}1",
            "OR '{\"b\":2}'::jsonb @> '{\"a\":1}'::jsonb",
            "select sleep(10 /6)",
            "'; if 1=1 drop database x-- -a",
            "1;load xml local infile \"x\"",
            "1';iif(5=5,1,1/0)",
            "' insert into users(a) values('b') --",
            "' select name from syscolumns--",
        ] {
            assert!(score(&SqlInjection, text) >= 0.5, "{text}");
        }
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in [
            "It's a dog's life, or is it?",
            "rock 'n' roll and 50's pop",
            "Select a union or join the group by Friday",
            "SELECT name, age FROM users WHERE age > 30 AND city = 'Oslo' ORDER BY age",
            "SELECT a FROM t UNION SELECT a FROM u",
            "O'Reilly & Sons -- books, tools; more",
            "if a == 'x' and b == 'y': return 1",
            "1060 or 70s",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
            "5'10\" tall",
            "the boys' and the girls' toys",
            "rock 'n' roll or 'bop'",
            "10' - 12' boards",
            "sizes: 5' x 6' and 7' x 8'",
            "'tis the season; if you will",
            "year(now())",
            "don\u{2019}t stop or you\u{2019}ll miss it",
            "SELECT '{\"a\":1}'::jsonb -> 'a'",
            "select data->'a' from t where data @> '{\"a\":1}'::jsonb",
            "\"where it began\" and \"where it ends\"",
            "query = \"select a from t -- all of it\"",
            "done; begin again, then load data",
            "{ user(id: \"1\") { name } }",
            "y = x or 0  # the fallback of this line",
            "cursor.execute(\"SELECT a FROM t UNION SELECT 1, b FROM u\")",
            "if a and f(x) > 3: pass  # explained here at length",
        ] {
            assert!(score(&SqlInjection, text) < 0.5, "{text}");
        }
    }
}
