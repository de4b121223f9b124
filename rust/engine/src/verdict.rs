//! What the engine answers: an action, why, and what it could not look at.

use serde::{Deserialize, Serialize};

/// Rule ids are short and many: stored in place up to 23 bytes.
pub type RuleId = smartstring::alias::String;

/// What should happen to a request. Ordered: a later one is the stronger one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Action {
    /// Let it pass, untouched.
    #[default]
    Allow = 0,
    /// Let it pass with a header that tells the upstream.
    Tag = 1,
    /// Refuse it for now (429 with Retry-After).
    Throttle = 2,
    /// Refuse it (403).
    Block = 3,
}

impl Action {
    /// Tells whether the client is refused.
    pub fn refuses(self) -> bool {
        self >= Action::Throttle
    }

    /// Names the action as configurations and logs do.
    pub fn name(self) -> &'static str {
        match self {
            Action::Allow => "allow",
            Action::Tag => "tag",
            Action::Throttle => "throttle",
            Action::Block => "block",
        }
    }
}

/// The kinds of attack that incidents are filed under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Category {
    ApiDdos = 1,
    CredentialStuffing = 2,
    Abuse = 3,
    PayloadInjection = 4,
    RouteMisconfiguration = 5,
    MassError = 6,
    ClientAnomaly = 7,
    /// What a parameter or a route has never had.
    PayloadOutlier = 8,
}

impl Category {
    /// All categories, in the order of their numbers.
    pub const ALL: [Category; 8] = [
        Category::ApiDdos,
        Category::CredentialStuffing,
        Category::Abuse,
        Category::PayloadInjection,
        Category::RouteMisconfiguration,
        Category::MassError,
        Category::ClientAnomaly,
        Category::PayloadOutlier,
    ];

    /// Names the category as configurations and logs do.
    pub fn name(self) -> &'static str {
        match self {
            Category::ApiDdos => "api_ddos",
            Category::CredentialStuffing => "credential_stuffing",
            Category::Abuse => "abuse",
            Category::PayloadInjection => "payload_injection",
            Category::RouteMisconfiguration => "route_misconfiguration",
            Category::MassError => "mass_error",
            Category::ClientAnomaly => "client_anomaly",
            Category::PayloadOutlier => "payload_outlier",
        }
    }

    /// Finds the category of a number that [`Category`] gave; 0 and unknown numbers are none.
    pub fn from_number(number: u8) -> Option<Category> {
        Self::ALL.into_iter().find(|c| *c as u8 == number)
    }
}

/// Reasons why a part of a request was not inspected: a set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uninspected(pub u32);

impl Uninspected {
    /// The body is longer than `payload.max_body_bytes`: its first part was inspected.
    pub const BODY_TOO_LARGE: Uninspected = Uninspected(1);
    /// The body was spilled to disk and `payload.read_body_files` is off.
    pub const BODY_ON_DISK: Uninspected = Uninspected(1 << 1);
    /// The body is streamed (`request_buffering: false`, gRPC, WebSocket) and was not read.
    pub const BODY_STREAMED: Uninspected = Uninspected(1 << 2);
    /// The request was only seen after its end (no route, refused earlier, or cut short): no body.
    pub const BODY_NOT_SEEN: Uninspected = Uninspected(1 << 3);
    /// The body is compressed.
    pub const BODY_ENCODED: Uninspected = Uninspected(1 << 4);
    /// The body could not be read.
    pub const BODY_UNREADABLE: Uninspected = Uninspected(1 << 5);
    /// More values, headers or depth than one request's budget.
    pub const OVER_BUDGET: Uninspected = Uninspected(1 << 6);
    /// Left out by `sampling_ratio`.
    pub const SAMPLED_OUT: Uninspected = Uninspected(1 << 7);
    /// The content ends in the middle or is not what its type says.
    pub const MALFORMED: Uninspected = Uninspected(1 << 8);

    /// Each bit with the name that logs use.
    pub const NAMES: [(Uninspected, &'static str); 9] = [
        (Self::BODY_TOO_LARGE, "body_too_large"),
        (Self::BODY_ON_DISK, "body_on_disk"),
        (Self::BODY_STREAMED, "body_streamed"),
        (Self::BODY_NOT_SEEN, "body_not_seen"),
        (Self::BODY_ENCODED, "body_encoded"),
        (Self::BODY_UNREADABLE, "body_unreadable"),
        (Self::OVER_BUDGET, "over_budget"),
        (Self::SAMPLED_OUT, "sampled_out"),
        (Self::MALFORMED, "malformed"),
    ];

    /// Names the reasons of the set as logs do.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let held = move |(flag, _): &(Uninspected, _)| self.contains(*flag);
        Self::NAMES.into_iter().filter(held).map(|(_, name)| name)
    }

    /// Leaves the reasons that a client can bring about by what it sends: neither what the operator
    /// left out nor what came to be seen only after its end.
    pub fn in_clients_hands(self) -> Uninspected {
        let operators = Self::BODY_STREAMED.0 | Self::BODY_NOT_SEEN.0 | Self::SAMPLED_OUT.0;
        Uninspected(self.0 & !operators)
    }

