//! Byte-class scanning: which kinds of byte does this slice hold, and where are they?
//!
//! A [`Table`] puts bytes into up to eight classes. One pass tells which classes occur and which
//! occur twice in a row (`..`, `--`, `/*`): [`seen`]; of two tables, with the places of letters:
//! [`survey`]; or it marks, for a whole document, where strings end and where they are anything
//! but plain: [`mark`]. The vector units do 16 or 32 bytes a step, chosen at run time; the scalar
//! code is the definition they are tested against. The unsafe code of payload inspection is in
//! this crate alone.

#[cfg(target_arch = "aarch64")]
mod neon;
mod table;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use table::Table;

/// The classes that occur in a slice: sets of bits, bit n for class n of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Classes of which at least one byte occurs.
    pub any: u8,
    /// Classes of which two bytes stand side by side.
    pub twice: u8,
}

/// Bytes that one word of bits tells of.
pub const BLOCK: usize = 64;

/// Longest slice of one [`survey`]. Units: bytes.
pub const WINDOW: usize = 512;

/// Which bytes stand out: those of a class of the table that is not `plain`, and the second of two
/// neighbours that share any class.
#[derive(Clone, Copy, Debug)]
pub struct Grade<'t> {
    pub table: &'t Table,
    pub plain: u8,
}

/// How prose is told from what is none: what stands out of it, and which of the classes that do not
/// are marked for a closer look.
#[derive(Clone, Copy, Debug)]
pub struct Prose<'t> {
    pub loud: Grade<'t>,
    pub signs: u8,
}

/// A block of 64 bytes: bit n tells of byte n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The stop bytes.
    pub stops: u64,
    /// What stands out.
    pub hot: u64,
    /// What stands out of prose. This and what follows is zero where prose is not asked for.
    pub loud: u64,
    /// What may stand in prose and is marked.
    pub signs: u64,
    /// Letters of ASCII.
    pub letters: u64,
}

impl Marks {
    /// Keeps the marks of the first `count` bytes.
    /// Shape: `count` below 64.
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    fn first(self, count: usize) -> Marks {
        let keep = (1 << count) - 1;
        Marks {
            stops: self.stops & keep,
            hot: self.hot & keep,
            loud: self.loud & keep,
            signs: self.signs & keep,
            letters: self.letters & keep,
        }
    }
}

/// What a slice of at most [`WINDOW`] bytes holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Survey {
    /// By table.
    pub seen: [Seen; 2],
    /// Bit n of word m: byte 64 m + n is a letter of ASCII.
    pub letters: [u64; WINDOW / BLOCK],
}

/// Bytes that are looked up one by one sooner than a vector is filled with them.
const TINY: usize = 4;

/// Tells which classes occur in `bytes`.
/// Cost: about 9 ns for 100 B with AVX2.
pub fn seen(table: &Table, bytes: &[u8]) -> Seen {
    if bytes.len() <= TINY {
        return scalar_seen(table, bytes);
    }
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx2") {
            // SAFETY: AVX2 was just detected.
            return unsafe { x86::seen_avx2(table, bytes) };
        }
        if bytes.len() >= x86::NARROW && is_x86_feature_detected!("ssse3") {
            // SAFETY: SSSE3 was just detected.
            return unsafe { x86::seen_ssse3(table, bytes) };
        }
    }
    #[cfg(target_arch = "aarch64")]
    if bytes.len() >= neon::WIDTH {
        return neon::seen(table, bytes);
    }
    scalar_seen(table, bytes)
}

/// Marks each block of `bytes`, the last one as far as it goes.
/// Cost: about 60 ns for 1 KiB with AVX2, and twice as much with prose.
pub fn mark(
    hot: Grade<'_>,
    prose: Option<Prose<'_>>,
    stops: [u8; 2],
    bytes: &[u8],
    mut take: impl FnMut(Marks),
) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: AVX2 was just detected.
        return unsafe { x86::mark_avx2(hot, prose, stops, bytes, &mut take) };
    }
    #[cfg(target_arch = "aarch64")]
    return neon::mark(hot, prose, stops, bytes, &mut take);
    #[cfg(not(target_arch = "aarch64"))]
    scalar_mark(hot, prose, stops, bytes, &mut take);
}

/// Tells the classes of two tables and the letters.
/// Shape: at most [`WINDOW`] bytes; what lies beyond is left out.
/// Cost: about 10 ns for 64 B with AVX2.
pub fn survey(tables: &[Table; 2], bytes: &[u8]) -> Survey {
    let bytes = &bytes[..bytes.len().min(WINDOW)];
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: AVX2 was just detected.
        return unsafe { x86::survey_avx2(tables, bytes) };
    }
    #[cfg(target_arch = "aarch64")]
    let letters = neon::letters(bytes);
    #[cfg(not(target_arch = "aarch64"))]
    let letters = scalar_letters(bytes);
    Survey {
        seen: [seen(&tables[0], bytes), seen(&tables[1], bytes)],
        letters,
    }
}

