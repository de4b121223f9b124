//! The rings, the directory of places and the lease.

use super::{explore, leak, leak_one, zero, zeros, NOW};
use crate::incidents::Incidents;
use crate::layout::{
    Drains, IncidentSlot, PlaceEntry, Sequences, SignalEntry, ID_WORDS, INCIDENT_WORDS,
    SIGNAL_WORDS,
};
use crate::lease::{Lease, LEASE_MS};
use crate::place::Places;
use crate::ring::Ring;
use crate::sync::Ordering;
use loom::thread;

fn ring(size: usize) -> Ring<SIGNAL_WORDS> {
    let entry = || SignalEntry {
        check: zero(),
        words: zeros(),
    };
    let drains = Drains {
        began: zero(),
        ended: zero(),
    };
    Ring::new(leak(entry, size), leak_one(zero()), leak_one(drains))
}

/// Drains once; adds what was taken. Returns the cursor and how many were lost.
fn drain(ring: Ring<SIGNAL_WORDS>, cursor: u64, taken: &mut Vec<u64>) -> (u64, u64) {
    ring.drain(cursor, |[a, b]| {
        assert_eq!(a, b, "words of two producers");
        taken.push(*a);
    })
}

/// Two producers write into one entry: what is taken is whole, and each is taken or lost once.
#[test]
fn loom_a_signal_is_whole_or_lost() {
    explore(|| {
        let ring = ring(1);
        let produce = |n| {
            thread::spawn(move || {
                ring.write(ring.draw(), &[n, n]);
            })
        };
        let producers = [produce(1), produce(2)];
        let mut taken = Vec::new();
        let (mut cursor, mut lost) = drain(ring, 0, &mut taken);
        for producer in producers {
            producer.join().unwrap();
        }
        for _ in 0..2 {
            let (next, more) = drain(ring, cursor, &mut taken);
            (cursor, lost) = (next, lost + more);
        }
        assert_eq!((cursor, taken.len() as u64 + lost), (2, 2));
        assert!(taken.len() < 2 || taken.first() != taken.last());
    });
}

/// A producer that was killed after it drew its number holds up one drain, no more.
#[test]
fn loom_a_killed_producer_holds_nothing_up() {
    explore(|| {
        let ring = ring(4);
        ring.draw();
        let producer = thread::spawn(move || ring.write(ring.draw(), &[5, 5]));
        let mut taken = Vec::new();
        let first = drain(ring, 0, &mut taken);
        assert_eq!(first, (0, 0));
        producer.join().unwrap();
        // The second one may still be new to it; the third is not.
        let (second, lost) = drain(ring, 0, &mut taken);
        let (third, more) = drain(ring, second, &mut taken);
        assert_eq!((third, lost + more, taken), (2, 1, vec![5]));
        assert_eq!(ring.drained(), 2);
    });
}

fn incidents(slots: usize) -> Incidents {
    let slot = || IncidentSlot {
        check: zero(),
        sequence: zero(),
        length: zero(),
        unused: zeros(),
        text: zeros(),
    };
    let sequences = Sequences {
        assigned: zero(),
        published: zero(),
    };
    Incidents::new(leak(slot, slots), leak_one(sequences))
}

/// Publishes two incidents while they are read, and reads the rest. Returns the sequences seen.
fn publish_two(incidents: Incidents) -> Vec<u64> {
    let leader = thread::spawn(move || {
        for (number, text) in [(0, 1), (1, 2)] {
            incidents.publish(number, &[text; INCIDENT_WORDS * 8]);
        }
    });
    let mut seen = Vec::new();
    let mut read = || {
        let last = seen.last().copied().unwrap_or(0);
        incidents.published(last, |sequence, text| {
            assert_eq!(text, [sequence as u8; INCIDENT_WORDS * 8]);
            seen.push(sequence);
        });
    };
    read();
    leader.join().unwrap();
    read();
    seen
}

#[test]
fn loom_no_incident_is_skipped() {
    explore(|| assert_eq!(publish_two(incidents(2)), [1, 2]));
}

#[test]
fn loom_an_incident_that_is_replaced_is_whole() {
    explore(|| {
        let seen = publish_two(incidents(1));
        assert!(seen == [1, 2] || seen == [2], "{seen:?}");
    });
}

fn places(count: usize) -> Places {
    let entry = || PlaceEntry {
        ready: zero(),
        alarm: zero(),
        ids: zeros(),
        rates: zeros(),
        tallies: zeros(),
    };
    Places::new(leak(zero, count), leak(entry, count))
}

/// Consumers have the last part of the directory; of six words that is one.
#[test]
fn loom_a_consumer_has_one_number_or_none() {
    explore(|| {
        let places = places(6);
        let number = move |hash: u64| places.guest_number(hash, || [hash; ID_WORDS]);
        let worker = thread::spawn(move || [number(1), number(2)]);
        let mine = [number(2), number(1)];
        let [first, second] = worker.join().unwrap();
        assert_eq!([second, first], mine);
        assert_eq!([first, second].into_iter().flatten().count(), 1);
    });
}

#[test]
fn loom_a_place_has_one_number() {
    explore(|| {
        let places = places(3);
        // Both begin with the same word.
        let number = move |hash: u64| places.number(hash, || [hash; ID_WORDS]);
        let worker = thread::spawn(move || [number(2), number(1)]);
        let mine = [number(1), number(2)];
        for (at, ids) in places.ready() {
            assert!(ids == [1; ID_WORDS] || ids == [2; ID_WORDS], "{at}");
        }
        let [second, first] = worker.join().unwrap();
        assert_eq!([first, second], mine);
        assert_eq!(places.ready().count(), 2);
        assert!(first != second && first + second == 1);
        assert!(places.entry(first).is_some() && places.entry(3).is_none());
    });
}

/// One owner renews while another worker finds its lease expired: one of them leads.
#[test]
fn loom_one_worker_leads() {
    explore(|| {
        let lease = Lease {
            word: leak_one(zero()),
        };
        let pid_of = |slot| slot as u64 + 1_000;
        assert!(lease.lead(0, NOW, pid_of));
        let later = NOW + LEASE_MS;
        let worker = thread::spawn(move || lease.lead(1, later, pid_of));
        let renewed = lease.lead(0, later, pid_of);
        let taken = worker.join().unwrap();
        assert!(renewed != taken);
        assert_eq!(lease.lead(0, later + 1, pid_of), renewed);
    });
}

/// Two workers tally while the leader reads: nothing is lost, and it never sees less than before.
#[test]
fn loom_no_tally_is_lost() {
    explore(|| {
        let places = places(3);
        let tally = move |n| {
            let at = places.number(1, || [1; ID_WORDS]);
            let [word] = &places.entry(at).unwrap().tallies;
            word.fetch_add(n, Ordering::Relaxed);
        };
        let workers = [1, 16].map(|n| thread::spawn(move || tally(n)));
        let at = places.number(1, || [1; ID_WORDS]);
        let [word] = &places.entry(at).unwrap().tallies;
        let [first, second] = [(); 2].map(|()| word.load(Ordering::Relaxed));
        assert!(first <= second && [0, 1, 16, 17].contains(&second));
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!(word.load(Ordering::Relaxed), 17);
    });
}
