//! Climbs and files in spellings that careless decoders undo, or that filters leave.

use memchr::memmem;

/// `..0x2f`, `0x2e0x2e`: an escape that careless decoders know.
pub fn hexed(raw: &[u8]) -> bool {
    [&b"..0x2f"[..], b"..0x5c", b"0x2e0x2e"]
        .iter()
        .any(|w| memmem::find(raw, w).is_some())
}

/// `..2f..2f`, `..%u2216`, `%2%e%2%e%2%f`: slashes and points in the spellings that a careless
/// decoder undoes, or that a filter has left of them; more than once, since names hold them too.
pub fn misspelled(raw: &[u8]) -> bool {
    const SLASHES: [&[u8]; 12] = [
        b"2f", b"5c", b"252f", b"255c", b"2%f", b"5%c", b"u2215", b"u2216", b"uefc8", b"uf025",
        b"c0%af", b"c1%9c",
    ];
    const NIBBLES: [&[u8]; 3] = [b"%2%e", b"%2%f", b"%5%c"];
    let lower = raw.to_ascii_lowercase();
    let climbs = memmem::find_iter(&lower, b"..").filter(|at| {
        let rest = &lower[at + 2..];
        let rest = rest.strip_prefix(b"%").unwrap_or(rest);
        SLASHES.iter().any(|slash| rest.starts_with(slash))
    });
    let nibbles = || {
        NIBBLES
            .iter()
            .map(|n| memmem::find_iter(&lower, n).count())
            .sum::<usize>()
    };
    climbs.take(2).count() == 2 || memchr::memchr(b'%', &lower).is_some() && nibbles() > 1
}

/// `etc%2%fpasswd`, `etcpasswd`: what a filter or a careless decoder has left of a file's path.
pub fn garbled(raw: &[u8]) -> bool {
    const BETWEEN: usize = 8;
    let lower = raw.to_ascii_lowercase();
    memmem::find_iter(&lower, b"etc").any(|at| {
        let rest = &lower[at + 3..lower.len().min(at + 3 + BETWEEN + 6)];
        let between = [&b"passwd"[..], b"shadow"]
            .iter()
            .find_map(|name| memmem::find(rest, name));
        // A slash has left nothing out.
        between.is_some_and(|end| {
            !matches!(rest[..end], [b'/']) && !rest[..end].iter().any(u8::is_ascii_whitespace)
        })
    })
}
