//! What is read: paths that do not exist, neighbouring ids, very many objects.

use super::objects::{object, Object};
use super::{is_told, keys, one_in, place_id, Told, Watch, H1, S60};
use crate::memory::{Memory, Place};
use crate::request::{Identity, Outcome};
use crate::signal::{crosses, Kind};
use crate::sketch::Set;
use crate::state::{By, Counter, Estimates, Key, Scope};
use crate::verdict::Category;

/// Distinct paths of one client that do not exist, within 10 to 20 minutes.
const SCAN_PATHS: u32 = 20;
/// Neighbouring ids in a row: of a consumer or session, and of anyone.
const RUN_OF_CONSUMER: u32 = 40;
const RUN_OF_CLIENT: u32 = 100;
/// The same for a client that also meets many ids that do not exist.
const RUN_WITH_MISSES: u32 = 30;
/// Distinct objects within 10 to 20 minutes.
const SCRAPED: u32 = 300;
/// The same for a client that is no faster than others, and no consumer.
const SCRAPED_SLOWLY: u32 = 600;
/// Programs behind one address from which it counts as many clients.
const SHARED_ADDRESS: u32 = 4;

impl Watch {
    pub(super) fn not_found<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        key: &Key,
        path: &[u8],
        memory: &M,
        now_ms: u64,
    ) {
        let Some(client) = keys::client(identity) else {
            return;
        };
        let here = memory.add(key, Counter::NotFound, 1, now_ms);
        let everywhere = memory.add(&client, Counter::NotFound, 1, now_ms)[H1];
        let paths = memory.mark(&client, Set::Paths, memory.hash(path), now_ms);
        if paths < SCAN_PATHS || !(everywhere.is_multiple_of(10) || is_told(everywhere)) {
            return;
        }
        // Of all routes the requests are known from samples, of this one exactly.
        let requests = memory.read(&client, Counter::Requests, now_ms)[H1];
        let here_requests = memory.read(key, Counter::Requests, now_ms)[H1];
        let few = everywhere * 2 < requests || here[H1] * 2 < here_requests;
        if few || self.is_broken(identity, here[S60], memory, now_ms) {
            return;
        }
        let told = Told {
            kind: Kind::PathScan,
            category: Category::Abuse,
            score: 1.0 - 0.35 * SCAN_PATHS as f32 / paths as f32,
            value: u64::from(paths),
            threshold: u64::from(SCAN_PATHS),
            account: 0,
        };
        self.hold_suspect(&client, told.category, memory, now_ms);
        self.tell(identity, told, 0, false, memory, now_ms);
    }

    /// Tells whether a route answers 404 to everybody, so that no client's share stands out.
    fn is_broken<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        clients: u64,
        memory: &M,
        now_ms: u64,
    ) -> bool {
        let all = keys::all(identity.workspace, identity.route);
        let missing = memory.read(&all, Counter::NotFound, now_ms)[S60];
        let requests = memory.read(&all, Counter::Requests, now_ms)[S60];
        !identity.route.is_empty() && missing * 10 > requests * 3 && clients * 5 < missing
    }

    /// Follows the objects that are read: by a consumer or else a client, and by a session. Clients
    /// are followed beside their sessions, because they can have as many as they like.
    pub(super) fn follow<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        key: &Key,
        path: &[u8],
        outcome: &Outcome,
        memory: &M,
        now_ms: u64,
    ) {
        let consumer = Key::of(identity, By::Consumer, Scope::Route);
        let owner = consumer.as_ref().unwrap_or(key);
        let session = Key::of(identity, By::Session, Scope::Global).map(|key| Key {
            scope: Scope::Route,
            scope_id: identity.route,
            ..key
        });
        if let Object::Number(id) = object(path) {
            let run = memory.follow(owner, id, now_ms);
            self.walked(identity, key, run, consumer.is_some(), memory, now_ms);
            if let Some(session) = &session {
                let run = memory.follow(session, id, now_ms);
                self.walked(identity, key, run, true, memory, now_ms);
            }
        }
        if !(200..300).contains(&outcome.status) {
            return;
        }
        let hash = memory.hash(path);
        let mut objects = memory.mark(owner, Set::Objects, hash, now_ms);
        if let Some(session) = &session {
            objects = objects.max(memory.mark(session, Set::Objects, hash, now_ms));
        }
        if objects >= SCRAPED && one_in(16, self.turn()) {
            self.scrapes(identity, key, objects, memory, now_ms);
        }
    }

    /// Holds the length of a run against what is one person's or program's.
    fn walked<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        key: &Key,
        run: u32,
        is_one: bool,
        memory: &M,
        now_ms: u64,
    ) {
        if run < RUN_WITH_MISSES {
            return;
        }
        let line = self.longest_run(is_one, key, memory, now_ms);
        if crosses(run, line) {
            self.enumerates(identity, key, run, line, memory, now_ms);
        }
    }

    /// Tells whether a reader has been faster for a minute than is usual: of a consumer by its own
    /// history, where there is enough, and otherwise by what is usual at the place.
    fn is_fast<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        key: &Key,
        memory: &M,
        now_ms: u64,
    ) -> bool {
        let own = Place::of_consumer(identity.workspace, identity.consumer);
        let consumer = keys::consumer(identity);
        let own = consumer.and_then(|key| Some((key, memory.consumer_place(&own)?)));
        if let Some((consumer, place)) = own {
            let limit = memory.alarm(place).hot_limit;
            if limit > 0 {
                return exceeds(memory.read(&consumer, Counter::Requests, now_ms), limit);
            }
        }
        let limit = memory.alarm(place_id(identity, memory)).hot_limit;
        exceeds(memory.read(key, Counter::Requests, now_ms), limit.max(10))
    }

    fn longest_run<M: Memory + ?Sized>(
        &self,
        is_one: bool,
        key: &Key,
        memory: &M,
        now_ms: u64,
    ) -> u32 {
        let missing = memory.read(key, Counter::NotFound, now_ms)[S60];
        let requests = memory.read(key, Counter::Requests, now_ms)[S60];
        match is_one {
            _ if missing * 10 >= requests.max(1) => RUN_WITH_MISSES,
            true => RUN_OF_CONSUMER,
            false => RUN_OF_CLIENT,
        }
    }

    fn enumerates<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        key: &Key,
        run: u32,
        line: u32,
        memory: &M,
        now_ms: u64,
    ) {
        let told = Told {
            kind: Kind::Enumeration,
            category: Category::Abuse,
            score: 1.0 - 0.3 * line as f32 / run as f32,
            value: u64::from(run),
            threshold: u64::from(line),
            account: 0,
        };
        self.hold_suspect(key, told.category, memory, now_ms);
        self.tell(identity, told, 0, false, memory, now_ms);
    }

    /// Very many objects, read by one program: for a minute faster than is usual, or slowly.
    fn scrapes<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        key: &Key,
        objects: u32,
        memory: &M,
        now_ms: u64,
    ) {
        let known = !identity.consumer.is_empty();
        let fast = self.is_fast(identity, key, memory, now_ms);
        let line = if fast { SCRAPED } else { SCRAPED_SLOWLY };
        let shared = memory.distinct(key, Set::Clients, now_ms) >= SHARED_ADDRESS;
        if objects < line || (known && !fast) || (shared && !known) {
            return;
        }
        if !fast && Self::is_resident(key, memory, now_ms) {
            return;
        }
        let told = Told {
            kind: if fast {
                Kind::Scraping
            } else {
                Kind::SlowScraping
            },
            category: Category::Abuse,
            score: 1.0 - if fast { 0.4 } else { 0.6 } * line as f32 / objects as f32,
            value: u64::from(objects),
            threshold: u64::from(line),
            account: 0,
        };
        // A slow one may be a crawler: told, and not refused.
        if fast {
            self.hold_suspect(key, told.category, memory, now_ms);
        }
        self.tell(identity, told, 0, false, memory, now_ms);
    }
}

/// Tells whether the requests of the last minute are above a limit of ten seconds on the average:
/// one burst is not.
fn exceeds(counts: Estimates, hot_limit: u16) -> bool {
    counts[S60] > 6 * u64::from(hot_limit)
}
