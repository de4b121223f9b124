//! What the signals of one fingerprint tell together: how many clients and accounts, who most often.

use super::{Suspicion, TopClient, TopSender, SHOWN};
use crate::signal::{Id, Kind, Signal, NO_CLIENT};
use crate::state::By;
use std::collections::VecDeque;
use std::net::IpAddr;

/// Clients that are followed to find the top ones.
const FOLLOWED: usize = 64;

/// Distinct count of hashed items: linear counting over 16,384 bits; standard error below 1 % up
/// to 10,000 items and 4 % at 60,000. Takes memory from the first item on.
/// Source: Whang, Vander-Zanden and Taylor, ACM TODS 15 (2), 1990.
#[derive(Clone, Debug, Default)]
pub struct Distinct {
    words: Vec<u64>,
}

impl Distinct {
    const BITS: usize = 16_384;

    pub fn add(&mut self, hash: u64) {
        if self.words.is_empty() {
            self.words = vec![0; Self::BITS / 64];
        }
        let bit = (hash >> 32) as usize % Self::BITS;
        self.words[bit / 64] |= 1 << (bit % 64);
    }

    pub fn count(&self) -> u32 {
        let set: u32 = self.words.iter().map(|w| w.count_ones()).sum();
        let bits = Self::BITS as f64;
        let empty = (bits - f64::from(set)).max(1.0) / bits;
        (-bits * empty.ln()).round() as u32
    }
}

/// Those with the most signals: 64 counters, each overestimating by at most the total divided by
/// 64. Source: Metwally, Agrawal and El Abbadi, "Efficient computation of frequent and top-k
/// elements in data streams", ICDT 2005 (space-saving).
#[derive(Clone, Debug)]
pub struct Top<T> {
    kept: Vec<(T, u32, Suspicion)>,
}

impl<T> Default for Top<T> {
    fn default() -> Top<T> {
        Top { kept: Vec::new() }
    }
}

impl<T: Copy + Ord> Top<T> {
    pub fn add(&mut self, whom: T, suspicion: Suspicion) {
        if let Some(known) = self.kept.iter_mut().find(|k| k.0 == whom) {
            known.1 += 1;
            known.2 = known.2.max(suspicion);
        } else if self.kept.len() < FOLLOWED {
            self.kept.push((whom, 1, suspicion));
        } else if let Some(least) = self.kept.iter_mut().min_by_key(|k| k.1) {
            *least = (whom, least.1 + 1, suspicion);
        }
    }

    fn shown(&self) -> impl Iterator<Item = (T, u32, Suspicion)> {
        let mut sorted = self.kept.clone();
        sorted.sort_by(|a, b| (b.2, b.1).cmp(&(a.2, a.1)).then(a.0.cmp(&b.0)));
        sorted.into_iter().take(SHOWN)
    }
}

/// Who sent requests, besides the client's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sender {
    Consumer(Id),
    Credential(Id),
    Session(u64),
}

impl Sender {
    fn all(signal: &Signal) -> impl Iterator<Item = Sender> {
        let id = |id: Id, of: fn(Id) -> Sender| (id != Id::default()).then(|| of(id));
        let session = (signal.session != 0).then_some(Sender::Session(signal.session));
        let consumer = id(signal.consumer, Sender::Consumer);
        let credential = id(signal.credential, Sender::Credential);
        [consumer, credential, session].into_iter().flatten()
    }

    /// Names it as incidents do. A session is its keyed hash: 13 hexadecimal digits.
    fn named(self, signals: u32, suspicion: Suspicion) -> TopSender {
        let (by, id) = match self {
            Sender::Consumer(id) => (By::Consumer, id.text()),
            Sender::Credential(id) => (By::Credential, id.text()),
            Sender::Session(hash) => (By::Session, format!("{hash:013x}")),
        };
        TopSender {
            by: by.name().to_owned(),
            id,
            signals,
            suspicion,
        }
    }
}

/// One sign that attacks worked: how often it was seen, and where it was the clearest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sign {
    pub seen: u32,
    /// What was measured, and what is usual.
    pub most: (u32, u32),
}

/// What responses tell of attacks in their requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    /// Units: milliseconds.
    pub delayed: Sign,
    /// Units: bytes.
    pub larger: Sign,
    pub errors: Sign,
    pub disclosed: Sign,
    pub complained: Sign,
}

impl Signs {
    fn add(&mut self, signal: &Signal) {
        let sign = match signal.kind {
            Kind::PayloadDelay => &mut self.delayed,
            Kind::PayloadGrowth => &mut self.larger,
            Kind::PayloadError => &mut self.errors,
            Kind::PayloadDisclosure => &mut self.disclosed,
            Kind::PayloadComplaint => &mut self.complained,
            _ => return,
        };
        sign.seen += 1;
        sign.most = sign.most.max((signal.value, signal.threshold));
    }

