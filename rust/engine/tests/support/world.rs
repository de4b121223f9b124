//! A gateway in virtual time, and who comes to it.
#![allow(dead_code)]

use std::net::{IpAddr, Ipv4Addr};
use threat_agent_engine::request::Source;
use threat_agent_engine::{
    answer, Analyst, Attempt, Body, Category, Config, Engine, Identity, Incident, LocalState,
    Outcome, Request,
};

/// A gateway with one engine, in virtual time.
pub struct World {
    pub engine: Engine,
    pub memory: LocalState,
    pub analyst: Analyst,
    pub now_ms: u64,
    pub drawn: u64,
    pub requests: u64,
    pub refused: u64,
}

/// One request and how the upstream would answer it.
#[derive(Clone, Copy)]
pub struct Sent<'a> {
    pub client: u32,
    /// Instead of `client`.
    pub address: Option<IpAddr>,
    pub route: &'a str,
    pub consumer: &'a str,
    pub credential: &'a str,
    pub session: &'a str,
    pub method: &'a str,
    pub path: &'a str,
    pub agent: &'a str,
    pub body: &'a str,
    pub status: u16,
    pub source: Source,
    pub latency_ms: u32,
    /// Instead of the length of `body`.
    pub request_bytes: u64,
    pub response_bytes: u64,
    /// The start of the answer.
    pub answer: &'a str,
}

impl Default for Sent<'_> {
    fn default() -> Self {
        Sent {
            client: 1,
            address: None,
            route: "shop",
            consumer: "",
            credential: "",
            session: "",
            method: "GET",
            path: "/",
            agent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
            body: "",
            status: 200,
            source: Source::Service,
            latency_ms: 20,
            request_bytes: 0,
            response_bytes: 2_000,
            answer: "",
        }
    }
}

pub const WALL_S: u64 = 1_700_000_000;

impl World {
    pub fn new(mode: &str) -> World {
        World::with(&format!(r#""mode":"{mode}""#))
    }

    /// settings: fields of a configuration, as JSON.
    pub fn with(settings: &str) -> World {
        let config = format!(r#"{{{settings},"behaviour":{{"session_cookie":"sid"}}}}"#);
        World {
            engine: Engine::new(Config::from_json(config.as_bytes()).unwrap()).unwrap(),
            memory: LocalState::default(),
            analyst: Analyst::new(),
            now_ms: 1_000_000,
            drawn: 7,
            requests: 0,
            refused: 0,
        }
    }

    pub fn draw(&mut self, below: u64) -> u64 {
        self.drawn = self.drawn.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.drawn;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    pub fn wall_s(&self) -> u64 {
        WALL_S + self.now_ms / 1_000
    }

    /// Sends a request; tells whether it was refused.
    pub fn send(&mut self, sent: Sent) -> bool {
        let (agent, session) = (sent.agent, sent.session);
        let headers = format!("Host: api\r\nUser-Agent: {agent}\r\nCookie: sid={session}\r\n");
        let identity = Identity {
            client: Some(
                sent.address
                    .unwrap_or_else(|| IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + sent.client))),
            ),
            workspace: b"default",
            route: sent.route.as_bytes(),
            service: b"backend",
            consumer: sent.consumer.as_bytes(),
            credential: sent.credential.as_bytes(),
            session: 0,
        };
        let request = Request {
            identity,
            method: sent.method.as_bytes(),
            scheme: b"https",
            host: b"api",
            path: sent.path.as_bytes(),
            headers: headers.as_bytes(),
            body: Body {
                bytes: sent.body.as_bytes(),
                ..Body::default()
            },
            ..Request::default()
        };
        let verdict = self.engine.inspect(&request, &self.memory, self.now_ms);
        let refused = self.enforcing() && verdict.action.refuses();
        let outcome = Outcome {
            status: if refused { 429 } else { sent.status },
            source: if refused { Source::Exit } else { sent.source },
            account: verdict.account,
            session: verdict.session,
            flight: 0,
            latency_ms: sent.latency_ms,
            request_bytes: sent.request_bytes.max(sent.body.len() as u64),
            response_bytes: sent.response_bytes,
            attempt: read_answer(verdict.attempt, sent.answer),
            ..Outcome::default()
        };
        self.engine.observe(
            &identity,
            sent.path.as_bytes(),
            &outcome,
            &self.memory,
            self.now_ms,
        );
        self.requests += 1;
        self.refused += u64::from(refused);
        refused
    }

    pub fn enforcing(&self) -> bool {
        self.engine.enforces()
    }

    pub fn login(&mut self, client: u32, account: &str, status: u16) -> bool {
        let body = format!(r#"{{"username":"{account}","password":"x"}}"#);
        self.send(Sent {
            client,
            route: "login",
            method: "POST",
            path: "/login",
            body: &body,
            status,
            ..Sent::default()
        })
    }

    /// Ordinary visitors: `rate` requests a second from a changing set of clients, most of them a
    /// few requests in 10 s, and every hundredth request an office of many people.
    pub fn visitors(&mut self, rate: u64, status: u16) {
        for nth in 0..rate {
            self.now_ms += 1_000 / (rate + 1).min(1_000);
            let client = match self.draw(100) {
                0 => 9,
                _ => 1_000 + self.draw(rate * 6 + 20) as u32,
            };
            let path = format!("/items/{}", self.draw(5_000) * 7);
            let agent = format!(
                "Agent{} {nth}",
                ["a", "b", "c", "d", "e"][client as usize % 5]
            );
            self.send(Sent {
                client,
                path: &path,
                agent: &agent,
                status,
                ..Sent::default()
            });
        }
    }

    /// Logins of ordinary people: a tenth mistype.
    pub fn people_log_in(&mut self, logins: u64) {
        for _ in 0..logins {
            let person = self.draw(3_000) as u32;
            let status = if self.draw(10) == 0 { 401 } else { 200 };
            self.login(2_000_000 + person, &format!("person{person}"), status);
        }
    }

    /// Plays seconds, with a tick after each. Returns the second after which an incident of the
    /// category was open first.
    pub fn play(
        &mut self,
        seconds: u64,
        category: Category,
        mut second: impl FnMut(&mut World, u64),
    ) -> Option<u64> {
        let mut found = None;
        for nth in 0..seconds {
            let start = self.now_ms / 1_000 * 1_000;
            self.now_ms = start;
            second(self, nth);
            self.now_ms = start + 1_000;
            let (now_ms, wall_s) = (self.now_ms, self.wall_s());
            self.analyst.tick(&self.memory, now_ms - 1, wall_s);
            if found.is_none() && self.incident(category).is_some() {
                found = Some(nth + 1);
            }
        }
        found
    }

    pub fn quietly(&mut self, seconds: u64, second: impl FnMut(&mut World, u64)) {
        self.play(seconds, Category::ApiDdos, second);
        assert_eq!(self.all(), Vec::<String>::new());
    }

    pub fn incident(&self, category: Category) -> Option<&Incident> {
        self.analyst.incidents().find(|i| i.category == category)
    }

    pub fn all(&self) -> Vec<String> {
        let tell = |i: &Incident| format!("{:?} {} {:?}", i.category, i.title, i.reasons);
        self.analyst.incidents().map(tell).collect()
    }
}

/// As the gateway does: the answers to attacks alone are read.
fn read_answer(mut attempt: Attempt, answer: &str) -> Attempt {
    if !attempt.is_none() {
        attempt.insert(answer::read(answer.as_bytes()));
    }
    attempt
}
