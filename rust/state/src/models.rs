//! Models for loom, which runs every interleaving of two or three workers (with at most three
//! preemptions): of the table over two sets of two slots, of the rings, the directory and the lease.
#![allow(clippy::unwrap_used)]

use crate::ban;
use crate::count::Count;
use crate::incidents::Incidents;
use crate::layout::{
    Drains, Entry, IncidentSlot, PlaceEntry, Sequences, SignalEntry, TagLine, ID_WORDS,
    INCIDENT_WORDS, SIGNAL_WORDS,
};
use crate::lease::{Lease, LEASE_MS};
use crate::place::Places;
use crate::ring::Ring;
use crate::set::{follow, kind_of, Marks};
use crate::sync::{AtomicU64, Ordering};
use crate::table::{Evict, Probe, Table};
use crate::tag::Kind;
use loom::thread;
use std::sync::Arc;
use threat_agent_engine::sketch::{Generation, Run, Set};
use threat_agent_engine::state::{Ban, Counter, Measure};
use threat_agent_engine::verdict::Category;

const SETS: usize = 2;
const NOW: u64 = 100_000;

/// Keys whose places are the same, in this order: set 0, set 1.
fn probe(n: u64, kind: Kind) -> Probe {
    let in_order = |hash: &u64| Probe::new(*hash, kind, SETS).starts_in(0);
    let hashes = (1..).map(|n: u64| n << 40).filter(in_order);
    Probe::new(hashes.skip(n as usize).next().unwrap(), kind, SETS)
}

fn zero() -> AtomicU64 {
    AtomicU64::new(0)
}

fn zeros<const N: usize>() -> [AtomicU64; N] {
    std::array::from_fn(|_| zero())
}

/// Leaked, as the region is.
fn leak<T>(make: impl Fn() -> T, count: usize) -> &'static [T] {
    Vec::leak((0..count).map(|_| make()).collect())
}

fn leak_one<T>(it: T) -> &'static T {
    Box::leak(Box::new(it))
}

fn table() -> Arc<Table> {
    Arc::new(Table::new(
        leak(|| TagLine(zeros()), SETS),
        leak(|| std::array::from_fn(|_| Entry(zeros())), SETS),
        leak_one(zero()),
    ))
}

fn explore(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

fn count(table: &Table, n: u64, kind: Kind) -> Count<'_> {
    Count {
        table,
        probe: probe(n, kind),
        kind,
        counter: Counter::Requests,
        now_ms: NOW,
    }
}

fn ban_until(until_ms: u64) -> Ban {
    Ban {
        until_ms,
        category: Category::Abuse,
        incident: until_ms,
        measure: Measure::Refuse,
    }
}

/// Settled and pending slots of a key.
fn slots(table: &Table, n: u64, kind: Kind) -> (usize, usize) {
    let (slots, _) = table.sample(SETS);
    let of_key: Vec<_> = slots
        .filter(|(slot, _)| probe(n, kind).is_for(slot))
        .map(|(_, tag)| tag.is_pending())
        .collect();
    let pending = of_key.iter().filter(|pending| **pending).count();
    (of_key.len() - pending, pending)
}

#[test]
fn loom_two_claims_of_one_key_make_one_slot() {
    explore(|| {
        let table = table();
        // The other set looks emptier to one worker or the other while this goes on.
        let other = Arc::clone(&table);
        let worker = thread::spawn(move || {
            let claim = |n| other.claim(probe(n, Kind::Narrow), NOW, Evict::Counters);
            claim(1).is_some() && claim(0).is_some()
        });
        let mine = table.claim(probe(0, Kind::Narrow), NOW, Evict::Counters);
        assert!(mine.is_some() && worker.join().unwrap());
        assert_eq!(slots(&table, 0, Kind::Narrow), (1, 0));
        assert_eq!(slots(&table, 1, Kind::Narrow), (1, 0));
    });
}

#[test]
fn loom_no_increment_is_lost() {
    for kind in [Kind::Narrow, Kind::Wide] {
        explore(move || {
            let table = table();
            let other = Arc::clone(&table);
            let worker = thread::spawn(move || count(&other, 0, kind).add(1));
            let (mine, theirs) = (count(&table, 0, kind).add(1), worker.join().unwrap());
            assert_eq!(count(&table, 0, kind).read(), [2; 4]);
            assert!(mine.is_some() && theirs.is_some());
        });
    }
}

#[test]
fn loom_the_longer_of_two_bans_stands() {
    explore(|| {
        let table = table();
        let other = Arc::clone(&table);
        let put = |table: &Table, until| {
            ban::ban(table, probe(0, Kind::Ban), ban_until(NOW + until), NOW)
        };
        let worker = thread::spawn(move || put(&other, 2));
        assert!(put(&table, 1) && worker.join().unwrap());
        let stands = ban::banned(&table, probe(0, Kind::Ban), NOW).unwrap();
        assert_eq!(stands.until_ms, NOW + 2);
        assert_eq!(slots(&table, 0, Kind::Ban), (1, 0));
    });
}

