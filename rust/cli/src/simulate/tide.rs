//! How ordinary load swings by day and week, and how a crowd comes and goes.

use std::f64::consts::TAU;

/// Load of an hour of the week, of the mean: lowest at 2 at night, highest at 14.
pub fn tide(hour: f64, swing_ratio: f64, weekend_ratio: f64) -> f64 {
    let day = 1.0 + swing_ratio * (TAU * (hour % 24.0 - 14.0) / 24.0).cos();
    if hour % 168.0 >= 120.0 {
        day * weekend_ratio
    } else {
        day
    }
}

/// Height of a crowd: a straight way up, a plateau, and a slow way down. Ratio.
pub fn crowd_height(since_s: f64, ramp_s: f64, for_s: f64) -> f64 {
    if since_s < 0.0 {
        0.0
    } else if since_s < ramp_s {
        since_s / ramp_s
    } else if since_s < for_s {
        1.0
    } else {
        let height = (-(since_s - for_s) / (3.0 * ramp_s)).exp();
        if height < 0.01 {
            0.0
        } else {
            height
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_swings_and_rests() {
        for (hour, want) in [(14.0, 1.5), (2.0, 0.5), (5.0 * 24.0 + 14.0, 0.9)] {
            let got = tide(hour, 0.5, 0.6);
            assert!((got - want).abs() < 1e-9, "{got} at {hour}");
        }
    }

    #[test]
    fn crowds_rise_and_fall() {
        for (since_s, want) in [
            (-1.0, 0.0),
            (30.0, 0.5),
            (300.0, 1.0),
            (600.0, 1.0),
            (6_000.0, 0.0),
        ] {
            assert_eq!(crowd_height(since_s, 60.0, 600.0), want, "{since_s}");
        }
    }
}
