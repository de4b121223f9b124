//! The positive model: what the values of each parameter of a route look like, and what its
//! requests do.
//!
//! Workers take a sample of requests as [`Note`]s ([`sample`]); the leader learns from them
//! ([`Profiles`]) and publishes a line of [`Facts`] for each parameter, which workers read where a
//! detector has looked at a value; [`judge`] turns the two into log-odds and a sentence.

mod api;
mod facts;
mod judge;
mod learned;
mod name;
mod note;
mod parameter;
mod route;
mod sample;
mod saved;
mod shape;
mod voters;

pub use api::{template, Api, ApiOperation};
pub use facts::{Facts, Traits, Usual, FACTS_WORDS};
pub use judge::{request as judge_request, Need, Oddity, Odds};
pub use learned::{Operation, Profiles, MAX_PARAMETERS};
pub use name::{is_learned, Name};
pub use note::{slot, Note, NoteKind, NOTE_WORDS};
pub use route::Numbers;
pub use sample::{families_of, note_clean, note_flagged, note_operation, Sampler, MODEL_FAMILY};
pub use saved::{SavedOperation, SavedParameter, SavedProfiles, SavedRoute};
pub use shape::{Class, Shape};
