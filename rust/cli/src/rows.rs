//! Labelled requests: one JSON object a line.

use serde::Deserialize;
use std::collections::BTreeMap;
use threat_agent_engine::{Body, Request, Uninspected};

/// Whether a request is an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    Malicious,
    Benign,
}

/// One labelled request. Fields that the file adds beside these are passed over.
#[derive(Clone, Debug, Deserialize)]
pub struct Row {
    #[serde(default)]
    pub id: serde_json::Value,
    pub source: String,
    pub label: Label,
    pub category: String,
    pub method: String,
    pub path: String,
    #[serde(default)]
    pub query: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub body: String,
    /// The body where it is not UTF-8, in base64; it takes the place of `body`. Under a
    /// Content-Encoding it is as it was sent.
    #[serde(default)]
    pub body_b64: Option<String>,
    /// The label is not evident in the request: left out of all figures.
    #[serde(default)]
    pub weak: bool,
    /// A bare payload that was put into a request: its headers carry no label.
    #[serde(default)]
    pub wrapped: bool,
}

/// A row in the shape of a request, owned.
pub struct Owned {
    method: String,
    host: String,
    path: String,
    query: String,
    headers: Vec<u8>,
    body: Vec<u8>,
}

impl Row {
    /// Lays the row out as a gateway hands it on: all headers as they came, and the body without its
    /// chunks, whatever Transfer-Encoding and Content-Length say. A body that is text was decoded when
    /// it was recorded, since no compression is UTF-8, so that its Content-Encoding is left out.
    /// Errors: a body that is not base64.
    pub fn into_request(self) -> Result<Owned, String> {
        let decoded = self.body_b64.is_none() && !self.body.is_empty();
        let body = match self.body_b64 {
            Some(text) => base64(&text).ok_or("body_b64: expected base64")?,
            None => self.body.into_bytes(),
        };
        let mut headers = Vec::new();
        let mut host = String::from("localhost");
        for (name, value) in &self.headers {
            if decoded && name.eq_ignore_ascii_case("content-encoding") {
                continue;
            }
            if name.eq_ignore_ascii_case("host") {
                host.clone_from(value);
            }
            headers.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        Ok(Owned {
            method: self.method,
            host,
            path: self.path,
            query: self.query,
            headers,
            body,
        })
    }
}

impl Owned {
    /// Borrows it as the engine wants it; of the body, the gateway would read `most` bytes.
    pub fn request(&self, most: usize) -> Request<'_> {
        let (read, unread) = self.body.split_at(self.body.len().min(most));
        let mut body = Body {
            bytes: read,
            unread_bytes: unread.len() as u64,
            ..Body::default()
        };
        if !unread.is_empty() {
            body.unread = Uninspected::BODY_TOO_LARGE;
        }
        Request {
            method: self.method.as_bytes(),
            scheme: b"http",
            host: self.host.as_bytes(),
            path: self.path.as_bytes(),
            query: self.query.as_bytes(),
            headers: &self.headers,
            body,
            ..Request::default()
        }
    }
}

/// Decodes base64 (RFC 4648, section 4); line ends and padding are passed over.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut held) = (0u32, 0);
    for byte in text
        .bytes()
        .filter(|b| !b.is_ascii_whitespace() && *b != b'=')
    {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(body: &str) -> String {
        let row = format!(
            r#"{{"source":"s","label":"benign","category":"c","method":"POST","path":"/","headers":
            {{"Content-Encoding":"gzip","Transfer-Encoding":"chunked"}},{body}}}"#
        );
        let row: Row = serde_json::from_str(&row).unwrap();
        String::from_utf8(row.into_request().unwrap().headers).unwrap()
    }

    #[test]
    fn only_what_was_decoded_loses_its_coding() {
        let (coded, chunked) = (
            "Content-Encoding: gzip\r\n",
            "Transfer-Encoding: chunked\r\n",
        );
        assert_eq!(headers(r#""body":"{}""#), chunked);
        assert_eq!(headers(r#""body":"""#), [coded, chunked].concat());
        assert_eq!(headers(r#""body_b64":"H4sI""#), [coded, chunked].concat());
    }

    #[test]
    fn base64_is_read() {
        assert_eq!(base64("aGVsbG8=").as_deref(), Some(&b"hello"[..]));
        assert_eq!(base64("/+8A\n").as_deref(), Some(&[255, 239, 0][..]));
        assert_eq!(base64("a*"), None);
    }
}
