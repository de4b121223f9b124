//! Percent-encoding, in all the spellings that servers accept, undone in place.

/// Most rounds for one value. A round that changes nothing is the last.
const ROUNDS: u8 = 3;

/// What undoing took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Undone {
    /// Rounds that changed something.
    pub rounds: u8,
    /// Whether an ASCII byte was spelled in more UTF-8 bytes than it needs, or full-width.
    pub odd_utf8: bool,
}

/// Undoes `%XX` and `%uXXXX` until nothing changes, at most three times, then folds overlong and
/// full-width UTF-8 to ASCII. `plus` says that a plus stands for a blank in the first round.
/// Cost: linear, at most five passes; without an introducer, one search.
pub fn undo(text: &mut Vec<u8>, plus: bool) -> Undone {
    let mut undone = Undone::default();
    if plus {
        // Each is written, so that the compiler makes vectors of it.
        for byte in text.iter_mut() {
            *byte = if *byte == b'+' { b' ' } else { *byte };
        }
    }
    while undone.rounds < ROUNDS && round(text) {
        undone.rounds += 1;
    }
    undone.odd_utf8 = fold(text);
    undone
}

/// Undoes one round into a buffer, as far as there is room. Returns how many bytes it wrote.
pub fn once(text: &[u8], plus: bool, into: &mut [u8]) -> usize {
    let (mut from, mut to) = (0, 0);
    while let Some(byte) = text.get(from) {
        let (length, bytes, count) = match escape(&text[from..]) {
            Some((length, code)) => {
                let (bytes, count) = spell(code, length);
                (length, bytes, count)
            }
            None if plus && *byte == b'+' => (1, [b' ', 0, 0], 1),
            None => (1, [*byte, 0, 0], 1),
        };
        let Some(place) = into.get_mut(to..to + count) else {
            break;
        };
        place.copy_from_slice(&bytes[..count]);
        from += length;
        to += count;
    }
    to
}

/// Tells whether a value holds an escape. Cost: one search where it holds no percent sign.
pub fn is_coded(text: &[u8]) -> bool {
    memchr::memchr_iter(b'%', text).any(|at| escape(&text[at..]).is_some())
}

/// Tells whether a value holds an odd spelling of ASCII. Cost: a fast pass over ASCII.
pub fn is_odd(text: &[u8]) -> bool {
    let found = |at: usize| odd(&text[at..]).is_some();
    !is_ascii(text)
        && (memchr::memchr3_iter(0xc0, 0xc1, 0xef, text).any(found)
            || memchr::memchr2_iter(0xe0, 0xf0, text).any(found)
            || memchr::memchr2_iter(0xf8, 0xfc, text).any(found)
            || climbs(text))
}

/// Tells whether a text may hold such values. Cost: a fast pass over ASCII.
pub fn may_be_odd(text: &[u8]) -> bool {
    !is_ascii(text)
        && (memchr::memchr3(0xc0, 0xc1, 0xef, text).is_some()
            || memchr::memchr2(0xe0, 0xf0, text).is_some()
            || memchr::memchr2(0xf8, 0xfc, text).is_some()
            || climbs(text))
}

/// Tells two dots in one character that are a step of a path; elsewhere they are ink, as in sentences.
fn climbs(text: &[u8]) -> bool {
    memchr::memchr_iter(LEADER[0], text).any(|at| {
        let starts = at == 0 || matches!(text[at - 1], b'/' | b'\\' | b'=' | b'"' | b'\'');
        let step = starts && text[at..].starts_with(LEADER);
        step && matches!(text.get(at + LEADER.len()), Some(b'/' | b'\\'))
    })
}

/// The compiler makes vectors of this, as it does not of the slice's own.
fn is_ascii(text: &[u8]) -> bool {
    text.iter().fold(0, |all, b| all | b).is_ascii()
}

