//! Encoded words of mail headers, `=?utf-8?B?...?=`, which libraries for mail, forms and names of files
//! undo in headers of HTTP as well.
//!
//! Source: RFC 2047, section 2.

use super::{base64, ebcdic, percent};
use memchr::memmem;

/// Undoes the words in `text` into `out`, which is emptied first. Returns whether there was one.
/// Cost: linear; a search where there is none.
pub fn undo(text: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    let (mut rest, mut changed) = (text, false);
    // Nothing that starts behind the last end is a word.
    let last = memmem::rfind(text, b"?=").unwrap_or(0);
    while let Some(at) = memmem::find(rest, b"=?") {
        let (lead, from) = rest.split_at(at);
        if text.len() - from.len() >= last {
            break;
        }
        match word(&from[2..]) {
            Some((charset, coding, coded, length)) => {
                // Blanks between two words are none of the text's.
                if !(changed && lead.trim_ascii().is_empty()) {
                    out.extend_from_slice(lead);
                }
                let undone = if let Some(page) = ebcdic::page_of(charset) {
                    let mut bytes = Vec::new();
                    if coding | 0x20 == b'b' {
                        bytes = base64::bytes(coded);
                    } else {
                        quoted(coded, true, &mut bytes);
                    }
                    out.extend_from_slice(&page.undo(&bytes));
                    true
                } else if coding | 0x20 == b'b' {
                    base64::append(coded, out)
                } else {
                    quoted(coded, true, out);
                    true
                };
                if !undone {
                    out.extend_from_slice(coded);
                }
                changed |= undone;
                rest = &from[2 + length..];
            }
            None => {
                out.extend_from_slice(&rest[..at + 2]);
                rest = &from[2..];
            }
        }
    }
    out.extend_from_slice(rest);
    changed
}

/// Reads a word behind its `=?`. Shape: its charset, its coding, what is coded, and the length with its
/// end.
fn word(text: &[u8]) -> Option<(&[u8], u8, &[u8], usize)> {
    let charset = memchr::memchr(b'?', text)?;
    let [coding @ (b'B' | b'b' | b'Q' | b'q'), b'?', coded @ ..] = &text[charset + 1..] else {
        return None;
    };
    let length = memmem::find(coded, b"?=")?;
    let whole = charset + 1 + 2 + length + 2;
    Some((&text[..charset], *coding, &coded[..length], whole))
}

/// Undoes quoted-printable into `out`: `=XX`, and a line that `=` continues; `blanks` tells that an
/// underscore is one. Source: RFC 2045, section 6.7. Cost: linear.
pub fn quoted(text: &[u8], blanks: bool, out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let (length, put) = match &text[at..] {
            [b'=', b'\r', b'\n', ..] => (3, None),
            [b'=', b'\n', ..] => (2, None),
            [b'=', digits @ ..] => match digits.get(..2).and_then(percent::hex) {
                Some(code) => (3, Some(code as u8)),
                None => (1, Some(b'=')),
            },
            [b'_', ..] if blanks => (1, Some(b' ')),
            _ => (1, Some(*byte)),
        };
        out.extend(put);
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_undone() {
        for (text, want) in [
            ("=?utf-8?B?PGI+?=", Some("<b>")),
            ("=?iso-8859-1?Q?1=27_or_=271?=", Some("1' or '1")),
            ("a =?utf-8?q?=3Cb?= =?utf-8?q?=3E?= c", Some("a <b> c")),
            ("=?ibm037?B?TIJu?= =?cp500?q?=4F=6e?=", Some("<b>!>")),
            ("x=?y", None),
            ("=?utf-8?X?a?=", None),
            ("=?utf-8?B?a", None),
            ("=?utf-8?Q?a?= =?utf-8?Q?b", Some("a =?utf-8?Q?b")),
            ("?= =?utf-8?Q?b", None),
            ("plain", None),
        ] {
            let mut out = Vec::new();
            let undone = undo(text.as_bytes(), &mut out);
            assert_eq!(undone, want.is_some(), "{text}");
            assert_eq!(String::from_utf8(out).unwrap(), want.unwrap_or(text));
        }
    }

    #[test]
    fn quoted_printable_is_undone() {
        let mut out = Vec::new();
        quoted(b"=3Cb=3E =\r\na_b =zz =", false, &mut out);
        assert_eq!(out, b"<b> a_b =zz =");
    }
}
