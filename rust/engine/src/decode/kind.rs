//! Kinds of byte that tell whether a value deserves a closer look.

use threat_agent_scan::{Seen, Table};

/// `'` and `"`.
pub const QUOTE: u8 = 1;
/// `[ \ ] { | }`.
pub const BRACE: u8 = 1 << 1;
/// The blank and the backtick, which share a column of the table.
pub const SPACE: u8 = 1 << 2;
/// `; < = >`.
pub const TAG: u8 = 1 << 3;
/// `-` and `.`; twice for `--` and `..`.
pub const DOT: u8 = 1 << 4;
/// `*` and `/`; twice for `/*`, `*/` and `//`.
pub const SLASH: u8 = 1 << 5;
/// `# $ % & ( )`.
pub const OPEN: u8 = 1 << 6;
/// Control bytes, tabs and line ends included.
pub const CONTROL: u8 = 1 << 7;

const CONTROLS: [u8; 32] = {
    let mut all = [0; 32];
    let mut i = 0;
    while i < 32 {
        all[i as usize] = i;
        i += 1;
    }
    all
};

/// Assigns bytes to the kinds above.
pub static TABLE: Table = Table::new(&[
    b"'\"", b"[\\]{|}", b" `", b";<=>", b"-.", b"*/", b"#$%&()", &CONTROLS,
]);

/// Tells the kinds in a value.
pub fn seen(bytes: &[u8]) -> Seen {
    threat_agent_scan::seen(&TABLE, bytes)
}

/// Tells whether a value of letters and points may be a class of Java, or a prototype.
pub fn is_class(text: &[u8]) -> bool {
    let start = text.first_chunk::<4>().map(|s| s.map(|b| b | 0x20));
    start.is_some_and(|s| {
        matches!(
            &s,
            b"java"
                | b"org."
                | b"com."
                | b"runt"
                | b"proc"
                | b"sun."
                | b"ognl"
                | b"http"
                | b"ro0a"
                | b"kzta"
                | b"cs7q"
                | b"\x7f\x7fpr"
        )
    })
}

/// Finds the end of a JSON string's plain run, and the kinds within it.
#[inline]
pub fn string_run(bytes: &[u8]) -> (usize, Seen) {
    threat_agent_scan::until(&TABLE, *b"\"\\", bytes)
}
