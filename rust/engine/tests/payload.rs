//! Payload inspection as the gateway sees it: whole requests through `Engine::inspect`, with a
//! regression case for each known way around a firewall.

use proptest::prelude::*;
use threat_agent_engine::inspect::{Family, Findings, Inspector};
use threat_agent_engine::LocalState;
use threat_agent_engine::{Action, Body, Category, Config, Engine, Request, Uninspected, Verdict};

fn judge(request: &Request<'_>) -> Verdict {
    let engine = Engine::new(Config::default()).unwrap();
    engine.inspect(request, &LocalState::default(), 1)
}

fn posted<'a>(headers: &'a [u8], body: &'a [u8]) -> Request<'a> {
    Request {
        method: b"POST",
        path: b"/x",
        headers,
        body: Body {
            bytes: body,
            ..Body::default()
        },
        ..Request::default()
    }
}

#[test]
fn attacks_are_refused_wherever_they_stand() {
    let in_query = |query| Request {
        query,
        ..Request::default()
    };
    let in_path = |path| Request {
        path,
        ..Request::default()
    };
    let in_headers = |headers| Request {
        headers,
        ..Request::default()
    };
    for (request, location) in [
        (in_query(&b"q=1%27%20or%20%271%27=%271"[..]), "query.q"),
        (in_query(b"q=1%2527%2520or%25201=1--"), "query.q"),
        (in_query(b"<script>alert(1)</script>"), "query.<script>alert(1)</script>"),
        (in_query(b"a=%7B%22b%22%3A%22%3Cscript%3Ealert(1)%3C/script%3E%22%7D"), "query.a"),
        (in_path(b"/static/..%c0%af..%c0%af..%c0%afetc/passwd"), "path"),
        (in_path(b"/items/1%20union%20select%201,2"), "path"),
        (in_path(b"/a%3f/../../../etc/passwd"), "path"),
        (in_headers(b"User-Agent: <script>alert(1)</script>\r\n"), "header.user-agent"),
        (in_headers(b"Cookie: sid=1' or '1'='1\r\n"), "cookie.sid"),
        (in_headers(b"X-Any: %3Cscript%3Ealert(1)%3C/script%3E\n"), "header.x-any"),
        (in_headers(b"Referer: https://a/?q=%3Cimg%20src=x%20onerror=alert(1)%3E\r\n"), "header.referer"),
        (posted(b"", b"{\"user\":{\"name\":\"1' or '1'='1\"}}"), "json.user.name"),
        (posted(b"Content-Type: application/json\r\n", b"\"<script>alert(1)</script>\""), "json"),
        (posted(b"content-type: TEXT/PLAIN\r\n", b"{\"a\":\"\\u003cscript\\u003ealert(1)</script>\"}"), "json.a"),
        (posted(b"Content-Type: application/json\r\n", b"a=1' or '1'='1"), "form.a"),
        (posted(b"Content-Type: application/x-www-form-urlencoded\r\n", b"a=1%27+or+%271%27=%271"), "form.a"),
        (posted(b"Content-Type: application/json\r\n", b"{\"a\":\"1' or '1'='1"), "json.a"),
        (posted(b"Content-Type: text/xml\r\n", b"<r><a b=\"1' or '1'='1\"/></r>"), "body.b"),
        (
            posted(
                b"Content-Type: multipart/form-data; boundary=zzz\r\n",
                b"--b\r\nContent-Disposition: form-data; name=\"c\"\r\n\r\n1' or '1'='1\r\n--b--\r\n",
            ),
            "form.c",
        ),
    ] {
        let verdict = judge(&request);
        assert_eq!(verdict.action, Action::Block, "{location}");
        assert_eq!(verdict.category, Some(Category::PayloadInjection), "{location}");
        assert!(verdict.reason.ends_with(&format!(" in {location}")), "{}", verdict.reason);
    }
}

#[test]
fn ordinary_requests_pass() {
    for body in [
        &b"{\"sql\":\"SELECT id, name FROM users WHERE age > 30 AND city = 'Oslo' LIMIT 10\"}"[..],
        b"{\"query\":\"query Q($id: ID!) { user(id: $id) { name posts(first: 10) { id } } }\"}",
        b"{\"text\":\"It's Tom's, isn't it? -- 'yes' or 'no'; select one & reply\"}",
        b"{\"html\":\"<h1>Hi</h1><p>Read <a href=\\\"https://a.example/?a=1&b=2\\\">this</a></p>\"}",
        b"{\"md\":\"Use `let x = a || b;` and\\n```sql\\nSELECT * FROM t;\\n```\\nsee ../README.md\"}",
        b"{\"code\":\"def f(s):\\n    return s == 'a' or s == \\\"b\\\"  # or 1\"}",
        b"comment=50%25+off+%26+free+shipping+%3C3&name=O%27Brien",
    ] {
        let verdict = judge(&posted(b"Content-Type: application/json\r\n", body));
        let shown = body.escape_ascii();
        assert_eq!(verdict.action, Action::Allow, "{shown}: {}", verdict.reason);
    }
}

