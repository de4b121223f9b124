//! Under which keys behaviour is counted, and which counters stand for what there. They are none that
//! limits of a configuration can name, so that nothing is counted twice. Requests count as they arrive,
//! refused or not, unless a ban or a rule refuses them before; outcomes as far as they are observed.

use crate::memory::Place;
use crate::request::{client_key, network_key, network_of, Identity};
use crate::signal::Id;
use crate::state::{By, Counter, Key, MeasureKind, Scope, State, Who};

/// Successful logins of a client or of an account. In the first four counters, like all that most
/// clients have: others take a second slot.
pub const LOGINS: Counter = Counter::ServerErrors;
/// Findings in the requests of a client, at [`client`].
pub const FINDINGS: Counter = Counter::ServerErrors;
/// Requests of a client that were odd and no more, at [`client`].
pub const OUTLIERS: Counter = Counter::Hot;
/// Authentication failures at [`own`] that are no failed logins: refused keys and tokens.
pub const REFUSED_CREDENTIALS: Counter = Counter::AuthFailures;
/// What this plugin refused and other plugins answered, at [`own`].
pub const EXITS: Counter = Counter::Requests;
/// What the upstream answered well while a limit stood anywhere, at [`answers`].
pub const ANSWERED: Counter = Counter::NotFound;
/// What other plugins answered a sender on a route, at [`sender_at_route`].
pub const SENDER_EXITS: Counter = Counter::Hot;
/// 5xx at [`own`] for want of an answer from the upstream.
pub const UNANSWERED: Counter = Counter::Hot;

/// Answers that were sampled at [`own`], and those whose client asks for the same on and on.
pub const ANSWERS: Counter = Counter::AuthSuccesses;
pub const REPEATS: Counter = Counter::NotFound;
/// Clients that became hot, at [`own`], and requests of hot ones that read one object after the
/// other.
pub const HOT_ONSETS: Counter = Counter::LatencyMs;
pub const HOT_READING: Counter = Counter::RequestBytes;

/// Answers of the upstream whose sizes were sampled, at [`answers`].
pub const SIZES: Counter = Counter::Requests;
/// Sum of their sizes, at [`answers`]. Units: 16ths of a doubling.
pub const SIZE_SUM: Counter = Counter::LatencyMs;
/// Sum of the squares of that, at [`answers`].
pub const SIZE_SQUARES: Counter = Counter::RequestBytes;
/// Sampled answers to clients that come evenly and slowly, at [`answers`].
pub const TRICKLES: Counter = Counter::ServerErrors;
/// Requests whose time was sampled, at [`answers`].
pub const TIMES: Counter = Counter::AuthFailures;

/// Requests of a client with methods that are hardly ever used on the route, unusually large answers
/// to it and unusually large bodies from it while there is a flood of them, at [`client_at_route`].
pub const RARE_METHODS: Counter = Counter::AuthSuccesses;
pub const LARGE_ANSWERS: Counter = Counter::LatencyMs;
pub const LARGE_REQUESTS: Counter = Counter::RequestBytes;

/// A client on the route of its request; also where suspicions of it are kept.
pub fn client_at_route<'a>(identity: &Identity<'a>) -> Option<Key<'a>> {
    Some(Key {
        by: By::Suspect,
        scope: Scope::Route,
        workspace: identity.workspace,
        scope_id: identity.route,
        who: Who::Client(client_key(identity.client?)),
    })
}

/// A client in its workspace.
pub fn client<'a>(identity: &Identity<'a>) -> Option<Key<'a>> {
    Key::of(identity, By::Suspect, Scope::Global)
}

/// The /56 of an IPv6 client on the route of its request; suspicions are kept here, too.
pub fn network_at_route<'a>(identity: &Identity<'a>) -> Option<Key<'a>> {
    let network = network_key(identity.client?)?;
    Some(Key {
        who: Who::Client(network),
        ..client_at_route(identity)?
    })
}

/// Lifts what a client, or its network, is suspected of in its workspace and on a route. What was counted
/// stays: with the next sign of an attack it is suspected again.
pub fn lift_suspicions<S: State + ?Sized>(identity: &Identity, state: &S, now_ms: u64) {
    let kept = [
        client(identity),
        client_at_route(identity),
        network_at_route(identity),
    ];
    for key in kept.into_iter().flatten() {
        state.lift(&key, MeasureKind::Refuse, now_ms);
    }
}

