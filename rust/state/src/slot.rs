//! Workers: who is inside the engine, who died there, and each one's stripe of the statistics.
//!
//! A worker that dies inside the engine (a crash, an abort, a kill for taking too long) is noticed
//! when its successor attaches. Three such deaths within a minute set the bypass: the gateway then
//! lets traffic pass uninspected instead of losing worker after worker.

use crate::layout::{Deaths, Header, WorkerSlot, WORKERS};
use crate::sync::{fence, AtomicU64, Ordering};

/// Deaths inside the engine that set the bypass, when they fall within [`DEATHS_WITHIN_MS`].
pub const DEATHS_TO_BYPASS: usize = 3;
/// Units: milliseconds.
pub const DEATHS_WITHIN_MS: u64 = 60_000;

/// What is counted over all workers, for as long as the region stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stat {
    Requests = 0,
    Allowed = 1,
    Tagged = 2,
    Throttled = 3,
    Blocked = 4,
    BannedRefused = 5,
    Findings = 6,
    UninspectedRequests = 7,
    UninspectedBytes = 8,
    EnginePanics = 9,
    /// Requests on which a shadow rule spoke.
    Shadowed = 10,
}

impl Stat {
    pub const ALL: [Stat; 11] = [
        Stat::Requests,
        Stat::Allowed,
        Stat::Tagged,
        Stat::Throttled,
        Stat::Blocked,
        Stat::BannedRefused,
        Stat::Findings,
        Stat::UninspectedRequests,
        Stat::UninspectedBytes,
        Stat::EnginePanics,
        Stat::Shadowed,
    ];

    /// Names the statistic as metrics do.
    pub fn name(self) -> &'static str {
        match self {
            Stat::Requests => "requests",
            Stat::Allowed => "allowed",
            Stat::Tagged => "tagged",
            Stat::Throttled => "throttled",
            Stat::Blocked => "blocked",
            Stat::BannedRefused => "banned_refused",
            Stat::Findings => "findings",
            Stat::UninspectedRequests => "uninspected_requests",
            Stat::UninspectedBytes => "uninspected_bytes",
            Stat::EnginePanics => "engine_panics",
            Stat::Shadowed => "shadowed",
        }
    }
}

/// A worker's place. Those that came when all were taken share [`WorkerId::OVERFLOW`]: their
/// statistics count, their deaths do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WorkerId(usize);

impl WorkerId {
    pub const OVERFLOW: WorkerId = WorkerId(WORKERS);

    /// Finds the place of a number that [`WorkerId::number`] gave.
    pub fn from_number(number: usize) -> WorkerId {
        WorkerId(number.min(WORKERS))
    }

    /// The place's number, below 256; 256 for the overflow.
    pub fn number(self) -> usize {
        self.0
    }
}

/// What a worker finds when it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attached {
    pub slot: WorkerId,
    /// Deaths inside the engine that this call was the first to notice.
    pub deaths_now: u32,
}

/// The workers' part of the region.
#[derive(Clone, Copy)]
pub(crate) struct Workers {
    header: &'static Header,
    slots: &'static [WorkerSlot],
}

impl Workers {
    pub fn new(header: &'static Header, slots: &'static [WorkerSlot]) -> Workers {
        Workers { header, slots }
    }

    /// The slots that a single worker may own, numbered.
    fn own(&self) -> impl Iterator<Item = (WorkerId, &'static WorkerSlot)> {
        let slots = self.slots.iter().take(WORKERS).enumerate();
        slots.map(|(n, slot)| (WorkerId(n), slot))
    }

    pub fn attach(&self, pid: u32, now_ms: u64, alive: impl Fn(u32) -> bool) -> Attached {
        // A pid that comes again is a new worker, or this one that attaches twice from outside.
        let is_gone = |found: u64| {
            found == u64::from(pid) || (found != 0 && !u32::try_from(found).is_ok_and(&alive))
        };
        let mut deaths_now = 0;
        let mut free = [const { None }; 3];
        for (id, slot) in self.own() {
            // Acquire: partner of the release in the claim below; what its owner wrote since is
            // ordered by the owner's death.
            let found = slot.presence.pid.load(Ordering::Acquire);
            let gone = is_gone(found);
            if gone && self.bury(slot, now_ms) {
                deaths_now += 1;
            }
            let rank = match found {
                _ if found == u64::from(pid) => 0,
                _ if gone => 1,
                0 => 2,
                _ => continue,
            };
            if let Some(first) = free.get_mut(rank) {
                let first: &mut Option<(WorkerId, u64)> = first;
                first.get_or_insert((id, found));
            }
        }
        let best = free.into_iter().flatten();
        // Others may be attaching, too: after the best places, any that is free.
        let slot = best
            .chain(self.own().filter_map(|(id, slot)| {
                let found = slot.presence.pid.load(Ordering::Acquire);
                (found == 0 || is_gone(found)).then_some((id, found))
            }))
            .find(|(id, found)| self.take(*id, *found, pid))
            .map_or(WorkerId::OVERFLOW, |(id, _)| id);
        Attached { slot, deaths_now }
    }

