//! The pure half of threat-agent: requests in, verdicts out.
//!
//! No clock, no socket, no process: time is an argument and what is remembered lives behind
//! [`state::State`]. [`engine::Engine`] is the one orchestration; everything else serves it.
#![forbid(unsafe_code)]

pub mod allowlist;
pub mod analyst;
pub mod answer;
pub mod baseline;
pub mod behaviour;
pub mod config;
pub mod decode;
pub mod engine;
pub mod error;
pub mod incident;
pub mod inspect;
pub mod ledger;
pub mod limits;
pub mod local;
pub mod memory;
pub mod model;
pub mod payload;
pub mod profile;
pub mod ramp;
pub mod request;
pub mod rules;
pub mod signal;
pub mod sketch;
pub mod standing;
pub mod state;
pub mod tally;
pub mod traffic;
pub mod turn;
pub mod verdict;
pub mod window;

pub use crate::analyst::{Analyst, Change};
pub use crate::config::Config;
pub use crate::engine::Engine;
pub use crate::error::Error;
pub use crate::incident::Incident;
pub use crate::local::LocalState;
pub use crate::memory::Memory;
pub use crate::model::Model;
pub use crate::request::{Body, Identity, Method, Outcome, Request};
pub use crate::state::State;
pub use crate::verdict::{Action, Attempt, Category, Success, Uninspected, Verdict};
