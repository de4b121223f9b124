//! A forgiving SQL lexer for what attackers write: the common ground of MySQL, PostgreSQL,
//! SQL Server, Oracle and SQLite. Never fails; what it does not know is [`Kind::Other`].

/// Most tokens of one reading. What decides whether a value breaks out stands near its start.
pub const TOKENS: usize = 64;

/// What a token is, as coarse as the patterns need it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// The end of the value.
    #[default]
    End,
    /// A number, `null`, `true`, `false`.
    Number,
    /// A quoted string; the flag tells that its end is missing.
    Text {
        open: bool,
    },
    /// A name, quoted or not.
    Name,
    /// `@x`, `@@x`.
    Variable,
    /// `and`, `or`, `xor`, `&&`.
    Logic,
    /// `||`: a logic operator or a concatenation.
    Bars,
    /// `not`, `!`, `~`, `binary`.
    Prefix,
    /// `=`, `<`, `like`, `in`, `is`, `between`.
    Compare,
    /// `==`, which programs write and SQL does not.
    DoubleEquals,
    /// `+`, `-`, `*`, `/`, `%`, `^`, `|`, `&`, `div`, `mod`.
    Math,
    Open,
    Close,
    Comma,
    Semicolon,
    Dot,
    /// A comment that swallows the rest of a line; a `#` stands alone, since it may be none.
    Comment,
    Union,
    /// `all`, `distinct`.
    All,
    Select,
    From,
    Where,
    /// `order`, `group`.
    Sort,
    By,
    Having,
    Limit,
    Into,
    Case,
    When,
    Exists,
    /// `insert`, `delete`, `drop`, `exec`, ...: starts a statement that changes things.
    Statement,
    /// `waitfor`.
    Wait,
    Other,
}

/// One token and where it stands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

/// What comments gave away while they were passed over.
#[derive(Clone, Copy, Debug, Default)]
pub struct Comments {
    /// `/**/` between tokens, as blanks.
    pub inline: u32,
    /// `/*!50000 ... */`, which MySQL executes.
    pub executable: u32,
}

/// The tokens of one reading.
pub struct Tokens {
    list: [Token; TOKENS],
    /// For each opening bracket, the token behind the one that closes it.
    behind: [u8; TOKENS],
    length: usize,
    pub comments: Comments,
}

impl Tokens {
    /// An empty reading.
    pub fn new() -> Tokens {
        Tokens {
            list: [Token::default(); TOKENS],
            behind: [0; TOKENS],
            length: 0,
            comments: Comments::default(),
        }
    }

    /// The kind at `i`; [`Kind::End`] behind the last.
    pub fn kind(&self, i: usize) -> Kind {
        self.get(i).kind
    }

    /// The token at `i`.
    pub fn get(&self, i: usize) -> Token {
        self.list[..self.length].get(i).copied().unwrap_or_default()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.length
    }

    /// The token behind the bracket that closes the one at `i`; the length when none does.
    pub fn behind(&self, i: usize) -> usize {
        match self.behind.get(i) {
            Some(0) | None => self.length,
            Some(behind) => usize::from(*behind),
        }
    }

    /// Reads `text` anew.
    /// Cost: linear; at most [`TOKENS`] tokens, in place.
    pub fn read(&mut self, text: &[u8]) {
        self.lex(text);
        self.pair();
    }

    /// Pairs the brackets, so that no pattern has to search for one.
    fn pair(&mut self) {
        let mut open = [0u8; TOKENS];
        let mut depth = 0;
        self.behind = [0; TOKENS];
        for i in 0..self.length {
            match self.list[i].kind {
                Kind::Open => {
                    open[depth] = i as u8;
                    depth += 1;
                }
                Kind::Close if depth > 0 => {
                    depth -= 1;
                    self.behind[usize::from(open[depth])] = i as u8 + 1;
                }
                _ => {}
            }
        }
    }

