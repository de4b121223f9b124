//! Where in a document a value stands.

use super::Part;
use crate::decode::Value;
use memchr::memmem;

/// Objects around a field from which on it counts as deep.
const DEEP: usize = 3;

/// Tells a field so deep in a document that it is no parameter: descriptions of machines and of work go
/// so deep, and their files and names are their own.
pub fn is_deep(value: &Value<'_>) -> bool {
    value.part == Part::Json && memchr::memchr_iter(b'.', value.name).count() >= DEEP
}

/// Tells a field of a structured document: a member of JSON, an element or attribute of XML.
pub fn is_field(value: &Value<'_>) -> bool {
    let tag = !value.name.is_empty() && !matches!(value.name, b"DOCTYPE" | b"?");
    value.part == Part::Json || value.part == Part::Body && tag
}

/// Tells an instruction of XML that names a style sheet of CSS, which nothing is transformed by. Shape: what
/// stands behind `<?xml-stylesheet`.
///
/// Source: Associating Style Sheets with XML documents 1.0 (pseudo-attributes).
pub fn names_css(instruction: &[u8]) -> bool {
    let end = memmem::find(instruction, b"?>").unwrap_or(instruction.len());
    let inside = instruction[..end].to_ascii_lowercase();
    let has = |word: &[u8]| memmem::find(&inside, word).is_some();
    let others: [&[u8]; 4] = [b"xsl", b"script", b"data:", b"text/xml"];
    has(b"text/css") && !others.iter().any(|word| has(word))
}

/// Ends of the names under which documents hold a program: cells of a notebook, functions of a cloud's
/// template, steps of a workflow.
const PROGRAMS: [&[u8]; 5] = [
    b"cells.source",
    b"Code.ZipFile",
    b"Properties.InlineCode",
    b"parameters.functionCode",
    b"parameters.jsCode",
];

/// Tells a field that holds a program, or a line of it, which is the document's to run.
pub fn holds_program(value: &Value<'_>) -> bool {
    let step = || is_deep(value) && value.name.ends_with(b"script.source");
    value.part == Part::Json && (PROGRAMS.iter().any(|end| value.name.ends_with(end)) || step())
}

/// Tells a line, or less, of markup that the document puts together: what a notebook shows, and pieces of a
/// file in a cloud's template.
pub fn holds_piece(value: &Value<'_>) -> bool {
    is_deep(value)
        && (value.name.ends_with(b".data.text/html") || value.name.ends_with(b"Fn::Join"))
}
