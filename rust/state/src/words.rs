//! What the parts of the region share: folding words into one, and bytes as words.

#[cfg(not(loom))]
use crate::layout::ID_WORDS;
#[cfg(not(loom))]
use threat_agent_engine::signal::{Id, ID_BYTES};

/// Units: bytes.
pub(crate) const WORD: usize = 8;

/// Multiplies into 128 bits and folds: every bit of the result hangs on every bit of `x`.
pub(crate) fn fold(x: u64, k: u64) -> u64 {
    let wide = u128::from(x) * u128::from(k);
    (wide as u64) ^ ((wide >> 64) as u64)
}

/// Scales a hash to 0..n by its upper bits.
pub(crate) fn scale(hash: u64, n: usize) -> usize {
    ((u128::from(hash) * n as u128) >> 64) as usize
}

/// Folds words into one that proves them whole: words of two writers, or of one that stopped
/// half-way, give another. `nth` is the number under which they were written, so that what lay in
/// the same place before proves nothing. By chance one torn record in 2^64 passes.
pub(crate) fn check(nth: u64, words: impl IntoIterator<Item = u64>) -> u64 {
    let start = fold(nth.wrapping_add(1), 0x9E37_79B9_7F4A_7C15);
    words.into_iter().fold(start, |sum, word| {
        fold(sum ^ word, 0xD6E8_FEB8_6659_FD93).wrapping_add(0x2545_F491_4F6C_DD1D)
    })
}

/// Reads the words of a text; the last one is padded with zeros.
pub(crate) fn words(text: &[u8]) -> impl Iterator<Item = u64> + '_ {
    text.chunks(WORD).map(|chunk| {
        let mut bytes = [0; WORD];
        for (byte, from) in bytes.iter_mut().zip(chunk) {
            *byte = *from;
        }
        u64::from_le_bytes(bytes)
    })
}

/// Writes words into a text, which may end within the last one.
pub(crate) fn unpack(words: impl IntoIterator<Item = u64>, text: &mut [u8]) {
    for (chunk, word) in text.chunks_mut(WORD).zip(words) {
        for (byte, from) in chunk.iter_mut().zip(word.to_le_bytes()) {
            *byte = from;
        }
    }
}

/// Packs three ids.
#[cfg(not(loom))]
pub(crate) fn pack_ids(ids: [&Id; 3]) -> [u64; ID_WORDS] {
    let mut bytes = [0; ID_WORDS * WORD];
    for (chunk, id) in bytes.chunks_mut(ID_BYTES).zip(ids) {
        chunk.copy_from_slice(id.padded());
    }
    let mut packed = [0; ID_WORDS];
    for (word, from) in packed.iter_mut().zip(words(&bytes)) {
        *word = from;
    }
    packed
}

/// Unpacks three ids.
#[cfg(not(loom))]
pub(crate) fn unpack_ids(packed: impl IntoIterator<Item = u64>) -> [Id; 3] {
    let mut bytes = [0; ID_WORDS * WORD];
    unpack(packed, &mut bytes);
    let mut ids = [Id::default(); 3];
    for (id, chunk) in ids.iter_mut().zip(bytes.chunks(ID_BYTES)) {
        *id = Id::new(chunk);
    }
    ids
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back() {
        let ids = [
            Id::new(b"a5a1b4d8-6b2c-4f0e-9a6e-0d5b7c1f2e3a"),
            Id::default(),
            Id::new(b"r"),
        ];
        let [a, b, c] = &ids;
        assert_eq!(unpack_ids(pack_ids([a, b, c])), ids);
    }

    #[test]
    fn every_word_and_its_place_counts() {
        let sum = check(7, [1, 2, 3]);
        for other in [
            check(8, [1, 2, 3]),
            check(7, [2, 1, 3]),
            check(7, [1, 2]),
            check(7, [1, 2, 3, 0]),
            check(7, [0, 0, 0]),
        ] {
            assert_ne!(sum, other);
        }
    }
}
