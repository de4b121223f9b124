//! An OpenAPI document, held against the operations that there are.

use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use threat_agent_engine::inspect::Part;
use threat_agent_engine::profile::{Api, ApiOperation, Name};

/// Operations that were met, as `(path, method)`, with the names of their query parameters.
pub type Met = BTreeMap<(String, String), BTreeSet<String>>;

/// How what is met and a document differ. Operations are written `GET /orders/{id}`.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Differences {
    /// Answered, and not in the document.
    pub shadow: Vec<String>,
    /// Deprecated, and still in use.
    pub zombie: Vec<String>,
    /// In the document, and never met.
    pub unused: Vec<String>,
    /// Parameters that the document does not name, by operation.
    pub parameters: Vec<String>,
}

impl Differences {
    /// Holds what was met against a document.
    pub fn of(api: &Api, met: &Met) -> Differences {
        let mut found = Differences::default();
        let mut used = BTreeSet::new();
        for ((path, method), parameters) in met {
            let shown = format!("{} {path}", method.to_ascii_uppercase());
            let Some(documented) = api.find(method, path) else {
                found.shadow.push(shown);
                continue;
            };
            let name = documented.title();
            if documented.deprecated && used.insert(name.clone()) {
                found.zombie.push(name.clone());
            }
            used.insert(name);
            let listed = |name: &str| {
                let name = Name::new(name.as_bytes());
                documented.expected(Part::Query, &name).is_some()
            };
            let unknown = parameters.iter().filter(|name| !listed(name));
            found
                .parameters
                .extend(unknown.map(|name| format!("{shown}: {name}")));
        }
        let all = api.operations().iter().map(ApiOperation::title);
        found.unused = all.filter(|o| !used.contains(o)).collect();
        found.unused.sort();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::learned::Learned;
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
            Differences::of(&Api::new(&document), &learned.met()),
            Differences {
                shadow: list("GET /v1/internal"),
                zombie: list("GET /v1/old"),
                unused: list("DELETE /v1/orders/{order}"),
                parameters: list("GET /v1/orders/{id}: debug"),
            }
        );
    }
}
