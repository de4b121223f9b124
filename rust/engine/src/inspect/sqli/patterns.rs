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
    /// The quote that was broken out of; 0 in a bare reading.
    pub quote: u8,
}

/// The strongest finding of a reading.
pub type Found = Option<(&'static str, f32)>;

/// What an operand is. Ordered: of an expression's parts, the greatest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
                Kind::Where => self.condition(i, statement),
                Kind::Statement => self.command(i, statement),
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

    /// Reads an operand, arithmetic included. Shape: what it is, and the token behind it.
    fn operand(&self, i: usize) -> Option<(Operand, usize)> {
        let (mut kind, mut end) = self.primary(i)?;
        for _ in 0..8 {
            if !matches!(self.kind(end), Kind::Math) {
                break;
            }
            let Some((next, behind)) = self.primary(end + 1) else {
                break;
            };
            kind = kind.max(next);
            end = behind;
        }
        Some((kind, end))
    }

    fn primary(&self, mut i: usize) -> Option<(Operand, usize)> {
        let from = i;
        while matches!(self.kind(i), Kind::Prefix | Kind::Open | Kind::Math) {
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

    /// Tells whether two operands of `length` tokens are spelled alike.
    fn same(&self, left: usize, right: usize, length: usize) -> bool {
        length > 0
            && (0..length).all(|k| {
                self.word(left + k)
                    .eq_ignore_ascii_case(self.word(right + k))
            })
    }

    /// Tells whether everything before `i` could stand before a break: values, brackets and what
    /// sqlmap puts there (`1) as x where 3=3`).
    fn led(&self, i: usize) -> bool {
        i > 0
            && matches!(
                self.kind(0),
                Kind::Number | Kind::Close | Kind::Math | Kind::Text { .. }
            )
            && (1..i).all(|k| {
                !matches!(
                    self.kind(k),
                    Kind::Name | Kind::Other | Kind::Dot | Kind::Comma
                ) || self.is(k - 1, b"as")
                    || self.is(k, b"as")
            })
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

    fn leaves_open(&self, end: usize) -> bool {
        let Some(last) = end.checked_sub(1) else {
            return false;
        };
        let word = self.word(last);
        let content = word.get(1..).unwrap_or_default();
        self.kind(last) == Kind::Text { open: true }
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
            calls |= matches!(operand, Operand::Call(_)) || self.kind(i) == Kind::Variable;
            calls |= operand == Operand::Literal && self.kind(i) == Kind::Open;
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
        let first = i == self.closes(0) && self.context == Context::Quoted;
        // Behind a lone value: `1 and x=1`, `1) or x=1`, `-1 or x=1`.
        let lead = self.context == Context::Bare && (i == 0 || self.led(i));
        let placed = first || lead;
        match (left, self.kind(j)) {
            (Operand::Query, _) if !statement => Some(("sqli.subquery", 0.85)),
            (Operand::Call(Weight::Telling), _) => Some(("sqli.function", 0.9)),
            (_, Kind::Compare) => self.comparison(i, left, j, placed, statement),
            (Operand::Call(Weight::Useful), _) if placed => Some(("sqli.function", 0.75)),
            (Operand::Call(_), Kind::Comment) if placed => Some(("sqli.function", 0.6)),
            (Operand::Literal, Kind::Comment) if !statement => Some(("sqli.tautology", 0.75)),
            (Operand::Literal, _) if first && self.ends(j) => Some(("sqli.tautology", 0.7)),
            (Operand::Literal, Kind::Logic | Kind::Union) if first => Some(("sqli.tautology", 0.7)),
            (Operand::Literal, Kind::Math | Kind::Bars | Kind::Text { .. })
                if first && self.kind(i + 1) != Kind::Number =>
            {
                Some(("sqli.expression", 0.65))
            }
            (Operand::Literal, Kind::End) if lead && i > 0 && !program => {
                let truth = self.is(j - 1, b"true") || self.word(j - 1) == self.word(0);
                truth.then_some(("sqli.tautology", 0.6))
            }
            (Operand::Name, Kind::Comment) if placed => Some(("sqli.condition", 0.65)),
            _ => None,
        }
    }

    /// A comparison behind a logic operator at `i`; `j` is where its own operator stands.
    fn comparison(
        &self,
        i: usize,
        left: Operand,
        j: usize,
        placed: bool,
        statement: bool,
    ) -> Found {
        let program = matches!(self.word(i), b"&&" | b"||");
        let Some((right, end)) = self.operand(j + 1) else {
            let open = left == Operand::Literal || left == Operand::Name && !self.ends(j);
            return (placed && open && !program).then_some(("sqli.condition", 0.6));
        };
        let length = j - i - 1;
        let same = self.same(i + 1, j + 1, length) && left != Operand::Literal;
        match (left, right) {
            (Operand::Literal, Operand::Literal) if statement => Some(("sqli.tautology", 0.55)),
            (Operand::Literal, Operand::Literal) => Some(("sqli.tautology", 0.9)),
            _ if statement => None,
            (Operand::Literal, Operand::Query) => Some(("sqli.subquery", 0.85)),
            _ if same && !program => Some(("sqli.tautology", 0.75)),
            (Operand::Call(Weight::Useful), _) if !program || placed => {
                Some(("sqli.function", 0.75))
            }
            _ if placed => Some(("sqli.condition", 0.7)),
            (Operand::Literal | Operand::Call(_), _) if self.commented(end) => {
                Some(("sqli.condition", 0.6))
            }
            (Operand::Call(Weight::Useful), _) => Some(("sqli.function", 0.4)),
            _ => None,
        }
    }

    /// `where 1=1` behind a value.
    fn condition(&self, i: usize, statement: bool) -> Found {
        let (left, j) = self.operand(i + 1)?;
        let (right, _) = self.operand(j + 1)?;
        let constant = left == Operand::Literal && right == Operand::Literal;
        (constant && !statement && self.kind(j) == Kind::Compare)
            .then_some(("sqli.tautology", 0.75))
    }

    /// A statement that runs what it is given, or that stands right behind a value.
    fn command(&self, i: usize, statement: bool) -> Found {
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
    fn acts(&self, i: usize) -> bool {
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
        ];
        match () {
            () if self.is(i, b"insert") => self.kind(i + 1) == Kind::Into,
            () if self.is(i, b"delete") => self.kind(i + 1) == Kind::From,
            () if self.is(i, b"update") => self.is(i + 2, b"set"),
            () if self.is(i, b"shutdown") => self.ends(i + 1) || next(&[b"with"]),
            () if self.is(i, b"drop") || self.is(i, b"create") || self.is(i, b"alter") => {
                next(objects)
            }
            () if self.is(i, b"truncate") => next(&[b"table"]),
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
        // `union select committee` is a sentence's.
        let sentence = matches!(self.kind(j + 1), Kind::Name | Kind::Statement)
            && matches!(
                self.kind(j + 2),
                Kind::Name | Kind::Other | Kind::Logic | Kind::End
            );
        match (statement, literal) {
            (true, true) => Some(("sqli.union", 0.6)),
            (true, false) => None,
            (_, true) => Some(("sqli.union", 0.95)),
            _ if sentence => None,
            _ => Some(("sqli.union", 0.8)),
        }
    }

    /// `; drop table x`.
    fn stacked(&self, i: usize, statement: bool) -> Found {
        let broke = !statement && (self.context == Context::Quoted || i <= 1 || self.led(i));
        let branches = self.is(i + 1, b"if") || self.is(i + 1, b"iif");
        match self.kind(i + 1) {
            _ if !broke => None,
            Kind::Statement if self.acts(i + 1) => Some(("sqli.stacked", 0.85)),
            Kind::Select if self.kind(i + 2) != Kind::Name || self.commented_at_last() => {
                Some(("sqli.stacked", 0.8))
            }
            Kind::Select if i <= 1 || self.context == Context::Quoted => {
                Some(("sqli.stacked", 0.7))
            }
            Kind::Name if branches && self.kind(i + 2) == Kind::Open && self.led(i) => {
                Some(("sqli.stacked", 0.7))
            }
            _ => None,
        }
    }

    fn commented_at_last(&self) -> bool {
        let last = self.tokens.len().saturating_sub(1);
        self.kind(last) == Kind::Comment
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
        let command =
            weigh(name) == Weight::Telling && matches!(self.kind(i + 1), Kind::Text { .. });
        let probes = weigh(name) == Weight::Useful
            && self.kind(i + 1) == Kind::Open
            && self.kind(i + 3) == Kind::Open
            && weigh(self.word(i + 2)) >= Weight::Useful;
        if command {
            return Some(("sqli.command", 0.8));
        }
        if probes && self.led(i) {
            return Some(("sqli.function", 0.65));
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
