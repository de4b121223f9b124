//! What the hot path tells the tick: one line per crossed threshold, not per request.

use crate::verdict::Category;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};

/// Longest ids that a signal carries: Kong's are UUIDs. Units: bytes.
pub const ID_BYTES: usize = 36;

/// What was noticed. Each kind belongs to one category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Kind {
    /// A rule or limit of the configuration refused or tagged.
    Rule = 1,
    /// The payload looks like an attack.
    Payload = 2,
    /// One client fails to log in to many accounts.
    ManyAccounts = 3,
    /// One client fails to log in again and again.
    ManyFailures = 4,
    /// Many clients fail to log in to one account.
    ManyClients = 5,
    /// A login that succeeds after many failures of the account.
    Takeover = 6,
    /// A client walks through object ids.
    Enumeration = 7,
    /// A client reads very many objects.
    Scraping = 8,
    /// A client asks for many paths that do not exist.
    PathScan = 9,
    /// A consumer comes from where it never came from.
    NewHabit = 10,
    /// One credential is used from many networks at once.
    SharedCredential = 11,
    /// A client's share of a flood.
    FloodClient = 12,
    /// A client that is new reads very many objects, no faster than others.
    SlowScraping = 13,
    /// An attack that asks the upstream to wait was answered late.
    PayloadDelay = 14,
    /// An attack was answered with much more than is usual.
    PayloadGrowth = 15,
    /// An attack made the upstream fail.
    PayloadError = 16,
    /// A client uses a method that is hardly ever used on the route.
    RareMethod = 17,
    /// A client gets much larger answers than is usual, again and again.
    LargeAnswers = 18,
    /// A request carries what its place has never had.
    PayloadOutlier = 19,
    /// An attack was answered with what attacks are after.
    PayloadDisclosure = 20,
    /// An attack was answered with an interpreter's complaint.
    PayloadComplaint = 21,
}

impl Kind {
    pub const ALL: [Kind; 21] = [
        Kind::Rule,
        Kind::Payload,
        Kind::ManyAccounts,
        Kind::ManyFailures,
        Kind::ManyClients,
        Kind::Takeover,
        Kind::Enumeration,
        Kind::Scraping,
        Kind::PathScan,
        Kind::NewHabit,
        Kind::SharedCredential,
        Kind::FloodClient,
        Kind::SlowScraping,
        Kind::PayloadDelay,
        Kind::PayloadGrowth,
        Kind::PayloadError,
        Kind::RareMethod,
        Kind::LargeAnswers,
        Kind::PayloadOutlier,
        Kind::PayloadDisclosure,
        Kind::PayloadComplaint,
    ];

    /// Names the kind as incidents do.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Rule => "rule",
            Kind::Payload => "payload",
            Kind::ManyAccounts => "many_accounts",
            Kind::ManyFailures => "many_failures",
            Kind::ManyClients => "many_clients",
            Kind::Takeover => "takeover",
            Kind::Enumeration => "enumeration",
            Kind::Scraping => "scraping",
            Kind::PathScan => "path_scan",
            Kind::NewHabit => "new_habit",
            Kind::SharedCredential => "shared_credential",
            Kind::FloodClient => "flood_client",
            Kind::SlowScraping => "slow_scraping",
            Kind::PayloadDelay => "payload_delay",
            Kind::PayloadGrowth => "payload_growth",
            Kind::PayloadError => "payload_error",
            Kind::RareMethod => "rare_method",
            Kind::LargeAnswers => "large_answers",
            Kind::PayloadOutlier => "payload_outlier",
            Kind::PayloadDisclosure => "payload_disclosure",
            Kind::PayloadComplaint => "payload_complaint",
        }
    }

    /// Tells whether it is about the response to a request whose finding was signalled by itself.
    pub fn is_of_response(self) -> bool {
        matches!(
            self,
            Kind::PayloadDelay
                | Kind::PayloadGrowth
                | Kind::PayloadError
                | Kind::PayloadDisclosure
                | Kind::PayloadComplaint
        )
    }

    /// Finds the kind of a number that `kind as u8` gave.
    pub fn from_number(number: u8) -> Option<Kind> {
        Self::ALL.into_iter().find(|k| *k as u8 == number)
    }
}

/// A Kong id, copied: at most [`ID_BYTES`], zero-padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id([u8; ID_BYTES]);

impl Default for Id {
    fn default() -> Self {
        Id([0; ID_BYTES])
    }
}

impl Id {
    /// Copies an id; a longer one is cut.
    pub fn new(id: &[u8]) -> Id {
        let mut bytes = [0; ID_BYTES];
        let length = id.len().min(ID_BYTES);
        bytes[..length].copy_from_slice(&id[..length]);
        Id(bytes)
    }

    /// The id without its padding.
    pub fn as_bytes(&self) -> &[u8] {
        let bytes = &self.0;
        let length = bytes.iter().position(|b| *b == 0).unwrap_or(ID_BYTES);
        &bytes[..length]
    }

    /// All bytes, padding included.
    pub fn padded(&self) -> &[u8; ID_BYTES] {
        &self.0
    }

    /// The id as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.as_bytes()).into_owned()
    }
}

/// One thing that was noticed about one client.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signal {
    pub at_ms: u64,
    pub kind: Kind,
    pub category: Category,
    /// Anomaly score in 0..=1.
    pub score: f32,
    /// What was counted, and the line that it crossed.
    pub value: u32,
    pub threshold: u32,
    pub client: IpAddr,
    /// Hash of the account that it is about; 0 for none.
    pub account: u64,
    /// Number behind the incident reference that the client was shown; 0 for none.
    pub reference: u64,
    /// Whether the request was refused.
    pub refused: bool,
    pub workspace: Id,
    pub route: Id,
    pub consumer: Id,
    /// Of the consumer.
    pub credential: Id,
    /// Hash of the session; 0 for none.
    pub session: u64,
}

/// The client of a request without an address.
pub const NO_CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Tells whether a count that has just reached `count` is one to signal: at the threshold and at
/// its doublings, so that a client is told a logarithmic number of times.
pub fn crosses(count: u32, threshold: u32) -> bool {
    let threshold = threshold.max(1);
    count >= threshold && count.is_multiple_of(threshold) && (count / threshold).is_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_few() {
        let told: Vec<u32> = (0..1_000).filter(|n| crosses(*n, 10)).collect();
        assert_eq!(told, [10, 20, 40, 80, 160, 320, 640]);
    }

    #[test]
    fn ids_keep_their_bytes() {
        assert_eq!(Id::new(b"abc").as_bytes(), b"abc");
        assert_eq!(Id::new(&[b'x'; 50]).as_bytes().len(), ID_BYTES);
        assert_eq!(Id::default().as_bytes(), b"");
    }
}