/// One round. Returns whether anything changed.
fn round(text: &mut Vec<u8>) -> bool {
    let Some(first) = memchr::memchr(b'%', text) else {
        return false;
    };
    let (mut from, mut to, mut changed) = (first, first, false);
    while from < text.len() {
        // Writing never overtakes reading: no escape is shorter than what it stands for.
        match escape(&text[from..]) {
            Some((length, code)) => {
                let (bytes, count) = spell(code, length);
                changed = true;
                text[to..to + count].copy_from_slice(&bytes[..count]);
                from += length;
                to += count;
            }
            None => {
                text[to] = text[from];
                from += 1;
                to += 1;
            }
        }
        let plain = memchr::memchr(b'%', &text[from..]).unwrap_or(text.len() - from);
        text.copy_within(from..from + plain, to);
        from += plain;
        to += plain;
    }
    text.truncate(to);
    changed
}

/// Reads the escape at the start. Shape: its length and the code.
fn escape(text: &[u8]) -> Option<(usize, u32)> {
    if text[0] != b'%' {
        return None;
    }
    match text.get(1)? {
        b'u' | b'U' => Some((6, hex(text.get(2..6)?)?)),
        _ => Some((3, hex(text.get(1..3)?)?)),
    }
}

/// Spells a code: a byte for `%XX`, UTF-8 for `%uXXXX`.
fn spell(code: u32, length: usize) -> ([u8; 3], usize) {
    let mut bytes = [0; 3];
    if length == 3 {
        bytes[0] = code as u8;
        return (bytes, 1);
    }
    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    let count = character.encode_utf8(&mut bytes).len();
    (bytes, count)
}

/// Reads hexadecimal digits; nothing else may stand among them.
pub fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |code, digit| {
        Some(code << 4 | char::from(*digit).to_digit(16)?)
    })
}

/// Folds overlong, full-width and small spellings of ASCII. Returns whether there was one.
fn fold(text: &mut Vec<u8>) -> bool {
    if is_ascii(text) {
        return false;
    }
    let Some(first) = text.iter().position(|b| *b >= 0xc0) else {
        return false;
    };
    let (mut from, mut to, mut folded) = (first, first, false);
    while from < text.len() {
        let twice = text[from..].starts_with(LEADER);
        let (length, byte) = match odd(&text[from..]) {
            Some(found) => {
                folded = true;
                found
            }
            None => (1, text[from]),
        };
        text[to] = byte;
        from += length;
        to += 1;
        if twice {
            text[to] = byte;
            to += 1;
        }
        let plain = text[from..].iter().position(|b| *b >= 0xc0);
        let plain = plain.unwrap_or(text.len() - from);
        text.copy_within(from..from + plain, to);
        from += plain;
        to += plain;
    }
    text.truncate(to);
    folded
}

/// Reads an odd spelling of ASCII at the start. Shape: its length and the byte.
fn odd(text: &[u8]) -> Option<(usize, u8)> {
    let low = |byte: u8| byte & 0x3f;
    match *text {
        // Servers that fold overlong bytes do not ask for the continuation mark either.
        [first @ (0xc0 | 0xc1), second, ..] if second >= 0x20 => {
            Some((2, (first & 1) << 6 | low(second)))
        }
        [0xe0, second @ (0x80 | 0x81), third, ..] if third & 0xc0 == 0x80 => {
            Some((3, (second & 1) << 6 | low(third)))
        }
        [0xf0, 0x80, third @ (0x80 | 0x81), fourth, ..] if fourth & 0xc0 == 0x80 => {
            Some((4, (third & 1) << 6 | low(fourth)))
        }
        // Lengths of the first UTF-8, which old decoders still take.
        [0xf8, 0x80, 0x80, fourth @ (0x80 | 0x81), fifth, ..] if fifth & 0xc0 == 0x80 => {
            Some((5, (fourth & 1) << 6 | low(fifth)))
        }
        [0xfc, 0x80, 0x80, 0x80, fifth @ (0x80 | 0x81), sixth, ..] if sixth & 0xc0 == 0x80 => {
            Some((6, (fifth & 1) << 6 | low(sixth)))
        }
        [0xef, 0xbc, third @ 0x81..=0xbf, ..] => Some((3, third - 0x60)),
        [0xef, 0xbd, third @ 0x80..=0x9e, ..] => Some((3, third - 0x20)),
        [0xef, 0xb9, third @ 0x90..=0xab, ..] => {
            let small = SMALL[usize::from(third - 0x90)];
            (small != b' ').then_some((3, small))
        }
        [0xe2, 0x80, 0xa4 | 0xa5, ..] => Some((3, b'.')),
        _ => None,
    }
}