    fn lex(&mut self, text: &[u8]) {
        self.length = 0;
        self.comments = Comments::default();
        let mut at = 0;
        while self.length < TOKENS {
            at += blanks(&text[at..]);
            let Some(byte) = text.get(at) else {
                return;
            };
            let rest = &text[at..];
            let (kind, length) = match byte {
                b'/' if rest.starts_with(b"/*!") => {
                    self.comments.executable += 1;
                    at += 3 + rest[3..].iter().take_while(|b| b.is_ascii_digit()).count();
                    continue;
                }
                b'*' if rest.starts_with(b"*/") => {
                    at += 2;
                    continue;
                }
                b'/' if rest.starts_with(b"/*") => match find(&rest[2..], b"*/") {
                    Some(end) => {
                        self.comments.inline += 1;
                        at += end + 4;
                        continue;
                    }
                    None => (Kind::Comment, rest.len()),
                },
                // Only MySQL ends a line here: what follows is read on.
                b'#' => (Kind::Comment, 1),
                b'-' if rest.starts_with(b"--") && !rest.get(2).is_some_and(u8::is_ascii_digit) => {
                    (Kind::Comment, line(rest))
                }
                b'\'' | b'"' => string(rest),
                b'0'..=b'9' => match unfinished_exponent(rest) {
                    Some(length) => {
                        at += length;
                        continue;
                    }
                    None => (Kind::Number, number(rest)),
                },
                b'.' if rest.get(1).is_some_and(u8::is_ascii_digit) => (Kind::Number, number(rest)),
                b'@' if rest.starts_with(b"@>") => (Kind::Compare, 2),
                b'@' => (Kind::Variable, 1 + word(&rest[1..])),
                b'`' => quoted_name(rest, b'`'),
                b'[' => quoted_name(rest, b']'),
                _ if is_word(*byte) => named(rest),
                _ => symbol(rest),
            };
            self.list[self.length] = Token {
                kind,
                start: at,
                end: at + length,
            };
            self.length += 1;
            at += length;
        }
    }
}

fn blanks(text: &[u8]) -> usize {
    // MySQL takes control bytes, and the no-break space, for blanks.
    let blank = |b: &u8| *b <= b' ' || *b == 0xa0;
    text.iter().position(|b| !blank(b)).unwrap_or(text.len())
}

fn line(text: &[u8]) -> usize {
    memchr::memchr(b'\n', text).unwrap_or(text.len())
}

fn find(text: &[u8], mark: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, mark)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// Measures a name. A no-break space that stands alone, as in an older character set, ends it.
fn name(text: &[u8]) -> usize {
    let lone = |at: usize| text[at] == 0xa0 && at > 0 && text[at - 1].is_ascii();
    let end = text.iter().position(|b| !is_word(*b)).unwrap_or(text.len());
    (1..end).find(|at| lone(*at)).unwrap_or(end)
}

/// Measures a word; `@@global.version` and `sys.tables` keep their dots apart.
fn word(text: &[u8]) -> usize {
    text.iter()
        .position(|b| !is_word(*b) && *b != b'@')
        .unwrap_or(text.len())
}

fn number(text: &[u8]) -> usize {
    let part = |b: &u8| b.is_ascii_alphanumeric() || *b == b'.';
    let length = text.iter().position(|b| !part(b)).unwrap_or(text.len());
    // `1or`, `1union`: MySQL ends a number where its digits end.
    let digits = text
        .iter()
        .position(|b| !b.is_ascii_digit() && *b != b'.')
        .unwrap_or(text.len());
    let tail = &text[digits..length];
    let hex = text[0] == b'0' && matches!(tail, [b'x' | b'X' | b'b' | b'B', ..]);
    let exponent = matches!(tail, [b'e' | b'E', digit, ..] if digit.is_ascii_digit());
    match () {
        () if hex => length,
        () if exponent => digits + 1 + tail[1..].iter().take_while(|b| b.is_ascii_digit()).count(),
        () => digits,
    }
}

/// Measures a number whose exponent has no digits, before a bracket: `1.e(`. MySQL passes over it.
fn unfinished_exponent(text: &[u8]) -> Option<usize> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    match &text[digits..] {
        [b'.', b'e' | b'E', b'(', ..] => Some(digits + 2),
        _ => None,
    }
}

/// Reads a string: a doubled quote and a backslash do not end it.
fn string(text: &[u8]) -> (Kind, usize) {
    let quote = text[0];
    let mut at = 1;
    while let Some(step) = memchr::memchr2(quote, b'\\', &text[at..]) {
        at += step;
        let doubled = text.get(at + 1) == Some(&quote);
        if text[at] == b'\\' || doubled {
            at = (at + 2).min(text.len());
        } else {
            return (Kind::Text { open: false }, at + 1);
        }
    }
    (Kind::Text { open: true }, text.len())
}

