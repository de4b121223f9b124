//! Base64 within a value: undone where text comes of it, which hardly any other token gives. Blanks around it
//! and line ends in it say nothing, as in mails.
//!
//! Source: RFC 4648, sections 4 and 5; RFC 2045, section 6.8.

use std::ops::Range;

/// Shortest value that is tried: a shorter one holds nothing. Units: bytes.
const SHORTEST: usize = 16;
/// Longest value that is tried; longer ones are files. Units: bytes.
const LONGEST: usize = 2048;
/// What no character of the alphabets stands for.
const NONE: u8 = 0xff;

/// The six bits of each character, in both alphabets.
static SEXTETS: [u8; 256] = {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut table = [NONE; 256];
    let mut i = 0;
    while i < letters.len() {
        table[letters[i] as usize] = i as u8;
        i += 1;
    }
    table[b'-' as usize] = 62;
    table[b'_' as usize] = 63;
    table
};

/// Tells the six bits of a character of the standard alphabet.
pub fn sextet(byte: u8) -> Option<u8> {
    let bits = SEXTETS[usize::from(byte)];
    (bits != NONE && !matches!(byte, b'-' | b'_')).then_some(bits)
}

/// Tells whether base64 may be undone: few other values are of such a length and start so that the
/// first three bytes would be ASCII.
#[inline(always)]
pub fn may_be(value: &[u8]) -> bool {
    (SHORTEST..=LONGEST).contains(&value.len())
        && (starts(value) || value[0] <= b' ' && follows(value))
}

/// Tells the same behind blanks.
#[cold]
fn follows(value: &[u8]) -> bool {
    let value = value.trim_ascii_start();
    value.len() >= SHORTEST && starts(value)
}

/// Undoes base64 into `out`. Returns whether text came of it, and of the whole value. `broken` tells that
/// there may be line ends in it.
/// Cost: a few loads for most other values, for they fail at their first three bytes, which are
/// ASCII in whatever does harm.
#[inline]
pub fn undo(value: &[u8], broken: bool, out: &mut Vec<u8>) -> bool {
    may_be(value) && decode(value.trim_ascii(), broken, out)
}

/// Takes what is base64 of a value: the data of a URL that holds it (`data:image/svg+xml;base64,...`), the
/// head of a signed token, which tells servers how to check it, or all. Source: RFC 7515, section 3.1.
#[inline]
pub fn held(value: &[u8]) -> &[u8] {
    match value {
        [b'e', b'y', b'J', ..] => head(value),
        [b'd', b'a', b't', b'a', b':', ..] => data(value),
        _ => value,
    }
}

/// The part before the first point of base64 of an object of JSON.
fn head(token: &[u8]) -> &[u8] {
    let end = memchr::memchr(b'.', token).unwrap_or(token.len());
    &token[..end]
}

fn data(url: &[u8]) -> &[u8] {
    let start = memchr::memmem::find(&url[..url.len().min(64)], b";base64,").map_or(0, |at| at + 8);
    &url[start..]
}

/// Tells where the head of a signed token is in what a header authorizes by: behind the scheme, and what
/// stands around it for readers that are no sticklers, `Bearer  "eyJ`, `Token token=eyJ`.
pub fn head_of_token(value: &[u8]) -> Option<Range<usize>> {
    /// Longest scheme, and a parameter's name. Units: bytes.
    const LEAD: usize = 32;
    let start = memchr::memchr(b' ', value).map_or(0, |at| at + 1);
    let from = |start: usize| start..start + head(&value[start..]).len();
    if value[start..].starts_with(START) {
        return Some(from(start));
    }
    let lead = &value[..value.len().min(LEAD + START.len())];
    let leads = |at: &usize| *at == 0 || !lead[at - 1].is_ascii_alphanumeric();
    let start = memchr::memmem::find_iter(lead, START).find(leads)?;
    Some(from(start))
}

/// How the base64 of an object of JSON starts.
const START: &[u8] = b"eyJ";

/// Takes the quotes off a value without blanks that stands in some, as in cookies. Source: RFC 6265, section
/// 4.1.1.
pub fn quoted(value: &[u8]) -> Option<&[u8]> {
    let (quote @ (b'"' | b'\''), rest) = value.split_first()? else {
        return None;
    };
    let inner = rest.strip_suffix(std::slice::from_ref(quote))?;
    is_token(inner).then_some(inner)
}

/// Tells whether the first three bytes would be ASCII.
#[inline]
fn starts(value: &[u8]) -> bool {
    let sextet = |at: usize| SEXTETS[usize::from(value[at])];
    let [a, b, c, d] = [sextet(0), sextet(1), sextet(2), sextet(3)];
    // The high bits of the three bytes; all are set where a character is none.
    (a >> 5 | b >> 3 & 1 | c >> 1 & 1) == 0 && d != NONE
}

fn decode(value: &[u8], broken: bool, out: &mut Vec<u8>) -> bool {
    out.clear();
    if broken {
        let whole = value.iter().copied().filter(|b| !b.is_ascii_whitespace());
        append(&whole.collect::<Vec<u8>>(), out)
    } else {
        append(value, out)
    }
}

