//! Content codings: gzip and deflate are undone, up to a cap, so that a small body cannot grow
//! beyond what a request may cost.
//!
//! Source: RFC 9110, section 8.4.1; servers also take deflate without its zlib frame.

use crate::request::Request;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use std::io::Read;

/// Most bytes that a body is inflated to. Units: bytes.
const INFLATED: usize = 128 << 10;
/// Most codings that are undone one after the other; nobody sends more.
const LAYERS: usize = 2;

/// Codings that are known and not undone.
const OTHERS: [&[u8]; 8] = [
    b"aes128gcm",
    b"br",
    b"compress",
    b"dcb",
    b"dcz",
    b"exi",
    b"x-compress",
    b"zstd",
];

/// What came of undoing a body's codings.
pub struct Inflated {
    pub text: Vec<u8>,
    pub end: End,
}

/// How inflating ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All of it, and nothing behind it.
    Whole,
    /// There is more than the cap.
    Cut,
    /// It breaks off, or something else follows.
    Broken,
}

/// What a Content-Encoding asks for.
#[derive(Clone, Copy, PartialEq)]
enum Coding {
    Gzip,
    Deflate,
    Other,
}

/// Lists the codings that are known, in the order in which they were applied. A made-up one
/// changes nothing.
fn codings<'r>(request: &Request<'r>) -> impl Iterator<Item = Coding> + use<'r> {
    request
        .headers_named(b"Content-Encoding")
        .flat_map(|value| value.split(|b| *b == b','))
        .filter_map(|coding| {
            let coding = coding.trim_ascii();
            let is = |name: &[u8]| coding.eq_ignore_ascii_case(name);
            match () {
                () if is(b"gzip") || is(b"x-gzip") => Some(Coding::Gzip),
                () if is(b"deflate") => Some(Coding::Deflate),
                () if OTHERS.iter().any(|other| is(other)) => Some(Coding::Other),
                () => None,
            }
        })
}

/// Tells whether a known coding is named.
pub fn is_named(request: &Request<'_>) -> bool {
    codings(request).next().is_some()
}

/// Undoes the codings of a body; `None` when there is one that is not undone, or nothing comes of
/// it. Cost: linear in the body and in what it is inflated to, which is at most 128 KiB a layer.
pub fn undo(request: &Request<'_>, body: &[u8]) -> Option<Inflated> {
    let mut layers = [Coding::Other; LAYERS];
    let mut count = 0;
    for coding in codings(request) {
        *layers.get_mut(count)? = coding;
        count += 1;
    }
    let mut out: Option<Inflated> = None;
    for coding in layers[..count].iter().rev() {
        let (packed, before) = match &out {
            Some(inflated) => (inflated.text.as_slice(), inflated.end),
            None => (body, End::Whole),
        };
        let (text, end) = inflate(*coding, packed)?;
        let end = if end == End::Whole { before } else { end };
        out = Some(Inflated { text, end });
    }
    out
}

fn inflate(coding: Coding, packed: &[u8]) -> Option<(Vec<u8>, End)> {
    match coding {
        Coding::Gzip => {
            let mut reader = MultiGzDecoder::new(packed);
            read(&mut reader, |_| true)
        }
        Coding::Deflate => {
            let mut reader = ZlibDecoder::new(packed);
            let all = packed.len() as u64;
            read(&mut reader, |reader| reader.total_in() == all).or_else(|| {
                let mut reader = DeflateDecoder::new(packed);
                read(&mut reader, |reader| reader.total_in() == all)
            })
        }
        Coding::Other => None,
    }
}

/// Reads up to the cap. `used` tells whether a reader has taken in all that there is.
fn read<R: Read>(reader: &mut R, used: impl Fn(&R) -> bool) -> Option<(Vec<u8>, End)> {
    let mut text = Vec::new();
    let whole = reader.take(INFLATED as u64 + 1).read_to_end(&mut text);
    let end = match whole {
        _ if text.len() > INFLATED => End::Cut,
        Ok(_) if used(reader) => End::Whole,
        _ => End::Broken,
    };
    text.truncate(INFLATED);
    (!text.is_empty()).then_some((text, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use flate2::Compression;
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut writer = GzEncoder::new(Vec::new(), Compression::best());
        writer.write_all(text).unwrap();
        writer.finish().unwrap()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut writer = ZlibEncoder::new(Vec::new(), Compression::default());
        writer.write_all(text).unwrap();
        writer.finish().unwrap()
    }

    fn deflate(text: &[u8]) -> Vec<u8> {
        let mut writer = DeflateEncoder::new(Vec::new(), Compression::default());
        writer.write_all(text).unwrap();
        writer.finish().unwrap()
    }

    fn undone(coding: &str, body: &[u8]) -> Option<(Vec<u8>, End)> {
        let headers = format!("Content-Encoding: {coding}\r\n");
        let request = Request {
            headers: headers.as_bytes(),
            ..Request::default()
        };
        undo(&request, body).map(|i| (i.text, i.end))
    }

    #[test]
    fn codings_are_undone() {
        let text = b"a=' or 1=1".as_slice();
        let whole = Some((text.to_vec(), End::Whole));
        for (coding, body) in [
            ("gzip", gzip(text)),
            ("X-GZIP", gzip(text)),
            ("made-up, gzip", gzip(text)),
            ("deflate", zlib(text)),
            ("deflate", deflate(text)),
            ("deflate, gzip", gzip(&zlib(text))),
            ("gzip", [gzip(b"a=' or"), gzip(b" 1=1")].concat()),
        ] {
            assert_eq!(undone(coding, &body), whole, "{coding}");
        }
        assert_eq!(undone("br", &gzip(text)), None);
        assert_eq!(undone("gzip", text), None);
        assert_eq!(undone("gzip, gzip, gzip", &gzip(text)), None);
        let followed = [zlib(text), b"more".to_vec()].concat();
        let broken = Some((text.to_vec(), End::Broken));
        assert_eq!(undone("deflate", &followed), broken);
        let followed = [gzip(text), b"more".to_vec()].concat();
        assert_eq!(undone("gzip", &followed), broken);
    }

    #[test]
    fn bombs_stop_at_the_cap() {
        let bomb = gzip(&vec![b'a'; 64 << 20]);
        assert!(bomb.len() < INFLATED);
        let (text, end) = undone("gzip", &bomb).unwrap();
        assert_eq!((text.len(), end), (INFLATED, End::Cut));
        let (text, end) = undone("gzip, gzip", &gzip(&bomb)).unwrap();
        assert_eq!((text.len(), end), (INFLATED, End::Cut));
    }
}
