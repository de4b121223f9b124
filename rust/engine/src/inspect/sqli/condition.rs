//! Conditions that hold for every row, or that ask questions.

use super::functions::Weight;
use super::lexer::Kind;
use super::reading::{Context, Found, Operand, Reading};

impl Reading<'_> {
    /// `or 1=1`, `and sleep(5)`, `|| 'a'='a'`.
    pub(super) fn logic(&self, i: usize, statement: bool) -> Found {
        let program = matches!(self.word(i), b"&&" | b"||");
        let (left, j) = self.operand(i + 1)?;
        let first = i == self.closes(0) && self.context == Context::Quoted;
        // Behind a lone value: `1 and x=1`, `1) or x=1`, `-1 or x=1`.
        let lead = self.context == Context::Bare && (i == 0 || self.led(i));
        let placed = first || lead;
        match (left, self.kind(j)) {
            // `(union and select)`: words, since nothing is selected.
            (Operand::Query, Kind::Close | Kind::Logic | Kind::End)
                if self.kind(i + 1) == Kind::Select =>
            {
                None
            }
            // `open the page and select your branch`: prose, whose words stand side by side.
            (Operand::Query, _) if self.tells_to_select(i + 1) => None,
            (Operand::Query, _) if !statement => Some(("sqli.subquery", 0.85)),
            (Operand::Call(Weight::Telling), _) => Some(("sqli.function", 0.9)),
            (_, Kind::Compare) => self.comparison(i, left, j, placed, statement),
            // SQLite's; programs write it as well.
            (Operand::Literal, Kind::DoubleEquals) if first || lead && i > 0 => {
                self.comparison(i, left, j, placed, statement)
            }
            (Operand::Call(Weight::Useful), _) if placed => Some(("sqli.function", 0.75)),
            (Operand::Call(_), Kind::Comment) if placed => Some(("sqli.function", 0.6)),
            (Operand::Call(_), Kind::Semicolon)
                if first && self.ends(j + 1) && !program && self.before <= 48 =>
            {
                Some(("sqli.function", 0.55))
            }
            (Operand::Literal, Kind::Comment) if !statement && (placed || self.cut(j)) => {
                Some(("sqli.tautology", 0.75))
            }
            // `"or" vs 'and'`: what follows is no string that the application's own quote would end.
            (Operand::Literal, Kind::End) if first && self.is_quoting(i, j - 1) => None,
            (Operand::Literal, _) if first && self.ends(j) => Some(("sqli.tautology", 0.7)),
            // `'or'a='a`: nobody writes a word so close to two quotes.
            (Operand::Literal, Kind::Name | Kind::Number) if first && self.squeezed(i) => {
                Some(("sqli.tautology", 0.8))
            }
            (Operand::Literal, Kind::Logic | Kind::Union) if first => Some(("sqli.tautology", 0.7)),
            (Operand::Literal, Kind::Math | Kind::Bars | Kind::Text { .. })
                if first && self.kind(i + 1) != Kind::Number =>
            {
                Some(("sqli.expression", 0.65))
            }
            (Operand::Literal, Kind::End) if lead && i > 0 && !program => {
                let truth = self.is(j - 1, b"true")
                    || self.word(j - 1) == self.word(0)
                    || matches!(self.word(i + 1), b"~" | b"!");
                truth.then_some(("sqli.tautology", 0.6))
            }
            // `1 or st_isvalid(1)`: databases name their functions so, and nothing else follows.
            (Operand::Call(_), Kind::End) if lead && i > 0 && !program => {
                let known = memchr::memchr(b'_', self.word(i + 1)).is_some();
                known.then_some(("sqli.function", 0.55))
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
            (Operand::Literal, Operand::Literal) if self.told(i, end) => None,
            // Behind names without a sign between them, one that holds: sentences compare what differs.
            (Operand::Literal, Operand::Literal)
                if (statement || self.is_sentence())
                    && !self.cut(end)
                    && !self.alike(i + 1, j + 1) =>
            {
                None
            }
            (Operand::Literal, Operand::Literal) if statement => Some(("sqli.tautology", 0.55)),
            (Operand::Literal, Operand::Literal) if self.equates(j) || placed || self.cut(end) => {
                Some(("sqli.tautology", 0.9))
            }
            _ if statement => None,
            (Operand::Literal, Operand::Query) => Some(("sqli.subquery", 0.85)),
            _ if same && !program => Some(("sqli.tautology", 0.75)),
            (Operand::Call(Weight::Useful), _) if !program || placed => {
                Some(("sqli.function", 0.75))
            }
            _ if placed => Some(("sqli.condition", 0.7)),
            (Operand::Literal | Operand::Call(_), _) if self.cut(end) => {
                Some(("sqli.condition", 0.6))
            }
            (Operand::Call(Weight::Useful), _) => Some(("sqli.function", 0.4)),
            _ => None,
        }
    }

    /// Tells whether a string that is left open makes a quoted word of the operator before it, as the
    /// last argument of a call may be, or holds words itself.
    fn is_quoting(&self, operator: usize, string: usize) -> bool {
        let word = self.word(string);
        let closing = |b: &u8| matches!(b, b')' | b']' | b',' | b';') || b.is_ascii_whitespace();
        let alone = word.iter().skip(1).all(closing) && self.squeezed(operator);
        self.kind(string) == Kind::Text { open: true }
            && (alone || memchr::memchr(b' ', word).is_some())
    }

    /// Tells whether a text that has begun before goes on to select something, which no brackets enclose
    /// and which is no column of a table.
    fn tells_to_select(&self, i: usize) -> bool {
        let start = self.tokens.get(i).start;
        let words = self.kind(i + 1) == Kind::Name && self.kind(i + 2) == Kind::Name;
        self.kind(i) == Kind::Select && words && self.prose.is_some_and(|at| at <= start)
    }

    /// Tells whether the value starts with two names, as sentences do.
    fn is_sentence(&self) -> bool {
        self.context == Context::Bare && self.kind(0) == Kind::Name && self.kind(1) == Kind::Name
    }

    /// Tells whether two literals are one, but for a quote that is left open.
    fn alike(&self, left: usize, right: usize) -> bool {
        let quote = |b: &u8| matches!(b, b'\'' | b'"');
        let bare = |i| self.word(i).iter().filter(|b| !quote(b));
        bare(left).eq(bare(right))
    }

    /// Tells whether a logic operator stands without blanks between the break and a string.
    fn squeezed(&self, i: usize) -> bool {
        let (operator, next) = (self.tokens.get(i), self.tokens.get(i + 1));
        let string = matches!(self.kind(i + 1), Kind::Text { .. });
        operator.start == 0 && string && next.start == operator.end
    }

    /// Tells a comparison for equality from one for order, which prose and programs make too.
    fn equates(&self, j: usize) -> bool {
        !matches!(self.word(j).first(), Some(b'<' | b'>')) || self.word(j) == b"<>"
    }

    /// `where 1=1` behind a value.
    pub(super) fn condition(&self, i: usize, statement: bool) -> Found {
        let (left, j) = self.operand(i + 1)?;
        let (right, _) = self.operand(j + 1)?;
        let constant = left == Operand::Literal && right == Operand::Literal;
        let broke = i > 0 || self.context == Context::Quoted && self.before <= 24;
        (constant && broke && !statement && self.kind(j) == Kind::Compare)
            .then_some(("sqli.tautology", 0.75))
    }

    /// `having 1=1`.
    pub(super) fn having(&self, i: usize) -> Found {
        let (left, j) = self.operand(i + 1)?;
        let compares = self.kind(j) == Kind::Compare;
        // Behind a value, any condition that cuts the rest off: `1 having max(a)>1--`.
        let cuts = || self.led(i) && self.operand(j + 1).is_some_and(|right| self.cut(right.1));
        let holds = left == Operand::Literal && i <= 8 || compares && cuts();
        (compares && holds).then_some(("sqli.tautology", 0.75))
    }

    /// `case when (1=1) then`.
    pub(super) fn case(&self, i: usize, statement: bool) -> Found {
        if self.kind(i + 1) != Kind::When || statement {
            return None;
        }
        let (left, j) = self.operand(i + 2)?;
        let literal = left == Operand::Literal && self.kind(j) == Kind::Compare;
        (literal || left == Operand::Query).then_some(("sqli.case", 0.75))
    }
}
