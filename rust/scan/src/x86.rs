//! x86-64: AVX2 in steps of 32 bytes, SSSE3 in steps of 16.

use crate::{Grade, Marks, Prose, Seen, Survey, Table, BLOCK, WINDOW};
use std::arch::x86_64::*;

/// Bytes of a step of AVX2.
pub const WIDE: usize = 32;
/// Shortest slice for the SSSE3 function. Units: bytes.
pub const NARROW: usize = 16;

/// Reads the block that starts at `at`.
/// Safety: AVX2.
#[inline]
#[target_feature(enable = "avx2")]
fn block(bytes: &[u8], at: usize) -> __m256i {
    let block = &bytes[at..at + WIDE];
    // SAFETY: the slice has 32 bytes, and the load needs no alignment.
    unsafe { _mm256_loadu_si256(block.as_ptr().cast()) }
}

/// A slice shorter than a block: its start in the low half, its end in the high one, which overlap
/// or meet.
struct Short {
    block: __m256i,
    /// Keeps the bytes that are the slice's.
    keep: __m256i,
    /// Where the end starts. Units: bytes.
    end: usize,
}

impl Short {
    /// Shape: 1 to 31 bytes.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new(bytes: &[u8]) -> Short {
        let length = bytes.len();
        if let (Some(start), Some(end)) = (bytes.first_chunk::<16>(), bytes.last_chunk::<16>()) {
            // SAFETY: both have 16 bytes, and the loads need no alignment.
            let halves = unsafe {
                [
                    _mm_loadu_si128(start.as_ptr().cast()),
                    _mm_loadu_si128(end.as_ptr().cast()),
                ]
            };
            return Short {
                block: _mm256_set_m128i(halves[1], halves[0]),
                keep: _mm256_set1_epi8(-1),
                end: length - 16,
            };
        }
        let (start, end, width) = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            (Some(start), Some(end)) => (u64::from_le_bytes(*start), u64::from_le_bytes(*end), 8),
            _ => match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
                (Some(start), Some(end)) => {
                    let four = |chunk: &[u8; 4]| u64::from(u32::from_le_bytes(*chunk));
                    (four(start), four(end), 4)
                }
                _ => {
                    let add = |word: u64, byte: &u8| word << 8 | u64::from(*byte);
                    let all = bytes.iter().rev().fold(0, add);
                    (all, all, length)
                }
            },
        };
        let keep = u64::MAX >> (64 - 8 * width);
        Short {
            block: _mm256_set_epi64x(0, end as i64, 0, start as i64),
            keep: _mm256_set_epi64x(0, keep as i64, 0, keep as i64),
            end: length - width,
        }
    }

    /// Joins the bits of both halves.
    fn join(&self, bits: u32) -> u32 {
        bits & 0xffff | bits >> 16 << self.end
    }
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

    /// Takes in a slice that is shorter than a block.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn take_short(&mut self, short: &Short) {
        let classes = _mm256_and_si256(self.classes(short.block), short.keep);
        let pairs = _mm256_and_si256(classes, _mm256_slli_si256(classes, 1));
        self.any = classes;
        self.twice = pairs;
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
#[target_feature(enable = "avx2")]
pub fn seen_avx2(table: &Table, bytes: &[u8]) -> Seen {
    if bytes.is_empty() {
        return Seen::default();
    }
    let mut wide = Wide::new(table);
    if bytes.len() < WIDE {
        wide.take_short(&Short::new(bytes));
        return wide.seen();
    }
    let mut at = 0;
    while at + WIDE <= bytes.len() {
        wide.take(wide.classes(block(bytes, at)));
        at += WIDE;
    }
    if at < bytes.len() {
        // The last block overlaps what was seen, and so holds the pair at the border as well.
        wide.before = _mm256_setzero_si256();
        wide.take(wide.classes(block(bytes, bytes.len() - WIDE)));
    }
    wide.seen()
}

/// A grade as it is looked up.
struct Graded {
    wide: Wide,
    counted: __m256i,
}

impl Graded {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new(grade: Grade<'_>) -> Graded {
        Graded {
            wide: Wide::new(grade.table),
            counted: _mm256_set1_epi8(!grade.plain as i8),
        }
    }

