//! The charset that a body, or a part of one, says that it has, where ASCII is not spelled as ASCII in it.

use super::ebcdic::{self, Ebcdic};
use super::utf7;

/// What a text may have to be read in, beside what it is.
#[derive(Clone, Copy, Default)]
pub struct Charset {
    utf7: bool,
    pub ebcdic: Option<Ebcdic>,
}

impl Charset {
    /// Tells it by the type, and by how the text starts. Cost: two searches in the type.
    pub fn named(text: &[u8], content_type: &[u8]) -> Charset {
        Charset {
            utf7: utf7::is_named(text, content_type),
            ebcdic: ebcdic::named(text, content_type),
        }
    }

    /// The same, and what the body around a part says.
    pub fn or(self, outer: Charset) -> Charset {
        Charset {
            utf7: self.utf7 || outer.utf7,
            ebcdic: self.ebcdic.or(outer.ebcdic),
        }
    }

    /// Reads a text in all of it. Cost: linear; nothing for a text in none.
    pub fn readings(self, text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        let utf7 = self.utf7.then(|| utf7::undo(text));
        let ebcdic = self.ebcdic.map(|page| page.undo(text));
        utf7.into_iter().chain(ebcdic)
    }
}
