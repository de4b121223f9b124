//! One condition in Kong's expression language, as Kong's own router evaluates it.

use crate::request::Request;
use atc_router::ast::{Type, Value};
use atc_router::context::Context;
use atc_router::router::Router;
use atc_router::schema::Schema;
use std::sync::LazyLock;
use uuid::Uuid;

/// The fields that an expression may name: Kong's own names where Kong has one.
static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let mut schema = Schema::default();
    for field in [
        "net.protocol",
        "http.method",
        "http.host",
        "http.path",
        "http.headers.*",
        "http.queries.*",
        "kong.consumer",
        "kong.route",
        "kong.service",
    ] {
        schema.add_field(field, Type::String);
    }
    schema.add_field("net.src.ip", Type::IpAddr);
    schema
});

/// A compiled condition.
pub struct Expression {
    router: Router<'static>,
    /// The fields that it reads: only these are collected per request.
    fields: Vec<String>,
}

impl Expression {
    /// Parses an expression. Errors: what the parser expected, and where.
    pub fn new(text: &str) -> Result<Expression, String> {
        // The parser recurses per bracket; deeper nesting than this has no honest use.
        let depth = text.bytes().scan(0u32, |depth, b| {
            match b {
                b'(' => *depth += 1,
                b')' => *depth = depth.saturating_sub(1),
                _ => {}
            }
            Some(*depth)
        });
        if depth.max().unwrap_or(0) > 32 {
            return Err("expected brackets nested at most 32 deep".to_owned());
        }
        let mut router = Router::new(&SCHEMA);
        router
            .add_matcher(0, Uuid::nil(), text)
            .map_err(|e| format!("expected an expression of Kong's language: {e}"))?;
        let fields = router.fields.keys().cloned().collect();
        Ok(Expression { router, fields })
    }

    /// Evaluates the expression. `path` is the normalised one.
    pub fn matches(&self, request: &Request, path: &str) -> bool {
        let mut context = Context::new(&SCHEMA);
        for field in &self.fields {
            collect(field, request, path, &mut context);
        }
        self.router.execute(&mut context)
    }
}

fn collect(field: &str, request: &Request, path: &str, context: &mut Context) {
    let mut add = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        context.add_value(field, Value::String(text));
    };
    let identity = &request.identity;
    if let Some(name) = field.strip_prefix("http.headers.") {
        request
            .header_lines()
            .filter(|(n, _)| same_header(n, name.as_bytes()))
            .for_each(|(_, value)| add(value));
        return;
    }
    if let Some(name) = field.strip_prefix("http.queries.") {
        queries(request.query)
            .filter(|(n, _)| n == name)
            .for_each(|(_, value)| add(value.as_bytes()));
        return;
    }
    match field {
        "net.protocol" => add(request.scheme),
        "http.method" => add(request.method),
        "http.host" => add(request.host),
        "http.path" => add(path.as_bytes()),
        "kong.consumer" => add(identity.consumer),
        "kong.route" => add(identity.route),
        "kong.service" => add(identity.service),
        "net.src.ip" => {
            if let Some(client) = identity.client {
                context.add_value(field, Value::IpAddr(client));
            }
        }
        // The schema admits no other field.
        _ => {}
    }
}

/// Expressions write header names in lower case with `_` for `-`, as Kong's router does.
fn same_header(name: &[u8], wanted: &[u8]) -> bool {
    name.len() == wanted.len()
        && name.iter().zip(wanted).all(|(n, w)| {
            let n = if *n == b'-' {
                b'_'
            } else {
                n.to_ascii_lowercase()
            };
            n == w.to_ascii_lowercase()
        })
}

fn queries(query: &[u8]) -> impl Iterator<Item = (String, String)> + '_ {
    query
        .split(|b| *b == b'&')
        .filter(|p| !p.is_empty())
        .map(|pair| {
            let mut halves = pair.splitn(2, |b| *b == b'=');
            let mut half = || super::path::decode_text(halves.next().unwrap_or_default());
            (half(), half())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request<'static> {
        let mut request = Request {
            method: b"POST",
            scheme: b"https",
            host: b"api.example",
            path: b"/v1/items",
            query: b"a=1&name=x%20y",
            headers: b"X-Debug: on\r\nUser-Agent: curl/8",
            ..Request::default()
        };
        request.identity.client = "192.0.2.7".parse().ok();
        request
    }

    #[test]
    fn conditions_hold_as_in_kong() {
        for (text, want) in [
            (r#"http.method == "POST""#, true),
            (
                r#"http.path ^= "/v1" && http.headers.x_debug == "on""#,
                true,
            ),
            (r#"http.path ~ "^/v[0-9]+/""#, true),
            (r#"http.queries.name == "x y""#, true),
            (r#"http.queries.missing == "1""#, false),
            ("net.src.ip in 192.0.2.0/24", true),
            ("net.src.ip in 198.51.100.0/24", false),
            (r#"lower(http.headers.user_agent) contains "curl""#, true),
            (r#"!(http.host == "api.example")"#, false),
        ] {
            let got = Expression::new(text)
                .unwrap()
                .matches(&request(), "/v1/items");
            assert_eq!(got, want, "{text}");
        }
    }

    #[test]
    fn bad_expressions_are_refused_with_the_place() {
        for text in [
            "",
            "http.method",
            "http.nosuch == \"a\"",
            "net.src.ip == \"a\"",
            "http.path ~ \"(\"",
        ] {
            assert!(Expression::new(text).is_err(), "{text}");
        }
        assert!(Expression::new(&"(".repeat(4096)).is_err());
    }
}
