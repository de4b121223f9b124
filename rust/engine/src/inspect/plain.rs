//! Phrases and lists of plain words: labels, tags, skills, catalogues. That one of the words is also
//! a program says nothing in them: `Date & time`, `PHP|Ruby|Node`.

/// Longest value that is read as one. Units: bytes.
pub const LONGEST: usize = 256;

/// Programs that no list of anything names.
const NAMES: [&str; 22] = [
    "chmod",
    "chown",
    "egrep",
    "ifconfig",
    "ipconfig",
    "ls",
    "lsof",
    "mkfifo",
    "mknod",
    "netstat",
    "nohup",
    "nslookup",
    "printenv",
    "pwd",
    "rm",
    "rmdir",
    "sysinfo",
    "systeminfo",
    "taskkill",
    "tasklist",
    "uname",
    "whoami",
];
/// Programs that a number makes a command of.
const COUNTED: [&str; 9] = [
    "kill", "nc", "ncat", "netcat", "ping", "ping6", "sleep", "telnet", "timeout",
];

/// Programs that what follows makes a command of.
const FOLLOWED: [(&str, &[&str]); 4] = [
    ("docker", &["exec", "images", "inspect", "ps", "run"]),
    ("kubectl", &["apply", "delete", "exec", "get", "run"]),
    ("busybox", &["cat", "id", "ls", "nc", "sh", "wget"]),
    ("eval", &["cat", "curl", "id", "ls", "wget"]),
];

/// Tells whether a value is a phrase of plain words or a list of such: nothing in it breaks out of
/// anything (a quote, a number or a host before the first separator, an empty item), and no word has
/// an argument (an option, a path, a file, a number of a waiting program). Cost: linear.
pub fn is_plain(text: &[u8]) -> bool {
    let breaks = matches!(text.first(), Some(b'\n' | b'\r'));
    let text = whole(text.trim_ascii());
    if breaks || text.len() > LONGEST {
        return false;
    }
    let mut items = text.split(|b| matches!(b, b'&' | b'|' | b';'));
    let first = items.next().unwrap_or_default();
    is_item(first)
        && !stands_alone(first.trim_ascii(), text)
        && !(memchr::memchr2(b'\n', b'\r', text).is_some() && is_address(first))
        && items.all(is_item)
}

/// Tells a first line that is a number, a host or an address of mail; `node.js` is none.
fn is_address(item: &[u8]) -> bool {
    let mut lines = item.split(|b| matches!(b, b'\n' | b'\r'));
    let line = lines.next().unwrap_or_default().trim_ascii();
    !line.is_empty() && !line.ends_with(b".js") && stands_alone(line, item)
}

/// Takes the quotes of an exact phrase off, or the signs of a search for a part.
fn whole(text: &[u8]) -> &[u8] {
    match text {
        [b'"', inside @ .., b'"'] | [b'\'', inside @ .., b'\''] => inside,
        [b'%', inside @ .., b'%'] | [b'%', inside @ ..] => inside,
        // One of several, as descriptions of parameters write it: `[N|W|R]`.
        [b'[', inside @ .., b']'] if inside.iter().all(is_code) => inside,
        text => text,
    }
}

fn is_code(byte: &u8) -> bool {
    byte.is_ascii_uppercase() || *byte == b'|'
}

/// A number, an address or a host that is all there is before the first separator: what an
/// application puts into a command.
fn stands_alone(item: &[u8], text: &[u8]) -> bool {
    let number = !item.iter().any(u8::is_ascii_alphabetic) && item.is_ascii();
    let dotted = item
        .windows(3)
        .any(|w| w[1] == b'.' && w[0].is_ascii_alphanumeric() && w[2].is_ascii_alphanumeric());
    let product = item.iter().any(u8::is_ascii_uppercase);
    let one = !item.contains(&b' ');
    let host = one && dotted && !product || item.eq_ignore_ascii_case(b"localhost");
    item.len() < text.len() && (number || host)
}

/// Words between two separators; commas and line ends may stand among them.
fn is_item(item: &[u8]) -> bool {
    let mut parts = item
        .split(|b| matches!(b, b',' | b'\n' | b'\r'))
        .map(<[u8]>::trim_ascii)
        .filter(|part| !part.is_empty())
        .peekable();
    parts.peek().is_some() && parts.all(is_phrase)
}

fn is_phrase(text: &[u8]) -> bool {
    let mut words = text
        .split(u8::is_ascii_whitespace)
        .filter(|w| !w.is_empty());
    let first = words.next().unwrap_or_default();
    let mut before = first;
    let started = is_name(first);
    // Labels of dashboards: `Node $node - Memory`.
    let titled = first.first().is_some_and(u8::is_ascii_uppercase);
    started
        && words.all(|word| {
            let counted = among(&COUNTED, before) && word[0].is_ascii_digit();
            let follows =
                |(name, words): &(&str, &[&str])| before == name.as_bytes() && among(words, word);
            let command = counted || FOLLOWED.iter().any(follows);
            before = word;
            (is_word(word) || titled && is_variable(word)) && !command
        })
}

