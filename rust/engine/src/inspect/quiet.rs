//! Quiet strings of documents: sentences, paths and links without a trigger word, as most text is.
//! What the prefilter would gather of them in several looks is told by one.

use super::prefilter::SHORT;
use super::signs::{is_document, is_magic};
use super::word::Word;
use super::words::{self, Edges};
use crate::decode::kind::BLOCK;
use crate::decode::Passage;
use std::ops::Range;

/// Tells whether a string is quiet, which is that nothing in it is loud ([`kind::PROSE`]) but for the
/// scheme of a link, and whether no detector wants it. Cost: a pass over its words.
///
/// [`kind::PROSE`]: crate::decode::kind::PROSE
#[inline(always)]
pub fn is_settled(passage: &Passage<'_, '_>, link: &mut Range<usize>) -> bool {
    let text = passage.text();
    let scheme = scheme(text);
    // What settled the start of the other link settles this one's: the slash behind the host ends its
    // last word.
    let known = scheme > 0 && link.end > 0 && text.starts_with(&passage.whole[link.clone()]);
    let mut signs = Signs::default();
    let mut edges = Edges::default();
    let mut told = false;
    let mut at = passage.start + if known { link.len() } else { scheme };
    // Where nothing is left as well, for a word may end there.
    while at <= passage.whole.len() {
        let spoken = passage.spoken(at);
        if spoken.loud != 0 {
            return false;
        }
        signs.look(passage, at, spoken.signs);
        edges.each(at, spoken.letters, |word| {
            told |= words::may_tell(passage.whole, &word) && words::tells(passage, word);
        });
        at += BLOCK;
    }
    let internal = || Word::new(text, 0, scheme - b"://".len()).scheme();
    let telling = match scheme {
        0 => signs.tell(text),
        // A query names what may be included, and a quote may be XPath's.
        _ => signs.question || signs.quote || !known && internal(),
    };
    if told || telling || signs.folder || is_magic(text) {
        return false;
    }
    if scheme > 0 && !known {
        *link = origin(passage, scheme);
    }
    true
}

/// Finds the scheme and the host of a link with the slash behind it; empty where there is none.
#[inline(never)]
fn origin(passage: &Passage<'_, '_>, scheme: usize) -> Range<usize> {
    let host = passage.start + scheme;
    let slash = memchr::memchr(b'/', &passage.whole[host..]);
    slash.map_or(0..0, |at| passage.start..host + at + 1)
}

/// Measures the scheme of a link with its slashes.
#[inline(always)]
fn scheme(text: &[u8]) -> usize {
    if text.first() != Some(&b'h') {
        return 0;
    }
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
    /// Takes in those of the 64 bytes of the whole from `at` on.
    #[inline(always)]
    fn look(&mut self, passage: &Passage<'_, '_>, at: usize, mut signs: u64) {
        while signs != 0 {
            let at = at + signs.trailing_zeros() as usize;
            signs &= signs - 1;
            match passage.whole[at] {
                b'\'' => self.quote = true,
                b'?' => self.question = true,
                _ => {
                    let lead = &passage.whole[passage.start..at];
                    self.slash = true;
                    self.folder |= words::before_slash(lead) != (false, false);
                }
            }
        }
    }

    /// Tells whether they make a text worth a look that is no link.
    #[inline(always)]
    fn tell(&self, text: &[u8]) -> bool {
        // A quote ends a literal of SQL where little else is there, and may be XPath's beside a slash.
        self.quote && (self.slash || text.len() <= SHORT) || self.slash && is_document(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{json, kind, Value};
    use crate::inspect::testing::value;
    use crate::inspect::{detector, prefilter, Part};
    use proptest::prelude::*;

    /// Passes over the strings of a document that are settled.
    struct Settled(json::Room);

    impl json::Strings for Settled {
        fn room(&mut self) -> &mut json::Room {
            &mut self.0
        }

        fn passes(&self, _plain: &[u8]) -> bool {
            false
        }

        fn settles(&self, passage: Passage<'_, '_>, link: &mut Range<usize>) -> bool {
            is_settled(&passage, link)
        }

        fn take(&mut self, _path: &[u8], _text: &[u8], _seen: threat_agent_scan::Seen) {}
    }

    /// Tells whether a string is settled, `lead` bytes behind a document's start.
    fn settled(text: &str, lead: usize) -> bool {
        count(&[text], lead) > 0
    }

    /// Counts the strings that are settled in a list of them.
    fn count(texts: &[&str], lead: usize) -> u32 {
        let list = serde_json::to_string(texts).unwrap();
        let document = format!("{}[{list},\"' or\"]", " ".repeat(lead));
        let room = json::Room {
            values: 9,
            bytes: document.len(),
        };
        let mut strings = Settled(room);
        json::walk_for(
            document.as_bytes(),
            &mut json::Scratch::default(),
            &mut strings,
        );
        room.values - strings.0.values
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
        fn the_link_before_changes_nothing(
            host in "https?://(a|shop[.]example|localhost|order|or|x?bin|a:80|[a .:-]){1,3}/?",
            rests in ["(/|by|etc/passwd|bin/|@|[?]x|' |union|[a1 ]){0,3}", "(/|by|etc/passwd|bin/|@|[?]x|' |union|[a1 ]){0,3}"],
            lead in 0usize..64,
        ) {
            let links = rests.map(|rest| host.clone() + &rest);
            let alone: u32 = links.iter().map(|link| count(&[link], lead)).sum();
            prop_assert_eq!(count(&[&links[0], &links[1]], lead), alone);
        }

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
