//! One word names a slot's owner: `fp:40 | last_seen:16 | reuse:3 | kind:3 | flags:2`.
//!
//! Taking a slot over is one compare-and-swap on this word. `last_seen` counts units of four
//! seconds and wraps after 72 hours. `reuse` says how often the key came back; it fades by one for
//! every idle minute and decides, before age does, who is evicted: a flood of new keys arrives with
//! 0 and evicts itself.

/// What a slot's words mean; 0 is an empty slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Narrow = 1,
    Wide = 2,
    Ban = 3,
    Set = 4,
    /// A set that looks back for weeks: it is kept as long as there is room.
    LongSet = 5,
    Run = 6,
}

const FP_SHIFT: u32 = 24;
const SEEN_SHIFT: u32 = 8;
const SEEN_MASK: u64 = 0xFFFF;
const REUSE_SHIFT: u32 = 5;
const REUSE_MAX: u64 = 7;
/// What a return in a later unit of time adds: more than fades in a minute, so that whoever comes
/// at least every three minutes rises.
const REUSE_STEP: u64 = 3;
const KIND_SHIFT: u32 = 2;
const KIND_MASK: u64 = 7;
/// Claimed, but not yet known to be the key's only slot.
const PENDING: u64 = 1;
const FLAGS: u64 = 3;
const IDENT_MASK: u64 = !((SEEN_MASK << SEEN_SHIFT) | (REUSE_MAX << REUSE_SHIFT) | FLAGS);

/// Units: milliseconds.
const UNIT_MS: u64 = 4_000;
const UNITS_PER_MINUTE: u64 = 60_000 / UNIT_MS;
/// From here on every window of a slot has run out.
const UNITS_OF_LIFE: u64 = 2 * 60 * UNITS_PER_MINUTE;
/// Clocks of workers differ by less than this.
const UNITS_OF_LAG: u64 = UNITS_PER_MINUTE;

/// A tag as it was read, or is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag(pub u64);

/// The part of a tag that stays as long as the owner does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ident(u64);

impl Ident {
    /// Joins the upper 40 bits of a key's hash and the kind.
    pub fn new(hash: u64, kind: Kind) -> Ident {
        Ident((hash >> FP_SHIFT << FP_SHIFT) | ((kind as u64) << KIND_SHIFT))
    }

    pub fn bits(self) -> u64 {
        self.0
    }

    pub fn upper_hash(self) -> u64 {
        self.0 >> FP_SHIFT << FP_SHIFT
    }

    /// Tells whether a tag is this owner's, and settled.
    pub fn owns(self, tag: Tag) -> bool {
        tag.0 & (IDENT_MASK | PENDING) == self.0
    }

    /// The tag of a slot that is being claimed.
    pub fn claim(self, now_ms: u64) -> Tag {
        Tag(self.0 | (unit(now_ms) << SEEN_SHIFT) | PENDING)
    }
}

fn unit(now_ms: u64) -> u64 {
    (now_ms / UNIT_MS) & SEEN_MASK
}

impl Tag {
    pub const EMPTY: Tag = Tag(0);

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn is_pending(self) -> bool {
        self.0 & PENDING != 0
    }

    pub fn ident(self) -> Ident {
        Ident(self.0 & IDENT_MASK)
    }

    pub fn is_ban(self) -> bool {
        self.is_of(Kind::Ban)
    }

    fn is_of(self, kind: Kind) -> bool {
        (self.0 >> KIND_SHIFT) & KIND_MASK == kind as u64
    }

    /// The same tag once its slot is known to be the only one.
    pub fn settled(self) -> Tag {
        Tag(self.0 & !PENDING)
    }

    /// Units of four seconds since the owner came last. A clock that lags behind another worker's
    /// gives 0.
    fn idle(self, now_ms: u64) -> u64 {
        let idle = unit(now_ms).wrapping_sub(self.0 >> SEEN_SHIFT) & SEEN_MASK;
        if idle > SEEN_MASK - UNITS_OF_LAG {
            0
        } else {
            idle
        }
    }

    /// Tells whether any window of the slot may still hold something.
    pub fn is_live(self, now_ms: u64) -> bool {
        !self.is_empty() && (self.is_of(Kind::LongSet) || self.idle(now_ms) < UNITS_OF_LIFE)
    }

    fn reuse(self, now_ms: u64) -> u64 {
        let (reuse, idle) = ((self.0 >> REUSE_SHIFT) & REUSE_MAX, self.idle(now_ms));
        if idle == 0 {
            // As for all who come often: the division takes longer than the rest.
            return reuse;
        }
        let fades_in = if self.is_of(Kind::LongSet) {
            8 * 60 * UNITS_PER_MINUTE
        } else {
            UNITS_PER_MINUTE
        };
        reuse.saturating_sub(idle / fades_in)
    }

