//! The memory that all workers of a node count in: [`SharedState`] over one anonymous mapping.
//!
//! nginx workers are processes, forked from a master. The master maps the region, the workers
//! inherit it, and every word in it is an atomic: no pointers, no locks, no clean-up. A worker may
//! be killed between any two instructions; what it leaves behind is a valid state that lacks at
//! most that request's increments.
//!
//! Read in this order: [`layout`] (what lies where), `tag` (one word names a slot's owner),
//! `table` (finding, claiming and evicting slots), `entry` (a slot as one key's), `count`, `ban` and `set` (the words of a slot),
//! `place` (the directory), `ring` and `incidents` (the rings), `facts` (what is known of payloads), `lease` (who leads), [`slot`]
//! (workers, their deaths and statistics), `snapshot` (bans over a restart), `shared` (all of it),
//! `state` and `memory` (it as the engine's `State` and `Memory`).
#![deny(unsafe_code)]

mod ban;
mod count;
mod entry;
#[cfg(not(loom))]
pub mod error;
#[cfg(not(loom))]
mod facts;
mod incidents;
pub mod layout;
mod lease;
#[cfg(not(loom))]
mod memory;
#[cfg(all(test, loom))]
mod models;
mod place;
#[cfg(not(loom))]
pub mod region;
mod ring;
mod set;
#[cfg(not(loom))]
pub mod shared;
#[cfg(not(loom))]
pub mod slot;
#[cfg(not(loom))]
mod snapshot;
#[cfg(not(loom))]
mod state;
mod sync;
mod table;
mod tag;
mod words;

#[cfg(not(loom))]
pub use crate::{
    error::Error,
    region::Region,
    shared::{Occupancy, SharedState},
    slot::{Attached, Stat, WorkerId},
};
