//! Calibrates sums into probabilities.
//!
//! Source: pool adjacent violators, Ayer et al. (1955); as calibration, Zadrozny & Elkan (2002).

use threat_agent_engine::model::artifact::KNOTS;

/// Pseudo-observations of either label at each knot, so that no probability is 0 or 1.
const PRIOR: f64 = 2.0;

/// Fits a curve that never falls. Shape: (sum, malicious, importance) of each request.
pub fn fit(mut rows: Vec<(f32, bool, f32)>) -> Vec<(f32, f32)> {
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = rows.iter().map(|r| f64::from(r.2)).sum();
    let mut pools: Vec<Pool> = Vec::new();
    for group in groups(&rows, total) {
        pools.push(group);
        while let [.., a, b] = pools.as_slice() {
            if a.rate() < b.rate() {
                break;
            }
            let merged = a.with(b);
            pools.truncate(pools.len() - 2);
            pools.push(merged);
        }
    }
    let mut knots: Vec<(f32, f32)> = Vec::new();
    for pool in &pools {
        let (x, p) = ((pool.sum / pool.all) as f32, pool.rate() as f32);
        if knots.last().is_none_or(|(before, _)| x > *before) {
            knots.push((x, p));
        }
    }
    knots
}

#[derive(Clone, Copy, Default)]
struct Pool {
    sum: f64,
    all: f64,
    malicious: f64,
    rows: f64,
}

impl Pool {
    fn rate(&self) -> f64 {
        let share = self.malicious / self.all.max(f64::MIN_POSITIVE);
        (share * self.rows + PRIOR * 0.5) / (self.rows + PRIOR)
    }

    fn with(&self, other: &Pool) -> Pool {
        Pool {
            sum: self.sum + other.sum,
            all: self.all + other.all,
            malicious: self.malicious + other.malicious,
            rows: self.rows + other.rows,
        }
    }
}

/// Cuts the rows into at most [`KNOTS`] groups of equal width on the sum, without empty ones.
fn groups(rows: &[(f32, bool, f32)], total: f64) -> Vec<Pool> {
    let _ = total;
    let (low, high) = (-6.0f32, 8.0f32);
    let mut pools = vec![Pool::default(); KNOTS];
    for &(sum, malicious, importance) in rows {
        let place = ((sum - low) / (high - low) * KNOTS as f32).max(0.0) as usize;
        let pool = &mut pools[place.min(KNOTS - 1)];
        let weight = f64::from(importance);
        pool.sum += weight * f64::from(sum);
        pool.all += weight;
        pool.malicious += weight * f64::from(u8::from(malicious));
        pool.rows += 1.0;
    }
    pools.retain(|p| p.rows > 0.0);
    pools
}
