//! Levels and shares by hour of the week, a byte each: what the nightly batch does is usual at night.
//!
//! Error of a byte: a level is within 4.5 %, a share `p` within `sqrt(p) / 253`.

use super::hours::{hour_of, HOURS, HOUR_EVIDENCE_S, WEEK_SHARE};
use crate::tally::{Answer, Method};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What has a value for each hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Mean latency. Units: milliseconds.
    Latency,
    /// Geometric mean of the sizes of bodies. Units: bytes.
    RequestBytes,
    ResponseBytes,
    /// Share of the requests, of [`Method::WRITING`].
    Method(Method),
    /// Share of the requests.
    Answer(Answer),
}

const METHODS_AT: usize = 3;
const ANSWERS_AT: usize = METHODS_AT + Method::WRITING.len();
const CELLS: usize = ANSWERS_AT + Answer::ALL.len();

/// Steps of a level in a doubling.
const STEPS: f64 = 8.0;
const MOST: f64 = 253.0;

impl Cell {
    fn number(self) -> usize {
        match self {
            Cell::Latency => 0,
            Cell::RequestBytes => 1,
            Cell::ResponseBytes => 2,
            Cell::Method(method) => METHODS_AT + method as usize % Method::WRITING.len(),
            Cell::Answer(answer) => ANSWERS_AT + answer as usize,
        }
    }

    fn is_share(number: usize) -> bool {
        number >= METHODS_AT
    }
}

/// Never 0, which stands for nothing learned.
fn encode(number: usize, value: f64) -> u8 {
    let steps = if Cell::is_share(number) {
        MOST * value.clamp(0.0, 1.0).sqrt()
    } else {
        STEPS * (value.max(0.0) + 1.0).log2()
    };
    1 + steps.round().clamp(0.0, MOST) as u8
}

fn decode(number: usize, byte: u8) -> f64 {
    let steps = f64::from(byte) - 1.0;
    if Cell::is_share(number) {
        (steps / MOST).powi(2)
    } else {
        (steps / STEPS).exp2() - 1.0
    }
}

/// The week's hours, and the sums of the hour at hand.
#[derive(Clone, Debug)]
pub struct Profile {
    bytes: Vec<u8>,
    hour: usize,
    sums: [f32; CELLS],
    seconds: [u16; CELLS],
}

impl Default for Profile {
    fn default() -> Self {
        Profile {
            bytes: vec![0; HOURS * CELLS],
            hour: 0,
            sums: [0.0; CELLS],
            seconds: [0; CELLS],
        }
    }
}

impl Profile {
    /// Takes a second's value in; at the end of an hour the average becomes the hour's, in part.
    pub fn learn(&mut self, cell: Cell, value: f64, wall_s: u64) {
        let hour = hour_of(wall_s);
        if hour != self.hour {
            self.close();
            self.hour = hour;
        }
        let number = cell.number();
        // Levels are averaged as logarithms: one huge body is no large hour.
        let value = if Cell::is_share(number) {
            value.clamp(0.0, 1.0)
        } else {
            (value.max(0.0) + 1.0).log2()
        };
        self.sums[number] += value as f32;
        self.seconds[number] += 1;
    }

    fn close(&mut self) {
        let sums = std::mem::take(&mut self.sums);
        let seconds = std::mem::take(&mut self.seconds);
        for (number, (sum, seconds)) in sums.into_iter().zip(seconds).enumerate() {
            if u32::from(seconds) < HOUR_EVIDENCE_S {
                continue;
            }
            let new = f64::from(sum) / f64::from(seconds);
            let share = Cell::is_share(number);
            let new = if share { new } else { new.exp2() - 1.0 };
            let byte = &mut self.bytes[self.hour * CELLS + number];
            if *byte == 0 {
                *byte = encode(number, new);
                continue;
            }
            // A week moves an hour by a doubling, and a share by 5 % more, at most.
            let known = decode(number, *byte);
            let room = if share { 0.05 } else { 1.0 };
            let clipped = new.clamp(known / 2.0 - room, 2.0 * known + room);
            *byte = encode(number, known + f64::from(WEEK_SHARE) * (clipped - known));
        }
    }

