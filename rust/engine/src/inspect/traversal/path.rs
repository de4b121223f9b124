//! A value as a path, with what decoders make slashes of.

/// A value as a path: lower case, forward slashes, single, without `.` segments and null bytes.
pub struct Path {
    pub text: Vec<u8>,
    pub climbs: usize,
    /// Where the first of them starts; `usize::MAX` without any.
    pub first_climb: usize,
    /// Whether it starts with a folder's name and climbs out of where that lies: `a/../../x`.
    pub leaves: bool,
}

impl Path {
    pub fn read(raw: &[u8]) -> Path {
        let mut text = Vec::with_capacity(raw.len());
        let (mut climbs, mut first_climb) = (0, usize::MAX);
        let mut at = 0;
        while at < raw.len() {
            let byte = match folded_slash(&raw[at..]) {
                Some(slash) => {
                    at += 2;
                    slash
                }
                None => raw[at],
            };
            let slash = is_slash(byte);
            if byte == b'.' {
                let dots = raw[at..].iter().take_while(|b| **b == b'.').count();
                let before = at == 0 || !raw[at - 1].is_ascii_alphanumeric();
                let after = raw.get(at + dots).copied();
                let follows = after.is_some_and(is_slash)
                    || folded_slash(&raw[at + dots..]).is_some()
                    || swallowed(&raw[at + dots..])
                    || dots == 2 && dropped(&raw[at + dots..])
                    || raw[at + dots..].starts_with(b";/")
                    || dots == 2
                        && at > 0
                        && is_slash(raw[at - 1])
                        && (after.is_none() || after == Some(0));
                if (2..=8).contains(&dots) && follows && before {
                    climbs += 1;
                    first_climb = first_climb.min(at);
                }
                let segment =
                    dots == 1 && after.is_some_and(is_slash) && at > 0 && is_slash(raw[at - 1]);
                if !segment {
                    text.resize(text.len() + dots, b'.');
                }
                at += dots;
                continue;
            }
            if slash
                && matches!(text.as_slice(), [.., b'/'])
                && !matches!(text.as_slice(), [.., b':', b'/'])
            {
                at += 1;
                continue;
            }
            if byte != 0 {
                text.push(if slash {
                    b'/'
                } else {
                    byte.to_ascii_lowercase()
                });
            }
            at += 1;
        }
        let leaves = climbs > 0 && leaves(&text);
        Path {
            text,
            climbs,
            first_climb,
            leaves,
        }
    }
}

/// Tells whether a path that starts with a name climbs above that; not one with a scheme.
fn leaves(text: &[u8]) -> bool {
    let starts = text.first().is_some_and(u8::is_ascii_alphanumeric);
    if !starts || memchr::memchr(b':', text).is_some() {
        return false;
    }
    let mut depth = 0i32;
    text.split(|b| *b == b'/').any(|segment| {
        match segment {
            b".." => depth -= 1,
            b"" | b"." => {}
            _ => depth += 1,
        }
        depth < 0
    })
}

pub fn is_slash(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

/// Bytes of no character before a slash: what is left of one that some decoder read as more. Or a
/// control byte between dots, as which an overlong slash was read.
fn swallowed(text: &[u8]) -> bool {
    if let [0x01..=0x08 | 0x0e..=0x1f, b'.', b'.', ..] = text {
        return true;
    }
    let odd = text.iter().take(4).take_while(|b| **b >= 0x80).count();
    odd > 0 && text.get(odd).copied().is_some_and(is_slash)
}

/// A blank before a slash, which Windows drops from the end of a name.
fn dropped(text: &[u8]) -> bool {
    matches!(text, [b' ' | b'\t', slash, ..] if is_slash(*slash))
}

/// What character sets of fewer characters make a slash of, three bytes each: division slash,
/// fraction slash, set minus, their full-width forms, and two of private use that code pages map.
/// Source: Unicode's best-fit tables for Windows code pages.
fn folded_slash(text: &[u8]) -> Option<u8> {
    match text {
        [0xe2, 0x88, 0x95, ..] | [0xe2, 0x81, 0x84, ..] | [0xef, 0xbc, 0x8f, ..] => Some(b'/'),
        [0xe2, 0x88, 0x96, ..] | [0xef, 0xbc, 0xbc, ..] => Some(b'\\'),
        [0xee, 0xbf, 0x88, ..] | [0xef, 0x80, 0xa5, ..] => Some(b'/'),
        _ => None,
    }
}
