//! EBCDIC, which servers take for a body whose type says so, and in which nothing reads like an attack.
//!
//! Digits, letters and most signs are in the same places in all code pages; where the others are, [`pages`]
//! tells, and where the small letters of those with Katakana are. Pages that are no EBCDIC of Latin letters
//! (Hebrew without small letters: 803, 4899) are read by their capitals, and of those with two bytes a character
//! (930 to 939, 1364 to 1399) the part with one.
//!
//! Source: IBM code page 37.

mod pages;

use super::parameters::Parameters;
use pages::{numbered, of_place, Page, SIGNS, SMALL};

/// `<?xm`, with which XML starts.
const XML: &[u8] = b"\x4c\x6f\xa7\x94";

/// What each byte is in ASCII, a mark for all else.
static ASCII: [u8; 256] = [
    0x00, 0x01, 0x02, 0x03, 0x3f, 0x09, 0x3f, 0x7f, 0x3f, 0x3f, 0x3f, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
    0x10, 0x11, 0x12, 0x13, 0x3f, 0x3f, 0x08, 0x3f, 0x18, 0x19, 0x3f, 0x3f, 0x1c, 0x1d, 0x1e, 0x1f,
    0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x0a, 0x17, 0x1b, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x05, 0x06, 0x07,
    0x3f, 0x3f, 0x16, 0x3f, 0x3f, 0x3f, 0x3f, 0x04, 0x3f, 0x3f, 0x3f, 0x3f, 0x14, 0x15, 0x3f, 0x1a,
    0x20, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x2e, 0x3c, 0x28, 0x2b, 0x7c,
    0x26, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x21, 0x24, 0x2a, 0x29, 0x3b, 0x3f,
    0x2d, 0x2f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x2c, 0x25, 0x5f, 0x3e, 0x3f,
    0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x60, 0x3a, 0x23, 0x40, 0x27, 0x3d, 0x22,
    0x3f, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
    0x3f, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
    0x3f, 0x7e, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
    0x5e, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x5b, 0x5d, 0x3f, 0x3f, 0x3f, 0x3f,
    0x7b, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
    0x7d, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x50, 0x51, 0x52, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
    0x5c, 0x3f, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
    0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
];

/// The only page that has a name in place of a number.
const THAI: u16 = 838;

/// How much of an XML document may name its encoding. Units: bytes.
const HEAD: usize = 128;

/// A text's code page.
#[derive(Clone, Copy)]
pub struct Ebcdic(&'static Page);

/// Tells the code page that a type has for its charset, and that of XML that starts in one as parsers tell
/// it (XML 1.0, appendix F). Cost: a search where there is no parameter; no allocation.
pub fn named(body: &[u8], content_type: &[u8]) -> Option<Ebcdic> {
    let page = if body.starts_with(XML) {
        Some(declared(&body[..body.len().min(HEAD)]))
    } else {
        let mut parameters = Parameters::new(content_type);
        parameters.find_map(|p| {
            p.key
                .eq_ignore_ascii_case(b"charset")
                .then(|| page(p.value))?
        })
    };
    page.map(Ebcdic)
}

/// Tells the code page of that name.
pub fn page_of(charset: &[u8]) -> Option<Ebcdic> {
    page(charset).map(Ebcdic)
}

/// The page that the declaration of XML names; the usual one where it names none.
#[inline(never)]
fn declared(head: &[u8]) -> &'static Page {
    let usual = of_place(b"");
    let head = Ebcdic(usual).undo(head);
    let quote = |b: &u8| matches!(b, b'\'' | b'"');
    head.split(quote).find_map(page).unwrap_or(usual)
}

/// Tells a code page as servers spell it: `ibm037`, `CP-500`, `ccsid01140`, `037`, `x-IBM930`, `ebcdic-cp-us`,
/// `ebcdic-de-273+euro`.
fn page(name: &[u8]) -> Option<&'static Page> {
    const EURO: &[u8] = b"+euro";
    let euro = name.len().checked_sub(EURO.len());
    let euro = euro.filter(|at| name[*at..].eq_ignore_ascii_case(EURO));
    let name = &name[..euro.unwrap_or(name.len())];
    let digits = name.iter().rev().take_while(|b| b.is_ascii_digit());
    let (lead, digits) = name.split_at(name.len() - digits.count());
    let spelled = name.windows(6).any(|w| w.eq_ignore_ascii_case(b"ebcdic"));
    let lead = lead.strip_suffix(b"-").unwrap_or(lead);
    let made = |maker: &&[u8]| {
        let start = lead.len().checked_sub(maker.len());
        start.is_some_and(|start| lead[start..].eq_ignore_ascii_case(maker))
    };
    let makers = [&b"ibm"[..], b"cp", b"ccsid"];
    let known = || numbered(std::str::from_utf8(digits).ok()?.parse().ok()?);
    let page = if spelled || lead.is_empty() || makers.iter().any(made) {
        known()
    } else {
        name.eq_ignore_ascii_case(b"ibm-thai")
            .then(|| numbered(THAI))?
    };
    let place = name.rsplit(|b| *b == b'-').next().unwrap_or_default();
    page.or_else(|| spelled.then(|| of_place(place)))
}