/// The small forms of signs, U+FE50 to U+FE6B, a blank for those of none.
/// Source: Unicode's compatibility decompositions.
const SMALL: &[u8; 28] = b", . ;:?! (){}  #&*+-<>= \\$%@";
/// Two dots in one character.
const LEADER: &[u8] = b"\xe2\x80\xa5";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_comes_to_the_same() {
        for (text, want, rounds, odd_utf8) in [
            (&b"plain"[..], &b"plain"[..], 0, false),
            (b"100% sure %zz %", b"100% sure %zz %", 0, false),
            (b"%2e%2E/", b"../", 1, false),
            (b"%252e%25252e", b"..", 3, false),
            (b"%%32%65", b".", 2, false),
            (b"%u002e%u2215", "\u{2e}\u{2215}".as_bytes(), 1, false),
            (b"%c0%ae%c0%af%c1%9c", b"./\\", 1, true),
            (b"%e0%80%ae%f0%80%80%af", b"./", 1, true),
            (b"%f8%80%80%80%af%fc%80%80%80%80%ae", b"/.", 1, true),
            (b"%uff0e%uff1c%ef%bd%81", b".<a", 1, true),
            (b"%e2%80%a5/%e2%80%a5", b"../..", 1, true),
            (
                b"%ef%b9%92%e2%80%a4/%e2%80%a5%ef%b9%a8",
                b"../..\\",
                1,
                true,
            ),
            (
                b"%ef%b9%a4x%ef%b9%a5%ef%b9%91%ef%b9%98",
                "<x>\u{fe51}\u{fe58}".as_bytes(),
                1,
                true,
            ),
            (
                "caf\u{e9} \u{2014}".as_bytes(),
                "caf\u{e9} \u{2014}".as_bytes(),
                0,
                false,
            ),
            (b"%ud800", "\u{fffd}".as_bytes(), 1, false),
        ] {
            let mut got = text.to_vec();
            let undone = undo(&mut got, false);
            assert_eq!(got, want, "{}", text.escape_ascii());
            assert_eq!(
                undone,
                Undone { rounds, odd_utf8 },
                "{}",
                text.escape_ascii()
            );
        }
    }

    #[test]
    fn two_dots_in_one_character_are_odd_as_steps() {
        for (text, want) in [
            ("\u{2025}/\u{2025}/a", true),
            ("a/\u{2025}\\b", true),
            ("a \u{2025}/b", false),
            ("\u{2025}\u{2025}/b", false),
            ("\u{2025}", false),
        ] {
            assert_eq!(is_odd(text.as_bytes()), want, "{text}");
            assert_eq!(may_be_odd(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn one_round_fills_what_room_there_is() {
        for (text, plus, want) in [
            (&b"user%5Bname%5D"[..], true, &b"user[name]"[..]),
            (b"a+b%2Bc", true, b"a b+c"),
            (b"a+b%2Bc", false, b"a+b+c"),
            (b"%255B%zz%", true, b"%5B%zz%"),
            (b"0123456789abcdef%41", true, b"0123456789abcdef"),
            (b"0123456789abcde%u00e9", true, b"0123456789abcde"),
        ] {
            let mut buffer = [0; 16];
            let length = once(text, plus, &mut buffer);
            assert_eq!(&buffer[..length], want, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn plus_is_a_blank_once() {
        let mut text = b"a+b%2bc".to_vec();
        undo(&mut text, true);
        assert_eq!(text, b"a b+c");
    }
}