    /// Tells the classes, and what stands out.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn look(&mut self, block: __m256i) -> (__m256i, u32) {
        let classes = self.wide.classes(block);
        let pairs = self.wide.pairs(classes);
        let counted = _mm256_and_si256(classes, self.counted);
        (classes, bits(_mm256_or_si256(counted, pairs)))
    }
}

/// Tells which bytes are anything but zero.
#[inline]
#[target_feature(enable = "avx2")]
fn bits(bytes: __m256i) -> u32 {
    // Those come to have their high bit.
    _mm256_movemask_epi8(_mm256_adds_epu8(bytes, _mm256_set1_epi8(0x7f))) as u32
}

/// Marks the halves of blocks.
struct Marker {
    hot: Graded,
    prose: Option<(Graded, __m256i)>,
    stops: [__m256i; 2],
}

impl Marker {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn half(&mut self, half: __m256i) -> Marks {
        let stops = _mm256_or_si256(
            _mm256_cmpeq_epi8(half, self.stops[0]),
            _mm256_cmpeq_epi8(half, self.stops[1]),
        );
        let mut marks = Marks {
            stops: (_mm256_movemask_epi8(stops) as u32).into(),
            hot: self.hot.look(half).1.into(),
            ..Marks::default()
        };
        if let Some((loud, signs)) = &mut self.prose {
            let (classes, loud) = loud.look(half);
            marks.loud = loud.into();
            marks.signs = bits(_mm256_and_si256(classes, *signs)).into();
            marks.letters = letters(half).into();
        }
        marks
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn block(&mut self, bytes: &[u8], at: usize) -> Marks {
        let low = self.half(block(bytes, at));
        let high = self.half(block(bytes, at + WIDE));
        Marks {
            stops: low.stops | high.stops << WIDE,
            hot: low.hot | high.hot << WIDE,
            loud: low.loud | high.loud << WIDE,
            signs: low.signs | high.signs << WIDE,
            letters: low.letters | high.letters << WIDE,
        }
    }
}

/// As [`crate::mark`].
#[target_feature(enable = "avx2")]
pub fn mark_avx2(
    hot: Grade<'_>,
    prose: Option<Prose<'_>>,
    stops: [u8; 2],
    bytes: &[u8],
    take: &mut impl FnMut(Marks),
) {
    let mut marker = Marker {
        hot: Graded::new(hot),
        prose: prose.map(|prose| (Graded::new(prose.loud), _mm256_set1_epi8(prose.signs as i8))),
        stops: [
            _mm256_set1_epi8(stops[0] as i8),
            _mm256_set1_epi8(stops[1] as i8),
        ],
    };
    let mut at = 0;
    while at + BLOCK <= bytes.len() {
        take(marker.block(bytes, at));
        at += BLOCK;
    }
    if at < bytes.len() {
        let rest = &bytes[at..];
        let mut last = [0; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        take(marker.block(&last, 0).first(rest.len()));
    }
}

/// As [`crate::survey`].
#[target_feature(enable = "avx2")]
pub fn survey_avx2(tables: &[Table; 2], bytes: &[u8]) -> Survey {
    let mut wide = [Wide::new(&tables[0]), Wide::new(&tables[1])];
    let mut letters = [0; WINDOW / BLOCK];
    if (1..WIDE).contains(&bytes.len()) {
        let short = Short::new(bytes);
        for wide in &mut wide {
            wide.take_short(&short);
        }
        letters[0] = short.join(self::letters(short.block)).into();
    }
    let mut at = 0;
    while at + WIDE <= bytes.len() {
        let block = block(bytes, at);
        for wide in &mut wide {
            wide.take(wide.classes(block));
        }
        letters[at / BLOCK] |= u64::from(self::letters(block)) << (at % BLOCK);
        at += WIDE;
    }
    if at > 0 && at < bytes.len() {
        // The last 32 bytes, of which the first were seen.
        let last = block(bytes, bytes.len() - WIDE);
        for wide in &mut wide {
            wide.before = _mm256_setzero_si256();
            wide.take(wide.classes(last));
        }
        let rest = self::letters(last) >> (at + WIDE - bytes.len());
        letters[at / BLOCK] |= u64::from(rest) << (at % BLOCK);
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
