//! What the leader publishes of a parameter and of a route, packed into a few words each, and where.

use super::name::Name;
use crate::inspect::{Part, LONGEST_LOCATION};
use crate::memory::{Memory, PlaceId};

/// Words of a published line.
pub const FACTS_WORDS: usize = 6;

/// Where facts are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slot {
    /// Of a route's requests: [`Usual`].
    Route(PlaceId),
    /// Of a parameter: [`Facts`]. A keyed hash of place, part and name; never 0.
    Parameter(u64),
}

impl Slot {
    /// Finds the slot of a parameter of a place. Cost: a hash.
    pub fn parameter<M: Memory + ?Sized>(
        memory: &M,
        place: PlaceId,
        part: Part,
        name: &Name,
    ) -> Slot {
        let name = name.as_bytes();
        let mut text = [0; LONGEST_LOCATION + 3];
        text[..2].copy_from_slice(&place.0.to_le_bytes());
        text[2] = part as u8;
        text[3..3 + name.len()].copy_from_slice(name);
        Slot::Parameter(memory.hash(&text[..3 + name.len()]).max(1))
    }
}

/// What is read from a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    Absent,
    /// Being written just now: it says nothing, not even that nothing is known.
    Torn,
    Whole([u64; FACTS_WORDS]),
}

impl Line {
    pub fn whole(self) -> Option<[u64; FACTS_WORDS]> {
        match self {
            Line::Whole(words) => Some(words),
            Line::Absent | Line::Torn => None,
        }
    }
}

/// Senders that show a trait, in steps.
const COUNTS: [u32; 16] = [0, 1, 2, 3, 4, 5, 7, 10, 14, 20, 26, 32, 40, 48, 56, 64];
/// Minutes, in steps: up to four weeks.
const MINUTES: [u32; 16] = [
    0, 1, 5, 10, 15, 30, 60, 120, 240, 480, 720, 1_440, 2_880, 5_760, 10_080, 40_320,
];

/// Sixteen numbers in one word, rounded down to steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits(pub u64);

impl Traits {
    /// Packs counts of senders.
    pub fn counts(of: impl Fn(usize) -> u32) -> Traits {
        Traits::pack(&COUNTS, of)
    }

    /// Packs minutes.
    pub fn minutes(of: impl Fn(usize) -> u32) -> Traits {
        Traits::pack(&MINUTES, of)
    }

    fn pack(steps: &[u32; 16], of: impl Fn(usize) -> u32) -> Traits {
        Traits((0..16).fold(0, |word, nth| word | step(steps, of(nth)) << (4 * nth)))
    }

    /// How many senders showed the n-th trait, at least.
    pub fn count(self, nth: usize) -> u32 {
        COUNTS[(self.0 >> (4 * (nth & 15)) & 15) as usize]
    }

    /// The n-th minutes, at least.
    pub fn minutes_of(self, nth: usize) -> u32 {
        MINUTES[(self.0 >> (4 * (nth & 15)) & 15) as usize]
    }
}

fn step(steps: &[u32; 16], n: u32) -> u64 {
    steps.iter().rposition(|s| *s <= n).unwrap_or(0) as u64
}

/// What is known of a parameter. Counts are of a sample of at most 64 senders, each counted once
/// however much it sends.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Facts {
    /// Senders by [`super::Class`], and by [`super::KINDS`] of character.
    pub classes: Traits,
    pub kinds: Traits,
    /// Senders by the family of findings in what they sent, in the order of
    /// [`crate::inspect::Family::ALL`], and minutes from the first such to the last.
    pub families: Traits,
    pub family_minutes: Traits,
    /// The same of values on which the model spoke alone.
    pub model: u32,
    pub model_minutes: u32,
    /// Senders in the sample, and how many there are about.
    pub sampled: u8,
    pub sources: u16,
    /// From the first value to the last.
    pub minutes: u32,
    /// The longest value, by [`super::Shape::length_bin`].
    pub longest: u8,
}

