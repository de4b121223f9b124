//! Which values of a request are noted: each name once for each class of its values, and of more than
//! there is room for an even sample, another one each time.
//!
//! Kept are those with the smallest hashes of turn, part, class and name: a bottom-k sample, for which
//! it does not matter how often a name comes, nor where in the request.
//! Source: Cohen and Kaplan, "Summarizing data using bottom-k sketches", PODC 2007.

use super::name::Name;
use super::sample::NOTED;
use super::shape::Shape;
use crate::inspect::{Part, LONGEST_LOCATION};
use crate::memory::Memory;

/// One note is the request's own.
const MOST: usize = NOTED - 1;

pub struct Noted {
    turn: u64,
    kept: [Option<(u64, Part, Name, Shape)>; MOST],
    length: usize,
    /// The greatest hash that is kept, once there is no more room.
    greatest: u64,
}

impl Noted {
    pub fn new(turn: u64) -> Noted {
        Noted {
            turn,
            kept: [None; MOST],
            length: 0,
            greatest: u64::MAX,
        }
    }

    /// Takes a value in. Cost: a hash; for those that are kept, a pass over at most 47 more.
    pub fn add<M: Memory + ?Sized>(&mut self, part: Part, name: Name, shape: Shape, memory: &M) {
        let hash = self.hash(part, &name, &shape, memory);
        if hash > self.greatest {
            return;
        }
        let same = |kept: &&mut (u64, Part, Name, Shape)| kept.0 == hash;
        if let Some((.., known)) = self.kept.iter_mut().flatten().find(same) {
            known.kinds |= shape.kinds;
            known.length = known.length.max(shape.length);
            return;
        }
        let hash_at = |kept: &Option<(u64, Part, Name, Shape)>| kept.as_ref().map_or(0, |k| k.0);
        let at = if self.length < MOST {
            self.length += 1;
            self.length - 1
        } else {
            let greatest = |kept: &_| hash_at(kept) == self.greatest;
            self.kept.iter().position(greatest).unwrap_or(0)
        };
        if let Some(place) = self.kept.get_mut(at) {
            *place = Some((hash, part, name, shape));
        }
        if self.length == MOST {
            self.greatest = self.kept.iter().map(hash_at).max().unwrap_or(u64::MAX);
        }
    }

    fn hash<M: Memory + ?Sized>(&self, part: Part, name: &Name, shape: &Shape, memory: &M) -> u64 {
        let name = name.as_bytes();
        let mut text = [0; LONGEST_LOCATION + 10];
        text[..8].copy_from_slice(&self.turn.to_le_bytes());
        text[8] = part as u8;
        text[9] = shape.class as u8;
        text[10..10 + name.len()].copy_from_slice(name);
        memory.hash(&text[..10 + name.len()])
    }

    pub fn all(self) -> impl Iterator<Item = (Part, Name, Shape)> {
        let kept = self.kept.into_iter().flatten();
        kept.map(|(_, part, name, shape)| (part, name, shape))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::LocalState;
    use std::collections::BTreeSet;

    fn noted(turn: u64, values: &[(String, &str)]) -> Vec<(Name, Shape)> {
        let (memory, mut noted) = (LocalState::default(), Noted::new(turn));
        for (name, value) in values {
            let (name, shape) = (Name::new(name.as_bytes()), Shape::of(value.as_bytes()));
            noted.add(Part::Json, name, shape, &memory);
        }
        noted.all().map(|(_, name, shape)| (name, shape)).collect()
    }

    #[test]
    fn a_name_that_comes_often_takes_one_place() {
        let mut values = vec![("items.sku".to_owned(), "A1"); 100];
        values.extend([("items.sku".to_owned(), "B_22"), ("note".to_owned(), "x")]);
        let all = noted(1, &values);
        let sku = all.iter().find(|(name, _)| name.as_bytes() == b"items.sku");
        assert_eq!(all.len(), 2);
        let (sku, longer) = (sku.unwrap().1, Shape::of(b"B_22"));
        assert_eq!(
            (sku.length, sku.kinds & longer.kinds),
            (longer.length, longer.kinds)
        );
        // A value of another class is another note.
        values.push(("items.sku".to_owned(), "<b>"));
        assert_eq!(noted(1, &values).len(), 3);
    }

    #[test]
    fn of_many_names_each_has_its_turn() {
        let values: Vec<_> = (0..80).map(|n| (format!("field_{n}x"), "v")).collect();
        let mut seen = BTreeSet::new();
        for turn in 0..8 {
            let all = noted(turn, &values);
            assert_eq!(all.len(), MOST);
            seen.extend(all.into_iter().map(|(name, _)| name));
        }
        assert_eq!(seen.len(), 80);
    }
}
