//! Finds the account that a request logs in to: a form or JSON with an account and a password.

use crate::decode::{json, percent};
use crate::request::Request;
use regex::bytes::Regex;
use std::cell::RefCell;

/// Longer bodies are no logins, whose fields take some hundred bytes. Units: bytes.
const MAX_LOGIN_BYTES: usize = 4_096;
/// Longest name of an account that is told apart. Units: bytes.
const MAX_ACCOUNT_BYTES: usize = 256;
/// What names of password fields contain.
const SECRETS: [&[u8]; 3] = [b"pass", b"pwd", b"secret"];
/// The same as spelled in bodies, for a first look. Field names in other spellings are not found.
const SPELLINGS: &str = "pass|Pass|PASS|pwd|Pwd|PWD|secret|Secret";

/// Reads logins.
pub struct Reader {
    fields: Vec<String>,
    /// Of literals alone, which are searched for together by vector instructions.
    secrets: Regex,
}

#[derive(Default)]
struct Scratch {
    json: json::Scratch,
    account: Vec<u8>,
    key: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Reader {
    /// `fields` name the account.
    pub fn new(fields: &[String]) -> Reader {
        Reader {
            fields: fields.iter().map(|f| f.to_ascii_lowercase()).collect(),
            secrets: Regex::new(SPELLINGS).expect("the spellings are a pattern"),
        }
    }

    /// Hands the account, trimmed and in lower case, to `take` when the request logs in.
    /// Cost: nothing for requests without a short body; one search where no password is.
    pub fn account<R>(&self, request: &Request, take: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let body = request.body.bytes;
        let short = !body.is_empty() && body.len() <= MAX_LOGIN_BYTES;
        let posts = matches!(request.method, b"POST" | b"PUT");
        if !short || !posts || !self.secrets.is_match(body) {
            return None;
        }
        SCRATCH.with(|scratch| match scratch.try_borrow_mut() {
            Ok(mut scratch) => self.read(body, &mut scratch, take),
            Err(_) => self.read(body, &mut Scratch::default(), take),
        })
    }

    fn read<R>(
        &self,
        body: &[u8],
        scratch: &mut Scratch,
        take: impl FnOnce(&[u8]) -> R,
    ) -> Option<R> {
        let Scratch { json, account, key } = scratch;
        key.clear();
        account.clear();
        // The field that the list names first wins.
        let mut best = usize::MAX;
        let mut secret = false;
        let mut see = |name: &[u8], value: &[u8]| {
            secret |= !value.is_empty() && is_secret(name);
            let rank = self.rank(name);
            if rank < best && !value.trim_ascii().is_empty() {
                best = rank;
                let value = value.trim_ascii();
                account.clear();
                account.extend_from_slice(&value[..value.len().min(MAX_ACCOUNT_BYTES)]);
            }
        };
        let text = body.trim_ascii_start();
        if matches!(text, [b'{' | b'[', ..]) {
            json::walk(text, json, |path, value, _| {
                let name = path.rsplit(|b| *b == b'.').next().unwrap_or(path);
                // Each key comes out as its own text first; its value may be the same word.
                if name == value && key.as_slice() != path {
                    key.clear();
                    key.extend_from_slice(path);
                } else {
                    key.clear();
                    see(name, value);
                }
            });
        } else {
            let mut decoded = Vec::new();
            for pair in text.split(|b| *b == b'&') {
                let mut halves = pair.splitn(2, |b| *b == b'=');
                let (name, value) = (halves.next()?, halves.next().unwrap_or_default());
                decoded.clear();
                decoded.extend_from_slice(value);
                percent::undo(&mut decoded, true);
                see(name, &decoded);
            }
        }
        if best == usize::MAX || !secret {
            return None;
        }
        account.make_ascii_lowercase();
        Some(take(account))
    }

    fn rank(&self, name: &[u8]) -> usize {
        let same = |f: &String| f.as_bytes().eq_ignore_ascii_case(leaf(name));
        self.fields.iter().position(same).unwrap_or(usize::MAX)
    }
}

/// The inner name of `user[email]`.
fn leaf(name: &[u8]) -> &[u8] {
    let open = name.iter().rposition(|b| *b == b'[');
    match (open, name.last()) {
        (Some(open), Some(b']')) => &name[open + 1..name.len() - 1],
        _ => name,
    }
}

fn is_secret(name: &[u8]) -> bool {
    let contains = |word: &&[u8]| {
        name.windows(word.len())
            .any(|w| w.eq_ignore_ascii_case(word))
    };
    SECRETS.iter().any(contains)
}

/// Tells whether a path is one to log in at: for failures whose body was not seen.
pub fn is_login_path(path: &[u8]) -> bool {
    const WORDS: [&[u8]; 6] = [
        b"login", b"log-in", b"signin", b"sign-in", b"auth", b"token",
    ];
    let contains = |word: &&[u8]| {
        path.windows(word.len())
            .any(|w| w.eq_ignore_ascii_case(word))
    };
    WORDS.iter().any(contains)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Body;

    #[test]
    fn logins_are_read_and_other_forms_are_not() {
        let fields = ["username", "email"].map(str::to_owned);
        let reader = Reader::new(&fields);
        for (method, body, want) in [
            (
                "POST",
                r#"{"username":" Ann ","password":"x"}"#,
                Some("ann"),
            ),
            (
                "POST",
                r#"{"user":{"Email":"a@b","passwd":"x"}}"#,
                Some("a@b"),
            ),
            (
                "POST",
                r#"{"id":1,"username":"username","password":"password"}"#,
                Some("username"),
            ),
            (
                "PUT",
                r#"{"email":"e","username":"u","pwd":"x"}"#,
                Some("u"),
            ),
            ("POST", "email=a%40b&password=x", Some("a@b")),
            ("POST", "user[email]=a&user[password]=x", Some("a")),
            ("POST", "EMAIL=A+B&Password=x&z", Some("a b")),
            ("GET", "email=a&password=x", None),
            ("POST", "email=a&note=pass", None),
            ("POST", r#"{"note":"username password"}"#, None),
            ("POST", r#"{"username":"","password":"x"}"#, None),
            ("POST", r#"{"username":"u","password":""}"#, None),
            ("POST", "", None),
            ("POST", "password", None),
        ] {
            let request = Request {
                method: method.as_bytes(),
                body: Body {
                    bytes: body.as_bytes(),
                    ..Body::default()
                },
                ..Request::default()
            };
            let got = reader.account(&request, |a| String::from_utf8_lossy(a).into_owned());
            assert_eq!(got.as_deref(), want, "{method} {body}");
        }
    }
}
