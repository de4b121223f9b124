//! SQL injection: a value is read as SQL in the three places where applications put values (as
//! it stands, within single quotes, within double quotes), and judged by what follows the break.
//! Source: the idea of reading in three contexts is libinjection's; lexer and patterns are own.

mod breakout;
mod call;
mod condition;
mod dialect;
mod files;
mod functions;
mod lexer;
mod reading;
mod spelling;
mod statement;

use super::detector::{Detector, Report};
use super::documents::is_deep;
use super::patterns;
use super::prefilter::{Hints, Marks};
use super::words::Words;
use super::{Family, Part};
use crate::decode::{kind, Value};
use lexer::{Comments, Kind, Tokens};
use reading::{Context, Reading};

/// How far into a value a break is looked for. Units: bytes.
const REACH: usize = 16 << 10;

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
            || hints.has(Marks::AXIS)
    }

    /// Three readings of so many tokens at most.
    fn steps(&self, bytes: usize) -> usize {
        72 + bytes.min(512) / 2 + bytes / 32
    }

    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>) {
        let text = match value.part {
            Part::Path => segment(value.bytes),
            _ => value.bytes,
        };
        let text = &text[..text.len().min(REACH)];
        let prose = patterns::prose(value.part, text);
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
                prose: prose.map(|at| at.saturating_sub(from)),
            };
            let found = reading.judge();
            evasive |= disguised(tokens.comments, found.is_some());
            if let Some((rule, score)) = found {
                report.add(rule, score);
            }
        };
        read(0, Context::Bare);
        // A sign in quotes and no more, deep in a document: `"*"`.
        let sign = matches!(text, [open @ (b'\'' | b'"'), sign, close]
            if open == close && sign.is_ascii_punctuation() && is_deep(value));
        for quote in [b'\'', b'"'] {
            let broken = first(text, quote, value.part).filter(|_| !sign);
            if let Some(at) = broken {
                read(at + 1, Context::Quoted);
                // `\''`: the application doubles the quote, and the backslash undoes the first.
                if at > 0 && text[at - 1] == b'\\' && text.get(at + 1) == Some(&quote) {
                    read(at + 2, Context::Quoted);
                }
            }
        }
        if evasive {
            report.add("sqli.disguise", 0.5);
        }
        if let Some(joined) = spelling::joined(text) {
            let found = |r: Reading<'_>| {
                r.judge().is_some() || r.holds(Kind::Union) && r.holds(Kind::Select)
            };
            let disguised = [None, Some(b'\''), Some(b'"')]
                .into_iter()
                .any(|quote| read_at(&mut tokens, &joined, quote).is_some_and(found));
            if disguised {
                report.add("sqli.disguise", 0.75);
            }
        }
        for plain in [spelling::straightened(text), spelling::halved(text)] {
            let Some(plain) = plain else { continue };
            for quote in [None, Some(b'\''), Some(b'"')] {
                let found = read_at(&mut tokens, &plain, quote).and_then(|r| r.judge());
                if let Some((rule @ "sqli.tautology", score)) = found {
                    report.add(rule, score);
                }
            }
        }
        if let Some(plain) = spelling::unplussed(text) {
            for quote in [None, Some(b'\''), Some(b'"')] {
                let found = read_at(&mut tokens, &plain, quote).and_then(|r| r.judge());
                if let Some((rule, score)) = found {
                    report.add(rule, score);
                }
            }
        }
        if dialect::extracts(text) || dialect::compares(text) {
            report.add("sqli.json", 0.75);
        }
        if files::touches_files(text) {
            report.add("sqli.file", 0.6);
        }
        if dialect::casts(text) {
            report.add("sqli.cast", 0.6);
        }
    }
}

/// Where a quote may first end a string of the application's. Of a header, and of a query's labels, not
/// around a parameter that is a sign and nothing else: `odata.include-annotations="*"`, `{line="#"}`.
fn first(text: &[u8], quote: u8, part: Part) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr(quote, &text[from..])?;
        let (before, behind) = text.split_at(at);
        let labels = text.starts_with(b"{");
        let sign = (part == Part::Header || labels)
            && before.ends_with(b"=")
            && matches!(behind, [_, sign, end, ..] if sign.is_ascii_punctuation() && *end == quote);
        let rest = behind.get(3..).unwrap_or_default().trim_ascii_start();
        let ends = match rest {
            [] | [b';', ..] => !labels,
            [b',', ..] => true,
            [b'}', ..] => labels,
            _ => false,
        };
        if !sign || !ends {
            return Some(at);
        }
        from = at + 3;
    }
}

