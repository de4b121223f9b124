//! What becomes of a finding before it is scored: it counts, it is only told (shadow), or it is
//! left out where an operator said so (exclusions).

use super::{Family, Part};
use crate::config::{self, bounds};
use crate::decode::Value;
use crate::error::Error;
use crate::rules::normalise;
use std::cell::OnceCell;

/// The name under which exclusions and shadow lists know the model where no rule speaks.
pub const MODEL: &str = "model";

/// Longer names are matched by no pattern, which bounds the work. Units: bytes.
const LONGEST_NAME: usize = 1_024;
/// The same for paths. Units: bytes.
const LONGEST_PATH: usize = 8_192;

/// What becomes of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Live,
    Shadow,
    Excluded,
}

/// The exclusions and the shadow list of one configuration.
#[derive(Clone, Debug, Default)]
pub struct Scoping {
    exclusions: Vec<Exclusion>,
    shadow: Selection,
}

/// Rules by id and by family.
#[derive(Clone, Debug, Default)]
struct Selection {
    rules: Vec<String>,
    families: Vec<Family>,
}

/// Tells whether a text has the form of a rule's id. Which ones there are changes from version to
/// version, and a configuration outlives them.
fn is_rule(text: &str) -> bool {
    text == MODEL || text.contains('.')
}

impl Selection {
    fn has(&self, rule: &str, family: Option<Family>) -> bool {
        self.rules.iter().any(|r| r == rule) || family.is_some_and(|f| self.families.contains(&f))
    }

    fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.families.is_empty()
    }
}

#[derive(Clone, Debug)]
struct Exclusion {
    what: Selection,
    /// Anywhere when empty.
    locations: Vec<Place>,
    /// Globs; on every path when empty.
    paths: Vec<String>,
}

/// A pattern of locations.
#[derive(Clone, Debug)]
struct Place {
    part: Part,
    /// A glob of the name within the part.
    name: Vec<u8>,
}

impl Scoping {
    /// Compiles the settings.
    /// Errors: a location of no part, a rule that has no rule's id, a shadow entry that is neither
    /// that nor a family.
    pub fn new(config: &config::Payload) -> Result<Scoping, Error> {
        let exclusions = config.exclusions.iter().map(Exclusion::new);
        let mut shadow = Selection::default();
        for entry in &config.shadow {
            match Family::ALL.into_iter().find(|f| f.name() == entry) {
                Some(family) => shadow.families.push(family),
                None if is_rule(entry) => shadow.rules.push(entry.clone()),
                None => {
                    let expected = format!(
                        "expected the id of a rule (sqli.union), a family or {MODEL}, got \"{entry}\""
                    );
                    return Err(Error::field("payload.shadow", expected));
                }
            }
        }
        Ok(Scoping {
            exclusions: exclusions.collect::<Result<_, _>>()?,
            shadow,
        })
    }

    /// Binds it to a request with that raw path.
    pub fn on<'s>(&'s self, path: &'s [u8]) -> Scoped<'s> {
        Scoped {
            scoping: self,
            path,
            active: OnceCell::new(),
        }
    }

    /// Tells whether the model is only listened to where a rule speaks.
    pub fn is_model_shadowed(&self) -> bool {
        self.shadow.has(MODEL, None)
    }
}

impl Exclusion {
    fn new(config: &config::Exclusion) -> Result<Exclusion, Error> {
        let locations = config.locations.iter().map(|l| Place::new(l));
        if let Some(rule) = config.rules.iter().find(|r| !is_rule(r)) {
            let expected =
                format!("expected the id of a rule (sqli.union) or {MODEL}, got \"{rule}\"");
            return Err(Error::field("payload.exclusions.rules", expected));
        }
        Ok(Exclusion {
            what: Selection {
                rules: config.rules.clone(),
                families: config.families.clone(),
            },
            locations: locations.collect::<Result<_, _>>()?,
            paths: config.paths.clone(),
        })
    }
}

impl Place {
    fn new(pattern: &str) -> Result<Place, Error> {
        let (part, name) = pattern.split_once('.').unwrap_or((pattern, ""));
        let known = Part::ALL.into_iter().find(|p| p.name() == part);
        let part = known.ok_or_else(|| {
            Error::field(
                "payload.exclusions.locations",
                format!(
                    "expected a location such as query.q, json.user.*, header.referer or path, got \
                     \"{pattern}\""
                ),
            )
        })?;
        let name = match part {
            Part::Header => name.to_ascii_lowercase(),
            _ => name.to_owned(),
        };
        Ok(Place {
            part,
            name: name.into_bytes(),
        })
    }

    fn holds(&self, value: &Value<'_>) -> bool {
        let fold = self.part == Part::Header;
        self.part == value.part
            && value.name.len() <= LONGEST_NAME
            && glob(&self.name, value.name, fold)
    }
}

/// [`Scoping`] for one request.
pub struct Scoped<'s> {
    scoping: &'s Scoping,
    path: &'s [u8],
    /// Bit n for the n-th exclusion that is for this path; looked up when something is found.
    active: OnceCell<u64>,
}

