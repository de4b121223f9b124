//! Quiet strings of documents: sentences, paths and links without a trigger word, as most text is.
//! What the prefilter would gather of them in several looks is told by one.

use super::prefilter::SHORT;
use super::signs;
use super::word::Word;
use super::words;
use crate::decode::Quiet;

/// Tells whether no detector wants a string. Cost: a pass over its words.
#[inline(always)]
pub fn is_settled(quiet: &Quiet<'_, '_>) -> bool {
    let Quiet {
        text,
        scheme,
        signs,
        ..
    } = *quiet;
    let link = scheme > 0;
    let holds = |byte| memchr::memchr(byte, text).is_some();
    let slash = link || signs && holds(b'/');
    let telling = if link {
        // A query names what may be included, and a quote may be XPath's.
        memchr::memchr2(b'?', b'\'', text).is_some()
            || Word::new(text, 0, scheme - b"://".len()).scheme()
    } else {
        // A quote ends a literal of SQL where little else is there, and may be XPath's beside a slash.
        signs && (slash || text.len() <= SHORT) && holds(b'\'')
    };
    !telling
        && words::has_none(text, scheme, quiet.letters())
        && !(slash && (signs::is_document(text) || holds_folder(text, scheme)))
        && !signs::is_magic(text)
}

/// Tells a folder or a protocol before a slash from `from` on.
fn holds_folder(text: &[u8], from: usize) -> bool {
    let tells = |at: usize| words::before_slash(&text[..from + at]) != (false, false);
    memchr::memchr_iter(b'/', &text[from..]).any(tells)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{json, kind, Value};
    use crate::inspect::testing::value;
    use crate::inspect::{detector, prefilter, Part};
    use proptest::prelude::*;

    /// Counts the strings of a document that are settled.
    #[derive(Default)]
    struct Settled(usize);

    impl json::Strings for Settled {
        fn passes(&mut self, _plain: &[u8]) -> bool {
            false
        }

        fn settles(&mut self, quiet: &Quiet<'_, '_>) -> bool {
            let settled = is_settled(quiet);
            self.0 += usize::from(settled);
            settled
        }

        fn take(&mut self, _path: &[u8], _text: &[u8], _seen: threat_agent_scan::Seen) {}
    }

    /// Tells whether a string is settled, `lead` bytes behind a document's start.
    fn settled(text: &str, lead: usize) -> bool {
        let quoted = serde_json::to_string(text).unwrap();
        let document = format!("{}[{quoted},\"' or\"]", " ".repeat(lead));
        let mut strings = Settled::default();
        json::walk_for(
            document.as_bytes(),
            &mut json::Scratch::default(),
            &mut strings,
        );
        strings.0 > 0
    }

    #[test]
    fn ordinary_text_is_settled() {
        for text in [
            "Running shoe, blue",
            "Customer's second order, ship it together",
            "https://shop.example.com/p/17",
            "http://a.example:8080/x/y",
            "2024-05-17 10:20:30",
            "Gr\u{f6}\u{df}e: 42, rot!",
            "Is it here? Not yet: wait",
            "/v1/orders/17",
        ] {
            assert!((0..70).all(|lead| settled(text, lead)), "{text}");
        }
        for text in [
            "' or",
            "it's /x",
            "1 union select",
            "http://127.0.0.1/",
            "https://localhost/x",
            "https://a.example/?x",
            "https:///a",
            "x/bin/y",
            "x/sbin/",
            "xdata:text/html,x",
            "https://dev/x",
            "x/dev/y",
            "Http/1",
            "a//b",
            "a..b",
            "a -- b",
            "a::b",
            "caf\u{ff07}",
            "rO0AB x",
            "a @b",
            "x ^y",
        ] {
            assert!((0..70).all(|lead| !settled(text, lead)), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn no_detector_wants_what_is_settled(
            text in "(https?://)?(union|order by|rO0AB|aced0005|x?data:text/html|localhost|etc|bin/|dev/|HTTP/\
                |it's|or 1|java|\\PC|[ a1'@:?,./_-]){0,9}",
            lead in 0usize..64,
        ) {
            if settled(&text, lead) {
                let value = Value { part: Part::Json, ..value(text.as_bytes()) };
                let hints = prefilter::look(&value);
                prop_assert_eq!(hints.map_or(0, |hints| detector::wanting(&hints)), 0);
                prop_assert_eq!(value.seen.any & (kind::BRACE | kind::OPEN | kind::TAG), 0);
            }
        }
    }
}