impl Ebcdic {
    /// Makes ASCII of it. Cost: linear.
    pub fn undo(self, text: &[u8]) -> Vec<u8> {
        let table = self.0.ascii.get_or_init(|| table(self.0));
        text.iter().map(|b| table[usize::from(*b)]).collect()
    }
}

/// What each byte of a page is in ASCII, a mark for all else.
fn table(page: &Page) -> [u8; 256] {
    let mut table = ASCII;
    for byte in &mut table {
        if SIGNS.contains(byte) || !page.small && byte.is_ascii_lowercase() {
            *byte = b'?';
        }
    }
    let small = if page.small { &[][..] } else { &SMALL };
    let signs = page.signs.iter().zip(SIGNS).filter(|(at, _)| **at != 0);
    for (at, letter) in signs.chain(small.iter().zip(b'a'..)) {
        table[usize::from(*at)] = letter;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_pages_are_known() {
        for (content_type, want) in [
            ("text/plain; charset=ibm037", true),
            ("text/plain; charset=\"CP-500\"", true),
            ("application/x-www-form-urlencoded;charset=IBM01140", true),
            ("text/xml; charset=ebcdic-cp-us", true),
            ("text/xml; charset=037", true),
            ("text/xml; charset=ccsid01140", true),
            ("text/xml; charset=x-IBM930", true),
            ("text/xml; charset=csIBM871", true),
            ("text/xml; charset=ebcdic-de-273+euro", true),
            ("text/xml; charset=IBM-Thai", true),
            ("multipart/form-data; boundary=a037", false),
            ("multipart/form-data; boundary=500", false),
            ("text/plain; charset=ibm437", false),
            ("text/plain; charset=tis-620", false),
            ("text/plain; charset=cp1252", false),
            ("text/plain; charset=ibm850", false),
            ("text/plain; charset=utf-8", false),
            ("application/vnd.ibm37", false),
        ] {
            assert_eq!(
                named(b"", content_type.as_bytes()).is_some(),
                want,
                "{content_type}"
            );
        }
        assert!(named(b"\x4c\x6f\xa7\x94\x93", b"application/xml").is_some());
    }

    fn undone(charset: &str, text: &[u8]) -> String {
        let content_type = format!("text/plain; charset={charset}");
        let page = named(b"", content_type.as_bytes()).expect(charset);
        String::from_utf8_lossy(&page.undo(text)).into_owned()
    }

    #[test]
    fn it_is_undone() {
        let text = b"\x4c\xa2\x83\x99\x89\x97\xa3\x6e\x7d\x40\x96\x99\x40\xf1\x7e\xf1\x44";
        for charset in [
            "ibm037",
            "IBM871",
            "cp420",
            "x-IBM1025",
            "IBM-924",
            "cp1140",
        ] {
            assert!(
                undone(charset, text).starts_with("<script>' or 1=1"),
                "{charset}"
            );
        }
    }

    /// A page's own signs, as iconv and Java write them.
    #[test]
    fn signs_are_where_the_page_has_them() {
        for (charset, text, want) in [
            ("ibm037", &b"\x4f\xc0\x5b\x7c\x5a"[..], "|{$@!"),
            ("cp500", b"\xbb\xc0\x5b\x7c\x4f\x4a\x5a", "|{$@![]"),
            ("ebcdic-cp-fr", b"\xbb\x51\x5b\x44\x4f", "|{$@!"),
            ("ebcdic-fr-277+euro", b"\x9c\x67", "{$"),
            ("IBM1026", b"\xfc\x48\xad", "\"{$"),
            ("IBM905", b"\xfc\x48", "\"{"),
            ("x-IBM930", b"\x62\x63\x81\xc1\x4c\x5a", "ab?A<!"),
            ("ibm-thai", b"\x49\x59\x81", "[]a"),
        ] {
            assert_eq!(undone(charset, text), want, "{charset}");
        }
    }

    #[test]
    fn xml_says_which_page_it_is_in() {
        // <?xml encoding="cp500"?><!
        let text = b"\x4c\x6f\xa7\x94\x93\x40\x85\x95\x83\x96\x84\x89\x95\x87\x7e\x7f\x83\x97\xf5\xf0\xf0\x7f\x6f\x6e\x4c\x4f";
        let page = named(text, b"text/xml").unwrap();
        assert!(page.undo(text).ends_with(b"\"cp500\"?><!"));
    }
}