/// A reader sees no ban or a whole one, whatever the slot held before.
#[test]
fn loom_a_half_written_ban_is_none() {
    explore(|| {
        let table = table();
        let probe = probe(0, Kind::Ban);
        ban::ban(&table, probe, ban_until(NOW + 1), NOW);
        let other = Arc::clone(&table);
        let later = NOW + 1;
        let worker = thread::spawn(move || ban::ban(&other, probe, ban_until(NOW + 9), later));
        let seen = ban::banned(&table, probe, later);
        assert!(seen.is_none_or(|seen| seen == ban_until(NOW + 9)));
        assert!(worker.join().unwrap());
        assert_eq!(ban::banned(&table, probe, later), Some(ban_until(NOW + 9)));
    });
}

/// All places are taken; a ban drives a counter out while a late worker still counts there.
#[test]
fn loom_a_late_counter_leaves_a_ban_alone() {
    explore(|| {
        let table = table();
        for n in 0..4 {
            count(&table, n, Kind::Narrow).add(1);
        }
        let other = Arc::clone(&table);
        let worker = thread::spawn(move || count(&other, 0, Kind::Narrow).undo());
        let banned = probe(9, Kind::Ban);
        assert!(ban::ban(&table, banned, ban_until(NOW + 9), NOW));
        worker.join().unwrap();
        assert_eq!(ban::banned(&table, banned, NOW), Some(ban_until(NOW + 9)));
    });
}

/// An expired ban is taken for evictable just when its key is banned again.
#[test]
fn loom_a_ban_renewed_under_an_evictor_stands() {
    explore(|| {
        let table = table();
        for n in 0..3 {
            count(&table, n, Kind::Narrow).add(1);
        }
        let renewed = probe(5, Kind::Ban);
        assert!(ban::ban(&table, renewed, ban_until(NOW + 1), NOW));
        let later = NOW + 1;
        let other = Arc::clone(&table);
        let worker = thread::spawn(move || {
            other
                .claim(probe(7, Kind::Narrow), later, Evict::Counters)
                .is_some()
        });
        let ban = ban_until(later + 9);
        assert!(ban::ban(&table, renewed, ban, later));
        assert!(worker.join().unwrap());
        assert_eq!(ban::banned(&table, renewed, later), Some(ban));
    });
}

/// What a killed claimer leaves is settled by the next two arrivals, once.
#[test]
fn loom_a_pending_slot_left_behind_is_settled_once() {
    explore(|| {
        let table = table();
        table.leave_pending(probe(0, Kind::Narrow), NOW);
        assert_eq!(slots(&table, 0, Kind::Narrow), (0, 1));
        let other = Arc::clone(&table);
        let worker = thread::spawn(move || count(&other, 0, Kind::Narrow).add(1));
        count(&table, 0, Kind::Narrow).add(1);
        worker.join().unwrap();
        assert_eq!(slots(&table, 0, Kind::Narrow), (1, 0));
        assert_eq!(count(&table, 0, Kind::Narrow).read(), [2; 4]);
    });
}

#[test]
fn loom_a_ban_is_lifted_once() {
    explore(|| {
        let table = table();
        let banned = probe(0, Kind::Ban);
        ban::ban(&table, banned, ban_until(NOW + 1), NOW);
        let other = Arc::clone(&table);
        let worker = thread::spawn(move || ban::unban(&other, banned, NOW));
        let mine = ban::unban(&table, banned, NOW);
        assert!(mine != worker.join().unwrap());
        assert_eq!(ban::banned(&table, banned, NOW), None);
    });
}

fn marks(table: &Table) -> Marks<'_> {
    Marks {
        table,
        probe: probe(0, kind_of(Set::Paths)),
        set: Set::Paths,
        now_ms: NOW,
    }
}

/// The free slots hold words that look like the new key's.
#[test]
fn loom_a_stained_slot_is_emptied_and_no_item_is_lost() {
    explore(|| {
        let table = table();
        for slot in table.places(probe(0, Kind::Set)) {
            let generation = Generation::new(Set::Paths, NOW, slot.salt());
            let (index, bit) = generation.place(0);
            let stain = generation.mark(0, bit);
            slot.word(index).store(stain, Ordering::Relaxed);
        }
        let other = Arc::clone(&table);
        let worker = thread::spawn(move || marks(&other).mark(1 << 57));
        let mine = marks(&table).mark(2 << 57);
        assert!(mine.is_some() && worker.join().unwrap().is_some());
        assert_eq!(marks(&table).distinct(), 2);
        assert!(!marks(&table).is_marked(0));
    });
}

#[test]
fn loom_a_run_is_its_keys_own() {
    explore(|| {
        let table = table();
        let key = probe(0, Kind::Run);
        for slot in table.places(key) {
            let stain = Run::new(slot.salt()).follow(0, 7);
            slot.word(0).store(stain, Ordering::Relaxed);
        }
        let other = Arc::clone(&table);
        let worker = thread::spawn(move || follow(&other, key, 9, NOW));
        let mut lengths = [follow(&table, key, 8, NOW), worker.join().unwrap()];
        lengths.sort_unstable();
        assert_eq!(lengths, [Some(1), Some(2)]);
    });
}

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

#[test]
fn loom_a_place_has_one_number() {
    explore(|| {
        let entry = || PlaceEntry {
            ready: zero(),
            alarm: zero(),
            ids: zeros(),
            rates: zeros(),
        };
        let places = Places::new(leak(zero, 3), leak(entry, 3));
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
        lease.resign(0, pid_of);
        assert!(lease.lead(1, later + 1, pid_of));
    });
}
