//! Spellings that filters do not read and that databases, or careless decoders before them, do.

/// Longest value whose typographic quotes are looked at. Units: bytes.
const STRAIGHT: usize = 96;
/// Longest value that is respelled otherwise. Units: bytes.
const SHORT: usize = 512;

/// Drops comments from within words, as filters that remove them do: `uni/**/on sel/**/ect`.
/// `None` for values without.
pub(super) fn joined(text: &[u8]) -> Option<Vec<u8>> {
    const SPLIT: &[u8] = b"/**/";
    if text.len() > SHORT {
        return None;
    }
    memchr::memchr(b'*', text)?;
    let letter = |at: usize| text.get(at).is_some_and(u8::is_ascii_alphabetic);
    let within = |at: usize| at > 0 && letter(at - 1) && letter(at + SPLIT.len());
    let known = |word: &[u8]| {
        let both = [word, SPLIT].concat();
        memchr::memmem::find(&text.to_ascii_lowercase(), &both).is_some()
    };
    // Between words a comment is a blank.
    let split = [
        &b"uni"[..],
        b"un",
        b"sel",
        b"se",
        b"sele",
        b"selec",
        b"unio",
    ];
    let first = memchr::memmem::find_iter(text, SPLIT).find(|at| within(*at))?;
    split.iter().any(|word| known(word)).then(|| {
        let mut out = text[..first].to_vec();
        let mut at = first;
        while at < text.len() {
            if text[at..].starts_with(SPLIT) && within(at) {
                at += SPLIT.len();
            } else {
                out.push(text[at]);
                at += 1;
            }
        }
        out
    })
}

/// Makes typographic quotes straight, as databases and character sets do that know no others.
/// `None` for values without, and for those too long to be more than prose.
pub(super) fn straightened(text: &[u8]) -> Option<Vec<u8>> {
    let quote = |at: usize| matches!(text.get(at + 1..at + 3), Some([0x80, 0x98 | 0x99 | 0xb2]));
    let first =
        memchr::memchr_iter(0xe2, &text[..text.len().min(STRAIGHT)]).find(|at| quote(*at))?;
    let (mut out, mut at) = (text[..first].to_vec(), first);
    while let Some(byte) = text.get(at) {
        let curly = *byte == 0xe2 && quote(at);
        out.push(if curly { b'\'' } else { *byte });
        at += if curly { 3 } else { 1 };
    }
    (text.len() <= STRAIGHT).then_some(out)
}

/// Makes one of two quotes, as whoever copies a string out of a program doubles them:
/// `x"") or (""a""=""a`. `None` for values with less than two such pairs, and for long ones.
pub(super) fn halved(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() > STRAIGHT || memchr::memmem::find_iter(text, b"\"\"").nth(1).is_none() {
        return None;
    }
    let mut out = text.to_vec();
    out.dedup_by(|next, before| *next == b'"' && *before == b'"');
    Some(out)
}

/// Makes blanks of plus signs that came encoded once more than they were read: `'+or+'1'='1`.
pub(super) fn unplussed(text: &[u8]) -> Option<Vec<u8>> {
    let encoded = text.len() <= SHORT
        && memchr::memchr(b' ', text).is_none()
        && memchr::memchr_iter(b'+', text).nth(1).is_some();
    encoded.then(|| {
        let blank = |b: &u8| if *b == b'+' { b' ' } else { *b };
        text.iter().map(blank).collect()
    })
}
