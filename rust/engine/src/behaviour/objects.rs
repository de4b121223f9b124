//! Which object a path names: the last segment that is an id.

/// An object that a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    /// A number: its neighbours can be guessed.
    Number(u64),
    /// The path itself.
    Path,
}

/// Finds the object of a path.
pub fn object(path: &[u8]) -> Object {
    let segments = path.rsplit(|b| *b == b'/');
    segments
        .take(3)
        .find_map(number)
        .map_or(Object::Path, Object::Number)
}

/// Reads a segment of 1 to 12 digits.
fn number(segment: &[u8]) -> Option<u64> {
    if segment.is_empty() || segment.len() > 12 {
        return None;
    }
    segment.iter().try_fold(0u64, |n, b| {
        b.is_ascii_digit().then(|| n * 10 + u64::from(b - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found() {
        for (path, want) in [
            ("/orders/17", Object::Number(17)),
            ("/orders/17/items", Object::Number(17)),
            ("/orders/17/items/4", Object::Number(4)),
            ("/orders/", Object::Path),
            ("/a/0123456789012", Object::Path),
            ("/o/7f9c24e5-0000-4000-8000-000000000000", Object::Path),
            ("", Object::Path),
        ] {
            assert_eq!(object(path.as_bytes()), want, "{path}");
        }
    }
}
