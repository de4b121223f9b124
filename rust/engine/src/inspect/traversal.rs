//! Path traversal: dot segments that climb, and files that only attackers ask for.

/// Judges one value. Returns the rule and its score.
pub fn judge(value: &[u8]) -> Option<(&'static str, f32)> {
    let climbs = value
        .windows(3)
        .filter(|w| matches!(*w, b"../" | b"..\\"))
        .count();
    let file = value.windows(10).any(|w| w == b"etc/passwd");
    match (climbs, file) {
        (_, true) => Some(("traversal.file", 0.9)),
        (2.., _) => Some(("traversal.climb", 0.8)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn climbing_is_found() {
        for (value, found) in [
            (&b"../../x"[..], true),
            (b"/etc/passwd", true),
            (b"../x", false),
            (b"a.b/c", false),
        ] {
            assert_eq!(judge(value).is_some(), found, "{}", value.escape_ascii());
        }
    }
}
