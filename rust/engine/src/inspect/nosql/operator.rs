//! Query operators of document databases as names: keys of JSON, brackets in the names of parameters.
//! Whether one belongs there is told by what it applies to, and by what stands around that: APIs take
//! filters, and applications take passwords.
//!
//! Source: MongoDB's manual of query operators; the query strings of Feathers, Strapi and qs.

use crate::decode::Value;
use crate::inspect::Part;

/// Longest path that decoding keeps; a longer one is cut. Units: bytes.
const PATH: usize = 64;

/// What an operator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Runs what it is given.
    Code,
    /// Asks for an order or for one of a list, as searches do.
    Range,
    /// Asks for what a value is not or looks like: it holds for values that nobody knows.
    Probe,
    /// Joins conditions.
    Either,
    /// Says something of a password only; elsewhere it may be anybody's key.
    Odd,
}

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Secret,
    /// Who logs in, and with what.
    Identity,
    Other,
}

/// Tells how much it says that a value is the name of an operator, or a name that holds one.
/// Cost: linear.
pub(super) fn judge(value: &Value<'_>) -> Option<f32> {
    let key = value.bytes;
    if let Some(kind) = kind(key) {
        let path = if value.inner.is_empty() {
            (&b""[..], value.name)
        } else {
            (value.name, value.inner)
        };
        let cut = path.1.len() == PATH;
        if steps(path.1).next_back() != Some(key) && !cut {
            // Not a name, but nobody says this word.
            return (kind == Kind::Code).then_some(0.5);
        }
        // `price={"$gte":1}`: filters name their fields themselves.
        let whole = value.inner.len() == key.len() && !is_filter(value.name);
        let least = (whole && kind == Kind::Range).then_some(0.6);
        let found = weigh(steps(path.0).chain(steps(path.1)), cut.then_some(kind));
        return if found > least { found } else { least };
    }
    let named = is_bracketed(key) || is_dotted(value);
    named.then(|| weigh(steps(key), None)).flatten()
}

/// Tells the name of a parameter that reads as a path to some servers, and holds an operator behind its
/// first step, with points alone or with brackets among them: `a.b.$ne`, `a[0].$ne`, `a.$ne[]`.
fn is_dotted(value: &Value<'_>) -> bool {
    matches!(value.part, Part::Query | Part::Form)
        && value.bytes.first().is_some_and(|b| is_word(*b))
        && value
            .bytes
            .iter()
            .all(|b| is_word(*b) || matches!(b, b'$' | b'[' | b']'))
        && steps(value.bytes).skip(1).any(|step| kind(step).is_some())
}

/// Tells whether a value is the name of a parameter with brackets: `a[b][$ne]`.
pub(super) fn is_bracketed(text: &[u8]) -> bool {
    let head = text.iter().take_while(|b| is_word(**b)).count();
    let mut rest = &text[head..];
    while let Some(inside) = rest.strip_prefix(b"[") {
        let Some(end) = memchr::memchr2(b'[', b']', inside) else {
            return false;
        };
        let named = |b: &u8| is_word(*b) || matches!(b, b'$' | b'&' | b'"' | b'\'');
        if inside[end] == b'[' || !inside[..end].iter().all(named) {
            return false;
        }
        rest = &inside[end + 1..];
    }
    rest.is_empty() && head < text.len()
}

/// Walks a path and gives the most that one of its operators says. `cut` is the operator at the end
/// of a path that was too long to hold it.
fn weigh<'p>(path: impl Iterator<Item = &'p [u8]>, cut: Option<Kind>) -> Option<f32> {
    let (mut field, mut filtered) = (&b""[..], false);
    let mut most: Option<f32> = None;
    let mut offer = |found: Option<f32>| {
        if found.unwrap_or(0.0) > most.unwrap_or(0.0) {
            most = found;
        }
    };
    for step in path {
        match kind(step) {
            Some(kind) => {
                let inverts = field.is_empty() && filtered && step.eq_ignore_ascii_case(b"$not");
                if !inverts {
                    offer(score(kind, field, filtered));
                }
                // Within these it compares what it is given.
                let joins = kind == Kind::Either || step.eq_ignore_ascii_case(b"$expr");
                if joins || field.is_empty() && filtered {
                    field = step;
                }
            }
            None if step.eq_ignore_ascii_case(b"$and") => (field, filtered) = (step, true),
            None if is_filter(step) => (field, filtered) = (b"", true),
            None if step.iter().all(u8::is_ascii_digit) => {}
            None => field = step,
        }
    }
    offer(cut.and_then(|kind| score(kind, b"cut", filtered)));
    most
}

