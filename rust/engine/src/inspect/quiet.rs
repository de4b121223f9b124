//! Quiet strings of documents: sentences, paths and links without a trigger word, as most text is.
//! What the prefilter would gather of them in several looks is told by one.

use super::prefilter::SHORT;
use super::signs::{is_document, is_magic};
use super::word::Word;
use super::words::{self, Reader};
use crate::decode::kind::BLOCK;
use crate::decode::Passage;

/// Tells whether a string is quiet, which is that nothing in it is loud ([`kind::PROSE`]) but for the
/// scheme of a link, and whether no detector wants it. Cost: a pass over its words.
///
/// [`kind::PROSE`]: crate::decode::kind::PROSE
#[inline(always)]
pub fn is_settled(passage: &Passage<'_, '_>) -> bool {
    let text = passage.text;
    let scheme = scheme(text);
    let mut signs = Signs::default();
    let mut reader = Reader::new(text, false);
    let mut at = scheme;
    while let Some(spoken) = passage.spoken(at) {
        if spoken.loud != 0 {
            return false;
        }
        signs.look(text, at, spoken.signs);
        reader.block(at, spoken.letters);
        at += BLOCK;
    }
    reader.end(text.len());
    !reader.is_told() && !signs.tell(text, scheme) && !is_magic(text)
}

/// Measures the scheme of a link with its slashes.
#[inline(always)]
fn scheme(text: &[u8]) -> usize {
    let schemes = [&b"https://"[..], b"http://"];
    let scheme = schemes.into_iter().find(|s| text.starts_with(s));
    scheme.map_or(0, <[u8]>::len)
}

/// The signs of a quiet text.
#[derive(Default)]
struct Signs {
    quote: bool,
    question: bool,
    slash: bool,
    /// A folder or a protocol stands before a slash.
    folder: bool,
}

impl Signs {
    /// Takes in those of 64 bytes from `at` on.
    #[inline(always)]
    fn look(&mut self, text: &[u8], at: usize, mut signs: u64) {
        while signs != 0 {
            let at = at + signs.trailing_zeros() as usize;
            signs &= signs - 1;
            match text[at] {
                b'\'' => self.quote = true,
                b'?' => self.question = true,
                _ => {
                    self.slash = true;
                    self.folder |= words::before_slash(&text[..at]) != (false, false);
                }
            }
        }
    }

    /// Tells whether they make a text worth a look whose scheme is so long.
    #[inline(always)]
    fn tell(&self, text: &[u8], scheme: usize) -> bool {
        let telling = if scheme > 0 {
            // A query names what may be included, and a quote may be XPath's.
            self.question || self.quote || Word::new(text, 0, scheme - b"://".len()).scheme()
        } else {
            // A quote ends a literal of SQL where little else is there, and may be XPath's beside a
            // slash.
            self.quote && (self.slash || text.len() <= SHORT) || self.slash && is_document(text)
        };
        telling || self.folder
    }
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

        fn settles(&mut self, passage: &Passage<'_, '_>) -> bool {
            let settled = is_settled(passage);
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
