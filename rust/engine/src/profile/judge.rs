//! From what is known of a parameter and what a value looks like to log-odds and a sentence.
//!
//! How odd a value is, is the probability that the next sender sends such a one: by the rule of
//! succession, `(c + 1) / (m + 2)` when `c` of `m` senders did (Laplace, 1814). The log-odds are
//! half of what that says, because a detector has looked at the same characters, and bounded:
//! oddness makes a weak finding a strong one and nothing else a finding.
//!
//! A parameter is used to a family of findings when a share of its senders, and not few of them,
//! have sent such text over a long time. The log-odds are then those of that share against the
//! [`EXPECTED`] one that the model was trained with.
//! Source: the idea that what many independent senders send is meant so: Check Point's open-appsec,
//! "trusted sources" (docs.openappsec.io).

use super::facts::{Facts, Usual};
use super::route::Numbers;
use super::sample::MODEL_FAMILY;
use super::schema::DOCUMENTED;
use super::shape::{Class, Shape, KINDS};
use crate::inspect::Family;

/// Share of the log-odds of oddness that is not in the finding already.
const NEW: f32 = 0.5;
/// Most that oddness adds. Units: log-odds, here and below.
const MOST_UP: f32 = 2.0;
/// Most that being used to it takes off.
const MOST_DOWN: f32 = 6.0;
/// Probability of what is nothing odd.
const ORDINARY: f32 = 0.2;
/// Probability below which a value is told as odd by itself.
const TOLD: f32 = 0.05;
/// Share of ordinary values on which a rule speaks somewhere.
const EXPECTED: f32 = 0.002;
/// Least share of senders by which a parameter is used to a family.
const USED: f32 = 0.1;
/// Lengths beyond the longest that are odd. Units: half-octaves.
const LONGER: u8 = 2;
/// Deviations, and logarithms above the most, from which a request is odd.
const DEVIATIONS: f32 = 4.0;
const ABOVE: [f32; 3] = [1.1, 0.9, 1.0];

/// Families that texts of honest people look like: what is used to is used to one of these.
const TEXTUAL: [Family; 7] = [
    Family::SqlInjection,
    Family::Xss,
    Family::CommandInjection,
    Family::CodeInjection,
    Family::TemplateInjection,
    Family::NosqlInjection,
    Family::Ssrf,
];

/// How much must be known before it counts.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    pub sources: u16,
    pub minutes: u32,
}

impl Need {
    fn met(self, sources: u16, minutes: u32) -> bool {
        sources >= self.sources && minutes >= self.minutes
    }

    /// Tells whether enough is known of a route.
    pub fn is_met_by(self, usual: &Usual) -> bool {
        self.met(usual.sources, usual.minutes)
    }
}

/// What the history of a place says of a value there.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Odds {
    /// Added to the log-odds of an attack.
    pub shift: f32,
    pub oddity: Option<Oddity>,
    /// Share of senders who send the like, where the place is used to it.
    pub used: Option<f32>,
}

/// What is odd. Written as the end of a sentence that begins with the place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Oddity {
    what: What,
    /// Who was asked: so many senders.
    sampled: u8,
    /// How probable it was.
    pub probability: f32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Class { usual: Class, got: Class, new: u16 },
    Kinds { new: u16 },
    Length { longest: u8, got: u8 },
    Unknown,
    Number { nth: u8, most: f32, got: f32 },
}

fn succession(count: u32, of: u8) -> f32 {
    (count as f32 + 1.0) / (f32::from(of) + 2.0)
}

impl Odds {
    /// Holds a value against its parameter. `families` are bits by [`super::families_of`].
    pub fn of(facts: &Facts, shape: &Shape, families: u32, need: Need) -> Odds {
        if let Some(share) = used(facts, families, need) {
            return Odds {
                shift: -(share / EXPECTED).ln().clamp(0.0, MOST_DOWN),
                oddity: None,
                used: Some(share),
            };
        }
        if !need.met(facts.sources, facts.minutes) {
            return Odds::default();
        }
        Odds::odd(oddity(facts, shape))
    }

    /// The same of a parameter that a route, of which enough is known, never had.
    pub fn unknown(usual: &Usual) -> Odds {
        Odds::unknown_to(usual.sampled)
    }

    /// The same of one that the API's document does not list.
    pub fn undocumented() -> Odds {
        Odds::unknown_to(DOCUMENTED)
    }

    fn unknown_to(sampled: u8) -> Odds {
        Odds::odd(Some(Oddity {
            what: What::Unknown,
            sampled,
            probability: succession(0, sampled),
        }))
    }

    fn odd(oddity: Option<Oddity>) -> Odds {
        let surprise = |o: Oddity| NEW * (ORDINARY / o.probability).ln();
        Odds {
            shift: oddity.map_or(0.0, |o| surprise(o).clamp(0.0, MOST_UP)),
            oddity: oddity.filter(|o| o.probability <= TOLD),
            used: None,
        }
    }
}

