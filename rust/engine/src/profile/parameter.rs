//! What is known of one parameter: a vote for each sender of a sample, whatever it sends and however
//! often.

use super::facts::{high, Facts, Traits};
use super::room::Worth;
use super::sample::MODEL_FAMILY;
use super::shape::Shape;
use super::voters::{Voters, MOST};
use serde::{Deserialize, Serialize};

/// Families by whose findings a sender is a scanner, which teaches nothing of what is used.
const SCANNED: u32 = 3;

/// Units: seconds.
const WEEK_S: u64 = 7 * 86_400;
/// After how long a name that one sender uses is no longer made up. Units: seconds.
const HOUR_S: u64 = 3_600;

/// What one sender has shown of a parameter.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(from = "(u16, u16, u32, u8)", into = "(u16, u16, u32, u8)")]
struct Vote {
    classes: u16,
    kinds: u16,
    families: u32,
    longest: u8,
}

impl From<(u16, u16, u32, u8)> for Vote {
    fn from((classes, kinds, families, longest): (u16, u16, u32, u8)) -> Vote {
        Vote {
            classes,
            kinds,
            families,
            longest,
        }
    }
}

impl From<Vote> for (u16, u16, u32, u8) {
    fn from(vote: Vote) -> (u16, u16, u32, u8) {
        (vote.classes, vote.kinds, vote.families, vote.longest)
    }
}

/// What is known of one parameter.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Parameter {
    first_s: u64,
    last_s: u64,
    voters: Voters<Vote>,
    /// When each family was first found and when last.
    found: Vec<(u8, u64, u64)>,
    /// Whether its facts found no room among those that are published.
    #[serde(skip)]
    pub(super) unpublished: bool,
}

impl Parameter {
    fn see(&mut self, now_s: u64) {
        if self.first_s == 0 {
            self.first_s = now_s;
        }
        self.last_s = now_s;
    }

    /// Takes a value in.
    pub(super) fn take(&mut self, source: u64, shape: &Shape, now_s: u64) {
        self.see(now_s);
        if let Some(vote) = self.voters.of(source, now_s) {
            vote.classes |= 1 << shape.class as u16;
            vote.kinds |= shape.kinds;
            vote.longest = vote.longest.max(shape.length);
        }
    }

    /// Takes in that something was found in a value.
    pub(super) fn find(&mut self, source: u64, families: u32, now_s: u64) {
        self.see(now_s);
        if let Some(vote) = self.voters.of(source, now_s) {
            vote.families |= families;
            if vote.families.count_ones() >= SCANNED {
                return;
            }
            for nth in (0..=MODEL_FAMILY as u8).filter(|nth| families >> nth & 1 == 1) {
                match self.found.iter_mut().find(|(known, ..)| *known == nth) {
                    Some((.., last_s)) => *last_s = now_s,
                    None => self.found.push((nth, now_s, now_s)),
                }
            }
        }
    }

    /// Sums it up. Cost: a pass over the votes.
    pub fn facts(&self) -> Facts {
        let (mut classes, mut kinds) = ([0; 16], [0; 16]);
        let mut found = [0; MODEL_FAMILY + 1];
        let mut lengths = Vec::with_capacity(usize::from(self.voters.sampled()));
        for vote in self.voters.votes() {
            tally(&mut classes, u32::from(vote.classes));
            tally(&mut kinds, u32::from(vote.kinds));
            if vote.families.count_ones() < SCANNED {
                tally(&mut found, vote.families);
            }
            lengths.push(vote.longest);
        }
        let minutes = |nth: usize| {
            let span = self
                .found
                .iter()
                .find(|(known, ..)| usize::from(*known) == nth);
            span.map_or(0, |(_, first, last)| {
                (last.saturating_sub(*first) / 60) as u32
            })
        };
        Facts {
            classes: Traits::counts(|nth| classes[nth]),
            kinds: Traits::counts(|nth| kinds[nth]),
            families: Traits::counts(|nth| found[nth]),
            family_minutes: Traits::minutes(minutes),
            model: found[MODEL_FAMILY],
            model_minutes: minutes(MODEL_FAMILY),
            sampled: self.voters.sampled(),
            sources: self.voters.estimate().min(u64::from(u16::MAX)) as u16,
            minutes: (self.last_s.saturating_sub(self.first_s) / 60) as u32,
            longest: high(lengths, u8::cmp).unwrap_or(0),
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        self.voters.is_sound() && self.found.len() <= MODEL_FAMILY + 1
    }

    /// Tells whether a second sender has confirmed that there is such a parameter, or time has: one
    /// partner may be the only one to use it.
    pub(super) fn is_confirmed(&self) -> bool {
        self.voters.estimate() >= 2 || self.last_s.saturating_sub(self.first_s) >= HOUR_S
    }

    /// What it is weighed by where another needs room.
    pub(super) fn worth(&self, now_s: u64) -> Worth {
        let weeks = (now_s.saturating_sub(self.last_s) / WEEK_S).min(31);
        let senders = self.voters.estimate().min(u64::from(u32::MAX)) as u32;
        Worth {
            owner: self.voters.first().unwrap_or_default(),
            senders: senders.min(MOST as u32) >> weeks,
            last_s: self.last_s,
        }
    }
}

/// Counts the bits of a mask.
fn tally(counts: &mut [u32], mut mask: u32) {
    while mask != 0 {
        if let Some(count) = counts.get_mut(mask.trailing_zeros() as usize) {
            *count += 1;
        }
        mask &= mask - 1;
    }
}
