//! AArch64: NEON in steps of 16 bytes. Every AArch64 target of Rust's standard library has it.

use crate::{Grade, Marks, Prose, Seen, Table, BLOCK, WINDOW};
use std::arch::aarch64::*;

/// Shortest slice. Units: bytes.
pub const WIDTH: usize = 16;

/// What one word of bits tells of.
type Block = [uint8x16_t; BLOCK / WIDTH];

/// As [`crate::seen`].
/// Shape: at least [`WIDTH`] bytes.
pub fn seen(table: &Table, bytes: &[u8]) -> Seen {
    let last = bytes.len() - WIDTH;
    let mut at = 0;
    // SAFETY: NEON is part of the target; both tables have 16 bytes; each block is a slice of
    // 16 bytes; the loads need no alignment.
    unsafe {
        let low = vld1q_u8(table.low.as_ptr());
        let high = vld1q_u8(table.high.as_ptr());
        let zero = vdupq_n_u8(0);
        let (mut any, mut twice, mut before) = (zero, zero, zero);
        loop {
            let block = vld1q_u8(bytes[at..at + WIDTH].as_ptr());
            let classes = vandq_u8(
                vqtbl1q_u8(low, vandq_u8(block, vdupq_n_u8(15))),
                vqtbl1q_u8(high, vshrq_n_u8::<4>(block)),
            );
            any = vorrq_u8(any, classes);
            let left = vextq_u8::<15>(before, classes);
            twice = vorrq_u8(twice, vandq_u8(classes, left));
            if at == last {
                return Seen {
                    any: fold(any),
                    twice: fold(twice),
                };
            }
            // The last block overlaps the one before: it starts afresh and holds the border.
            let next = (at + WIDTH).min(last);
            before = if next == at + WIDTH { classes } else { zero };
            at = next;
        }
    }
}

/// A grade as it is looked up.
struct Graded {
    low: uint8x16_t,
    high: uint8x16_t,
    counted: uint8x16_t,
    before: uint8x16_t,
}

impl Graded {
    fn new(grade: Grade<'_>) -> Graded {
        // SAFETY: NEON is part of the target; both tables have 16 bytes; the loads need no alignment.
        unsafe {
            Graded {
                low: vld1q_u8(grade.table.low.as_ptr()),
                high: vld1q_u8(grade.table.high.as_ptr()),
                counted: vdupq_n_u8(!grade.plain),
                before: vdupq_n_u8(0),
            }
        }
    }

    /// Tells the classes, and what stands out.
    fn look(&mut self, block: Block) -> (Block, u64) {
        let classes = block.map(|bytes| {
            // SAFETY: NEON is part of the target.
            unsafe {
                vandq_u8(
                    vqtbl1q_u8(self.low, vandq_u8(bytes, vdupq_n_u8(15))),
                    vqtbl1q_u8(self.high, vshrq_n_u8::<4>(bytes)),
                )
            }
        });
        let found = classes.map(|classes| {
            // SAFETY: NEON is part of the target.
            unsafe {
                let pairs = vandq_u8(classes, vextq_u8::<15>(self.before, classes));
                self.before = classes;
                vorrq_u8(vandq_u8(classes, self.counted), pairs)
            }
        });
        (classes, occupied(found))
    }
}

/// As [`crate::mark`].
pub fn mark(
    hot: Grade<'_>,
    prose: Option<Prose<'_>>,
    stops: [u8; 2],
    bytes: &[u8],
    take: &mut impl FnMut(Marks),
) {
    let mut hot = Graded::new(hot);
    let mut prose = prose.map(|prose| (Graded::new(prose.loud), prose.signs));
    for chunk in bytes.chunks(BLOCK) {
        let block = load(chunk);
        let stopped = block.map(|bytes| {
            // SAFETY: NEON is part of the target.
            unsafe {
                vorrq_u8(
                    vceqq_u8(bytes, vdupq_n_u8(stops[0])),
                    vceqq_u8(bytes, vdupq_n_u8(stops[1])),
                )
            }
        });
        let mut marks = Marks {
            stops: bits(stopped),
            hot: hot.look(block).1,
            ..Marks::default()
        };
        if let Some((loud, signs)) = &mut prose {
            let (classes, loud) = loud.look(block);
            marks.loud = loud;
            // SAFETY: NEON is part of the target.
            marks.signs = occupied(classes.map(|c| unsafe { vandq_u8(c, vdupq_n_u8(*signs)) }));
            marks.letters = bits(block.map(is_letter));
        }
        take(if chunk.len() == BLOCK {
            marks
        } else {
            marks.first(chunk.len())
        });
    }
}

/// Tells which bytes are letters of ASCII.
/// Shape: at most [`WINDOW`] bytes.
pub fn letters(bytes: &[u8]) -> [u64; WINDOW / BLOCK] {
    let mut letters = [0; WINDOW / BLOCK];
    for (word, chunk) in letters.iter_mut().zip(bytes.chunks(BLOCK)) {
        *word = bits(load(chunk).map(is_letter));
    }
    letters
}

/// Sets all bits of the bytes that are letters of ASCII.
fn is_letter(bytes: uint8x16_t) -> uint8x16_t {
    // SAFETY: NEON is part of the target.
    unsafe {
        let lower = vorrq_u8(bytes, vdupq_n_u8(0x20));
        vcltq_u8(vsubq_u8(lower, vdupq_n_u8(b'a')), vdupq_n_u8(26))
    }
}

/// Loads a block, zeros behind it where it is short.
fn load(chunk: &[u8]) -> Block {
    let mut block = [0; BLOCK];
    block[..chunk.len()].copy_from_slice(chunk);
    // SAFETY: NEON is part of the target; each load is of 16 bytes of the block.
    [0, 1, 2, 3].map(|i| unsafe { vld1q_u8(block[i * WIDTH..].as_ptr()) })
}

/// Tells which bytes are anything but zero.
fn occupied(block: Block) -> u64 {
    // SAFETY: NEON is part of the target.
    bits(block.map(|bytes| unsafe { vcgtq_u8(bytes, vdupq_n_u8(0)) }))
}

/// Takes one bit of each byte, which is all ones or all zeros.
/// Source: Langdale and Lemire, "Parsing gigabytes of JSON per second" (2019), section 3.
fn bits(bytes: Block) -> u64 {
    const WEIGHTS: [u8; WIDTH] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];
    // SAFETY: NEON is part of the target; the weights are 16 bytes.
    unsafe {
        let weights = vld1q_u8(WEIGHTS.as_ptr());
        let [a, b, c, d] = bytes.map(|block| vandq_u8(block, weights));
        let sum = vpaddq_u8(vpaddq_u8(a, b), vpaddq_u8(c, d));
        vgetq_lane_u64::<0>(vreinterpretq_u64_u8(vpaddq_u8(sum, sum)))
    }
}

/// Joins all lanes.
fn fold(lanes: uint8x16_t) -> u8 {
    // SAFETY: NEON is part of the target.
    let halves = unsafe {
        [
            vgetq_lane_u64::<0>(vreinterpretq_u64_u8(lanes)),
            vgetq_lane_u64::<1>(vreinterpretq_u64_u8(lanes)),
        ]
    };
    (halves[0] | halves[1])
        .to_ne_bytes()
        .into_iter()
        .fold(0, |a, b| a | b)
}
