//! One reading of a value: its tokens in a context, and the questions that patterns ask of them.

use super::functions::{weigh, Weight};
use super::lexer::{Kind, Tokens, TOKENS};

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
    /// Where prose has begun in the reading, if it has.
    pub prose: Option<usize>,
}

/// The strongest finding of a reading.
pub type Found = Option<(&'static str, f32)>;

/// What an operand is. Ordered: of an expression's parts, the greatest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operand {
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
        offer(self.unfinished());
        offer(self.dangles());
        offer(self.resumes_query());
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

    pub(super) fn kind(&self, i: usize) -> Kind {
        self.tokens.kind(i)
    }

    /// Tells whether a token of that kind is among them.
    pub(super) fn holds(&self, kind: Kind) -> bool {
        (0..self.tokens.len()).any(|i| self.kind(i) == kind)
    }

    pub(super) fn word(&self, i: usize) -> &[u8] {
        let token = self.tokens.get(i);
        &self.text[token.start..token.end]
    }

    pub(super) fn is(&self, i: usize, word: &[u8]) -> bool {
        self.word(i).eq_ignore_ascii_case(word)
    }

    /// Tells whether the value is a statement from its first word on, as a database console or an
    /// API for queries would send it, or a program that quotes one: what would break out elsewhere
    /// is grammar there.
    fn is_statement(&self) -> bool {
        let bare = self.context == Context::Bare;
        match self.kind(0) {
            Kind::Select => true,
            Kind::Statement => bare || self.acts(0),
            Kind::Open => bare && self.kind(1) == Kind::Select,
            Kind::Name if bare => [&b"with"[..], b"explain", b"show", b"describe"]
                .iter()
                .any(|w| self.is(0, w)),
            _ => false,
        }
    }

    pub(super) fn closes(&self, mut i: usize) -> usize {
        while self.kind(i) == Kind::Close {
            i += 1;
        }
        i
    }

    /// Tells whether a condition that ends at `i` is told about, as sentences and logs do: prose has
    /// begun before it, and goes on behind it.
    pub(super) fn told(&self, from: usize, i: usize) -> bool {
        let begun = self
            .prose
            .is_some_and(|at| at <= self.tokens.get(from).start);
        let last = i.checked_sub(1).map_or(&b""[..], |last| self.word(last));
        let goes_on = match self.kind(self.closes(i)) {
            Kind::End => self.tokens.len() == TOKENS || memchr::memchr(b' ', last).is_some(),
            Kind::Comment
            | Kind::Logic
            | Kind::Union
            | Kind::Limit
            | Kind::Sort
            | Kind::Having
            | Kind::Semicolon => false,
            _ => true,
        };
        begun && goes_on
    }

    /// Tells whether nothing but a comment, brackets or the end follows.
    pub(super) fn ends(&self, i: usize) -> bool {
        matches!(
            self.kind(self.closes(i)),
            Kind::End | Kind::Comment | Kind::Semicolon
        )
    }

    /// Tells whether a comment follows that cuts the application's own rest off, and not one that
    /// explains a program's line.
    pub(super) fn cut(&self, i: usize) -> bool {
        let i = self.closes(i);
        let rest = &self.text[self.tokens.get(i).start..];
        self.kind(i) == Kind::Comment && rest.trim_ascii().len() <= 12
    }

    pub(super) fn commented(&self, i: usize) -> bool {
        let mut i = self.closes(i);
        while self.kind(i) == Kind::Semicolon {
            i += 1;
        }
        self.kind(i) == Kind::Comment
    }

    pub(super) fn commented_at_last(&self) -> bool {
        let last = self.tokens.len().saturating_sub(1);
        self.kind(last) == Kind::Comment
    }

    /// Reads an operand, arithmetic included. Shape: what it is, and the token behind it.
    pub(super) fn operand(&self, i: usize) -> Option<(Operand, usize)> {
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

    /// Tells whether a `case` has a condition: soon behind it, or behind an expression, which unlike a
    /// sentence has no two words in a row. Cost: bounded by the number of tokens.
    fn chooses(&self, i: usize) -> bool {
        let is_word = |k: usize| self.word(k).first().is_some_and(u8::is_ascii_alphabetic);
        let joins = matches!(self.kind(i + 2), Kind::Logic | Kind::Compare | Kind::Math);
        let words = is_word(i + 1) && self.kind(i + 1) != Kind::Prefix && is_word(i + 2) && !joins;
        let sentence = words || self.kind(i + 1) == Kind::Compare;
        let near = if sentence { 7 } else { self.tokens.len() };
        let mut behind = (i + 1..self.tokens.len()).take(near);
        behind.any(|k| self.is(k, b"when"))
    }

    fn primary(&self, mut i: usize) -> Option<(Operand, usize)> {
        let from = i;
        let row = (self.kind(i) == Kind::Open).then_some(i);
        // No dialect has a sign of multiplication before an operand: `"-*"` is a pattern.
        let leads = |i| matches!(self.kind(i), Kind::Prefix | Kind::Open | Kind::Math);
        while leads(i) && !self.is(i, b"*") {
            i += 1;
            if i - from > 16 {
                return None;
            }
        }
        let found = match self.kind(i) {
            Kind::Number | Kind::Text { .. } | Kind::Variable => (Operand::Literal, i + 1),
            // Sentences have cases too, `or null in case of x`; an expression names what it tells apart.
            Kind::Case if !self.chooses(i) => (Operand::Name, i + 1),
            Kind::Select | Kind::Case => return Some((Operand::Query, i + 1)),
            // That of XPath looks for a node: `exists(f:code)`.
            Kind::Exists
                if self.kind(i + 1) == Kind::Open
                    && !matches!(self.kind(i + 2), Kind::Name | Kind::Math) =>
            {
                return Some((Operand::Query, i + 2))
            }
            Kind::Name | Kind::Statement | Kind::Union if self.kind(i + 1) == Kind::Open => (
                Operand::Call(weigh(self.word(i))),
                self.tokens.behind(i + 1),
            ),
            Kind::Name if self.is_prefixed(i) => (Operand::Literal, i + 2),
            Kind::Name => {
                let mut end = i + 1;
                while self.kind(end) == Kind::Dot && self.kind(end + 1) == Kind::Name {
                    end += 2;
                }
                (Operand::Name, end)
            }
            _ => return None,
        };
        let (kind, mut end) = (found.0, self.closes(found.1));
        // `(1,2)`: a row of values.
        if let Some(open) = row.filter(|_| self.kind(end) == Kind::Comma) {
            end = self.closes(self.tokens.behind(open));
        }
        // `1::int`: a cast.
        while self.is(end, b":") && self.is(end + 1, b":") && self.kind(end + 2) == Kind::Name {
            end = self.closes(end + 3);
        }
        Some((kind, end))
    }

    /// Tells whether a name is the sign of a string's kind: `N'a'`, `E'a'`, `_utf8'a'`.
    fn is_prefixed(&self, i: usize) -> bool {
        let (name, string) = (self.tokens.get(i), self.tokens.get(i + 1));
        let sign = matches!(self.word(i), [b'_', ..])
            || [&b"n"[..], b"e", b"x", b"b"].iter().any(|w| self.is(i, w));
        let whole = string.kind == (Kind::Text { open: false });
        sign && whole && self.word(i + 1).starts_with(b"'") && name.end == string.start
    }

    /// Tells whether two operands of `length` tokens are spelled alike.
    pub(super) fn same(&self, left: usize, right: usize, length: usize) -> bool {
        length > 0
            && (0..length).all(|k| {
                self.word(left + k)
                    .eq_ignore_ascii_case(self.word(right + k))
            })
    }

    /// Tells whether everything before `i` could stand before a break: values, brackets and what
    /// sqlmap puts there (`1) as x where 3=3`).
    pub(super) fn led(&self, i: usize) -> bool {
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
}
