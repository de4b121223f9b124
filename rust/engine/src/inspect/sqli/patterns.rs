//! What tokens say when a value breaks out of the place it was meant for.

use super::functions::{is_catalogue, weigh, Weight};
use super::lexer::{Kind, Tokens};

/// Where the value is thought to stand in a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// Between operators: a number, a name.
    Bare,
    /// Behind a quote in the value, which has ended a string.
    Quoted,
}

/// One reading of a value.
pub struct Reading<'a> {
    pub text: &'a [u8],
    pub tokens: &'a Tokens,
    pub context: Context,
    /// Bytes before the reading's start, the quote included.
    pub before: usize,
}

/// The strongest finding of a reading.
pub type Found = Option<(&'static str, f32)>;

/// What an operand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operand {
    Literal,
    Name,
    Call(Weight),
    Query,
}

impl Reading<'_> {
    /// Judges the reading. Cost: linear in the tokens, each pattern looks a bounded way ahead.
    pub fn judge(&self) -> Found {
        let statement = self.is_statement();
        let mut best: Found = None;
        let mut offer = |found: Found| {
            if found.map_or(0.0, |f| f.1) > best.map_or(0.0, |f| f.1) {
                best = found;
            }
        };
        offer(self.start());
        for i in 0..self.tokens.len() {
            offer(match self.tokens.kind(i) {
                Kind::Logic | Kind::Bars => self.logic(i, statement),
                Kind::Union => self.union(i, statement),
                Kind::Semicolon => self.stacked(i, statement),
                Kind::Wait => self.wait(i),
                Kind::Name => self.call(i, statement),
                Kind::Open => self.nested(i, statement),
                Kind::Sort => self.sort(i),
                Kind::Having => self.having(i),
                Kind::Into => self.into(i),
                Kind::Case => self.case(i, statement),
                Kind::Variable => self.variable(i, statement),
                _ => None,
            });
        }
        best
    }

    fn kind(&self, i: usize) -> Kind {
        self.tokens.kind(i)
    }

    fn word(&self, i: usize) -> &[u8] {
        let token = self.tokens.get(i);
        &self.text[token.start..token.end]
    }

    fn is(&self, i: usize, word: &[u8]) -> bool {
        self.word(i).eq_ignore_ascii_case(word)
    }

    /// Tells whether the value is a statement from its first word on, as a database console or
    /// an API for queries would send it: what would break out elsewhere is grammar there.
    fn is_statement(&self) -> bool {
        self.context == Context::Bare
            && match self.kind(0) {
                Kind::Select | Kind::Statement => true,
                Kind::Open => self.kind(1) == Kind::Select,
                Kind::Name => [&b"with"[..], b"explain", b"show", b"describe"]
                    .iter()
                    .any(|w| self.is(0, w)),
                _ => false,
            }
    }

    fn closes(&self, mut i: usize) -> usize {
        while self.kind(i) == Kind::Close {
            i += 1;
        }
        i
    }

    /// Tells whether nothing but a comment, brackets or the end follows.
    fn ends(&self, i: usize) -> bool {
        matches!(
            self.kind(self.closes(i)),
            Kind::End | Kind::Comment | Kind::Semicolon
        )
    }

    fn commented(&self, i: usize) -> bool {
        let mut i = self.closes(i);
        while self.kind(i) == Kind::Semicolon {
            i += 1;
        }
        self.kind(i) == Kind::Comment
    }

    /// Reads an operand. Shape: what it is, and the token behind it.
    fn operand(&self, mut i: usize) -> Option<(Operand, usize)> {
        let from = i;
        while matches!(self.kind(i), Kind::Prefix | Kind::Open)
            || self.kind(i) == Kind::Math && self.tokens.get(i).end - self.tokens.get(i).start == 1
        {
            i += 1;
            if i - from > 16 {
                return None;
            }
        }
        let found = match self.kind(i) {
            Kind::Number | Kind::Text { .. } | Kind::Variable => (Operand::Literal, i + 1),
            Kind::Select | Kind::Case => return Some((Operand::Query, i + 1)),
            Kind::Exists if self.kind(i + 1) == Kind::Open => return Some((Operand::Query, i + 2)),
            Kind::Name | Kind::Statement | Kind::Union if self.kind(i + 1) == Kind::Open => {
                (Operand::Call(weigh(self.word(i))), self.behind(i + 1))
            }
            Kind::Name => {
                let mut end = i + 1;
                while self.kind(end) == Kind::Dot && self.kind(end + 1) == Kind::Name {
                    end += 2;
                }
                (Operand::Name, end)
            }
            _ => return None,
        };
        Some((found.0, self.closes(found.1)))
    }

    /// Finds the token behind the bracket that closes the one at `i`.
    fn behind(&self, i: usize) -> usize {
        let mut depth = 0u32;
        for j in i..self.tokens.len() {
            match self.kind(j) {
                Kind::Open => depth += 1,
                Kind::Close if depth == 1 => return j + 1,
                Kind::Close => depth -= 1,
                _ => {}
            }
        }
        self.tokens.len()
    }

    /// What follows the breaking quote at once.
    fn start(&self) -> Found {
        let s = self.closes(0);
        if self.context == Context::Bare {
            return self.bare_start();
        }
        let short = self.tokens.len() <= 12 && self.text.len() <= 96;
        match self.kind(s) {
            Kind::Comment => self.trailing(s),
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
            Kind::Sort | Kind::Having | Kind::Limit if short => Some(("sqli.clause", 0.6)),
            _ => None,
        }
    }

    /// Tells whether a short expression goes on to the end: `'='`, `'||'a'='a`.
    fn is_rest(&self, mut i: usize) -> bool {
        loop {
            i = match self.kind(i) {
                Kind::End => return true,
                Kind::Compare | Kind::Math | Kind::Bars | Kind::Logic => {
                    match self.operand(i + 1) {
                        Some((Operand::Literal, next)) => next,
                        None if self.kind(i + 1) == Kind::End => return true,
                        _ => return false,
                    }
                }
                _ => return false,
            };
        }
    }

    /// `admin'--`: a comment right behind the quote, and next to nothing behind it.
    fn trailing(&self, s: usize) -> Found {
        let comment = self.word(s);
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

    /// What a bare value starts with.
    fn bare_start(&self) -> Found {
        let s = self.closes(1);
        let value =
            matches!(self.kind(0), Kind::Number | Kind::Variable) || self.kind(0) == Kind::Close;
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

    /// `or 1=1`, `and sleep(5)`, `|| 'a'='a'`.
    fn logic(&self, i: usize, statement: bool) -> Found {
        let program = matches!(self.word(i), b"&&" | b"||");
        let (left, j) = self.operand(i + 1)?;
        let s = self.closes(0);
        let first = i == s && self.context == Context::Quoted;
        // Behind a lone value: `1 and x=1`, `1) or x=1`, `-1 or x=1`.
        let lead = i <= 4
            && self.context == Context::Bare
            && (0..i).all(|k| {
                matches!(
                    self.kind(k),
                    Kind::Number | Kind::Close | Kind::Math | Kind::Variable
                )
            });
        match (left, self.kind(j)) {
            (Operand::Query, _) if !statement => Some(("sqli.subquery", 0.85)),
            (Operand::Call(Weight::Telling), _) => Some(("sqli.function", 0.9)),
            (_, Kind::Compare) => {
                let right = self.operand(j + 1);
                let same = right.is_some_and(|(_, k)| k <= j + 3)
                    && self.word(j - 1).eq_ignore_ascii_case(self.word(j + 1));
                match (left, right.map(|r| r.0)) {
                    (Operand::Literal, Some(Operand::Literal)) if statement => {
                        Some(("sqli.tautology", 0.55))
                    }
                    (Operand::Literal, Some(Operand::Literal)) => Some(("sqli.tautology", 0.9)),
                    (Operand::Literal, Some(Operand::Query)) if !statement => {
                        Some(("sqli.subquery", 0.85))
                    }
                    (Operand::Name, Some(Operand::Name)) if same && !program && !statement => {
                        Some(("sqli.tautology", 0.75))
                    }
                    (Operand::Call(Weight::Useful), Some(_)) if !statement => {
                        Some(("sqli.function", if program { 0.4 } else { 0.75 }))
                    }
                    (_, Some(_)) if first || lead => Some(("sqli.condition", 0.7)),
                    (Operand::Name, None) if first && !self.ends(j) => {
                        Some(("sqli.condition", 0.6))
                    }
                    (Operand::Literal, None) if first || lead => Some(("sqli.condition", 0.6)),
                    _ => None,
                }
            }
            (Operand::Call(Weight::Useful), _) if first || lead => Some(("sqli.function", 0.75)),
            (Operand::Call(_), Kind::Comment) if first || lead => Some(("sqli.function", 0.6)),
            (Operand::Literal, Kind::Comment) if !statement => Some(("sqli.tautology", 0.75)),
            (Operand::Literal, _) if first && self.ends(j) => Some(("sqli.tautology", 0.7)),
            (Operand::Literal, Kind::Logic | Kind::Union) if first => Some(("sqli.tautology", 0.7)),
            (Operand::Literal, Kind::End) if lead && !program => {
                let truth = self.is(j - 1, b"true") || self.word(j - 1) == self.word(0);
                truth.then_some(("sqli.tautology", 0.6))
            }
            (Operand::Name, Kind::Comment) if first || lead => Some(("sqli.condition", 0.65)),
            _ => None,
        }
    }

    /// `union all select 1,2`.
    fn union(&self, i: usize, statement: bool) -> Found {
        let mut j = i + 1;
        while matches!(self.kind(j), Kind::All | Kind::Open | Kind::Other) && j < i + 8 {
            j += 1;
        }
        if self.kind(j) != Kind::Select {
            return None;
        }
        while matches!(self.kind(j + 1), Kind::All | Kind::Open) && j < i + 16 {
            j += 1;
        }
        let literal = matches!(
            self.kind(j + 1),
            Kind::Number | Kind::Text { .. } | Kind::Variable | Kind::Prefix
        );
        let named = match self.kind(j + 1) {
            Kind::Math => true,
            Kind::Name | Kind::Statement => !matches!(self.kind(j + 2), Kind::Name | Kind::Other),
            _ => false,
        };
        match (statement, literal, named) {
            (true, true, _) => Some(("sqli.union", 0.6)),
            (true, ..) => None,
            (_, true, _) => Some(("sqli.union", 0.95)),
            (_, _, true) => Some(("sqli.union", 0.85)),
            _ if self.ends(j + 1) || self.kind(j + 1) == Kind::Case => Some(("sqli.union", 0.6)),
            _ => None,
        }
    }

    /// `; drop table x`.
    fn stacked(&self, i: usize, statement: bool) -> Found {
        let broke = !statement && (self.context == Context::Quoted || i <= 4);
        match self.kind(i + 1) {
            Kind::Statement => {
                let destroys = matches!(self.kind(i + 2), Kind::Name | Kind::Variable | Kind::Into)
                    || self.ends(i + 2);
                let score = if destroys { 0.85 } else { 0.4 };
                broke.then_some(("sqli.stacked", score))
            }
            Kind::Select if broke => Some(("sqli.stacked", 0.8)),
            _ => None,
        }
    }

    /// `waitfor delay '0:0:5'`.
    fn wait(&self, i: usize) -> Found {
        let timed = self.is(i + 1, b"delay") || self.is(i + 1, b"time");
        timed.then_some(("sqli.delay", 0.95))
    }

    /// A telling function, wherever it is called; a catalogue that is read.
    fn call(&self, i: usize, statement: bool) -> Found {
        let name = self.word(i);
        if self.kind(i + 1) == Kind::Open || self.kind(i + 1) == Kind::Dot {
            if weigh(name) == Weight::Telling {
                return Some(("sqli.function", 0.8));
            }
            let waits = name.eq_ignore_ascii_case(b"sleep") && self.kind(i + 1) == Kind::Open;
            if waits && self.kind(i + 2) == Kind::Number && self.kind(i + 3) == Kind::Close {
                return self.sleep(i);
            }
        }
        let read = (0..4).any(|back| i > back && self.kind(i - back - 1) == Kind::From);
        if is_catalogue(name) && read && !statement {
            return Some(("sqli.catalogue", 0.8));
        }
        None
    }

    /// `sleep(5)` where SQL would have it, not where programs do.
    fn sleep(&self, i: usize) -> Found {
        let alone = i == 0 && self.ends(i + 4);
        let before = if i == 0 { Kind::End } else { self.kind(i - 1) };
        let in_sql = matches!(
            before,
            Kind::Select | Kind::Logic | Kind::Compare | Kind::Math | Kind::Comma | Kind::Bars
        ) || before == Kind::Open && i >= 2 && self.kind(i - 2) != Kind::Name;
        match (in_sql, alone) {
            (true, _) => Some(("sqli.delay", 0.8)),
            (_, true) => Some(("sqli.delay", 0.5)),
            _ => None,
        }
    }

    /// `(select ...)` where a value should stand.
    fn nested(&self, i: usize, statement: bool) -> Found {
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
        match (wrapped, operator || i == 0) {
            (true, true) => Some(("sqli.subquery", 0.7)),
            (_, true) if self.context == Context::Quoted => Some(("sqli.subquery", 0.6)),
            (_, true) if i > 0 && !statement => Some(("sqli.subquery", 0.5)),
            _ => None,
        }
    }

    /// `1 order by 10--`, `1' group by x having`.
    fn sort(&self, i: usize) -> Found {
        if self.kind(i + 1) != Kind::By {
            return None;
        }
        let s = self.closes(if self.context == Context::Quoted {
            0
        } else {
            1
        });
        let (_, j) = self.operand(i + 2)?;
        let lone = i == s && matches!(self.kind(0), Kind::Number | Kind::Close | Kind::Sort);
        match (
            i == s && self.context == Context::Quoted || lone,
            self.kind(j),
        ) {
            (true, Kind::Comment | Kind::End | Kind::Comma | Kind::Having) => {
                Some(("sqli.clause", 0.7))
            }
            (false, Kind::Comment) if i <= 6 && self.kind(i + 2) == Kind::Number => {
                Some(("sqli.clause", 0.6))
            }
            _ => None,
        }
    }

    /// `having 1=1`.
    fn having(&self, i: usize) -> Found {
        let (left, j) = self.operand(i + 1)?;
        let taut = left == Operand::Literal && self.kind(j) == Kind::Compare;
        (taut && i <= 8).then_some(("sqli.tautology", 0.75))
    }

    /// `into outfile '/var/www/x.php'`.
    fn into(&self, i: usize) -> Found {
        let file = self.is(i + 1, b"outfile") || self.is(i + 1, b"dumpfile");
        let named = matches!(self.kind(i + 2), Kind::Text { .. } | Kind::Number);
        (file && named).then_some(("sqli.file", 0.9))
    }

    /// `case when (1=1) then`.
    fn case(&self, i: usize, statement: bool) -> Found {
        if self.kind(i + 1) != Kind::When || statement {
            return None;
        }
        let (left, j) = self.operand(i + 2)?;
        let literal = left == Operand::Literal && self.kind(j) == Kind::Compare;
        (literal || left == Operand::Query).then_some(("sqli.case", 0.75))
    }

    /// `@@version` read by a statement.
    fn variable(&self, i: usize, statement: bool) -> Found {
        let global = self.word(i).starts_with(b"@@") && self.word(i).len() > 2;
        let read = i > 0 && matches!(self.kind(i - 1), Kind::Select | Kind::Comma | Kind::Open);
        (global && read && (!statement || i == 1)).then_some(("sqli.catalogue", 0.6))
    }
}
