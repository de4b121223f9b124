//! Schemas of an OpenAPI document: what values are to look like, by the names that they have on the
//! wire.

use super::facts::{Facts, Traits};
use super::name::Name;
use super::shape::{Class, Shape};
use crate::inspect::Part;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Nesting of schemas, and references to references, that is followed.
const DEPTH: usize = 8;
/// Names that are read of one parameter or body.
const NAMES: usize = 512;
/// Stands for the senders of a document's facts.
pub(super) const DOCUMENTED: u8 = u8::MAX;

/// What a document says of a parameter; nothing where it may be anything.
pub(super) type Expected = BTreeMap<(u8, Name), Option<Facts>>;

/// Follows references within the document.
pub(super) fn followed<'d>(document: &'d Value, value: &'d Value) -> Option<&'d Value> {
    let mut value = value;
    for _ in 0..DEPTH {
        match value["$ref"].as_str() {
            Some(at) => value = document.pointer(at.strip_prefix('#')?)?,
            None => return Some(value),
        }
    }
    None
}

/// The schema of an object, if it is one's.
pub(super) fn object<'d>(document: &'d Value, schema: &'d Value) -> Option<&'d Value> {
    let is_object = |s: &Value| s["type"] == "object" || s["properties"].is_object();
    let schema = followed(document, schema)?;
    let all = schema["allOf"].as_array().map_or(&[][..], Vec::as_slice);
    let mut all = all.iter().filter_map(|s| followed(document, s));
    (is_object(schema) || all.any(is_object)).then_some(schema)
}

/// Tells whether an object may have properties that are not listed.
pub(super) fn is_free(object: &Value) -> bool {
    let more = &object["additionalProperties"];
    let listed = object["properties"].is_object() || object["allOf"].is_array();
    more == true || more.is_object() || !listed
}

/// Stands for all names in brackets behind a name: the name with the first bracket.
fn any_within(name: &str) -> Name {
    Name::new(format!("{name}[").as_bytes())
}

/// Finds what is said of a name, or of all that are in brackets behind one that it begins with.
pub(super) fn said_of<'e>(
    says: &'e Expected,
    part: Part,
    name: &Name,
) -> Option<&'e Option<Facts>> {
    let of = |name: Name| says.get(&(part as u8, name));
    of(*name).or_else(|| {
        let bytes = name.as_bytes();
        let mut ends = (0..bytes.len()).filter(|at| bytes[*at] == b'[');
        ends.find_map(|at| of(Name::text(&bytes[..=at])))
    })
}

/// Tells whether a parameter is a list that is written as one value.
pub(super) fn is_joined(
    document: &Value,
    parameter: &Value,
    schema: &Value,
    explode: bool,
) -> bool {
    let is_list = |s: &Value| s["items"].is_object() || s["type"] == "array";
    // Swagger 2 has no schema around it.
    let exploded = match &parameter["schema"] {
        Value::Null => parameter["collectionFormat"] == "multi",
        _ => explode,
    };
    !exploded && followed(document, schema).is_some_and(is_list)
}

/// A schema that is still to be read.
struct Next<'d> {
    schema: &'d Value,
    name: String,
    depth: usize,
    /// Whether it is the only one that a value may be of.
    is_only: bool,
}

