//! Several processes in one region: exact counts, kills at any instruction, one limit for all.
//!
//! An anonymous mapping has no name by which a new program could find it, so the children are
//! forked from the test itself. Its harness has other threads, whose locks may be held at the fork:
//! a child touches the region only, allocates nothing, and ends by `_exit`.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::net::IpAddr;
use std::time::{Duration, Instant};
use threat_agent_engine::memory::{Memory, Place};
use threat_agent_engine::signal::{Id, Kind, Signal, NO_CLIENT};
use threat_agent_engine::sketch::Set;
use threat_agent_engine::state::{Ban, By, Counter, Key, Measure, Scope, State, Who};
use threat_agent_engine::verdict::Category;
use threat_agent_state::{SharedState, Stat, WorkerId};

const NOW: u64 = 1_000_000_000;
/// No child needs more; one that hangs fails its test.
const PATIENCE: Duration = Duration::from_secs(60);

fn client(n: u64) -> Key<'static> {
    let [a, b, c, d, e, f, g, h] = n.to_be_bytes();
    Key {
        by: By::ClientIp,
        scope: Scope::Global,
        workspace: b"default",
        scope_id: b"",
        who: Who::Client([a, b, c, d, e, f, g, h, 0, 0, 0, 0, 0, 0, 0, 0]),
    }
}

fn route() -> Key<'static> {
    Key {
        by: By::Route,
        who: Who::Id(b"route"),
        ..client(0)
    }
}

fn ban() -> Ban {
    Ban {
        until_ms: NOW + 3_600_000,
        category: Category::ApiDdos,
        incident: 7,
        measure: Measure::Refuse,
    }
}

fn state() -> SharedState {
    SharedState::create(1 << 20).unwrap()
}

struct Child(libc::pid_t);

/// Instead of the pid of a child that was waited for.
const GONE: libc::pid_t = 0;

/// A test that fails leaves no child running.
impl Drop for Child {
    fn drop(&mut self) {
        if self.0 != GONE {
            self.kill();
        }
    }
}

impl Child {
    /// Forks; the child runs `f` and exits with its result.
    fn run(f: impl FnOnce() -> u8) -> Child {
        // SAFETY: see the head of this file for what the child may do.
        match unsafe { libc::fork() } {
            0 => {
                let code = f();
                // SAFETY: ends the child without running anything of the parent's.
                unsafe { libc::_exit(code.into()) }
            }
            pid => {
                assert!(pid > 0, "{}", std::io::Error::last_os_error());
                Child(pid)
            }
        }
    }

    fn kill(&self) {
        // SAFETY: the child is ours and was not waited for yet.
        assert_eq!(unsafe { libc::kill(self.0, libc::SIGKILL) }, 0);
    }

