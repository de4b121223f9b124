//! What a request may cost, in steps, so that no input takes much longer than an ordinary one of
//! its size. A step is some hundred instructions; what each piece of work takes was fitted to counts of
//! them over inputs that are made to cost and over documents.

use crate::decode::GoesOn;

/// Steps of a request of any size.
const STEPS: usize = 72 << 10;
/// Steps of a large one for each eight of its bytes, so that 64 KiB take what others do.
const STEPS_PER_EIGHT: usize = 9;

/// What the look at any value takes at least.
pub const LEAST: usize = 56;

/// Less than this is next to nothing: a value that a detector wants takes about as much.
const LITTLE: usize = 4 * LEAST;

/// Lessons of a request of any size, see [`super::automaton`]. One takes some twenty thousand
/// instructions.
const LESSONS: usize = 256;

/// What a request has left.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Units: steps.
    whole: usize,
    left: usize,
    /// New texts have matchers learn. That is counted apart, so that what is odd takes nothing from the
    /// search for what is known.
    lessons: usize,
    /// Whether another look can follow, with a budget of its own.
    can_go_on: bool,
    /// Values of the request, or pieces of one, that were begun, and whether the last is a piece.
    begun: u32,
    is_piece: bool,
    /// Whether the last of them is left to the next look.
    cut: bool,
    /// Whether the first is left to the next look in pieces.
    in_pieces: bool,
}

impl Budget {
    /// The budget of one look at a request of so many bytes.
    pub fn of(bytes: usize) -> Budget {
        let whole = STEPS.max(bytes / 8 * STEPS_PER_EIGHT);
        Budget {
            whole,
            left: whole,
            lessons: LESSONS,
            can_go_on: false,
            begun: 0,
            is_piece: false,
            cut: false,
            in_pieces: false,
        }
    }

    /// One that never ends, for work that is measured by itself.
    #[cfg(test)]
    pub fn endless() -> Budget {
        Budget {
            whole: usize::MAX,
            left: usize::MAX,
            lessons: usize::MAX,
            ..Budget::of(0)
        }
    }

    /// Takes one lesson. Returns whether it was there.
    pub fn learn(&mut self) -> bool {
        let some = self.lessons > 0;
        self.lessons = self.lessons.saturating_sub(1);
        some
    }

    /// Takes `steps`, or nothing when there are fewer. Returns whether they were there.
    pub fn afford(&mut self, steps: usize) -> bool {
        match self.left.checked_sub(steps) {
            Some(left) if !self.cut => {
                self.left = left;
                true
            }
            _ => false,
        }
    }

    /// Takes `steps` that were already spent, as far as there are any. Returns whether some are
    /// left.
    pub fn spend(&mut self, steps: usize) -> bool {
        self.left = self.left.saturating_sub(steps);
        self.left > 0
    }

    /// The same, and whether another look can follow.
    pub fn going_on(self, can_go_on: bool) -> Budget {
        Budget { can_go_on, ..self }
    }

    /// Takes note that another value of the request begins, or a piece of one.
    pub fn begin(&mut self, is_piece: bool) {
        self.begun += 1;
        self.is_piece = is_piece;
    }

    /// Tells whether what is at hand is a piece of a value.
    pub fn is_piece(&self) -> bool {
        self.is_piece
    }

    /// Leaves what is at hand and all behind it to the next look, if there can be one. Returns whether all
    /// of it is left. The first value of a look had the whole budget and is not: it goes on with what there
    /// is, and its pieces, if it can be read so, are the next look's, which sees most of it.
    pub fn leave(&mut self, can_be_pieces: bool) -> bool {
        if !self.can_go_on {
            return false;
        }
        let is_first = self.begun <= 1;
        self.in_pieces |= is_first && can_be_pieces && !self.is_piece;
        self.cut |= !is_first;
        !is_first
    }

    /// Tells where the next look is to start, if there is to be one.
    pub fn goes_on(&self) -> GoesOn {
        match self {
            _ if !self.can_go_on => GoesOn::No,
            _ if self.in_pieces => GoesOn::InPieces,
            _ if self.cut => GoesOn::Within,
            _ => GoesOn::Behind,
        }
    }

    /// Tells whether so little is left that no other value is worth decoding for it.
    pub fn is_spent(&self) -> bool {
        self.is_low() || self.in_pieces
    }

    /// Tells whether so little is left that what is at hand is not looked at either.
    pub fn is_low(&self) -> bool {
        self.left < LITTLE || self.cut
    }

    /// Tells what was taken. Units: steps.
    pub fn spent(&self) -> usize {
        self.whole - self.left
    }
}
