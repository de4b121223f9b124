//! The assignment of bytes to classes, in the form that vector units look up.

/// Up to eight classes of bytes. A byte's classes are the bits common to the entries of its low
/// and its high half, so each class must be a rectangle: some high halves times some low halves.
/// [`Table::new`] refuses anything else.
#[derive(Clone, Debug)]
pub struct Table {
    pub(crate) low: [u8; 16],
    pub(crate) high: [u8; 16],
}

impl Table {
    /// Builds a table; class n is the bytes of `classes[n]`. Panics, in a constant at compile
    /// time, when there are more than eight or when one of them is no rectangle.
    pub const fn new(classes: &[&[u8]]) -> Table {
        assert!(classes.len() <= 8, "expected at most eight classes");
        let mut table = Table {
            low: [0; 16],
            high: [0; 16],
        };
        let mut class = 0;
        while class < classes.len() {
            let mut i = 0;
            while i < classes[class].len() {
                let byte = classes[class][i] as usize;
                table.low[byte & 15] |= 1 << class;
                table.high[byte >> 4] |= 1 << class;
                i += 1;
            }
            class += 1;
        }
        table.check(classes);
        table
    }

    const fn check(&self, classes: &[&[u8]]) {
        let mut byte = 0;
        while byte < 256 {
            let mut class = 0;
            while class < classes.len() {
                let held = self.class(byte as u8) & (1 << class) != 0;
                let mut meant = false;
                let mut i = 0;
                while i < classes[class].len() {
                    meant |= classes[class][i] as usize == byte;
                    i += 1;
                }
                assert!(
                    held == meant,
                    "expected a class that is a rectangle of half bytes"
                );
                class += 1;
            }
            byte += 1;
        }
    }

    /// Tells the classes of one byte.
    pub const fn class(&self, byte: u8) -> u8 {
        self.low[(byte & 15) as usize] & self.high[(byte >> 4) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rectangles_only() {
        assert!(std::panic::catch_unwind(|| Table::new(&[b"\x12\x23"])).is_err());
        assert_eq!(Table::new(&[b"ab", b"\xff"]).class(b'b'), 1);
        assert_eq!(Table::new(&[b"ab", b"\xff"]).class(0xff), 2);
    }
}