impl Scoped<'_> {
    /// Tells what becomes of a finding in a value.
    /// Cost: nothing to speak of without exclusions and shadow rules.
    pub fn fate(&self, rule: &str, family: Option<Family>, value: &Value<'_>) -> Fate {
        let Scoping { exclusions, shadow } = self.scoping;
        if !exclusions.is_empty() && self.is_excluded(rule, family, value) {
            return Fate::Excluded;
        }
        if !shadow.is_empty() && shadow.has(rule, family) {
            return Fate::Shadow;
        }
        Fate::Live
    }

    fn is_excluded(&self, rule: &str, family: Option<Family>, value: &Value<'_>) -> bool {
        let active = *self.active.get_or_init(|| self.on_this_path());
        let all = self.scoping.exclusions.iter().enumerate();
        all.take(bounds::MAX_EXCLUSIONS).any(|(nth, exclusion)| {
            let locations = &exclusion.locations;
            active >> nth & 1 == 1
                && exclusion.what.has(rule, family)
                && (locations.is_empty() || locations.iter().any(|l| l.holds(value)))
        })
    }

    fn on_this_path(&self) -> u64 {
        let path = normalise(self.path);
        let fits = |globs: &[String]| {
            let matches = |g: &String| glob(g.as_bytes(), path.as_bytes(), false);
            globs.is_empty() || (path.len() <= LONGEST_PATH && globs.iter().any(matches))
        };
        let all = self.scoping.exclusions.iter().enumerate();
        all.take(bounds::MAX_EXCLUSIONS)
            .filter(|(_, exclusion)| fits(&exclusion.paths))
            .fold(0, |active, (nth, _)| active | 1 << nth)
    }
}

/// Matches a whole text; `*` stands for any run of bytes, and everything else for itself.
/// Shape: with `fold`, a pattern in lower case, and a text in any.
/// Cost: the product of both lengths at worst.
fn glob(pattern: &[u8], text: &[u8], fold: bool) -> bool {
    let (mut at, mut read) = (0, 0);
    // Where the last star stands, and the text up to which it reaches.
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(read) {
        let byte = if fold {
            byte.to_ascii_lowercase()
        } else {
            *byte
        };
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(wanted) if *wanted == byte => {
                at += 1;
                read += 1;
            }
            _ => match star {
                Some((place, reach)) => {
                    star = Some((place, reach + 1));
                    at = place + 1;
                    read = reach + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use threat_agent_scan::Seen;

    #[test]
    fn globs() {
        for (pattern, text, want) in [
            ("", "", true),
            ("q", "q", true),
            ("q", "Q", false),
            ("q", "qq", false),
            ("*", "", true),
            ("user.*", "user.name.first", true),
            ("user.*", "user", false),
            ("*.id", "a.b.id", true),
            ("/a/*/c", "/a/b/c", true),
            ("/a/*/c", "/a/b/d/c", true),
            ("/a/*/c", "/a/c", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXbX", false),
            ("/a/", "/a/b", false),
        ] {
            assert_eq!(
                glob(pattern.as_bytes(), text.as_bytes(), false),
                want,
                "{pattern} {text}"
            );
        }
        assert!(glob(b"referer", b"Referer", true));
    }

    fn fate(config: &config::Payload, path: &[u8], part: Part, name: &[u8], rule: &str) -> Fate {
        let value = Value {
            part,
            name,
            bytes: b"",
            inner: b"",
            seen: Seen::default(),
            extra_rounds: 0,
            odd_utf8: false,
        };
        let scoping = Scoping::new(config).unwrap();
        let family = (rule != MODEL).then_some(Family::SqlInjection);
        scoping.on(path).fate(rule, family, &value)
    }

    #[test]
    fn an_exclusion_holds_where_all_of_it_does() {
        let texts = |list: &[&str]| list.iter().map(|t| (*t).to_owned()).collect();
        let config = config::Payload {
            exclusions: vec![config::Exclusion {
                rules: texts(&["sqli.union", "model"]),
                families: Vec::new(),
                locations: texts(&["query.q", "header.X-Note"]),
                paths: texts(&["/search", "/reports/*"]),
            }],
            shadow: texts(&["sqli.delay"]),
            ..config::Payload::default()
        };
        use Fate::*;
        for (path, part, name, rule, want) in [
            ("/search", Part::Query, "q", "sqli.union", Excluded),
            ("/search", Part::Query, "q", "model", Excluded),
            ("/%73earch", Part::Query, "q", "sqli.union", Excluded),
            ("/reports/7", Part::Header, "x-NOTE", "sqli.union", Excluded),
            ("/search", Part::Query, "q", "sqli.tautology", Live),
            ("/search", Part::Query, "q2", "sqli.union", Live),
            ("/search", Part::Form, "q", "sqli.union", Live),
            ("/search/x", Part::Query, "q", "sqli.union", Live),
            ("/search/../admin", Part::Query, "q", "sqli.union", Live),
            ("/search", Part::Query, "q", "sqli.delay", Shadow),
        ] {
            let got = fate(&config, path.as_bytes(), part, name.as_bytes(), rule);
            assert_eq!(got, want, "{path} {part:?} {name} {rule}");
        }
    }
}