/// Reads a schema, and those within it under names with points or brackets between.
/// Cost: each is read once under each name, however often a document comes back to it.
pub(super) fn schema(document: &Value, value: &Value, part: Part, name: &str, into: &mut Expected) {
    let (mut seen, mut found) = (BTreeSet::new(), Expected::new());
    let mut queue = VecDeque::from([Next {
        schema: value,
        name: name.to_owned(),
        depth: 0,
        is_only: true,
    }]);
    while let Some(next) = queue.pop_front() {
        let key = Name::new(next.name.as_bytes());
        let Some(schema) = followed(document, next.schema).filter(|_| found.len() < NAMES) else {
            continue;
        };
        if !seen.insert((std::ptr::from_ref(schema), key)) {
            continue;
        }
        let choices = choices(document, schema);
        let is_one = choices.len() == 1 && schema["type"].is_null();
        let is_list = schema["items"].is_object();
        if !next.name.is_empty() && !(next.is_only && (is_one || is_list)) {
            say(&mut found, (part as u8, key), schema, next.is_only);
        }
        let bracketed = part != Part::Json && !next.name.is_empty();
        if bracketed && object(document, schema).is_some_and(is_free) {
            found.insert((part as u8, any_within(&next.name)), None);
        }
        if next.depth + 1 >= DEPTH {
            continue;
        }
        let within = |schema, name, is_only| Next {
            schema,
            name,
            depth: next.depth + 1,
            is_only,
        };
        let is_only = next.is_only && is_one;
        queue.extend(
            choices
                .into_iter()
                .map(|c| within(c, next.name.clone(), is_only)),
        );
        if is_list {
            queue.push_back(within(&schema["items"], next.name.clone(), next.is_only));
        }
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            let name = match next.name.as_str() {
                "" => key.clone(),
                name if part == Part::Json => format!("{name}.{key}"),
                name => format!("{name}[{key}]"),
            };
            queue.push_back(within(property, name, true));
        }
    }
    into.extend(found);
}

/// Keeps what a schema says of a name. Where two say different things a value may be anything.
fn say(found: &mut Expected, key: (u8, Name), schema: &Value, is_only: bool) {
    let says = expected(schema).filter(|_| is_only);
    let kept = found.entry(key).or_insert(says);
    if *kept != says {
        *kept = None;
    }
}

/// The schemas that a value may, or is to, be of as well. None of them is that of null.
fn choices<'d>(document: &'d Value, schema: &'d Value) -> Vec<&'d Value> {
    let all = ["allOf", "anyOf", "oneOf"].map(|of| schema[of].as_array());
    let all = all.into_iter().flatten().flatten();
    all.filter(|c| followed(document, c).is_none_or(|c| c["type"] != "null"))
        .collect()
}

/// What a schema says of the form of a value: nothing of a string that may be any.
fn expected(schema: &Value) -> Option<Facts> {
    let examples: &[&str] = match (schema["type"].as_str()?, schema["format"].as_str()) {
        ("integer", _) => &["-7"],
        ("number", _) => &["-7", "4.25"],
        ("boolean", _) => &["true"],
        ("string", Some("uuid")) => &["0b1c9f6e-8d2a-4f7e-9a55-2f1c3b7e6d10"],
        ("string", Some("date")) => &["2026-11-23"],
        ("string", Some("date-time")) => &["2026-11-23T10:00:00+01:00", "2026-11-23T10:00:00Z"],
        ("string", _) => return words(schema),
        _ => return None,
    };
    // The length of a number or of a date says nothing.
    Some(facts(
        examples.iter().map(|e| Shape::of(e.as_bytes())),
        Some(40),
    ))
}

/// What a list of words says, or the longest length.
fn words(schema: &Value) -> Option<Facts> {
    if let Some(list) = schema["enum"].as_array() {
        let words = list.iter().filter_map(Value::as_str);
        return Some(facts(words.map(|w| Shape::of(w.as_bytes())), None));
    }
    let longest = schema["maxLength"].as_u64()?;
    let any = Shape {
        class: Class::Text,
        kinds: u16::MAX,
        length: 0,
    };
    let mut facts = facts([any].into_iter(), Some(longest as usize));
    facts.classes = Traits::counts(|_| u32::from(DOCUMENTED));
    Some(facts)
}

fn facts(shapes: impl Iterator<Item = Shape>, longest: Option<usize>) -> Facts {
    // What is no string has no form that could be held against it.
    let mut classes = 1u16 << Class::Scalar as u16 | 1 << Class::Empty as u16;
    let (mut kinds, mut length) = (0, 0);
    for shape in shapes {
        classes |= 1 << shape.class as u16;
        kinds |= shape.kinds;
        length = length.max(shape.length);
    }
    let all = |mask: u16| Traits::counts(|nth| u32::from(mask >> nth & 1) * u32::from(DOCUMENTED));
    Facts {
        classes: all(classes),
        kinds: all(kinds),
        sampled: DOCUMENTED,
        sources: u16::MAX,
        minutes: u32::MAX,
        longest: longest.map_or(length, Shape::length_bin),
        ..Facts::default()
    }
}
