//! Kinds of byte that tell whether a value deserves a closer look.

use threat_agent_scan::{Grade, Prose, Seen, Survey, Table};
pub use threat_agent_scan::{BLOCK, WINDOW};

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

/// Single bytes of interest, a bit each.
pub mod rare {
    pub const BRACE: u16 = 1;
    pub const LESS: u16 = 1 << 1;
    pub const DOLLAR: u16 = 1 << 2;
    pub const HASH: u16 = 1 << 3;
    pub const AT: u16 = 1 << 4;
    pub const BACKTICK: u16 = 1 << 5;
    pub const BAR: u16 = 1 << 6;
    pub const BACKSLASH: u16 = 1 << 7;
    pub const COLON: u16 = 1 << 8;
    pub const QUESTION: u16 = 1 << 9;
    pub const PERCENT: u16 = 1 << 10;
    pub const AMPERSAND: u16 = 1 << 11;
    pub const OPEN: u16 = 1 << 12;
    pub const CLOSE: u16 = 1 << 13;
    pub const NULL: u16 = 1 << 14;
    /// The first byte of characters that some servers fold to line ends.
    pub const E5: u16 = 1 << 15;
}

static RARE: [Table; 2] = [
    Table::new(&[b"{", b"<", b"$", b"#", b"@", b"`", b"|", b"\\"]),
    Table::new(&[b":", b"?", b"%", b"&", b"(", b")", b"\0", b"\xe5"]),
];

/// Which of the [`rare`] bytes occur, and which twice in a row.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rare {
    pub any: u16,
    pub twice: u16,
}

impl Rare {
    /// Joins what was seen in two slices.
    pub fn join(self, other: Rare) -> Rare {
        Rare {
            any: self.any | other.any,
            twice: self.twice | other.twice,
        }
    }
}

/// Tells the rare bytes and the letters of at most [`WINDOW`] bytes.
#[inline]
pub fn survey(bytes: &[u8]) -> (Rare, [u64; WINDOW / BLOCK]) {
    let Survey { seen, letters } = threat_agent_scan::survey(&RARE, bytes);
    let rare = Rare {
        any: u16::from_le_bytes([seen[0].any, seen[1].any]),
        twice: u16::from_le_bytes([seen[0].twice, seen[1].twice]),
    };
    (rare, letters)
}

/// Tells the kinds in a value.
pub fn seen(bytes: &[u8]) -> Seen {
    threat_agent_scan::seen(&TABLE, bytes)
}

/// Tells whether a value of letters and points may be a class of Java, or a prototype.
/// Cost: a multiplication and a load.
#[inline(always)]
pub fn is_class(text: &[u8]) -> bool {
    match text.first_chunk::<4>() {
        Some(start) => {
            let start = u32::from_le_bytes(*start) | u32::from_le_bytes([0x20; 4]);
            CLASSES[class_slot(start)] == start
        }
        None => false,
    }
}

/// Slots for the starts below; a power of two.
const CLASS_SLOTS: usize = 256;

/// How such values start, in lower case, each in its slot.
static CLASSES: [u32; CLASS_SLOTS] = {
    let starts = [
        *b"java",
        *b"org.",
        *b"com.",
        *b"runt",
        *b"proc",
        *b"sun.",
        *b"ognl",
        *b"cons",
        *b"http",
        *b"ro0a",
        *b"kzta",
        *b"cs7q",
        *b"\x7f\x7fpr",
        *b"\x7f\x7fcl",
        *b"\x7f\x7fin",
        *b"\x7f\x7fgl",
        *b"\x7f\x7fco",
        *b"prot",
        *b"clas",
        *b"call",
        *b"glob",
        *b"syst",
        *b"aced",
        *b"gajj",
        *b"ganj",
        *b"gasv",
        *b"gawv",
        *b"gem:",
        *b"jdk.",
        *b"bahb",
        *b"bahj",
        *b"bahv",
        *b"\x7fses",
        *b"\x7fget",
        *b"\x7fpos",
        *b"\x7freq",
        *b"\x7fser",
    ];
    let mut slots = [0; CLASS_SLOTS];
    let mut i = 0;
    while i < starts.len() {
        let start = u32::from_le_bytes(starts[i]);
        assert!(
            slots[class_slot(start)] == 0,
            "expected a slot for each start"
        );
        slots[class_slot(start)] = start;
        i += 1;
    }
    slots
};

const fn class_slot(start: u32) -> usize {
    (start.wrapping_mul(0x8087_7b6f) >> 24) as usize % CLASS_SLOTS
}

/// What is hot in a JSON document: all but words, single points and hyphens, and what is no kind.
pub const JSON: Grade<'static> = Grade {
    table: &TABLE,
    plain: DOT,
};

/// What is hot in the lines of headers: apostrophes, tags, backticks, braces, and two points.
pub const LINES: Grade<'static> = Grade {
    table: &FOREIGN,
    plain: 1,
};

static FOREIGN: Table = Table::new(&[b".", b"'", b"<", b"`", b"[\\]{|}"]);

/// What is hot in pairs of names and values: all but letters, digits, underscores, and single points
/// and hyphens.
pub const PAIRS: Grade<'static> = Grade {
    table: &OTHERS,
    plain: 1,
};

/// What is loud: all that sentences, paths and links do not hold by themselves, and two neighbours of
/// the marks that they do hold. Quotes, slashes and question marks are signs to look at.
pub const PROSE: Prose<'static> = Prose {
    loud: Grade {
        table: &LOUD,
        plain: 0b1111,
    },
    signs: 0b11,
};

static LOUD: Table = Table::new(&[
    b"'",
    b"/?",
    b"-.",
    b":",
    b"\"#$%&()*",
    b";<=>[\\]^{|}~",
    b"@`",
    &UNSPOKEN,
]);

/// Control bytes, and the first bytes of characters of three bytes, of which some are folded to ASCII.
const UNSPOKEN: [u8; 48] = {
    let mut all = [0; 48];
    let mut i = 0;
    while i < 48 {
        all[i as usize] = if i < 32 { i } else { i - 32 + 0xe0 };
        i += 1;
    }
    all
};

/// Control bytes, and those beyond ASCII.
const UNSEEN: [u8; 160] = {
    let mut all = [0; 160];
    let mut i = 0;
    while i < 160 {
        all[i as usize] = if i < 32 { i } else { i + 96 };
        i += 1;
    }
    all
};

static OTHERS: Table = Table::new(&[
    b"-.",
    b" !\"#$%&'()*+,",
    b":;<=>",
    b"/?\x7f",
    b"@`",
    b"[\\]^{|}~",
    &UNSEEN,
]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_lines_what_is_foreign_counts() {
        for byte in 0..=255u8 {
            let class = FOREIGN.class(byte);
            let foreign = b"'<`[\\]{|}".contains(&byte);
            assert_eq!(class & !LINES.plain != 0, foreign, "{byte:#x}");
            assert_eq!(class == LINES.plain, byte == b'.', "{byte:#x}");
        }
    }

    #[test]
    fn in_pairs_all_but_words_counts() {
        for byte in 0..=255u8 {
            let word = byte.is_ascii_alphanumeric() || byte == b'_';
            let class = OTHERS.class(byte);
            assert_eq!(class == 0, word, "{byte:#x}");
            assert_eq!(class == 1, matches!(byte, b'-' | b'.'), "{byte:#x}");
        }
    }
}
