//! An OpenAPI document, as far as a log can be held against it.

use super::learned::Learned;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// The operations of a document.
#[derive(Debug, Default)]
pub struct Document {
    operations: Vec<Documented>,
}

#[derive(Debug)]
struct Documented {
    path: String,
    method: String,
    deprecated: bool,
    /// Names of parameters in the query.
    parameters: BTreeSet<String>,
}

/// How a log and a document differ. Operations are written `GET /orders/{id}`.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Differences {
    /// Answered, and not in the document.
    pub shadow: Vec<String>,
    /// Deprecated, and still in use.
    pub zombie: Vec<String>,
    /// In the document, and not in the log.
    pub unused: Vec<String>,
    /// Parameters that the document does not name, by operation.
    pub parameters: Vec<String>,
}

impl Document {
    /// Reads what it understands of a document. Shape: OpenAPI 3 or Swagger 2, JSON.
    pub fn new(document: &Value) -> Document {
        let base = base_path(document);
        let mut operations = Vec::new();
        let none = serde_json::Map::new();
        for (path, item) in document["paths"].as_object().unwrap_or(&none) {
            let shared = names(document, &item["parameters"]);
            let methods = METHODS.iter().filter_map(|m| Some((m, item.get(m)?)));
            for (method, operation) in methods {
                let mut parameters = names(document, &operation["parameters"]);
                parameters.extend(shared.iter().cloned());
                operations.push(Documented {
                    path: format!("{base}{path}"),
                    method: (*method).to_owned(),
                    deprecated: operation["deprecated"] == true,
                    parameters,
                });
            }
        }
        Document { operations }
    }

    /// Holds what was learned from a log against it.
    pub fn compare(&self, learned: &Learned) -> Differences {
        let mut found = Differences::default();
        let mut used = BTreeSet::new();
        for ((path, method), operation) in &learned.operations {
            let shown = show(method, path);
            let fits = |o: &&Documented| o.method == *method && is_path(&o.path, path);
            let Some(documented) = self.operations.iter().find(fits) else {
                found.shadow.push(shown);
                continue;
            };
            let name = show(&documented.method, &documented.path);
            if documented.deprecated && used.insert(name.clone()) {
                found.zombie.push(name.clone());
            }
            used.insert(name);
            let unknown = operation.parameters.keys();
            let unknown = unknown.filter(|name| !documented.parameters.contains(*name));
            found
                .parameters
                .extend(unknown.map(|name| format!("{shown}: {name}")));
        }
        let all = self.operations.iter().map(|o| show(&o.method, &o.path));
        found.unused = all.filter(|o| !used.contains(o)).collect();
        found
    }
}

fn show(method: &str, path: &str) -> String {
    format!("{} {path}", method.to_ascii_uppercase())
}

/// The path that all operations begin with: of the first server, or Swagger's `basePath`.
fn base_path(document: &Value) -> String {
    let server = document["servers"][0]["url"].as_str().unwrap_or_default();
    let path = match server.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |at| &rest[at..]),
        None => server,
    };
    let base = document["basePath"].as_str().unwrap_or(path);
    base.trim_end_matches('/').to_owned()
}

/// Names of the parameters in the query, references followed.
fn names(document: &Value, parameters: &Value) -> BTreeSet<String> {
    let list = parameters.as_array().map_or(&[][..], Vec::as_slice);
    let followed = list
        .iter()
        .filter_map(|parameter| match parameter["$ref"].as_str() {
            Some(at) => document.pointer(at.strip_prefix('#')?),
            None => Some(parameter),
        });
    let in_query = followed.filter(|p| p["in"] == "query");
    in_query
        .filter_map(|p| p["name"].as_str().map(str::to_owned))
        .collect()
}

/// Tells whether a path is one of a template's: what stands in braces is any segment.
fn is_path(template: &str, path: &str) -> bool {
    let (mut wanted, mut got) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), got.next()) {
            (None, None) => return true,
            (Some(wanted), Some(got)) if wanted == got || wanted.contains('{') => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use threat_agent_engine::Request;

    #[test]
    fn shadow_zombie_and_unused_operations_are_listed() {
        let document = json!({
            "servers": [{"url": "https://api.example/v1/"}],
            "components": {"parameters": {"page": {"name": "page", "in": "query"}}},
            "paths": {
                "/orders/{order}": {
                    "parameters": [{"name": "lang", "in": "query"}],
                    "get": {"parameters": [{"$ref": "#/components/parameters/page"}]},
                    "delete": {},
                },
                "/old": {"get": {"deprecated": true}},
            },
        });
        let mut learned = Learned::default();
        for (path, query) in [
            ("/v1/orders/7", "page=1&lang=en&debug=1"),
            ("/v1/orders/8", ""),
            ("/v1/old", ""),
            ("/v1/internal", ""),
        ] {
            learned.take(&Request {
                method: b"GET",
                path: path.as_bytes(),
                query: query.as_bytes(),
                ..Request::default()
            });
        }
        let list = |text: &str| vec![text.to_owned()];
        assert_eq!(
            Document::new(&document).compare(&learned),
            Differences {
                shadow: list("GET /v1/internal"),
                zombie: list("GET /v1/old"),
                unused: list("DELETE /v1/orders/{order}"),
                parameters: list("GET /v1/orders/{id}: debug"),
            }
        );
    }
}
