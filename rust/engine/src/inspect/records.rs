//! Records whose fields stand between bars, as laboratories and banks send them: `PID|1||4711^^^H||DOE^JANE`.
//! Their bars are no pipes, but one before what may be a command. Nor are those of tables in Markdown.
//!
//! Source: HL7 Version 2, section 2.5 (delimiters); GitHub Flavored Markdown 0.29, section 4.10 (tables).

/// Fewest bars that make a record of a line.
const BARS: usize = 6;

/// Takes out the bars of records, or else those of tables. `None` where there are neither. Cost: linear.
pub fn without_bars(text: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr(b'|', text)?;
    without_fields(text).or_else(|| without_cells(text))
}

/// Puts commas in the place of the bars of rows that follow one another, each from bar to bar: no shell
/// reads on where one pipe follows another, and runs nothing of such lines. `None` where there are none.
fn without_cells(text: &[u8]) -> Option<Vec<u8>> {
    let mut out: Option<Vec<u8>> = None;
    let (mut at, mut before) = (0, None);
    for line in text.split_inclusive(|b| *b == b'\n') {
        let (start, end) = (at, at + line.len());
        at = end;
        if !is_row(line.trim_ascii()) {
            before = None;
            continue;
        }
        if let Some(from) = before {
            let out = out.get_or_insert_with(|| text.to_vec());
            for bar in memchr::memchr_iter(b'|', &text[from..end]) {
                out[from + bar] = b',';
            }
        }
        before = Some(start);
    }
    out
}

/// Tells a line from bar to bar, the last of which a shell would read as one, too: no string is left open
/// before it, it is not escaped, and no comment or document begins.
fn is_row(line: &[u8]) -> bool {
    if !matches!(line, [b'|', _, .., b'|']) {
        return false;
    }
    let (mut quote, mut escaped, mut before) = (None, false, b'|');
    for &byte in line {
        match (quote, byte) {
            _ if escaped => escaped = false,
            (None | Some(b'"' | b'`'), b'\\') => escaped = true,
            (Some(open), _) if open == byte => quote = None,
            (None, b'\'' | b'"' | b'`') => quote = Some(byte),
            (None, b'#') if !before.is_ascii_alphanumeric() => return false,
            (None, b'<') if before == b'<' => return false,
            _ => {}
        }
        before = if escaped { b'|' } else { byte };
    }
    quote.is_none() && !line.ends_with(b"\\|")
}

/// Takes out the bars and ampersands that set the fields of records apart. Behind those that are left
/// stands what a shell may run; words in small letters come on a line of their own, behind which only
/// the names of programs count that are no words. `None` where the first line is no record.
/// Cost: linear.
fn without_fields(text: &[u8]) -> Option<Vec<u8>> {
    let line = text.split(|b| matches!(b, b'\r' | b'\n')).next()?;
    let kind = memchr::memchr(b'|', line)?;
    let coded = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    let is_record = kind > 1
        && line[..kind].iter().all(coded)
        && memchr::memchr_iter(b'|', line).count() >= BARS;
    is_record.then(|| {
        let mut out = text.to_vec();
        for at in memchr::memchr2_iter(b'|', b'&', text) {
            out[at] = between(text[at], &text[at + 1..]);
        }
        out
    })
}

/// Tells what takes a mark's place before a field.
fn between(mark: u8, field: &[u8]) -> u8 {
    let field = field.trim_ascii_start();
    // Neither codes nor text: `2>&1 id`, `A=1 id`.
    let word = |b: &&u8| b.is_ascii_alphanumeric() || **b == b'_';
    let behind = field.iter().take_while(word).count();
    if matches!(field.get(behind), Some(b'<' | b'>' | b'=')) {
        return mark;
    }
    let name = field.iter().take_while(|b| b.is_ascii_lowercase()).count();
    match (&field[..name], &field[name..]) {
        ([], [b'A'..=b'Z' | b'0'..=b'9' | b'|' | b'^' | b'~' | b'+' | b'-' | 0x80.., ..] | []) => {
            b' '
        }
        ([_, ..], [b' ', next, ..]) if next.is_ascii_alphabetic() => b'\n',
        _ => mark,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_no_pipes() {
        for (text, want) in [
            (
                "Fields:\n| Name | Type |\n|---|:-:|\n| id | `date` |\n\nx|id",
                "Fields:\n, Name , Type ,\n,---,:-:,\n, id , `date` ,\n\nx|id",
            ),
            ("| a | b |\r\n|cat|x|\r\n", ", a , b ,\r\n,cat,x,\r\n"),
        ] {
            let got = without_bars(text.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(got).unwrap(), want);
        }
        for text in [
            "| id |",
            "| id |\n\n| x |",
            "x| id |\n|---|",
            "| id # |\n|---|",
            "| id \\|\n|---|",
            "| id ' |\n|' x |",
            "| id '\"' \" |\n|\" x |",
            "| sh << x |\n| x |",
            "|id\n|---|",
            "||\n||",
        ] {
            assert_eq!(without_bars(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn bars_before_commands_are_left() {
        for (text, want) in [
            ("PID|1||4711^^^H||DOE^JANE|F", "PID 1  4711^^^H  DOE^JANE F"),
            (
                "OBX|1|ST|at rest||mg/dl|W|F",
                "OBX 1 ST\nat rest |mg/dl W F",
            ),
            (
                "MSH|^~\\&|LAB|W|EHR|ID|7\rPID|1&ISO",
                "MSH ^~\\  LAB W EHR ID 7\rPID 1 ISO",
            ),
            ("A1|B|C|D|E|F|cat /x", "A1 B C D E F|cat /x"),
            ("A1|B|C|D|E|F|curl x", "A1 B C D E F\ncurl x"),
            ("A1|B|C|D|E||id", "A1 B C D E |id"),
            ("A1|B|C|D|E|F|G&&id", "A1 B C D E F G&&id"),
            ("A1|B|C|D|E|F|$(id)", "A1 B C D E F|$(id)"),
            ("A1|B|C|D|E|F|2>&1 id", "A1 B C D E F|2> 1 id"),
            ("A1|B|C|D|E|F|X=1 id", "A1 B C D E F|X=1 id"),
        ] {
            let got = without_bars(text.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(got).unwrap(), want);
        }
        for text in [
            "a|id|b|c|d|e|f|g",
            "A|B|C|D|E|F|G",
            "A1|B|C|D|E|F",
            "",
            "A1\n||||||",
        ] {
            assert_eq!(without_bars(text.as_bytes()), None, "{text}");
        }
    }
}
