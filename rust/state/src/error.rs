//! What can go wrong with the region. Nothing fails once it stands.

use crate::region::{MAX_BYTES, MIN_BYTES};

/// Errors of this crate. Each says what was expected, what came, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The size asked for is out of bounds.
    #[error("region size: expected {MIN_BYTES} to {MAX_BYTES} bytes, got {0}; set another size")]
    Size(usize),
    /// The operating system refused the mapping.
    #[error("could not map {bytes} bytes: {source}; set a smaller size or raise the memory limit")]
    Map {
        bytes: usize,
        source: std::io::Error,
    },
    /// The operating system gave no random numbers for the hash seeds.
    #[error("could not draw hash seeds: {0}; getrandom(2) must be allowed")]
    Random(std::io::Error),
    /// A part of the layout does not fit the mapping.
    #[error("region of {mapped} bytes: {bytes} bytes at {offset} lie outside or are not aligned")]
    View {
        mapped: usize,
        offset: usize,
        bytes: usize,
    },
    /// The region was laid out by another library, or hashes come out differently here.
    #[error("region {what}: expected {expected:#x}, found {found:#x}; restart the gateway")]
    Foreign {
        what: &'static str,
        expected: u64,
        found: u64,
    },
    /// The bans of a former region cannot be read.
    #[error(
        "snapshot of bans, {what}: expected {expected:#x}, found {found:#x}; \
         start with an empty region, and the next snapshot replaces it"
    )]
    Snapshot {
        what: &'static str,
        expected: u64,
        found: u64,
    },
}