/// Senders whose requests are counted by a sample of one in 16: clients, and networks of IPv6, are
/// counted in full.
pub const SAMPLED: [By; 4] = [By::Network, By::Consumer, By::Credential, By::Session];

/// A sender on the route of its request, as its requests are counted.
pub fn sender_at_route<'a>(identity: &Identity<'a>, by: By) -> Option<Key<'a>> {
    let who = match by {
        By::ClientIp => Who::Client(client_key(identity.client?)),
        By::Network => Who::Client(network_of(identity.client?)),
        _ => Key::of(identity, by, Scope::Global)?.who,
    };
    Some(Key {
        by: By::Suspect,
        scope: Scope::Route,
        workspace: identity.workspace,
        scope_id: identity.route,
        who,
    })
}

/// A sender in its workspace, as those of its requests are counted that a ban on more than their client refused.
pub fn turned_away<'a>(identity: &Identity<'a>, by: By) -> Option<Key<'a>> {
    Some(Key {
        scope: Scope::Global,
        scope_id: b"turned away",
        ..sender_at_route(identity, by)?
    })
}

/// A consumer in its workspace, as its rate is counted.
pub fn consumer<'a>(identity: &Identity<'a>) -> Option<Key<'a>> {
    let key = Key::of(identity, By::Consumer, Scope::Global)?;
    Some(Key {
        scope_id: b"rate",
        ..key
    })
}

/// A credential in its workspace; where the gateway names none, the consumer's only one.
pub fn credential<'a>(identity: &Identity<'a>) -> Option<Key<'a>> {
    if identity.credential.is_empty() {
        return Key::of(identity, By::Consumer, Scope::Global);
    }
    Some(Key {
        by: By::Consumer,
        scope: Scope::Global,
        workspace: identity.workspace,
        scope_id: b"credential",
        who: Who::Id(identity.credential),
    })
}

/// When a credential was seen: a set of stretches of time.
pub fn age<'a>(credential: &Key<'a>) -> Key<'a> {
    let known = credential.scope_id.is_empty();
    Key {
        scope_id: if known { b"age" } else { b"credential age" },
        ..*credential
    }
}

/// All traffic of a route.
pub fn all<'a>(workspace: &'a [u8], route: &'a [u8]) -> Key<'a> {
    place(workspace, route, b"all")
}

/// What the gateway itself answered on a route.
pub fn own<'a>(workspace: &'a [u8], route: &'a [u8]) -> Key<'a> {
    place(workspace, route, b"own")
}

/// What the upstream answers on a route: how often and how much. All counters of [`own`] are taken.
pub fn answers<'a>(workspace: &'a [u8], route: &'a [u8]) -> Key<'a> {
    place(workspace, route, b"answers")
}

fn place<'a>(workspace: &'a [u8], route: &'a [u8], kind: &'static [u8]) -> Key<'a> {
    Key {
        by: By::Route,
        scope: Scope::Global,
        workspace,
        scope_id: kind,
        who: Who::Id(route),
    }
}

/// The place that a request goes to.
pub fn place_of(identity: &Identity) -> Place {
    Place {
        workspace: Id::new(identity.workspace),
        service: Id::new(identity.service),
        route: Id::new(identity.route),
    }
}

/// Spreads a short hash over 64 bits, as sets want their items.
pub fn spread(item: u64) -> u64 {
    let mixed = item.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_counts_of_a_place_share_a_counter() {
        let own = [
            REFUSED_CREDENTIALS,
            EXITS,
            UNANSWERED,
            ANSWERS,
            REPEATS,
            HOT_ONSETS,
            HOT_READING,
            Counter::ServerErrors,
        ];
        let answers = [ANSWERED, SIZES, SIZE_SUM, SIZE_SQUARES, TIMES, TRICKLES];
        let client = [
            Counter::Requests,
            Counter::AuthFailures,
            Counter::NotFound,
            LOGINS,
            SENDER_EXITS,
            RARE_METHODS,
            LARGE_ANSWERS,
            LARGE_REQUESTS,
        ];
        for place in [&own[..], &answers[..], &client[..]] {
            for (n, counter) in place.iter().enumerate() {
                assert!(!place[..n].contains(counter), "{counter:?} counts twice");
            }
        }
    }
}
