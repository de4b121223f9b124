//! Finds the session of a request: a cookie, a header, or a claim of a JWT.

use crate::config::Behaviour;
use crate::request::Request;
use serde_json::Value;

/// Longer tokens are no sessions. Units: bytes.
const MAX_TOKEN_BYTES: usize = 8_192;

/// Reads sessions.
pub struct Reader {
    cookie: Option<String>,
    header: Option<String>,
    claim: Option<String>,
}

impl Reader {
    pub fn new(behaviour: &Behaviour) -> Reader {
        Reader {
            cookie: behaviour.session_cookie.clone(),
            header: behaviour.session_header.clone(),
            claim: behaviour.session_jwt_claim.clone(),
        }
    }

    /// Hands the session to `take`, if the request has one: the cookie's before the header's.
    /// Cost: nothing where none is configured; a walk over the headers for each source; a JWT is
    /// decoded and parsed.
    pub fn session<R>(&self, request: &Request, mut take: impl FnMut(&[u8]) -> R) -> Option<R> {
        let cookie = self.cookie.as_ref();
        if let Some(value) = cookie.and_then(|name| find_cookie(request, name.as_bytes())) {
            return Some(take(value));
        }
        if self.header.is_none() && self.claim.is_none() {
            return None;
        }
        let header = self.header.as_deref().unwrap_or("authorization");
        let token = request.header(header).filter(|t| fits(t))?;
        match &self.claim {
            None => Some(take(token)),
            Some(claim) => claim_of(token, claim).map(|value| take(value.as_bytes())),
        }
    }
}

fn fits(token: &[u8]) -> bool {
    (1..=MAX_TOKEN_BYTES).contains(&token.len())
}

/// Source: RFC 6265, section 4.2.1.
fn find_cookie<'a>(request: &Request<'a>, name: &[u8]) -> Option<&'a [u8]> {
    let cookies = request
        .header_lines()
        .filter(|(header, _)| header.eq_ignore_ascii_case(b"cookie"))
        .flat_map(|(_, value)| value.split(|b| *b == b';'));
    cookies
        .filter_map(|pair| {
            let equals = pair.iter().position(|b| *b == b'=')?;
            let (key, value) = pair.split_at(equals);
            (key.trim_ascii() == name).then(|| value[1..].trim_ascii())
        })
        .find(|value| fits(value))
}

/// Reads a claim of a JWT, which may stand behind `Bearer`. Source: RFC 7519, section 3.
fn claim_of(token: &[u8], claim: &str) -> Option<String> {
    let jwt = match token.split_at_checked(7) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"bearer ") => rest.trim_ascii(),
        _ => token,
    };
    let payload = jwt.split(|b| *b == b'.').nth(1)?;
    let claims: Value = serde_json::from_slice(&base64url(payload)?).ok()?;
    match claims.get(claim)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Source: RFC 4648, section 5, without padding.
fn base64url(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut held) = (0u32, 0);
    for byte in text.iter().take_while(|b| **b != b'=') {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_found() {
        // {"sub":"ann","sid":7,"none":""}
        let jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4iLCJzaWQiOjcsIm5vbmUiOiIifQ.x";
        let headers = format!(
            "Cookie: a=1; sid=s 1;b=2\r\nX-Session: t1\r\nAuthorization: Bearer {jwt}\r\nX-Token: {jwt}\r\nX-Bad: a.b!.c\r\n"
        );
        for (cookie, header, claim, want) in [
            (None, None, None, None),
            (Some("sid"), None, None, Some("s 1")),
            (Some("SID"), Some("x-session"), None, Some("t1")),
            (Some("none"), None, None, None),
            (None, Some("X-Session"), None, Some("t1")),
            (None, Some("x-none"), None, None),
            (None, None, Some("sub"), Some("ann")),
            (None, Some("x-token"), Some("sid"), Some("7")),
            (None, None, Some("none"), None),
            (None, None, Some("aud"), None),
            (None, Some("x-session"), Some("sub"), None),
            (None, Some("x-bad"), Some("sub"), None),
        ] {
            let owned = |name: Option<&str>| name.map(str::to_owned);
            let reader = Reader::new(&Behaviour {
                session_cookie: owned(cookie),
                session_header: owned(header),
                session_jwt_claim: owned(claim),
                ..Behaviour::default()
            });
            let request = Request {
                headers: headers.as_bytes(),
                ..Request::default()
            };
            let got = reader.session(&request, |s| String::from_utf8_lossy(s).into_owned());
            assert_eq!(got.as_deref(), want, "{cookie:?} {header:?} {claim:?}");
        }
    }
}