#[test]
fn what_is_not_inspected_is_told() {
    let gzip = posted(b"Content-Encoding: gzip\r\n", &[31, 139, 8, 0]);
    let verdict = judge(&gzip);
    assert!(verdict.uninspected.contains(Uninspected::BODY_ENCODED));
    assert_eq!(verdict.uninspected_bytes, 4);

    let deep = [b"[".repeat(20_000), b"]".repeat(20_000)].concat();
    let verdict = judge(&posted(b"Content-Type: application/json\r\n", &deep));
    assert!(verdict.uninspected.contains(Uninspected::OVER_BUDGET));
    assert!(verdict.uninspected_bytes > 0);
}

#[test]
fn a_content_encoding_does_not_switch_inspection_off() {
    let attack = b"q=1%27%20or%20%271%27=%271";
    let encoded = Uninspected::BODY_ENCODED;
    for (coding, body, mark) in [
        ("x", &attack[..], Uninspected::default()),
        ("identity, IDENTITY", attack, Uninspected::default()),
        ("gzip", attack, encoded),
        ("x, BR", attack, encoded),
        ("x", b"x^=1&q=1%27%20or%20%271%27=%271", encoded),
        ("gzip", b"\x1f\x8b=1&q=1%27%20or%20%271%27=%271", encoded),
        ("x", b"a=\x01&q=1%27%20or%20%271%27=%271", encoded),
        (
            "zstd",
            b"\x28\xb5\x2f\xfd\0\0\0&q=1'\xa0or\x0b'1'='1&\0\0",
            encoded,
        ),
    ] {
        let headers = format!(
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Encoding: {coding}\r\n"
        );
        let verdict = judge(&posted(headers.as_bytes(), body));
        let shown = body.escape_ascii();
        assert_eq!(verdict.action, Action::Block, "{coding}: {shown}");
        assert_eq!(verdict.uninspected, mark, "{coding}: {shown}");
        let bytes = if mark == encoded { body.len() } else { 0 };
        assert_eq!(verdict.uninspected_bytes, bytes as u64, "{coding}: {shown}");
    }
    // Bytes of a compression by chance hold a null byte behind an equals sign.
    let deflated = b"x\x9c\x03=\0%00\xff&\x12=\0\xe4'\x0b\0";
    let headers =
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Encoding: deflate\r\n";
    let verdict = judge(&posted(headers, deflated));
    assert_eq!(verdict.action, Action::Allow, "{}", verdict.reason);
    assert_eq!(verdict.uninspected, encoded);
}

/// A multipart body of one part with this head and content.
fn part(head: &str, content: &str) -> String {
    format!("--b\r\n{head}\r\n\r\n{content}\r\n--b--\r\n")
}