    /// Waits, with a bound. Returns the exit code; `None` for a child that was killed.
    fn wait(mut self) -> Option<i32> {
        let end = Instant::now() + PATIENCE;
        let mut status = 0;
        loop {
            // SAFETY: `status` is writable; the child is ours.
            let got = unsafe { libc::waitpid(self.0, &mut status, libc::WNOHANG) };
            if got == self.0 {
                self.0 = GONE;
                return libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
            }
            assert!(got == 0, "{}", std::io::Error::last_os_error());
            if Instant::now() > end {
                panic!("a child hangs");
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}

#[test]
fn no_addition_of_any_process_is_lost() {
    let state = state();
    let (children, adds, keys) = (4, 50_000, 16);
    let running: Vec<Child> = (0..children)
        .map(|_| {
            Child::run(|| {
                for n in 0..adds {
                    state.add(&client(n % keys), Counter::Requests, 1, NOW);
                    state.add(&route(), Counter::ServerErrors, 1, NOW);
                }
                0
            })
        })
        .collect();
    for child in running {
        assert_eq!(child.wait(), Some(0));
    }
    for n in 0..keys {
        let want = children * adds / keys;
        assert_eq!(state.read(&client(n), Counter::Requests, NOW), [want; 4]);
    }
    let seen = state.read(&route(), Counter::ServerErrors, NOW);
    assert_eq!(seen, [children * adds; 4]);
}

/// All children bring the same new keys at once, in the same order.
#[test]
fn a_key_has_one_slot_however_many_processes_bring_it() {
    // So large that no key is driven out, which would be counted anew.
    let state = SharedState::create(1 << 22).unwrap();
    let (children, keys) = (4, 4_000);
    let running: Vec<Child> = (0..children)
        .map(|_| {
            Child::run(|| {
                for n in 0..keys {
                    state.add(&client(n), Counter::Requests, 1, NOW);
                }
                0
            })
        })
        .collect();
    for child in running {
        assert_eq!(child.wait(), Some(0));
    }
    let occupancy = state.occupancy(NOW);
    assert_eq!((occupancy.live_keys, occupancy.evicted), (keys, 0));
    for n in 0..keys {
        assert_eq!(
            state.read(&client(n), Counter::Requests, NOW),
            [children; 4]
        );
    }
}

/// Children count, ban and evict as fast as they can until they are killed; what they leave must
/// hold every ban, no duplicate and no hang.
#[test]
fn kills_at_any_instruction_leave_a_usable_table() {
    let state = state();
    let (rounds, bans, hot) = (300u64, 200, 64);
    for n in 0..bans {
        state.ban(&client(n), ban(), NOW);
    }
    let capacity = state.occupancy(NOW).capacity;
    let work = |seed: u64| {
        let mut n = seed;
        loop {
            n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let key = client(1_000_000 + (n >> 33) % (2 * capacity));
            state.add(&client(10_000 + n % hot), Counter::Requests, 1, NOW);
            state.add(&key, Counter::NotFound, 1, NOW);
            state.ban(&client(n % bans), ban(), NOW);
            if n.is_multiple_of(64) {
                let short = Ban {
                    until_ms: NOW + 1,
                    ..ban()
                };
                state.ban(&key, short, NOW);
                state.unban(&key, NOW);
            }
            if state.banned(&client(n % bans), NOW) != Some(ban()) {
                return 1;
            }
        }
    };
    for round in 0..rounds {
        let pair = [
            Child::run(|| work(2 * round)),
            Child::run(|| work(2 * round + 1)),
        ];
        std::thread::sleep(Duration::from_micros(500 + round * 37 % 3_000));
        pair.iter().for_each(Child::kill);
        for child in pair {
            assert_eq!(child.wait(), None, "a ban was lost in round {round}");
        }
    }
    for n in 0..bans {
        assert_eq!(state.banned(&client(n), NOW), Some(ban()));
    }
    for n in 0..hot {
        let key = client(10_000 + n);
        let before = state.read(&key, Counter::Requests, NOW);
        let (most, least) = (before.iter().max().unwrap(), before.iter().min().unwrap());
        // A kill in the middle of a call loses its increments of the later windows.
        assert!(*least > 1 && most - least <= 2 * rounds, "{before:?}");
        assert_eq!(
            state.add(&key, Counter::Requests, 1, NOW),
            before.map(|n| n + 1)
        );
    }
    let seen = state.occupancy(NOW);
    assert!(seen.live_keys + seen.standing_bans <= capacity);
    // A kill between a short ban and its lifting leaves that one, too.
    assert!((bans..=bans + 2 * rounds).contains(&seen.standing_bans));
}

/// As the engine enforces a limit: add, and take back when the estimate is above it.
#[test]
fn four_processes_enforce_one_limit() {
    let (processes, limit) = (4u64, 100);
    for round in 0..50 {
        let state = state();
        let running: Vec<Child> = (0..processes)
            .map(|_| {
                Child::run(|| {
                    let mut admitted = 0;
                    for _ in 0..200 {
                        let [first, ..] = state.add(&client(1), Counter::Requests, 1, NOW);
                        if first <= limit {
                            admitted += 1;
                        } else {
                            state.undo(&client(1), Counter::Requests, NOW);
                        }
                    }
                    admitted
                })
            })
            .collect();
        let admitted: Option<i32> = running.into_iter().map(Child::wait).sum();
        let admitted = admitted.unwrap() as u64;
        // One that is about to take back may make another one refuse: a few too little.
        assert!(
            admitted.abs_diff(limit) <= processes,
            "{admitted} in round {round}"
        );
        assert_eq!(
            state.read(&client(1), Counter::Requests, NOW),
            [admitted; 4]
        );
    }
}

#[test]
fn three_workers_killed_inside_the_engine_set_the_bypass() {
    let state = state();
    let alive = |pid: u32| {
        // SAFETY: signal 0 only asks whether the process exists.
        unsafe { libc::kill(pid as libc::pid_t, 0) == 0 }
    };
    for death in 0..4 {
        let found = state.attach(std::process::id(), NOW + death, alive);
        assert_eq!(found.deaths_now, u32::from(death > 0));
        assert_eq!(state.bypassed(), death >= 3);
        let child = Child::run(|| {
            let slot = state.attach(std::process::id(), NOW, alive).slot;
            state.enter(slot, NOW);
            state.stat_add(slot, Stat::Requests, 1);
            loop {
                std::hint::spin_loop();
            }
        });
        let end = Instant::now() + PATIENCE;
        while state.stat_sum(Stat::Requests) <= death {
            assert!(Instant::now() < end, "the child did not come in");
            std::thread::yield_now();
        }
        child.kill();
        assert_eq!(child.wait(), None);
    }
    assert_eq!(state.stat_sum(Stat::Requests), 4);
    assert_ne!(state.attach(1, NOW, |_| true).slot, WorkerId::OVERFLOW);
}

/// A signal whose parts all hang on `n`.
fn signal(n: u64) -> Signal {
    Signal {
        at_ms: n,
        kind: Kind::Rule,
        category: Category::Abuse,
        score: 0.5,
        value: n as u32,
        threshold: !(n as u32),
        client: if n.is_multiple_of(2) {
            NO_CLIENT
        } else {
            IpAddr::from([n as u16; 8])
        },
        account: n.rotate_left(20),
        reference: !n,
        refused: n.is_multiple_of(3),
        workspace: Id::new(&n.to_ne_bytes()),
        route: Id::new(b"3b7e2c90-51d4-4a7f-8c1b-9f2d6e0a4b5c"),
        consumer: Id::new(&(!n).to_be_bytes()),
        credential: Id::new(&n.to_be_bytes()),
        session: n.rotate_left(9),
    }
}

/// Children signal as fast as they can until they are killed, most of them in the middle of one.
#[test]
fn producers_killed_in_the_middle_hold_up_no_drain() {
    let state = state();
    let work = |mut n: u64| loop {
        n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.signal(&signal(n));
    };
    let (mut cursor, mut taken, mut lost) = (0, 0, 0);
    for round in 0..300u64 {
        let children = [
            Child::run(|| work(3 * round)),
            Child::run(|| work(3 * round + 1)),
        ];
        let mut drain = |least: u64| {
            let (next, more) = state.drain(cursor, &mut |got| {
                assert_eq!(*got, signal(got.at_ms));
                taken += 1;
            });
            lost += more;
            assert!(next >= cursor + least, "stuck at {cursor}");
            cursor = next;
        };
        std::thread::sleep(Duration::from_micros(200 + round * 37 % 1_000));
        drain(0);
        children.iter().for_each(Child::kill);
        for child in children {
            assert_eq!(child.wait(), None);
        }
        // One drain may wait for those that died, the next one passes them over.
        drain(0);
        state.signal(&signal(round));
        drain(1);
    }
    assert_eq!(cursor, taken + lost);
    let mut last = Vec::new();
    state.signal(&signal(7));
    state.drain(cursor, &mut |got| last.push(*got));
    assert_eq!(last, [signal(7)]);
}

/// Children make the same places, and sets and runs of the same keys, until they are killed.
#[test]
fn kills_leave_whole_places_sets_and_runs() {
    let state = state();
    let place = |n: u64| Place {
        workspace: Id::new(b"default"),
        service: Id::new(&n.to_be_bytes()),
        route: Id::new(&n.to_le_bytes()),
    };
    let items = 40;
    for round in 0..150u64 {
        let work = |mut n: u64| loop {
            n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let known = state.place(&place(1 + (n >> 40) % (1 + round / 6)));
            state.sample(known, n >> 50);
            let key = client(round * 100 + (n >> 33) % 100);
            state.mark(
                &key,
                Set::Paths,
                state.hash(&[(n >> 20) as u8 % items]),
                NOW,
            );
            state.follow(&key, n >> 55, NOW);
        };
        let children = [Child::run(|| work(round)), Child::run(|| work(!round))];
        std::thread::sleep(Duration::from_micros(300 + round * 37 % 2_000));
        children.iter().for_each(Child::kill);
        for child in children {
            assert_eq!(child.wait(), None);
        }
        for n in 0..100 {
            let key = client(round * 100 + n);
            for item in 0..items {
                state.mark(&key, Set::Paths, state.hash(&[item]), NOW);
            }
            let seen = state.distinct(&key, Set::Paths, NOW);
            // Some two of forty share a bit by chance; twelve in one run of 10^6.
            assert!((30..=43).contains(&seen), "{seen}");
            assert!(state.follow(&key, 1 << 39, NOW) >= 1);
        }
    }
    let all: Vec<_> = (1..=25)
        .map(|n| (state.place(&place(n)), place(n)))
        .collect();
    let mut listed = state.places();
    listed.sort_unstable_by_key(|(id, _)| all.iter().position(|(other, _)| other == id));
    assert_eq!(listed, all);
}

#[test]
fn a_killed_leader_is_succeeded_when_its_lease_ends_or_its_slot_is_taken() {
    let state = state();
    let alive = |pid: u32| {
        // SAFETY: signal 0 only asks whether the process exists.
        unsafe { libc::kill(pid as libc::pid_t, 0) == 0 }
    };
    let own = state.attach(std::process::id(), NOW, alive).slot;
    for (n, taken_over) in [(0, false), (1, true)] {
        let now = NOW + n * 60_000;
        let child = Child::run(|| {
            let slot = state.attach(std::process::id(), now, alive).slot;
            u8::from(state.lead(slot, now)) * slot.number() as u8
        });
        let slot = child.wait().unwrap();
        assert_eq!(slot, 1);
        assert!(!state.lead(own, now + 1) && !state.lead(own, now + 2_999));
        if taken_over {
            let next = Child::run(|| {
                let next = state.attach(std::process::id(), now, alive).slot;
                u8::from(state.lead(next, now + 1))
            });
            assert_eq!(next.wait(), Some(1));
            assert!(!state.lead(own, now + 3_000) && state.lead(own, now + 3_001));
        } else {
            assert!(state.lead(own, now + 3_000));
        }
    }
}
