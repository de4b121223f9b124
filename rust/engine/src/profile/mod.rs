//! The positive model: what the values of each parameter of a route look like, and what its
//! requests do.
//!
//! Workers take a sample of requests as [`Note`]s ([`sample`]); the leader learns from them
//! ([`Profiles`]) and publishes a line of [`Facts`] for each parameter, which workers read where a
//! detector has looked at a value; [`judge`] turns the two into log-odds and a sentence.

mod api;
mod facts;
mod judge;
mod known;
mod learned;
mod name;
mod note;
mod noted;
mod parameter;
mod room;
mod route;
mod sample;
mod saved;
mod schema;
mod shape;
mod voters;

pub use api::{template, Api, ApiOperation};
pub use facts::{Facts, Line, Slot, Traits, Usual, FACTS_WORDS};
pub use judge::{request as judge_request, Need, Oddity, Odds};
pub use known::Operation;
pub use learned::Profiles;
pub use name::{is_learned, is_name, Name};
pub use note::{Note, NoteKind, NOTE_WORDS};
pub use route::Numbers;
pub use sample::{
    families_of, note_clean, note_flagged, note_operation, Sampler, MODEL_FAMILY, NOTED,
};
pub use saved::{SavedOperation, SavedParameter, SavedProfiles, SavedRoute};
pub use shape::{Class, Shape};
