//! Where in a request something was found.

use std::fmt;

/// Longest name that is kept, and longest text that is shown. Units: bytes.
pub const MAX_BYTES: usize = 64;

/// The part of a request that a value came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    #[default]
    Path,
    Query,
    Header,
    Cookie,
    Form,
    /// The name of an uploaded file.
    File,
    Json,
    Body,
}

impl Part {
    pub const ALL: [Part; 8] = [
        Part::Path,
        Part::Query,
        Part::Header,
        Part::Cookie,
        Part::Form,
        Part::File,
        Part::Json,
        Part::Body,
    ];

    /// Names the part as logs do.
    pub fn name(self) -> &'static str {
        match self {
            Part::Path => "path",
            Part::Query => "query",
            Part::Header => "header",
            Part::Cookie => "cookie",
            Part::Form => "form",
            Part::File => "file",
            Part::Json => "json",
            Part::Body => "body",
        }
    }
}

/// A part and the name within it: `query.q`, `json.user.name`, `path`. The name is the client's,
/// so it is escaped and cut when shown. Cost: a copy of at most 64 bytes, no allocation.
#[derive(Clone, Copy)]
pub struct Location {
    part: Part,
    length: u8,
    name: [u8; MAX_BYTES],
}

impl Location {
    /// Keeps the first 64 bytes of `name`.
    pub fn new(part: Part, name: &[u8]) -> Location {
        let mut kept = [0; MAX_BYTES];
        let length = name.len().min(MAX_BYTES);
        kept[..length].copy_from_slice(&name[..length]);
        Location {
            part,
            length: length as u8,
            name: kept,
        }
    }

    /// Tells the part of the request.
    pub fn part(&self) -> Part {
        self.part
    }

    /// Tells the name within the part, as the client sent it; empty when there is none.
    pub fn name(&self) -> &[u8] {
        &self.name[..usize::from(self.length)]
    }
}

impl PartialEq for Location {
    fn eq(&self, other: &Location) -> bool {
        self.part == other.part && self.name() == other.name()
    }
}

impl Eq for Location {}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({self})")
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = self.part.name();
        f.write_str(part)?;
        if self.length == 0 {
            return Ok(());
        }
        f.write_str(".")?;
        let mut room = MAX_BYTES - part.len() - 1;
        let lower = self.part == Part::Header;
        for chunk in self.name().utf8_chunks() {
            for c in chunk.valid().chars() {
                let c = if lower { c.to_ascii_lowercase() } else { c };
                if c.is_control() {
                    escaped(f, &mut room, c.escape_default())?;
                } else {
                    escaped(f, &mut room, std::iter::once(c))?;
                }
            }
            for byte in chunk.invalid() {
                escaped(f, &mut room, byte.escape_ascii().map(char::from))?;
            }
        }
        Ok(())
    }
}

/// Writes one escaped character whole, or closes the room so that nothing follows a cut.
fn escaped(
    f: &mut fmt::Formatter<'_>,
    room: &mut usize,
    chars: impl Iterator<Item = char> + Clone,
) -> fmt::Result {
    let bytes: usize = chars.clone().map(char::len_utf8).sum();
    if bytes > *room {
        *room = 0;
        return Ok(());
    }
    *room -= bytes;
    for c in chars {
        fmt::Write::write_char(f, c)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_as_operators_expect() {
        for (part, name, want) in [
            (Part::Query, &b"q"[..], "query.q"),
            (Part::Json, b"user.name", "json.user.name"),
            (Part::Header, b"Referer", "header.referer"),
            (Part::Path, b"", "path"),
            (Part::Body, b"", "body"),
            (Part::Query, b"a\r\nb\x00\xff", "query.a\\r\\nb\\u{0}\\xff"),
            (Part::Form, "caf\u{e9}".as_bytes(), "form.caf\u{e9}"),
        ] {
            assert_eq!(Location::new(part, name).to_string(), want);
        }
    }

    #[test]
    fn all_parts_are_listed() {
        // In their order: a part that is added and not listed moves the others.
        for (nth, part) in Part::ALL.into_iter().enumerate() {
            assert_eq!(part as usize, nth);
        }
        assert_eq!(Part::Body as usize + 1, Part::ALL.len());
    }

    #[test]
    fn never_longer_than_64_bytes() {
        for byte in [b'a', 0, 0xff, b'\n'] {
            let shown = Location::new(Part::Query, &[byte; 300]).to_string();
            assert!(shown.len() <= MAX_BYTES, "{shown}");
        }
        let cut = Location::new(Part::Query, "\u{e9}".repeat(50).as_bytes()).to_string();
        assert!(cut.len() <= MAX_BYTES, "{cut}");
    }
}
