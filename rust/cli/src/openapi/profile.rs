//! What a node has learned of its routes' payloads, as an OpenAPI document.

use super::document::Met;
use serde_json::{json, Map, Value};
use threat_agent_engine::profile::{
    Class, Facts, SavedParameter, SavedProfiles, SavedRoute, Shape,
};

/// How a node's file begins.
pub const START: &[u8] = b"{\"format\":\"threat-agent-profile\"";
/// Senders who must have shown a parameter for it to be written down.
const SENDERS: u8 = 2;
/// Changes of sender from which an operation is no single client's.
const CHANGES: u32 = 2;

/// The operations that several senders asked for and the upstream answered well.
pub fn met(saved: &SavedProfiles) -> Met {
    let mut met = Met::new();
    for route in &saved.routes {
        for (method, path) in operations(route) {
            let names = known(route).filter(|p| p.part == "query");
            let names = names.map(|p| p.name.clone());
            met.entry((path.to_owned(), method.to_ascii_lowercase()))
                .or_default()
                .extend(names);
        }
    }
    // A profile knows the parameters of a route, not which operation has them.
    for names in met.values_mut() {
        names.retain(|name| !name.contains('*'));
    }
    met
}

/// Writes the document. Parameters are a route's: each of its operations has them all.
/// Shape: OpenAPI 3.0.
pub fn document(saved: &SavedProfiles) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in &saved.routes {
        for (method, path) in operations(route) {
            let in_path = path.contains("{id}").then(|| {
                json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string"}})
            });
            let listed = known(route).filter(|p| matches!(p.part.as_str(), "query" | "cookie"));
            let listed = listed.map(|p| {
                json!({"name": p.name, "in": p.part, "schema": schema(&p.facts()),
                       "x-senders": p.facts().sources})
            });
            let parameters: Vec<Value> = in_path.into_iter().chain(listed).collect();
            let mut described = json!({
                "parameters": parameters,
                "responses": {"default": {"description": "not learned"}},
                "x-route": route.route,
            });
            if matches!(method, "POST" | "PUT" | "PATCH") {
                if let Some(body) = body(route) {
                    described["requestBody"] = body;
                }
            }
            let methods = paths.entry(path).or_insert_with(|| json!({}));
            if let Value::Object(methods) = methods {
                methods.insert(method.to_ascii_lowercase(), described);
            }
        }
    }
    json!({
        "openapi": "3.0.3",
        "info": {"title": "Learned by a gateway", "version": "1"},
        "paths": paths,
    })
}

fn operations(route: &SavedRoute) -> impl Iterator<Item = (&str, &str)> {
    let several = route.operations.iter();
    let several = several.filter(|o| o.operation.changes >= CHANGES);
    several.filter_map(|o| o.name.split_once(' '))
}

fn known(route: &SavedRoute) -> impl Iterator<Item = &SavedParameter> {
    let parameters = route.parameters.iter();
    parameters.filter(|p| p.facts().sampled >= SENDERS)
}

fn body(route: &SavedRoute) -> Option<Value> {
    let mut content = Map::new();
    for (part, kind) in [
        ("json", "application/json"),
        ("form", "application/x-www-form-urlencoded"),
    ] {
        let mut object = json!({"type": "object"});
        let mut any = false;
        for parameter in known(route).filter(|p| p.part == part) {
            insert(&mut object, &parameter.name, schema(&parameter.facts()));
            any = true;
        }
        if any {
            content.insert(kind.to_owned(), json!({"schema": object}));
        }
    }
    (!content.is_empty()).then(|| json!({"content": content}))
}

/// Puts the schema of `user.name` into that of `user`.
fn insert(object: &mut Value, name: &str, schema: Value) {
    match name.split_once('.') {
        Some((outer, inner)) => {
            let outer = &mut object["properties"][outer];
            if outer["type"] != "object" {
                *outer = json!({"type": "object"});
            }
            insert(outer, inner, schema);
        }
        None => {
            let known = &mut object["properties"][name];
            if known.is_null() {
                *known = schema;
            }
        }
    }
}

fn schema(facts: &Facts) -> Value {
    let shown = |class: &Class| facts.classes.count(*class as usize) > 0;
    let held: Vec<Class> = Class::ALL.into_iter().filter(shown).collect();
    let only = |classes: &[Class]| !held.is_empty() && held.iter().all(|c| classes.contains(c));
    if only(&[Class::Scalar]) {
        return json!({});
    }
    if only(&[Class::Integer]) {
        return json!({"type": "integer"});
    }
    if only(&[Class::Integer, Class::Number]) {
        return json!({"type": "number"});
    }
    if only(&[Class::Boolean]) {
        return json!({"type": "boolean"});
    }
    let longest = Shape::longest(facts.longest);
    let mut schema = json!({"type": "string", "maxLength": longest});
    let format = match held[..] {
        [Class::Uuid] => "uuid",
        [Class::Date] => "date-time",
        [Class::Email] => "email",
        _ => return schema,
    };
    schema["format"] = json!(format);
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_points_are_objects_within() {
        let mut object = json!({"type": "object"});
        insert(&mut object, "user.name", json!({"type": "string"}));
        insert(&mut object, "user.id", json!({"type": "integer"}));
        insert(&mut object, "q", json!({"type": "string"}));
        assert_eq!(
            object["properties"]["user"]["properties"]["id"]["type"],
            "integer"
        );
        assert_eq!(object["properties"]["q"]["type"], "string");
    }
}
