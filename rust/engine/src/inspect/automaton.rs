//! The matcher of a set of patterns: an automaton that works its transitions out when a text first asks
//! for them, and keeps them. What it knows costs some ten instructions a byte; a new transition is a
//! lesson and costs some twenty thousand, and a text may be made to ask for one with every byte. So
//! lessons are counted: some are free, more are taken from the request's budget, and where there is none
//! left the search starts again behind the odd word, as it starts with any text, which it knows best.
//!
//! Source: lazy automata of the `regex-automata` crate.

use super::budget::Budget;
use regex_automata::hybrid::dfa::{self, Cache, DFA};
use regex_automata::hybrid::LazyStateID;
use regex_automata::nfa::thompson;
use regex_automata::util::pool::Pool;
use regex_automata::util::syntax;
use regex_automata::{Input, MatchKind};

/// Most patterns of one automaton: each new one multiplies what can be kept apart.
pub const MOST: usize = 16;
/// Memory of what one knows, which is forgotten when it is full. Units: bytes.
const MEMORY: usize = 2 << 20;
/// What it costs to start again. Units: steps.
const AGAIN: usize = 1;
/// Lessons that are free in a new process, which knows nothing; later one for so many bytes that were
/// searched, up to so many. Units: lessons; bytes.
const FREE: usize = 32 << 10;
const FREE_EACH: usize = 2 << 10;
const MOST_FREE: usize = 64;

/// What is wrong with a pattern.
pub type Error = Box<dyn std::error::Error>;

/// A set of patterns, ready to be searched for.
pub struct Automaton {
    dfa: DFA,
    /// The patterns that do not ask for the start of the text.
    anywhere: u64,
    known: Pool<Known, Box<dyn Fn() -> Known + Send + Sync>>,
}

/// What one thread's searches have learned.
struct Known {
    cache: Cache,
    /// Lessons that cost nothing.
    free: usize,
    /// Bytes that were searched since the last one came.
    searched: usize,
}

impl Known {
    /// Takes a lesson. Returns whether it was there.
    fn learn(&mut self, budget: &mut Budget) -> bool {
        let free = self.free > 0;
        self.free = self.free.saturating_sub(1);
        free || budget.learn()
    }

    /// Counts bytes as searched.
    fn search(&mut self, bytes: usize) {
        self.searched += bytes;
        if self.free < MOST_FREE {
            let more = self.searched / FREE_EACH;
            self.free = MOST_FREE.min(self.free + more);
        }
        self.searched %= FREE_EACH;
    }
}

/// What a search gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Bit n for the n-th pattern.
    pub patterns: u64,
    /// Whether the search started again, or ended before the text did.
    pub cut: bool,
}

impl Automaton {
    /// Compiles patterns in the syntax of the `regex` crate: bytes, ASCII, any case.
    /// Errors: one that is none, or memory too small for a search.
    pub fn new(patterns: &[&str]) -> Result<Automaton, Error> {
        let syntax = syntax::Config::new()
            .unicode(false)
            .utf8(false)
            .case_insensitive(true);
        let mut anywhere = 0;
        for (n, pattern) in patterns.iter().enumerate() {
            let parsed = syntax::parse_with(pattern, &syntax)?;
            let start = parsed.properties().look_set_prefix_any();
            anywhere |= u64::from(!start.contains_anchor_haystack()) << n;
        }
        let dfa = dfa::Builder::new()
            .configure(
                dfa::Config::new()
                    .match_kind(MatchKind::All)
                    .cache_capacity(MEMORY),
            )
            .syntax(syntax)
            .thompson(thompson::Config::new().utf8(false))
            .build_many(patterns)?;
        let empty = dfa.clone();
        let known = move || Known {
            cache: empty.create_cache(),
            free: FREE,
            searched: 0,
        };
        Ok(Automaton {
            dfa,
            anywhere,
            known: Pool::new(Box::new(known)),
        })
    }

