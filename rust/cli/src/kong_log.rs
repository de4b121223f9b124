//! Lines that Kong's file-log and http-log plugins write, as far as a replay needs them.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use threat_agent_engine::request::{canonical_ip, Source};
use threat_agent_engine::{Body, Identity, Outcome, Request, Uninspected};

/// One logged request. Fields that are not known are passed over.
#[derive(Debug, Deserialize)]
pub struct Entry {
    request: Sent,
    #[serde(default)]
    response: Answer,
    #[serde(default)]
    latencies: Latencies,
    #[serde(default)]
    pub client_ip: String,
    /// Units: milliseconds since 1970.
    pub started_at: u64,
    #[serde(default)]
    route: Option<Entity>,
    #[serde(default)]
    service: Option<Entity>,
    #[serde(default)]
    consumer: Option<Entity>,
    /// The credential, as Kong's serializer names it.
    #[serde(default)]
    authenticated_entity: Option<Entity>,
    #[serde(default)]
    workspace: Option<String>,
    /// Text, because several tries give several: `502, 200`. Absent when Kong answered itself.
    #[serde(default)]
    upstream_status: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Sent {
    method: String,
    #[serde(default)]
    uri: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    querystring: BTreeMap<String, Value>,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Answer {
    #[serde(default)]
    status: u16,
}

#[derive(Debug, Default, Deserialize)]
struct Latencies {
    #[serde(default)]
    request: f64,
}

#[derive(Debug, Deserialize)]
struct Entity {
    #[serde(default)]
    id: String,
}

/// A logged request in the shape of a request, owned.
pub struct Played {
    entry: Entry,
    path: String,
    query: String,
    headers: Vec<u8>,
}

impl Entry {
    /// Units: milliseconds since 1970.
    pub fn ended_at(&self) -> u64 {
        self.started_at + self.latencies.request.max(0.0) as u64
    }

    pub fn status(&self) -> u16 {
        self.response.status
    }

    /// How the request ended.
    pub fn outcome(&self) -> Outcome {
        let source = match &self.upstream_status {
            Some(Value::Null) | None => Source::Exit,
            Some(Value::String(text)) if text.is_empty() => Source::Exit,
            Some(_) => Source::Service,
        };
        Outcome {
            status: self.response.status,
            source,
            latency_ms: self.latencies.request.max(0.0) as u32,
            // The log has no bodies, so no accounts either.
            ..Outcome::default()
        }
    }

    /// Puts target and headers together again. The log has no body.
    pub fn into_played(self) -> Played {
        let target = if self.request.uri.is_empty() {
            without_origin(&self.request.url)
        } else {
            &self.request.uri
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (path, mut query) = (path.to_owned(), query.to_owned());
        if query.is_empty() {
            for (name, value) in &self.request.querystring {
                each(value, |value| {
                    let and = if query.is_empty() { "" } else { "&" };
                    query.push_str(&format!("{and}{}={}", encode(name), encode(value)));
                });
            }
        }
        let mut headers = Vec::new();
        for (name, value) in &self.request.headers {
            each(value, |value| {
                headers.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
            });
        }
        Played {
            path,
            query,
            headers,
            entry: self,
        }
    }
}

impl Played {
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// The path as it was sent, without the query.
    pub fn path(&self) -> &str {
        &self.path
    }

    pub fn identity(&self) -> Identity<'_> {
        Identity {
            client: canonical_ip(self.entry.client_ip.as_bytes()),
            workspace: self.entry.workspace.as_deref().unwrap_or("").as_bytes(),
            route: entity_id(&self.entry.route),
            service: entity_id(&self.entry.service),
            consumer: entity_id(&self.entry.consumer),
            credential: entity_id(&self.entry.authenticated_entity),
            session: 0,
        }
    }

    pub fn request(&self) -> Request<'_> {
        Request {
            identity: self.identity(),
            method: self.entry.request.method.as_bytes(),
            scheme: self
                .entry
                .request
                .url
                .split("://")
                .next()
                .unwrap_or("")
                .as_bytes(),
            path: self.path.as_bytes(),
            query: self.query.as_bytes(),
            headers: &self.headers,
            body: Body {
                unread: Uninspected::BODY_NOT_SEEN,
                ..Body::default()
            },
            ..Request::default()
        }
    }
}

fn entity_id(entity: &Option<Entity>) -> &[u8] {
    entity.as_ref().map_or(b"", |e| e.id.as_bytes())
}

/// Cuts `https://host:port` off.
fn without_origin(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("/", |at| &rest[at..])
}

/// Walks a value that is one text or a list of them; `true` stands for a name without a value.
fn each(value: &Value, mut take: impl FnMut(&str)) {
    match value {
        Value::String(text) => take(text),
        Value::Array(list) => list.iter().filter_map(Value::as_str).for_each(take),
        Value::Number(n) => take(&n.to_string()),
        _ => take(""),
    }
}

/// Encodes what would break a query apart.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' | '&' | '+' | '#' | '=' => out.push_str(&format!("%{:02X}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(json: &str) -> Played {
        serde_json::from_str::<Entry>(json).unwrap().into_played()
    }

    #[test]
    fn a_line_of_kongs_becomes_a_request() {
        let p = played(
            r#"{"request":{"method":"GET","uri":"/a?b=c","url":"http://h:8000/a",
            "headers":{"user-agent":"x","accept":["a","b"]}},"response":{"status":401,"size":"5"},
            "latencies":{"request":12,"kong":1},"client_ip":"192.0.2.1","started_at":1000,
            "route":{"id":"r"},"service":{"id":"s"},"upstream_status":"401","workspace":"w"}"#,
        );
        let request = p.request();
        assert_eq!((request.path, request.query), (&b"/a"[..], &b"b=c"[..]));
        assert_eq!(request.header("Accept"), Some(&b"a"[..]));
        assert_eq!(request.identity.route, b"r");
        let outcome = p.entry().outcome();
        assert_eq!((outcome.status, outcome.source), (401, Source::Service));
        assert_eq!(p.entry().ended_at(), 1012);
    }

    #[test]
    fn what_is_missing_is_put_together() {
        let p = played(
            r#"{"request":{"method":"GET","url":"https://h/x","querystring":{"a":"1&2","b":["3","4"]}},
            "started_at":0}"#,
        );
        assert_eq!(p.request().path, b"/x");
        assert_eq!(p.request().query, b"a=1%262&b=3&b=4");
        assert_eq!(p.entry().outcome().source, Source::Exit);
    }
}
