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
    /// Values of the request that were begun.
    begun: u32,
    /// Whether the last of them is left to the next look.
    cut: bool,
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
            cut: false,
        }
    }

    /// One that never ends, for work that is measured by itself.
    #[cfg(test)]
    pub fn endless() -> Budget {
        Budget {
            whole: usize::MAX,
            left: usize::MAX,
            lessons: usize::MAX,
            can_go_on: false,
            begun: 0,
            cut: false,
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
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
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

    /// Takes note that another value of the request begins.
    pub fn begin(&mut self) {
        self.begun += 1;
    }

    /// Leaves the value at hand and all behind it to the next look, if there can be one. The first value
    /// of a look is not left: it had the whole budget. Returns whether it was left.
    pub fn leave(&mut self) -> bool {
        let leaves = self.can_go_on && self.begun > 1;
        if leaves {
            self.left = 0;
            self.cut = true;
        }
        leaves
    }

    /// Tells where the next look is to start, if there is to be one.
    pub fn goes_on(&self) -> GoesOn {
        match (self.can_go_on, self.cut) {
            (false, _) => GoesOn::No,
            (true, true) => GoesOn::Within,
            (true, false) => GoesOn::Behind,
        }
    }

    /// Tells whether so little is left that no value is worth decoding for it.
    pub fn is_spent(&self) -> bool {
        self.left < LITTLE
    }

    /// Tells what was taken. Units: steps.
    pub fn spent(&self) -> usize {
        self.whole - self.left
    }
}
