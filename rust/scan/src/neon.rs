//! AArch64: NEON in steps of 16 bytes. Every AArch64 target of Rust's standard library has it.

use crate::{Seen, Table};
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
