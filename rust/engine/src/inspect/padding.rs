//! Padding: letters, digits and blanks in front of a value, as many as a reader of its first part
//! would look at. What follows them is what the value says.

use crate::decode::{kind, Value};

/// More than that is no word, no token and no sentence. Units: bytes.
const PADDING: usize = 4 << 10;
/// What is kept before what follows: a word that belongs to it. Units: bytes.
const KEPT: usize = 64;

/// Cuts padding off, or gives the value as it is. Cost: a comparison for all but long values, whose
/// first bytes are read up to the first sign.
pub fn without<'v>(value: &Value<'v>) -> Value<'v> {
    if value.bytes.len() <= PADDING {
        return *value;
    }
    let sign = |b: &u8| !b.is_ascii_alphanumeric() && *b != b' ';
    match value.bytes.iter().position(sign) {
        Some(at) if at > PADDING => {
            let bytes = &value.bytes[at - KEPT..];
            Value {
                bytes,
                seen: kind::seen(bytes),
                ..*value
            }
        }
        _ => *value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing::value;

    #[test]
    fn padding_is_cut_off() {
        let attack = "' or 1=1-- ";
        for (lead, cut) in [
            ("A".repeat(20_000), true),
            ("word ".repeat(4_000), true),
            ("It is, so. ".repeat(2_000), false),
            ("A".repeat(100), false),
            (String::new(), false),
        ] {
            let text = lead.clone() + attack;
            let got = without(&value(text.as_bytes()));
            let kept = if cut { KEPT } else { lead.len() };
            assert_eq!(got.bytes.len(), kept + attack.len(), "{:.9}", lead);
            assert!(got.bytes.ends_with(attack.as_bytes()));
        }
        let plain = "A".repeat(20_000);
        assert_eq!(without(&value(plain.as_bytes())).bytes.len(), 20_000);
    }
}
