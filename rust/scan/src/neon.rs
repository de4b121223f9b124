//! AArch64: NEON in steps of 16 bytes. Every AArch64 target of Rust's standard library has it.

use crate::{Marks, Seen, Table, BLOCK, WINDOW};
use std::arch::aarch64::*;

/// Shortest slice. Units: bytes.
pub const WIDTH: usize = 16;

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

/// As [`crate::mark`].
pub fn mark(table: &Table, plain: u8, stops: [u8; 2], bytes: &[u8], take: &mut impl FnMut(Marks)) {
    // SAFETY: NEON is part of the target; both tables have 16 bytes; the loads need no alignment.
    let (low, high, counted, mut before) = unsafe {
        (
            vld1q_u8(table.low.as_ptr()),
            vld1q_u8(table.high.as_ptr()),
            vdupq_n_u8(!plain),
            vdupq_n_u8(0),
        )
    };
    for chunk in bytes.chunks(BLOCK) {
        let mut stopped = [before; BLOCK / WIDTH];
        let mut hot = stopped;
        let blocks = load(chunk);
        for (i, block) in blocks.into_iter().enumerate() {
            // SAFETY: NEON is part of the target.
            unsafe {
                let classes = vandq_u8(
                    vqtbl1q_u8(low, vandq_u8(block, vdupq_n_u8(15))),
                    vqtbl1q_u8(high, vshrq_n_u8::<4>(block)),
                );
                let pairs = vandq_u8(classes, vextq_u8::<15>(before, classes));
                let found = vorrq_u8(vandq_u8(classes, counted), pairs);
                hot[i] = vcgtq_u8(found, vdupq_n_u8(0));
                stopped[i] = vorrq_u8(
                    vceqq_u8(block, vdupq_n_u8(stops[0])),
                    vceqq_u8(block, vdupq_n_u8(stops[1])),
                );
                before = classes;
            }
        }
        let marks = Marks {
            stops: bits(stopped),
            hot: bits(hot),
        };
        take(if chunk.len() == BLOCK {
            marks
        } else {
            marks.first(chunk.len())
        });
    }
}

/// Tells which bytes are letters of ASCII.
/// Shape: at most [`WINDOW`] bytes.
pub fn letters(bytes: &[u8]) -> [u32; WINDOW / BLOCK] {
    let mut letters = [0; WINDOW / BLOCK];
    for (word, chunk) in letters.iter_mut().zip(bytes.chunks(BLOCK)) {
        *word = bits(load(chunk).map(|block| {
            // SAFETY: NEON is part of the target.
            unsafe {
                let lower = vorrq_u8(block, vdupq_n_u8(0x20));
                vcltq_u8(vsubq_u8(lower, vdupq_n_u8(b'a')), vdupq_n_u8(26))
            }
        }));
    }
    letters
}

/// Loads a block, zeros behind it where it is short.
fn load(chunk: &[u8]) -> [uint8x16_t; BLOCK / WIDTH] {
    let mut block = [0; BLOCK];
    block[..chunk.len()].copy_from_slice(chunk);
    // SAFETY: NEON is part of the target; each load is of 16 bytes of the block.
    [0, 1].map(|i| unsafe { vld1q_u8(block[i * WIDTH..].as_ptr()) })
}

/// Takes one bit of each byte, which is all ones or all zeros.
/// Source: Langdale and Lemire, "Parsing gigabytes of JSON per second" (2019), section 3.
fn bits(bytes: [uint8x16_t; BLOCK / WIDTH]) -> u32 {
    const WEIGHTS: [u8; WIDTH] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];
    // SAFETY: NEON is part of the target; the weights are 16 bytes.
    unsafe {
        let weights = vld1q_u8(WEIGHTS.as_ptr());
        let [low, high] = bytes.map(|block| vandq_u8(block, weights));
        let sum = vpaddq_u8(low, high);
        let sum = vpaddq_u8(sum, sum);
        vgetq_lane_u32::<0>(vreinterpretq_u32_u8(vpaddq_u8(sum, sum)))
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
