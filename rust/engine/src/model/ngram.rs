//! The hashed n-gram score of a value: which short runs of characters it is made of.
//!
//! A value is read in blocks; two neighbouring blocks are a window, and the window that looks most
//! like an attack speaks for the value, so that padding does not dilute what it surrounds.
//!
//! Source: feature hashing, Weinberger et al. (2009); n-grams of payloads, Wang & Stolfo (2006).

use crate::inspect::{Judged, Part, WEIGHED};

/// Weights of a table: one half for fields, one for texts, whose ordinary runs differ.
pub const DIMS: usize = 2 << BITS;
const BITS: u32 = 16;
/// Lengths of the runs. Units: characters.
pub const LENGTHS: [u32; 3] = [2, 3, 4];
/// Lengths of the runs of a value's shape. Units: words, numbers, blanks and signs.
pub const SHAPES: [u32; 3] = [3, 5, 7];
/// Half a window. Units: bytes.
pub const BLOCK: usize = 64;
/// Stands before the first and behind the last character.
const EDGE: u8 = 1;

/// A weight for each hashed run, and what one step of them is worth in log-odds.
pub struct Table {
    pub weights: Box<[i8; DIMS]>,
    pub step: f32,
    /// What a window without known runs scores. Units: log-odds.
    pub bias: f32,
}

impl Table {
    /// Scores a value where it says something: of a header's runs labelled data tell how it was
    /// collected. Units: log-odds; 0 for headers.
    pub fn judge(&self, judged: &Judged<'_>) -> f32 {
        match judged.value.part {
            Part::Header => 0.0,
            _ => self.score(judged.value.bytes, judged.text),
        }
    }

    /// Scores a value, a text or a field. Units: log-odds, before calibration; 0 for an empty one.
    /// Cost: about 4 ns a byte, no allocation.
    pub fn score(&self, value: &[u8], text: bool) -> f32 {
        let mut best = f32::NEG_INFINITY;
        let mut before = Block::default();
        let mut now = Block::default();
        let weights: &[i8; DIMS] = &self.weights;
        runs(value, text, |hit| match hit {
            Hit::Run(at) => {
                now.sum += i32::from(weights[at % DIMS]);
                now.count += 1;
            }
            Hit::Block => {
                best = best.max(before.with(now));
                before = std::mem::take(&mut now);
            }
        });
        if best == f32::NEG_INFINITY {
            return 0.0;
        }
        best * self.step + self.bias
    }
}

#[derive(Clone, Copy, Default)]
struct Block {
    sum: i32,
    count: u32,
}

impl Block {
    fn with(self, other: Block) -> f32 {
        norm(self.count + other.count) * (self.sum + other.sum) as f32
    }
}

/// What a run weighs in a window of `count` runs, so that long windows do not shout.
pub fn norm(count: u32) -> f32 {
    1.0 / (count.max(1) as f32).sqrt()
}

/// What [`runs`] meets.
pub enum Hit {
    /// A run, by its place in the table.
    Run(usize),
    /// The end of a block.
    Block,
}

/// Walks the runs of a value, block by block; the last block ends too. Beside the characters'
/// these are the runs of its shape, in which a word is one sign and a number another, and its words,
/// each by itself and behind the one before.
/// Cost: linear, no allocation.
pub fn runs(value: &[u8], text: bool, mut visit: impl FnMut(Hit)) {
    let value = &value[..value.len().min(WEIGHED)];
    if value.is_empty() {
        return;
    }
    let half = usize::from(text) << BITS;
    let (mut held, mut shape) = (u64::from(EDGE), u64::from(EDGE));
    let (mut known, mut shapes) = (1u32, 1u32);
    let (mut word, mut last, mut kind) = (0u64, 0u64, EDGE);
    let mut left = BLOCK;
    let edge = [EDGE];
    for bytes in [value, &edge] {
        for byte in bytes {
            let folded = FOLD[usize::from(*byte)];
            held = held << 8 | u64::from(folded);
            known += 1;
            for length in LENGTHS {
                if length <= known {
                    visit(Hit::Run(half | place(held, length)));
                }
            }
            let sign = match SIGN[usize::from(folded)] {
                NUMBER if kind == WORD => WORD,
                sign => sign,
            };
            if sign == WORD {
                word = (word ^ u64::from(folded)).wrapping_mul(PRIME);
            } else if kind == WORD {
                visit(Hit::Run(half | fold(word ^ PRIME)));
                visit(Hit::Run(half | fold(word ^ last.rotate_left(23))));
                (last, word) = (word, 0);
            }
            if sign != kind || !matches!(sign, WORD | NUMBER | BLANK) {
                shape = shape << 8 | u64::from(sign);
                shapes += 1;
                for length in SHAPES {
                    if length <= shapes {
                        visit(Hit::Run(half | place(shape, length | SHAPED)));
                    }
                }
            }
            kind = sign;
            left -= 1;
            if left == 0 {
                visit(Hit::Block);
                left = BLOCK;
            }
        }
    }
    if left < BLOCK {
        visit(Hit::Block);
    }
}

/// Signs of a shape; all else stands for itself.
const WORD: u8 = b'a';
const NUMBER: u8 = b'0';
const BLANK: u8 = b' ';
/// Tells a run of a shape from one of characters.
const SHAPED: u32 = 8;
const PRIME: u64 = 0x0100_0000_01b3;

/// What a folded character is in a shape; a digit behind a word belongs to that.
static SIGN: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        table[i] = match byte {
            b'a'..=b'z' | b'_' | 0x80.. => WORD,
            b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => BLANK,
            _ => byte,
        };
        i += 1;
    }
    table
};

/// Hashes the last characters of `held`; the three low bits of `length` tell how many.
/// Source: Fibonacci hashing, Knuth (1973).
fn place(held: u64, length: u32) -> usize {
    let run = held << (64 - 8 * (length & 7));
    fold(run ^ u64::from(length))
}

fn fold(run: u64) -> usize {
    let mixed = run.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> (64 - BITS)) as usize
}

/// Letters in lower case, digits as one, bytes beyond ASCII as one.
static FOLD: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        table[i] = match byte {
            b'0'..=b'9' => b'0',
            0x80.. => 0x80,
            _ => byte.to_ascii_lowercase(),
        };
        i += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn table(of: &[u8]) -> Table {
        let mut weights = Box::new([-1i8; DIMS]);
        runs(of, false, |hit| {
            if let Hit::Run(at) = hit {
                weights[at] = 100;
            }
        });
        Table {
            weights,
            step: 0.1,
            bias: 0.0,
        }
    }

    #[test]
    fn padding_does_not_dilute() {
        let table = table(b"<script>alert(1)</script>");
        let alone = table.score(b"<script>alert(1)</script>", false);
        let padded = [
            &b"lorem ipsum dolor ".repeat(40)[..],
            b"<ScripT>alert(7)</script>",
            &b" sit amet".repeat(40),
        ]
        .concat();
        assert!(alone > 0.0);
        assert!(table.score(&padded, false) > alone / 3.0);
        assert!(table.score(b"good day, zoo", false) < 0.0);
    }

    #[test]
    fn any_length_is_scored() {
        let table = table(b"x");
        for length in [0, 1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, WEIGHED + 1] {
            assert!(
                table.score(&vec![b'a'; length], true).is_finite(),
                "{length}"
            );
        }
    }
}
