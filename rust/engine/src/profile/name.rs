//! Names of parameters, so that ids within names do not make a parameter each.

use crate::decode::{is_plain, percent, Value};
use crate::inspect::{Part, LONGEST_LOCATION};

/// A parameter's name: at most 64 bytes, and `*` for what looks like an id or an index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    bytes: [u8; LONGEST_LOCATION],
    length: u8,
}

impl Name {
    /// Keeps nothing: no parameter has this name.
    pub const EMPTY: Name = Name {
        bytes: [0; LONGEST_LOCATION],
        length: 0,
    };

    /// Keeps a name as it stands on the wire: where its part encodes names, that is undone once.
    /// Cost: a search more than [`Name::new`] where nothing is encoded.
    pub fn sent(part: Part, raw: &[u8]) -> Name {
        let mut buffer = [0; LONGEST_LOCATION];
        Name::new(undone(part, raw, &mut buffer))
    }

    /// Keeps a name. Segments between points, brackets and colons of numbers only, and segments of
    /// 16 characters and more that hold two digits, become `*`.
    pub fn new(name: &[u8]) -> Name {
        let mut kept = Name::EMPTY;
        let name = name.get(..LONGEST_LOCATION).unwrap_or(name);
        let mut rest = name;
        while !rest.is_empty() {
            let ends = |b: &u8| matches!(b, b'.' | b'[' | b']' | b':');
            let end = rest.iter().position(ends).unwrap_or(rest.len());
            let (segment, tail) = rest.split_at(end);
            if is_id(segment) {
                kept.push(b"*");
            } else {
                kept.push(segment);
            }
            kept.push(tail.get(..1).unwrap_or_default());
            rest = tail.get(1..).unwrap_or_default();
        }
        kept.be_text();
        kept
    }

    /// Keeps a text as it is, cut to 64 bytes.
    pub fn text(text: &[u8]) -> Name {
        let mut kept = Name::EMPTY;
        kept.push(text);
        kept.be_text();
        kept
    }

    fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if let Some(place) = self.bytes.get_mut(usize::from(self.length)) {
                // A zero ends a name where it is packed into words.
                *place = (*byte).max(1);
                self.length += 1;
            }
        }
    }

    /// Puts a question mark for each byte that is no text, so that a file gives the same name back.
    fn be_text(&mut self) {
        let length = usize::from(self.length);
        while let Err(e) = std::str::from_utf8(&self.bytes[..length]) {
            let rest = &mut self.bytes[e.valid_up_to()..length];
            let broken = e.error_len().unwrap_or(rest.len());
            rest[..broken].fill(b'?');
        }
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&[])
    }

    pub(super) fn padded(&self) -> &[u8; LONGEST_LOCATION] {
        &self.bytes
    }

    pub(super) fn from_padded(bytes: [u8; LONGEST_LOCATION]) -> Name {
        let length = bytes.iter().position(|b| *b == 0);
        let length = length.unwrap_or(LONGEST_LOCATION) as u8;
        Name { length, bytes }
    }
}

impl std::fmt::Debug for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Name({})", String::from_utf8_lossy(self.as_bytes()))
    }
}

/// Undoes what a part does to names.
fn undone<'n>(part: Part, raw: &'n [u8], buffer: &'n mut [u8; LONGEST_LOCATION]) -> &'n [u8] {
    let plus = matches!(part, Part::Query | Part::Form);
    let encodes = plus || part == Part::Cookie;
    if !encodes || memchr::memchr2(b'%', b'+', raw).is_none() {
        return raw;
    }
    let length = percent::once(raw, plus, buffer);
    buffer.get(..length).unwrap_or_default()
}

/// Tells whether a value is the name of a pair, which is handed out by itself where something could
/// hide in it: it says nothing of what the pair's values look like.
pub fn is_name(value: &Value<'_>) -> bool {
    let pair = matches!(value.part, Part::Query | Part::Form | Part::Cookie);
    let mut buffer = [0; LONGEST_LOCATION];
    pair && !is_plain(value.name)
        && (value.bytes == value.name || value.bytes == undone(value.part, value.name, &mut buffer))
}

/// Tells whether a segment looks like an id or an index.
pub(super) fn is_id(segment: &[u8]) -> bool {
    let digits = segment.iter().filter(|b| b.is_ascii_digit()).count();
    (digits > 0 && digits == segment.len()) || (segment.len() >= 16 && digits >= 2)
}

/// Parts whose values have names that are learned: browsers write headers, and a path has no name.
pub fn is_learned(part: Part) -> bool {
    matches!(
        part,
        Part::Query | Part::Form | Part::Json | Part::Cookie | Part::File
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_however_it_is_sent() {
        for (part, raw, want) in [
            (Part::Query, "user%5Bpassword%5D", "user[password]"),
            (Part::Form, "user[password]", "user[password]"),
            (Part::Query, "a%5B0%5D", "a[*]"),
            (Part::Query, "first+name", "first name"),
            (Part::Cookie, "first+name%20", "first+name "),
            (Part::Json, "100%41+", "100%41+"),
            (Part::Query, "%", "%"),
        ] {
            let name = Name::sent(part, raw.as_bytes());
            assert_eq!(name.as_bytes(), want.as_bytes(), "{raw}");
        }
    }

    #[test]
    fn ids_in_names_collapse() {
        for (name, want) in [
            ("user.name", "user.name"),
            ("items[0][sku]", "items[*][sku]"),
            ("orders.4711.note", "orders.*.note"),
            ("0b1c9f6e-8d2a-4f7e-9a55-2f1c3b7e6d10", "*"),
            ("q2", "q2"),
            ("a\0b", "a\u{1}b"),
        ] {
            assert_eq!(Name::new(name.as_bytes()).as_bytes(), want.as_bytes());
        }
        assert_eq!(Name::new(b"caf\xe9\xc3").as_bytes(), b"caf??");
        let cut = Name::text("\u{e9}".repeat(50).as_bytes());
        assert_eq!(
            cut,
            Name::text(String::from_utf8_lossy(cut.as_bytes()).as_bytes())
        );
        let long = Name::new(&[b'a'; 300]);
        assert_eq!(long.as_bytes().len(), 64);
        assert_eq!(Name::from_padded(*long.padded()), long);
    }
}