    /// Tells which patterns match somewhere in `text`; those that would match across a place where the
    /// search started again may be missed. Cost: linear; lessons and new starts are taken from `budget`,
    /// the pass itself is the caller's.
    pub fn search(&self, text: &[u8], budget: &mut Budget) -> Found {
        let mut known = self.known.get();
        known.search(text.len());
        let mut found = Found::default();
        let (mut at, mut counted) = (0, u64::MAX);
        // An automaton that never gives up and reads every byte has no errors.
        let start = |cache: &mut Cache| self.dfa.start_state_forward(cache, &Input::new(text));
        let Ok(mut state) = start(&mut known.cache) else {
            return found;
        };
        while let Some(&byte) = text.get(at) {
            at += 1;
            let mut is_odd = false;
            let is_ordinary = !state.is_tagged();
            if is_ordinary {
                let next = self.dfa.next_state_untagged(&known.cache, state, byte);
                if !next.is_tagged() {
                    state = next;
                    continue;
                }
                is_odd = next.is_unknown() && !known.learn(budget);
            }
            if !is_odd {
                let held = known.cache.memory_usage();
                let Ok(next) = self.dfa.next_state(&mut known.cache, state, byte) else {
                    return found;
                };
                state = next;
                if state.is_match() {
                    found.patterns |= counted & self.matched(&known.cache, state);
                } else if state.is_dead() {
                    return found;
                }
                // What follows a match cannot be asked for; a state that is new takes memory.
                let is_new = !is_ordinary && known.cache.memory_usage() != held;
                is_odd = is_new && !known.learn(budget);
            }
            if is_odd {
                (found.cut, counted) = (true, self.anywhere);
                at += behind_word(byte, &text[at..]);
                match start(&mut known.cache) {
                    Ok(again) if budget.afford(AGAIN) => state = again,
                    _ => return found,
                }
            }
        }
        if let Ok(last) = self.dfa.next_eoi_state(&mut known.cache, state) {
            if last.is_match() {
                found.patterns |= counted & self.matched(&known.cache, last);
            }
        }
        found
    }

    /// Tells the patterns that match in a state.
    fn matched(&self, cache: &Cache, state: LazyStateID) -> u64 {
        (0..self.dfa.match_len(cache, state))
            .map(|n| 1 << self.dfa.match_pattern(cache, state, n).as_usize())
            .fold(0, |all: u64, bit: u64| all | bit)
    }
}

/// How much of a word stands behind its byte.
fn behind_word(byte: u8, text: &[u8]) -> usize {
    let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let rest = text.iter().take_while(|b| word(b) && word(&byte));
    rest.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts of which none is like another, for an automaton that keeps apart where each bracket stood.
    fn texts() -> impl Iterator<Item = Vec<u8>> {
        let mut seed = 1_u32;
        let mut byte = move || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b"{}ab"[(seed >> 30) as usize]
        };
        std::iter::repeat_with(move || (0..8 << 10).map(|_| byte()).collect())
    }

    fn automaton() -> Automaton {
        Automaton::new(&["\\{.{0,60}a\\}b", "\\}.{0,40}ba\\{", "^x", "b$"]).unwrap()
    }

    #[test]
    fn patterns_are_found_wherever_they_end() {
        for (text, want) in [
            ("xyz", 0b100),
            ("{ A}b", 0b1001),
            ("ab", 0b1000),
            ("", 0),
            ("}{", 0),
        ] {
            let found = automaton().search(text.as_bytes(), &mut Budget::endless());
            assert_eq!(
                found,
                Found {
                    patterns: want,
                    cut: false
                },
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_known_is_free() {
        let (automaton, text) = (automaton(), texts().next().unwrap());
        let first = automaton.search(&text, &mut Budget::endless());
        let mut budget = Budget::of(0);
        assert_eq!(automaton.search(&text, &mut budget), first);
        assert_eq!(budget.spent(), 0);
    }

    /// However long it goes on, a request has no more learned than it can pay for; what is known is
    /// found behind that as well.
    #[test]
    fn what_is_new_in_every_text_is_paid_for() {
        let automaton = automaton();
        for text in texts().take(20) {
            automaton.search(&text, &mut Budget::endless());
        }
        automaton.search(b"{a}b", &mut Budget::endless());
        let mut text: Vec<u8> = texts().skip(20).take(20).flatten().collect();
        text.extend_from_slice(b"?{a}b");
        let mut budget = Budget::of(text.len());
        let found = automaton.search(&text, &mut budget);
        assert!(found.cut && !budget.learn());
        assert_eq!(found.patterns & 0b1001, 0b1001);
    }

    /// What follows a match is new as often, and is paid for as well.
    #[test]
    fn what_is_new_behind_a_match_is_paid_for() {
        let automaton = Automaton::new(&["\\{.{0,60}a\\}b", "\\}.{0,40}ba\\{", "[ab{}]"]).unwrap();
        for text in texts().take(20) {
            automaton.search(&text, &mut Budget::endless());
        }
        let text: Vec<u8> = texts().skip(20).take(20).flatten().collect();
        let mut budget = Budget::of(text.len());
        assert!(automaton.search(&text, &mut budget).cut && !budget.learn());
    }
}