    /// Orders slots by what they are worth keeping: the lowest goes first.
    pub fn worth(self, now_ms: u64) -> u64 {
        (self.reuse(now_ms) << 16) | (SEEN_MASK - self.idle(now_ms))
    }

    /// The tag after the owner came back. Within one unit of time only the first return counts,
    /// and only when `again` says that it is another request.
    pub fn touched(self, now_ms: u64, again: bool) -> Tag {
        let came = if self.idle(now_ms) > 0 {
            (self.reuse(now_ms) + REUSE_STEP).min(REUSE_MAX)
        } else {
            self.reuse(now_ms).max(u64::from(again))
        };
        let seen = if self.idle(now_ms) > 0 {
            unit(now_ms)
        } else {
            (self.0 >> SEEN_SHIFT) & SEEN_MASK
        };
        self.with(seen, came)
    }

    /// A different tag of the same ban: its reuse only numbers the writings.
    pub fn renewed(self, now_ms: u64) -> Tag {
        let nth = ((self.0 >> REUSE_SHIFT) + 1) & REUSE_MAX;
        self.with(unit(now_ms), nth)
    }

    fn with(self, seen: u64, reuse: u64) -> Tag {
        Tag(self.ident().0 | (self.0 & FLAGS) | (seen << SEEN_SHIFT) | (reuse << REUSE_SHIFT))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn born(now_ms: u64) -> Tag {
        Ident::new(u64::MAX, Kind::Narrow).claim(now_ms).settled()
    }

    #[test]
    fn fields_do_not_overlap() {
        let tag = Ident::new(0x1234_5678_9abc_def0, Kind::Ban).claim(4_000 * 0xFFFF);
        assert_eq!(tag.0 >> 24, 0x12_3456_789a);
        assert!(tag.is_ban() && tag.is_pending() && !tag.settled().is_pending());
        assert_eq!(tag.ident(), Ident::new(0x1234_5678_9a00_0000, Kind::Ban));
        assert_eq!(tag.touched(0, true).ident(), tag.ident());
        let renewed = tag.renewed(0);
        assert!(renewed.ident() == tag.ident() && renewed != renewed.renewed(0));
    }

    #[test]
    fn reuse_rises_by_returning_and_fades_by_the_minute() {
        let mut tag = born(0);
        assert_eq!(tag.touched(0, false), tag);
        tag = tag.touched(1_000, true);
        assert_eq!((tag.reuse(0), tag.touched(3_999, true)), (1, tag));
        for i in 1..20 {
            tag = tag.touched(i * 4_000, false);
        }
        let last = 19 * 4_000;
        for (minutes, want) in [(0, 7), (1, 6), (6, 1), (7, 0), (100, 0)] {
            assert_eq!(tag.reuse(last + minutes * 60_000), want, "{minutes}");
        }
        let late = last + 6 * 60_000;
        assert_eq!(tag.touched(late, false).reuse(late), 4);
        // Every two and a half minutes is often enough to be worth something all the time.
        let mut slow = born(0);
        for i in 1..=10 {
            slow = slow.touched(i * 150_000, false);
        }
        assert!(slow.reuse(11 * 150_000) > 0);
    }

    #[test]
    fn worth_is_reuse_then_age() {
        let flood = born(100_000);
        let returning = born(0).touched(0, true).touched(8_000, true);
        assert!(flood.worth(100_000) < returning.worth(20_000));
        assert!(born(0).worth(100_000) < flood.worth(100_000));
    }

    #[test]
    fn a_lagging_clock_and_the_wrap_do_no_harm() {
        let tag = born(8_000);
        assert_eq!((tag.idle(4_000), tag.touched(4_000, false)), (0, tag));
        let old = born(4_000 * 0xFFFF);
        assert_eq!(old.idle(4_000 * 0x1_0001), 2);
        assert!(old.is_live(4_000 * 0x1_0001) && !old.is_live(4_000 * 0x1_0001 + 7_200_000));
        assert!(!tag.is_live(48 * 3_600_000));
    }

    #[test]
    fn a_long_set_fades_by_the_working_day() {
        let mut tag = Ident::new(1, Kind::LongSet).claim(0).settled();
        for i in 1..20 {
            tag = tag.touched(i * 4_000, false);
        }
        let last = 19 * 4_000;
        for (hours, want) in [(0, 7), (7, 7), (8, 6), (55, 1), (56, 0)] {
            assert_eq!(tag.reuse(last + hours * 3_600_000), want, "{hours}");
        }
        assert!(tag.is_live(last + 60 * 3_600_000));
    }
}
