//! UTF-7, which some readers of XML and of forms still take where a document says so: the sharp
//! characters of ASCII then stand there as base64.
//!
//! Source: RFC 2152.

use super::base64;

/// How much of a document's head may name its encoding. Units: bytes.
const HEAD: usize = 128;

/// Tells whether a body says that it is UTF-7: in its charset, or in the declaration of an XML document.
/// Cost: a search for a digit in the type and in the head.
pub fn is_named(body: &[u8], content_type: &[u8]) -> bool {
    let head = match body.trim_ascii_start() {
        xml @ [b'<', b'?', ..] => &xml[..xml.len().min(HEAD)],
        _ => b"",
    };
    names(content_type) || names(head)
}

fn names(text: &[u8]) -> bool {
    memchr::memchr_iter(b'7', text).any(|at| {
        let lead = &text[..at];
        let lead = lead.strip_suffix(b"-").unwrap_or(lead);
        lead.len() >= 3 && lead[lead.len() - 3..].eq_ignore_ascii_case(b"utf")
    })
}

/// Undoes it. What is no ASCII becomes a mark. Cost: linear.
pub fn undo(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at += 1;
        if *byte != b'+' {
            out.push(*byte);
            continue;
        }
        let start = at;
        let (mut bits, mut held) = (0u32, 0);
        while let Some(sextet) = text.get(at).and_then(|b| base64::sextet(*b)) {
            (bits, held) = (bits << 6 | u32::from(sextet), held + 6);
            if held >= 16 {
                held -= 16;
                let unit = (bits >> held & 0xffff) as u16;
                out.push(u8::try_from(unit).ok().filter(u8::is_ascii).unwrap_or(b'?'));
            }
            at += 1;
        }
        if text.get(at) == Some(&b'-') {
            // `+-` is a plus.
            if at == start {
                out.push(b'+');
            }
            at += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_undone() {
        for (text, want) in [
            ("+ADw-script+AD4-", "<script>"),
            ("+ADwAIQ-DOCTYPE r+AFs +ADw", "<!DOCTYPE r[ <"),
            ("1 +- 1 +", "1 + 1 "),
            ("caf+AOk-", "caf?"),
        ] {
            assert_eq!(String::from_utf8_lossy(&undo(text.as_bytes())), want);
        }
    }

    #[test]
    fn documents_say_so() {
        for (body, content_type, want) in [
            ("a=b", "text/plain; charset=utf-7", true),
            ("a=b", "text/plain; charset=\"UTF7\"", true),
            (
                "<?xml version=\"1.0\" encoding=\"UTF-7\"?>",
                "text/xml",
                true,
            ),
            (
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?><a>7</a>",
                "text/xml",
                false,
            ),
            ("utf-7", "text/plain", false),
            ("", "multipart/form-data; boundary=--7u7f7", false),
        ] {
            assert_eq!(
                is_named(body.as_bytes(), content_type.as_bytes()),
                want,
                "{body} {content_type}"
            );
        }
    }
}