    fn take(&self, id: WorkerId, found: u64, pid: u32) -> bool {
        self.slots.get(id.0).is_some_and(|slot| {
            // AcqRel: a slot has one new owner; partner of the acquire loads in `attach`.
            let pid = u64::from(pid);
            slot.presence
                .pid
                .compare_exchange(found, pid, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
        })
    }

    /// Records a death inside the engine, once for all that notice it.
    fn bury(&self, slot: &WorkerSlot, now_ms: u64) -> bool {
        let inside = &slot.presence.inside_since_ms;
        let since = inside.load(Ordering::Acquire);
        // AcqRel: of all that notice one death, one swaps the word.
        let first = since != 0
            && inside
                .compare_exchange(since, 0, Ordering::AcqRel, Ordering::Acquire)
                .is_ok();
        if first && record_death(&self.header.deaths, now_ms) {
            let since_ms = &self.header.signals.bypass_since_ms;
            // Relaxed: the word stands alone; the first time stays.
            let _ =
                since_ms.compare_exchange(0, now_ms.max(1), Ordering::Relaxed, Ordering::Relaxed);
        }
        first
    }

    /// The process that has a slot; 0 for none.
    pub fn pid(&self, slot: usize) -> u64 {
        // Acquire: partner of the release in `take`.
        let slot = self.slots.get(slot);
        slot.map_or(0, |slot| slot.presence.pid.load(Ordering::Acquire))
    }

    /// Counts the places whose owner lives.
    pub fn living(&self, alive: impl Fn(u32) -> bool) -> u32 {
        let pids = self
            .own()
            .map(|(_, slot)| slot.presence.pid.load(Ordering::Acquire));
        let living = pids.filter(|pid| *pid != 0 && u32::try_from(*pid).is_ok_and(&alive));
        living.count() as u32
    }

    /// Counts the deaths inside the engine within the last [`DEATHS_WITHIN_MS`].
    pub fn recent_deaths(&self, now_ms: u64) -> u32 {
        recent_deaths(&self.header.deaths, now_ms) as u32
    }

    pub fn enter(&self, id: WorkerId, now_ms: u64) {
        self.mark(id, now_ms.max(1), Ordering::Relaxed);
    }

    pub fn leave(&self, id: WorkerId) {
        // Release: all that was done inside comes before the mark goes.
        self.mark(id, 0, Ordering::Release);
    }

    fn mark(&self, id: WorkerId, word: u64, ordering: Ordering) {
        if let Some(slot) = self.slots.get(id.0).filter(|_| id != WorkerId::OVERFLOW) {
            // Read by others after this process is dead only: the kernel orders that.
            slot.presence.inside_since_ms.store(word, ordering);
        }
    }

    pub fn add(&self, id: WorkerId, stat: Stat, n: u64) {
        if let Some(word) = self.slots.get(id.0).and_then(|slot| stat_word(slot, stat)) {
            // Relaxed: a statistic; readers add up.
            word.fetch_add(n, Ordering::Relaxed);
        }
    }

    pub fn sum(&self, stat: Stat) -> u64 {
        let words = self.slots.iter().filter_map(|slot| stat_word(slot, stat));
        // Relaxed: as above.
        words
            .map(|word| word.load(Ordering::Relaxed))
            .fold(0, u64::wrapping_add)
    }
}

fn stat_word(slot: &WorkerSlot, stat: Stat) -> Option<&AtomicU64> {
    slot.stats.get(stat as usize)
}

/// Adds a death to the ring. Returns whether the latest ones are too many.
fn record_death(deaths: &Deaths, now_ms: u64) -> bool {
    let nth = deaths.cursor.fetch_add(1, Ordering::Relaxed) as usize;
    if let Some(at) = deaths.at_ms.get(nth % deaths.at_ms.len()) {
        at.store(now_ms.max(1), Ordering::Relaxed);
    }
    // Of several that record at once, the last one at least sees all. Partner: the same fence in
    // the others.
    fence(Ordering::SeqCst);
    recent_deaths(deaths, now_ms) >= DEATHS_TO_BYPASS
}

fn recent_deaths(deaths: &Deaths, now_ms: u64) -> usize {
    // Relaxed: ordered by the fence of `record_death` where it matters.
    let times = deaths.at_ms.iter().map(|at| at.load(Ordering::Relaxed));
    let within = |at: &u64| *at != 0 && now_ms.saturating_sub(*at) <= DEATHS_WITHIN_MS;
    times.filter(within).count()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::SharedState;
    use std::sync::atomic::AtomicUsize;

    fn state() -> SharedState {
        SharedState::create(1 << 20).unwrap()
    }

    fn dead(_: u32) -> bool {
        false
    }

    fn living(_: u32) -> bool {
        true
    }

    #[test]
    fn every_worker_gets_its_own_slot_and_the_rest_share_one() {
        let state = state();
        for pid in 1..=256 {
            let slot = state.attach(pid, 0, living).slot;
            assert_eq!(slot.number(), pid as usize - 1);
        }
        for pid in 257..260 {
            let slot = state.attach(pid, 0, living).slot;
            assert_eq!(slot, WorkerId::OVERFLOW);
            state.enter(slot, 5);
            state.stat_add(slot, Stat::Requests, 2);
            state.leave(slot);
        }
        assert_eq!(state.stat_sum(Stat::Requests), 6);
        assert_eq!(state.living_workers(|pid| pid > 200), 56);
        assert_eq!(state.attach(260, 0, |pid| pid != 7).slot.number(), 6);
        assert_eq!(WorkerId::from_number(6).number(), 6);
        assert_eq!(WorkerId::from_number(usize::MAX), WorkerId::OVERFLOW);
        assert_eq!(state.attach(9, 0, living).slot.number(), 8);
    }

    #[test]
    fn a_death_inside_counts_once_and_one_outside_does_not() {
        let state = state();
        let slot = state.attach(1, 0, living).slot;
        state.stat_add(slot, Stat::Blocked, 3);
        state.enter(slot, 10);
        assert_eq!(state.attach(2, 20, living).deaths_now, 0);
        let third = state.attach(3, 30, |pid| pid != 1);
        assert_eq!((third.deaths_now, third.slot), (1, slot));
        assert_eq!(state.attach(4, 40, |pid| pid != 1).deaths_now, 0);
        state.enter(slot, 50);
        state.leave(slot);
        assert_eq!(state.attach(5, 60, dead).deaths_now, 0);
        state.stat_add(slot, Stat::Blocked, 4);
        assert_eq!(state.stat_sum(Stat::Blocked), 7);
    }

    #[test]
    fn a_successor_with_the_same_pid_notices_the_death() {
        let state = state();
        let slot = state.attach(1, 0, living).slot;
        state.enter(slot, 10);
        let again = state.attach(1, 20, living);
        assert_eq!(
            again,
            Attached {
                slot,
                deaths_now: 1
            }
        );
    }

    #[test]
    fn three_deaths_within_a_minute_set_the_bypass() {
        for (deaths, want) in [
            (&[1_000, 2_000][..], false),
            (&[1_000, 2_000, 61_000], true),
            (&[1_000, 2_000, 61_001], false),
            (&[0, 0, 0], true),
            (
                &[
                    0, 60_000, 120_000, 180_000, 240_000, 300_000, 360_000, 420_000, 420_000,
                ],
                true,
            ),
            (
                &[
                    0, 50_000, 100_000, 150_000, 200_000, 250_000, 300_000, 350_000, 400_000,
                ],
                false,
            ),
        ] {
            let state = state();
            state.attach(1, 0, living);
            for at in deaths {
                state.enter(WorkerId(0), *at);
                assert_eq!(state.attach(1, *at, living).deaths_now, 1);
            }
            assert_eq!(state.bypassed(), want, "{deaths:?}");
        }
    }

    #[test]
    fn the_bypass_stands_until_it_is_cleared() {
        let state = state();
        for at in [1_000, 1_001, 1_002, 1_003] {
            let slot = state.attach(1, at, living).slot;
            state.enter(slot, at);
        }
        assert_eq!(state.bypassed_since_ms(), Some(1_003));
        assert_eq!(
            (state.recent_deaths(61_002), state.recent_deaths(61_003)),
            (2, 1)
        );
    }

    #[test]
    fn many_that_notice_one_death_count_it_once() {
        let state = state();
        for round in 0..200u32 {
            let slot = state.attach(1_000_000, 0, living).slot;
            state.enter(slot, 1);
            let seen = AtomicUsize::new(0);
            std::thread::scope(|scope| {
                for n in 0..4 {
                    let (state, seen) = (&state, &seen);
                    scope.spawn(move || {
                        let pid = round * 4 + n + 1;
                        let found = state.attach(pid, 2, |p| p == pid).deaths_now;
                        seen.fetch_add(found as usize, Ordering::Relaxed);
                    });
                }
            });
            assert_eq!(seen.into_inner(), 1, "{round}");
        }
    }
}
