//! Functions and catalogues that injections reach for.

use super::functions::{is_catalogue, is_package, weigh, Weight};
use super::lexer::Kind;
use super::reading::{Context, Found, Reading};

impl Reading<'_> {
    /// A telling function, wherever it is called; a catalogue that is read.
    pub(super) fn call(&self, i: usize, statement: bool) -> Found {
        let name = self.word(i);
        if self.kind(i + 1) == Kind::Open || self.kind(i + 1) == Kind::Dot {
            // What is behind a dot is a package's; `benchmark.sh` is a file.
            let called = self.kind(i + 1) == Kind::Open || is_package(name);
            if called && weigh(name) == Weight::Telling {
                return Some(("sqli.function", 0.8));
            }
            let waits = name.eq_ignore_ascii_case(b"sleep") && self.kind(i + 1) == Kind::Open;
            let cut = self.kind(i + 3) == Kind::End && i > 0;
            let computed = cut || matches!(self.kind(i + 3), Kind::Close | Kind::Math);
            if waits && self.kind(i + 2) == Kind::Number && computed {
                return self.sleep(i);
            }
            if waits && i > 0 && self.kind(i - 1) == Kind::Select {
                return Some(("sqli.delay", 0.75));
            }
            // `iif(3=4,1,1/0)`: a choice between what works and what fails.
            let chooses = [&b"iif"[..], b"if"]
                .iter()
                .any(|w| name.eq_ignore_ascii_case(w));
            let known = self.kind(i + 2) == Kind::Number
                && self.kind(i + 3) == Kind::Compare
                && self.kind(i + 4) == Kind::Number;
            if chooses && known && self.kind(i + 5) == Kind::Comma {
                return Some(("sqli.function", 0.75));
            }
        }
        // Between two strings of a list stands nothing but signs: `"Benchmark","Mode"`.
        let given = matches!(self.kind(i + 1), Kind::Text { .. })
            && self.word(i + 1).iter().any(u8::is_ascii_alphanumeric);
        let command = given && weigh(name) == Weight::Telling;
        let probes = self.kind(i + 1) == Kind::Open
            && self.kind(i + 3) == Kind::Open
            && weigh(name) == Weight::Useful
            && weigh(self.word(i + 2)) >= Weight::Useful;
        if command {
            return Some(("sqli.command", 0.8));
        }
        if probes && self.led(i) {
            return Some(("sqli.function", 0.65));
        }
        let analyses = self.is(i, b"procedure") && self.kind(i + 2) == Kind::Open;
        if analyses && (self.is(i + 1, b"analyse") || self.is(i + 1, b"analyze")) {
            return Some(("sqli.function", 0.7));
        }
        let read = (0..4).any(|back| i > back && self.kind(i - back - 1) == Kind::From);
        if read && !statement && is_catalogue(name) {
            return Some(("sqli.catalogue", 0.8));
        }
        None
    }

    /// `sleep(`: a call that is cut off behind its bracket, since another parameter goes on with it.
    pub(super) fn dangles(&self) -> Found {
        let name = self.word(0);
        let cut = self.kind(1) == Kind::Open && self.tokens.len() == 2;
        // Names of other functions are what people look up, in an ordinary spelling.
        let probes = [
            &b"sleep"[..],
            b"elt",
            b"make_set",
            b"name_const",
            b"sysdate",
            b"unhex",
        ];
        let telling = weigh(name) == Weight::Telling
            || probes.iter().any(|w| name.eq_ignore_ascii_case(w))
            || weigh(name) == Weight::Useful && alternates(name);
        (cut && telling && self.context == Context::Bare).then_some(("sqli.unfinished", 0.5))
    }

    /// `) as total from`: the end of a sub-query that is not in the value.
    pub(super) fn resumes_query(&self) -> Found {
        let named = self.is(1, b"as") && self.kind(2) == Kind::Name && self.kind(3) == Kind::From;
        (self.kind(0) == Kind::Close && named).then_some(("sqli.clause", 0.6))
    }

    /// `sleep(5)` where SQL would have it, not where programs do.
    fn sleep(&self, i: usize) -> Found {
        let alone = i == 0 && self.ends(i + 4);
        let before = if i == 0 { Kind::End } else { self.kind(i - 1) };
        let in_sql = matches!(
            before,
            Kind::Select | Kind::Logic | Kind::Compare | Kind::Math | Kind::Comma | Kind::Bars
        ) || before == Kind::Open && i >= 2 && self.kind(i - 2) != Kind::Name;
        match (in_sql, alone) {
            (true, _) => Some(("sqli.delay", 0.8)),
            (_, true) => Some(("sqli.delay", 0.5)),
            _ => None,
        }
    }
}

/// `cOnCaT`: a spelling that is there to pass filters. Names in humps change between cases less often.
fn alternates(name: &[u8]) -> bool {
    let changes = |w: &&[u8]| w[0].is_ascii_lowercase() != w[1].is_ascii_lowercase();
    name.windows(2).filter(changes).count() > 2
}