/// A word that starts a phrase: `C++`, `and/or`, `first_name:`, `(new)`, `#1`.
fn is_name(word: &[u8]) -> bool {
    let fits = |b: &u8| {
        b.is_ascii_alphanumeric()
            || *b >= 0x80
            || matches!(
                b,
                b'.' | b':' | b'-' | b'_' | b'+' | b'/' | b'%' | b'!' | b'?' | b'(' | b')'
            )
    };
    let starts = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'(' | 0x80..);
    let word = word.strip_suffix(b"#").unwrap_or(word);
    let number = word.strip_prefix(b"#");
    let number = number.filter(|number| number.iter().all(u8::is_ascii_digit));
    let word = number.unwrap_or(word);
    let apart = |part: &[u8]| !part.is_empty() && part.iter().all(fits);
    word.first().is_some_and(starts)
        && word.split(|b| *b == b'\'').all(apart)
        && closes(word)
        && !among(&NAMES, word)
}

/// A word behind another: letters, a number, a dash between blanks. Neither an option nor a file.
fn is_word(word: &[u8]) -> bool {
    if matches!(word, b"-" | b"=" | b"+") {
        return true;
    }
    let bare = word.strip_prefix(b"(").unwrap_or(word);
    let end = |b: &u8| !matches!(b, b'.' | b':' | b'!' | b'?' | b')' | b'%');
    let bare = &bare[..bare.iter().rposition(end).map_or(0, |at| at + 1)];
    let points = memchr::memchr_iter(b'.', bare).count();
    let decimal = points == 1 && !bare.iter().any(u8::is_ascii_alphabetic);
    is_name(word)
        && !bare.iter().any(|b| matches!(b, b'_' | b':'))
        && (points == 0 || decimal)
        && (memchr::memchr(b'/', bare).is_none() || closes(word) && is_choice(bare))
}

fn is_variable(word: &[u8]) -> bool {
    let name = word.strip_prefix(b"$").unwrap_or_default();
    !name.is_empty() && name.iter().all(|b| b.is_ascii_lowercase() || *b == b'_')
}

/// `and/or`, `24/7`: two words with a slash between them.
fn is_choice(word: &[u8]) -> bool {
    let mut halves = word.split(|b| *b == b'/');
    let short = |half: Option<&[u8]>| half.is_some_and(|h| (1..=3).contains(&h.len()));
    short(halves.next()) && short(halves.next()) && halves.next().is_none()
}

/// Tells whether a bracket that a word closes was opened in it, or ends a phrase in brackets.
fn closes(word: &[u8]) -> bool {
    let opened = memchr::memchr_iter(b'(', word).count();
    let closed = memchr::memchr_iter(b')', word).count();
    closed <= opened || closed == 1 && word.len() > 2
}

/// Shell names of two letters are written small; what stands in lists is `LS` or `NC`.
fn among(names: &[&str], word: &[u8]) -> bool {
    names.iter().any(|name| match name.len() {
        0..=3 => word == name.as_bytes(),
        _ => word.eq_ignore_ascii_case(name.as_bytes()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_told_from_commands() {
        for text in [
            "Date & time",
            "C++|C#|php",
            "sort: name; type; date",
            "100% off; 50% & more",
            "Fish & chips; call 555-1234",
            "Tops/Shirts & more",
            "Tom's toys (new) & more!",
            "caf\u{e9} | more",
            "PHP,\nRuby,\nNode",
            "%node%",
            "\"php\"",
            "Node.js & more",
            "#1 choice & more",
            "VA | NC | LS",
            "docker; kubectl",
            "node.js\nphp\nRuby",
            "open 24/7; call",
            "Node $node - Free Memory",
        ] {
            assert!(is_plain(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "8.8.8.8;id",
            "1 | id",
            "a.example;id",
            ";id",
            "x;id;",
            "x||id",
            "x;cat /x",
            "x;cat y.txt",
            "x;perf --version",
            "x;sleep 10",
            "x | whoami",
            "x;ls",
            "'x;id",
            "x);id",
            "%ipconfig%",
            "a=1;id",
            "x;id #",
            "#1;id",
            "#1 | more",
            "\nid",
            "localhost|id",
            "rm;x",
            "$x;id",
            "node $x",
            "Node $(x)",
            "Node $IFS",
            "x;docker ps",
            "x;eval id",
            "8.8.8.8\nid",
            "a.example\r\nid",
        ] {
            assert!(!is_plain(text.as_bytes()), "{text}");
        }
    }
}
