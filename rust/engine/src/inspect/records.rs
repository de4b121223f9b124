//! Records whose fields stand between bars, as laboratories and banks send them: `PID|1||4711^^^H||DOE^JANE`.
//! Their bars are no pipes, but one before what may be a command.
//!
//! Source: HL7 Version 2, section 2.5 (delimiters).

/// Fewest bars that make a record of a line.
const BARS: usize = 6;

/// Takes out the bars and ampersands that set the fields of records apart. Behind those that are left
/// stands what a shell may run; words in small letters come on a line of their own, behind which only
/// the names of programs count that are no words. `None` where the first line is no record.
/// Cost: linear.
pub fn without_bars(text: &[u8]) -> Option<Vec<u8>> {
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
