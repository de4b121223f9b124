//! Statements and clauses that were put behind a value.

use super::functions::{weigh, Weight};
use super::lexer::Kind;
use super::reading::{Context, Found, Reading};

impl Reading<'_> {
    /// `union all select 1,2`.
    pub(super) fn union(&self, i: usize, statement: bool) -> Found {
        let mut j = i + 1;
        while matches!(self.kind(j), Kind::All | Kind::Open | Kind::Other) && j < i + 8 {
            j += 1;
        }
        // `union values row(1,2)`, `union table users`.
        let rows =
            self.is(j, b"values") && (self.kind(j + 1) == Kind::Open || self.is(j + 1, b"row"));
        if rows && !statement {
            return Some(("sqli.union", 0.8));
        }
        if self.kind(j) != Kind::Select {
            // A value, `union` and a comment without a sentence: the rest comes by another way.
            let cut = self.kind(i + 1) == Kind::Comment && self.context == Context::Bare;
            let cut = cut && !self.tells(i + 1);
            return (cut && !statement && self.led(i)).then_some(("sqli.union", 0.6));
        }
        while matches!(self.kind(j + 1), Kind::All | Kind::Open) && j < i + 16 {
            j += 1;
        }
        let literal = matches!(
            self.kind(j + 1),
            Kind::Number | Kind::Text { .. } | Kind::Variable | Kind::Prefix
        );
        // `union select committee` is a sentence's.
        let sentence = matches!(self.kind(j + 1), Kind::Name | Kind::Statement)
            && matches!(
                self.kind(j + 2),
                Kind::Name | Kind::Other | Kind::Logic | Kind::End
            );
        match (statement, literal) {
            (true, true) if self.commented_at_last() => Some(("sqli.union", 0.6)),
            (true, _) => None,
            (_, true) => Some(("sqli.union", 0.95)),
            _ if sentence => None,
            _ => Some(("sqli.union", 0.8)),
        }
    }

    /// Tells whether a comment has words: blanks between what it says.
    fn tells(&self, comment: usize) -> bool {
        let comment = &self.text[self.tokens.get(comment).start..];
        let sign = comment.iter().take_while(|b| !b.is_ascii_alphanumeric());
        let said = comment[sign.count()..].trim_ascii();
        memchr::memchr(b' ', said).is_some()
    }

    /// `; drop table x`.
    pub(super) fn stacked(&self, i: usize, statement: bool) -> Found {
        let broke = !statement && (self.context == Context::Quoted || i <= 1 || self.led(i));
        let branches = self.is(i + 1, b"if") || self.is(i + 1, b"iif");
        match self.kind(i + 1) {
            _ if !broke => None,
            Kind::Statement if self.acts(i + 1) => Some(("sqli.stacked", 0.85)),
            Kind::Statement if self.kind(i + 2) == Kind::Name && self.cut(i + 3) => {
                Some(("sqli.stacked", 0.7))
            }
            Kind::Select if self.kind(i + 2) != Kind::Name || self.commented_at_last() => {
                Some(("sqli.stacked", 0.8))
            }
            Kind::Select if i <= 1 || self.context == Context::Quoted => {
                Some(("sqli.stacked", 0.7))
            }
            Kind::Name if branches && self.kind(i + 2) == Kind::Open && self.led(i) => {
                Some(("sqli.stacked", 0.7))
            }
            Kind::Name if i == self.closes(0) || self.led(i) => self.flow(i + 1),
            _ => None,
        }
    }

    /// `; if 1=1 drop ...`, `; begin user_lock.sleep(5); end`, `; load xml infile`.
    fn flow(&self, i: usize) -> Found {
        let value = matches!(
            self.kind(i + 1),
            Kind::Number | Kind::Text { .. } | Kind::Variable
        );
        let asks = (self.is(i, b"if") || self.is(i, b"while")) && value;
        let tests = (self.is(i, b"if") || self.is(i, b"iif"))
            && self.kind(i + 1) == Kind::Open
            && self.kind(i + 2) == Kind::Number
            && self.kind(i + 3) == Kind::Compare;
        let begins = self.is(i, b"begin") && matches!(self.kind(i + 2), Kind::Dot | Kind::Open);
        let loads = self.is(i, b"load") && (self.is(i + 1, b"xml") || self.is(i + 1, b"data"));
        let copies = [&b"attach"[..], b"backup", b"restore"]
            .iter()
            .any(|w| self.is(i, w))
            && self.is(i + 1, b"database")
            || self.is(i, b"copy") && self.kind(i + 2) == Kind::From;
        let shows = [&b"desc"[..], b"describe", b"show"]
            .iter()
            .any(|w| self.is(i, w))
            && self.kind(i + 1) == Kind::Name
            && self.cut(i + 2 + usize::from(self.kind(i + 2) == Kind::Semicolon));
        let does = self.is(i, b"do") && self.kind(i + 1) == Kind::Open;
        let renames = self.is(i, b"rename") && self.is(i + 1, b"table") && self.is(i + 3, b"to");
        let prepares = self.is(i, b"prepare") && self.kind(i + 2) == Kind::From;
        let handles = self.is(i, b"handler") && self.is(i + 2, b"open");
        let changes = renames || prepares || handles;
        (asks || tests || begins || loads || copies || shows || does || changes)
            .then_some(("sqli.stacked", 0.7))
    }

    /// A statement that runs what it is given, or that stands right behind a value.
    pub(super) fn command(&self, i: usize, statement: bool) -> Found {
        let runs = self.is(i, b"exec") || self.is(i, b"execute");
        let variable = self.kind(i + 1) == Kind::Variable
            || self.kind(i + 1) == Kind::Open && self.kind(i + 2) == Kind::Variable;
        let procedure = self.kind(i + 1) == Kind::Name
            && self
                .word(i + 1)
                .get(..3)
                .is_some_and(|w| w.eq_ignore_ascii_case(b"sp_") || w.eq_ignore_ascii_case(b"xp_"));
        let declared = self.is(i, b"declare") && self.kind(i + 1) == Kind::Variable;
        match () {
            () if runs && (variable || procedure) => Some(("sqli.command", 0.75)),
            () if declared => Some(("sqli.command", 0.6)),
            () if !statement && self.led(i) && self.acts(i) => Some(("sqli.stacked", 0.65)),
            () => None,
        }
    }

    /// Tells whether a statement goes on as its grammar asks, and not as a sentence.
    pub(super) fn acts(&self, i: usize) -> bool {
        let next = |words: &[&[u8]]| words.iter().any(|w| self.is(i + 1, w));
        let objects: &[&[u8]] = &[
            b"table",
            b"database",
            b"user",
            b"function",
            b"procedure",
            b"view",
            b"schema",
            b"index",
            b"login",
            b"trigger",
            b"role",
            b"sequence",
            b"synonym",
            b"extension",
            b"keyspace",
        ];
        let granted = |i: usize| self.is(i, b"on") || self.is(i, b"to");
        match () {
            () if self.is(i, b"insert") => self.kind(i + 1) == Kind::Into,
            () if self.is(i, b"delete") => self.kind(i + 1) == Kind::From,
            () if self.is(i, b"update") => self.is(i + 2, b"set"),
            () if self.is(i, b"shutdown") => self.ends(i + 1) || next(&[b"with"]),
            () if self.is(i, b"drop") || self.is(i, b"create") || self.is(i, b"alter") => {
                next(objects) || next(&[b"or"]) && self.is(i + 2, b"replace")
            }
            () if self.is(i, b"truncate") => next(&[b"table"]),
            () if self.is(i, b"grant") => {
                let right = matches!(self.kind(i + 1), Kind::All | Kind::Select | Kind::Statement);
                (right || next(&[b"dba"])) && granted(i + 2)
            }
            () if self.is(i, b"set") && next(&[b"global", b"session", b"persist"]) => {
                self.kind(i + 3) == Kind::Compare
            }
            () if self.is(i, b"exec") || self.is(i, b"execute") => {
                matches!(self.kind(i + 1), Kind::Variable | Kind::Open | Kind::Name)
                    && !matches!(self.kind(i + 2), Kind::Name)
            }
            () if self.is(i, b"declare") || self.is(i, b"set") => {
                self.kind(i + 1) == Kind::Variable
            }
            () if self.is(i, b"call") => self.kind(i + 2) == Kind::Open,
            () if self.is(i, b"begin") => self.is(i + 1, b"declare"),
            () => matches!(
                self.kind(i + 1),
                Kind::Text { .. } | Kind::Number | Kind::Variable
            ),
        }
    }

    /// `waitfor delay '0:0:5'`.
    pub(super) fn wait(&self, i: usize) -> Found {
        let timed = self.is(i + 1, b"delay") || self.is(i + 1, b"time");
        // A sentence goes on with words: `delay at the gate`.
        let told = matches!(
            self.kind(i + 2),
            Kind::Name | Kind::Compare | Kind::Logic | Kind::By | Kind::From | Kind::Into
        );
        (timed && !told).then_some(("sqli.delay", 0.95))
    }

    /// `into outfile '/var/www/x.php'`.
    pub(super) fn into(&self, i: usize) -> Found {
        let file = self.is(i + 1, b"outfile") || self.is(i + 1, b"dumpfile");
        let named = matches!(
            self.kind(i + 2),
            Kind::Text { .. } | Kind::Number | Kind::Open
        ) || self.kind(i + 3) == Kind::Open;
        (file && named).then_some(("sqli.file", 0.9))
    }

    /// `1 order by 10--`, `1' group by x having`.
    pub(super) fn sort(&self, i: usize) -> Found {
        if self.kind(i + 1) != Kind::By {
            return None;
        }
        let (_, j) = self.operand(i + 2)?;
        let placed = match self.context {
            Context::Quoted => i == self.closes(0),
            Context::Bare => self.led(i),
        };
        match (placed, self.kind(j)) {
            (true, Kind::Comment | Kind::End | Kind::Comma | Kind::Having) => {
                Some(("sqli.clause", 0.7))
            }
            (false, Kind::Comment) if i <= 6 && self.kind(i + 2) == Kind::Number => {
                Some(("sqli.clause", 0.6))
            }
            _ => None,
        }
    }

    /// `(select ...)` where a value should stand.
    pub(super) fn nested(&self, i: usize, statement: bool) -> Found {
        if self.kind(i + 1) != Kind::Select || statement && i > 0 {
            return None;
        }
        let wrapped = matches!(
            self.kind(i + 2),
            Kind::Number | Kind::Open | Kind::Math | Kind::Case
        ) || self.kind(i + 3) == Kind::Open
            && weigh(self.word(i + 2)) >= Weight::Useful
            || self.kind(i + 2) == Kind::Variable;
        let operator = i > 0
            && matches!(
                self.kind(i - 1),
                Kind::Math | Kind::Compare | Kind::Logic | Kind::Comma | Kind::Bars | Kind::Open
            );
        // The whole value, or all but its name: `(select ...) as x`.
        let end = self.tokens.behind(0);
        let named = self.is(end, b"as") && self.kind(end + 1) == Kind::Name;
        let value = i == 0
            && self.context == Context::Bare
            && end + if named { 2 } else { 0 } == self.tokens.len()
            && (0..self.tokens.len()).any(|k| self.kind(k) == Kind::From);
        match (wrapped, operator || i == 0) {
            (false, true) if value => Some(("sqli.subquery", 0.6)),
            (true, true) => Some(("sqli.subquery", 0.7)),
            (_, true) if self.context == Context::Quoted => Some(("sqli.subquery", 0.6)),
            (_, true) if i > 0 && !statement => Some(("sqli.subquery", 0.5)),
            _ => None,
        }
    }

    /// `@@version` read by a statement.
    pub(super) fn variable(&self, i: usize, statement: bool) -> Found {
        let global = self.word(i).starts_with(b"@@") && self.word(i).len() > 2;
        let read = i > 0 && matches!(self.kind(i - 1), Kind::Select | Kind::Comma | Kind::Open);
        (global && read && (!statement || i == 1)).then_some(("sqli.catalogue", 0.6))
    }
}
