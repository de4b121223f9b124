//! What a worker tells the leader of one value, or of one request, of its sample.

use super::name::Name;
use super::shape::{Class, Shape};
use crate::inspect::{Part, LONGEST_LOCATION};
use crate::memory::PlaceId;

/// Words of a note.
pub const NOTE_WORDS: usize = 4 + LONGEST_LOCATION / 8;

/// What a note is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NoteKind {
    /// A value of a request in which nothing was found.
    Value {
        part: Part,
        name: Name,
        shape: Shape,
    },
    /// A value in which detectors found something: bits by [`super::families_of`].
    Flagged {
        part: Part,
        name: Name,
        families: u32,
    },
    /// How many values, how deep, and how mixed the bytes: see [`super::Numbers`].
    Request { numbers: [f32; 3] },
    /// An operation of the API's document, or one that is not in it.
    Operation {
        name: Name,
        documented: bool,
        deprecated: bool,
    },
}

/// One line for the leader.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Note {
    pub place: PlaceId,
    /// Keyed hash of who sent it: a consumer, or the network of a client.
    pub source: u64,
    pub kind: NoteKind,
}

const VALUE: u64 = 0;
const FLAGGED: u64 = 1;
const REQUEST: u64 = 2;
const OPERATION: u64 = 3;

impl Note {
    /// Packs it: `kind:8 part:8 class:8 length:8 kinds:16 place:16`, source, `families:32`, two
    /// numbers, and the name. A third number stands where families do.
    pub fn to_words(&self) -> [u64; NOTE_WORDS] {
        let mut words = [0; NOTE_WORDS];
        let mut name = None;
        let (head, mut families, mut number) = (self.head(), 0u32, 0);
        match &self.kind {
            NoteKind::Value { name: n, .. } | NoteKind::Operation { name: n, .. } => {
                name = Some(n);
            }
            NoteKind::Flagged {
                name: n,
                families: f,
                ..
            } => {
                families = *f;
                name = Some(n);
            }
            NoteKind::Request { numbers: [a, b, c] } => {
                number = u64::from(a.to_bits()) << 32 | u64::from(b.to_bits());
                families = c.to_bits();
            }
        }
        words[0] = head | u64::from(self.place.0) << 48;
        words[1] = self.source;
        words[2] = u64::from(families) << 32;
        words[3] = number;
        let chunks = name.map(|n| n.padded().chunks_exact(8));
        for (word, chunk) in words.iter_mut().skip(4).zip(chunks.into_iter().flatten()) {
            *word = chunk.iter().rev().fold(0, |w, b| w << 8 | u64::from(*b));
        }
        words
    }

    fn head(&self) -> u64 {
        match &self.kind {
            NoteKind::Value { part, shape, .. } => {
                let form = (shape.class as u64) << 16 | u64::from(shape.length) << 24;
                VALUE | (*part as u64) << 8 | form | u64::from(shape.kinds) << 32
            }
            NoteKind::Flagged { part, .. } => FLAGGED | (*part as u64) << 8,
            NoteKind::Request { .. } => REQUEST,
            NoteKind::Operation {
                documented,
                deprecated,
                ..
            } => OPERATION | u64::from(*documented) << 8 | u64::from(*deprecated) << 16,
        }
    }

    /// Unpacks it; nothing for words that this code does not write.
    pub fn from_words(words: &[u64; NOTE_WORDS]) -> Option<Note> {
        let [head, source, when, number, text @ ..] = words;
        let mut name = [0; LONGEST_LOCATION];
        for (chunk, word) in name.chunks_exact_mut(8).zip(text) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        let name = Name::from_padded(name);
        let byte = |at: u32| (head >> at) as u8;
        let part = || Part::ALL.get(usize::from(byte(8))).copied();
        let families = (when >> 32) as u32;
        let kind = match head & 0xff {
            VALUE => NoteKind::Value {
                part: part()?,
                name,
                shape: Shape {
                    class: Class::from_number(byte(16))?,
                    length: byte(24),
                    kinds: (head >> 32) as u16,
                },
            },
            FLAGGED => NoteKind::Flagged {
                part: part()?,
                name,
                families,
            },
            REQUEST => NoteKind::Request {
                numbers: [
                    f32::from_bits((number >> 32) as u32),
                    f32::from_bits(*number as u32),
                    f32::from_bits(families),
                ],
            },
            OPERATION => NoteKind::Operation {
                name,
                documented: byte(8) == 1,
                deprecated: byte(16) == 1,
            },
            _ => return None,
        };
        Some(Note {
            place: PlaceId((head >> 48) as u16),
            source: *source,
            kind,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_come_back() {
        let name = Name::new(b"user.name");
        let shape = Shape::of(b"O'Brien");
        let (part, families) = (Part::Json, 0x1_0003);
        for kind in [
            NoteKind::Value { part, name, shape },
            NoteKind::Flagged {
                part,
                name,
                families,
            },
            NoteKind::Request {
                numbers: [1.5, -2.0, 3.25],
            },
            NoteKind::Operation {
                name,
                documented: true,
                deprecated: true,
            },
        ] {
            let note = Note {
                place: PlaceId(2047),
                source: u64::MAX,
                kind,
            };
            assert_eq!(Note::from_words(&note.to_words()), Some(note));
        }
        assert_eq!(Note::from_words(&[9; NOTE_WORDS]), None);
    }
}
