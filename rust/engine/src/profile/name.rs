//! Names of parameters, so that ids within names do not make a parameter each.

use crate::inspect::{Part, LONGEST_LOCATION};

/// A parameter's name: at most 64 bytes, and `*` for what looks like an id or an index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    bytes: [u8; LONGEST_LOCATION],
    length: u8,
}

impl Name {
    /// Keeps a name. Segments between points, brackets and colons of numbers only, and segments of
    /// 16 characters and more that hold two digits, become `*`.
    pub fn new(name: &[u8]) -> Name {
        let mut kept = Name {
            length: 0,
            bytes: [0; LONGEST_LOCATION],
        };
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
        kept
    }

    /// Keeps a text as it is, cut to 64 bytes.
    pub fn text(text: &[u8]) -> Name {
        let mut kept = Name {
            length: 0,
            bytes: [0; LONGEST_LOCATION],
        };
        kept.push(text);
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

fn is_id(segment: &[u8]) -> bool {
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
        let long = Name::new(&[b'a'; 300]);
        assert_eq!(long.as_bytes().len(), 64);
        assert_eq!(Name::from_padded(*long.padded()), long);
    }
}
