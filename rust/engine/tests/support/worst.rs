//! Inputs of 64 KiB that are made to cost: one family's triggers over and over, all of them at
//! once, in one value or in thousands, nested, and with what makes careless searches quadratic.

/// Units: bytes.
pub const SIZE: usize = 64 << 10;

/// A body and its type.
pub struct Input {
    pub name: String,
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

/// What detectors react to.
const PIECES: [(&str, &str); 29] = [
    ("sql", "1' or '1'='1"),
    ("union", "' union select 1 from x where sleep(1)--\n"),
    ("quote", "'="),
    ("logic", "or."),
    ("tag", "<a onx=1>"),
    ("open tag", "<a "),
    ("less", "<"),
    ("reference", "&#x3c;"),
    ("escape", "\\u003c"),
    ("encoded", "%253c"),
    ("command", ";ls|id `id` $(x)"),
    ("spelled line end", "`\\n\\r\\n"),
    ("climb", "../"),
    ("file", "/etc/passwd "),
    ("template", "{{7*7}}"),
    ("lookup", "${lower:"),
    ("hash", "#ab"),
    ("url", "http://127.0.0.1/"),
    ("php", "$_GET[x]("),
    ("operator", "$ne"),
    ("filter", ")("),
    ("object", "a:1:{s:1:\""),
    ("entity", "<!ENTITY x SYSTEM \"file:///\">"),
    ("line", "\r\nx: y"),
    ("words", "order by the set of all, call for more or less "),
    ("links", "https://localhost.example.com/bin "),
    ("base64", "QUFB"),
    ("overlong", "\u{c0}\u{ff07}"),
    ("all", "'<${%../|(#ab{{"),
];

/// Sizes of the values that a piece is repeated to; 0 for the piece itself. Units: bytes.
const VALUES: [usize; 3] = [0, 400, 8_000];

fn repeated(piece: &str, bytes: usize) -> String {
    piece.repeat((bytes / piece.len()).max(1))
}

/// All pieces in an order that does not come again, with words between them: what a matcher that
/// learns a text by heart never knows. `seed` is another order.
struct Mixture(u32);

impl Mixture {
    fn below(&mut self, end: usize) -> usize {
        // Xorshift.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as usize % end
    }

    fn text(&mut self, bytes: usize) -> String {
        let mut out = String::new();
        while out.len() < bytes {
            let (_, piece) = PIECES[self.below(PIECES.len())];
            let start = self.below(piece.len());
            out.push_str(piece.get(start..).unwrap_or(piece));
            for _ in 0..self.below(4) {
                out.push(char::from(b"aeinost _.-/:=1"[self.below(15)]));
            }
        }
        out
    }
}

/// A JSON array of as many strings as fit.
fn array(mut value: impl FnMut() -> String) -> Vec<u8> {
    let mut out = b"[".to_vec();
    loop {
        let quoted = serde_json::to_string(&value()).expect("a string");
        if out.len() + quoted.len() + 3 > SIZE {
            break;
        }
        out.extend_from_slice(quoted.as_bytes());
        out.push(b',');
    }
    out.extend_from_slice(b"0]");
    out
}

/// All of them.
pub fn inputs() -> Vec<Input> {
    let mut out = Vec::new();
    let mut add = |name: String, content_type, body| {
        out.push(Input {
            name,
            content_type,
            body,
        });
    };
    for (name, piece) in PIECES {
        add(
            format!("{name} text"),
            "text/plain",
            repeated(piece, SIZE).into(),
        );
        for bytes in VALUES {
            let body = array(|| repeated(piece, bytes));
            add(format!("{name} json {bytes}"), "application/json", body);
        }
    }
    let nested = serde_json::json!([{ "a": "' or 1" }]).to_string();
    for (name, content_type, start, unit) in [
        ("deep", "application/json", "", "["),
        ("cut strings", "application/json", "[", "\"{\\\"a\","),
        (
            "closed strings",
            "application/json",
            "[",
            "\"[\\\"'\\\"]\",",
        ),
        ("escapes", "application/json", "[\"", "\\n"),
        ("escaped values", "application/json", "[", "\"\\u003c\","),
        ("escaped letters", "application/json", "[\"", "\\u0061"),
        ("short keys", "application/json", "{", "\"a\":1,"),
        ("hot keys", "application/json", "{", "\"a b\":1,"),
        ("objects", "application/json", "[", "{\"a\":{\"b\":[]}},"),
        (
            "form",
            "application/x-www-form-urlencoded",
            "",
            "%27%3c=%2527&",
        ),
        (
            "tags",
            "application/xml",
            "<?xml version='1.0'?>",
            "<a b=\"'x\' or 1=1\">&lt;",
        ),
        (
            "cdata",
            "application/xml",
            "<?xml version='1.0'?>",
            "<![CDATA[<",
        ),
        (
            "parts",
            "multipart/form-data; boundary=b",
            "",
            "--b\r\nContent-Disposition: form-data; name=\"'<\"; filename=\"'<\"\r\n\r\n1\r\n",
        ),
        (
            "half parts",
            "multipart/form-data; boundary=b",
            "--b\r\n\r\n",
            "--b",
        ),
        (
            "half parts of words",
            "multipart/form-data; boundary=b",
            "--b\r\n\r\n",
            "--b'<a",
        ),
        (
            "query of literals",
            "application/graphql",
            "query{a(",
            "b:\"'<\",",
        ),
        (
            "query in a document",
            "application/json",
            "{\"query\":\"query{a(",
            "b:\\\"'<\\\",",
        ),
        ("short words", "text/plain", "", "id or ls "),
        (
            "wide characters",
            "application/json; charset=utf-16",
            "[",
            "\0'\0<",
        ),
        ("attributes", "text/plain", "<img ", "a/"),
        ("attributes json", "application/json", "[\"<img ", "a=& "),
        ("blanks", "text/plain", "or", " "),
        ("letters", "text/plain", "x=", "a"),
    ] {
        let body = format!("{start}{}", repeated(unit, SIZE - start.len()));
        add(name.into(), content_type, body.into());
    }
    add(
        "documents in strings".into(),
        "application/json",
        array(|| nested.clone()),
    );
    let mut mixture = Mixture(0x9e37_79b9);
    for bytes in [40, 400, 8_000] {
        let body = array(|| mixture.text(bytes));
        add(format!("mixture json {bytes}"), "application/json", body);
    }
    let body = mixture.text(SIZE).into_bytes();
    add("mixture text".into(), "text/plain", body);
    out
}
