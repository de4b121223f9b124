//! An OpenAPI document: the operations of an API, and what their parameters are to look like.

use super::facts::Facts;
use super::name::{is_id, Name};
use super::schema::{followed, is_free, is_joined, object, said_of, schema, Expected};
use crate::error::Error;
use crate::inspect::Part;
use serde_json::Value;

const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];
/// Stands for all names that are not listed.
const ANY: Name = Name::EMPTY;

/// The operations of a document.
#[derive(Clone, Debug, Default)]
pub struct Api {
    operations: Vec<ApiOperation>,
}

/// One operation.
#[derive(Clone, Debug)]
pub struct ApiOperation {
    /// Its path as a template, with what all of them begin with.
    pub path: String,
    /// In small letters.
    pub method: String,
    pub deprecated: bool,
    parameters: Expected,
}

impl Api {
    /// Reads a document's text.
    /// Errors: text that is no JSON, or has no `paths`.
    pub fn from_json(text: &str) -> Result<Api, Error> {
        let wrong = |problem: String| Error::field("payload.api_spec", problem);
        let document = serde_json::from_str::<Value>(text).map_err(|e| {
            wrong(format!(
                "expected an OpenAPI document as JSON ({e}); `yq -o json` makes one of YAML"
            ))
        })?;
        if !document["paths"].is_object() {
            let problem = "expected an OpenAPI 3 or Swagger 2 document, which has `paths`";
            return Err(wrong(problem.to_owned()));
        }
        Ok(Api::new(&document))
    }

    /// Reads what it understands of a document. Shape: OpenAPI 3 or Swagger 2.
    pub fn new(document: &Value) -> Api {
        let base = base_path(document);
        let mut operations = Vec::new();
        let none = serde_json::Map::new();
        for (path, item) in document["paths"].as_object().unwrap_or(&none) {
            let methods = METHODS.iter().filter_map(|m| Some((m, item.get(m)?)));
            for (method, operation) in methods {
                let mut parameters = Expected::new();
                for list in [&item["parameters"], &operation["parameters"]] {
                    listed(document, list, &mut parameters);
                }
                body(document, &operation["requestBody"], &mut parameters);
                operations.push(ApiOperation {
                    path: format!("{base}{path}"),
                    method: (*method).to_owned(),
                    deprecated: operation["deprecated"] == true,
                    parameters,
                });
            }
        }
        // Of two that fit, the one with fewer braces: `/users/me` before `/users/{id}`.
        operations.sort_by_key(|o| o.path.matches('{').count());
        Api { operations }
    }

    pub fn operations(&self) -> &[ApiOperation] {
        &self.operations
    }

    /// Finds the operation of a request. `path` is decoded and normalised.
    pub fn find(&self, method: &str, path: &str) -> Option<&ApiOperation> {
        let fits =
            |o: &&ApiOperation| o.method.eq_ignore_ascii_case(method) && is_path(&o.path, path);
        self.operations.iter().find(fits)
    }
}

impl ApiOperation {
    /// What a parameter is to look like: nothing for one that is not listed, and nothing within for
    /// one that may be anything.
    pub fn expected(&self, part: Part, name: &Name) -> Option<Option<&Facts>> {
        let any = || self.parameters.get(&(part as u8, ANY));
        let found = said_of(&self.parameters, part, name).or_else(any)?;
        Some(found.as_ref())
    }