#[cfg(any(test, not(target_arch = "aarch64")))]
fn scalar_mark(
    hot: Grade<'_>,
    prose: Option<Prose<'_>>,
    stops: [u8; 2],
    bytes: &[u8],
    take: &mut impl FnMut(Marks),
) {
    let mut before = None;
    for block in bytes.chunks(BLOCK) {
        let mut marks = Marks::default();
        for (at, byte) in block.iter().enumerate() {
            let stands_out = |grade: Grade<'_>| {
                let class = grade.table.class(*byte);
                let shared = before.map_or(0, |before| class & grade.table.class(before));
                u64::from((class & !grade.plain) | shared != 0) << at
            };
            marks.stops |= u64::from(stops.contains(byte)) << at;
            marks.hot |= stands_out(hot);
            if let Some(Prose { loud, signs }) = prose {
                marks.loud |= stands_out(loud);
                marks.signs |= u64::from(loud.table.class(*byte) & signs != 0) << at;
                marks.letters |= u64::from(byte.is_ascii_alphabetic()) << at;
            }
            before = Some(*byte);
        }
        take(marks);
    }
}

#[cfg(any(test, not(target_arch = "aarch64")))]
fn scalar_letters(bytes: &[u8]) -> [u64; WINDOW / BLOCK] {
    let mut letters = [0; WINDOW / BLOCK];
    for (word, block) in letters.iter_mut().zip(bytes.chunks(BLOCK)) {
        for (at, byte) in block.iter().enumerate() {
            *word |= u64::from(byte.is_ascii_alphabetic()) << at;
        }
    }
    letters
}

fn scalar_seen(table: &Table, bytes: &[u8]) -> Seen {
    let mut seen = Seen::default();
    let mut before = 0;
    for byte in bytes {
        let class = table.class(*byte);
        seen.any |= class;
        seen.twice |= class & before;
        before = class;
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TABLE: Table = Table::new(&[b"'\"", b"<=>", b"./", b" ", b"\x80\x90", b"{|}"]);
    const OTHER: Table = Table::new(&[b"a", b"\0", b"<"]);
    const STOPS: [u8; 2] = *b"\"\\";

    const HOT: Grade<'static> = Grade {
        table: &TABLE,
        plain: 1 << 2,
    };
    const PROSE: Prose<'static> = Prose {
        loud: Grade {
            table: &OTHER,
            plain: 0b101,
        },
        signs: 0b100,
    };

    fn marked(prose: Option<Prose<'_>>, bytes: &[u8]) -> Vec<Marks> {
        let mut out = Vec::new();
        mark(HOT, prose, STOPS, bytes, |m| out.push(m));
        out
    }

    proptest! {
        #[test]
        fn vectors_agree_with_the_scalar_code(
            bytes in proptest::collection::vec(
                prop_oneof![Just(b'a'), Just(b'.'), Just(b'"'), Just(b'<'), any::<u8>()],
                0..WINDOW,
            ),
            start in 0usize..40,
        ) {
            let bytes = &bytes[start.min(bytes.len())..];
            let want = scalar_seen(&TABLE, bytes);
            prop_assert_eq!(seen(&TABLE, bytes), want);
            #[cfg(target_arch = "x86_64")]
            if bytes.len() >= x86::NARROW && is_x86_feature_detected!("ssse3") {
                // SAFETY: SSSE3 was just detected.
                prop_assert_eq!(unsafe { x86::seen_ssse3(&TABLE, bytes) }, want);
            }
            for prose in [None, Some(PROSE)] {
                let mut marks = Vec::new();
                scalar_mark(HOT, prose, STOPS, bytes, &mut |m| marks.push(m));
                prop_assert_eq!(marked(prose, bytes), marks);
            }
            let whole = survey(&[TABLE, OTHER], bytes);
            prop_assert_eq!(whole.seen, [want, scalar_seen(&OTHER, bytes)]);
            prop_assert_eq!(whole.letters, scalar_letters(bytes));
        }
    }

    #[test]
    fn every_position_counts() {
        for length in [1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 97, 200] {
            for at in 0..length {
                let mut bytes = vec![b'a'; length];
                bytes[at] = b'.';
                let once = Seen {
                    any: 1 << 2,
                    twice: 0,
                };
                assert_eq!(seen(&TABLE, &bytes), once, "{at} of {length}");
                if at + 1 < length {
                    bytes[at + 1] = b'/';
                    let both = Seen {
                        any: 1 << 2,
                        twice: 1 << 2,
                    };
                    assert_eq!(seen(&TABLE, &bytes), both, "{at} of {length}");
                }
                bytes[at] = b'"';
                let stops = |m: &Marks| m.stops;
                let want = |block| {
                    if block == at / BLOCK {
                        1 << (at % BLOCK)
                    } else {
                        0
                    }
                };
                let want: Vec<u64> = (0..length.div_ceil(BLOCK)).map(want).collect();
                let got: Vec<u64> = marked(None, &bytes).iter().map(stops).collect();
                assert_eq!(got, want, "{at} of {length}");
                bytes[at] = b'1';
                let letters = survey(&[TABLE, OTHER], &bytes).letters;
                assert_eq!(letters, scalar_letters(&bytes), "{at} of {length}");
            }
        }
    }
}
