//! Raw values in, decoded ones out: the budget, and what a value's place encodes.

use super::nested::{is_token, Nested};
use super::pieces::Place;
use super::{base64, json, kind, percent};
use super::{Gaps, GoesOn, Passage, Value, Visitor, Walked};
use crate::inspect::Part;
use crate::verdict::Uninspected;
use std::ops::Range;
use threat_agent_scan::{Marks, Seen};

/// Most values of one request.
const VALUES: u32 = 131_072;
/// Most bytes of all values of one request, each way to read them counted. Units: bytes.
const BYTES: usize = 4 << 20;

/// What reading has taken of a request's budgets.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    values: u32,
    /// Units: bytes.
    bytes: usize,
    /// Units: steps of the visitor.
    steps: usize,
    /// Those of the values that were not passed over.
    taken_in: u32,
    /// Values that were handed out, those nested in others as well.
    handed: u32,
}

impl Taken {
    pub const NOTHING: Taken = Taken {
        values: 0,
        bytes: 0,
        steps: 0,
        taken_in: 0,
        handed: 0,
    };

    /// Tells what was taken since then.
    pub fn since(self, before: Taken) -> Taken {
        Taken {
            values: self.values - before.values,
            bytes: self.bytes - before.bytes,
            steps: self.steps - before.steps,
            taken_in: self.taken_in - before.taken_in,
            handed: self.handed - before.handed,
        }
    }
}

/// Takes raw values in, decodes them, keeps to the budget.
pub struct Sink<'s, V> {
    text: &'s mut Vec<u8>,
    /// The marks of the pairs that are being read.
    pub marks: &'s mut Vec<Marks>,
    nested: Nested<'s, V>,
    /// Whether values may hold overlong or full-width UTF-8.
    pub odd: bool,
    pub room: json::Room,
    /// Values that were taken in, and not passed over.
    taken_in: u32,
    /// Room for values at and above which those at hand were dealt with by an earlier walk.
    before: u32,
    /// The piece with which the first value is read that is handed out; 0 when that is read whole.
    piece: u32,
    /// The number of the value that was handed out last; 0 when there was none.
    last: u32,
    /// The first piece of it that is left to the next walk; 0 when there is none.
    left_piece: u32,
    /// The number of the first value that would have been wanted and was left out; 0 when there was none.
    left_out: u32,
    pub gaps: Gaps,
}

