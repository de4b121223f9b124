//! What happens next, in virtual time: a calendar of seconds, and a heap for the second at hand.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Seconds that the calendar looks ahead; what lies further is moved to its end.
const AHEAD_S: u64 = 4_096;

/// Things to happen, each at a millisecond; those of one millisecond in the order of `T`.
pub struct Queue<T> {
    ahead: Vec<Vec<(u64, T)>>,
    now: BinaryHeap<Reverse<(u64, T)>>,
    second: u64,
}

impl<T: Ord> Queue<T> {
    pub fn new() -> Queue<T> {
        Queue {
            ahead: (0..AHEAD_S).map(|_| Vec::new()).collect(),
            now: BinaryHeap::new(),
            second: 0,
        }
    }

    /// Puts a thing in. What lies in the past happens next.
    pub fn push(&mut self, at_ms: u64, thing: T) {
        let second = at_ms / 1_000;
        if second <= self.second {
            self.now.push(Reverse((at_ms, thing)));
            return;
        }
        let last = self.second + AHEAD_S - 1;
        let at_ms = if second > last { last * 1_000 } else { at_ms };
        self.ahead[(second.min(last) % AHEAD_S) as usize].push((at_ms, thing));
    }

    /// Moves on to a second: the one after the last.
    pub fn turn(&mut self, second: u64) {
        self.second = second;
        let due = &mut self.ahead[(second % AHEAD_S) as usize];
        self.now.extend(due.drain(..).map(Reverse));
    }

    /// Takes the next thing of the second at hand.
    pub fn pop(&mut self) -> Option<(u64, T)> {
        self.now.pop().map(|Reverse(next)| next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_happen_in_order() {
        let mut queue = Queue::new();
        for at_ms in [2_500u64, 700, 3_000, 699, 9_000_000, 2_400] {
            queue.push(at_ms, at_ms);
        }
        let mut seen = Vec::new();
        for second in 0..AHEAD_S {
            if second > 0 {
                queue.turn(second);
            }
            while let Some((at_ms, thing)) = queue.pop() {
                assert_eq!(at_ms / 1_000, second);
                seen.push(thing);
            }
        }
        assert_eq!(seen, [699, 700, 2_400, 2_500, 3_000, 9_000_000]);
    }
}
