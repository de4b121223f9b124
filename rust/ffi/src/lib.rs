//! libthreat_agent.so: the C boundary that LuaJIT calls.
//!
//! Every export returns a status, never unwinds and never prints. Inputs are borrowed for the
//! call; outputs are structs or buffers that the caller owns. `cdef.lua` and `threat_agent.h` are
//! generated from this crate, and a test fails when either is stale.

pub mod abi;
mod convert;
pub mod exports;
#[cfg(feature = "fault-injection")]
mod fault;
pub mod folder;
mod guard;
pub mod leader;
mod node;
mod reference;
pub mod response;
