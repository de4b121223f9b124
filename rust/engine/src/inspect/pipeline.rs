//! Queries that are pipelines, as languages for logs and metrics have them (SPL, KQL, LogQL, PPL): some
//! of their commands are named as programs of a shell.

/// Longest value that is read as one. Units: bytes.
const LONGEST: usize = 2048;

/// Commands that no shell has.
const QUERYING: [&str; 27] = [
    "bucket",
    "count",
    "dedup",
    "extend",
    "fields",
    "filter",
    "json",
    "label_format",
    "limit",
    "line_format",
    "logfmt",
    "lookup",
    "mvexpand",
    "order",
    "parse",
    "project",
    "regexp",
    "rename",
    "rex",
    "search",
    "stats",
    "summarize",
    "table",
    "take",
    "timechart",
    "top",
    "unwrap",
];
/// Commands that shells have as well.
const SHARED: [&str; 7] = ["eval", "head", "join", "sort", "tail", "uniq", "where"];

/// Tells a query: what stands behind each pipe is a command of such languages, one of them at least is
/// none of a shell's, and nothing in it names a file or starts a command of its own. Cost: linear.
pub fn is_query(text: &[u8]) -> bool {
    let opens = |b: &u8| matches!(b, b'`' | b';' | b'&' | b'>' | b'<' | b'\\' | b'\n');
    if text.len() > LONGEST || memchr::memchr(b'|', text).is_none() || text.iter().any(opens) {
        return false;
    }
    let mut stages = text.split(|b| *b == b'|');
    let source = stages.next().unwrap_or_default();
    let (mut known, mut own) = (!source.trim_ascii().is_empty(), false);
    for stage in stages {
        let stage = stage.trim_ascii();
        let length = stage.iter().take_while(|b| is_letter(**b)).count();
        let name = &stage[..length];
        let among = |names: &[&str]| names.iter().any(|n| n.as_bytes() == name);
        own |= among(&QUERYING);
        known &= among(&QUERYING) || among(&SHARED) && memchr::memchr(b'/', stage).is_none();
        known &= memchr::memmem::find(stage, b"$(").is_none();
    }
    known && own
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_told_from_commands() {
        for text in [
            "sourcetype=access | stats count by host | head 10",
            "requests | where code == 500 | summarize n = count() | top 5 by n",
            "index=main error | top limit=20 host | sort -count",
            "fields @message | sort @timestamp desc | limit 20",
        ] {
            assert!(is_query(text.as_bytes()), "{text}");
        }
        for text in [
            "x | head 10",
            "x | stats count | id",
            "x | head /etc/hosts | limit 5",
            "| stats count",
            "x | stats $(id)",
            "x; id | stats count",
            "stats",
        ] {
            assert!(!is_query(text.as_bytes()), "{text}");
        }
    }
}
