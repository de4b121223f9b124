//! One simulated request: who asks for what, small and copied; put into bytes only to be asked.

use super::random::spread;
use super::scenario::{route_name, RouteId, World};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use threat_agent_engine::{Body, Identity, Request};

/// Who asks, and where.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub hostile: bool,
    pub client: IpAddr,
    /// Number of the consumer that the gateway knows by its key.
    pub consumer: Option<u16>,
    pub agent: Agent,
    pub route: RouteId,
    pub target: Target,
    /// What the upstream answers in good health.
    pub status: u16,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    Item(u64),
    List(u64),
    /// A login, with the number of the account.
    Login(u64),
    /// A path that stands for nothing.
    Missing(u64),
    Health,
}

/// Index in [`AGENTS`].
pub type Agent = u8;

pub const AGENTS: [&str; 12] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
    "shop-app/5.2 okhttp/4.12.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "acme-sync/2.1 (Java/17)",
    "Go-http-client/2.0",
    "axios/1.7.2",
    "kube-probe/1.29",
    "python-requests/2.32.3",
];

pub const BROWSERS: u64 = 6;
pub const CRAWLER: Agent = 6;
pub const PROGRAMS: [Agent; 3] = [7, 8, 9];
pub const PROBE: Agent = 10;
pub const SCRIPT: Agent = 11;

/// The bytes of one call, for all calls in turn, and the ids of the world.
pub struct Wire {
    path: Vec<u8>,
    query: Vec<u8>,
    body: Vec<u8>,
    headers: Vec<Vec<u8>>,
    routes: Vec<String>,
    services: Vec<String>,
    consumers: Vec<String>,
}

/// Words that scanners try.
const WORDS: [&str; 8] = [
    "admin", "backup", "config", "debug", "old", "private", "test", "v1",
];

impl Wire {
    pub fn new(world: &World) -> Wire {
        let headers = AGENTS.map(|agent| {
            let kind = "Content-Type: application/x-www-form-urlencoded";
            format!("Host: shop.example\r\nUser-Agent: {agent}\r\n{kind}\r\n").into_bytes()
        });
        let routes = 0..=world.routes;
        let service = |route: RouteId| format!("s{}", route / world.routes_per_service.max(1));
        let consumers = 0..world.consumers();
        Wire {
            path: Vec::new(),
            query: Vec::new(),
            body: Vec::new(),
            headers: headers.to_vec(),
            services: routes.clone().map(service).collect(),
            routes: routes.map(route_name).collect(),
            consumers: consumers.map(|n| format!("consumer-{n}")).collect(),
        }
    }

    /// Writes a call out.
    pub fn request(&mut self, call: &Call) -> Request<'_> {
        self.write_path(call);
        self.query.clear();
        self.body.clear();
        let written = match call.target {
            Target::List(page) => write!(self.query, "page={page}"),
            Target::Login(account) => {
                write!(
                    self.body,
                    "username=user{account}%40mail.example&password=x"
                )
            }
            _ => Ok(()),
        };
        debug_assert!(written.is_ok(), "a vector takes all");
        let headers = self.headers.get(usize::from(call.agent));
        Request {
            identity: self.identity(call),
            method: match call.target {
                Target::Login(_) => b"POST",
                _ => b"GET",
            },
            scheme: b"https",
            host: b"shop.example",
            path: &self.path,
            query: &self.query,
            headers: headers.map_or(&[], Vec::as_slice),
            body: Body {
                bytes: &self.body,
                ..Body::default()
            },
            ..Request::default()
        }
    }

    /// Writes out what is told when a call ends: who, and the path.
    pub fn ended(&mut self, call: &Call) -> (Identity<'_>, &[u8]) {
        self.write_path(call);
        (self.identity(call), &self.path)
    }

    fn identity(&self, call: &Call) -> Identity<'_> {
        let consumer = call.consumer.map(|n| name(&self.consumers, n));
        Identity {
            client: Some(call.client),
            workspace: b"default",
            route: name(&self.routes, call.route),
            service: name(&self.services, call.route),
            consumer: consumer.unwrap_or_default(),
            credential: b"",
            session: 0,
        }
    }

    fn write_path(&mut self, call: &Call) {
        self.path.clear();
        let (path, route) = (&mut self.path, call.route);
        let written = match call.target {
            Target::Item(id) => write!(path, "/api/r{route}/items/{id}"),
            Target::List(_) => write!(path, "/api/r{route}/items"),
            Target::Login(_) => write!(path, "/login"),
            Target::Missing(n) => {
                let word = WORDS[(n % WORDS.len() as u64) as usize];
                write!(path, "/api/r{route}/{word}/{:x}", spread(n) >> 40)
            }
            Target::Health => write!(path, "/api/r{route}/health"),
        };
        debug_assert!(written.is_ok(), "a vector takes all");
    }
}

fn name(list: &[String], n: u16) -> &[u8] {
    list.get(usize::from(n)).map_or(b"", |name| name.as_bytes())
}

/// A home's own address: one in ten has IPv6.
pub fn home(group: u64, n: u64) -> IpAddr {
    let bits = spread(group << 40 | n);
    if bits.is_multiple_of(10) {
        let network = 0x2a02u128 << 112 | u128::from(bits >> 4 & 0xffff_ffff_ffff) << 64;
        return IpAddr::V6(Ipv6Addr::from(network | u128::from(bits & 0xffff)));
    }
    let [a, b, c, d, ..] = bits.to_le_bytes();
    IpAddr::V4(Ipv4Addr::new(20 + a % 150, b, c, d))
}

/// An address of a network: those of one network lie side by side.
pub fn neighbour(network: u64, n: u64) -> IpAddr {
    let [a, b, ..] = spread(network).to_le_bytes();
    let n = n.to_le_bytes();
    IpAddr::V4(Ipv4Addr::new(180 + a % 20, b, n[1], n[0]))
}
