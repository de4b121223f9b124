//! The one orchestration: what is asked of a request, and in which order.

use crate::behaviour::Watch;
use crate::config::{Config, Mode};
use crate::error::Error;
use crate::inspect::{Findings, Inspector};
use crate::limits::Limits;
use crate::memory::Memory;
use crate::request::{Identity, Outcome, Request, Stage};
use crate::rules::{self, Rules, Ruling};
use crate::state::{Ban, By, Key, Scope, State};
use crate::verdict::{Action, Category, Uninspected, Verdict};
use cidr::IpCidr;
use std::sync::atomic::{AtomicU64, Ordering};

/// A compiled configuration. Holds no state of its own: what is remembered lies in a [`State`].
pub struct Engine {
    config: Config,
    networks: Vec<IpCidr>,
    rules: Rules,
    limits: Limits,
    inspector: Inspector,
    watch: Watch,
    sampled: AtomicU64,
}

impl Engine {
    /// Compiles a checked configuration.
    /// Errors: the first rule, pattern, network or expression that cannot be compiled.
    pub fn new(config: Config) -> Result<Engine, Error> {
        let (engine, mut errors) = Engine::lenient(config)?;
        match errors.pop() {
            Some(error) => Err(error),
            None => Ok(engine),
        }
    }

    /// Compiles a configuration without the rules and networks that cannot be compiled, and tells
    /// them. Errors: what is wrong elsewhere.
    pub fn lenient(mut config: Config) -> Result<(Engine, Vec<Error>), Error> {
        let mut errors = config.drop_repeated_ids();
        config.check()?;
        let networks = config.allowlist.cidrs.iter();
        let networks = networks
            .filter_map(|text| {
                rules::network("allowlist.cidrs", text)
                    .map_err(|e| errors.push(e))
                    .ok()
            })
            .collect();
        let (rules, wrong) = Rules::new(&config.rules);
        errors.extend(wrong);
        let engine = Engine {
            networks,
            rules,
            limits: Limits::new(&config),
            inspector: Inspector::new(&config.payload.families),
            watch: Watch::new(&config),
            sampled: AtomicU64::new(0),
            config,
        };
        Ok((engine, errors))
    }

    /// Finds a node-wide ban of the client, before anything is known of route or consumer.
    /// Cost: one load when no ban stands.
    pub fn check_ban<S: State + ?Sized>(
        &self,
        identity: &Identity,
        state: &S,
        now_ms: u64,
    ) -> Option<Verdict> {
        if !state.any_bans(now_ms) || self.allowlisted(identity) {
            return None;
        }
        let key = Key::of(identity, By::ClientIp, Scope::Global)?;
        let ban = state.banned(&key, now_ms)?;
        Some(banned(ban, By::ClientIp, now_ms))
    }

    /// Decides on a request: allowlist, bans, rules, limits, payload.
    /// Errors: none; what could not be inspected is in the verdict.
    pub fn inspect<S: Memory + ?Sized>(
        &self,
        request: &Request,
        state: &S,
        now_ms: u64,
    ) -> Verdict {
        let mut verdict = self.judge(request, state, now_ms);
        verdict.spoofed_headers = request.has_own_headers();
        if verdict.action == Action::Throttle {
            verdict.retry_after_s = verdict.retry_after_s.max(1);
        }
        verdict
    }

    fn judge<S: Memory + ?Sized>(&self, request: &Request, state: &S, now_ms: u64) -> Verdict {
        let identity = &request.identity;
        if self.allowlisted(identity) {
            return Verdict::default();
        }
        if let Some(verdict) = self.standing_ban(identity, state, now_ms) {
            return verdict;
        }
        let mut verdict = Verdict::default();
        let enforced = self.enforces();
        let mut arrived = false;
        let ban = match self.rules.apply(request, &mut verdict) {
            Ruling::Allowed => return Verdict::default(),
            Ruling::Refused { ban_s } => {
                (ban_s > 0).then_some((By::ClientIp, Scope::Global, ban_s))
            }
            Ruling::Open => {
                arrived = true;
                self.watch.arrive(request, state, now_ms, &mut verdict);
                self.limits
                    .check(request, state, now_ms, enforced, &mut verdict)
                    .map(|b| (b.by, b.scope, b.ban_s))
            }
        };
        if request.stage != Stage::Head && !(enforced && verdict.action.refuses()) {
            self.inspect_payload(request, &mut verdict);
        }
        if !verdict.rules.is_empty() {
            verdict.incident = state.draw_incident();
        }
        self.watch.report(identity, &verdict, state, now_ms);
        if arrived && enforced && verdict.action.refuses() {
            self.watch.refuse(identity, state, now_ms);
        }
        if let (true, Some((by, scope, ban_s))) = (enforced, ban) {
            if let Some(key) = Key::of(identity, by, scope) {
                let ban = Ban {
                    until_ms: now_ms + u64::from(ban_s) * 1_000,
                    category: verdict.category.unwrap_or(Category::Abuse),
                    incident: verdict.incident,
                };
                state.ban(&key, ban, now_ms);
            }
        }
        verdict
    }