impl Facts {
    pub fn to_words(&self) -> [u64; FACTS_WORDS] {
        let model = step(&COUNTS, self.model) | step(&MINUTES, self.model_minutes) << 4;
        [
            self.classes.0,
            self.kinds.0,
            self.families.0,
            self.family_minutes.0,
            u64::from(self.minutes) << 32 | u64::from(self.sources) << 16 | model,
            u64::from(self.sampled) << 8 | u64::from(self.longest),
        ]
    }

    pub fn from_words(words: &[u64; FACTS_WORDS]) -> Facts {
        let [classes, kinds, families, family_minutes, span, rest] = *words;
        Facts {
            classes: Traits(classes),
            kinds: Traits(kinds),
            families: Traits(families),
            family_minutes: Traits(family_minutes),
            model: Traits(span).count(0),
            model_minutes: Traits(span).minutes_of(1),
            sampled: (rest >> 8) as u8,
            sources: (span >> 16) as u16,
            minutes: (span >> 32) as u32,
            longest: rest as u8,
        }
    }
}

/// What is known of a route's requests: of each of [`super::Numbers`], over the largest of each sender,
/// mean, deviation, and what one sender in twenty exceeds; the first two with larger ones cut to that.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usual {
    pub numbers: [[f32; 3]; 3],
    pub sampled: u8,
    pub sources: u16,
    pub minutes: u32,
    /// One request in 2^rate is taken into the sample.
    pub rate: u8,
    /// Bit n for the n-th part: names in it come and go, or found no room, so that a new one says
    /// nothing.
    pub open: u8,
}

/// What one in twenty exceeds: one odd sender among many does not stretch it.
pub(super) fn high<T: Copy>(
    mut all: Vec<T>,
    order: impl Fn(&T, &T) -> std::cmp::Ordering,
) -> Option<T> {
    all.sort_unstable_by(|a, b| order(b, a));
    all.get(all.len() / 20).copied()
}

impl Usual {
    /// Tells whether names of a part come and go.
    pub fn is_open(&self, part: Part) -> bool {
        self.open >> (part as u8) & 1 == 1
    }

    /// Numbers are logarithms below 32, so that 16 bits keep three decimals.
    pub fn to_words(&self) -> [u64; FACTS_WORDS] {
        let mut words = [0; FACTS_WORDS];
        for (word, numbers) in words.iter_mut().zip(&self.numbers) {
            let fixed = numbers.map(|x| (x.clamp(0.0, 31.9) * 2_048.0) as u64);
            *word = fixed[0] << 32 | fixed[1] << 16 | fixed[2];
        }
        words[3] = u64::from(self.minutes) << 32 | u64::from(self.sources);
        words[4] = u64::from(self.sampled) << 16 | u64::from(self.rate) << 8 | u64::from(self.open);
        words
    }

    pub fn from_words(words: &[u64; FACTS_WORDS]) -> Usual {
        let part = |word: u64, at: u32| (word >> at & 0xffff) as f32 / 2_048.0;
        let [a, b, c, span, rest, _] = *words;
        Usual {
            numbers: [a, b, c].map(|w| [part(w, 32), part(w, 16), part(w, 0)]),
            sampled: (rest >> 16) as u8,
            sources: span as u16,
            minutes: (span >> 32) as u32,
            rate: (rest >> 8) as u8,
            open: rest as u8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back() {
        let facts = Facts {
            classes: Traits::counts(|nth| nth as u32),
            kinds: Traits::counts(|nth| 4 * nth as u32),
            families: Traits::counts(|_| 64),
            family_minutes: Traits::minutes(|_| 1_440),
            model: 10,
            model_minutes: 60,
            sampled: 64,
            sources: 1_234,
            minutes: 99_999,
            longest: 17,
        };
        assert_eq!(Facts::from_words(&facts.to_words()), facts);
        assert_eq!(facts.classes.count(6), 5);
        assert_eq!(facts.family_minutes.minutes_of(15), 1_440);
        let usual = Usual {
            numbers: [[1.5, 0.25, 2.0], [0.0, 3.0, 4.5], [31.0, 0.5, 0.5]],
            sampled: 12,
            sources: 65_535,
            minutes: 7,
            rate: 10,
            open: 0x81,
        };
        assert_eq!(Usual::from_words(&usual.to_words()), usual);
    }
}
