//! What was learned, as a file: read and written by the leader and at the command line.

use super::facts::Facts;
use super::known::{Operation, Route};
use super::learned::Profiles;
use super::name::Name;
use super::parameter::Parameter;
use crate::error::Error;
use crate::inspect::Part;
use crate::memory::{Place, MAX_FACTS, MAX_PLACES};
use crate::signal::Id;
use serde::{Deserialize, Serialize};

const FORMAT: &str = "threat-agent-profile";
const VERSION: u32 = 2;
/// The oldest that is read: it did not say who made a route open.
const OLDEST: u32 = 1;

/// The payload profiles of a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavedProfiles {
    format: String,
    version: u32,
    pub routes: Vec<SavedRoute>,
}

/// What is known of one route.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavedRoute {
    pub workspace: String,
    pub service: String,
    pub route: String,
    /// When its first and its last request of the sample came, in seconds since 1970.
    #[serde(flatten)]
    route_state: Route,
    pub operations: Vec<SavedOperation>,
    pub parameters: Vec<SavedParameter>,
}

/// An operation: `GET /orders/{id}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavedOperation {
    pub name: String,
    #[serde(flatten)]
    pub operation: Operation,
}

/// A parameter with all that is known of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavedParameter {
    /// As in locations: `query`, `json`.
    pub part: String,
    pub name: String,
    #[serde(flatten)]
    parameter: Parameter,
}

impl SavedParameter {
    pub fn facts(&self) -> Facts {
        self.parameter.facts()
    }
}

impl SavedRoute {
    pub fn place(&self) -> Place {
        Place {
            workspace: Id::new(self.workspace.as_bytes()),
            service: Id::new(self.service.as_bytes()),
            route: Id::new(self.route.as_bytes()),
        }
    }

    fn is_sound(&self) -> bool {
        self.route_state.is_sound() && self.parameters.iter().all(|p| p.parameter.is_sound())
    }
}

impl SavedProfiles {
    /// Reads what was written. Errors: what is no such JSON, is of another version, or holds numbers
    /// that nothing can be done with.
    pub fn read(json: &[u8]) -> Result<SavedProfiles, Error> {
        let saved: SavedProfiles = serde_json::from_slice(json)?;
        if saved.format != FORMAT || !(OLDEST..=VERSION).contains(&saved.version) {
            let (format, version) = (saved.format, saved.version);
            return Err(Error::field(
                "format",
                format!("expected {FORMAT} {OLDEST} to {VERSION}, got {format} {version}"),
            ));
        }
        if let Some(unsound) = saved.routes.iter().find(|r| !r.is_sound()) {
            return Err(Error::field(
                format!("routes[{}]", unsound.route),
                "expected finite numbers and at most 64 senders",
            ));
        }
        Ok(saved)
    }
}

impl Profiles {
    /// Writes what was learned. Shape: JSON with `format` and `version`.
    pub fn export(&self) -> Vec<u8> {
        let text = |name: &Name| String::from_utf8_lossy(name.as_bytes()).into_owned();
        let routes = self.routes.iter().map(|(place, route)| SavedRoute {
            workspace: place.workspace.text(),
            service: place.service.text(),
            route: place.route.text(),
            route_state: route.bare(),
            operations: route
                .operations
                .iter()
                .map(|(name, operation)| SavedOperation {
                    name: text(name),
                    operation: *operation,
                })
                .collect(),
            parameters: route
                .parameters
                .iter()
                .filter_map(|((part, name), parameter)| {
                    Some(SavedParameter {
                        part: Part::ALL.get(usize::from(*part))?.name().to_owned(),
                        name: text(name),
                        parameter: parameter.clone(),
                    })
                })
                .collect(),
        });
        let saved = SavedProfiles {
            format: FORMAT.to_owned(),
            version: VERSION,
            routes: routes.collect(),
        };
        serde_json::to_vec(&saved).unwrap_or_default()
    }

    /// Reads what [`Profiles::export`] wrote. Of a route that is known here, what was learned last is
    /// kept.
    /// Errors: those of [`SavedProfiles::read`]; nothing is changed then.
    pub fn import(&mut self, json: &[u8]) -> Result<(), Error> {
        let mut room = MAX_FACTS / 2;
        for saved in SavedProfiles::read(json)?
            .routes
            .into_iter()
            .take(MAX_PLACES)
        {
            let place = saved.place();
            let known = self.routes.get(&place);
            let later = known.is_some_and(|route| route.last_s >= saved.route_state.last_s);
            if later || saved.parameters.len() > room {
                continue;
            }
            room -= saved.parameters.len();
            let mut route = saved.route_state;
            for o in saved.operations {
                let name = Name::text(o.name.as_bytes());
                route.operations.insert(name, o.operation);
            }
            for p in saved.parameters {
                let part = Part::ALL.iter().position(|part| part.name() == p.part);
                if let Some(part) = part {
                    let key = (part as u8, Name::text(p.name.as_bytes()));
                    route.parameters.insert(key, p.parameter);
                }
            }
            self.routes.insert(place, route);
        }
        self.forget_numbers();
        Ok(())
    }
}
