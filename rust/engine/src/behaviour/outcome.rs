//! What outcomes tell: logins, paths that do not exist, objects that were read, errors.

use super::objects::{object, Object};
use super::{keys, login, one_in, place_id, Told, Watch, H1, S10, S60};
use crate::memory::Memory;
use crate::request::{client_key, Identity, Outcome, Source};
use crate::signal::{crosses, Kind};
use crate::sketch::Set;
use crate::state::{By, Counter, Key, Scope};
use crate::verdict::Category;

/// Evidence of a failed login to one more account, and of a success, for the client being an
/// attacker: log-likelihood ratios where attackers fail in 90 % of their logins and everybody else
/// in 15 %. Source: Jung, Paxson, Berger and Balakrishnan, "Fast portscan detection using
/// sequential hypothesis testing", IEEE S&P 2004 (threshold random walk).
const FAILURE_EVIDENCE: f32 = 1.79;
const SUCCESS_EVIDENCE: f32 = 2.14;
/// Walk above which a client is an attacker: one honest client in 10,000 gets there.
const ATTACKER: f32 = 9.2;

/// Failures of one client in a minute, or in an hour, that nobody types.
const MANY_FAILURES_60S: u64 = 15;
const MANY_FAILURES_1H: u64 = 100;
/// Refused credentials of one client in a minute: beyond a program with a stale token.
const MANY_REFUSED_60S: u64 = 300;
/// Clients that fail on one account within 10 to 20 minutes.
const MANY_CLIENTS: u32 = 8;
/// Failures of an account in an hour that make a success of a stranger suspect.
const TAKEOVER_FAILURES: u64 = 10;
/// Distinct paths of one client that do not exist, within 10 to 20 minutes.
const SCAN_PATHS: u32 = 20;
/// Neighbouring ids in a row: of a consumer, and of anyone.
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
    /// Counts how a request ended.
    /// Cost: two keys for a success; more for failures, which are few.
    pub fn observe<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        path: &[u8],
        outcome: &Outcome,
        memory: &M,
        now_ms: u64,
    ) {
        if !self.enabled {
            return;
        }
        let all = keys::all(identity.workspace, identity.route);
        if one_in(16, self.turn()) {
            // One request in 16 stands for all.
            let latency = 16 * u64::from(outcome.latency_ms);
            memory.add(&all, Counter::LatencyMs, latency, now_ms);
            if outcome.request_bytes > 0 {
                let bytes = 16 * outcome.request_bytes;
                memory.add(&all, Counter::RequestBytes, bytes, now_ms);
            }
        }
        let status = outcome.status;
        if outcome.source == Source::Exit {
            let own = keys::own(identity.workspace, identity.route);
            memory.add(&own, keys::EXITS, 1, now_ms);
        }
        if (500..=599).contains(&status) {
            self.server_error(identity, &all, outcome, memory, now_ms);
        }
        let Some(key) = keys::client_at_route(identity) else {
            return;
        };
        if self.failed(outcome) {
            if outcome.account != 0 || login::is_login_path(path) {
                self.login_failed(identity, &key, outcome, memory, now_ms);
            } else {
                self.credential_refused(identity, &key, memory, now_ms);
            }
        } else if outcome.account != 0 && (200..400).contains(&status) {
            self.logged_in(identity, &key, outcome, memory, now_ms);
        }
        match status {
            404 => {
                memory.add(&all, Counter::NotFound, 1, now_ms);
                self.not_found(identity, &key, path, memory, now_ms);
                self.follow(identity, &key, path, status, memory, now_ms);
            }
            200..=299 | 403 if outcome.source == Source::Service => {
                self.follow(identity, &key, path, status, memory, now_ms);
            }
            _ => {}
        }
    }

    /// Tells whether the outcome is a refused login or credential. A login form is also refused by
    /// other statuses than the configured ones; what a plugin refused for other reasons is none.
    fn failed(&self, outcome: &Outcome) -> bool {
        let refusal = outcome.source == Source::Exit && matches!(outcome.status, 403 | 429);
        let form = outcome.account != 0
            && outcome.source == Source::Service
            && matches!(outcome.status, 400 | 401 | 403 | 422);
        !refusal && (form || self.failure_statuses.contains(&outcome.status))
    }

    fn server_error<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        all: &Key,
        outcome: &Outcome,
        memory: &M,
        now_ms: u64,
    ) {
        let unanswered = outcome.source == Source::Error && outcome.status > 500;
        let own = keys::own(identity.workspace, identity.route);
        if outcome.source == Source::Service || unanswered {
            memory.add(all, Counter::ServerErrors, 1, now_ms);
        } else {
            memory.add(&own, Counter::ServerErrors, 1, now_ms);
        }
        if unanswered {
            memory.add(&own, keys::UNANSWERED, 1, now_ms);
        }
    }

    fn login_failed<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        key: &Key,
        outcome: &Outcome,
        memory: &M,
        now_ms: u64,
    ) {
        let all = keys::all(identity.workspace, identity.route);
        let account = outcome.account;
        let client = client_hash(identity, memory);
        memory.add(&all, Counter::AuthFailures, 1, now_ms);
        memory.mark(&all, Set::Clients, client, now_ms);
        let failures = memory.add(key, Counter::AuthFailures, 1, now_ms);
        let logins = memory.read(key, keys::LOGINS, now_ms)[H1];
        let mut accounts = 0;
        if account != 0 {
            let item = keys::spread(account);
            memory.mark(&all, Set::Accounts, item, now_ms);
            accounts = memory.mark(key, Set::Accounts, item, now_ms);
            self.account_failed(identity, account, client, memory, now_ms);
        }
        let wave = memory.alarm(place_id(identity, memory)).login_wave;
        let told = if walk(accounts, logins) >= ATTACKER || slow(accounts, failures[H1], logins) {
            Told {
                kind: Kind::ManyAccounts,
                category: Category::CredentialStuffing,
                score: 1.0 - 0.9 / accounts.max(1) as f32,
                value: u64::from(accounts),
                threshold: 6,
                account,
            }
        } else if wave && accounts >= 2 && logins == 0 {
            Told {
                kind: Kind::ManyAccounts,
                category: Category::CredentialStuffing,
                score: 0.6,
                value: u64::from(accounts),
                threshold: 2,
                account,
            }
        } else {
            let typed = failures[H1] < MANY_FAILURES_1H && failures[S60] < MANY_FAILURES_60S;
            if typed || failures[H1] < 5 * logins {
                return;
            }
            Told {
                kind: Kind::ManyFailures,
                category: Category::CredentialStuffing,
                score: 0.7,
                value: failures[H1],
                threshold: MANY_FAILURES_60S,
                account,
            }
        };
        let new = memory.banned(key, now_ms).is_none();
        self.hold_suspect(key, told.category, memory, now_ms);
        if (new && self.enforced) || is_told(failures[H1]) {
            self.tell(identity, told, 0, false, memory, now_ms);
        }
    }

    /// The other direction: clients that fail on one account.
    fn account_failed<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        account: u64,
        client: u64,
        memory: &M,
        now_ms: u64,
    ) {
        let bytes = account.to_le_bytes();
        let key = Key::account(identity, &bytes);
        let failures = memory.add(&key, Counter::AuthFailures, 1, now_ms)[H1];
        let clients = memory.mark(&key, Set::Clients, client, now_ms);
        if clients < MANY_CLIENTS || !is_told(failures) {
            return;
        }
        if failures < 3 * memory.read(&key, keys::LOGINS, now_ms)[H1] {
            return;
        }
        let told = Told {
            kind: Kind::ManyClients,
            category: Category::CredentialStuffing,
            score: 1.0 - 2.4 / clients as f32,
            value: u64::from(clients),
            threshold: u64::from(MANY_CLIENTS),
            account,
        };
        self.tell(identity, told, 0, false, memory, now_ms);
    }

    fn logged_in<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        key: &Key,
        outcome: &Outcome,
        memory: &M,
        now_ms: u64,
    ) {
        let all = keys::all(identity.workspace, identity.route);
        memory.add(&all, Counter::AuthSuccesses, 1, now_ms);
        let logins = memory.add(key, keys::LOGINS, 1, now_ms)[H1];
        let bytes = outcome.account.to_le_bytes();
        let account = Key::account(identity, &bytes);
        memory.add(&account, keys::LOGINS, 1, now_ms);
        let client = client_hash(identity, memory);
        if memory.is_marked(&account, Set::Habits, client, now_ms) {
            return;
        }
        memory.mark(&account, Set::Habits, client, now_ms);
        let failures = memory.read(&account, Counter::AuthFailures, now_ms)[H1];
        let accounts = memory.distinct(key, Set::Accounts, now_ms);
        let attacker = walk(accounts, logins.saturating_sub(1)) >= ATTACKER;
        if failures < TAKEOVER_FAILURES && !attacker {
            return;
        }
        let (value, threshold) = if attacker {
            (u64::from(accounts), 6)
        } else {
            (failures, TAKEOVER_FAILURES)
        };
        let told = Told {
            kind: Kind::Takeover,
            category: Category::CredentialStuffing,
            score: 0.95,
            value,
            threshold,
            account: outcome.account,
        };
        self.tell(identity, told, 0, false, memory, now_ms);
    }

    fn credential_refused<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        key: &Key,
        memory: &M,
        now_ms: u64,
    ) {
        let own = keys::own(identity.workspace, identity.route);
        memory.add(&own, keys::REFUSED_CREDENTIALS, 1, now_ms);
        let failures = memory.add(key, Counter::AuthFailures, 1, now_ms)[S60];
        if !crosses(failures as u32, MANY_REFUSED_60S as u32) {
            return;
        }
        let told = Told {
            kind: Kind::ManyFailures,
            category: Category::CredentialStuffing,
            score: 0.7,
            value: failures,
            threshold: MANY_REFUSED_60S,
            account: 0,
        };
        self.hold_suspect(key, told.category, memory, now_ms);
        self.tell(identity, told, 0, false, memory, now_ms);
    }

    fn not_found<M: Memory + ?Sized>(
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
        let requests = memory.read(key, Counter::Requests, now_ms)[H1];
        if here[H1] * 2 < requests || self.is_broken(identity, here[S60], memory, now_ms) {
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

    /// Follows the objects that a consumer or client reads.
    fn follow<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        key: &Key,
        path: &[u8],
        status: u16,
        memory: &M,
        now_ms: u64,
    ) {
        let consumer = Key::of(identity, By::Consumer, Scope::Route);
        let owner = consumer.as_ref().unwrap_or(key);
        if let Object::Number(id) = object(path) {
            let run = memory.follow(owner, id, now_ms);
            if run >= RUN_WITH_MISSES {
                let line = self.longest_run(consumer.is_some(), key, memory, now_ms);
                if crosses(run, line) {
                    self.enumerates(identity, key, run, line, memory, now_ms);
                }
            }
        }
        if !(200..300).contains(&status) {
            return;
        }
        let objects = memory.mark(owner, Set::Objects, memory.hash(path), now_ms);
        if objects >= SCRAPED && one_in(16, self.turn()) {
            self.scrapes(identity, key, objects, memory, now_ms);
        }
    }

    fn longest_run<M: Memory + ?Sized>(
        &self,
        consumer: bool,
        key: &Key,
        memory: &M,
        now_ms: u64,
    ) -> u32 {
        let missing = memory.read(key, Counter::NotFound, now_ms)[S60];
        let requests = memory.read(key, Counter::Requests, now_ms)[S60];
        match consumer {
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

    /// Very many objects, read by one program: at a rate that is not usual here, or slowly.
    fn scrapes<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        key: &Key,
        objects: u32,
        memory: &M,
        now_ms: u64,
    ) {
        let rate = memory.read(key, Counter::Requests, now_ms)[S10];
        let limit = u64::from(memory.alarm(place_id(identity, memory)).hot_limit).max(10);
        let known = !identity.consumer.is_empty();
        let fast = rate > limit;
        let line = if fast { SCRAPED } else { SCRAPED_SLOWLY };
        let shared = memory.distinct(key, Set::Clients, now_ms) >= SHARED_ADDRESS;
        if objects < line || (known && !fast) || (shared && !known) {
            return;
        }
        let told = Told {
            kind: Kind::Scraping,
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

/// Where the random walk of a client stands.
fn walk(accounts: u32, logins: u64) -> f32 {
    FAILURE_EVIDENCE * accounts as f32 - SUCCESS_EVIDENCE * logins as f32
}

/// A client that fails for an hour, on several accounts, and never succeeds.
fn slow(accounts: u32, failures: u64, logins: u64) -> bool {
    logins == 0 && accounts >= 2 && failures >= 10
}

/// Picks the counts at which a client is told about again: often at first, then at doublings.
fn is_told(count: u64) -> bool {
    count <= 12 || crosses(count as u32, 8) || count.is_power_of_two()
}

fn client_hash<M: Memory + ?Sized>(identity: &Identity, memory: &M) -> u64 {
    identity
        .client
        .map_or(0, |client| memory.hash(&client_key(client)))
}
