//! Who takes the strings of a document, and how many may pass by.

use crate::decode::Passage;
use std::ops::Range;
use threat_agent_scan::Seen;

/// How many strings may be passed over, and of how many bytes.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub values: u32,
    /// Units: bytes.
    pub bytes: usize,
}

impl Room {
    /// Counts values as passed over. Returns whether there is room for them.
    #[inline(always)]
    pub fn admit(&mut self, values: u32, bytes: usize) -> bool {
        let admitted = self.values >= values && self.bytes >= bytes;
        if admitted {
            self.values -= values;
            self.bytes -= bytes;
        }
        admitted
    }
}

/// Takes the strings of a document.
pub trait Strings {
    /// What is left, of which the reader takes what it passes over.
    fn room(&mut self) -> &mut Room;

    /// Tells whether a plain text, but for single points and hyphens, may be passed over. Cheap, for
    /// most may.
    fn passes(&self, plain: &[u8]) -> bool;

    /// Tells whether a text that is not plain may be passed over, by its marks. `link` is as of
    /// [`Visitor::is_settled`](crate::decode::Visitor::is_settled).
    fn settles(&self, passage: Passage<'_, '_>, link: &mut Range<usize>) -> bool;

    /// Shape: path, text, and the kinds of byte in the text; of a plain one, none.
    fn take(&mut self, path: &[u8], text: &[u8], seen: Seen);
}

/// Takes all of them.
pub struct All<F> {
    emit: F,
    room: Room,
}

impl<F> All<F> {
    pub fn new(emit: F) -> All<F> {
        let room = Room {
            values: 0,
            bytes: 0,
        };
        All { emit, room }
    }
}

impl<F: FnMut(&[u8], &[u8], Seen)> Strings for All<F> {
    fn room(&mut self) -> &mut Room {
        &mut self.room
    }

    fn passes(&self, _plain: &[u8]) -> bool {
        false
    }

    fn settles(&self, _passage: Passage<'_, '_>, _link: &mut Range<usize>) -> bool {
        false
    }

    fn take(&mut self, path: &[u8], text: &[u8], seen: Seen) {
        (self.emit)(path, text, seen);
    }
}
