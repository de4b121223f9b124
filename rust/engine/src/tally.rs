//! What is tallied of a place beside its windows: which methods, which statuses, how large bodies
//! are. Words that only grow; whoever reads them twice knows what came between.
//!
//! What is most common is not tallied, because it follows from the requests: GET among methods, 2xx
//! among statuses. All others are tallied one by one, so that what is rare is exact. Sizes below
//! [`BULKY_BYTES`] are tallied by a sample of one in 16 that stands for all; larger ones all, because
//! a few of them are an attack.

/// Methods that are told apart, without GET.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    Post = 0,
    Put = 1,
    Patch = 2,
    Delete = 3,
    /// TRACE, CONNECT, and what is none of RFC 9110.
    Other = 4,
    Head = 5,
    Options = 6,
}

impl Method {
    pub const ALL: [Method; 7] = [
        Method::Post,
        Method::Put,
        Method::Patch,
        Method::Delete,
        Method::Other,
        Method::Head,
        Method::Options,
    ];

    /// Those that may change something: how often they come is held against what is usual.
    pub const WRITING: [Method; 5] = [
        Method::Post,
        Method::Put,
        Method::Patch,
        Method::Delete,
        Method::Other,
    ];

    /// Reads a method; `None` for GET.
    pub fn of(method: &[u8]) -> Option<Method> {
        Some(match method {
            b"GET" => return None,
            b"POST" => Method::Post,
            b"HEAD" => Method::Head,
            b"OPTIONS" => Method::Options,
            b"PUT" => Method::Put,
            b"PATCH" => Method::Patch,
            b"DELETE" => Method::Delete,
            _ => Method::Other,
        })
    }

    /// Names it for people.
    pub fn name(self) -> &'static str {
        match self {
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            Method::Other => "an uncommon method",
            Method::Head => "HEAD",
            Method::Options => "OPTIONS",
        }
    }

    /// Its bit in a set of methods.
    pub fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Answers of the upstream that no window counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 3xx.
    Redirect = 0,
    /// 4xx, but not 401, 403, 404 and 429: those are counted for themselves.
    Refusal = 1,
}

impl Answer {
    pub const ALL: [Answer; 2] = [Answer::Redirect, Answer::Refusal];

    /// Reads a status; `None` for those that are counted elsewhere or are the rest.
    pub fn of(status: u16) -> Option<Answer> {
        match status {
            300..=399 => Some(Answer::Redirect),
            401 | 403 | 404 | 429 => None,
            400..=499 => Some(Answer::Refusal),
            _ => None,
        }
    }

    /// Names it for people.
    pub fn name(self) -> &'static str {
        match self {
            Answer::Redirect => "3xx",
            Answer::Refusal => "4xx",
        }
    }
}

/// Bins of sizes: powers of four, so that a bin spans a factor of four.
pub const SIZE_BINS: usize = 16;

/// Bodies that are tallied one by one.
pub const BULKY_BYTES: u64 = 65_536;

/// Finds the bin of a size: 0 for nothing, `n` from `4^(n-1)` on. Units: bytes.
pub fn size_bin(bytes: u64) -> usize {
    ((65 - bytes.leading_zeros() as usize) / 2).min(SIZE_BINS - 1)
}

/// The largest size of a bin. Units: bytes.
pub fn size_of_bin(bin: usize) -> u64 {
    (1u64 << (2 * bin.min(31))) - 1
}

/// One of the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tally {
    Method(Method),
    Answer(Answer),
    /// A bin of the sizes of request bodies.
    RequestSize(usize),
    /// A bin of the sizes of good answers' bodies.
    ResponseSize(usize),
}

const ANSWERS_AT: usize = Method::ALL.len();
const REQUESTS_AT: usize = ANSWERS_AT + Answer::ALL.len();
const RESPONSES_AT: usize = REQUESTS_AT + SIZE_BINS;

/// Words of a place.
pub const TALLIES: usize = RESPONSES_AT + SIZE_BINS;

/// All words of a place.
pub type Tallies = [u64; TALLIES];

impl Tally {
    /// Its number among [`Tallies`].
    pub fn number(self) -> usize {
        match self {
            Tally::Method(method) => method as usize,
            Tally::Answer(answer) => ANSWERS_AT + answer as usize,
            Tally::RequestSize(bin) => REQUESTS_AT + bin.min(SIZE_BINS - 1),
            Tally::ResponseSize(bin) => RESPONSES_AT + bin.min(SIZE_BINS - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tally_has_its_own_word() {
        let bins = || 0..SIZE_BINS;
        let all = (Method::ALL.map(Tally::Method).into_iter())
            .chain(Answer::ALL.map(Tally::Answer))
            .chain(bins().map(Tally::RequestSize))
            .chain(bins().map(Tally::ResponseSize));
        let numbers: Vec<usize> = all.map(Tally::number).collect();
        assert_eq!(numbers, (0..TALLIES).collect::<Vec<_>>());
    }

    #[test]
    fn sizes_fall_into_powers_of_four() {
        for (bytes, bin) in [
            (0, 0),
            (1, 1),
            (3, 1),
            (4, 2),
            (15, 2),
            (16, 3),
            (BULKY_BYTES - 1, 8),
            (BULKY_BYTES, 9),
            (u64::MAX, SIZE_BINS - 1),
        ] {
            assert_eq!(size_bin(bytes), bin, "{bytes}");
        }
        for bin in 0..SIZE_BINS - 1 {
            let most = size_of_bin(bin);
            assert_eq!((size_bin(most), size_bin(most + 1)), (bin, bin + 1));
        }
    }
}
