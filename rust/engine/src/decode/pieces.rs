//! A text that takes more than a whole look is looked at piece by piece.

/// Length of a piece. Units: bytes.
const PIECE: usize = 12 << 10;
/// What a piece repeats of the one before, so that nothing short is seen in halves only. Units: bytes.
const OVERLAP: usize = 2 << 10;
/// What stands before a piece of the text's beginning, which tells what kind of text it is. Units: bytes.
const HEAD: usize = 256;

/// Where a walk starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// So many values of the request are passed over.
    pub values: u32,
    /// The piece of the next one that is read first; 0 when that is read whole.
    pub piece: u32,
}

impl Place {
    /// Takes all pieces of 4 MiB.
    const PIECE_BITS: u32 = 14;

    pub fn from_word(word: u32) -> Place {
        Place {
            values: word >> Place::PIECE_BITS,
            piece: word & ((1 << Place::PIECE_BITS) - 1),
        }
    }

    /// Gives the place as one word: 0 for the start of a request.
    pub fn to_word(self) -> u32 {
        self.values << Place::PIECE_BITS | self.piece
    }
}

/// Writes the n-th piece of a text, from 1 on, into `out`, which is emptied first. Returns whether there is
/// one.
pub fn write(text: &[u8], n: u32, out: &mut Vec<u8>) -> bool {
    let from = (n as usize - 1) * (PIECE - OVERLAP);
    out.clear();
    if n > 1 {
        if from + OVERLAP >= text.len() {
            return false;
        }
        out.extend_from_slice(head(text));
    }
    out.extend_from_slice(&text[from..text.len().min(from + PIECE)]);
    true
}

/// The beginning of a text, up to the end of a tag or a line and without an open quote.
fn head(text: &[u8]) -> &[u8] {
    let head = &text[..text.len().min(HEAD)];
    let end = memchr::memrchr2(b'>', b'\n', head).map_or(0, |at| at + 1);
    let head = &head[..end];
    let is_open = |quote| memchr::memchr_iter(quote, head).count() % 2 == 1;
    if is_open(b'"') || is_open(b'\'') {
        &[]
    } else {
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &[u8]) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        (1..)
            .map_while(|n| write(text, n, &mut out).then(|| out.clone()))
            .collect()
    }

    #[test]
    fn all_of_a_text_is_in_its_pieces() {
        let long: Vec<u8> = (0u32..30_000).flat_map(u32::to_be_bytes).collect();
        for length in [
            0,
            1,
            OVERLAP,
            PIECE,
            PIECE + 1,
            2 * PIECE,
            30_000,
            long.len(),
        ] {
            let text = &long[..length];
            let pieces = pieces(text);
            let mut whole = pieces[0].clone();
            for piece in &pieces[1..] {
                let piece = &piece[head(text).len()..];
                assert!(piece.len() > OVERLAP);
                assert!(whole.ends_with(&piece[..OVERLAP]));
                whole.extend_from_slice(&piece[OVERLAP..]);
            }
            assert!(whole == text, "{length}");
        }
    }

    #[test]
    fn a_piece_says_what_it_is_a_piece_of() {
        let page = [
            b"<!DOCTYPE html>\n<html lang=\"de\">\n<p class=\"a",
            &[b'x'; PIECE][..],
        ]
        .concat();
        assert!(pieces(&page)[1].starts_with(b"<!DOCTYPE html>\n<html lang=\"de\">\nxxx"));
        let open = [b"<a b='c>\n", &[b'x'; PIECE][..]].concat();
        assert!(pieces(&open)[1].starts_with(b"xxx"));
    }

    #[test]
    fn places_are_words() {
        for (values, piece) in [(0, 0), (0, 1), (131_072, 0), (131_071, 420)] {
            let place = Place { values, piece };
            assert_eq!(Place::from_word(place.to_word()), place);
        }
        assert_eq!(Place::default().to_word(), 0);
    }
}
