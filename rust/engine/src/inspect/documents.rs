//! Where in a document a value stands.

use super::Part;
use crate::decode::Value;

/// Objects around a field from which on it counts as deep.
const DEEP: usize = 3;

/// Tells a field so deep in a document that it is no parameter: descriptions of machines and of work go
/// so deep, and their files and names are their own.
pub fn is_deep(value: &Value<'_>) -> bool {
    value.part == Part::Json && memchr::memchr_iter(b'.', value.name).count() >= DEEP
}