    /// Adds the reasons of `other`.
    pub fn insert(&mut self, other: Uninspected) {
        self.0 |= other.0;
    }

    /// Tells whether all reasons of `other` are in this set.
    pub fn contains(self, other: Uninspected) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What an attack tries, as far as its response can tell whether it worked, and what the text of the answer
/// says: a set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempt(pub u32);

impl Attempt {
    /// Payload inspection found something.
    pub const FOUND: Attempt = Attempt(1);
    /// It would make the upstream wait.
    pub const DELAY: Attempt = Attempt(1 << 1);
    /// The answer holds what attacks are after.
    pub const DISCLOSED: Attempt = Attempt(1 << 2);
    /// The answer holds an interpreter's complaint.
    pub const COMPLAINED: Attempt = Attempt(1 << 3);

    /// Rules that find what makes an upstream wait.
    const DELAYS: [&'static str; 2] = ["sqli.delay", "command.waits"];

    /// What the findings of such rules try.
    pub fn of(mut rules: impl Iterator<Item = &'static str>) -> Attempt {
        if rules.any(|rule| Self::DELAYS.contains(&rule)) {
            Attempt(Self::FOUND.0 | Self::DELAY.0)
        } else {
            Self::FOUND
        }
    }

    /// Tells whether payload inspection found nothing.
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Adds what `other` holds.
    pub fn insert(&mut self, other: Attempt) {
        self.0 |= other.0;
    }

    /// Tells whether all of `other` is in this set.
    pub fn contains(self, other: Attempt) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What a response says of an attack in its request: a set of bits, and none of a mere attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Success(pub u32);

impl Success {
    /// An attack that makes the upstream wait was answered after a multiple of the usual time.
    pub const DELAYED: Success = Success(1);
    /// The answer is a multiple of what is usual on the route.
    pub const LARGER: Success = Success(1 << 1);
    /// The upstream failed where it usually does not.
    pub const ERROR: Success = Success(1 << 2);
    /// The answer holds what attacks are after: accounts, keys, the output of a command.
    pub const DISCLOSED: Success = Success(1 << 3);
    /// The answer holds the complaint of an interpreter that read the payload.
    pub const COMPLAINED: Success = Success(1 << 4);

    /// Adds the signs of `other`.
    pub fn insert(&mut self, other: Success) {
        self.0 |= other.0;
    }

    /// Tells whether all signs of `other` are in this set.
    pub fn contains(self, other: Success) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What rules say that are tried out: told, never acted upon.
#[derive(Clone, Debug, Default)]
pub struct Shadow {
    /// The rules that spoke.
    pub rules: Vec<RuleId>,
    /// What would have happened if they were live, and its score.
    pub action: Action,
    pub score: f32,
}

impl Shadow {
    /// Takes what a rule says in.
    pub fn absorb(&mut self, rule: &str, action: Action, score: f32) {
        self.rules.push(rule.into());
        self.action = self.action.max(action);
        self.score = self.score.max(score);
    }

    /// Takes in what other rules say, or the same once more.
    fn join(&mut self, other: Shadow) {
        add_missing(&mut self.rules, other.rules);
        self.action = self.action.max(other.action);
        self.score = self.score.max(other.score);
    }
}

/// Adds those rules that are not among some. They are few.
fn add_missing(rules: &mut Vec<RuleId>, more: Vec<RuleId>) {
    for rule in more {
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
}

/// The engine's answer to one request.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// What should happen. The caller leaves it undone in monitor mode.
    pub action: Action,
    /// The kind of attack behind the strongest finding.
    pub category: Option<Category>,
    /// Anomaly score in 0..=1: 0 nothing, 1 certain; of a payload, the calibrated probability that it
    /// is an attack.
    pub score: f32,
    /// The rules that spoke, strongest first.
    pub rules: Vec<RuleId>,
    /// One sentence for people; no secrets, no payload bytes.
    pub reason: String,
    /// Seconds after which a throttled or banned client may try again; 0 when it does not apply.
    pub retry_after_s: u32,
    /// Number behind the opaque incident reference; 0 when there is none.
    pub incident: u64,
    /// What was not inspected, and how much of it.
    pub uninspected: Uninspected,
    pub uninspected_bytes: u64,
    pub shadow: Shadow,
    /// What payload inspection found that is worth recording, for its [`crate::Outcome`].
    pub attempt: Attempt,
    /// Keyed hash of the account that the request logs in to, for its [`crate::Outcome`]; 52 bits,
    /// so that a Lua number holds it. 0 when it is no login.
    pub account: u64,
    /// Keyed hash of the request's session, likewise; 0 when it has none.
    pub session: u64,
    /// When and where the request was counted as under way, likewise; 0 when it was not.
    pub flight: u64,
    /// Where in the request another look is to start, as [`crate::request::Rest`]; 0 when none is to
    /// follow.
    pub rest: u32,
}

impl Verdict {
    /// Takes a finding in: the strongest action and its category win, scores combine as
    /// independent evidence (noisy or), rules add up.
    pub fn absorb(
        &mut self,
        rule: &str,
        action: Action,
        category: Category,
        score: f32,
        reason: impl FnOnce() -> String,
    ) {
        let stronger = self.rules.is_empty() || (action, score) > (self.action, self.score);
        if stronger {
            self.category = Some(category);
            self.reason = reason();
            self.rules.insert(0, rule.into());
        } else {
            self.rules.push(rule.into());
        }
        self.action = self.action.max(action);
        self.score = 1.0 - (1.0 - self.score) * (1.0 - score.clamp(0.0, 1.0));
    }

    /// Joins the verdict of a look with that of those before it. Which says more leads: its action, category, score and
    /// reason stand, and its rules come first. What else either says is kept; where to go on from is as this one says.
    pub fn after(self, before: &Verdict) -> Verdict {
        let (rest, flight) = (self.rest, self.flight);
        let stronger =
            before.rules.is_empty() || (self.action, self.score) > (before.action, before.score);
        let (mut lead, other) = if stronger {
            (self, before.clone())
        } else {
            (before.clone(), self)
        };
        add_missing(&mut lead.rules, other.rules);
        lead.uninspected.insert(other.uninspected);
        lead.uninspected_bytes += other.uninspected_bytes;
        lead.shadow.join(other.shadow);
        lead.attempt.insert(other.attempt);
        for (own, others) in [
            (&mut lead.incident, other.incident),
            (&mut lead.account, other.account),
            (&mut lead.session, other.session),
        ] {
            *own = if *own == 0 { others } else { *own };
        }
        (lead.rest, lead.flight) = (rest, flight);
        lead
    }

    /// Names further rules that the score comprises already.
    pub fn add_rules(&mut self, rules: impl Iterator<Item = &'static str>, but: &str) {
        let others = rules.filter(|rule| *rule != but);
        self.rules.extend(others.map(RuleId::from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(rules: &[&str], action: Action, score: f32) -> Verdict {
        Verdict {
            action,
            score,
            category: (!rules.is_empty()).then_some(Category::Abuse),
            rules: rules.iter().map(|rule| RuleId::from(*rule)).collect(),
            reason: rules.first().copied().unwrap_or_default().into(),
            ..Verdict::default()
        }
    }

    #[test]
    fn what_says_more_leads_and_nothing_is_lost() {
        let clean = || look(&[], Action::Allow, 0.0);
        let weak = || look(&["weak", "both"], Action::Allow, 0.3);
        let tag = || look(&["tag", "both"], Action::Tag, 0.2);
        for (before, next, rules) in [
            (weak(), clean(), &["weak", "both"][..]),
            (clean(), weak(), &["weak", "both"]),
            (weak(), tag(), &["tag", "both", "weak"]),
            (tag(), weak(), &["tag", "both", "weak"]),
            (tag(), tag(), &["tag", "both"]),
            (clean(), clean(), &[]),
        ] {
            let most = next.action.max(before.action);
            let verdict = next.after(&before);
            assert_eq!(verdict.rules, rules);
            assert_eq!(verdict.action, most);
            assert_eq!(verdict.reason, rules.first().copied().unwrap_or_default());
        }
    }

    #[test]
    fn where_to_go_on_is_as_the_last_look_says_and_the_rest_adds_up() {
        let before = || Verdict {
            incident: 7,
            uninspected: Uninspected::BODY_TOO_LARGE,
            uninspected_bytes: 10,
            attempt: Attempt::FOUND,
            account: 3,
            session: 4,
            flight: 5,
            rest: 6,
            shadow: Shadow {
                rules: vec!["a".into(), "b".into()],
                action: Action::Block,
                score: 0.5,
            },
            ..look(&["x"], Action::Allow, 0.5)
        };
        for action in [Action::Allow, Action::Block] {
            let verdict = Verdict {
                uninspected: Uninspected::OVER_BUDGET,
                uninspected_bytes: 1,
                attempt: Attempt::DELAY,
                shadow: Shadow {
                    rules: vec!["b".into(), "c".into()],
                    action: Action::Tag,
                    score: 0.9,
                },
                ..look(&["y"], action, 0.4)
            }
            .after(&before());
            assert_eq!((verdict.rest, verdict.flight), (0, 0));
            assert_eq!(
                (verdict.incident, verdict.account, verdict.session),
                (7, 3, 4)
            );
            let names: Vec<&str> = verdict.uninspected.names().collect();
            assert_eq!(names, ["body_too_large", "over_budget"]);
            assert_eq!(verdict.uninspected_bytes, 11);
            assert!(
                verdict.attempt.contains(Attempt::FOUND)
                    && verdict.attempt.contains(Attempt::DELAY)
            );
            let mut shadow = verdict.shadow;
            shadow.rules.sort();
            assert_eq!(shadow.rules, ["a", "b", "c"]);
            assert_eq!((shadow.action, shadow.score), (Action::Block, 0.9));
        }
    }
}
