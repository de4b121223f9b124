//! What the scorer reads of a value: numbers that people can read too.
//!
//! The kind of place (query, JSON, header) is not among them: in labelled data it tells how the data
//! was collected, and a scorer that knew it judged sources it had not seen worse.

use crate::inspect::{Family, Judged};

/// Score of all rules together from which they refuse without the model. A little less than the
/// half, since it is compared with a sum of logarithms.
const ENOUGH: f32 = 0.4999;
/// Log-odds of n-grams beyond which more says nothing.
const NGRAMS: f32 = 8.0;
const FAMILIES: usize = Family::ALL.len();
const SHAPE: [&str; 16] = [
    "char n-grams",
    "char n-grams without a rule",
    "char n-grams in a text",
    "rules",
    "rules in a text",
    "rules enough to refuse",
    "text",
    "length",
    "quotes",
    "unpaired quotes",
    "angle brackets",
    "round brackets",
    "other brackets",
    "semicolons and pipes",
    "letters",
    "evasive encoding",
];

/// Numbers of a value that the scorer weighs.
pub const COUNT: usize = SHAPE.len() + FAMILIES;

/// A value's numbers, in the order of [`name`].
pub type Features = [f32; COUNT];

/// Names a feature as reasons and `explain` do.
pub fn name(index: usize) -> &'static str {
    match index.checked_sub(SHAPE.len()) {
        None => SHAPE.get(index).copied().unwrap_or("?"),
        Some(family) => Family::ALL.get(family).map_or("?", |f| f.name()),
    }
}

/// Tells whether more of a feature can only speak for an attack: n-grams and rules.
pub fn speaks_for(index: usize) -> bool {
    index >= SHAPE.len()
        || matches!(
            name(index),
            "char n-grams" | "char n-grams without a rule" | "rules" | "rules enough to refuse"
        )
}

/// Identifies the list of features: an artifact of another list is refused.
/// Source: FNV-1a, 32 bits.
pub fn hash() -> u32 {
    let names = (0..COUNT).map(name);
    names.fold(0x811c_9dc5, |hash, name| {
        let bytes = name.bytes().chain([b'\n']);
        bytes.fold(hash, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193))
    })
}

/// Describes a value. `ngrams` is what [`super::ngram::Table::score`] gave.
/// Cost: one pass over the value.
pub fn describe(judged: &Judged<'_>, ngrams: f32) -> Features {
    let Judged {
        value,
        text,
        evidence,
    } = judged;
    let is_text = f32::from(u8::from(*text));
    let total: f32 = evidence.families.iter().sum::<f32>().min(8.0);
    let enough = f32::from(u8::from(evidence.together() >= ENOUGH));
    let unruled = f32::from(u8::from(evidence.is_empty()));
    let ngrams = ngrams.clamp(-NGRAMS, NGRAMS);
    let length = value.bytes.len().max(1) as f32;
    let counts = count(value.bytes);
    let many = |n: u32| (1.0 + n as f32).ln();
    let shape: [f32; SHAPE.len()] = [
        ngrams,
        ngrams * unruled,
        ngrams * is_text,
        total,
        total * is_text,
        enough,
        is_text,
        length.ln(),
        many(counts.single + counts.double),
        ((counts.single & 1) | (counts.double & 1)) as f32,
        many(counts.angle),
        many(counts.round),
        many(counts.other),
        many(counts.joint),
        counts.letter as f32 / length,
        f32::from(u8::from(value.extra_rounds > 1 || value.odd_utf8)),
    ];
    let mut all = [0.0; COUNT];
    let (first, rest) = all.split_at_mut(SHAPE.len());
    first.copy_from_slice(&shape);
    rest.copy_from_slice(&evidence.families);
    all
}

#[derive(Default)]
struct Counts {
    single: u32,
    double: u32,
    angle: u32,
    round: u32,
    other: u32,
    joint: u32,
    letter: u32,
}

fn count(bytes: &[u8]) -> Counts {
    let mut all = [0u32; KINDS];
    for byte in bytes {
        if let Some(n) = all.get_mut(usize::from(KIND[usize::from(*byte)])) {
            *n += 1;
        }
    }
    let [_, single, double, angle, round, other, joint, letter] = all;
    Counts {
        single,
        double,
        angle,
        round,
        other,
        joint,
        letter,
    }
}

const KINDS: usize = 8;
const KIND: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = match i as u8 {
            b'\'' => 1,
            b'"' => 2,
            b'<' | b'>' => 3,
            b'(' | b')' => 4,
            b'[' | b']' | b'{' | b'}' => 5,
            b';' | b'|' | b'&' | b'`' => 6,
            b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => 7,
            _ => 0,
        };
        i += 1;
    }
    table
};
