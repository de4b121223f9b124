//! Bans that outlive the region: what is written to a file before a restart, and read after it.
//!
//! Little-endian words: magic, version, hash self-test, four hash seeds, wall clock, number of bans,
//! then four words a ban: hash of the key, end on the wall clock, `[category:8 | incident:48]`, the
//! measure; a check over all of them at the end.
//!
//! The file holds keyed hashes, no addresses. The key stands beside them, because the hashes must
//! match after the restart: who can read the file can test whether a given client is banned. It is
//! to be readable by the gateway's user only. Counts, sets, runs, places and incidents are not kept.

use crate::error::Error;
use crate::words::{check, words, WORD};
use threat_agent_engine::state::{Ban, Measure, MeasureKind, INCIDENT_MASK};
use threat_agent_engine::verdict::Category;

const MAGIC: u64 = u64::from_le_bytes(*b"TA-BANS\n");
const VERSION: u64 = 2;
const CATEGORY_SHIFT: u32 = 48;
/// Words before the bans, of a ban, and after the bans.
const HEAD: usize = 9;
const OF_BAN: usize = 4;
const TAIL: usize = 1;

pub(crate) struct Snapshot {
    pub seeds: [u64; 4],
    pub self_test: u64,
    /// Wall clock when it was taken. Units: milliseconds.
    pub taken_ms: u64,
    /// Hashes of keys and their bans, whose ends are on the wall clock.
    pub bans: Vec<(u64, Ban)>,
}

fn expect(what: &'static str, expected: u64, found: u64) -> Result<(), Error> {
    if expected == found {
        Ok(())
    } else {
        Err(Error::Snapshot {
            what,
            expected,
            found,
        })
    }
}

impl Snapshot {
    pub fn encode(&self) -> Vec<u8> {
        let [a, b, c, d] = self.seeds;
        let count = self.bans.len() as u64;
        let head = [
            MAGIC,
            VERSION,
            self.self_test,
            a,
            b,
            c,
            d,
            self.taken_ms,
            count,
        ];
        let bans = self.bans.iter().flat_map(|(hash, ban)| {
            let rest = (u64::from(ban.category as u8) << CATEGORY_SHIFT) | ban.incident;
            [*hash, ban.until_ms, rest, u64::from(ban.measure.to_bits())]
        });
        let mut all: Vec<u64> = head.into_iter().chain(bans).collect();
        all.push(check(VERSION, all.iter().copied()));
        all.into_iter().flat_map(u64::to_le_bytes).collect()
    }

    /// Errors: `Snapshot`, for what is damaged, foreign or of a later version.
    pub fn decode(bytes: &[u8]) -> Result<Snapshot, Error> {
        let all: Vec<u64> = words(bytes).collect();
        let length = bytes.len() as u64;
        let Some(([magic, version, self_test, a, b, c, d, taken_ms, count], rest)) =
            all.split_first_chunk::<HEAD>()
        else {
            return Err(Error::Snapshot {
                what: "length at least",
                expected: ((HEAD + TAIL) * WORD) as u64,
                found: length,
            });
        };
        expect("magic", MAGIC, *magic)?;
        expect("version", VERSION, *version)?;
        let words_of_bans = count.saturating_mul(OF_BAN as u64);
        let expected = words_of_bans.saturating_add((HEAD + TAIL) as u64);
        expect("length", expected.saturating_mul(WORD as u64), length)?;
        let (sum, checked) = all.split_last().unwrap_or((&0, &[]));
        expect("checksum", check(VERSION, checked.iter().copied()), *sum)?;
        let bans = rest.chunks_exact(OF_BAN).filter_map(|ban| match ban {
            [hash, until_ms, rest, measure] => Some((*hash, *until_ms, *rest, *measure)),
            _ => None,
        });
        let bans = bans.map(|(hash, until_ms, rest, measure)| {
            let number = rest >> CATEGORY_SHIFT;
            let category = u8::try_from(number).ok().and_then(Category::from_number);
            let category = category.ok_or(Error::Snapshot {
                what: "category at most",
                expected: Category::ALL.len() as u64,
                found: number,
            })?;
            let known = Measure::from_bits(measure as u32);
            let ban = Ban {
                until_ms,
                category,
                incident: rest & INCIDENT_MASK,
                measure: known.ok_or(Error::Snapshot {
                    what: "measure below",
                    expected: MeasureKind::ALL.len() as u64,
                    found: measure & 3,
                })?,
            };
            Ok((hash, ban))
        });
        Ok(Snapshot {
            seeds: [*a, *b, *c, *d],
            self_test: *self_test,
            taken_ms: *taken_ms,
            bans: bans.collect::<Result<_, Error>>()?,
        })
    }
}
