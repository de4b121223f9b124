//! Sparse logistic regression, learned online.
//!
//! linfa's FTRL is dense: a row of the n-gram table would be 65,536 numbers of which some hundred
//! are not zero, and it starts from random weights; so the sparse part is learned here, and linfa
//! fits the scorer on top of it.
//!
//! Source: McMahan et al. (2013), "Ad click prediction", algorithm 1: FTRL-proximal, per coordinate.

const ALPHA: f32 = 0.5;
const BETA: f32 = 1.0;
/// A slope that teaches nothing.
const NEGLIGIBLE: f32 = 1e-3;

/// Weights in the making.
pub struct Ftrl {
    places: Vec<Place>,
    bias: Place,
    l1: f32,
    l2: f32,
}

/// What is known of a weight. `root` is the square root of the sum of squared slopes.
#[derive(Clone, Copy, Default)]
struct Place {
    weight: f32,
    z: f32,
    root: f32,
}

impl Place {
    fn step(&mut self, slope: f32, l1: f32, l2: f32) {
        let root = (self.root * self.root + slope * slope).sqrt();
        self.z += slope - (root - self.root) / ALPHA * self.weight;
        self.root = root;
        self.weight = if self.z.abs() <= l1 {
            0.0
        } else {
            (self.z.signum() * l1 - self.z) / ((BETA + root) / ALPHA + l2)
        };
    }
}

impl Ftrl {
    /// Starts from zero.
    pub fn new(dims: usize, l1: f32, l2: f32) -> Ftrl {
        Ftrl {
            places: vec![Place::default(); dims],
            bias: Place::default(),
            l1,
            l2,
        }
    }

    /// The weight of a place.
    pub fn weight(&self, at: usize) -> f32 {
        self.places[at].weight
    }

    /// What a row without places scores. Units: log-odds.
    pub fn bias(&self) -> f32 {
        self.bias.weight
    }

    /// Log-odds of a row: `places`, each of size `x`.
    pub fn score(&self, places: impl Iterator<Item = usize>, x: f32) -> f32 {
        x * places.map(|at| self.weight(at)).sum::<f32>() + self.bias()
    }

    /// Learns from one row that counts `importance` times.
    pub fn learn(
        &mut self,
        places: impl Iterator<Item = usize> + Clone,
        x: f32,
        malicious: bool,
        importance: f32,
    ) {
        let p = 1.0 / (1.0 + (-self.score(places.clone(), x)).exp());
        let slope = (p - f32::from(u8::from(malicious))) * importance;
        if slope.abs() < NEGLIGIBLE {
            return;
        }
        let (l1, l2) = (self.l1, self.l2);
        for at in places {
            self.places[at].step(slope * x, l1, l2);
        }
        self.bias.step(slope, 0.0, l2);
    }
}
