//! Parameters of a header's value, `form-data; name="a"; filename="b.c"`, and whether all servers read them
//! alike.
//!
//! Source: RFC 9110, section 5.6.6.

/// `; key=value` of a header.
pub struct Parameter<'h> {
    pub key: &'h [u8],
    /// Without its quotes; its backslashes stay.
    pub value: &'h [u8],
}

/// Reads a header's parameters, with respect to quotes and to backslashes within them.
pub struct Parameters<'h> {
    rest: &'h [u8],
    /// Whether something is spelled in a way that servers read differently.
    pub odd: bool,
}

impl<'h> Parameters<'h> {
    pub fn new(value: &'h [u8]) -> Parameters<'h> {
        Parameters {
            rest: behind(value, b';'),
            odd: false,
        }
    }
}

impl<'h> Iterator for Parameters<'h> {
    type Item = Parameter<'h>;

    fn next(&mut self) -> Option<Parameter<'h>> {
        let equals = loop {
            let stop = memchr::memchr2(b'=', b';', self.rest)?;
            if self.rest[stop] == b'=' {
                break stop;
            }
            self.rest = &self.rest[stop + 1..];
        };
        let key = self.rest[..equals].trim_ascii();
        let value = self.rest[equals + 1..].trim_ascii_start();
        let Some(quoted) = value.strip_prefix(b"\"") else {
            let end = memchr::memchr(b';', value).unwrap_or(value.len());
            self.rest = behind(value, b';');
            let value = value[..end].trim_ascii();
            self.odd |= value.contains(&b'"') || value.starts_with(b"'");
            return Some(Parameter { key, value });
        };
        let mut end = 0;
        loop {
            end += match memchr::memchr2(b'"', b'\\', &quoted[end..]) {
                Some(at) => at,
                None => quoted.len() - end,
            };
            match quoted.get(end..) {
                Some([b'\\', escaped, ..]) => {
                    self.odd |= *escaped == b'"';
                    end += 2;
                }
                Some([b'\\']) => end += 1,
                _ => break,
            }
        }
        let after = quoted.get(end + 1..);
        let junk = memchr::memchr(b';', after.unwrap_or_default());
        let junk = &after.unwrap_or_default()[..junk.unwrap_or(after.map_or(0, <[u8]>::len))];
        self.odd |= after.is_none() || !junk.trim_ascii().is_empty();
        self.rest = behind(after.unwrap_or_default(), b';');
        Some(Parameter {
            key,
            value: &quoted[..end],
        })
    }
}

fn behind(text: &[u8], mark: u8) -> &[u8] {
    memchr::memchr(mark, text).map_or(b"", |at| &text[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_respect_quotes_and_backslashes() {
        for (header, want, odd) in [
            (
                "form-data; name=\"a\"; filename=b.c",
                "name=a|filename=b.c",
                false,
            ),
            (" form-data ;NAME = \"a;b=c\" ; x", "NAME=a;b=c", false),
            (
                r#"form-data; name="a\\"; filename="b""#,
                r"name=a\\|filename=b",
                false,
            ),
            (
                r#"form-data; filename="C:\a"; name=b"#,
                r"filename=C:\a|name=b",
                false,
            ),
            (
                r#"form-data; name="a\"; filename=b"#,
                r#"name=a\"; filename=b"#,
                true,
            ),
            (
                "form-data; name='a;filename=b'",
                "name='a|filename=b'",
                true,
            ),
            (
                "form-data; name=\"a\"b; filename=c",
                "name=a|filename=c",
                true,
            ),
            ("form-data; name=\"a", "name=a", true),
            ("form-data; name=\"a\\", "name=a\\", true),
            ("form-data; name=", "name=", false),
            ("form-data; name=\"", "name=", true),
            ("form-data", "", false),
            ("", "", false),
        ] {
            let mut parameters = Parameters::new(header.as_bytes());
            let show = |b| String::from_utf8_lossy(b).into_owned();
            let got: Vec<String> = parameters
                .by_ref()
                .map(|p| format!("{}={}", show(p.key), show(p.value)))
                .collect();
            assert_eq!(got.join("|"), want, "{header}");
            assert_eq!(parameters.odd, odd, "{header}");
        }
    }
}
