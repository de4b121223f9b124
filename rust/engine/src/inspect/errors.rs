//! What reports of errors are made of: classes of exceptions, and the frames of a stack. No attack
//! names an exception, nor a line of a source file, so both are left out of what is judged.

use super::needles::Needles;

/// Ends of the names of classes that only report.
const ENDS: [&[u8]; 2] = [b"Exception", b"Error"];

/// Ends of the names of files that frames name, and what stands there in place of one.
const SOURCES: [&[u8]; 4] = [b".java:", b".kt:", b".scala:", b".groovy:"];
const PLACES: [&[u8]; 2] = [b"Native Method", b"Unknown Source"];

/// Without one of these there are neither.
static TELLING: Needles<8> = Needles::new([
    ENDS[0], ENDS[1], SOURCES[0], SOURCES[1], SOURCES[2], SOURCES[3], PLACES[0], PLACES[1],
]);

/// Gives the text without the classes and frames; `None` where there are none. Cost: linear.
pub fn left_out(text: &[u8]) -> Option<Vec<u8>> {
    if !TELLING.is_in(text) {
        return None;
    }
    // One of them is a gadget.
    let only = |word: &[u8]| !word.ends_with(b"ExpException");
    let mut out: Option<Vec<u8>> = None;
    let mut rest = text;
    while !rest.is_empty() {
        let name = rest.iter().take_while(|b| is_name(b)).count();
        let (word, after) = rest.split_at(name);
        let frame = if dotted(word) { frame(after) } else { 0 };
        let reports =
            frame > 0 || dotted(word) && only(word) && ENDS.iter().any(|end| word.ends_with(end));
        if reports {
            out.get_or_insert_with(|| text[..text.len() - rest.len()].to_vec());
        } else if let Some(out) = &mut out {
            out.extend_from_slice(word);
        }
        rest = &after[frame..];
        let between = rest.iter().take_while(|b| !is_name(b)).count();
        if let Some(out) = &mut out {
            out.extend_from_slice(&rest[..between]);
        }
        rest = &rest[between..];
    }
    out
}

fn is_name(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$' | b'/' | b'@' | b'<' | b'>')
}

fn dotted(word: &[u8]) -> bool {
    memchr::memchr(b'.', word).is_some()
}

/// Measures the place that a frame ends with: `(Order.java:42)`, `(Native Method)`.
fn frame(text: &[u8]) -> usize {
    let Some(inside) = text.strip_prefix(b"(") else {
        return 0;
    };
    let end = memchr::memchr(b')', &inside[..inside.len().min(96)]).unwrap_or(0);
    let place = &inside[..end];
    let known = PLACES.contains(&place);
    let source = |kind: &[u8]| {
        let at = memchr::memmem::find(place, kind);
        at.is_some_and(|at| place[at + kind.len()..].iter().all(u8::is_ascii_digit))
    };
    if known || SOURCES.iter().any(|kind| source(kind)) {
        end + 2
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_left_out() {
        for (text, want) in [
            ("java.lang.NullPointerException: null", Some(": null")),
            (
                "x\n\tat org.apache.a.B.c(B.java:4)\n\tat java.lang.Thread.run(Native Method)",
                Some("x\n\tat \n\tat "),
            ),
            (
                "at java.base/java.lang.Thread.run(Thread.java:840)",
                Some("at "),
            ),
            ("java.lang.Runtime.getRuntime().exec('x')", None),
            ("java.lang.Runtime", None),
            ("javax.management.BadAttributeValueExpException", None),
            ("java.lang.Runtime.exec(\"x.java:1\")", None),
            ("Exception (B.java:4)", None),
            (
                "java.io.IOException java.lang.Runtime.getRuntime()",
                Some(" java.lang.Runtime.getRuntime()"),
            ),
        ] {
            let got = left_out(text.as_bytes());
            let got = got.map(|out| String::from_utf8(out).unwrap());
            assert_eq!(got.as_deref(), want, "{text}");
        }
    }
}
