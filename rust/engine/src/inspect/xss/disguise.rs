//! Spellings that browsers read and people never write: letters as numbers of characters, hosts as
//! one number.
//!
//! Source: WHATWG URL Standard, section 3.5 (the IPv4 parser); HTML Living Standard, 13.5.

use crate::decode::html;

/// Longest value whose references are counted. Units: bytes.
const SHORT: usize = 2048;
/// Letters in references from which on they hide something.
const LETTERS: usize = 8;

/// Tells whether letters, which need no reference, are spelled as such: `&#106;&#x61;...`.
pub fn hides_letters(text: &[u8]) -> bool {
    let short = text.len() <= SHORT;
    let mut one = Vec::new();
    let letters = memchr::memmem::find_iter(text, b"&#").filter(|at| {
        let rest = &text[*at..];
        let next = memchr::memchr(b'&', &rest[1..]).map_or(rest.len(), |end| end + 1);
        html::undo(&rest[..next.min(12)], &mut one)
            && one.first().is_some_and(u8::is_ascii_alphabetic)
    });
    short && letters.take(LETTERS).count() == LETTERS
}

/// Tells whether the host of a link is a number, or is not where it seems to be:
/// `http://0x7f.1/`, `htt<tab>p://x`, `http://a.example:b.example`.
pub fn hides_host(link: &[u8]) -> bool {
    let Some(at) = memchr::memmem::find(link, b"//") else {
        return false;
    };
    let (scheme, rest) = link.split_at(at);
    if !scheme.is_empty() && !scheme.ends_with(b":") {
        return false;
    }
    let end = |b: &u8| matches!(b, b'/' | b'?' | b'#');
    let authority = &rest[2..];
    let authority = &authority[..authority.iter().position(end).unwrap_or(authority.len())];
    if link[..at + 2 + authority.len()]
        .trim_ascii()
        .iter()
        .any(|b| matches!(b, b'\t' | b'\r' | b'\n'))
    {
        return true;
    }
    let (host, port) = match memchr::memchr(b':', authority) {
        Some(colon) => authority.split_at(colon),
        None => (authority, &b""[..]),
    };
    let moved = port.get(1).is_some_and(u8::is_ascii_alphabetic) && !port.contains(&b'@');
    let numbers = !host.is_empty() && host.split(|b| *b == b'.').all(is_number);
    let dotted = host.iter().filter(|b| **b == b'.').count() == 3;
    let plain = dotted
        && host.split(|b| *b == b'.').all(|part| {
            matches!(part, [b'1'..=b'9', ..] | b"0") && part.iter().all(u8::is_ascii_digit)
        });
    moved || numbers && !plain
}

/// Decimal, octal or hexadecimal.
fn is_number(part: &[u8]) -> bool {
    match part {
        [b'0', b'x' | b'X', rest @ ..] => rest.iter().all(u8::is_ascii_hexdigit),
        [] => false,
        _ => part.iter().all(u8::is_ascii_digit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_need_no_references() {
        assert!(hides_letters(
            b"x=&#106;&#x61;&#118&#97;&#0000115;&#99;&#114;&#105;"
        ));
        assert!(!hides_letters(
            "&#233;&#8217;&#228;&#246;&#252;&#8211;&#160;&#39;&#34;".as_bytes()
        ));
        assert!(!hides_letters(b"&#106;ava"));
    }

    #[test]
    fn hosts_have_names_or_four_numbers() {
        for link in [
            "http://2130706433/",
            "//0x7f.1",
            "http://0177.0.0.1/x",
            "ht\ttp://a.example",
            "http://a.exa\nmple/x",
            "http://a.example:b.example",
        ] {
            assert!(hides_host(link.as_bytes()), "{link}");
        }
        for link in [
            "http://127.0.0.1:8000/",
            "https://a.example/x//1",
            "//a.example:80",
            "/a//1",
            "",
            "https://user:word@a.example/",
            "http://10.0.0.1",
            "\n  https://a.example/x\n",
        ] {
            assert!(!hides_host(link.as_bytes()), "{link}");
        }
    }
}
