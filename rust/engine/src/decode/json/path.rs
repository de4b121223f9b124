//! Where in a document something stands.

/// Longest path that is kept for locations. Units: bytes.
const PATH_BYTES: usize = 64;
/// Keys with points between them, cut at [`PATH_BYTES`].
pub struct Path<'j> {
    bytes: [u8; PATH_BYTES],
    /// Where the keys of the innermost level start.
    base: usize,
    /// May lie beyond the cut.
    length: usize,
    /// The key that belongs in its level's place: of most, nobody asks for the path.
    key: Option<&'j [u8]>,
}

impl<'j> Path<'j> {
    pub fn new() -> Path<'j> {
        Path {
            bytes: [0; PATH_BYTES],
            base: 0,
            length: 0,
            key: None,
        }
    }

    pub fn get(&mut self) -> &[u8] {
        if let Some(key) = self.key {
            self.copy(key);
        }
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
        self.key = None;
    }

    /// Puts a key of the document in its level's place.
    #[inline(always)]
    pub fn put(&mut self, key: &'j [u8]) {
        self.key = Some(key);
    }

    /// Puts any key.
    #[inline(never)]
    pub fn copy(&mut self, key: &[u8]) {
        let place = &mut self.bytes[self.base..];
        let key = &key[..key.len().min(place.len())];
        place[..key.len()].copy_from_slice(key);
        self.length = self.base + key.len();
        self.key = None;
    }
}
