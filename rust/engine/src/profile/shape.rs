//! What a value looks like: its class, the kinds of its characters, its length.

/// What a value is, by its form. A value has one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Class {
    Empty = 0,
    Integer = 1,
    Number = 2,
    Boolean = 3,
    Uuid = 4,
    Date = 5,
    /// Hexadecimal, at least 16 digits.
    Hex = 6,
    /// A run of letters and digits of both kinds, at least 16: keys, tokens, base64.
    Token = 7,
    /// Letters, digits, `-`, `_` and `.`.
    Word = 8,
    Email = 9,
    /// A path or a URL.
    Url = 10,
    /// Words, numbers or dates with commas between them.
    List = 11,
    /// Words with blanks and the marks of a sentence.
    Text = 12,
    /// Anything with characters that languages give a meaning to.
    Code = 13,
    /// Control bytes, or bytes that are no text.
    Binary = 14,
    /// A JSON value that is no string: number, boolean, null, array.
    Scalar = 15,
}

impl Class {
    pub const ALL: [Class; 16] = [
        Class::Empty,
        Class::Integer,
        Class::Number,
        Class::Boolean,
        Class::Uuid,
        Class::Date,
        Class::Hex,
        Class::Token,
        Class::Word,
        Class::Email,
        Class::Url,
        Class::List,
        Class::Text,
        Class::Code,
        Class::Binary,
        Class::Scalar,
    ];

    /// Names the class in sentences: "always been …".
    pub fn noun(self) -> &'static str {
        match self {
            Class::Empty => "empty",
            Class::Integer => "an integer",
            Class::Number => "a number",
            Class::Boolean => "a boolean",
            Class::Uuid => "a UUID",
            Class::Date => "a date",
            Class::Hex => "hexadecimal",
            Class::Token => "a token",
            Class::Word => "a word",
            Class::Email => "an email address",
            Class::Url => "a URL or path",
            Class::List => "a list",
            Class::Text => "a text",
            Class::Code => "a text with signs of a language",
            Class::Binary => "binary",
            Class::Scalar => "no string",
        }
    }

    /// Finds the class of a number that `class as u8` gave.
    pub fn from_number(number: u8) -> Option<Class> {
        Class::ALL.get(usize::from(number)).copied()
    }
}

/// Kinds of character that are told apart: a name for people, and whether languages and shells give
/// it a meaning.
pub const KINDS: [(&str, bool); 16] = [
    ("capitals", false),
    ("small letters", false),
    ("digits", false),
    ("blanks", false),
    ("points and hyphens", false),
    ("commas and colons", false),
    ("slashes", false),
    ("at and plus signs", false),
    ("letters beyond ASCII", false),
    ("question marks, hashes, percent signs", false),
    ("single quotes", true),
    ("double quotes", true),
    ("angle brackets", true),
    ("brackets", true),
    ("semicolons, pipes, ampersands", true),
    ("control characters", true),
];

const KIND: [u8; 256] = {
    let mut table = [13; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = match i as u8 {
            b'A'..=b'Z' => 0,
            b'a'..=b'z' => 1,
            b'0'..=b'9' => 2,
            b' ' => 3,
            b'.' | b'-' | b'_' | b'~' | b'!' => 4,
            b',' | b':' => 5,
            b'/' => 6,
            b'@' | b'+' => 7,
            0x80.. => 8,
            b'?' | b'#' | b'%' => 9,
            b'\'' => 10,
            b'"' => 11,
            b'<' | b'>' => 12,
            // ( ) [ ] { } $ = * ^ and the backslash
            b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'$' | b'=' | b'*' | b'^' | b'\\' => 13,
            b';' | b'|' | b'&' | b'`' => 14,
            b'\t' | b'\n' | b'\r' => 3,
            0..=0x1f | 0x7f => 15,
        };
        i += 1;
    }
    table
};

const DIGIT: u16 = 1 << 2;
const LETTERS: u16 = 0b11;
const POINT: u16 = 1 << 4;
const COMMA: u16 = 1 << 5;
/// Kinds of a word.
const WORD: u16 = LETTERS | DIGIT | POINT;

/// Bytes of a value that are looked at; the rest has its length only.
const LOOKED: usize = 256;

/// A value's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub class: Class,
    /// Bit n for the n-th of [`KINDS`].
    pub kinds: u16,
    /// Length, by [`Shape::length_bin`].
    pub length: u8,
}

impl Shape {
    /// The shape of what has no characters of its own.
    pub const SCALAR: Shape = Shape {
        class: Class::Scalar,
        kinds: 0,
        length: 0,
    };

    /// Looks at a value. Cost: at most 256 bytes.
    pub fn of(value: &[u8]) -> Shape {
        let looked = value.get(..LOOKED).unwrap_or(value);
        let kinds = looked
            .iter()
            .fold(0u16, |all, b| all | 1 << KIND[usize::from(*b)]);
        Shape {
            class: class_of(looked, kinds, value.len()),
            kinds,
            length: Self::length_bin(value.len()),
        }
    }

    /// Half-octaves: a bin spans a factor of 1.41.
    pub fn length_bin(bytes: usize) -> u8 {
        let length = bytes.min(u32::MAX as usize) as u128 + 1;
        let octave = length.ilog2();
        let upper = length.pow(2) >= 1 << (2 * octave + 1);
        (2 * octave + u32::from(upper)) as u8
    }

