//! Where the code pages have those signs that they have not all in the same place.
//!
//! Source: the tables of glibc's iconv and of Java, IBM's for 924.

use std::sync::OnceLock;

/// The signs whose places differ, in the order of [`Page::signs`].
pub const SIGNS: [u8; 14] = *b"!\"#$@[\\]^`{|}~";

/// Code pages that are alike.
pub struct Page {
    numbers: &'static [u16],
    /// Where the signs are; nought for one that there is not.
    pub signs: [u8; 14],
    /// Whether small letters are where others have them.
    pub small: bool,
    /// What each byte is in ASCII, from the first text on that is in it.
    pub ascii: OnceLock<[u8; 256]>,
}

const fn latin(numbers: &'static [u16], signs: &[u8; 14]) -> Page {
    page(numbers, signs, true)
}

const fn kana(numbers: &'static [u16], signs: &[u8; 14]) -> Page {
    page(numbers, signs, false)
}

const fn page(numbers: &'static [u16], signs: &[u8; 14], small: bool) -> Page {
    Page {
        numbers,
        signs: *signs,
        small,
        ascii: OnceLock::new(),
    }
}

/// Small letters of the pages that have Katakana where others have them.
pub const SMALL: [u8; 26] = *b"\x62\x63\x64\x65\x66\x67\x68\x69\x71\x72\x73\x74\x75\
    \x76\x77\x78\x8b\x9b\xab\xb3\xb4\xb5\xb6\xb7\xb8\xb9";