/// Scores an operator on a field; `filtered` tells that it stands in what is called a filter.
fn score(kind: Kind, field: &[u8], filtered: bool) -> Option<f32> {
    let whole = field.is_empty();
    match (kind, hold(field)) {
        (Kind::Code, _) => Some(0.85),
        (_, Field::Secret) => Some(if filtered { 0.6 } else { 0.85 }),
        // A comparison of nothing: the value itself is an operator.
        (Kind::Range | Kind::Probe, _) if whole => Some(0.75),
        _ if filtered => None,
        (Kind::Either, _) => Some(0.5),
        (Kind::Range | Kind::Probe, Field::Identity) => Some(0.85),
        (Kind::Probe, Field::Other) => Some(0.5),
        _ => None,
    }
}

/// Splits a path at points and brackets.
fn steps(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    let bare = |step| <[u8]>::trim_ascii(step);
    path.split(|b| matches!(b, b'.' | b'[' | b']' | b'"' | b'\''))
        .map(bare)
        .filter(|step| !step.is_empty())
}

fn kind(step: &[u8]) -> Option<Kind> {
    let [b'$' | b'&', name @ ..] = step else {
        return None;
    };
    let name = name.strip_prefix(b"$").unwrap_or(name);
    let is = |names: &[&[u8]]| names.iter().any(|n| name.eq_ignore_ascii_case(n));
    match () {
        () if is(&[b"where", b"func", b"function", b"accumulator"]) => Some(Kind::Code),
        () if is(&[b"gt", b"gte", b"lt", b"lte", b"in", b"eq"]) => Some(Kind::Range),
        () if is(&[b"ne", b"nin", b"regex", b"exists", b"not", b"elemmatch"]) => Some(Kind::Probe),
        () if is(&[b"or", b"nor"]) => Some(Kind::Either),
        () if is(&[
            b"type",
            b"size",
            b"mod",
            b"all",
            b"options",
            b"expr",
            b"jsonschema",
            b"bitsallset",
            b"bitsanyset",
        ]) =>
        {
            Some(Kind::Odd)
        }
        () => None,
    }
}

/// Tells a name that APIs give to conditions.
fn is_filter(step: &[u8]) -> bool {
    let words: [&[u8]; 15] = [
        b"q",
        b"query",
        b"where",
        b"selector",
        b"criteria",
        b"condition",
        b"conditions",
        b"match",
        b"$match",
        b"pipeline",
        b"find",
        b"arrayfilters",
        b"predicate",
        b"rules",
        b"having",
    ];
    words.iter().any(|w| step.eq_ignore_ascii_case(w)) || holds(step, b"filter")
}

fn hold(field: &[u8]) -> Field {
    let any = |words: &[&[u8]]| words.iter().any(|w| holds(field, w));
    let one = |words: &[&[u8]]| words.iter().any(|w| field.eq_ignore_ascii_case(w));
    let numbered = field
        .get(field.len().saturating_sub(2)..)
        .is_some_and(|end| end.eq_ignore_ascii_case(b"id") || end.eq_ignore_ascii_case(b"ds"));
    match () {
        () if one(&[b"pass", b"otp", b"userpass", b"user_pass"])
            || any(&[
                b"password",
                b"passwd",
                b"passphrase",
                b"passcode",
                b"pwd",
                b"secret",
                b"resettoken",
            ]) =>
        {
            Field::Secret
        }
        () if numbered => Field::Other,
        () if one(&[b"pin", b"code", b"auth", b"key", b"session"])
            || any(&[
                b"user", b"login", b"mail", b"token", b"account", b"apikey", b"api_key",
            ]) =>
        {
            Field::Identity
        }
        () => Field::Other,
    }
}