fn quoted_name(text: &[u8], close: u8) -> (Kind, usize) {
    let window = &text[..text.len().min(66)];
    match memchr::memchr(close, &window[1..]) {
        Some(end) => (Kind::Name, end + 2),
        None => (Kind::Other, 1),
    }
}

fn symbol(text: &[u8]) -> (Kind, usize) {
    match text {
        [b'|', b'|', ..] => (Kind::Bars, 2),
        [b'&', b'&', ..] => (Kind::Logic, 2),
        [b'=', b'=', ..] => (Kind::DoubleEquals, 2),
        [b'<', b'=', b'>', ..] => (Kind::Compare, 3),
        [b'<' | b'>' | b'!' | b':', b'=', ..] | [b'<', b'>' | b'@', ..] => (Kind::Compare, 2),
        [b'=' | b'<' | b'>', ..] => (Kind::Compare, 1),
        [b'!' | b'~', ..] => (Kind::Prefix, 1),
        [b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'|' | b'&', ..] => (Kind::Math, 1),
        [b'(', ..] => (Kind::Open, 1),
        [b')', ..] => (Kind::Close, 1),
        [b',', ..] => (Kind::Comma, 1),
        [b';', ..] => (Kind::Semicolon, 1),
        [b'.', ..] => (Kind::Dot, 1),
        _ => (Kind::Other, 1),
    }
}

fn named(text: &[u8]) -> (Kind, usize) {
    let length = name(text);
    let mut lower = [0; 10];
    let Some(letters) = lower.get_mut(..length) else {
        return (Kind::Name, length);
    };
    letters.copy_from_slice(&text[..length]);
    letters.make_ascii_lowercase();
    (keyword(letters), length)
}

fn keyword(word: &[u8]) -> Kind {
    match word {
        b"and" | b"or" | b"xor" => Kind::Logic,
        b"not" | b"binary" => Kind::Prefix,
        b"like" | b"rlike" | b"regexp" | b"glob" | b"in" | b"is" | b"between" | b"ilike"
        | b"sounds" => Kind::Compare,
        b"div" | b"mod" => Kind::Math,
        b"null" | b"true" | b"false" => Kind::Number,
        b"union" | b"intersect" | b"except" => Kind::Union,
        b"all" | b"distinct" => Kind::All,
        b"select" => Kind::Select,
        b"from" => Kind::From,
        b"where" => Kind::Where,
        b"order" | b"group" => Kind::Sort,
        b"by" => Kind::By,
        b"having" => Kind::Having,
        b"limit" => Kind::Limit,
        b"into" => Kind::Into,
        b"case" => Kind::Case,
        b"when" => Kind::When,
        b"exists" => Kind::Exists,
        b"waitfor" => Kind::Wait,
        b"insert" | b"update" | b"delete" | b"drop" | b"create" | b"alter" | b"truncate"
        | b"exec" | b"execute" | b"declare" | b"shutdown" | b"grant" | b"merge" | b"replace"
        | b"call" | b"begin" | b"set" | b"backup" | b"kill" | b"print" | b"copy" => Kind::Statement,
        _ => Kind::Name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told_apart() {
        use Kind::*;
        for (text, want) in [
            ("1 or 1=1", &[Number, Logic, Number, Compare, Number][..]),
            (
                "1or'a'like\"a",
                &[
                    Number,
                    Logic,
                    Text { open: false },
                    Compare,
                    Text { open: true },
                ],
            ),
            (
                "UnIoN/**/all/*!50000SeLeCt*/@@version,0x41",
                &[Union, All, Select, Variable, Comma, Number],
            ),
            (
                "'it''s' \"a\\\"b\"",
                &[Text { open: false }, Text { open: false }],
            ),
            (
                "1e3.5--2 -- x",
                &[Number, Number, Math, Math, Number, Comment],
            ),
            (
                "a.b||`c d`#e",
                &[Name, Dot, Name, Bars, Name, Comment, Name],
            ),
            ("/* never closed", &[Comment]),
            ("\x00\t\x0b", &[]),
        ] {
            let mut tokens = Tokens::new();
            tokens.read(text.as_bytes());
            let got: Vec<_> = (0..tokens.len()).map(|i| tokens.kind(i)).collect();
            assert_eq!(got, want, "{text}");
        }
    }
}
