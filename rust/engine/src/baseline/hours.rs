//! One value for each hour of the week.

use serde::{Deserialize, Serialize};

pub(super) const HOURS: usize = 168;
/// Seconds of an hour that must have been learned for it to count.
pub(super) const HOUR_EVIDENCE_S: u32 = 600;
/// Share of a new week in an hour's value.
pub(super) const WEEK_SHARE: f32 = 0.3;

/// One value for each hour of the week.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hours {
    /// Below 0 where nothing was learned.
    values: Vec<f32>,
    #[serde(skip)]
    hour: usize,
    #[serde(skip)]
    sum: f64,
    #[serde(skip)]
    seconds: u32,
}

impl Default for Hours {
    fn default() -> Self {
        Hours {
            values: vec![-1.0; HOURS],
            hour: 0,
            sum: 0.0,
            seconds: 0,
        }
    }
}

impl Hours {
    /// Takes a second in; at the end of an hour its average becomes the hour's, in part.
    pub fn learn(&mut self, value: f64, wall_s: u64) {
        let hour = hour_of(wall_s);
        if hour != self.hour {
            self.close();
            self.hour = hour;
        }
        self.sum += value;
        self.seconds += 1;
    }

    fn close(&mut self) {
        let (sum, seconds) = (self.sum, self.seconds);
        (self.sum, self.seconds) = (0.0, 0);
        let Some(known) = self.values.get_mut(self.hour) else {
            return;
        };
        if seconds < HOUR_EVIDENCE_S {
            return;
        }
        let new = (sum / f64::from(seconds)) as f32;
        if *known < 0.0 {
            *known = round(new);
            return;
        }
        let clipped = new.clamp(*known / 2.0, (*known * 2.0).max(0.02));
        *known = round(*known + WEEK_SHARE * (clipped - *known));
    }

    /// The value of the hour, when it is known.
    pub fn at(&self, wall_s: u64) -> Option<f64> {
        let value = self.values.get(hour_of(wall_s))?;
        (*value >= 0.0).then_some(f64::from(*value))
    }

    pub(super) fn is_sound(&self) -> bool {
        self.values.len() == HOURS && self.values.iter().all(|v| v.is_finite())
    }
}

pub(super) fn hour_of(wall_s: u64) -> usize {
    (wall_s / 3_600) as usize % HOURS
}

/// Keeps three decimals, so that exports stay short.
fn round(value: f32) -> f32 {
    (value * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_of_the_week_move_by_a_share() {
        let mut hours = Hours::default();
        let week = |n: u64, value: f64, hours: &mut Hours| {
            for second in 0..3_600 {
                hours.learn(value, n * 168 * 3_600 + second);
            }
            hours.learn(value, n * 168 * 3_600 + 3_600);
            hours.close();
        };
        week(1, 10.0, &mut hours);
        assert_eq!(hours.at(168 * 3_600), Some(10.0));
        week(2, 1_000.0, &mut hours);
        assert_eq!(hours.at(168 * 3_600), Some(13.0));
        assert_eq!(hours.at(168 * 3_600 + 7_200), None);
    }
}
