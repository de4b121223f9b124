//! Byte-class scanning: which kinds of byte does this slice hold, and where does the string end?
//!
//! A [`Table`] puts bytes into up to eight classes. One pass tells which classes occur, which
//! occur twice in a row (`..`, `--`, `/*`), and where the first stop byte is. The vector units do
//! 16 or 32 bytes a step, chosen at run time; the scalar code is the definition they are tested
//! against. The unsafe code of payload inspection is in this crate alone.

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

impl Seen {
    /// Joins what was seen in two slices; a pair across their border is not counted.
    pub fn join(self, other: Seen) -> Seen {
        Seen {
            any: self.any | other.any,
            twice: self.twice | other.twice,
        }
    }

    /// Both in one number, so that a function can return them in a register: through memory, the
    /// reader would wait for two one-byte stores.
    #[cfg(target_arch = "x86_64")]
    fn pack(self) -> u16 {
        u16::from_le_bytes([self.any, self.twice])
    }

    #[cfg(target_arch = "x86_64")]
    fn unpack(packed: u16) -> Seen {
        let [any, twice] = packed.to_le_bytes();
        Seen { any, twice }
    }
}

/// Tells which classes occur in `bytes`.
/// Cost: about 9 ns for 100 B with AVX2.
pub fn seen(table: &Table, bytes: &[u8]) -> Seen {
    #[cfg(target_arch = "x86_64")]
    {
        if bytes.len() >= x86::WIDE && is_x86_feature_detected!("avx2") {
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

/// Finds the first byte that is one of `stops`, and tells which classes occur before it.
/// Shape: the position, or the length when there is none.
#[inline]
pub fn until(table: &Table, stops: [u8; 2], bytes: &[u8]) -> (usize, Seen) {
    #[cfg(target_arch = "x86_64")]
    if bytes.len() >= x86::WIDE && is_x86_feature_detected!("avx2") {
        // SAFETY: AVX2 was just detected.
        let (end, packed) = unsafe { x86::until_avx2(table, stops, bytes) };
        return (end, Seen::unpack(packed));
    }
    scalar_until(table, stops, bytes)
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

fn scalar_until(table: &Table, stops: [u8; 2], bytes: &[u8]) -> (usize, Seen) {
    let end = bytes
        .iter()
        .position(|b| stops.contains(b))
        .unwrap_or(bytes.len());
    (end, seen(table, &bytes[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TABLE: Table = Table::new(&[b"'\"", b"<=>", b"./", b" ", b"\x80\x90", b"{|}"]);
    const STOPS: [u8; 2] = *b"\"\\";

    fn position(bytes: &[u8]) -> usize {
        bytes
            .iter()
            .position(|b| STOPS.contains(b))
            .unwrap_or(bytes.len())
    }

    proptest! {
        #[test]
        fn vectors_agree_with_the_scalar_code(
            bytes in proptest::collection::vec(
                prop_oneof![Just(b'a'), Just(b'.'), Just(b'"'), Just(b'<'), any::<u8>()],
                0..200,
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
            let end = position(bytes);
            let (got, before) = until(&TABLE, STOPS, bytes);
            prop_assert_eq!((got, before), (end, scalar_seen(&TABLE, &bytes[..end])));
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
                assert_eq!(until(&TABLE, STOPS, &bytes).0, at, "{at} of {length}");
            }
        }
    }
}