/// The share of senders by which a parameter is used to all of these families; the least of them.
fn used(facts: &Facts, families: u32, need: Need) -> Option<f32> {
    if families == 0 {
        return None;
    }
    let one = |nth: usize| {
        let (count, minutes) = if nth == MODEL_FAMILY {
            (facts.model, facts.model_minutes)
        } else {
            let textual = Family::ALL.get(nth).is_some_and(|f| TEXTUAL.contains(f));
            let count = if textual {
                facts.families.count(nth)
            } else {
                0
            };
            (count, facts.family_minutes.minutes_of(nth))
        };
        let share = count as f32 / f32::from(facts.sampled.max(1));
        let sources = (share * f32::from(facts.sources)) as u16;
        (share >= USED && need.met(sources, minutes)).then_some(share)
    };
    let held = (0..=MODEL_FAMILY).filter(|nth| families >> nth & 1 == 1);
    held.map(one).reduce(|a, b| Some(a?.min(b?))).flatten()
}

/// The oddest of a value's traits. Kinds without a meaning, and narrow classes, are never odd: who
/// always sent words may send a number.
fn oddity(facts: &Facts, shape: &Shape) -> Option<Oddity> {
    let held = (0..KINDS.len()).filter(|nth| shape.kinds >> nth & 1 == 1 && KINDS[*nth].1);
    let rare = |nth: &usize| succession(facts.kinds.count(*nth), facts.sampled) <= TOLD;
    let new = held
        .clone()
        .filter(rare)
        .fold(0u16, |all, nth| all | 1 << nth);
    let kinds = held
        .map(|nth| succession(facts.kinds.count(nth), facts.sampled))
        .fold(1.0, f32::min);
    let wide = matches!(
        shape.class,
        Class::Text | Class::Code | Class::Binary | Class::Url
    );
    let class = if wide {
        succession(facts.classes.count(shape.class as usize), facts.sampled)
    } else {
        1.0
    };
    let longer = shape.length > facts.longest.saturating_add(LONGER);
    let length = if longer {
        succession(0, facts.sampled)
    } else {
        1.0
    };
    let probability = class.min(kinds).min(length);
    if probability >= ORDINARY {
        return None;
    }
    // What people understand best comes first.
    let what = if class <= TOLD.max(probability) {
        What::Class {
            usual: usual_class(facts),
            got: shape.class,
            new,
        }
    } else if kinds <= TOLD.max(probability) {
        What::Kinds { new }
    } else {
        What::Length {
            longest: facts.longest,
            got: shape.length,
        }
    };
    Some(Oddity {
        what,
        sampled: facts.sampled,
        probability,
    })
}

fn usual_class(facts: &Facts) -> Class {
    // Of two that are alike, the one that says more.
    let told = |class: &Class| !matches!(class, Class::Empty | Class::Scalar);
    let most = |class: &Class| (facts.classes.count(*class as usize), told(class));
    Class::ALL
        .into_iter()
        .max_by_key(most)
        .unwrap_or(Class::Text)
}

/// Holds a request against its route.
pub fn request(usual: &Usual, numbers: &[f32; 3], need: Need) -> Option<Oddity> {
    if !need.is_met_by(usual) || succession(0, usual.sampled) > TOLD {
        return None;
    }
    let all = numbers.iter().zip(&usual.numbers).zip(ABOVE).enumerate();
    let mut odd = all.filter(|(_, ((x, [mean, deviation, most]), above))| {
        **x > mean + DEVIATIONS * deviation && **x > most + above
    });
    let (nth, ((got, [_, _, most]), _)) = odd.next()?;
    Some(Oddity {
        what: What::Number {
            nth: nth as u8,
            most: Numbers::told(nth, *most),
            got: Numbers::told(nth, *got),
        },
        sampled: usual.sampled,
        probability: succession(0, usual.sampled),
    })
}

fn names(kinds: u16) -> String {
    let held = KINDS
        .iter()
        .enumerate()
        .filter(|(n, _)| kinds >> n & 1 == 1);
    held.map(|(_, (name, _))| *name)
        .collect::<Vec<_>>()
        .join(", ")
}