impl<'s, V: Visitor> Sink<'s, V> {
    /// Takes what is reused between requests: what is decoded lies in `text`, a token's text in
    /// `token`. What lies before `from` is not handed out.
    pub fn new(
        visitor: V,
        from: Place,
        text: &'s mut Vec<u8>,
        marks: &'s mut Vec<Marks>,
        token: &'s mut Vec<u8>,
        inner: &'s mut json::Scratch,
    ) -> Sink<'s, V> {
        Sink {
            text,
            marks,
            nested: Nested::new(visitor, token, inner),
            odd: false,
            room: json::Room {
                values: VALUES,
                bytes: BYTES,
            },
            taken_in: 0,
            before: VALUES.saturating_sub(from.values),
            piece: from.piece,
            last: 0,
            left_piece: 0,
            left_out: 0,
            gaps: Gaps::default(),
        }
    }

    /// Tells what came of it.
    pub fn finish(self) -> Walked {
        Walked {
            rest: self.rest(),
            gaps: self.gaps,
            values: self.values(),
        }
    }

    /// Tells where the next walk starts, if there is to be one. A value that was cut is read again.
    fn rest(&self) -> Option<Place> {
        let (number, piece) = match self.nested.out.visitor.goes_on() {
            GoesOn::No => return None,
            _ if self.left_piece > 0 => (self.last, self.left_piece),
            GoesOn::InPieces => (self.last, 1),
            GoesOn::Within => (self.last, 0),
            GoesOn::Behind => (self.left_out, 0),
        };
        let values = number.checked_sub(1)?;
        Some(Place { values, piece })
    }

    /// Tells the number of the value at hand.
    fn number(&self) -> u32 {
        VALUES - self.room.values
    }

    /// Tells how many values there were.
    fn values(&self) -> u32 {
        let passed_over = VALUES - self.room.values - self.taken_in;
        self.nested.out.values + passed_over
    }

    /// Tells what was taken so far.
    pub fn taken(&self) -> Taken {
        Taken {
            values: self.number(),
            bytes: BYTES - self.room.bytes,
            steps: self.nested.out.visitor.spent(),
            taken_in: self.taken_in,
            handed: self.nested.out.values,
        }
    }

    /// Takes what reading the same took before. Returns whether there is as much, and takes nothing
    /// where there is not.
    pub fn take_again(&mut self, taken: Taken) -> bool {
        let room = self.room.values >= taken.values && self.room.bytes >= taken.bytes;
        let affordable = room && self.nested.out.visitor.afford(taken.steps);
        if affordable {
            self.room.values -= taken.values;
            self.room.bytes -= taken.bytes;
            self.taken_in += taken.taken_in;
            self.nested.out.values += taken.handed;
        }
        affordable
    }

    /// As [`Visitor::noted`].
    pub fn noted(&self) -> Option<u32> {
        self.nested.out.visitor.noted()
    }

    /// As [`Visitor::is_spent`].
    pub fn is_spent(&self) -> bool {
        self.nested.out.visitor.is_spent()
    }

    /// Tells whether a value of letters, digits, and single points and hyphens is dealt with by that.
    /// Cheap, for most are.
    #[inline(always)]
    pub fn passes(&mut self, part: Part, name: &[u8], plain: &[u8]) -> bool {
        self.may_pass(part, name, plain) && self.room.admit(1, plain.len())
    }

    /// Tells whether such a value may be passed over.
    #[inline(always)]
    fn may_pass(&self, part: Part, name: &[u8], plain: &[u8]) -> bool {
        let value = Value {
            part,
            name,
            bytes: plain,
            inner: b"",
            seen: Seen::default(),
            extra_rounds: 0,
            odd_utf8: false,
        };
        !self.odd && !self.nested.out.visitor.wants(&value) && !base64::may_be(plain)
    }

    /// A value in percent-encoding; `plus` as in forms.
    pub fn encoded(&mut self, part: Part, name: &[u8], raw: &[u8], plus: bool) {
        let coded = if plus {
            memchr::memchr2(b'%', b'+', raw).is_some()
        } else {
            memchr::memchr(b'%', raw).is_some()
        };
        if coded {
            self.undo(part, name, raw, Some(plus));
        } else {
            self.value(part, name, raw, kind::seen(raw));
        }
    }

    /// A value that its place does not encode.
    pub fn plain(&mut self, part: Part, name: &[u8], bytes: &[u8]) {
        self.value(part, name, bytes, kind::seen(bytes));
    }

    /// The same, its kinds already known.
    #[inline]
    fn value(&mut self, part: Part, name: &[u8], bytes: &[u8], seen: Seen) {
        let coded = seen.any & kind::OPEN != 0 && memchr::memchr(b'%', bytes).is_some();
        if coded || self.odd && percent::is_odd(bytes) {
            return self.undo(part, name, bytes, None);
        }
        if !self.afford(bytes.len()) {
            return;
        }
        let odd_utf8 = false;
        let value = Value {
            part,
            name,
            bytes,
            inner: b"",
            seen,
            extra_rounds: 0,
            odd_utf8,
        };
        if self.is_spent() {
            // The next walk reads it; where there is none, what nobody would have wanted is not told.
            let goes_on = self.nested.out.visitor.goes_on() != GoesOn::No;
            let wanted = goes_on || is_token(&value) || self.nested.out.visitor.wants(&value);
            return self.leave_out(bytes.len(), wanted);
        }
        self.last = self.number();
        let piece = std::mem::take(&mut self.piece);
        self.left_piece = self.nested.judge_from(&value, piece);
    }

    /// Counts a value that nobody looks at any more, and tells it where a detector would have wanted it.
    #[cold]
    fn leave_out(&mut self, bytes: usize, wanted: bool) {
        self.nested.out.values += 1;
        if !wanted {
            return;
        }
        if self.nested.out.visitor.goes_on() == GoesOn::No {
            self.gaps.add(Uninspected::OVER_BUDGET, bytes);
        } else if self.left_out == 0 {
            self.left_out = self.number();
        }
    }

    /// Decodes to a fixed point. `place` tells that the place itself encodes, and its plus.
    #[inline(never)]
    fn undo(&mut self, part: Part, name: &[u8], raw: &[u8], place: Option<bool>) {
        if !self.afford(raw.len()) {
            return;
        }
        if self.is_spent() {
            // What it says is not known before it is decoded.
            return self.leave_out(raw.len(), true);
        }
        self.last = self.number();
        self.text.clear();
        self.text.extend_from_slice(raw);
        let undone = percent::undo(self.text, place == Some(true));
        let value = Value {
            part,
            name,
            bytes: self.text,
            inner: b"",
            seen: kind::seen(self.text),
            extra_rounds: undone.rounds.saturating_sub(u8::from(place.is_some())),
            odd_utf8: undone.odd_utf8,
        };
        let piece = std::mem::take(&mut self.piece);
        self.left_piece = self.nested.judge_from(&value, piece);
    }

    /// Takes room for a value. Returns whether it is to be looked at: there was some, and no earlier walk
    /// handed it out.
    #[inline]
    fn afford(&mut self, bytes: usize) -> bool {
        if !self.room.admit(1, bytes) {
            self.gaps.add(Uninspected::OVER_BUDGET, bytes);
            return false;
        }
        self.taken_in += 1;
        let is_next = self.room.values < self.before;
        self.nested.out.values += u32::from(!is_next);
        is_next
    }
}

/// The strings of a JSON body are values.
impl<V: Visitor> json::Strings for Sink<'_, V> {
    #[inline(always)]
    fn room(&mut self) -> &mut json::Room {
        &mut self.room
    }

    #[inline(always)]
    fn passes(&self, plain: &[u8]) -> bool {
        // In a document no name makes a plain text worth a look.
        self.may_pass(Part::Json, b"", plain)
    }

    #[inline(never)]
    fn settles(&self, passage: Passage<'_, '_>, link: &mut Range<usize>) -> bool {
        let text = passage.text();
        let token = base64::may_be(text) && base64::is_token(text);
        !(self.odd || token) && self.nested.out.visitor.is_settled(&passage, link)
    }

    #[inline(never)]
    fn take(&mut self, path: &[u8], text: &[u8], seen: Seen) {
        self.value(Part::Json, path, text, seen);
    }
}