/// Tells whether there is no blank within a value: what is one token has none.
#[inline]
pub fn is_token(value: &[u8]) -> bool {
    memchr::memchr(b' ', value.trim_ascii()).is_none()
}

/// Undoes base64 of text behind what `out` holds. Returns whether it is some, and of the whole value.
pub fn append(value: &[u8], out: &mut Vec<u8>) -> bool {
    let from = out.len();
    let undone = text(value, out) && std::str::from_utf8(&out[from..]).is_ok();
    if !undone {
        out.truncate(from);
    }
    undone
}

fn text(value: &[u8], out: &mut Vec<u8>) -> bool {
    let padding = value.iter().rev().take(2).take_while(|b| **b == b'=');
    let value = &value[..value.len() - padding.count()];
    if value.len() % 4 == 1 {
        return false;
    }
    for group in value.chunks(4) {
        let mut bits = 0u32;
        for character in group {
            let sextet = SEXTETS[usize::from(*character)];
            if sextet == NONE {
                return false;
            }
            bits = bits << 6 | u32::from(sextet);
        }
        bits <<= 6 * (4 - group.len());
        let bytes = &bits.to_be_bytes()[1..group.len()];
        if !bytes.iter().all(is_text) {
            return false;
        }
        out.extend_from_slice(bytes);
    }
    true
}

/// Tells a document by its lines: what files are sent as base64 through APIs of repositories and mail.
pub fn is_document(text: &[u8]) -> bool {
    let data = matches!(text.trim_ascii_start(), [b'{' | b'[' | b'<', ..]);
    !data
        && memchr::memchr_iter(b'\n', text.trim_ascii())
            .nth(1)
            .is_some()
}

/// Serialised objects of PHP hold null bytes.
fn is_text(byte: &u8) -> bool {
    !byte.is_ascii_control() || byte.is_ascii_whitespace() || *byte == 0
}

/// Undoes base64 as far as it goes, whatever comes of it. Shape: at most [`LONGEST`] characters.
pub fn bytes(value: &[u8]) -> Vec<u8> {
    let sextets = value.iter().take(LONGEST).map(|b| SEXTETS[usize::from(*b)]);
    let sextets: Vec<u8> = sextets.take_while(|sextet| *sextet != NONE).collect();
    let groups = sextets.chunks(4).flat_map(|group| {
        let bits = group.iter().fold(0u32, |bits, s| bits << 6 | u32::from(*s));
        let bits = bits << (6 * (4 - group.len()));
        bits.to_be_bytes().into_iter().skip(1).take(group.len() - 1)
    });
    groups.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_have_lines() {
        for (text, want) in [
            ("#!/bin/sh\nset -e\nexec node server.js\n", true),
            ("# README\n\nRun `make` & enjoy", true),
            ("x;id\n", false),
            ("{\n\"a\": 1\n}\n", false),
        ] {
            assert_eq!(is_document(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn tokens_are_found_behind_schemes() {
        for (value, want) in [
            ("Bearer eyJh.e30.c", Some(7..11)),
            ("bearer  eyJh.e30.c", Some(8..12)),
            ("Bearer\teyJh", Some(7..11)),
            ("Bearer \"eyJh.e30.c\"", Some(8..12)),
            ("Token token=eyJh.e30.c", Some(12..16)),
            ("eyJh.e30.c", Some(0..4)),
            ("Basic QWxheyJhYmM6", None),
            ("Bearer abc.eyXh", None),
            (
                "Digest username=\"a\", realm=\"a long one indeed\", nonce=eyJh",
                None,
            ),
        ] {
            assert_eq!(head_of_token(value.as_bytes()), want, "{value}");
        }
    }

    #[test]
    fn only_text_comes_out() {
        for (value, want) in [
            (
                "PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
                Some("<script>alert(1)</script>"),
            ),
            (
                "PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg",
                Some("<script>alert(1)</script>"),
            ),
            ("JyBvciAnMSc9JzEnIC0tID8_Pz8", Some("' or '1'='1' -- ????")),
            (
                " PHNjcmlwdD5hbGVy\r\ndCgxKTwvc2NyaXB0\r\n\tPg==\r\n",
                Some("<script>alert(1)</script>"),
            ),
            ("alpha beta\ngamma\ndelta", None),
            ("Hildegard\nBartholomew\nCharlotte\n", None),
            ("9f8b7c6d5e4f3a2b1c0d", None),
            ("2024-05-17T10-20-30Z", None),
            ("administrator-of-things", None),
            ("4f1c9e4b-7c1d-4b6a-9d55-0c6a1b2f3e4d", None),
            ("c2hvcnQ=", None),
            ("not base64 at all, is it", None),
        ] {
            let mut out = Vec::new();
            let got = undo(value.as_bytes(), value.contains('\n'), &mut out).then_some(out);
            let got = got.map(|out| String::from_utf8(out).unwrap());
            assert_eq!(got.as_deref(), want, "{value}");
        }
    }
}
