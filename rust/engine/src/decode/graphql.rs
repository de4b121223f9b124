//! GraphQL documents: their string literals, each by itself. Variables are JSON beside them.
//!
//! Source: GraphQL (October 2021), section 2.9.4 (string values); the escapes are those of JSON.

use super::json;
use memchr::memmem;

/// Tells whether a value is a document: by the word that it starts with, or, where a document is
/// expected, by its bracket.
pub fn is_document(name: &[u8], text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let starts = |word: &[u8]| {
        text.strip_prefix(word)
            .and_then(<[u8]>::first)
            .is_some_and(|next| !next.is_ascii_alphanumeric())
    };
    let expected = name.rsplit(|b| *b == b'.').next() == Some(b"query");
    expected && text.starts_with(b"{")
        || [&b"query"[..], b"mutation", b"subscription", b"fragment"]
            .into_iter()
            .any(starts)
}

/// Hands out the string literals, their escapes undone. Cost: linear.
pub fn literals(text: &[u8], scratch: &mut json::Scratch, mut emit: impl FnMut(&[u8])) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'"', rest) {
        rest = &rest[at..];
        if let Some(block) = rest.strip_prefix(b"\"\"\"") {
            let end = memmem::find(block, b"\"\"\"").unwrap_or(block.len());
            emit(&block[..end]);
            rest = block.get(end + 3..).unwrap_or_default();
            continue;
        }
        let end = closing(rest);
        let (literal, behind) = rest.split_at(end);
        match literal {
            [b'"', bare @ .., b'"'] if memchr::memchr(b'\\', bare).is_none() => emit(bare),
            _ => {
                json::walk(literal, scratch, |_, literal, _| emit(literal));
            }
        }
        rest = behind;
    }
}

/// Measures the string at the start, its quotes included.
fn closing(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(step) = memchr::memchr2(b'"', b'\\', &text[at..]) {
        at += step;
        if text[at] == b'"' {
            return at + 1;
        }
        at = (at + 2).min(text.len());
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_handed_out() {
        let text = br#"query { a(x: "b\u003c\"", y: """c "d" """) e(f: "") g(h: "cut"#;
        let mut got = Vec::new();
        literals(text, &mut json::Scratch::default(), |literal| {
            got.push(String::from_utf8_lossy(literal).into_owned());
        });
        assert_eq!(got, ["b<\"", "c \"d\" ", "", "cut"]);
    }

    #[test]
    fn documents_are_known() {
        for (name, text, want) in [
            (&b"query"[..], &b" { a }"[..], true),
            (b"0.query", b"{a}", true),
            (b"text", b"{a}", false),
            (b"text", b"mutation($x: Int) { a }", true),
            (b"text", b"query: what is it", true),
            (b"text", b"queryable", false),
        ] {
            assert_eq!(is_document(name, text), want, "{}", text.escape_ascii());
        }
    }
}
