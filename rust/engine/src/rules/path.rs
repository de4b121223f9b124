//! The path as rules see it: decoded once and normalised, so that `/%61dmin/..//admin` is `/admin`.

use std::borrow::Cow;

/// Percent-decodes a raw path, merges slashes and resolves dot segments; bytes that are not UTF-8
/// become U+FFFD. Cost: no allocation when nothing changes.
/// Source: RFC 3986, sections 2.1 and 5.2.4.
pub fn normalise(raw: &[u8]) -> Cow<'_, str> {
    let plain = !raw.contains(&b'%')
        && !raw.windows(2).any(|w| w == b"//" || w == b"/.")
        && std::str::from_utf8(raw).is_ok();
    if plain {
        return String::from_utf8_lossy(raw);
    }
    let decoded = percent_decode(raw);
    let mut segments: Vec<&[u8]> = Vec::new();
    let mut parts = decoded.split(|b| *b == b'/').peekable();
    let mut directory = false;
    while let Some(part) = parts.next() {
        directory = parts.peek().is_none() && matches!(part, b"" | b"." | b"..");
        match part {
            b"" | b"." => {}
            b".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    let mut path = Vec::with_capacity(decoded.len() + 1);
    for segment in &segments {
        path.push(b'/');
        path.extend_from_slice(segment);
    }
    if directory || path.is_empty() {
        path.push(b'/');
    }
    Cow::Owned(String::from_utf8_lossy(&path).into_owned())
}

/// Decodes a name or value of a query: percent-encoding, and `+` for a blank.
pub fn decode_text(raw: &[u8]) -> String {
    let spaced: Vec<u8> = raw
        .iter()
        .map(|b| if *b == b'+' { b' ' } else { *b })
        .collect();
    String::from_utf8_lossy(&percent_decode(&spaced)).into_owned()
}

fn percent_decode(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        let hex = |b: u8| (b as char).to_digit(16);
        match (first, tail) {
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    out.push((high * 16 + low) as u8);
                    rest = after;
                }
                _ => out.push(b'%'),
            },
            (byte, _) => out.push(*byte),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evasions_meet_in_one_form() {
        for (raw, want) in [
            ("/admin", "/admin"),
            ("/%61dmin", "/admin"),
            ("//admin", "/admin"),
            ("/a/../admin", "/admin"),
            ("/a/./b/", "/a/b/"),
            ("/%2e%2e/%2e%2e/x", "/x"),
            ("/a/..", "/"),
            ("", ""),
            ("/", "/"),
            ("/100%", "/100%"),
            ("/%zz%4", "/%zz%4"),
            ("*", "*"),
        ] {
            assert_eq!(normalise(raw.as_bytes()), want, "{raw}");
        }
        assert_eq!(normalise(b"/\xff%80"), "/\u{fffd}\u{fffd}");
    }
}
