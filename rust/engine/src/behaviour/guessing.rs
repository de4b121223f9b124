//! What logins tell: clients that fail on many accounts, accounts that many clients fail on, and
//! accounts that open after much failing.

use super::{is_told, keys, place_id, Told, Watch, H1, S60};
use crate::memory::Memory;
use crate::request::{client_key, Identity, Outcome};
use crate::signal::{crosses, Kind};
use crate::sketch::Set;
use crate::state::{Counter, Key};
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
/// Failures of an account in an hour that make a success of a stranger suspect, when several clients
/// failed.
const TAKEOVER_FAILURES: u64 = 10;
const TAKEOVER_CLIENTS: u32 = 3;
/// The same when they are of one or two: an owner who comes back, from another address as phones
/// do, tries less often.
const TAKEOVER_FAILURES_OF_FEW: u64 = 20;
impl Watch {
    pub(super) fn login_failed<M: Memory + ?Sized>(
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
        let logins = memory.distinct(key, Set::Logins, now_ms);
        let mut accounts = 0;
        if account != 0 {
            let item = keys::spread(account);
            memory.mark(&all, Set::Accounts, item, now_ms);
            accounts = memory.mark(key, Set::Accounts, item, now_ms);
            self.account_failed(identity, account, client, memory, now_ms);
            self.network_failed(identity, account, memory, now_ms);
        }
        let wave = memory.alarm(place_id(identity, memory)).login_wave;
        let told = if walk(accounts, logins) >= ATTACKER {
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
            if typed || failures[H1] < 5 * memory.read(key, keys::LOGINS, now_ms)[H1] {
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

    /// The same walk for all clients of a /56, through which one attacker may hop.
    fn network_failed<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        account: u64,
        memory: &M,
        now_ms: u64,
    ) {
        let Some(network) = keys::network_at_route(identity) else {
            return;
        };
        let accounts = memory.mark(&network, Set::Accounts, keys::spread(account), now_ms);
        let logins = memory.distinct(&network, Set::Logins, now_ms);
        if walk(accounts, logins) < ATTACKER {
            return;
        }
        let told = Told {
            kind: Kind::ManyAccounts,
            category: Category::CredentialStuffing,
            score: 1.0 - 0.9 / accounts.max(1) as f32,
            value: u64::from(accounts),
            threshold: 6,
            account,
        };
        self.hold_suspect(&network, told.category, memory, now_ms);
        if is_told(u64::from(accounts)) {
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

    pub(super) fn logged_in<M: Memory + ?Sized>(
        &self,
        identity: &Identity,
        key: &Key,
        outcome: &Outcome,
        memory: &M,
        now_ms: u64,
    ) {
        let all = keys::all(identity.workspace, identity.route);
        memory.add(&all, Counter::AuthSuccesses, 1, now_ms);
        memory.add(key, keys::LOGINS, 1, now_ms);
        let logins = memory.mark(key, Set::Logins, keys::spread(outcome.account), now_ms);
        if let Some(network) = keys::network_at_route(identity) {
            memory.mark(&network, Set::Logins, keys::spread(outcome.account), now_ms);
        }
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
        let clients = memory.distinct(&account, Set::Clients, now_ms);
        let line = if clients >= TAKEOVER_CLIENTS {
            TAKEOVER_FAILURES
        } else {
            TAKEOVER_FAILURES_OF_FEW
        };
        if failures < line && !attacker {
            return;
        }
        let (value, threshold) = if attacker {
            (u64::from(accounts), 6)
        } else {
            (failures, line)
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

    pub(super) fn credential_refused<M: Memory + ?Sized>(
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
}

/// Where the random walk of a client stands. Each account counts once, so that an attacker cannot
/// buy failures with logins to an account of its own.
/// Units: distinct accounts within one to two hours: failed, and logged in to.
fn walk(accounts: u32, logins: u32) -> f32 {
    FAILURE_EVIDENCE * accounts as f32 - SUCCESS_EVIDENCE * logins as f32
}

fn client_hash<M: Memory + ?Sized>(identity: &Identity, memory: &M) -> u64 {
    identity
        .client
        .map_or(0, |client| memory.hash(&client_key(client)))
}
