//! What follows at once where a value broke out, and values that are cut off.

use super::functions::Weight;
use super::lexer::{Kind, TOKENS};
use super::reading::{Context, Found, Operand, Reading};

impl Reading<'_> {
    /// What follows the breaking quote at once.
    pub(super) fn start(&self) -> Found {
        let s = self.closes(0);
        if self.context == Context::Bare {
            return self.bare_start();
        }
        let short = self.tokens.len() <= 12 && self.text.len() <= 96;
        if short && self.resumes(s) {
            return Some(("sqli.expression", 0.7));
        }
        match self.kind(s) {
            Kind::Comment => self.trailing(s),
            Kind::Comma if self.adds(s) => Some(("sqli.clause", 0.65)),
            Kind::Where if short && self.cut(self.tokens.len() - 1) => Some(("sqli.clause", 0.6)),
            Kind::Semicolon if self.kind(s + 1) == Kind::Comment => Some(("sqli.comment", 0.7)),
            Kind::Compare | Kind::Math | Kind::Bars => match self.operand(s + 1)? {
                (Operand::Query, _) => Some(("sqli.subquery", 0.9)),
                (Operand::Call(Weight::Useful | Weight::Telling), _) => {
                    Some(("sqli.function", 0.75))
                }
                (_, j) if self.commented(j) && short => Some(("sqli.expression", 0.7)),
                (Operand::Literal, j) if self.is_rest(j) && short => Some(("sqli.expression", 0.6)),
                _ => None,
            },
            Kind::Statement if self.lone() && self.acts(s) => Some(("sqli.stacked", 0.65)),
            Kind::Select if self.lone() && self.commented_at_last() => Some(("sqli.stacked", 0.65)),
            Kind::Union | Kind::Select | Kind::Statement
                if self.before == 1 && self.text.len() <= 24 && self.lone() =>
            {
                Some(("sqli.clause", 0.55))
            }
            // `'group' is a word`: the quote behind it is its own.
            Kind::Sort | Kind::Having | Kind::Limit
                if short && self.text.get(self.tokens.get(s).end) != Some(&self.quote) =>
            {
                Some(("sqli.clause", 0.6))
            }
            _ => None,
        }
    }

    /// Tells whether a row of an `insert`, a value of it, or a column of an `update` follows, and a
    /// comment at the end: `x'),('b',1)-- `, `x','b')#`, `',role='admin' where id=1-- `.
    fn adds(&self, s: usize) -> bool {
        let last = self.tokens.len() - 1;
        let row = s > 0 && self.kind(s + 1) == Kind::Open;
        let column = s == 0 && self.kind(1) == Kind::Name && self.is(2, b"=");
        let value = s == 0
            && matches!(self.kind(1), Kind::Text { .. } | Kind::Number)
            && self.kind(last.saturating_sub(1)) == Kind::Close;
        (row || column || value) && self.cut(last) && self.word(last).len() <= 4
    }

    /// Tells whether a short expression goes on to the end, and leaves a string open for the
    /// application's own quote to close: `'='`, `'||'a'='a`.
    fn is_rest(&self, mut i: usize) -> bool {
        loop {
            i = match self.kind(i) {
                Kind::End => return self.leaves_open(i),
                Kind::Compare | Kind::Math | Kind::Bars | Kind::Logic => {
                    match self.operand(i + 1) {
                        Some((Operand::Literal, next)) => next,
                        _ => return false,
                    }
                }
                _ => return false,
            };
        }
    }

    /// Tells whether an operator follows the break, and another stands before a string that is left
    /// open for the application's own quote: `' / current_date != '1`. Prose closes its quotes
    /// behind a word.
    fn resumes(&self, s: usize) -> bool {
        let operator = |i: usize| {
            matches!(
                self.kind(i),
                Kind::Compare | Kind::Math | Kind::Bars | Kind::Logic
            )
        };
        let end = self.tokens.len();
        let starts = operator(s) || self.kind(s) == Kind::Prefix && operator(s + 1);
        starts
            && end > s + 2
            && operator(end - 2)
            && self.leaves_open(end)
            && self.word(end - 1).len() > 1
    }

    /// Tells whether the quote stands next to the value's start, and is not closed: a string that
    /// is sent whole would be.
    fn lone(&self) -> bool {
        self.before <= 8
            && (memchr::memchr(self.quote, self.text).is_none() || self.commented_at_last())
    }

    fn leaves_open(&self, end: usize) -> bool {
        let Some(last) = end.checked_sub(1) else {
            return false;
        };
        let word = self.word(last);
        let content = word.get(1..).unwrap_or_default();
        // `like(x, "*a*"))`: brackets and marks close what the text itself has opened.
        let closing = |b: &u8| matches!(b, b')' | b']' | b'}' | b';' | b',');
        let closes = !content.is_empty() && content.iter().all(closing);
        !closes
            && self.kind(last) == Kind::Text { open: true }
            && word.first() == Some(&self.quote)
            && content.len() <= 8
            && !content.contains(&b' ')
    }

    /// `admin'--`: a comment right behind the quote, and next to nothing behind it.
    fn trailing(&self, s: usize) -> Found {
        let comment = &self.text[self.tokens.get(s).start..];
        let lead = if comment.starts_with(b"#") { 1 } else { 2 };
        let rest = comment[lead..].trim_ascii();
        let mark = rest.iter().all(|b| !b.is_ascii_alphanumeric());
        let room = self.before <= 64 && self.before + comment.len() <= 96;
        match (room, mark) {
            (true, true) => Some(("sqli.comment", 0.65)),
            (true, false) if lead == 2 && rest.len() <= 16 && s > 0 => Some(("sqli.comment", 0.55)),
            _ => None,
        }
    }

    /// `(cos(binary 'b')) --`, `@@version--`: an expression of calls and literals, cut off.
    fn cut_off(&self) -> bool {
        let mut i = 0;
        let mut calls = false;
        loop {
            let Some((operand, next)) = self.operand(i) else {
                return false;
            };
            calls |= matches!(operand, Operand::Call(_)) || self.is_read(i);
            calls |= operand == Operand::Literal
                && self.kind(i) == Kind::Open
                && self.kind(i + 2) != Kind::Comma;
            if operand == Operand::Query {
                return self.kind(0) == Kind::Open && self.commented_at_last();
            }
            if operand == Operand::Name {
                return false;
            }
            match self.kind(next) {
                Kind::Compare | Kind::Math | Kind::Bars | Kind::Logic => i = next + 1,
                Kind::Comment => {
                    let rest = &self.text[self.tokens.get(next).end..];
                    return calls && self.word(next).len() <= 4 && rest.trim_ascii().is_empty();
                }
                _ => return false,
            }
        }
    }

    /// Tells a variable, and not the scope of a package before what all its packages are named by:
    /// `@types/*`, `@angular/**`.
    fn is_read(&self, i: usize) -> bool {
        let name = self.word(i);
        let (end, next) = (self.tokens.get(i).end, self.tokens.get(i + 1).start);
        let scope = !name.starts_with(b"@@") && !self.is(i, b"@version");
        let all = end == next && self.text[end..].starts_with(b"/*");
        self.kind(i) == Kind::Variable && !(scope && all)
    }

    /// A statement that stops where an operand must follow, since the application's own text goes
    /// on behind it: `select 1,sin(x) from bar where`. Who sends a statement on purpose sends all.
    pub(super) fn unfinished(&self) -> Found {
        let last = self.tokens.len().checked_sub(1)?;
        let from = usize::from(self.kind(0) == Kind::Open);
        if self.context != Context::Bare || self.kind(from) != Kind::Select || last < 4 {
            return None;
        }
        // A comment that says nothing is there to cut off what would follow.
        let rest = &self.text[self.tokens.get(last).start..];
        if self.kind(last) == Kind::Comment && matches!(rest.trim_ascii(), b"--" | b"-- -" | b"/*")
        {
            return Some(("sqli.comment", 0.55));
        }
        let whole = last + 1 < TOKENS;
        let of = |kind| (0..=last).filter(|i| self.kind(*i) == kind).count();
        let open = of(Kind::Open) > of(Kind::Close);
        let stops = matches!(self.kind(last), Kind::Where | Kind::Union | Kind::Logic);
        // Sentences select, too, but call nothing.
        let listed = matches!(
            self.kind(from + 1),
            Kind::Open | Kind::Number | Kind::Variable | Kind::Math | Kind::Text { .. }
        ) || matches!(self.kind(from + 2), Kind::Comma | Kind::Open);
        (whole && listed && (stops || open && of(Kind::From) > 0))
            .then_some(("sqli.unfinished", 0.7))
    }

    /// What a bare value starts with.
    fn bare_start(&self) -> Found {
        if self.cut_off() {
            return Some(("sqli.expression", 0.6));
        }
        if let (Some((Operand::Literal, j)), Kind::Number) = (self.operand(0), self.kind(0)) {
            let right = self.operand(j + 1);
            let literal = right.is_some_and(|r| r.0 == Operand::Literal);
            let next = right.map_or(Kind::End, |r| self.kind(r.1));
            if self.kind(j) == Kind::Compare && literal && next == Kind::Logic {
                return Some(("sqli.tautology", 0.6));
            }
        }
        let asks = |i: usize| {
            self.kind(i) == Kind::Open
                && self.kind(i + 1) == Kind::Number
                && matches!(self.kind(i + 2), Kind::Compare)
                && self.kind(i + 3) == Kind::Number
        };
        if asks(0) && self.kind(4) == Kind::Close && self.kind(5) == Kind::Math {
            return Some(("sqli.expression", 0.6));
        }
        let s = self.closes(1);
        let value = matches!(self.kind(0), Kind::Number | Kind::Close) || self.is_read(0);
        if !value || self.tokens.get(0).start > 1 {
            return None;
        }
        match self.kind(s) {
            Kind::Comment if self.tokens.len() == s + 1 => {
                let rest = self.word(s).trim_ascii_end();
                let bare = matches!(rest, b"--" | b"/*" | b"-- -" | b"--+");
                bare.then_some(("sqli.comment", 0.55))
            }
            Kind::Limit if self.kind(s + 1) == Kind::Number && self.commented(s + 2) => {
                Some(("sqli.clause", 0.6))
            }
            _ => None,
        }
    }
}
