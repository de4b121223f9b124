//! The ledger's chain: each line's hash covers the line before, so that none can be changed, left
//! out or put in between later without breaking every line after it.
//!
//! With a key the hashes are signatures as well: who lacks it cannot write a chain anew.

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::Sha256;
use std::fmt::Write;

/// What the first line names as the hash before it.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Authenticates a text: HMAC-SHA-256, in hexadecimal. Source: RFC 2104.
pub fn digest(key: &[u8], text: &[u8]) -> String {
    // HMAC takes keys of any length: there is no error to come.
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(key) else {
        return String::new();
    };
    mac.update(text);
    mac.finalize()
        .into_bytes()
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

/// Hashes an entry that follows a line of hash `previous`.
pub fn link(key: &[u8], previous: &str, entry: &str) -> String {
    digest(key, format!("{previous}{entry}").as_bytes())
}

/// A line of the ledger: `{"hash", "previous", "entry"}`, the entry as it was hashed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    hash: &'a str,
    previous: &'a str,
    #[serde(borrow)]
    entry: &'a RawValue,
}

/// A head that was told to others: the hash of the line that was the last one then.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    pub head: String,
    pub node: String,
    /// Units: seconds since 1970.
    pub at_s: u64,
    pub signature: Option<String>,
}

impl Head {
    /// Whether it was signed with a key.
    pub fn is_signed(&self, key: &[u8]) -> bool {
        let text = format!("ledger.head {} {} {}", self.node, self.at_s, self.head);
        self.signature.as_deref() == Some(digest(key, text.as_bytes()).as_str())
    }
}

/// Follows a chain, line by line.
pub struct Chain<'k> {
    key: &'k [u8],
    last: Option<String>,
}

impl<'k> Chain<'k> {
    pub fn new(key: &'k [u8]) -> Chain<'k> {
        Chain { key, last: None }
    }

    /// Checks that a line follows. The first line may follow one that has been archived.
    /// Errors: what is wrong with it, for people.
    pub fn follow(&mut self, line: &str) -> Result<(), String> {
        let line: Line =
            serde_json::from_str(line).map_err(|e| format!("is no line of a ledger: {e}"))?;
        if self
            .last
            .as_deref()
            .is_some_and(|last| last != line.previous)
        {
            return Err("does not follow the line before: lines were removed or added".to_owned());
        }
        if link(self.key, line.previous, line.entry.get()) != line.hash {
            return Err(
                "was changed, or was written with another key: its hash is not its entry's"
                    .to_owned(),
            );
        }
        self.last = Some(line.hash.to_owned());
        Ok(())
    }

    /// The hash of the last line: to be compared with one that was kept elsewhere.
    pub fn head(&self) -> &str {
        self.last.as_deref().unwrap_or(GENESIS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(key: &[u8], entries: &[&str]) -> Vec<String> {
        let mut previous = GENESIS.to_owned();
        let line = |entry: &&str| {
            let hash = link(key, &previous, entry);
            let text = format!(r#"{{"hash":"{hash}","previous":"{previous}","entry":{entry}}}"#);
            previous = hash;
            text
        };
        entries.iter().map(line).collect()
    }

    fn check(key: &[u8], lines: &[String]) -> Result<(), String> {
        let mut chain = Chain::new(key);
        lines.iter().try_for_each(|line| chain.follow(line))
    }

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        let hex = digest(b"Jefe", b"what do ya want for nothing?");
        let want = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex, want);
    }

    #[test]
    fn a_head_is_signed_with_its_key() {
        let text = "ledger.head n 7 ab";
        let json = |signature: &str| {
            format!(r#"{{"head":"ab","node":"n","at_s":7,"signature":"{signature}"}}"#)
        };
        let head: Head = serde_json::from_str(&json(&digest(b"k", text.as_bytes()))).unwrap();
        assert!(head.is_signed(b"k"));
        assert!(!head.is_signed(b"other"));
        let unsigned: Head = serde_json::from_str(r#"{"head":"ab","node":"n","at_s":7}"#).unwrap();
        assert!(!unsigned.is_signed(b"k"));
    }

    #[test]
    fn a_chain_is_whole_or_broken() {
        let entries = [r#"{"n":1}"#, r#"{"n":2, "é":" "}"#, r#"{"n":3}"#];
        let good = lines(b"k", &entries);
        assert_eq!(check(b"k", &good), Ok(()));
        assert_eq!(check(b"k", &good[1..]), Ok(()), "an archived beginning");
        assert!(check(b"other", &good).is_err());

        let changed = good.iter().map(|l| l.replace(r#""n":2"#, r#""n":4"#));
        assert!(check(b"k", &changed.collect::<Vec<_>>()).is_err());
        let without = [good[0].clone(), good[2].clone()];
        assert!(check(b"k", &without).is_err());
        assert!(check(b"k", &["{}".to_owned()]).is_err());
    }
}
