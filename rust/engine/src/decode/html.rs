//! HTML character references, undone as browsers do.

/// Names of what escaping for pages leaves alone: who writes them hides something.
const HIDING: [(&[u8], u8); 24] = [
    (b"ast", b'*'),
    (b"bsol", b'\\'),
    (b"colon", b':'),
    (b"comma", b','),
    (b"dollar", b'$'),
    (b"equals", b'='),
    (b"excl", b'!'),
    (b"grave", b'`'),
    (b"lbrace", b'{'),
    (b"lbrack", b'['),
    (b"lcub", b'{'),
    (b"lpar", b'('),
    (b"lsqb", b'['),
    (b"NewLine", b'\n'),
    (b"num", b'#'),
    (b"percnt", b'%'),
    (b"period", b'.'),
    (b"rbrace", b'}'),
    (b"rcub", b'}'),
    (b"rpar", b')'),
    (b"semi", b';'),
    (b"sol", b'/'),
    (b"Tab", b'\t'),
    (b"verbar", b'|'),
];
/// Names that escaping writes, or that stand for a blank. Browsers know two thousand more that hide
/// no markup.
const ESCAPING: [(&[u8], u8); 6] = [
    (b"lt", b'<'),
    (b"gt", b'>'),
    (b"quot", b'"'),
    (b"apos", b'\''),
    (b"amp", b'&'),
    (b"nbsp", b' '),
];
/// Longest reference that is read: a decimal one padded with zeros. Units: bytes.
const LONGEST: usize = 16;

/// Undoes the references in `text` into `out`, which is emptied first. Codes outside of ASCII
/// become their UTF-8. Returns whether there was one. Cost: linear.
pub fn undo(text: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    let (mut rest, mut changed) = (text, false);
    loop {
        // Where one follows another, neither a search nor a copy is worth its call.
        if rest.first() != Some(&b'&') {
            let Some(at) = memchr::memchr(b'&', rest) else {
                break;
            };
            out.extend_from_slice(&rest[..at]);
            rest = &rest[at..];
        }
        match reference(rest) {
            Some((length, character)) => {
                match u8::try_from(character) {
                    Ok(byte) if byte.is_ascii() => out.push(byte),
                    _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
                }
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
    let named = name(window)?;
    let mut names = ESCAPING.iter().chain(&HIDING);
    let (_, byte) = names.find(|(name, _)| named.eq_ignore_ascii_case(name))?;
    Some((1 + named.len() + 1, char::from(*byte)))
}

/// The name of the reference at the start, in any case: `&LBRACE;` is none, but careless decoders take it.
fn name(text: &[u8]) -> Option<&[u8]> {
    let letters = text[1..].iter().take(LONGEST);
    let length = letters.take_while(|b| b.is_ascii_alphabetic()).count();
    (text.get(1 + length) == Some(&b';')).then(|| &text[1..1 + length])
}

/// Tells whether something is hidden by references: such by numbers, or by names that escaping does
/// not write. Cost: a search where there is none.
pub fn is_hiding(text: &[u8]) -> bool {
    memchr::memchr_iter(b'&', text).any(|at| {
        let rest = &text[at..];
        let hides = |named: &[u8]| {
            HIDING
                .iter()
                .any(|(name, _)| named.eq_ignore_ascii_case(name))
        };
        rest.starts_with(b"&#") || name(rest).is_some_and(hides)
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
            ("$&lbrace;a&RCUB;", "${a}"),
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
