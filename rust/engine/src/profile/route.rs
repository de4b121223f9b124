//! What a request does as a whole: how many values, how deep, how mixed its bytes.

use crate::request::Request;

/// Bytes of a body that depth and mix are read from.
const LOOKED: usize = 1_024;

/// Numbers of one request, each a logarithm (base e, of one more) or in bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Numbers;

impl Numbers {
    /// What each number is, for people.
    pub const NAMES: [&'static str; 3] = ["values", "levels of nesting", "bits of entropy a byte"];

    /// Reads a request of which so many values are known. Cost: at most a kilobyte of the body.
    pub fn of(request: &Request<'_>, values: u32) -> [f32; 3] {
        let body = request.body.bytes;
        let body = body.get(..LOOKED).unwrap_or(body);
        [
            (values as f32).ln_1p(),
            (depth(body) as f32).ln_1p(),
            entropy(body),
        ]
    }

    /// Turns a number back into what people count.
    pub fn told(nth: usize, number: f32) -> f32 {
        if nth < 2 {
            number.exp_m1()
        } else {
            number
        }
    }
}

/// The deepest nesting of brackets outside of strings.
fn depth(body: &[u8]) -> u32 {
    if !matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return 0;
    }
    let (mut now, mut most, mut quoted, mut escaped) = (0u32, 0, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                now += 1;
                most = most.max(now);
            }
            b'}' | b']' if !quoted => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// Collision entropy: bits by which two bytes drawn at random differ.
/// Source: Renyi, "On measures of entropy and information", 1961 (order 2).
fn entropy(body: &[u8]) -> f32 {
    if body.len() < 32 {
        return 0.0;
    }
    let mut counts = [0u32; 256];
    body.iter().for_each(|b| counts[usize::from(*b)] += 1);
    let squares: u64 = counts.iter().map(|c| u64::from(*c) * u64::from(*c)).sum();
    let n = body.len() as f32;
    (n * n / squares as f32).log2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Body;

    fn of(body: &[u8]) -> [f32; 3] {
        let body = Body {
            bytes: body,
            ..Body::default()
        };
        let request = Request {
            body,
            ..Request::default()
        };
        Numbers::of(&request, 3)
    }

    #[test]
    fn depth_and_entropy_tell_bodies_apart() {
        let told = |body: &[u8], nth: usize| Numbers::told(nth, of(body)[nth]).round();
        assert_eq!(told(b"{\"a\":[{\"b\":\"[[[[\\\"{\"}]}", 1), 3.0);
        assert_eq!(told(b"a=b", 1), 0.0);
        assert_eq!(told(b"", 0), 3.0);
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(told(&all, 2), 8.0);
        assert_eq!(told(&[b'a'; 64], 2), 0.0);
    }
}
