//! x86-64: AVX2 in steps of 32 bytes, SSSE3 in steps of 16.

use crate::{Marks, Seen, Survey, Table, BLOCK, WINDOW};
use std::arch::x86_64::*;

/// Shortest slice for the AVX2 functions. Units: bytes.
pub const WIDE: usize = 32;
/// Shortest slice for the SSSE3 function. Units: bytes.
pub const NARROW: usize = 16;

/// The 32 bytes from `WIDE - n` on keep the first n lanes.
static KEEP: [u8; 2 * WIDE] = {
    let mut keep = [0; 2 * WIDE];
    let mut i = 0;
    while i < WIDE {
        keep[i] = 0xff;
        i += 1;
    }
    keep
};

/// Reads the block that starts at `at`.
/// Safety: AVX2.
#[inline]
#[target_feature(enable = "avx2")]
fn block(bytes: &[u8], at: usize) -> __m256i {
    let block = &bytes[at..at + WIDE];
    // SAFETY: the slice has 32 bytes, and the load needs no alignment.
    unsafe { _mm256_loadu_si256(block.as_ptr().cast()) }
}

struct Wide {
    low: __m256i,
    high: __m256i,
    before: __m256i,
    any: __m256i,
    twice: __m256i,
}

impl Wide {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new(table: &Table) -> Wide {
        // SAFETY: both tables have 16 bytes, and the loads need no alignment.
        let (low, high) = unsafe {
            (
                _mm_loadu_si128(table.low.as_ptr().cast()),
                _mm_loadu_si128(table.high.as_ptr().cast()),
            )
        };
        Wide {
            low: _mm256_broadcastsi128_si256(low),
            high: _mm256_broadcastsi128_si256(high),
            before: _mm256_setzero_si256(),
            any: _mm256_setzero_si256(),
            twice: _mm256_setzero_si256(),
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn classes(&self, block: __m256i) -> __m256i {
        let half = _mm256_set1_epi8(15);
        let low = _mm256_shuffle_epi8(self.low, _mm256_and_si256(block, half));
        let high = _mm256_and_si256(_mm256_srli_epi16(block, 4), half);
        _mm256_and_si256(low, _mm256_shuffle_epi8(self.high, high))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn take(&mut self, classes: __m256i) {
        let pairs = self.pairs(classes);
        self.any = _mm256_or_si256(self.any, classes);
        self.twice = _mm256_or_si256(self.twice, pairs);
    }

    /// The classes that each byte shares with the one before it.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn pairs(&mut self, classes: __m256i) -> __m256i {
        let joint = _mm256_permute2x128_si256(self.before, classes, 0x21);
        self.before = classes;
        _mm256_and_si256(classes, _mm256_alignr_epi8(classes, joint, 15))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn seen(&self) -> Seen {
        fold(
            _mm_or_si128(
                _mm256_castsi256_si128(self.any),
                _mm256_extracti128_si256(self.any, 1),
            ),
            _mm_or_si128(
                _mm256_castsi256_si128(self.twice),
                _mm256_extracti128_si256(self.twice, 1),
            ),
        )
    }
}

/// Joins all lanes of both.
#[inline]
#[target_feature(enable = "sse2")]
fn fold(any: __m128i, twice: __m128i) -> Seen {
    let both = _mm_or_si128(
        _mm_unpacklo_epi64(any, twice),
        _mm_unpackhi_epi64(any, twice),
    );
    // Shifts and not a loop over bytes, which the compiler would turn into vectors and memory.
    let byte = |word: i64| {
        let word = word | (word >> 32);
        let word = word | (word >> 16);
        (word | (word >> 8)) as u8
    };
    Seen {
        any: byte(_mm_cvtsi128_si64(both)),
        twice: byte(_mm_cvtsi128_si64(_mm_unpackhi_epi64(both, both))),
    }
}

/// As [`crate::seen`].
/// Shape: at least [`WIDE`] bytes.
#[target_feature(enable = "avx2")]
pub fn seen_avx2(table: &Table, bytes: &[u8]) -> Seen {
    let mut wide = Wide::new(table);
    let mut at = 0;
    while at + WIDE <= bytes.len() {
        wide.take(wide.classes(block(bytes, at)));
        at += WIDE;
    }
    let seen = wide.seen();
    if at == bytes.len() {
        return seen;
    }
    // The last block overlaps what was seen, and so holds the pair at the border as well.
    let mut last = Wide {
        before: _mm256_setzero_si256(),
        ..wide
    };
    last.take(last.classes(block(bytes, bytes.len() - WIDE)));
    seen.join(last.seen())
}

/// As [`crate::mark`].
#[target_feature(enable = "avx2")]
pub fn mark_avx2(
    table: &Table,
    plain: u8,
    stops: [u8; 2],
    bytes: &[u8],
    take: &mut impl FnMut(Marks),
) {
    let mut wide = Wide::new(table);
    let stop = stops.map(|s| _mm256_set1_epi8(s as i8));
    let counted = _mm256_set1_epi8(!plain as i8);
    // Anything but zero comes to have its high bit.
    let lift = _mm256_set1_epi8(0x7f);
    let mut marks = |block: __m256i| {
        let classes = wide.classes(block);
        let hot = _mm256_or_si256(_mm256_and_si256(classes, counted), wide.pairs(classes));
        let stops = _mm256_or_si256(
            _mm256_cmpeq_epi8(block, stop[0]),
            _mm256_cmpeq_epi8(block, stop[1]),
        );
        Marks {
            stops: _mm256_movemask_epi8(stops) as u32,
            hot: _mm256_movemask_epi8(_mm256_adds_epu8(hot, lift)) as u32,
        }
    };
    let mut at = 0;
    while at + WIDE <= bytes.len() {
        take(marks(block(bytes, at)));
        at += WIDE;
    }
    if at < bytes.len() {
        let rest = &bytes[at..];
        let mut last = [0; WIDE];
        last[..rest.len()].copy_from_slice(rest);
        take(marks(block(&last, 0)).first(rest.len()));
    }
}

/// As [`crate::survey`].
#[target_feature(enable = "avx2")]
pub fn survey_avx2(tables: &[Table; 2], bytes: &[u8]) -> Survey {
    let mut wide = [Wide::new(&tables[0]), Wide::new(&tables[1])];
    let mut letters = [0; WINDOW / BLOCK];
    let mut at = 0;
    while at + WIDE <= bytes.len() {
        let block = block(bytes, at);
        for wide in &mut wide {
            wide.take(wide.classes(block));
        }
        letters[at / BLOCK] = self::letters(block);
        at += WIDE;
    }
    let left = bytes.len() - at;
    if left > 0 {
        // The last 32 bytes, of which the first were seen; or all, with others behind them.
        let mut short = [0; WIDE];
        let (last, seen, keep) = if at > 0 {
            let last = block(bytes, bytes.len() - WIDE);
            (last, WIDE - left, _mm256_set1_epi8(-1))
        } else {
            short[..left].copy_from_slice(bytes);
            (block(&short, 0), 0, block(&KEEP, WIDE - left))
        };
        for wide in &mut wide {
            wide.before = _mm256_setzero_si256();
            wide.take(_mm256_and_si256(wide.classes(last), keep));
        }
        letters[at / BLOCK] = self::letters(last) >> seen;
    }
    Survey {
        seen: [wide[0].seen(), wide[1].seen()],
        letters,
    }
}

/// Tells which bytes of a block are letters of ASCII.
#[inline]
#[target_feature(enable = "avx2")]
fn letters(block: __m256i) -> u32 {
    // `a` becomes the least of the signed bytes.
    let lower = _mm256_or_si256(block, _mm256_set1_epi8(0x20));
    let moved = _mm256_add_epi8(lower, _mm256_set1_epi8((0x80 - b'a') as i8));
    let beyond = _mm256_set1_epi8(i8::MIN + 26);
    _mm256_movemask_epi8(_mm256_cmpgt_epi8(beyond, moved)) as u32
}

/// As [`crate::seen`].
/// Shape: at least [`NARROW`] bytes.
#[target_feature(enable = "ssse3")]
pub fn seen_ssse3(table: &Table, bytes: &[u8]) -> Seen {
    // SAFETY: both tables have 16 bytes, and the loads need no alignment.
    let (low, high) = unsafe {
        (
            _mm_loadu_si128(table.low.as_ptr().cast()),
            _mm_loadu_si128(table.high.as_ptr().cast()),
        )
    };
    let half = _mm_set1_epi8(15);
    let zero = _mm_setzero_si128();
    let (mut any, mut twice, mut before) = (zero, zero, zero);
    let last = bytes.len() - NARROW;
    let mut at = 0;
    loop {
        let block = &bytes[at..at + NARROW];
        // SAFETY: the slice has 16 bytes, and the load needs no alignment.
        let block = unsafe { _mm_loadu_si128(block.as_ptr().cast()) };
        let classes = _mm_and_si128(
            _mm_shuffle_epi8(low, _mm_and_si128(block, half)),
            _mm_shuffle_epi8(high, _mm_and_si128(_mm_srli_epi16(block, 4), half)),
        );
        any = _mm_or_si128(any, classes);
        let left = _mm_alignr_epi8(classes, before, 15);
        twice = _mm_or_si128(twice, _mm_and_si128(classes, left));
        if at == last {
            return fold(any, twice);
        }
        // The last block overlaps the one before: it starts afresh, and holds the border itself.
        let next = (at + NARROW).min(last);
        before = if next == at + NARROW { classes } else { zero };
        at = next;
    }
}