/// Searches a name for a word in lower case, in any case.
fn holds(name: &[u8], word: &[u8]) -> bool {
    name.windows(word.len())
        .any(|w| w.eq_ignore_ascii_case(word))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing::value;

    fn score_of(name: &str, inner: &str, key: &str) -> f32 {
        let value = Value {
            part: Part::Json,
            name: name.as_bytes(),
            inner: inner.as_bytes(),
            ..value(key.as_bytes())
        };
        judge(&value).unwrap_or(0.0)
    }

    #[test]
    fn operators_are_told_from_filters() {
        for (name, inner, key) in [
            ("password.$ne", "", "$ne"),
            ("variables.user.$GT", "", "$GT"),
            ("where.password.$regex", "", "$regex"),
            ("auth.pass.$type", "", "$type"),
            ("$gt", "", "$gt"),
            ("filter.$ne", "", "$ne"),
            ("q", "$ne", "$ne"),
            ("user", "$in", "$in"),
            ("name", "$regex", "$regex"),
            ("filter.$where", "", "$where"),
            ("x.$or", "", "$or"),
            ("note", "", "$where"),
            ("q", "", "user[$ne]"),
            ("q", "", "[$gt]"),
            ("q", "", "a[$or][0][$where]"),
            ("q", "", "user['$ne']"),
            ("q", "", "otp[$mod][0]"),
            ("sort", "$gt", "$gt"),
        ] {
            assert!(score_of(name, inner, key) >= 0.5, "{name} {inner} {key}");
        }
        for (name, inner, key) in [
            ("filter.price.$gte", "", "$gte"),
            ("filter.userId.$in", "", "$in"),
            ("where.deletedAt.$exists", "", "$exists"),
            ("where", "score.$lte", "$lte"),
            ("q", "$or", "$or"),
            ("selector.$and.year.$gt", "", "$gt"),
            ("price.$lt", "", "$lt"),
            ("price", "", "$gt"),
            ("customer.$type", "", "$type"),
            ("userId.$in", "", "$in"),
            ("filter.$expr.$gt", "", "$gt"),
            ("condition.$not.status.$in", "", "$in"),
            ("rule.$and.$gte", "", "$gte"),
            ("q", "", "filters[$or][0][author][$eq]"),
            ("q", "", "age[$gt]"),
            ("q", "", "items[0]"),
        ] {
            assert!(score_of(name, inner, key) < 0.5, "{name} {inner} {key}");
        }
    }

    #[test]
    fn names_of_parameters_are_paths_too() {
        let score_of = |part, key: &'static [u8]| {
            let value = Value { part, ..value(key) };
            judge(&value).unwrap_or(0.0)
        };
        for (key, want) in [
            (&b"user.$ne"[..], true),
            (b"login.password.$regex", true),
            (b"password.$ne[]", true),
            (b"user[name].$ne", true),
            (b"list[0].pwd.$regex", true),
            (b"user.$in[0]", true),
            (b"price.$gte", false),
            (b"form.$invalid", false),
            (b"Orders.$count", false),
            (b"the user.$ne", false),
            (b"filter[price].min[]", false),
            (b"items.$id[0]", false),
            (b"price.$in[]", false),
            (b"filter.user.$in[0]", false),
        ] {
            let found = score_of(Part::Query, key) >= 0.5;
            assert_eq!(found, want, "{}", key.escape_ascii());
        }
        assert!(score_of(Part::Json, b"user.$ne") < 0.5);
    }

    #[test]
    fn names_with_brackets_are_told() {
        for (text, want) in [
            ("a[b]", true),
            ("[$ne]", true),
            ("a[$or][0]['b']", true),
            ("a", false),
            ("a[b]=1", false),
            ("a[b", false),
            ("a[b[c]]", false),
            ("$a[b]", false),
        ] {
            assert_eq!(is_bracketed(text.as_bytes()), want, "{text}");
        }
    }
}
