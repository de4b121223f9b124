//! Models for loom, which runs every interleaving of two or three workers (with at most three
//! preemptions).
#![allow(clippy::unwrap_used)]

mod rings;
mod table;

use crate::sync::AtomicU64;

const NOW: u64 = 100_000;

fn zero() -> AtomicU64 {
    AtomicU64::new(0)
}

fn zeros<const N: usize>() -> [AtomicU64; N] {
    std::array::from_fn(|_| zero())
}

/// Leaked, as the region is.
fn leak<T>(make: impl Fn() -> T, count: usize) -> &'static [T] {
    Vec::leak((0..count).map(|_| make()).collect())
}

fn leak_one<T>(it: T) -> &'static T {
    Box::leak(Box::new(it))
}

fn explore(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}