#[test]
fn nothing_hides_in_multipart() {
    const ATTACK: &str = "1' or '1'='1";
    let long = format!("{ATTACK}\n{}", "x\n".repeat(20_000));
    let field = "Content-Disposition: form-data; name=\"a\"";
    let file = "Content-Disposition: form-data; name=\"f\"; filename=\"f.bin\"";
    let headed = "Content-Type: multipart/form-data; boundary=b";
    let within = |text: &str| part(file, &format!("{long}{text}{field}\r\n\r\n{ATTACK}"));
    let mut cases = vec![
        // A decoy as preamble, or by another boundary; text before, behind, and without parts.
        (
            headed,
            format!("--x\r\n{file}\r\n\r\n{long}\r\n{}", part(field, ATTACK)),
        ),
        (
            headed,
            format!(
                "--x\r\n{field}\r\n\r\n{ATTACK}\r\n--x--\r\n{}",
                part(field, "1")
            ),
        ),
        (headed, format!("{ATTACK}\r\n{}", part(field, "1"))),
        (headed, format!("{}{ATTACK}", part(field, "1"))),
        (headed, ATTACK.into()),
        (headed, format!("--{ATTACK}")),
        ("Content-Type: multipart/form-data", ATTACK.into()),
        (
            "Content-Type: multipart/form-data; boundary=zz",
            part(field, ATTACK),
        ),
        ("", part(field, ATTACK)),
        // The boundary's spellings.
        (
            "Content-Type: multipart/form-data; BOUNDARY = \"b\"; x=\"; boundary=y\"",
            part(field, ATTACK),
        ),
        (
            "Content-Type: multipart/form-data; boundary=\"\\b\"",
            part(field, ATTACK),
        ),
        (
            "Content-Type: multipart/form-data; boundary=b,c",
            part(field, ATTACK),
        ),
        (
            "Content-Type: multipart/form-data; boundary=f; boundary=b",
            part(field, ATTACK),
        ),
        // Delimiters that only some servers take for such.
        (headed, within("--b\r\n")),
        (headed, within("\n--b\n")),
        (headed, within("\r\n--bb\r\n")),
        (headed, within("\r\n--b--\r\n--b\r\n")),
        (headed, part(field, "1' --b\r\n or '1'='1")),
        (headed, part(file, ATTACK)),
        (headed, part(file, "{\"a\":\n\"1' or '1'='1\"}")),
        // A picture for its converter.
        (
            headed,
            part(file, "%!PS\n0 1 9 {} for\n(%pipe%id) (w) file\n"),
        ),
        (
            headed,
            part(
                file,
                &format!("push graphic-context\nimage over 0,0 1,1 'url(x|id)'\n{long}"),
            ),
        ),
    ];
    for head in [
        "X: filename=a\r\nContent-Disposition: form-data; name=\"a\"",
        "Content-Disposition: form-data; name=\"a;filename=b\"",
        "Content-Disposition: form-data; name=\"a; filename=\\\"b\"",
        "Content-Disposition: form-data; name=\"a\\\"; x=\"; filename=\"b\"",
        "Content-Disposition: form-data; name='a;filename=b'",
        "Content-Disposition: form-data; name=\"a\"; xfilename=b",
        "Content-Disposition: form-data; name=\"a\"; filename=\"\"",
        "Content-Disposition: form-data; name=\"a\"; filename*=b",
        "Content-Disposition: form-data; name=\"a\"\r\n ; filename=b",
        "Content-Disposition: form-data; name=\"a\"\nX: y; filename=b",
        "Content-Disposition : form-data; name=\"a\"; filename=b",
        "Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; filename=b",
        "Content-Type: text/plain; filename=b",
    ] {
        cases.push((headed, part(head, &long)));
    }
    for head in [
        format!("{field}\r\nX-Any: {ATTACK}"),
        format!("{field}\r\n{ATTACK}"),
        format!("Content-Disposition: form-data; name=\"{ATTACK}\""),
        format!("Content-Disposition: form-data; name=a; filename=\"{ATTACK}\""),
    ] {
        cases.push((headed, part(&head, "1")));
    }
    for (headers, body) in cases {
        let headers = format!("{headers}\r\n");
        let verdict = judge(&posted(headers.as_bytes(), body.as_bytes()));
        let shown: String = body.chars().take(160).collect();
        assert_eq!(verdict.action, Action::Block, "{headers}{shown}");
    }
}

#[test]
fn documents_in_multipart_pass_and_are_counted() {
    let page = "<!doctype html>\n<script>alert(1)</script>\n";
    for (name, content) in [
        ("name=\"f\"; filename=\"a.html\"", page.to_string()),
        ("name=f; FileName=C:\\a.html", page.into()),
        ("filename=\"a;b.html\"; name=\"f\"", page.repeat(2000)),
        ("name=\"f\"; filename=\"a.gz\"", "\u{1f}\0' or 1=1--".into()),
    ] {
        let body = part(&format!("Content-Disposition: form-data; {name}"), &content);
        for body in [body.clone(), body.replace("\r\n", "\n")] {
            let headers = b"Content-Type: multipart/form-data; boundary=b\r\n";
            let verdict = judge(&posted(headers, body.as_bytes()));
            assert_eq!(verdict.action, Action::Allow, "{name}: {}", verdict.reason);
            assert_eq!(verdict.uninspected, Uninspected::OVER_BUDGET, "{name}");
            assert!(verdict.uninspected_bytes >= content.len() as u64, "{name}");
        }
    }
    let harmless = part(
        "Content-Disposition: form-data; name=f; filename=a.txt",
        "notes",
    );
    let verdict = judge(&posted(
        b"Content-Type: multipart/form-data; boundary=b\r\n",
        harmless.as_bytes(),
    ));
    assert_eq!(verdict.uninspected, Uninspected::default());
}

/// Spells a text in UTF-16 or UTF-32.
fn wide(text: &str, bytes: usize, big_endian: bool) -> Vec<u8> {
    let unit = |code: u32| {
        let all = if big_endian {
            code.to_be_bytes()
        } else {
            code.to_le_bytes()
        };
        let from = if big_endian { 4 - bytes } else { 0 };
        all[from..from + bytes].to_vec()
    };
    if bytes == 2 {
        text.encode_utf16().flat_map(|u| unit(u.into())).collect()
    } else {
        text.chars().flat_map(|c| unit(c.into())).collect()
    }
}