impl std::fmt::Display for Oddity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let who = match self.sampled {
            DOCUMENTED => "by the API's document".to_owned(),
            n => format!("with {n} senders"),
        };
        match self.what {
            What::Class { usual, got, new } => {
                let (usual, got) = (usual.noun(), got.noun());
                write!(f, "has been {usual} {who}; here {got}")?;
                if new != 0 {
                    write!(f, " with {}", names(new))?;
                }
                Ok(())
            }
            What::Kinds { new } => write!(f, "has had no {} {who}", names(new)),
            What::Length { longest, got } => {
                let (longest, got) = (Shape::longest(longest), Shape::longest(got));
                write!(f, "has had at most {longest} bytes {who}; here about {got}")
            }
            What::Unknown if self.sampled == DOCUMENTED => {
                f.write_str("is no parameter of the operation in the API's document")
            }
            What::Unknown => write!(f, "is no parameter that this route has had {who}"),
            What::Number { nth, most, got } => {
                let name = Numbers::NAMES.get(usize::from(nth)).unwrap_or(&"");
                write!(f, "has {got:.0} {name}, where at most {most:.0} were {who}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::Traits;
    use super::*;

    const NEED: Need = Need {
        sources: 10,
        minutes: 60,
    };

    fn integers(sampled: u8) -> Facts {
        let all = u32::from(sampled);
        Facts {
            classes: Traits::counts(|nth| {
                if nth == Class::Integer as usize {
                    all
                } else {
                    0
                }
            }),
            kinds: Traits::counts(|nth| if nth == 2 { all } else { 0 }),
            sampled,
            sources: u16::from(sampled),
            minutes: 600,
            longest: Shape::length_bin(6),
            ..Facts::default()
        }
    }

    #[test]
    fn a_text_where_integers_were_is_odd_and_the_more_so_the_more_is_known() {
        let shape = Shape::of(b"1' OR 'a'='a");
        let mut before = 0.0;
        for sampled in [10, 20, 40, 64] {
            let odds = Odds::of(&integers(sampled), &shape, 1, NEED);
            assert!(odds.shift > before && odds.shift <= MOST_UP, "{odds:?}");
            before = odds.shift;
        }
        let told = Odds::of(&integers(64), &shape, 1, NEED).oddity.unwrap();
        assert_eq!(
            told.to_string(),
            "has been an integer with 64 senders; here a text with signs of a language with \
             single quotes, brackets"
        );
    }

    #[test]
    fn what_is_little_known_says_nothing() {
        let shape = Shape::of(b"1' OR 'a'='a");
        for facts in [
            integers(9),
            Facts {
                minutes: 59,
                ..integers(64)
            },
            Facts::default(),
        ] {
            assert_eq!(Odds::of(&facts, &shape, 1, NEED), Odds::default());
        }
    }

    #[test]
    fn another_number_or_word_is_nothing_odd() {
        for value in ["7", "-1", "4.5", "true", "next", "0b1c9f6e"] {
            let odds = Odds::of(&integers(64), &Shape::of(value.as_bytes()), 1 << 16, NEED);
            assert_eq!(odds, Odds::default(), "{value}");
        }
        let long = [b'7'; 20];
        assert!(Odds::of(&integers(64), &Shape::of(&long), 0, NEED)
            .oddity
            .is_some());
    }

    /// Enough senders, for long enough, of a family that people's texts look like: nothing less.
    #[test]
    fn used_is_who_many_have_used_for_long() {
        let shape = Shape::of(b"select * from a where b = 'c'");
        let sql = Family::SqlInjection as usize;
        let used = |count: u32, minutes: u32, nth: usize| Facts {
            families: Traits::counts(|n| if n == nth { count } else { 0 }),
            family_minutes: Traits::minutes(|n| if n == nth { minutes } else { 0 }),
            ..integers(40)
        };
        let odds = |facts: Facts, families: u32| Odds::of(&facts, &shape, families, NEED);
        let bit = |nth: usize| 1 << nth;
        let enough = odds(used(20, 60, sql), bit(sql));
        assert!(
            enough.shift < -5.0 && enough.used == Some(0.5),
            "{enough:?}"
        );
        let scanner = Family::Scanner as usize;
        for (facts, families) in [
            (used(7, 60, sql), bit(sql)),
            (used(20, 30, sql), bit(sql)),
            (used(20, 60, sql), bit(sql) | bit(Family::Xss as usize)),
            (used(20, 60, sql), bit(MODEL_FAMILY)),
            (used(20, 60, scanner), bit(scanner)),
        ] {
            assert!(odds(facts, families).shift >= 0.0, "{families:x}");
        }
    }

    #[test]
    fn a_request_far_beyond_all_others_is_odd() {
        let usual = Usual {
            numbers: [[2.0, 0.3, 2.5], [1.0, 0.2, 1.2], [4.0, 0.5, 4.5]],
            sampled: 64,
            sources: 64,
            minutes: 600,
            ..Usual::default()
        };
        assert_eq!(request(&usual, &[2.6, 1.3, 4.6], NEED), None);
        let odd = request(&usual, &[6.0, 1.0, 4.0], NEED).unwrap();
        assert_eq!(
            odd.to_string(),
            "has 402 values, where at most 11 were with 64 senders"
        );
        let few = Usual {
            sources: 9,
            ..usual
        };
        assert_eq!(request(&few, &[6.0, 1.0, 4.0], NEED), None);
    }
}
