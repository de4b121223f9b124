//! Characters spelled as HTML references and as JSON's escapes where neither is the place's own
//! spelling: whatever is written into pages and scripts next undoes them.

use super::{html, percent};
use memchr::memmem;

/// Undoes both into `out`, which is emptied first. Returns whether ASCII came of it.
/// Cost: linear; one search for single bytes where there is none.
pub fn undo(text: &[u8], out: &mut Vec<u8>) -> bool {
    if memchr::memchr2(b'&', b'\\', text).is_none() {
        return false;
    }
    let references = html::is_hiding(text) && html::undo(text, out);
    let read: &[u8] = if references { out } else { text };
    let escapes = memmem::find(read, b"\\u00").is_some();
    if escapes {
        *out = unescape(read);
    }
    references || escapes
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    let escape = memmem::Finder::new(b"\\u00");
    while let Some(at) = escape.find(rest) {
        out.extend_from_slice(&rest[..at]);
        let code = rest.get(at + 4..at + 6).and_then(percent::hex);
        match code.filter(|code| *code < 0x80) {
            Some(code) => {
                out.push(code as u8);
                rest = &rest[at + 6..];
            }
            None => {
                out.extend_from_slice(&rest[at..at + 4]);
                rest = &rest[at + 4..];
            }
        }
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_undone() {
        for (text, want) in [
            ("1&#39; or &#x27;1", Some("1' or '1")),
            ("\\u0027 or \\u0031", Some("' or 1")),
            ("&#92;u0027", Some("'")),
            ("$&lbrace;a", Some("${a")),
            ("a &lt;b&gt; &amp; c", None),
            ("caf\\u00e9 \\u00", Some("caf\\u00e9 \\u00")),
            ("a & b # c", None),
            ("a\\b", None),
        ] {
            let mut out = Vec::new();
            let undone = undo(text.as_bytes(), &mut out);
            assert_eq!(undone, want.is_some(), "{text}");
            assert_eq!(String::from_utf8_lossy(&out), want.unwrap_or_default());
        }
    }
}