#[test]
fn utf_16_and_utf_32_are_read() {
    for (text, location) in [
        ("{\"\u{1f600}\":\"x\",\"a\":\"1' or '1'='1\"}", "json.a"),
        (" [\"\\u0031' or '1'='1\"]", "json"),
        ("<r><a b=\"1' or '1'='1\"/></r>", "body.b"),
    ] {
        for (bytes, big_endian) in [(2, false), (2, true), (4, false), (4, true)] {
            for mark in ["", "\u{feff}"] {
                let xml = location == "body.b";
                let kind: &[u8] = if xml {
                    b"Content-Type: text/xml\r\n"
                } else {
                    b""
                };
                let body = wide(&format!("{mark}{text}"), bytes, big_endian);
                let verdict = judge(&posted(kind, &body));
                assert_eq!(verdict.action, Action::Block, "{text} {bytes} {big_endian}");
                let place = format!(" in {location}");
                assert!(verdict.reason.ends_with(&place), "{}", verdict.reason);
            }
        }
    }
    let said = b"Content-Type: application/json; charset=UTF-16\r\n";
    for body in [
        // The charset alone tells; the charset lies; both readings of the same bytes.
        wide("x\"1' or '1'='1\"", 2, false),
        b"{\"a\":\"1' or '1'='1\"}".to_vec(),
        b"{\"a\":\"1' or '1'='1\"}\0".to_vec(),
        b"{\0\"\0a='1' or '1'='1' \"\0}\0".to_vec(),
    ] {
        let verdict = judge(&posted(said, &body));
        assert_eq!(verdict.action, Action::Block, "{}", body.escape_ascii());
    }
    let benign = "{\"text\":\"It's \u{4f60}\u{597d}\u{1f600}, caf\u{e9}; isn't it?\",\"n\":[1,2]}";
    let verdict = judge(&posted(said, &wide(benign, 2, true)));
    assert_eq!(verdict.action, Action::Allow, "{}", verdict.reason);
    assert_eq!(verdict.uninspected, Uninspected::default());
}

#[test]
fn only_the_families_asked_for_speak() {
    let request = Request {
        path: b"/.git/config",
        headers: b"User-Agent: sqlmap/1.7\r\n",
        query: b"a=%3Cscript%3Ealert(1)%3C/script%3E&b=../../../etc/passwd&c=1%20or%201=1\
            &d=;cat%20/etc/hosts&e=http://a.example/x.txt?&f=phpinfo()&g={{7*7}}&h[$ne]=1\
            &i=http://169.254.169.254/&j=%3C!ENTITY%20x%20SYSTEM%20%22file:///x%22%3E\
            &k=*)(uid=*&l=count(/child::node())&m=%3C!--%23exec%20cmd=%22id%22--%3E\
            &n=x%0d%0aSet-Cookie:%20a=b",
        ..Request::default()
    };
    for family in Family::ALL {
        let mut found = Findings::default();
        Inspector::new(&[family, family]).inspect(&request, &mut found);
        assert!(!found.list.is_empty(), "{family:?}");
        assert!(found.list.iter().all(|f| f.family == family), "{found:?}");
    }
}

/// Bytes that detectors react to, and any others.
fn spicy() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        &b"'"[..],
        b"\"",
        b"<",
        b">",
        b"(",
        b")",
        b"--",
        b"#",
        b"/*",
        b"*/",
        b";",
        b"=",
        b"../",
        b"\\",
        b"%",
        b"%u",
        b"%c0%ae",
        b"&#",
        b"&lt;",
        b"\\u00",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b" or ",
        b" and ",
        b"union ",
        b"select ",
        b"case when ",
        b"waitfor delay ",
        b"script",
        b"onload=",
        b"javascript:",
        b"style=",
        b"alert(",
        b"etc/passwd",
        b"@@",
        b"0x",
        b"1",
        b"a",
        b" ",
        b"\0",
        b"\n",
        b"\xff",
        b"\xc0",
    ]);
    let piece = prop_oneof![
        8 => pieces.prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(piece, 0..80).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// Whatever comes, wherever it stands: an answer, scores within their range, each rule once.
    #[test]
    fn any_request_is_answered(a in spicy(), b in spicy(), c in spicy(), json in any::<bool>()) {
        let kind: &[u8] = if json { b"application/json" } else { b"" };
        let headers = [b"Content-Type: ", kind, b"\r\nCookie: ", &b[..], b"\r\nX-A: ", &a[..]].concat();
        let request = Request {
            path: &a,
            query: &b,
            headers: &headers,
            body: Body { bytes: &c, ..Body::default() },
            ..Request::default()
        };
        let mut found = Findings::default();
        Inspector::new(&Family::ALL).inspect(&request, &mut found);
        for (i, finding) in found.list.iter().enumerate() {
            prop_assert!((0.0..=1.0).contains(&finding.score), "{finding:?}");
            prop_assert!(finding.location.to_string().len() <= 64);
            prop_assert!(found.list[..i].iter().all(|f| f.rule != finding.rule));
        }
    }
}