    /// Writes it as `GET /orders/{id}`.
    pub fn title(&self) -> String {
        format!("{} {}", self.method.to_ascii_uppercase(), self.path)
    }
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

/// Reads a list of parameters.
fn listed(document: &Value, list: &Value, into: &mut Expected) {
    let list = list.as_array().map_or(&[][..], Vec::as_slice);
    for parameter in list.iter().filter_map(|p| followed(document, p)) {
        let part = match parameter["in"].as_str() {
            Some("query") => Part::Query,
            Some("cookie") => Part::Cookie,
            Some("formData") => Part::Form,
            Some("body") => {
                schema(document, &parameter["schema"], Part::Json, "", into);
                continue;
            }
            _ => continue,
        };
        // Swagger 2 has no schema around it.
        let own = match &parameter["schema"] {
            Value::Null => parameter,
            schema => schema,
        };
        let Some(name) = parameter["name"].as_str() else {
            continue;
        };
        let style = parameter["style"].as_str().unwrap_or("form");
        let explode = parameter["explode"].as_bool().unwrap_or(style == "form");
        match object(document, own) {
            // Its properties are parameters by themselves.
            Some(object) if style == "form" && explode => {
                schema(document, own, part, "", into);
                if is_free(object) {
                    into.insert((part as u8, ANY), None);
                }
            }
            // All of it is one value.
            Some(_) if style != "deepObject" => {
                into.insert((part as u8, Name::new(name.as_bytes())), None);
            }
            None if is_joined(document, parameter, own, explode) => {
                into.insert((part as u8, Name::new(name.as_bytes())), None);
            }
            _ => schema(document, own, part, name, into),
        }
    }
}

/// Reads a request's body.
fn body(document: &Value, body: &Value, into: &mut Expected) {
    let Some(body) = followed(document, body) else {
        return;
    };
    let none = serde_json::Map::new();
    for (kind, media) in body["content"].as_object().unwrap_or(&none) {
        let part = match kind.as_str() {
            kind if kind.contains("json") => Part::Json,
            kind if kind.contains("form") => Part::Form,
            _ => continue,
        };
        schema(document, &media["schema"], part, "", into);
    }
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

/// Writes a path with `{id}` for segments that look like ids.
pub fn template(path: &str) -> String {
    let word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let is_id = |s: &str| is_id(s.as_bytes()) && s.as_bytes().iter().all(word);
    let segments = path.split('/').map(|s| if is_id(s) { "{id}" } else { s });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::super::judge::{Need, Odds};
    use super::super::shape::Shape;
    use super::*;
    use serde_json::json;

    fn api() -> Api {
        let document = json!({
            "servers": [{"url": "https://api.example/v1/"}],
            "components": {
                "parameters": {"page": {"name": "page", "in": "query", "schema": {"type": "integer"}}},
                "schemas": {"user": {"properties": {"name": {"type": "string", "maxLength": 20}}}},
            },
            "paths": {
                "/orders/{order}": {
                    "parameters": [{"name": "sort", "in": "query",
                                    "schema": {"type": "string", "enum": ["asc", "desc"]}}],
                    "get": {"parameters": [{"$ref": "#/components/parameters/page"},
                                           {"name": "q", "in": "query", "schema": {"type": "string"}}]},
                    "post": {"requestBody": {"content": {"application/json": {"schema": {
                        "properties": {"users": {"items": {"$ref": "#/components/schemas/user"}}},
                    }}}}},
                },
                "/orders/new": {"get": {"deprecated": true}},
            },
        });
        Api::from_json(&document.to_string()).unwrap()
    }

    #[test]
    fn operations_are_found_by_method_and_path() {
        let api = api();
        let title = |method, path| api.find(method, path).map(ApiOperation::title);
        for (method, path, want) in [
            ("GET", "/v1/orders/7", Some("GET /v1/orders/{order}")),
            ("GET", "/v1/orders/new", Some("GET /v1/orders/new")),
            ("DELETE", "/v1/orders/7", None),
            ("GET", "/orders/7", None),
            ("GET", "/v1/orders/7/items", None),
        ] {
            assert_eq!(title(method, path).as_deref(), want, "{method} {path}");
        }
        assert!(api.find("GET", "/v1/orders/new").unwrap().deprecated);
    }

    #[test]
    fn schemas_say_what_a_value_is_to_look_like() {
        let api = api();
        let need = Need {
            sources: 1_000,
            minutes: 40_320,
        };
        let odd = |method, part, name: &str, value: &str| {
            let operation = api.find(method, "/v1/orders/7").unwrap();
            let facts = operation.expected(part, &Name::new(name.as_bytes()));
            let shape = Shape::of(value.as_bytes());
            let odds = Odds::of(facts.unwrap().unwrap(), &shape, 0, need);
            odds.oddity.map(|o| o.to_string())
        };
        let (query, json) = (Part::Query, Part::Json);
        for (method, part, name, value, want) in [
            ("GET", query, "page", "7", None),
            (
                "GET",
                query,
                "page",
                "1 or (1)",
                Some("has been an integer by the API's document; here a text with signs of a language with brackets"),
            ),
            ("GET", query, "sort", "desc", None),
            ("GET", query, "sort", "<b>", Some("")),
            ("POST", json, "users.name", "O'Brien", None),
            ("POST", json, "users.name", "Ada Ada Ada Ada Ada Ada Ada Ada Ada Ada Ada Ada", Some("")),
        ] {
            let got = odd(method, part, name, value);
            let same = want.is_none_or(|w| w.is_empty() || got.as_deref() == Some(w));
            assert!(got.is_some() == want.is_some() && same, "{name}={value}: {got:?}");
        }
        let free = api.find("GET", "/v1/orders/7").unwrap();
        assert!(free.expected(query, &Name::new(b"q")).unwrap().is_none());
        assert!(free.expected(query, &Name::new(b"debug")).is_none());
    }

    #[test]
    fn of_free_objects_and_lists_in_one_value_nothing_is_said() {
        let integers = json!({"type": "array", "items": {"type": "integer"}});
        let free = json!({"type": "object", "additionalProperties": {"type": "string"}});
        let shut = json!({"type": "object", "properties": {"a": {"type": "integer"}, "b": free}});
        // Whether the parameter is known, and whether anything is said of it.
        for (is_known, is_said, name, parameter) in [
            (
                true,
                false,
                "f[x]",
                json!({"style": "deepObject", "schema": free}),
            ),
            (
                true,
                false,
                "f[x][y]",
                json!({"style": "deepObject", "schema": free}),
            ),
            (
                false,
                false,
                "g[x]",
                json!({"style": "deepObject", "schema": free}),
            ),
            (
                true,
                true,
                "f[a]",
                json!({"style": "deepObject", "schema": shut}),
            ),
            (
                false,
                false,
                "f[x]",
                json!({"style": "deepObject", "schema": shut}),
            ),
            (
                true,
                false,
                "f[b][x]",
                json!({"style": "deepObject", "schema": shut}),
            ),
            (true, true, "f", json!({"schema": integers})),
            (
                true,
                false,
                "f",
                json!({"style": "pipeDelimited", "schema": integers}),
            ),
            (
                true,
                false,
                "f",
                json!({"explode": false, "schema": integers}),
            ),
            (
                true,
                true,
                "f",
                json!({"collectionFormat": "multi", "type": "array", "items": {"type": "integer"}}),
            ),
            (
                true,
                false,
                "f",
                json!({"collectionFormat": "pipes", "type": "array", "items": {"type": "integer"}}),
            ),
        ] {
            let mut parameter = parameter;
            parameter["name"] = json!("f");
            parameter["in"] = json!("query");
            let api = Api::new(&json!({"paths": {"/": {"get": {"parameters": [parameter]}}}}));
            let found = api.operations()[0].expected(Part::Query, &Name::new(name.as_bytes()));
            assert_eq!(found.is_some(), is_known, "{name} {parameter}");
            assert_eq!(found.flatten().is_some(), is_said, "{name} {parameter}");
        }
    }

    #[test]
    fn of_several_that_may_be_nothing_is_said() {
        let integer = json!({"type": "integer"});
        for (is_known, of) in [
            (true, json!({"anyOf": [integer, {"type": "null"}]})),
            (true, json!({"allOf": [integer]})),
            (true, json!({"type": "array", "items": integer})),
            (
                true,
                json!({"type": "array", "items": {"anyOf": [{"$ref": "#/integer"}]}}),
            ),
            (false, json!({"anyOf": [integer, {"type": "string"}]})),
            (false, json!({"oneOf": [{"type": "string"}, integer]})),
            (
                false,
                json!({"type": "array", "items": {"oneOf": [{"type": "string"}, integer]}}),
            ),
        ] {
            let of = json!({"properties": {"n": of}});
            let document = json!({
                "integer": integer,
                "paths": {"/": {"post": {"requestBody": {"content": {"application/json": {"schema": of}}}}}},
            });
            let api = Api::new(&document);
            let found = api.operations()[0].expected(Part::Json, &Name::new(b"n"));
            assert_eq!(found.unwrap().is_some(), is_known, "{of}");
        }
    }

    #[test]
    fn schemas_that_name_themselves_and_lengths_beyond_all_bounds_are_read_to_an_end() {
        let again = json!({ "$ref": "#/components/schemas/node" });
        let document = json!({
            "paths": { "/nodes": { "post": {
                "parameters": [
                    { "in": "query", "name": "q", "schema": { "type": "string", "maxLength": u64::MAX } },
                ],
                "requestBody": { "content": { "application/json": { "schema": again } } },
            } } },
            "components": { "schemas": { "node": {
                "anyOf": vec![again.clone(); 20],
                "properties": { "name": { "type": "string" } },
            } } },
        });
        let api = Api::new(&document);
        let operation = api.find("POST", "/nodes").unwrap();
        assert!(operation
            .expected(Part::Json, &Name::new(b"name"))
            .is_some());
        assert!(operation.expected(Part::Query, &Name::new(b"q")).is_some());
    }

    /// Objects come as their style says, which is how browsers and frameworks send them.
    #[test]
    fn objects_in_queries_and_forms_have_the_names_of_the_wire() {
        let status = json!({"type": "object", "properties": {"status": {"type": "integer"}}});
        let of = |name: &str, more: Value| {
            let mut parameter = json!({"name": name, "in": "query", "schema": status});
            for (key, value) in more.as_object().unwrap() {
                parameter[key] = value.clone();
            }
            parameter
        };
        let api = |parameter: Value| {
            let body = json!({"content": {"application/x-www-form-urlencoded": {"schema":
                {"properties": {"user": {"properties": {"name": {"type": "integer"}}}}}}}});
            Api::new(&json!({"paths": {"/a": {"post":
                {"parameters": [parameter], "requestBody": body}}}}))
        };
        let has = |api: &Api, part: Part, sent: &str| {
            let operation = api.find("POST", "/a").unwrap();
            let name = Name::sent(part, sent.as_bytes());
            operation.expected(part, &name).map(|facts| facts.is_some())
        };
        let deep = api(of(
            "filter",
            json!({"style": "deepObject", "explode": true}),
        ));
        let exploded = api(of("filter", json!({})));
        let one = api(of("filter", json!({"explode": false})));
        let free = api(of("filter", json!({"schema": {"type": "object"}})));
        for (api, sent, want) in [
            (&deep, "filter%5Bstatus%5D", Some(true)),
            (&deep, "filter[status]", Some(true)),
            (&deep, "status", None),
            (&exploded, "status", Some(true)),
            (&exploded, "filter", None),
            (&one, "filter", Some(false)),
            (&one, "status", None),
            (&free, "anything", Some(false)),
        ] {
            assert_eq!(has(api, Part::Query, sent), want, "{sent}");
        }
        assert_eq!(has(&deep, Part::Form, "user%5Bname%5D"), Some(true));
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for text in ["", "openapi: 3.0.0", "[]", "{\"openapi\": \"3.0.0\"}"] {
            let problem = Api::from_json(text).unwrap_err().to_string();
            assert!(
                problem.starts_with("payload.api_spec: expected an OpenAPI"),
                "{problem}"
            );
        }
    }
}
