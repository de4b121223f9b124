//! Names of headers, known in any case by one look.

/// What becomes of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Upstreams read it as data.
    Data,
    Cookie,
    /// A URL.
    Referer,
    ContentEncoding,
    ContentType,
    Authorization,
    /// Proxies and servers consume it, it has a grammar of its own, or a browser writes it by itself
    /// (`Sec-Fetch-Mode`, `Sec-CH-UA`).
    PassedOver,
}

/// Longest name that may be known. Units: bytes.
const LONGEST: usize = 24;
/// Slots for the names below; a power of two.
const SLOTS: usize = 64;

/// A name that is known, in lower case.
#[derive(Clone, Copy)]
struct Known {
    words: [u64; 3],
    length: u8,
    role: Role,
}

const fn known(name: &[u8], role: Role) -> Known {
    let mut words = [0; 3];
    let mut i = 0;
    while i < name.len() {
        words[i / 8] |= (name[i] as u64) << (i % 8 * 8);
        i += 1;
    }
    Known {
        words,
        length: name.len() as u8,
        role,
    }
}

/// The names, each in its slot.
static NAMES: [Known; SLOTS] = {
    let names = [
        known(b"cookie", Role::Cookie),
        known(b"referer", Role::Referer),
        known(b"content-encoding", Role::ContentEncoding),
        known(b"content-type", Role::ContentType),
        known(b"authorization", Role::Authorization),
        known(b"te", Role::PassedOver),
        known(b"dnt", Role::PassedOver),
        known(b"date", Role::PassedOver),
        known(b"host", Role::PassedOver),
        known(b"range", Role::PassedOver),
        known(b"accept", Role::PassedOver),
        known(b"expect", Role::PassedOver),
        known(b"pragma", Role::PassedOver),
        known(b"trailer", Role::PassedOver),
        known(b"upgrade", Role::PassedOver),
        known(b"if-match", Role::PassedOver),
        known(b"connection", Role::PassedOver),
        known(b"keep-alive", Role::PassedOver),
        known(b"max-forwards", Role::PassedOver),
        known(b"cache-control", Role::PassedOver),
        known(b"if-none-match", Role::PassedOver),
        known(b"accept-charset", Role::PassedOver),
        known(b"content-length", Role::PassedOver),
        known(b"accept-encoding", Role::PassedOver),
        known(b"accept-language", Role::PassedOver),
        known(b"if-modified-since", Role::PassedOver),
        known(b"transfer-encoding", Role::PassedOver),
        known(b"if-unmodified-since", Role::PassedOver),
        known(b"proxy-authorization", Role::PassedOver),
    ];
    let mut slots = [known(b"", Role::Data); SLOTS];
    let mut i = 0;
    while i < names.len() {
        let at = slot(&names[i].words);
        assert!(slots[at].length == 0, "expected a slot for each name");
        slots[at] = names[i];
        i += 1;
    }
    slots
};

const fn slot(words: &[u64; 3]) -> usize {
    let mixed = words[0] ^ words[1].wrapping_mul(3) ^ words[2].wrapping_mul(5);
    (mixed.wrapping_mul(0xfd98_3df5_5c90_5c23) >> 58) as usize % SLOTS
}

/// Tells the role of a header.
/// Shape: a text that starts with its name, and the name's length.
#[inline]
pub fn role(text: &[u8], length: usize) -> Role {
    let words = folded(text, length.min(LONGEST));
    let known = &NAMES[slot(&words)];
    if known.words == words && usize::from(known.length) == length {
        known.role
    } else if words[0] as u32 == u32::from_le_bytes(*b"sec-") {
        Role::PassedOver
    } else {
        Role::Data
    }
}

/// Packs the start of a text, its letters in lower case; zeros behind its length.
#[inline]
fn folded(text: &[u8], length: usize) -> [u64; 3] {
    const KEEP: [u8; 2 * LONGEST] = {
        let mut keep = [0; 2 * LONGEST];
        let mut i = 0;
        while i < LONGEST {
            keep[i] = 0xff;
            i += 1;
        }
        keep
    };
    let bytes = match text.first_chunk::<LONGEST>() {
        Some(bytes) => *bytes,
        None => short(text),
    };
    let keep = KEEP[LONGEST - length..]
        .first_chunk()
        .unwrap_or(&[0; LONGEST]);
    let (bytes, keep) = (words(&bytes), words(keep));
    // What has the bit of capital letters gets that of small ones, too; hyphens and digits have none.
    std::array::from_fn(|n| {
        let word = bytes[n] & keep[n];
        word | (word & 0x4040_4040_4040_4040) >> 1
    })
}

#[inline]
fn words(bytes: &[u8; LONGEST]) -> [u64; 3] {
    let (words, _) = bytes.as_chunks();
    std::array::from_fn(|n| u64::from_le_bytes(words[n]))
}

/// Takes the last bytes of a header block.
#[cold]
#[inline(never)]
fn short(text: &[u8]) -> [u8; LONGEST] {
    let mut bytes = [0; LONGEST];
    bytes[..text.len()].copy_from_slice(text);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case_and_in_whole() {
        for (name, want) in [
            ("Cookie", Role::Cookie),
            ("COOKIE", Role::Cookie),
            ("Cookie2", Role::Data),
            ("referer", Role::Referer),
            ("te", Role::PassedOver),
            ("Te\0", Role::Data),
            ("", Role::Data),
            ("Accept-Encoding", Role::PassedOver),
            ("Accept_Encoding", Role::Data),
            ("Accept\rEncoding", Role::Data),
            ("Proxy-Authorization", Role::PassedOver),
            ("Content-Type", Role::ContentType),
            ("X-Content-Type", Role::Data),
            ("content-ENCODING", Role::ContentEncoding),
            ("Authorization", Role::Authorization),
            ("Sec-Fetch-Mode", Role::PassedOver),
            ("Sec-Websocket-Extensions-And-More", Role::PassedOver),
            ("Sec", Role::Data),
            ("X-A-Name-Of-More-Than-Twenty-Four-Bytes", Role::Data),
        ] {
            for behind in ["", ": a value that is longer than any known name"] {
                let text = [name, behind].concat();
                assert_eq!(role(text.as_bytes(), name.len()), want, "{name:?}");
            }
        }
    }

    #[test]
    fn every_name_is_found() {
        let mut count = 0;
        for known in NAMES.iter().filter(|known| known.length > 0) {
            let bytes: Vec<u8> = known.words.iter().flat_map(|w| w.to_le_bytes()).collect();
            let length = usize::from(known.length);
            assert_eq!(role(&bytes.to_ascii_uppercase(), length), known.role);
            count += 1;
        }
        assert_eq!(count, 29);
    }
}
