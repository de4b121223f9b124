//! The one orchestration: what is asked of a request, and in which order.

use crate::allowlist::{Allowlist, Protected};
use crate::behaviour::{Spared, Watch};
use crate::config::{Config, Mode};
use crate::error::Error;
use crate::limits::Limits;
use crate::memory::{Memory, PlaceId};
use crate::payload::Payload;
use crate::ramp::Ramp;
use crate::request::{Identity, Outcome, Request, Rest, Stage};
use crate::rules::{Rules, Ruling};
use crate::standing;
use crate::state::{Ban, By, Key, Measure, Scope};
use crate::turn::{share, Turns};
use crate::verdict::{Action, Category, Success, Uninspected, Verdict};

/// A compiled configuration. Holds no state of its own: what is remembered lies in a [`State`].
pub struct Engine {
    config: Config,
    allowlist: Allowlist,
    protected: Protected,
    ramp: Ramp,
    rules: Rules,
    limits: Limits,
    payload: Payload,
    watch: Watch,
    sampled: Turns,
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
        let allowlist = Allowlist::new(&config.allowlist, &mut errors);
        let protected = Protected::new(&config.protected_cidrs, &mut errors);
        let (rules, wrong) = Rules::new(&config.rules);
        errors.extend(wrong);
        let ramp = Ramp::new(&config);
        let engine = Engine {
            allowlist,
            protected,
            watch: Watch::new(&config, ramp.clone()),
            ramp,
            rules,
            limits: Limits::new(&config),
            payload: Payload::new(&config.payload)?,
            sampled: Turns::default(),
            config,
        };
        Ok((engine, errors))
    }

    /// Finds a node-wide ban of the client, before anything is known of route or consumer.
    /// Cost: one load when no ban stands.
    pub fn check_ban<S: Memory + ?Sized>(
        &self,
        identity: &Identity,
        state: &S,
        now_ms: u64,
    ) -> Option<Verdict> {
        if !state.any_bans(now_ms) || self.allowlist.has(identity) {
            return None;
        }
        let (by, verdict) = standing::early_refusal(identity, state, now_ms)?;
        if !self.ramp.holds(&verdict, identity, state) {
            return None;
        }
        self.watch.turn_away(identity, by, state, now_ms);
        Some(verdict)
    }

    /// Decides on a request: allowlist, bans, rules, limits, payload. Where the verdict has a rest, and the
    /// request is not refused, [`Engine::inspect_rest`] is to be asked next.
    /// Errors: none; what could not be inspected is in the verdict.
    pub fn inspect<S: Memory + ?Sized>(
        &self,
        request: &Request,
        state: &S,
        now_ms: u64,
    ) -> Verdict {
        self.look(request, None, state, now_ms)
    }

    /// Decides on the same request again, for what no look before reached, its body where that was its head's;
    /// `before` is the verdict on those. The verdict is on all of them.
    pub fn inspect_rest<S: Memory + ?Sized>(
        &self,
        request: &Request,
        before: &Verdict,
        state: &S,
        now_ms: u64,
    ) -> Verdict {
        let stage = match request.stage {
            Stage::Body => Stage::Body,
            _ => Stage::Rest(Rest {
                from: before.rest,
                flight: before.flight,
            }),
        };
        let request = Request { stage, ..*request };
        self.look(&request, Some(before), state, now_ms)
    }

    fn look<S: Memory + ?Sized>(
        &self,
        request: &Request,
        before: Option<&Verdict>,
        state: &S,
        now_ms: u64,
    ) -> Verdict {
        let mut verdict = self.judge(request, before, state, now_ms);
        if self.enforces() && !self.ramp.holds(&verdict, &request.identity, state) {
            Ramp::spare(&mut verdict);
        }
        if verdict.action == Action::Throttle {
            verdict.retry_after_s = verdict.retry_after_s.max(1);
        }
        verdict
    }

    /// Decides on a request by as many looks as it takes, for those whom no other request waits for.
    pub fn inspect_whole<S: Memory + ?Sized>(
        &self,
        request: &Request,
        state: &S,
        now_ms: u64,
    ) -> Verdict {
        let mut verdict = self.inspect(request, state, now_ms);
        while verdict.rest > 0 && !verdict.action.refuses() {
            verdict = self.inspect_rest(request, &verdict, state, now_ms);
        }
        verdict
    }

    /// Tells whether a verdict is the last on its request.
    pub fn concludes(&self, request: &Request, verdict: &Verdict) -> bool {
        is_last(request.stage, verdict, self.enforces())
    }

    fn judge<S: Memory + ?Sized>(
        &self,
        request: &Request,
        before: Option<&Verdict>,
        state: &S,
        now_ms: u64,
    ) -> Verdict {
        let flight = request.stage.rest().map_or(0, |rest| rest.flight);
        let nothing = || Verdict {
            flight,
            ..Verdict::default()
        };
        if self.allowlist.passes(&request.identity, request.path) {
            return joined(nothing(), before);
        }
        let identity = &Identity {
            session: self.watch.session(request, state),
            ..request.identity
        };
        let request = &Request {
            identity: *identity,
            ..*request
        };
        if standing::is_exempt(identity, state, now_ms) {
            return joined(nothing(), before);
        }
        if let Some((by, verdict)) = standing::refusal(identity, state, now_ms) {
            if self.enforces() && self.ramp.holds(&verdict, identity, state) {
                self.watch.turn_away(identity, by, state, now_ms);
            }
            standing::land(identity, flight, state, now_ms);
            return joined(verdict, before);
        }
        let waiting = standing::waiting(identity, state, now_ms);
        let mut verdict = nothing();
        let enforced = self.enforces();
        let mut arrived = false;
        let mut place = None;
        let ban = match self.rules.apply(request, &mut verdict) {
            Ruling::Allowed => return joined(nothing(), before),
            Ruling::Refused { ban_s } => {
                (ban_s > 0).then_some((By::ClientIp, Scope::Global, ban_s))
            }
            Ruling::Open => {
                arrived = true;
                let held = standing::hold(request, state, now_ms, &mut verdict);
                let limited = held.as_ref().is_some_and(|h| h.sender);
                let spared = if limited || self.protected.has(identity) {
                    Spared::All
                } else if waiting.is_some() {
                    Spared::Suspicion
                } else {
                    Spared::Nothing
                };
                place = self
                    .watch
                    .arrive(request, spared, state, now_ms, &mut verdict);
                let checked = self.limits.check(request, state, now_ms, &mut verdict);
                let crowded = standing::depart(request, state, now_ms, &mut verdict);
                let over = crowded || checked.refused || held.as_ref().is_some_and(|h| h.refused);
                if over && enforced && self.ramp.holds(&verdict, identity, state) {
                    self.limits.take_back(request, state, now_ms);
                    standing::take_back(held.as_ref(), request, state, now_ms);
                }
                checked.ban.map(|b| (b.by, b.scope, b.ban_s))
            }
        };
        if request.stage != Stage::Head && !(enforced && verdict.action.refuses()) {
            let innocent = before.is_none_or(|before| before.rules.is_empty());
            let teaches = innocent && verdict.rules.is_empty();
            self.inspect_payload(request, place, teaches, state, now_ms, &mut verdict);
        }
        if let Some(waiting) = waiting {
            waiting.conclude(&mut verdict, now_ms);
        }
        let mut verdict = joined(verdict, before);
        if !verdict.rules.is_empty() && verdict.incident == 0 {
            verdict.incident = state.draw_incident();
        }
        let held = enforced && self.ramp.holds(&verdict, identity, state);
        // However many looks it takes, a request is told once: by all that was found in it.
        if is_last(request.stage, &verdict, held) {
            self.watch.report(identity, &verdict, held, state, now_ms);
        }
        if held && verdict.action.refuses() {
            // Its outcome is not observed.
            let flight = std::mem::take(&mut verdict.flight);
            standing::land(identity, flight, state, now_ms);
        }
        if arrived && held && verdict.action.refuses() {
            self.watch.refuse(identity, state, now_ms);
        }
        if let (true, Some((by, scope, ban_s))) = (held, ban) {
            if let Some(key) = Key::of(identity, by, scope) {
                let ban = Ban {
                    until_ms: now_ms + u64::from(ban_s) * 1_000,
                    category: verdict.category.unwrap_or(Category::Abuse),
                    incident: verdict.incident,
                    measure: Measure::Refuse,
                };
                state.ban(&key, ban, now_ms);
            }
        }
        verdict
    }

    /// Takes in how a request ended, and tells what that says of an attack in it. `path` is as in
    /// [`Request`].
    pub fn observe<S: Memory + ?Sized>(
        &self,
        identity: &Identity,
        path: &[u8],
        outcome: &Outcome,
        memory: &S,
        now_ms: u64,
    ) -> Success {
        let identity = &Identity {
            session: outcome.session,
            ..*identity
        };
        standing::land(identity, outcome.flight, memory, now_ms);
        let exempt = || standing::is_exempt(identity, memory, now_ms);
        if self.allowlist.passes(identity, path) || exempt() {
            return Success::default();
        }
        self.limits.observe(identity, outcome, memory, now_ms);
        if self.config.payload.enabled {
            self.payload.observe(identity, path, outcome, memory);
        }
        self.watch.observe(identity, path, outcome, memory, now_ms)
    }

    /// Tells whether verdicts are carried out.
    pub fn enforces(&self) -> bool {
        self.config.mode == Mode::Enforce
    }

    fn inspect_payload<S: Memory + ?Sized>(
        &self,
        request: &Request,
        place: Option<PlaceId>,
        teaches: bool,
        state: &S,
        now_ms: u64,
        verdict: &mut Verdict,
    ) {
        if !self.config.payload.enabled {
            return;
        }
        if request.stage.rest().is_none() && !self.in_sample() {
            verdict.uninspected.insert(Uninspected::SAMPLED_OUT);
            verdict.uninspected.insert(request.body.unread);
            verdict.uninspected_bytes +=
                request.body.bytes.len() as u64 + request.body.unread_bytes;
            return;
        }
        self.payload
            .inspect(request, place, teaches, state, now_ms, verdict);
    }

    fn in_sample(&self) -> bool {
        let ratio = self.config.sampling_ratio;
        ratio >= 1.0 || share(self.sampled.draw()) < ratio
    }
}

/// Tells whether no look at a request follows one at that stage. `held` tells whether a refusal is carried out.
fn is_last(stage: Stage, verdict: &Verdict, held: bool) -> bool {
    let refused = verdict.action.refuses();
    match stage {
        Stage::Head => refused && held,
        _ => refused || verdict.rest == 0,
    }
}

/// Joins the verdict of a look with that of those before it, where there were any.
fn joined(verdict: Verdict, before: Option<&Verdict>) -> Verdict {
    match before {
        Some(before) => verdict.after(before),
        None => verdict,
    }
}
