//! The memory that all workers of a node count in: [`SharedState`] over one anonymous mapping.
//!
//! nginx workers are processes, forked from a master. The master maps the region, the workers
//! inherit it, and every word in it is an atomic: no pointers, no locks, no clean-up. A worker may
//! be killed between any two instructions; what it leaves behind is a valid state that lacks at
//! most that request's increments.
//!
//! Read in this order: [`layout`] (what lies where), `tag` (one word names a slot's owner),
//! `table` (finding, claiming and evicting slots), `count` and `ban` (the words of a slot),
//! [`slot`] (workers, their deaths and statistics), `shared` (all of it as one `State`).
#![deny(unsafe_code)]

mod ban;
mod count;
#[cfg(not(loom))]
pub mod error;
pub mod layout;
#[cfg(all(test, loom))]
mod models;
#[cfg(not(loom))]
pub mod region;
#[cfg(not(loom))]
pub mod shared;
#[cfg(not(loom))]
pub mod slot;
mod sync;
mod table;
mod tag;

#[cfg(not(loom))]
pub use crate::{
    error::Error,
    region::Region,
    shared::{Occupancy, SharedState},
    slot::{Attached, Stat, WorkerId},
};
