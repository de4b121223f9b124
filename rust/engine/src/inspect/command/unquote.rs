//! A value as a shell reads it.

use crate::decode::percent;

/// Undoes what a shell removes: backslashes and carets before letters, quotes within words, empty
/// expansions; `$IFS` becomes a blank. `None` when there is nothing to undo.
pub(super) fn unquote(text: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr3(b'\\', b'^', b'$', text)
        .or_else(|| memchr::memchr3(b'\'', b'"', b'`', text))?;
    let mut out = Vec::with_capacity(text.len());
    // What opens a block of code stays.
    let mut at = if text.starts_with(b"```") { 3 } else { 0 };
    out.extend_from_slice(&text[..at]);
    let mut changed = false;
    // Whether anything but signs was put out.
    let mut begun = false;
    let word = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    while at < text.len() {
        let plain = text[at..].iter().take_while(|b| !is_sign(**b)).count();
        let (run, rest) = text[at..].split_at(plain);
        begun |= run.iter().any(u8::is_ascii_alphanumeric);
        out.extend_from_slice(run);
        at += plain;
        let (take, put): (usize, Option<u8>) = match rest {
            [] => break,
            // A line end that is spelled out: at the start, behind what closes a string, at the end.
            [b'\\', b'n' | b'r', ..] if rest.len() <= 3 || !begun => (2, Some(b'\n')),
            [b'\\', b'\n', ..] => (2, None),
            [b'\\', b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let code = percent::hex(&rest[2..4]).unwrap_or(0);
                (4, Some(code as u8))
            }
            [b'\\' | b'^', next, ..] if next.is_ascii_alphabetic() => (1, None),
            [b'$', b'{', b'I' | b'i', b'F' | b'f', b'S' | b's', ..] => {
                let end = rest
                    .iter()
                    .take(16)
                    .position(|b| *b == b'}')
                    .map_or(5, |e| e + 1);
                (end, Some(b' '))
            }
            [b'$', b'I' | b'i', b'F' | b'f', b'S' | b's', digit, ..] if digit.is_ascii_digit() => {
                (5, Some(b' '))
            }
            [b'$', b'I' | b'i', b'F' | b'f', b'S' | b's', ..] => (4, Some(b' ')),
            [b'$', b'@' | b'*' | b'!', ..] if word(out.last()) => (2, None),
            [quote @ (b'\'' | b'"' | b'`'), next, ..]
                if quote == next && (word(out.last()) || word(rest.get(2))) =>
            {
                (2, None)
            }
            [b'\'' | b'"', next, ..] if word(out.last()) && next.is_ascii_alphabetic() => (1, None),
            _ => (1, Some(rest[0])),
        };
        changed |= put != Some(rest[0]);
        begun |= put.is_some_and(|b| b.is_ascii_alphanumeric());
        out.extend(put);
        at += take;
    }
    changed.then_some(out)
}

/// Tells what may start a piece that a shell reads otherwise.
fn is_sign(byte: u8) -> bool {
    matches!(byte, b'\\' | b'^' | b'$' | b'\'' | b'"' | b'`')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looking back at all that was put out, for each, would take hours.
    #[test]
    fn what_is_unquoted_is_walked_once() {
        let lines = unquote(&b"\\n".repeat(4 << 20));
        assert!(lines.is_some_and(|l| l.len() == 4 << 20 && l.iter().all(|b| *b == b'\n')));
    }
}
