//! The table over two sets of two slots: claims, counts, bans, sets and runs.

use super::{explore, leak, leak_one, zero, zeros, NOW};
use crate::ban;
use crate::count::Count;
use crate::layout::{Entry, TagLine};
use crate::set::{follow, kind_of, Marks};
use crate::sync::Ordering;
use crate::table::{Evict, Probe, Table};
use crate::tag::Kind;
use loom::thread;
use std::sync::Arc;
use threat_agent_engine::sketch::{Generation, Run, Set};
use threat_agent_engine::state::{Ban, Counter, Measure};
use threat_agent_engine::verdict::Category;

const SETS: usize = 2;

/// Keys whose places are the same, in this order: set 0, set 1.
fn probe(n: u64, kind: Kind) -> Probe {
    let in_order = |hash: &u64| Probe::new(*hash, kind, SETS).starts_in(0);
    let hashes = (1..).map(|n: u64| n << 40).filter(in_order);
    Probe::new(hashes.skip(n as usize).next().unwrap(), kind, SETS)
}

fn table() -> Arc<Table> {
    Arc::new(Table::new(
        leak(|| TagLine(zeros()), SETS),
        leak(|| std::array::from_fn(|_| Entry(zeros())), SETS),
        leak_one(zero()),
    ))
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