/// All pages, the usual one first.
static PAGES: [Page; 31] = [
    latin(
        &[37, 282, 424, 937, 1070, 1112, 1140, 1156, 12712],
        b"\x5a\x7f\x7b\x5b\x7c\xba\xe0\xbb\xb0\x79\xc0\x4f\xd0\xa1",
    ),
    latin(
        &[38],
        b"\x4f\x7f\x7b\x5b\x7c\x4a\xe0\x5a\x5f\x79\xc0\x00\xd0\xa1",
    ),
    latin(
        &[256, 500, 1084, 1130, 1148, 1164],
        b"\x4f\x7f\x7b\x5b\x7c\x4a\xe0\x5a\x5f\x79\xc0\xbb\xd0\xa1",
    ),
    latin(
        &[273, 1141],
        b"\x4f\x7f\x7b\x5b\xb5\x63\xec\xfc\x5f\x79\x43\xbb\xdc\x59",
    ),
    latin(
        &[274],
        b"\x4f\x7f\x7b\x5b\x00\x4a\x00\x5a\x5f\x79\x00\x00\x00\x00",
    ),
    latin(
        &[275],
        b"\x4f\x7f\x00\x5a\x00\x00\xe0\x00\x5f\x00\x00\x00\x00\xa1",
    ),
    latin(
        &[277, 1142],
        b"\x4f\x7f\x4a\x67\x80\x9e\xe0\x9f\x5f\x79\x9c\xbb\x47\xdc",
    ),
    latin(
        &[278, 1122, 1143, 1157],
        b"\x4f\x7f\x63\x67\xec\xb5\x71\x9f\x5f\x51\x43\xbb\x47\xdc",
    ),
    latin(
        &[280, 1144],
        b"\x4f\x7f\xb1\x5b\xb5\x90\x48\x51\x5f\xdd\x44\xbb\x54\x58",
    ),
    latin(
        &[281],
        b"\x5a\x7f\x7b\xe0\x7c\x00\x00\x00\x00\x79\xc0\x4f\xd0\x00",
    ),
    latin(
        &[284, 1079, 1145],
        b"\xbb\x7f\x69\x5b\x7c\x4a\xe0\x5a\xba\x79\xc0\x4f\xd0\xbd",
    ),
    latin(
        &[285, 1146],
        b"\x5a\x7f\x7b\x4a\x7c\xb1\xe0\xbb\xba\x79\xc0\x4f\xd0\xbc",
    ),
    kana(
        &[290, 930, 1390],
        b"\x5a\x7f\x7b\xe0\x7c\x70\xb2\x80\xb0\x79\xc0\x4f\xd0\xa0",
    ),
    latin(
        &[297, 1081, 1147],
        b"\x4f\x7f\xb1\x5b\x44\x90\x48\xb5\x5f\xa0\x51\xbb\x54\xbd",
    ),
    latin(
        &[420, 16804],
        b"\x5a\x7f\x7b\x5b\x7c\x00\x00\x00\x00\x00\x00\x4f\x00\x00",
    ),
    latin(
        &[423],
        b"\x4f\x7f\x00\x5b\x00\x4a\x00\x5a\x5f\x79\x00\x00\x00\x00",
    ),
    latin(
        &[803, 4899],
        b"\x5a\x7f\x7b\x4a\x7c\x00\x00\x00\x00\x00\x00\x4f\x00\x00",
    ),
    latin(
        &[833, 933, 1364],
        b"\x5a\x7f\x7b\x5b\x7c\x70\xb2\x80\xb0\x79\xc0\x4f\xd0\xa1",
    ),
    latin(
        &[838, 1132, 1160, 9030],
        b"\x5a\x7f\x7b\x5b\x7c\x49\xe0\x59\x69\x79\xc0\x4f\xd0\xa1",
    ),
    latin(
        &[870, 875, 1025, 1123, 1153, 1154, 1158, 1166, 4971],
        b"\x4f\x7f\x7b\x5b\x7c\x4a\xe0\x5a\x5f\x79\xc0\x6a\xd0\xa1",
    ),
    latin(
        &[871, 1149],
        b"\x4f\x7f\x7b\x5b\xac\xae\xbe\x9e\xec\x8c\x8e\xbb\x9c\xcc",
    ),
    latin(
        &[880],
        b"\x4f\x7f\x7b\x5b\x7c\x4a\xe0\x5a\x5f\x00\x00\x00\x00\x00",
    ),
    latin(
        &[905],
        b"\x4f\xfc\xec\xb9\xaf\x68\xdc\xb6\x5f\xda\x48\x8f\xb3\xcc",
    ),
    latin(
        &[918],
        b"\x4f\x7f\x7b\x5b\x7c\x4a\xe0\x5a\x5f\x6a\xc0\xbb\xd0\xa1",
    ),
    latin(
        &[935, 1388],
        b"\x5a\x7f\x7b\xe0\x7c\xba\xb2\xbb\xb0\x79\xc0\x4f\xd0\xa0",
    ),
    latin(
        &[939, 1399],
        b"\x5a\x7f\x7b\x5b\x7c\xad\xe0\xbd\xb0\x79\xc0\x4f\xd0\xa1",
    ),
    latin(
        &[1026, 1155],
        b"\x4f\xfc\xec\xad\xae\x68\xdc\xac\x5f\x8d\x48\xbb\x8c\xcc",
    ),
    latin(
        &[924, 1047, 1137],
        b"\x5a\x7f\x7b\x5b\x7c\xad\xe0\xbd\x5f\x79\xc0\x4f\xd0\xa1",
    ),
    latin(
        &[1097],
        b"\x5a\x7f\x7b\x5b\x7c\xba\xe0\xbb\x00\x79\xc0\x4f\xd0\xa1",
    ),
    latin(
        &[1371],
        b"\x5a\x7f\x7b\x5b\x7c\xba\x5b\xbb\xb0\x79\xc0\x4f\xd0\xa1",
    ),
    latin(
        &[4517],
        b"\x4f\x7f\x00\x5b\x00\x00\x00\x00\x5f\x00\x00\x00\x00\x00",
    ),
];

/// The pages of countries and languages, `ebcdic-cp-fr`.
const PLACES: [(&[u8], u16); 20] = [
    (b"ar1", 420),
    (b"ar2", 918),
    (b"be", 500),
    (b"bh", 500),
    (b"ch", 500),
    (b"de", 273),
    (b"dk", 277),
    (b"es", 284),
    (b"fi", 278),
    (b"fr", 297),
    (b"gb", 285),
    (b"int", 500),
    (b"is", 871),
    (b"it", 280),
    (b"kana", 290),
    (b"no", 277),
    (b"roece", 870),
    (b"se", 278),
    (b"tr", 905),
    (b"yu", 870),
];

/// The page with that number.
pub fn numbered(number: u16) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.numbers.contains(&number))
}

/// The page of a place, and the usual one of any other.
pub fn of_place(place: &[u8]) -> &'static Page {
    let known = PLACES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(place));
    known
        .and_then(|(_, number)| numbered(*number))
        .unwrap_or(&PAGES[0])
}
