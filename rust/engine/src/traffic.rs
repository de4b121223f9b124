//! What goes to a route now, and who sends it: what responses are weighed with.

use crate::behaviour::keys;
use crate::memory::Memory;
use crate::request::Identity;
use crate::state::{By, Counter, Key};
use crate::window::Window;

/// Counts of the last minute and of the last ten seconds; requests of banned clients are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    pub minute: Flow,
    pub ten_s: Flow,
    /// Requests of one client in 10 s above which it counts as hot on the route; 0 when unknown.
    pub hot_limit: u16,
}

/// How requests ended. Estimates, as windows are; units: requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    pub requests: u64,
    /// 5xx of the upstream or for want of its answer, and of the gateway itself.
    pub errors: u64,
    pub not_found: u64,
    /// Failed logins and refused credentials.
    pub refused: u64,
    /// Refused by this plugin, or answered by others.
    pub exits: u64,
    /// Answered by the upstream without an error; counted while a limit stands anywhere.
    pub answered: u64,
    /// Sum of latencies, by a sample of one in 16. Units: milliseconds.
    pub latency_ms: u64,
    /// Refused by a ban on more than their client, wherever they went in the workspace; of senders only, and in no other
    /// count.
    pub turned_away: u64,
}

impl Traffic {
    /// Reads what goes to the route of an identity.
    pub fn of_route<M: Memory + ?Sized>(identity: &Identity, memory: &M, now_ms: u64) -> Traffic {
        let all = keys::all(identity.workspace, identity.route);
        let own = keys::own(identity.workspace, identity.route);
        let read = |key: &Key, counter| memory.read(key, counter, now_ms);
        let requests = read(&all, Counter::Requests);
        let errors = read(&all, Counter::ServerErrors);
        let own_errors = read(&own, Counter::ServerErrors);
        let not_found = read(&all, Counter::NotFound);
        let failures = read(&all, Counter::AuthFailures);
        let credentials = read(&own, keys::REFUSED_CREDENTIALS);
        let exits = read(&own, keys::EXITS);
        let answers = keys::answers(identity.workspace, identity.route);
        let answered = read(&answers, keys::ANSWERED);
        let latency = read(&all, Counter::LatencyMs);
        let flow = |window: Window| {
            let at = window as usize;
            Flow {
                requests: requests[at],
                errors: errors[at] + own_errors[at],
                not_found: not_found[at],
                refused: failures[at] + credentials[at],
                exits: exits[at],
                answered: answered[at],
                latency_ms: latency[at],
                turned_away: 0,
            }
        };
        Traffic {
            minute: flow(Window::S60),
            ten_s: flow(Window::S10),
            hot_limit: memory
                .alarm(memory.place(&keys::place_of(identity)))
                .hot_limit,
        }
    }

    /// Reads what a sender of an identity sends to its route. Errors are not kept for single senders,
    /// and of others than clients nothing but a sample of their requests and, of consumers, exits.
    pub fn of_sender<M: Memory + ?Sized>(
        identity: &Identity,
        by: By,
        memory: &M,
        now_ms: u64,
    ) -> Traffic {
        let Some(key) = keys::sender_at_route(identity, by) else {
            return Traffic::default();
        };
        let read = |counter| memory.read(&key, counter, now_ms);
        let requests = read(Counter::Requests);
        let not_found = read(Counter::NotFound);
        let refused = read(Counter::AuthFailures);
        let exits = read(keys::SENDER_EXITS);
        let turned_away = keys::turned_away(identity, by)
            .map(|key| memory.read(&key, Counter::Requests, now_ms))
            .unwrap_or_default();
        let flow = |window: Window| {
            let at = window as usize;
            Flow {
                requests: requests[at],
                not_found: not_found[at],
                refused: refused[at],
                exits: exits[at],
                turned_away: turned_away[at],
                ..Flow::default()
            }
        };
        Traffic {
            minute: flow(Window::S60),
            ten_s: flow(Window::S10),
            hot_limit: 0,
        }
    }
}
