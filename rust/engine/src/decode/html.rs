//! HTML character references, undone as browsers do.

/// Names that hide markup; browsers know two thousand more that do not.
const NAMED: [(&[u8], u8); 16] = [
    (b"lt", b'<'),
    (b"gt", b'>'),
    (b"quot", b'"'),
    (b"apos", b'\''),
    (b"amp", b'&'),
    (b"Tab", b'\t'),
    (b"NewLine", b'\n'),
    (b"colon", b':'),
    (b"lpar", b'('),
    (b"rpar", b')'),
    (b"sol", b'/'),
    (b"bsol", b'\\'),
    (b"semi", b';'),
    (b"equals", b'='),
    (b"grave", b'`'),
    (b"nbsp", b' '),
];
/// Longest reference that is read: a decimal one padded with zeros. Units: bytes.
const LONGEST: usize = 16;

/// Undoes the references in `text` into `out`, which is emptied first. Codes outside of ASCII
/// become their UTF-8. Returns whether there was one. Cost: linear.
pub fn undo(text: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    let (mut rest, mut changed) = (text, false);
    while let Some(at) = memchr::memchr(b'&', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        match reference(rest) {
            Some((length, character)) => {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[length..];
                changed = true;
            }
            None => {
                out.push(b'&');
                rest = &rest[1..];
            }
        }
    }
    out.extend_from_slice(rest);
    changed
}

/// Reads the reference at the start; the semicolon may be missing.
fn reference(text: &[u8]) -> Option<(usize, char)> {
    let window = &text[..text.len().min(LONGEST)];
    let (start, radix) = match window {
        [b'&', b'#', b'x' | b'X', ..] => (3, 16),
        [b'&', b'#', ..] => (2, 10),
        _ => return named(window),
    };
    let digit = |b: &u8| char::from(*b).to_digit(radix);
    let digits = window[start..].iter().map_while(digit);
    let (count, code) = digits.fold((0, 0u32), |(count, code), digit| {
        (count + 1, code.saturating_mul(radix).saturating_add(digit))
    });
    if count == 0 {
        return None;
    }
    let end = start + count;
    let semicolon = usize::from(window.get(end) == Some(&b';'));
    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    Some((end + semicolon, character))
}

fn named(window: &[u8]) -> Option<(usize, char)> {
    NAMED.iter().find_map(|(name, byte)| {
        let end = 1 + name.len();
        let same = window.get(1..end)? == *name && window.get(end) == Some(&b';');
        same.then_some((end + 1, char::from(*byte)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_undone() {
        for (text, want) in [
            ("a &lt;b&gt; &amp; c", "a <b> & c"),
            ("&#106;&#x61;va&#0000115cript&colon;", "javascript:"),
            ("java&Tab;script", "java\tscript"),
            (
                "a & b &; &#; &#x; &nosuch; &lt",
                "a & b &; &#; &#x; &nosuch; &lt",
            ),
            ("&#99999999999;", "\u{fffd}"),
        ] {
            let mut out = Vec::new();
            assert_eq!(undo(text.as_bytes(), &mut out), text != want);
            assert_eq!(String::from_utf8(out).unwrap(), want);
        }
    }
}