    /// Takes in how a request ended. `path` is as in [`Request`].
    pub fn observe<S: Memory + ?Sized>(
        &self,
        identity: &Identity,
        path: &[u8],
        outcome: &Outcome,
        memory: &S,
        now_ms: u64,
    ) {
        if !self.allowlisted(identity) {
            self.limits.observe(identity, outcome, memory, now_ms);
            self.watch.observe(identity, path, outcome, memory, now_ms);
        }
    }

    /// Tells whether verdicts are carried out.
    pub fn enforces(&self) -> bool {
        self.config.mode == Mode::Enforce
    }

    fn allowlisted(&self, identity: &Identity) -> bool {
        let listed = |id: &String| id.as_bytes() == identity.consumer;
        rules::contains(&self.networks, identity)
            || (!identity.consumer.is_empty() && self.config.allowlist.consumers.iter().any(listed))
    }

    fn standing_ban<S: State + ?Sized>(
        &self,
        identity: &Identity,
        state: &S,
        now_ms: u64,
    ) -> Option<Verdict> {
        if !state.any_bans(now_ms) {
            return None;
        }
        [By::ClientIp, By::Consumer].into_iter().find_map(|by| {
            Scope::ALL.into_iter().find_map(|scope| {
                let ban = state.banned(&Key::of(identity, by, scope)?, now_ms)?;
                Some(banned(ban, by, now_ms))
            })
        })
    }

    fn inspect_payload(&self, request: &Request, verdict: &mut Verdict) {
        let payload = &self.config.payload;
        if !payload.enabled {
            return;
        }
        if !self.in_sample() {
            verdict.uninspected.insert(Uninspected::SAMPLED_OUT);
            verdict.uninspected_bytes += request.body.bytes.len() as u64;
            return;
        }
        let mut found = Findings::default();
        self.inspector.inspect(request, &mut found);
        verdict.uninspected.insert(found.uninspected);
        verdict.uninspected.insert(request.body.unread);
        verdict.uninspected_bytes += found.uninspected_bytes + request.body.unread_bytes;

        let clean = found.list.iter().fold(1.0, |p, f| p * (1.0 - f.score));
        let action = if 1.0 - clean >= payload.threshold {
            payload.action
        } else {
            Action::Allow
        };
        for finding in &found.list {
            let category = Category::PayloadInjection;
            verdict.absorb(finding.rule, action, category, finding.score, || {
                format!("{} in {}", finding.rule, finding.location)
            });
        }
    }

    /// Spreads the sample evenly: the n-th multiple of the golden ratio, modulo 1.
    /// Source: Weyl's equidistribution theorem.
    fn in_sample(&self) -> bool {
        let ratio = self.config.sampling_ratio;
        if ratio >= 1.0 {
            return true;
        }
        let nth = self
            .sampled
            .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        ((nth >> 11) as f64 / (1u64 << 53) as f64) < ratio
    }
}

fn banned(ban: Ban, by: By, now_ms: u64) -> Verdict {
    let left_s = ban.until_ms.saturating_sub(now_ms).div_ceil(1_000) as u32;
    let mut verdict = Verdict {
        retry_after_s: left_s,
        incident: ban.incident,
        ..Verdict::default()
    };
    verdict.absorb("ban", Action::Block, ban.category, 1.0, || {
        format!("the {} is banned for {left_s} s more", by.name())
    });
    verdict
}
