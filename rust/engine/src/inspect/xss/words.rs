//! The words by which short values are judged, searched for in one pass.

use crate::inspect::needles::{place, Needles, Spots};

/// What is looked for in short values, in lower case.
const WORDS: [&[u8]; 40] = [
    b"alert",
    b"confirm",
    b"prompt",
    b"document.",
    b"string.fromcharcode",
    b"eval",
    b"window",
    b"self",
    b"top",
    b"parent",
    b"this",
    b"document)",
    b"document",
    b"frames",
    b"globalthis",
    b".constructor(",
    b"constructor.constructor",
    b".tostring(3",
    b"createelement('script",
    b"createelement(\"script",
    b"createelement(`script",
    b"src",
    b"document.body.innerhtml=",
    b"+document.cookie",
    b"reflect.",
    b"=eval",
    b"=alert",
    b"=prompt",
    b"=confirm",
    b"throw",
    b"\xbcscript",
    b"-moz-binding",
    b"url(",
    b"data:text/html",
    b"alert(document.",
    b"=&{",
    b"+adw-",
    b"adw-script",
    b"+ad4-",
    b"script",
];
static NEEDLES: Needles<{ WORDS.len() }> = Needles::any_case(WORDS);
/// Where they stand in a value.
pub type Found<'t> = Spots<'t, { WORDS.len() }>;

/// A word's place among [`WORDS`].
pub const fn word(word: &[u8]) -> usize {
    place(&WORDS, word)
}

/// Searches a value for all of them.
pub fn spot(text: &[u8]) -> Found<'_> {
    NEEDLES.spot(text)
}
