//! Limits on sliding-window counts: a counter of a key is counted once a request, however many limits
//! read it.

use crate::config::{Config, Limit};
use crate::request::{Identity, Outcome, Request, Source};
use crate::state::{By, Counter, Key, Scope, State};
use crate::verdict::{Action, Category, RuleId, Verdict};
use crate::window::{retry_after_s, Window};

/// The limits of one configuration, grouped by what they count.
pub struct Limits {
    groups: Vec<Group>,
    auth_failure_statuses: Vec<u16>,
}

/// All limits that read one counter of one kind of key.
struct Group {
    by: By,
    scope: Scope,
    counter: Counter,
    limits: Vec<Compiled>,
}

struct Compiled {
    id: RuleId,
    window: Window,
    limit: u64,
    action: Action,
    ban_s: u32,
    category: Category,
}

/// What the limits say of a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checked {
    /// A limit that was exceeded refuses it.
    pub refused: bool,
    /// The longest ban that a limit asks for; of equal ones the wider.
    pub ban: Option<BanRequest>,
}

/// A limit that was exceeded and asks for its key to be banned.
#[derive(Clone, Copy, Debug)]
pub struct BanRequest {
    pub by: By,
    pub scope: Scope,
    pub ban_s: u32,
}

impl Limits {
    /// Groups the limits of a checked configuration.
    pub fn new(config: &Config) -> Limits {
        let mut groups: Vec<Group> = Vec::new();
        for limit in &config.limits {
            let scope = limit.scope.unwrap_or(config.instance_scope);
            let (by, counter) = (limit.by, limit.count);
            let same = |g: &Group| (g.by, g.scope, g.counter) == (by, scope, counter);
            let index = groups.iter().position(same).unwrap_or_else(|| {
                groups.push(Group {
                    by,
                    scope,
                    counter,
                    limits: Vec::new(),
                });
                groups.len() - 1
            });
            groups[index].limits.push(Compiled::new(limit));
        }
        Limits {
            groups,
            auth_failure_statuses: config.auth_failure_statuses.clone(),
        }
    }

    /// Counts a request and holds it against every limit. A request that is refused for it is then
    /// to be taken back.
    pub fn check<S: State + ?Sized>(
        &self,
        request: &Request,
        state: &S,
        now_ms: u64,
        verdict: &mut Verdict,
    ) -> Checked {
        let identity = &request.identity;
        // The head of this request has been counted before its body is seen.
        let counts_now = request.stage.arrives();
        let mut checked = Checked::default();
        for group in &self.groups {
            let Some(key) = Key::of(identity, group.by, group.scope) else {
                continue;
            };
            let counts = match group.counter {
                Counter::Requests if counts_now => state.add(&key, group.counter, 1, now_ms),
                other => state.read(&key, other, now_ms),
            };
            for limit in &group.limits {
                let count = counts[limit.window as usize];
                if count < limit.first_over(group.counter) {
                    continue;
                }
                checked.refused |= limit.action.refuses();
                limit.speak(group, count, verdict);
                if limit.ban_s > 0 {
                    let ban = BanRequest {
                        by: group.by,
                        scope: group.scope,
                        ban_s: limit.ban_s,
                    };
                    let stricter =
                        |known: &BanRequest| (ban.ban_s, known.scope) > (known.ban_s, ban.scope);
                    if checked.ban.as_ref().is_none_or(stricter) {
                        checked.ban = Some(ban);
                    }
                }
            }
        }
        checked
    }

    /// Takes back what [`Limits::check`] counted, for a request that is refused: so a client a little
    /// above its limit is slowed to it and not shut out.
    pub fn take_back<S: State + ?Sized>(&self, request: &Request, state: &S, now_ms: u64) {
        if !request.stage.arrives() {
            return;
        }
        let identity = &request.identity;
        for group in &self.groups {
            if group.counter == Counter::Requests {
                if let Some(key) = Key::of(identity, group.by, group.scope) {
                    state.undo(&key, group.counter, now_ms);
                }
            }
        }
    }

    /// Counts what a response tells: refused logins, 404 and 5xx.
    pub fn observe<S: State + ?Sized>(
        &self,
        identity: &Identity,
        outcome: &Outcome,
        state: &S,
        now_ms: u64,
    ) {
        for group in &self.groups {
            let counts = match group.counter {
                Counter::AuthFailures => self.auth_failure_statuses.contains(&outcome.status),
                Counter::NotFound => outcome.status == 404,
                // What a plugin answered says nothing about the upstream.
                Counter::ServerErrors => {
                    (500..=599).contains(&outcome.status) && outcome.source != Source::Exit
                }
                _ => false,
            };
            if counts {
                if let Some(key) = Key::of(identity, group.by, group.scope) {
                    state.add(&key, group.counter, 1, now_ms);
                }
            }
        }
    }
}

impl Compiled {
    fn new(limit: &Limit) -> Compiled {
        Compiled {
            id: limit.id.as_str().into(),
            window: limit.window,
            limit: limit.limit,
            action: limit.action,
            ban_s: limit.ban_s,
            category: limit.category.unwrap_or(match (limit.count, limit.by) {
                (Counter::AuthFailures, _) => Category::CredentialStuffing,
                (Counter::ServerErrors, _) => Category::MassError,
                (_, By::Route | By::Service) => Category::ApiDdos,
                _ => Category::Abuse,
            }),
        }
    }

    /// The count from which the limit speaks: the request at hand is among the requests, but not
    /// among the outcomes.
    fn first_over(&self, counter: Counter) -> u64 {
        self.limit + u64::from(counter == Counter::Requests)
    }

    fn speak(&self, group: &Group, count: u64, verdict: &mut Verdict) {
        // 0.5 at the limit, towards 1 far above it.
        let score = 1.0 - 0.5 * self.limit as f32 / count.max(1) as f32;
        verdict.absorb(&self.id, self.action, self.category, score, || {
            format!(
                "{count} {} per {} in {}, limit {}",
                group.counter.plural(),
                group.by.name(),
                self.window.name(),
                self.limit
            )
        });
        if self.action.refuses() {
            let wait = retry_after_s(self.window, count, self.limit).max(self.ban_s);
            verdict.retry_after_s = verdict.retry_after_s.max(wait);
        }
    }
}
