//! What a request may cost, in steps, so that no input takes much longer than an ordinary one of
//! its size. A step is about what matching one byte against a family's patterns takes: 4 to 8 ns
//! where the figures of the benches were measured.

/// Steps of a request of any size.
const STEPS: usize = 128 << 10;
/// Steps of a large one for each of its bytes; an ordinary one takes less than half of a step.
const STEPS_PER_BYTE: usize = 2;

/// The steps that a request has left.
#[derive(Debug)]
pub struct Budget {
    whole: usize,
    left: usize,
}

impl Budget {
    /// The budget of a request of so many bytes.
    pub fn of(bytes: usize) -> Budget {
        let whole = STEPS.max(bytes.saturating_mul(STEPS_PER_BYTE));
        Budget { whole, left: whole }
    }

    /// One that never ends, for work that is measured by itself.
    #[cfg(test)]
    pub fn endless() -> Budget {
        Budget {
            whole: usize::MAX,
            left: usize::MAX,
        }
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

    /// Tells what was taken. Units: steps.
    pub fn spent(&self) -> usize {
        self.whole - self.left
    }
}
