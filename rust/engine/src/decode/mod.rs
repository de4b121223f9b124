//! A request's values, each decoded once, with the place it came from.
//!
//! Path, query, headers, cookies and body are walked in this order; a [`Value`] is borrowed from
//! the request or from [`Scratch`] and lives for one call. What servers would still decode is
//! decoded to a fixed point ([`percent`]), and JSON within a value is walked one level down. A
//! budget bounds values and bytes: what lies beyond is counted, not looked at.
//! Base64 of text is undone twice, and once in such JSON, beside the value as it is ([`base64`]), references of HTML and
//! escapes of JSON once ([`respelled`]), encoded words of headers ([`encoded_word`]), and the literals
//! of a GraphQL document are values too ([`graphql`]).

pub mod base64;
mod body;
mod charset;
mod coding;
mod ebcdic;
mod encoded_word;
mod familiar;
mod graphql;
mod headers;
pub mod html;
pub mod json;
pub mod kind;
mod marked;
mod multipart;
mod names;
mod nested;
mod parameters;
pub mod percent;
mod pieces;
mod respelled;
mod sink;
mod url;
mod utf7;
pub mod xml;

pub use marked::Passage;
pub use pieces::Place;
pub use url::is_plain;

use crate::inspect::Part;
use crate::request::Request;
use crate::verdict::Uninspected;
use familiar::Familiar;
use sink::Sink;
use std::ops::Range;
use threat_agent_scan::{Marks, Seen};

/// Buffers above this size are given back after a request. Units: bytes.
const KEPT_BYTES: usize = 128 << 10;

/// One value, ready to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Value<'v> {
    pub part: Part,
    /// The name within the part, as the client sent it.
    pub name: &'v [u8],
    pub bytes: &'v [u8],
    /// The keys to it in a document that stands in its place; empty elsewhere.
    pub inner: &'v [u8],
    /// The kinds of byte in it (see [`kind`]).
    pub seen: Seen,
    /// Rounds of percent-decoding beyond what its place asks for: evasion, or a nested URL.
    pub extra_rounds: u8,
    /// Whether ASCII was spelled in overlong or full-width UTF-8.
    pub odd_utf8: bool,
}

impl<'v> Value<'v> {
    /// What else can be read in the same place.
    fn with<'w>(&self, bytes: &'w [u8], seen: Seen) -> Value<'w>
    where
        'v: 'w,
    {
        Value {
            bytes,
            seen,
            ..*self
        }
    }
}

/// What was not looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    pub why: Uninspected,
    /// Units: bytes.
    pub bytes: u64,
}

impl Gaps {
    fn add(&mut self, why: Uninspected, bytes: usize) {
        self.why.insert(why);
        self.bytes += bytes as u64;
    }
}

/// Memory that is reused between requests.
#[derive(Default)]
pub struct Scratch {
    text: Vec<u8>,
    lines: Vec<Marks>,
    familiar: Familiar,
    pairs: Vec<Marks>,
    token: Vec<u8>,
    outer: json::Scratch,
    inner: json::Scratch,
}

/// Looks at values.
pub trait Visitor {
    /// Tells whether a value is to be visited. Cheap, for most are not.
    fn wants(&self, value: &Value<'_>) -> bool;

    /// Tells by its marks whether nothing would come of a visit to a string of a document. `link` is
    /// where in the document the scheme and the host of a link stand that was settled; the links of a
    /// document mostly share them.
    fn is_settled(&self, passage: &Passage<'_, '_>, link: &mut Range<usize>) -> bool;

    fn visit(&mut self, value: &Value<'_>);

    /// Tells how often something came of a visit, where a line of the headers of which nothing came
    /// need not be visited again; none where it must be.
    fn noted(&self) -> Option<u32>;

    /// Tells what visits have cost so far. Units: steps.
    fn spent(&self) -> usize;

    /// Takes what visits cost that need not be made again, or nothing when there is less. Returns whether
    /// it was there. Units: steps.
    fn afford(&mut self, steps: usize) -> bool;

    /// Tells whether it looks no more at anything, so that nothing need be decoded for it.
    fn is_spent(&self) -> bool;

    /// Tells it that what follows, until the next time, is read in one value of the request, or in a piece
    /// of one.
    fn begin(&mut self, is_piece: bool);

    /// Tells whether another walk is to follow, and where it is to start.
    fn goes_on(&self) -> GoesOn;
}

/// Where a walk leaves the values to another one that it has not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoesOn {
    /// There is no other; what was not looked at is to be told.
    No,
    /// At the first piece of the value that it began last.
    InPieces,
    /// At the value, or the piece, that it began last.
    Within,
    /// At the first that it did not begin, if there is one.
    Behind,
}

/// A visitor of all values.
struct All<F>(F);

impl<F: FnMut(&Value<'_>)> Visitor for All<F> {
    fn wants(&self, _value: &Value<'_>) -> bool {
        true
    }

    fn is_settled(&self, _passage: &Passage<'_, '_>, _link: &mut Range<usize>) -> bool {
        false
    }

    fn visit(&mut self, value: &Value<'_>) {
        (self.0)(value);
    }

    fn noted(&self) -> Option<u32> {
        None
    }

    fn spent(&self) -> usize {
        0
    }

    fn afford(&mut self, _steps: usize) -> bool {
        true
    }

    fn is_spent(&self) -> bool {
        false
    }

    fn begin(&mut self, _is_piece: bool) {}

    fn goes_on(&self) -> GoesOn {
        GoesOn::No
    }
}

/// What came of a walk.
#[derive(Clone, Copy, Debug)]
pub struct Walked {
    pub gaps: Gaps,
    /// Values that there were, visited or not.
    pub values: u32,
    /// Where the next walk starts, if there is to be one.
    pub rest: Option<Place>,
}

/// Hands every value of a request to `visit`.
/// Cost: linear in the request; no allocation once the buffers have grown.
pub fn walk(request: &Request<'_>, scratch: &mut Scratch, visit: impl FnMut(&Value<'_>)) -> Gaps {
    walk_for(request, Place::default(), scratch, All(visit)).gaps
}

/// Hands a visitor what it wants of the values from a place on. Cost: as [`walk`].
pub fn walk_for(
    request: &Request<'_>,
    from: Place,
    scratch: &mut Scratch,
    visitor: impl Visitor,
) -> Walked {
    let Scratch {
        text,
        lines,
        familiar,
        pairs,
        token,
        outer,
        inner,
    } = scratch;
    if text.capacity() > KEPT_BYTES {
        *text = Vec::new();
    }
    for marks in [&mut *lines, &mut *pairs] {
        if marks.capacity() * size_of::<Marks>() > KEPT_BYTES {
            *marks = Vec::new();
        }
    }
    outer.trim(KEPT_BYTES);
    inner.trim(KEPT_BYTES);
    let mut sink = Sink::new(visitor, from, text, pairs, token, inner);
    sink.odd = [request.path, request.query, request.headers]
        .into_iter()
        .any(percent::may_be_odd);
    sink.encoded(Part::Path, b"", request.path, false);
    url::pairs(&mut sink, Part::Query, request.query);
    let notes = headers::walk(&mut sink, request, lines, familiar);
    body::walk(&mut sink, request, &notes, outer);
    sink.finish()
}

#[cfg(test)]
mod tests;