    /// The longest length of a bin. Units: bytes.
    pub fn longest(bin: u8) -> usize {
        (f64::from(bin) / 2.0 + 0.5).exp2().ceil() as usize - 1
    }
}

fn class_of(value: &[u8], kinds: u16, length: usize) -> Class {
    const MEANING: u16 = meaning();
    if value.is_empty() {
        return Class::Empty;
    }
    if kinds & 1 << 15 != 0 || (kinds & 1 << 8 != 0 && !is_utf8(value)) {
        return Class::Binary;
    }
    if kinds & MEANING != 0 {
        return Class::Code;
    }
    let unsigned = value.strip_prefix(b"-").unwrap_or(value);
    if !unsigned.is_empty() && unsigned.iter().all(u8::is_ascii_digit) && length <= 20 {
        return Class::Integer;
    }
    if kinds & !(DIGIT | POINT) == 0 && kinds & DIGIT != 0 {
        let text = std::str::from_utf8(value).unwrap_or_default();
        if text.parse::<f64>().is_ok() {
            return Class::Number;
        }
    }
    if [&b"true"[..], b"false"]
        .iter()
        .any(|b| value.eq_ignore_ascii_case(b))
    {
        return Class::Boolean;
    }
    if is_uuid(value) {
        return Class::Uuid;
    }
    if is_date(value) {
        return Class::Date;
    }
    if kinds & !WORD == 0 {
        let letters = value.iter().filter(|b| b.is_ascii_alphabetic()).count();
        let digits = value.iter().filter(|b| b.is_ascii_digit()).count();
        if value.len() >= 16 && value.iter().all(u8::is_ascii_hexdigit) && digits >= 2 {
            return Class::Hex;
        }
        if value.len() >= 16 && digits >= 2 && letters >= 2 {
            return Class::Token;
        }
        return Class::Word;
    }
    if kinds & !(WORD | 1 << 6 | 1 << 7) == 0 && kinds & 1 << 7 != 0 && is_email(value) {
        return Class::Email;
    }
    if kinds & 1 << 3 == 0 && kinds & 1 << 6 != 0 {
        return Class::Url;
    }
    if kinds & !(WORD | COMMA) == 0 {
        return Class::List;
    }
    Class::Text
}

/// Kinds that make a value [`Class::Code`]: those with a meaning, but for quotes and semicolons, which
/// names and sentences have (`O'Brien; see "above"`).
const fn meaning() -> u16 {
    1 << 12 | 1 << 13
}

fn is_utf8(value: &[u8]) -> bool {
    match std::str::from_utf8(value) {
        Ok(_) => true,
        // Cut within a character.
        Err(e) => e.error_len().is_none(),
    }
}

fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// `2026-11-23`, with a time behind it or not.
fn is_date(value: &[u8]) -> bool {
    let digits = |from: usize, to: usize| {
        value
            .get(from..to)
            .is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    digits(0, 4)
        && value.get(4) == Some(&b'-')
        && digits(5, 7)
        && value.get(7) == Some(&b'-')
        && digits(8, 10)
        && matches!(value.get(10), None | Some(b'T' | b' '))
}

fn is_email(value: &[u8]) -> bool {
    let mut parts = value.split(|b| *b == b'@');
    let (name, host, rest) = (parts.next(), parts.next(), parts.next());
    name.is_some_and(|n| !n.is_empty()) && host.is_some_and(|h| h.contains(&b'.')) && rest.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_class_that_people_would_give_them() {
        for (value, want) in [
            ("", Class::Empty),
            ("42", Class::Integer),
            ("-7", Class::Integer),
            ("4.2", Class::Number),
            ("true", Class::Boolean),
            ("0b1c9f6e-8d2a-4f7e-9a55-2f1c3b7e6d10", Class::Uuid),
            ("2026-11-23", Class::Date),
            ("2026-11-23T10:00:00Z", Class::Date),
            ("d41d8cd98f00b204e9800998ecf8427e", Class::Hex),
            ("Zm9vYmFyMTIzNDU2Nzg5MA", Class::Token),
            ("price_desc", Class::Word),
            ("ada@example.com", Class::Email),
            ("/a/b.html", Class::Url),
            ("a,b,c", Class::List),
            ("blue shoes", Class::Text),
            ("O'Brien", Class::Text),
            ("1 OR 1=1", Class::Code),
            ("<b>hi</b>", Class::Code),
            ("caf\u{e9} au lait", Class::Text),
            ("\u{1}", Class::Binary),
        ] {
            assert_eq!(Shape::of(value.as_bytes()).class, want, "{value}");
        }
        assert_eq!(Shape::of(b"a\xff\xfeb").class, Class::Binary);
    }

    #[test]
    fn classes_are_listed_in_the_order_of_their_numbers() {
        for (nth, class) in Class::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, nth);
        }
    }

    #[test]
    fn bins_of_lengths_grow() {
        let mut before = 0;
        for bytes in 0..100_000 {
            let bin = Shape::length_bin(bytes);
            assert!((before..=before + 2).contains(&bin), "{bytes}");
            assert!(Shape::longest(bin) >= bytes, "{bytes}: {bin}");
            before = bin;
        }
    }
}