/// Reads a text behind the first of that quote, or as it stands. `None` where there is no such quote.
fn read_at<'t>(tokens: &'t mut Tokens, text: &'t [u8], quote: Option<u8>) -> Option<Reading<'t>> {
    let from = match quote {
        Some(quote) => memchr::memchr(quote, text)? + 1,
        None => 0,
    };
    let text = &text[from..];
    tokens.read(text);
    Some(Reading {
        text,
        tokens,
        context: if from > 0 {
            Context::Quoted
        } else {
            Context::Bare
        },
        before: from,
        quote: quote.unwrap_or(0),
        prose: None,
    })
}

/// Cuts a path down to where its first suspicious segment starts.
fn segment(path: &[u8]) -> &[u8] {
    let sharp = |b: &u8| matches!(b, b'\'' | b'"' | b'(' | b')' | b' ' | b';' | b'=' | b'*');
    let end = path.iter().position(sharp).unwrap_or(path.len());
    let start = memchr::memrchr(b'/', &path[..end]).map_or(0, |at| at + 1);
    &path[start..]
}

/// Comments where blanks would do are there to pass filters.
fn disguised(comments: Comments, found: bool) -> bool {
    comments.executable > 0 || found && comments.inline > 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing::{score, score_at};

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
            "select 1,sin((1)),2 from bar where",
            "8'+AND+'1'+LIKE+'1",
            ")-sleep(9999",
            "'{\"a\":2}' > '$.a' = 7",
            "OR '{\"name\":\"x\"}' ?& array['a']",
            "starts_with(password,'a')::int",
            "' union a",
            "\"alter x",
            "select -sin(('1')),2 from bar where",
            "(select id from users limit 1,1)",
            "10;DROP members --",
            "3;ATTACH DATABASE '/tmp/x' AS y;create table y.z(a)",
            "1;do (1=1)",
            "\\''; DROP TABLE users; --",
            "\\'; desc users; --",
            "iif(3=4,1,1/0)",
            "(826=826)*99",
            "uni/**/on sel/**/ect 1",
            ") or (\u{2018}3\u{2032}=\u{2018}3\u{2013}",
            "x\"\") or (\"\"b\"\"=\"\"b",
            "-7 union-- ",
            "3/2/**/union#x",
            "sleep (",
            "cOnCaT(",
            "unhex(",
            "a@b.example' or json (x);",
            "load data local infile '/tmp/x' into table y",
            "Copy t FROM '/tmp/x';",
            "backup database d to disk = '\\\\a.example\\x'",
            "select * from y where z=3--",
            ") AS total FROM",
            "sElect slEep (\"10\")",
            "-1 union values row(1,2,3)",
            "1;grant all on *.* to 'eve'",
            "0; prepare s from concat('sel','ect 1'); execute s",
            "'; rename table users to u2;--",
            "1;set global general_log=1",
            "if(1=1,id,name)",
            "x'),('admin','pw')-- ",
            "',role='admin' where id=1-- ",
            "'or@@version>1#",
            "1 or ~0",
            "1' AND 1::int=1--",
            "1' and N'a'=N'a",
            "1 or st_isvalid(1)",
            "' or data @> '{}'--",
            "1 and (1,2)=(1,2)",
            "x\" or 1==1 limit 1",
            "'; drop keyspace shop; --",
            "1;create or replace function f() returns int as 'system' language c",
            "1 procedure analyse()",
            "x','admin')#",
            "x' where id=1;-- ",
            "1 or @a:=1",
            "1' un/**/ion sel/**/ect 1",
            "1 having max(pay)>1--",
            "(select pin from cards limit 1) as p",
            "1.e(ascii)or 1.e(1)=1",
            "1'; waitfor delay @t--",
            "@@version/*",
            "@version/*",
            "@a /*",
            "{line=\"#",
            "{line=\"#\"} or 1=1",
            "x' or case 1 when 1 then 1 else 0 end--",
            "x' or case (select a from b where c=d) when 1 then 1 end--",
            "x' and case length(concat(a,b,c,d,e,f)) when 6 then 1 end--",
            "x' group by 1--",
            "' limit 1--",
            "x' and select pass from users--",
            "please show me all of my orders and select pass from users",
            "please show me all of it' and select pass from users--",
            "1;benchmark 'a'",
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
            "select one from where you like",
            "Select a, b and c, from which",
            "a/**/b and c/**/d",
            "if (a == 3) x = 4",
            "(SELECT)",
            "{'a': [1]}",
            "a+b+c",
            "rock+'n'+roll",
            "\"\"",
            "say \"\"this\"\" or \"\"that\"\"",
            "2 union",
            "7 union jack mugs",
            "useState(",
            "Substring(",
            "2 union -- the best",
            "copy files from '/a' to the drive",
            "copy 'a' from '/b' to 'c'",
            "please copy this from 'home' to 'work'",
            "select a -- the first column\nfrom b",
            "if (",
            "(so) as a gift from",
            "std::string",
            "'select' is a word",
            "'Create' button",
            "cursor.execute(\"SELECT a FROM t UNION SELECT 1, b FROM u\")",
            "if a and f(x) > 3: pass  # explained here at length",
            "1; grant access on Monday",
            "if (a == 3, b)",
            "2; set the table",
            "1 or f(x)",
            "\"or\" vs 'and'",
            "plot(a, b, 'or')",
            "bash benchmark.sh",
            "not(exists(f:code)) or exists(f:text)",
            "not(exists(a)) or not(exists(*[1]))",
            "join(names, \"and\");\n",
            "1 and not 2",
            "we expected 'a' and 'b' = 'c' here",
            "select 'a' || b as s from t where d = e or 1 = 0",
            "('a','b')#",
            "title:(union AND select) -draft",
            "(a or select)",
            "waitfor delay at gate 5; update set times",
            "7 having max(3) > 1 pieces",
            "version 1.e (beta)",
            "@types/*",
            "{line=\"#\"}",
            "messages of a failure or null in case of validation",
            "messages of a failure or null in case of validation, and none at all when it went well",
            "create an alert or case in `Iris` with rules",
            "similar to 'group' but usable for other purposes",
            "$('Limit').item.json.id",
            "@angular/**",
            "and(like(definition,\"*test*\"))",
            "login required user=\"<KEY>\" pass=\"<SECRET>\";",
            "\"Benchmark\",\"Mode\",\"Score Error (99.9%)\"\n\"a.b\",\"x\",1",
        ] {
            assert!(score(&SqlInjection, text) < 0.5, "{text}");
        }
    }

    #[test]
    fn parameters_of_headers_may_be_signs() {
        let header = |text| score_at(&SqlInjection, Part::Header, b"Prefer", text);
        for text in [
            "odata.maxpagesize=50, odata.include-annotations=\"*\"",
            "a=\"*\"; b='-'",
            "include-annotations=\"-*\"",
        ] {
            assert!(header(text) < 0.5, "{text}");
        }
        for text in [
            "a\"*\"",
            "\"*\"",
            "a=\"*\"1",
            "a=\"*\"; b=\" or \"a\"=\"a",
            "a=\"*(select 1)*\"",
        ] {
            assert!(header(text) >= 0.5, "{text}");
        }
    }

    #[test]
    fn documents_hold_signs_in_quotes() {
        let json = |name, text| score_at(&SqlInjection, Part::Json, name, text) >= 0.5;
        assert!(!json(b"policy.vars.origins.value", "\"*\""));
        assert!(json(b"user.name", "\"*\""));
        assert!(json(b"policy.vars.origins.value", "\"*\"1"));
    }

    #[test]
    fn texts_tell_about_conditions() {
        let judge = |text| score_at(&SqlInjection, Part::Json, b"text", text);
        for text in [
            "The manual of the shop says: use ' OR '1'='1 as an example of an injection.",
            "Go to the page of your fork and select your own branch there.",
            "Why is that, because I'm not an admin, or 1=1? It worked the day before.",
            "Error while reading the page of orders: near ''1' or '1'='1'' at line 1",
        ] {
            assert!(judge(text) < 0.5, "{text}");
        }
        for text in [
            "please send me all of the orders of today' or '1'='1",
            "please send me all of the orders of today' or 1=1-- ",
            "please send me all of the orders of today' or 1=1 limit 5",
        ] {
            assert!(judge(text) >= 0.5, "{text}");
        }
    }
}
