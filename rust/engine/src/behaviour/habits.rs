//! Where consumers come from: their networks and programs, against their own history.
//!
//! A consumer is settled when it was seen in earlier stretches of ten minutes; before, everything
//! is new and nothing is told.

use super::busy::{HEAVY, STRETCH_MS};
use super::{keys, one_in, Told, Watch, H1, S10};
use crate::memory::{Memory, Place};
use crate::request::{Identity, Request};
use crate::signal::{crosses, Kind};
use crate::sketch::Set;
use crate::state::{By, Counter, Key, Scope};
use crate::tally::{Method, Tally};
use crate::verdict::Category;
use std::net::IpAddr;

/// New networks within ten minutes from which one credential counts as shared.
const NEW_NETWORKS: u32 = 6;
/// Networks and programs of a consumer that is at home at one place.
const AT_HOME: u32 = 3;

/// The part of a user agent that stays the same between versions: its letters.
pub fn agent_family(agent: &[u8]) -> [u8; 64] {
    let mut family = [0; 64];
    let letters = agent.iter().filter(|b| b.is_ascii_alphabetic());
    for (to, from) in family.iter_mut().zip(letters) {
        *to = *from;
    }
    family
}

/// The network of a client: /24 or /56.
pub fn network(client: IpAddr) -> [u8; 8] {
    match client {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            [4, a, b, c, 0, 0, 0, 0]
        }
        IpAddr::V6(v6) => {
            let o = v6.octets();
            [6, o[0], o[1], o[2], o[3], o[4], o[5], o[6]]
        }
    }
}

impl Watch {
    /// Counts a consumer's request and holds it against where its requests came from. `clean` tells
    /// that nothing speaks against the request, so that its rate may be learned.
    /// Cost: one key and one look-up when the network is known; one in 16 also learns program,
    /// rate and method.
    pub(super) fn habits<M: Memory + ?Sized>(
        &self,
        request: &Request,
        clean: bool,
        memory: &M,
        now_ms: u64,
    ) {
        let identity = &request.identity;
        let (Some(key), Some(client)) = (keys::credential(identity), identity.client) else {
            return;
        };
        let counts = memory.add(
            &keys::consumer(identity).unwrap_or(key),
            Counter::Requests,
            1,
            now_ms,
        );
        let age = keys::age(&key);
        let network = memory.hash(&network(client));
        let known = memory.is_marked(&key, Set::Habits, network, now_ms);
        let learns = one_in(16, self.turn());
        if known && !learns {
            return;
        }
        let agent = memory.hash(&agent_family(
            request.header("user-agent").unwrap_or_default(),
        ));
        let stretch = now_ms / STRETCH_MS;
        if known {
            memory.mark(&key, Set::Habits, agent, now_ms);
            memory.mark(&age, Set::Habits, keys::spread(stretch + 1), now_ms);
            if clean && counts[H1] >= HEAVY && !identity.consumer.is_empty() {
                let place = Place::of_consumer(identity.workspace, identity.consumer);
                if let Some(place) = memory.consumer_place(&place) {
                    memory.sample(place, counts[S10]);
                    if let Some(method) = Method::of(request.method) {
                        memory.tally(place, Tally::Method(method), 16);
                    }
                }
            }
            return;
        }
        let habits = memory.distinct(&key, Set::Habits, now_ms);
        let agent_known = memory.is_marked(&key, Set::Habits, agent, now_ms);
        memory.mark(&key, Set::Habits, network, now_ms);
        memory.mark(&key, Set::Habits, agent, now_ms);
        let seen = |back: &u64| {
            let earlier = stretch.checked_sub(*back);
            earlier
                .is_some_and(|s| memory.is_marked(&age, Set::Habits, keys::spread(s + 1), now_ms))
        };
        let settled = habits > 0 && (1..=6).filter(seen).count() >= 2;
        memory.mark(&age, Set::Habits, keys::spread(stretch + 1), now_ms);
        if !settled {
            return;
        }
        let fresh = memory.mark(&key, Set::Clients, network, now_ms);
        let (kind, score, value, threshold) = if fresh >= NEW_NETWORKS {
            if !crosses(fresh, NEW_NETWORKS) && fresh != NEW_NETWORKS + 1 {
                return;
            }
            let score = 1.0 - 0.4 * NEW_NETWORKS as f32 / fresh as f32;
            (Kind::SharedCredential, score, fresh, NEW_NETWORKS)
        } else if !agent_known {
            // The fewer its habits and the busier it is, the less a consumer moves house.
            let busy = counts[H1] >= HEAVY;
            let score = match habits {
                h if h <= AT_HOME && busy => 0.75,
                h if h <= AT_HOME => 0.6,
                h if h <= 3 * AT_HOME => 0.45,
                _ => 0.3,
            };
            (Kind::NewHabit, score, habits, AT_HOME)
        } else {
            return;
        };
        self.tell_anomaly(identity, kind, score, (value, threshold), memory, now_ms);
    }

    /// Notes the network that a session comes from: of one at home and on the way there are a few.
    pub(super) fn session_moves<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        memory: &M,
        now_ms: u64,
    ) {
        let session = Key::of(identity, By::Session, Scope::Global);
        let (Some(client), Some(key)) = (identity.client, session) else {
            return;
        };
        let network = memory.hash(&network(client));
        if memory.is_marked(&key, Set::Clients, network, now_ms) {
            return;
        }
        let networks = memory.mark(&key, Set::Clients, network, now_ms);
        if crosses(networks, NEW_NETWORKS) || networks == NEW_NETWORKS + 1 {
            let score = 1.0 - 0.4 * NEW_NETWORKS as f32 / networks as f32;
            let counts = (networks, NEW_NETWORKS);
            let kind = Kind::SharedCredential;
            self.tell_anomaly(identity, kind, score, counts, memory, now_ms);
        }
    }

    fn tell_anomaly<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        kind: Kind,
        score: f32,
        (value, threshold): (u32, u32),
        memory: &M,
        now_ms: u64,
    ) {
        let told = Told {
            kind,
            category: Category::ClientAnomaly,
            score,
            value: u64::from(value),
            threshold: u64::from(threshold),
            account: 0,
        };
        self.tell(identity, told, 0, false, memory, now_ms);
    }
}
