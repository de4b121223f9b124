//! The mapping itself: this crate's only unsafe code.
#![allow(unsafe_code)]

use crate::error::Error;
use crate::layout::{
    EntrySet, FactsLine, Header, IncidentSlot, PlaceEntry, RingEntry, TagLine, WorkerSlot,
};
use crate::sync::AtomicU64;
use std::mem::{align_of, size_of};
use std::ptr::NonNull;

/// Units: bytes.
pub const MIN_BYTES: usize = 1 << 20;
/// Units: bytes.
pub const MAX_BYTES: usize = 64 << 30;

/// Memory that this process and all it forks from now on share. Starts all zero, takes physical
/// memory only for pages that are touched, and is never unmapped: workers of a former
/// configuration may still count in it.
pub struct Region {
    base: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the base is only turned into shared references to atomics (see `Shared`), and the
// mapping outlives the process.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

/// Types that may be seen in the region.
///
/// # Safety
/// The type must be made of atomics and padding only, be valid when all zero, and not implement
/// `Drop`.
pub(crate) unsafe trait Shared {}

// SAFETY: atomic words and padding.
unsafe impl Shared for Header {}
// SAFETY: atomic words and padding.
unsafe impl Shared for WorkerSlot {}
// SAFETY: an atomic word.
unsafe impl Shared for AtomicU64 {}
// SAFETY: atomic words.
unsafe impl Shared for PlaceEntry {}
// SAFETY: atomic words and padding.
unsafe impl<const WORDS: usize> Shared for RingEntry<WORDS> {}
// SAFETY: atomic words.
unsafe impl Shared for FactsLine {}
// SAFETY: atomic words.
unsafe impl Shared for IncidentSlot {}
// SAFETY: atomic words.
unsafe impl Shared for TagLine {}
// SAFETY: atomic words.
unsafe impl Shared for EntrySet {}

impl Region {
    /// Maps a region.
    /// Units: bytes, [`MIN_BYTES`] to [`MAX_BYTES`]. Errors: `Size`, `Map`.
    pub fn map(bytes: usize) -> Result<Region, Error> {
        if !(MIN_BYTES..=MAX_BYTES).contains(&bytes) {
            return Err(Error::Size(bytes));
        }
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no memory
        // that Rust knows of.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        match NonNull::new(base.cast::<u8>()) {
            Some(base) if base.as_ptr().cast() != libc::MAP_FAILED => Ok(Region { base, bytes }),
            _ => Err(Error::Map {
                bytes,
                source: std::io::Error::last_os_error(),
            }),
        }
    }

    /// Units: bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn header(&self) -> Result<&'static Header, Error> {
        self.view::<Header>(0, 1)?.first().ok_or(Error::View {
            mapped: self.bytes,
            offset: 0,
            bytes: size_of::<Header>(),
        })
    }

    /// Looks at `count` parts that begin at `offset`. Errors: `View`.
    pub(crate) fn view<T: Shared>(
        &self,
        offset: usize,
        count: usize,
    ) -> Result<&'static [T], Error> {
        let bytes = count.saturating_mul(size_of::<T>());
        let fits = offset
            .checked_add(bytes)
            .is_some_and(|end| end <= self.bytes);
        // The base is aligned to a page, and no type here asks for more.
        if !fits || !offset.is_multiple_of(align_of::<T>()) {
            return Err(Error::View {
                mapped: self.bytes,
                offset,
                bytes,
            });
        }
        // SAFETY: the range lies inside a mapping that is never unmapped, is aligned, and holds
        // initialised memory (zeros at first); `T` is made of atomics, so that references may be
        // shared by threads and processes alike.
        Ok(unsafe { std::slice::from_raw_parts(self.base.as_ptr().add(offset).cast(), count) })
    }
}

/// Draws random words from the kernel. Errors: `Random`.
pub(crate) fn random_words() -> Result<[u64; 8], Error> {
    let mut words = [0u64; 8];
    let bytes = size_of::<[u64; 8]>();
    // SAFETY: `words` is writable for `bytes` bytes, and any bit pattern is a u64.
    let got = unsafe { libc::getrandom(words.as_mut_ptr().cast(), bytes, 0) };
    if usize::try_from(got) == Ok(bytes) {
        Ok(words)
    } else {
        Err(Error::Random(std::io::Error::last_os_error()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_out_of_bounds_are_refused() {
        for bytes in [0, MIN_BYTES - 1, MAX_BYTES + 1, usize::MAX] {
            assert!(matches!(Region::map(bytes), Err(Error::Size(b)) if b == bytes));
        }
        assert!(Region::map(MIN_BYTES).is_ok());
        // Nothing is reserved, so that the largest size works on a small machine, too.
        assert!(Region::map(MAX_BYTES).is_ok());
    }

    #[test]
    fn views_outside_or_askew_are_refused() {
        let region = Region::map(MIN_BYTES).expect("maps");
        for (offset, count) in [(MIN_BYTES, 1), (MIN_BYTES - 64, 2), (8, 1), (0, usize::MAX)] {
            assert!(matches!(
                region.view::<TagLine>(offset, count),
                Err(Error::View { .. })
            ));
        }
        assert!(region.view::<TagLine>(usize::MAX - 63, 1).is_err());
        assert_eq!(
            region
                .view::<TagLine>(MIN_BYTES - 64, 1)
                .map(<[_]>::len)
                .ok(),
            Some(1)
        );
    }
}