    /// The value of the hour, when it is known.
    pub fn at(&self, cell: Cell, wall_s: u64) -> Option<f64> {
        let number = cell.number();
        let byte = *self.bytes.get(hour_of(wall_s) * CELLS + number)?;
        (byte > 0).then(|| decode(number, byte))
    }

    /// What the hours take. Units: bytes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn is_sound(&self) -> bool {
        self.bytes.len() == HOURS * CELLS
    }
}

/// As hexadecimal digits, ten bytes an hour; nothing while nothing is known.
impl Serialize for Profile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let known = self.bytes.iter().any(|b| *b > 0);
        let digits = |b: &u8| format!("{b:02x}");
        let text: String = self.bytes.iter().map(digits).collect();
        serializer.serialize_str(if known { &text } else { "" })
    }
}

impl<'de> Deserialize<'de> for Profile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Profile, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut profile = Profile::default();
        if text.is_empty() {
            return Ok(profile);
        }
        let pairs = text.as_bytes().chunks(2);
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let bytes: Option<Vec<u8>> = pairs.map(byte).collect();
        let right = bytes.filter(|bytes| bytes.len() == HOURS * CELLS);
        profile.bytes = right.ok_or_else(|| {
            let digits = 2 * HOURS * CELLS;
            serde::de::Error::custom(format!("profile: expected {digits} hexadecimal digits"))
        })?;
        Ok(profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WEEK_S: u64 = 168 * 3_600;

    fn hour(profile: &mut Profile, cell: Cell, value: f64, start_s: u64) {
        for second in 0..=3_600 {
            profile.learn(cell, value, start_s + second);
        }
    }

    #[test]
    fn a_nightly_batch_is_usual_at_night() {
        let mut profile = Profile::default();
        let deletes = Cell::Method(Method::Delete);
        hour(&mut profile, deletes, 0.8, 3 * 3_600);
        hour(&mut profile, deletes, 0.0, 12 * 3_600);
        let at = |hour: u64| profile.at(deletes, WEEK_S + hour * 3_600);
        assert!(at(3).is_some_and(|share| (share - 0.8).abs() < 0.01));
        assert_eq!((at(12), at(13)), (Some(0.0), None));
    }

    #[test]
    fn a_week_moves_an_hour_by_a_share_of_a_doubling() {
        let mut profile = Profile::default();
        for (week, bytes, least, most) in [
            (0, 1_000.0, 960.0, 1_040.0),
            (1, 1e9, 1_200.0, 1_400.0),
            (2, 1_300.0, 1_200.0, 1_400.0),
        ] {
            hour(&mut profile, Cell::ResponseBytes, bytes, week * WEEK_S);
            let got = profile.at(Cell::ResponseBytes, 0).unwrap();
            assert!((least..most).contains(&got), "week {week}: {got}");
        }
    }

    #[test]
    fn it_comes_back_from_its_text() {
        let mut profile = Profile::default();
        assert_eq!(serde_json::to_string(&profile).unwrap(), "\"\"");
        hour(&mut profile, Cell::Latency, 30.0, 7_200);
        let text = serde_json::to_string(&profile).unwrap();
        let back: Profile = serde_json::from_str(&text).unwrap();
        assert_eq!(back.bytes, profile.bytes);
        for wrong in ["\"00\"", "\"zz\"", &text.replace("00", "0g")] {
            assert!(serde_json::from_str::<Profile>(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        /// The published error of a byte.
        #[test]
        fn bytes_are_within_the_published_error(level in 0.0f64..1e9, share in 0.0f64..=1.0) {
            let back = |cell: Cell, value| decode(cell.number(), encode(cell.number(), value));
            let got = back(Cell::ResponseBytes, level);
            prop_assert!(((got + 1.0) / (level + 1.0) - 1.0).abs() <= 0.045, "{level}: {got}");
            let got = back(Cell::Answer(Answer::Redirect), share);
            let most = share.sqrt() / MOST + 0.5 / (MOST * MOST);
            prop_assert!((got - share).abs() <= most, "{share}: {got}");
        }
    }
}
