//! Incident numbers as people read them aloud: ten characters without look-alikes.

/// Crockford's base 32. Source: https://www.crockford.com/base32.html
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Length of a reference. Units: bytes.
pub const LEN: usize = 10;

/// Writes the reference of a 48-bit incident number.
pub fn encode(incident: u64) -> [u8; LEN] {
    let mut text = [b'0'; LEN];
    let mut rest = incident;
    for character in text.iter_mut().rev() {
        let digit = (rest & 31) as usize;
        *character = ALPHABET.get(digit).copied().unwrap_or(b'0');
        rest >>= 5;
    }
    text
}

/// Reads the incident number of a reference; 0 of what is none.
pub fn decode(text: &str) -> u64 {
    text.bytes()
        .try_fold(0u64, |number, character| {
            let digit = ALPHABET.iter().position(|c| *c == character)?;
            Some((number << 5) | digit as u64)
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_as_it_was_written() {
        for number in [1, 31, 32, 0x1234_5678_9abc, (1 << 48) - 1] {
            let text = encode(number);
            assert_eq!(
                decode(std::str::from_utf8(&text).unwrap_or_default()),
                number
            );
        }
        for none in ["", "u", "000000000U"] {
            assert_eq!(decode(none), 0);
        }
    }

    #[test]
    fn references_are_distinct_and_fixed_in_length() {
        assert_eq!(&encode(0), b"0000000000");
        assert_eq!(&encode(31), b"000000000Z");
        assert_eq!(&encode((1 << 48) - 1), b"7ZZZZZZZZZ");
    }
}