    /// Attacks that probably worked.
    pub fn worked(&self) -> u32 {
        self.delayed.seen + self.larger.seen + self.disclosed.seen
    }
}

/// What the signals of one fingerprint tell together.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    clients: Distinct,
    accounts: Distinct,
    top: Top<IpAddr>,
    senders: Top<Sender>,
    pub(super) references: VecDeque<u64>,
    /// When the latest signal was made.
    pub(super) seen_ms: u64,
    /// What responses tell of attacks in their requests.
    pub signs: Signs,
    /// Requests behind the signals, and refused ones: estimates, since signals double.
    pub requests: u64,
    pub refused: u64,
}

impl Evidence {
    pub(super) fn add(&mut self, signal: &Signal, client_hash: u64) {
        let suspicion = match signal.score {
            s if s >= 0.8 => Suspicion::High,
            s if s >= 0.5 => Suspicion::Medium,
            _ => Suspicion::Low,
        };
        if signal.client != NO_CLIENT {
            self.clients.add(client_hash);
            self.top.add(signal.client, suspicion);
        }
        for sender in Sender::all(signal) {
            self.senders.add(sender, suspicion);
        }
        if signal.account != 0 {
            self.accounts
                .add(signal.account.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        }
        if signal.reference != 0 {
            if self.references.len() == SHOWN {
                self.references.pop_front();
            }
            self.references.push_back(signal.reference);
        }
        self.signs.add(signal);
        let requests = requests_behind(signal);
        self.requests += requests;
        self.refused += if signal.refused { requests } else { 0 };
        self.seen_ms = self.seen_ms.max(signal.at_ms);
    }

    /// The clients with the most signals, the most suspected first.
    pub(super) fn top_clients(&self) -> Vec<TopClient> {
        let shown = self.top.shown();
        shown
            .map(|(client, signals, suspicion)| TopClient {
                client: client.to_string(),
                signals,
                suspicion,
            })
            .collect()
    }

    /// Likewise the consumers, credentials and sessions.
    pub(super) fn top_senders(&self) -> Vec<TopSender> {
        let shown = self.senders.shown();
        shown
            .map(|(sender, signals, suspicion)| sender.named(signals, suspicion))
            .collect()
    }

    /// Estimates the distinct clients.
    pub fn clients(&self) -> u32 {
        self.clients.count()
    }

    /// Estimates the distinct accounts.
    pub fn accounts(&self) -> u32 {
        self.accounts.count()
    }
}

/// Requests that a signal stands for: those since the crossing before, which was half of it.
pub fn requests_behind(signal: &Signal) -> u64 {
    if signal.kind.is_of_response() {
        return 0;
    }
    let value = u64::from(signal.value);
    let first = value <= u64::from(signal.threshold);
    (if first { value } else { value / 2 }).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;
    use std::net::Ipv4Addr;

    proptest! {
        /// Against exact counts: a client is never underestimated, overestimated by the total over
        /// 64 at most, and kept when it has more than that.
        #[test]
        fn the_top_is_within_the_published_error(
            signals in prop::collection::vec((0u32..20, 0u32..400), 1..1_500),
        ) {
            let (mut top, mut exact) = (Top::default(), HashMap::new());
            for (heavy, rare) in &signals {
                // Half of the signals come from a few.
                let nth = if *heavy < 10 { *heavy } else { 100 + rare };
                let client = IpAddr::V4(Ipv4Addr::from(nth));
                top.add(client, Suspicion::Low);
                *exact.entry(client).or_insert(0u32) += 1;
            }
            let error = (signals.len() / FOLLOWED) as u32;
            for (client, count, _) in &top.kept {
                let true_count = exact[client];
                prop_assert!(*count >= true_count && *count <= true_count + error);
            }
            for (client, count) in &exact {
                let kept = top.kept.iter().any(|k| k.0 == *client);
                prop_assert!(kept || *count <= error, "{client} with {count}");
            }
        }

        /// The published error, with six standard errors of room.
        #[test]
        fn distinct_counts_are_within_the_published_error(seed in any::<u64>(), n in 1u64..60_000) {
            let mut distinct = Distinct::default();
            let mut drawn = seed;
            for _ in 0..n {
                drawn = drawn.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mixed = (drawn ^ (drawn >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                distinct.add(mixed ^ (mixed >> 27));
            }
            let error = (f64::from(distinct.count()) - n as f64).abs() / n as f64;
            let published = if n <= 10_000 { 0.01 } else { 0.04 };
            prop_assert!(error <= 6.0 * published + 1.5 / n as f64, "{n}: {error}");
        }
    }
}
