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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_distinct_and_fixed_in_length() {
        assert_eq!(&encode(0), b"0000000000");
        assert_eq!(&encode(31), b"000000000Z");
        assert_eq!(&encode((1 << 48) - 1), b"7ZZZZZZZZZ");
    }
}
