//! Where in a document something stands.

/// Longest path that is kept for locations. Units: bytes.
const PATH_BYTES: usize = 64;
/// Longest key that is copied without a loop. Units: bytes.
const CHUNK: usize = 16;

/// Keys with points between them, cut at [`PATH_BYTES`].
pub struct Path {
    /// One chunk longer than the path, so that short keys are copied without a loop.
    bytes: [u8; PATH_BYTES + CHUNK],
    /// Where the keys of the innermost level start.
    base: usize,
    /// May lie beyond the cut.
    length: usize,
}

impl Path {
    pub fn new() -> Path {
        Path {
            bytes: [0; PATH_BYTES + CHUNK],
            base: 0,
            length: 0,
        }
    }

    pub fn get(&self) -> &[u8] {
        &self.bytes[..self.length.min(PATH_BYTES)]
    }

    /// Has keys follow the first `outside` bytes, and a point where there are any.
    #[inline(always)]
    pub fn enter(&mut self, outside: usize) {
        self.base = outside;
        if outside > 0 && outside < PATH_BYTES {
            self.bytes[outside] = b'.';
            self.base += 1;
        }
    }

    /// Goes back to the first `outside` bytes.
    pub fn leave(&mut self, outside: usize) {
        self.length = outside;
    }

    /// Puts a key, which starts `chunk`, in its level's place.
    #[inline(always)]
    pub fn put(&mut self, key: &[u8], chunk: &[u8; CHUNK]) {
        match self.bytes[self.base..].first_chunk_mut() {
            // What follows the key is overwritten by the next one.
            Some(place) if key.len() <= CHUNK => {
                *place = *chunk;
                self.length = self.base + key.len();
            }
            _ => self.copy(key),
        }
    }

    /// Puts any key.
    #[inline(never)]
    pub fn copy(&mut self, key: &[u8]) {
        let place = &mut self.bytes[self.base..];
        let key = &key[..key.len().min(place.len())];
        place[..key.len()].copy_from_slice(key);
        self.length = self.base + key.len();
    }
}
