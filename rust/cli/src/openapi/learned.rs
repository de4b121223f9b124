//! What a log teaches of an API: its operations, and the parameters of their queries.

use super::document::Met;
use serde_json::{json, Map, Value};
use std::collections::BTreeMap;
use threat_agent_engine::decode::percent;
use threat_agent_engine::profile::template;
use threat_agent_engine::rules::normalise;
use threat_agent_engine::Request;

/// Operations are told apart by method and template: what looks like an id is one `{id}`.
#[derive(Debug, Default)]
pub struct Learned {
    pub operations: BTreeMap<(String, String), Operation>,
}

#[derive(Debug, Default)]
pub struct Operation {
    pub requests: u64,
    pub parameters: BTreeMap<String, Parameter>,
}

/// What is known of the values of a parameter.
#[derive(Debug)]
pub struct Parameter {
    requests: u64,
    shortest: usize,
    longest: usize,
    integers: bool,
    booleans: bool,
    /// Bits of [`CLASSES`]; [`OTHER`] beyond.
    alphabet: u8,
}

/// A class of characters: as a regular expression's set writes it, and whether a byte is in it.
type Class = (&'static str, fn(u8) -> bool);

const CLASSES: [Class; 5] = [
    ("A-Z", |b| b.is_ascii_uppercase()),
    ("a-z", |b| b.is_ascii_lowercase()),
    ("0-9", |b| b.is_ascii_digit()),
    (" ", |b| b == b' '),
    ("._~,:-", |b| b"._~,:-".contains(&b)),
];
const OTHER: u8 = 1 << 7;

impl Learned {
    /// Takes a request in that was answered well.
    pub fn take(&mut self, request: &Request<'_>) {
        let method = String::from_utf8_lossy(request.method).to_ascii_lowercase();
        let key = (template(&normalise(request.path)), method);
        let operation = self.operations.entry(key).or_default();
        operation.requests += 1;
        for pair in request
            .query
            .split(|b| *b == b'&')
            .filter(|p| !p.is_empty())
        {
            let at = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
            let (name, value) = pair.split_at(at);
            let name = String::from_utf8_lossy(&decoded(name)).into_owned();
            let value = decoded(value.get(1..).unwrap_or_default());
            operation.parameters.entry(name).or_default().take(&value);
        }
    }

    /// The operations, to be held against a document.
    pub fn met(&self) -> Met {
        let all = self.operations.iter();
        all.map(|(key, operation)| (key.clone(), operation.parameters.keys().cloned().collect()))
            .collect()
    }

    /// Writes it as a document. Shape: OpenAPI 3.0.
    pub fn document(&self) -> Value {
        let mut paths: Map<String, Value> = Map::new();
        for ((path, method), operation) in &self.operations {
            let in_path = path.contains("{id}").then(|| {
                json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string"}})
            });
            let in_query = operation.parameters.iter().map(|(name, parameter)| {
                let required = parameter.requests == operation.requests;
                json!({"name": name, "in": "query", "required": required, "schema": parameter.schema()})
            });
            let parameters: Vec<Value> = in_path.into_iter().chain(in_query).collect();
            let methods = paths.entry(path.as_str()).or_insert_with(|| json!({}));
            if let Value::Object(methods) = methods {
                let described = json!({
                    "parameters": parameters,
                    "responses": {"default": {"description": "not learned"}},
                    "x-requests": operation.requests,
                });
                methods.insert(method.clone(), described);
            }
        }
        json!({
            "openapi": "3.0.3",
            "info": {"title": "Learned from a log", "version": "1"},
            "paths": paths,
        })
    }
}

impl Default for Parameter {
    fn default() -> Self {
        Parameter {
            requests: 0,
            shortest: usize::MAX,
            longest: 0,
            integers: true,
            booleans: true,
            alphabet: 0,
        }
    }
}

impl Parameter {
    fn take(&mut self, value: &[u8]) {
        self.requests += 1;
        self.shortest = self.shortest.min(value.len());
        self.longest = self.longest.max(value.len());
        let digits = value.strip_prefix(b"-").unwrap_or(value);
        self.integers &= (1..=18).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
        self.booleans &= matches!(value, b"true" | b"false");
        for byte in value {
            let class = CLASSES.iter().position(|(_, has)| has(*byte));
            self.alphabet |= class.map_or(OTHER, |nth| 1 << nth);
        }
    }

    fn schema(&self) -> Value {
        if self.booleans {
            return json!({"type": "boolean"});
        }
        if self.integers {
            return json!({"type": "integer"});
        }
        let mut schema = json!({
            "type": "string",
            "minLength": self.shortest,
            "maxLength": self.longest,
        });
        if self.alphabet & OTHER == 0 && self.longest > 0 {
            let classes = CLASSES.iter().enumerate();
            let held = classes.filter(|(nth, _)| self.alphabet >> nth & 1 == 1);
            let set: String = held.map(|(_, (set, _))| *set).collect();
            schema["pattern"] = json!(format!("^[{set}]*$"));
        }
        schema
    }
}

fn decoded(raw: &[u8]) -> Vec<u8> {
    let mut text = raw.to_vec();
    percent::undo(&mut text, true);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_lengths_and_alphabets_are_learned() {
        let mut learned = Learned::default();
        for (path, query) in [
            ("/orders/7", "page=1&q=shoes&all=true"),
            ("/orders/81", "page=22&q=Blue+shoes"),
            (
                "/orders/0b1c9f6e-8d2a-4f7e-9a55-2f1c3b7e6d10",
                "page=3&q=%C3%A9",
            ),
            ("/orders", ""),
        ] {
            learned.take(&Request {
                method: b"GET",
                path: path.as_bytes(),
                query: query.as_bytes(),
                ..Request::default()
            });
        }
        let document = learned.document();
        let order = &document["paths"]["/orders/{id}"]["get"];
        assert_eq!(order["x-requests"], 3);
        let schemas: Vec<(&str, bool, &Value)> = order["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| {
                (
                    p["name"].as_str().unwrap(),
                    p["required"] == true,
                    &p["schema"],
                )
            })
            .collect();
        assert_eq!(
            schemas,
            [
                ("id", true, &json!({"type": "string"})),
                ("all", false, &json!({"type": "boolean"})),
                ("page", true, &json!({"type": "integer"})),
                (
                    "q",
                    true,
                    &json!({"type": "string", "minLength": 2, "maxLength": 10})
                ),
            ]
        );
        assert!(document["paths"]["/orders"]["get"].is_object());
    }
}
