//! What is handed out of requests.

use super::*;
use crate::inspect::Location;
use crate::request::Body;
use flate2::{write::GzEncoder, Compression};
use proptest::prelude::*;
use std::io::Write;

fn values(request: &Request) -> (Vec<String>, Gaps) {
    let mut out = Vec::new();
    let gaps = walk(request, &mut Scratch::default(), |v| {
        let text = String::from_utf8_lossy(v.bytes);
        out.push(format!("{}={text}", Location::new(v.part, v.name)));
    });
    (out, gaps)
}

fn posted<'a>(content_type: &'a str, body: &'a [u8]) -> Vec<String> {
    let headers = format!("Host: a\r\nContent-Type: {content_type}\r\n");
    let body = Body {
        bytes: body,
        ..Body::default()
    };
    let request = Request {
        headers: headers.as_bytes(),
        body,
        ..Request::default()
    };
    let (mut out, _) = values(&request);
    out.retain(|v| v != "path=" && !v.starts_with("header.content-type"));
    out
}

#[test]
fn every_place_is_read() {
    let request = Request {
        path: b"/a%2f%2e%2e",
        query: b"q=a+b&c%3d=%2527&flag&=x",
        headers: b"Host: h\r\nUser-Agent: ua\r\nAccept: */*\r\nCookie: a=b%3d; c=d\r\n\
            Referer: https://h/p?x=%3C\r\nX-Any: %41\r\nAuthorization: Bearer x\r\n",
        ..Request::default()
    };
    let (got, gaps) = values(&request);
    for want in [
        "path=/a/..",
        "query.q=a b",
        "query.c%3d='",
        "query.flag=flag",
        "query=x",
        "header.user-agent=ua",
        "cookie.a=b=",
        "cookie.c=d",
        "header.referer=https://h/p",
        "header.referer=<",
        "header.x-any=A",
    ] {
        assert!(got.iter().any(|v| v == want), "{want} in {got:?}");
    }
    assert!(
        !got.iter()
            .any(|v| v.contains("Bearer") || v.contains("*/*")),
        "{got:?}"
    );
    assert_eq!(gaps, Gaps::default());
}

#[test]
fn headers_are_read_in_their_encodings() {
    let request = Request {
        path: b"/x/PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg",
        headers: b"X-Name: =?utf-8?B?PGI+?=\r\nAuthorization: Basic YScgb3IgMTpw\r\n\
            Accept-Language: ../../x\r\nIf-Match: \"a'\"\r\nContent-Encoding: ${a}\r\n\
            X-Data: UEhOamNtbHdkRDVoYkdWeWRDZ3hLVHd2YzJOeWFYQjBQZz09\r\nAccept: text/*\r\n",
        ..Request::default()
    };
    let (got, _) = values(&request);
    for want in [
        "path=<script>alert(1)</script>",
        "header.x-name=<b>",
        "header.authorization=a' or 1",
        "header.accept-language=../../x",
        "header.if-match=\"a'\"",
        "header.content-encoding=${a}",
        "header.x-data=<script>alert(1)</script>",
    ] {
        assert!(got.iter().any(|v| v == want), "{want} in {got:?}");
    }
    assert!(!got.iter().any(|v| v.contains("text/*")), "{got:?}");
}

#[test]
fn bodies_are_read_by_type_and_by_looks() {
    let multipart = b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nv1\r\n\
        --b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"../x\"\r\n\r\nbytes\r\n--b--\r\n";
    for (content_type, body, want) in [
        ("application/json", &b"{\"a\":\"b\"}"[..], "json.a=b"),
        ("Application/JSON; charset=utf-8", b"\"<b>\"", "json=<b>"),
        (
            "application/x-www-form-urlencoded",
            b"{\"a\":\"b\"}",
            "json.a=b",
        ),
        ("text/plain", b"a=b+c&d=e", "form.a=b c"),
        ("", b"a=%7B%22k%22%3A%22v%22%7D", "form.a=v"),
        (
            "application/json",
            b"{\"a\":\"{\\\"k\\\":\\\"v\\\"}\"}",
            "json.a=v",
        ),
        (
            "application/json",
            b"{\"a\":\"b\", junk <x>",
            "body=junk <x>",
        ),
        ("multipart/form-data; boundary=b", multipart, "form.a=v1"),
        (
            "multipart/form-data; boundary=other",
            multipart,
            "file.f=../x",
        ),
        ("text/plain", b"just words", "body=just words"),
        (
            "application/json",
            b"{\"a\":\"PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==\"}",
            "json.a=<script>alert(1)</script>",
        ),
        (
            "application/json",
            b"{\"query\":\"{ a(b: \\\"<c>\\\") }\",\"variables\":{\"d\":\"<e>\"}}",
            "json.query=<c>",
        ),
        (
            "application/json",
            b"{\"query\":\"{ a }\",\"variables\":{\"d\":\"<e>\"}}",
            "json.variables.d=<e>",
        ),
        (
            "application/graphql",
            b"query { a(b: \"<c>\") }",
            "body=<c>",
        ),
        (
            "application/json",
            "{\"a\":\"\u{ff1c}b\u{ff1e}\"}".as_bytes(),
            "json.a=<b>",
        ),
        (
            "application/json",
            b"{\"a\":\"\\uff1cb\\uff1e\"}",
            "json.a=<b>",
        ),
        ("text/plain", b"x\xc0\xbcb>", "body=x<b>"),
        (
            "application/xml",
            b"<?xml version='1.0'?><r k=\"&lt;v\">t<![CDATA[<c>]]></r>",
            "body.k=<v",
        ),
        (
            "application/xml",
            b"<r k='v'>t<![CDATA[<c>]]></r>",
            "body.r=t<c>",
        ),
        (
            "application/xml",
            b"<r>1' o<!-- -->r<![CDATA[ '1'='1]]><?x?>;</r>",
            "body.r=1' or '1'='1;",
        ),
        ("application/xml", b"<r>&#xff1c;b&#xff1e;</r>", "body.r=<b>"),
        ("application/json", b"<r>1&apos; or</r>", "body.r=1' or"),
        ("", b"<r>1&apos; or</r>", "body.r=1' or"),
        ("application/json", b"{\"a\":\"1&#39; or\"}", "json.a=1' or"),
        ("text/plain", b"q=%5Cu0027 or", "form.q=' or"),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\
              Content-Transfer-Encoding: quoted-printable\r\n\r\n=3Cb=3E\r\n--b--\r\n",
            "form.a=<b>",
        ),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"=?utf-8?Q?..=2Fx?=\"\r\n\r\n\
              bytes\r\n--b--\r\n",
            "file.f=../x",
        ),
        (
            "application/x-www-form-urlencoded",
            b"a=%7B%22b%22%3A%22%5Cuff1cc%5Cuff1e%22%7D",
            "form.a=<c>",
        ),
        // What is nested may be encoded once more.
        (
            "application/json",
            b"{\"a\":\"JTNDc2NyaXB0JTNFYWxlcnQoMSklM0Mvc2NyaXB0JTNF\"}",
            "json.a=<script>alert(1)</script>",
        ),
        (
            "application/json",
            b"{\"a\":\"{\\\"k\\\":\\\"%253Cb%253E\\\"}\"}",
            "json.a=<b>",
        ),
        (
            "application/x-www-form-urlencoded",
            b"a=%7B%22k%22%3A%2250%25%20of%20it%22%7D",
            "form.a=50% of it",
        ),
        // Null bytes within a text, also those of UTF-16.
        (
            "application/x-www-form-urlencoded",
            b"a=%00'%00+%00o%00r%00(",
            "form.a=' or(",
        ),
        (
            "application/x-www-form-urlencoded",
            b"a=un%00ion {'b'} sel%00ect",
            "form.a=union {'b'} select",
        ),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\
              Content-Type: text/plain; charset=utf-16be\r\n\r\n\0<\0b\0>\r\n--b--\r\n",
            "form.a=<b>",
        ),
        (
            "text/xml",
            b"<?xml version='1.0' encoding='UTF-7'?>+ADw-a+AD4-+ACY-lt+ADs-b+ACY-gt+ADsAPA-/a+AD4-",
            "body.a=<b>",
        ),
        (
            "application/json; charset=UTF-7",
            b"+AHsAIg-a+ACI:+ACI-b <c+ACIAfQ-",
            "json.a=b <c",
        ),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.png\"\r\n\r\n\
              \x89PNG\r\n\x1a\n\0\0<?php f(); ?>\r\n--b--\r\n",
            "form.f=<?php f(); ?>",
        ),
        ("text/plain; charset=ibm037", b"\x81\x7e\x4c\x82\x6e", "form.a=<b>"),
        // A part's own charset, and that of all parts.
        (
            "multipart/form-data; boundary=b",
            b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\
              Content-Type: text/plain; charset=cp500\r\n\r\n\x4f\x4c\x82\x6e\r\n--b--\r\n",
            "form.a=!<b>",
        ),
        (
            "multipart/form-data; boundary=b; charset=ibm037",
            b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\x4c\x82\x6e\r\n--b--\r\n",
            "form.a=<b>",
        ),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\
              Content-Type: text/plain; charset=utf-7\r\n\r\n+ADw-b+AD4-\r\n--b--\r\n",
            "form.a=<b>",
        ),
        (
            "application/x-www-form-urlencoded; charset=IBM500",
            b"a=%4C%82%6E",
            "form=/\x15<b>",
        ),
        (
            "application/x-www-form-urlencoded; charset=ibm037",
            b"a=%C1%81%C0%81",
            "form=/\x15Aa{a",
        ),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.gif\"\r\n\r\n\
              GIF89a\n<?x <?PHP f(); ?>\n\r\n--b--\r\n",
            "form.f=<?PHP f(); ?>",
        ),
    ] {
        let got = posted(content_type, body);
        assert!(
            got.iter().any(|v| v == want),
            "{content_type}: {want} in {got:?}"
        );
    }
}

#[test]
fn null_bytes_of_other_data_stay() {
    let got = posted("text/plain", b"\x08\x01\0\0a' or 1=1\0\x12");
    assert!(!got.iter().any(|v| v.contains("=\u{8}\u{1}a")), "{got:?}");
    let head = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.php\"\r\n\r\n";
    let sources = format!("{head}\n<?php\nf();\n\r\n--b--\r\n");
    let got = posted("multipart/form-data; boundary=b", sources.as_bytes());
    assert!(!got.iter().any(|v| v.contains("f()")), "{got:?}");
}

#[test]
fn gzip_is_undone() {
    let mut writer = GzEncoder::new(Vec::new(), Compression::default());
    writer.write_all(b"{\"a\":\"<b>\"}").unwrap();
    let body = writer.finish().unwrap();
    let request = Request {
        headers: b"Content-Encoding: gzip\r\nContent-Type: application/json\r\n",
        body: Body {
            bytes: &body,
            ..Body::default()
        },
        ..Request::default()
    };
    let (got, gaps) = values(&request);
    assert!(got.iter().any(|v| v == "json.a=<b>"), "{got:?}");
    assert_eq!(gaps, Gaps::default());
}

#[test]
fn gaps_are_told() {
    let encoded = Request {
        headers: b"Content-Encoding: gzip\r\n",
        body: Body {
            bytes: &[31, 139, 8],
            ..Body::default()
        },
        ..Request::default()
    };
    let gaps = values(&encoded).1;
    assert_eq!(
        gaps,
        Gaps {
            why: Uninspected::BODY_ENCODED,
            bytes: 3
        }
    );

    let many = b"a=b&".repeat(140_000);
    let gaps = values(&Request {
        query: &many,
        ..Request::default()
    })
    .1;
    assert_eq!(gaps.why, Uninspected::OVER_BUDGET);
    assert!(gaps.bytes > 0);

    let broken = Request {
        headers: b"Content-Type: application/json\r\n",
        body: Body {
            bytes: b"{\"a\":",
            ..Body::default()
        },
        ..Request::default()
    };
    assert_eq!(values(&broken).1.why, Uninspected::MALFORMED);
    let cut = Request {
        body: Body {
            unread_bytes: 7,
            ..broken.body
        },
        ..broken
    };
    assert_eq!(values(&cut).1.why, Uninspected::default());
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let spicy = prop::sample::select(&b"{}[]\"\\:,%u&=+;<>!-/'?#x0 \r\n\xc0\xae\0"[..]);
    proptest::collection::vec(prop_oneof![spicy, any::<u8>()], 0..400)
}

proptest! {
    /// Any bytes anywhere: no panic, and the work stays within a multiple of the input.
    #[test]
    fn any_bytes_are_walked_in_bounded_work(
        path in bytes(), query in bytes(), headers in bytes(), body in bytes(),
        content_type in prop::sample::select(vec!["", "application/json", "text/xml",
            "application/x-www-form-urlencoded", "multipart/form-data; boundary=\"",
            "multipart/form-data; boundary=-", "multipart/form-data; boundary=\" \"",
            "multipart/form-data; boundary=\"-\\-,-\"; boundary=\"\\x,0\"",
            "application/json; charset=utf-16", "text/plain; charset=utf-32be"]),
        coding in prop::sample::select(vec!["", "identity", "gzip", "x"]),
        start in prop::sample::select(vec![&b""[..], b"-- \r\n", b"--x\n", b"---\r\n",
            b"\xff\xfe", b"{\0", b"\0\0\0[", b"x\x9c"]),
    ) {
        let body = [start, &body[..]].concat();
        let mut block = format!(
            "Content-Type: {content_type}\r\nContent-Encoding: {coding}\r\nCookie: "
        ).into_bytes();
        block.extend_from_slice(&headers);
        let request = Request {
            path: &path,
            query: &query,
            headers: &block,
            body: Body { bytes: &body, ..Body::default() },
            ..Request::default()
        };
        let size = path.len() + query.len() + block.len() + body.len();
        let (mut count, mut total) = (0, 0);
        walk(&request, &mut Scratch::default(), |v| {
            count += 1;
            total += v.bytes.len();
        });
        prop_assert!(total <= 8 * size + 64, "{total} bytes from {size}");
        prop_assert!(count <= 4 * size + 8, "{count} values from {size}");
    }
}

#[test]
fn names_tell_what_they_reach() {
    let request = Request {
        query: b"a[__proto__][b]=1&x.__class__.y=2&filter[name]=3",
        ..Request::default()
    };
    let (got, _) = values(&request);
    assert!(
        got.iter().any(|v| v.ends_with("=a[__proto__][b]")),
        "{got:?}"
    );
    assert!(got.iter().any(|v| v.ends_with("=__class__.y")), "{got:?}");
    assert!(!got.iter().any(|v| v.ends_with("=filter[name]")), "{got:?}");
}

#[test]
fn what_is_called_a_form_is_read_as_one_too() {
    let form = "application/x-www-form-urlencoded";
    let xml = b"<?xml?><a b='&u=http://a.example/x'>&amp;c=1&d=%41&e</a>";
    let got = posted(form, xml);
    for want in ["form.u=http://a.example/x'>", "form.d=A"] {
        assert!(got.iter().any(|v| v.starts_with(want)), "{want} in {got:?}");
    }
    assert!(!got.iter().any(|v| v.starts_with("form.amp")), "{got:?}");
    let got = posted("application/xml", xml);
    assert!(!got.iter().any(|v| v.starts_with("form")), "{got:?}");
}

#[test]
fn xml_names_what_its_pictures_take_in() {
    let xml = b"<s:svg><s:image x:href='a'/><use href='b'/><a href='c'/><image src='d'/></s:svg>";
    let got = posted("image/svg+xml", xml);
    for want in [
        "body.image.href=a",
        "body.image.href=b",
        "body.href=c",
        "body.src=d",
    ] {
        assert!(got.iter().any(|v| v == want), "{want} in {got:?}");
    }
}

#[test]
fn xml_names_classes_and_instructions() {
    let xml = b"<?xml version=\"1.0\"?><?x-y z?><a.b.C><d.e>1</d.e></a.b.C>";
    let got = posted("text/xml", xml);
    assert!(got.iter().any(|v| v.ends_with("=<?x-y z?>")), "{got:?}");
    assert!(got.iter().any(|v| v.ends_with("=a.b.C")), "{got:?}");
    assert!(
        !got.iter()
            .any(|v| v.contains("version") || v.ends_with("=d.e")),
        "{got:?}"
    );
}

#[test]
fn the_data_of_urls_is_undone() {
    let body = br#"{"a":"data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+"}"#;
    let got = posted("application/json", body);
    assert!(
        got.iter().any(|v| v == "json.a=<svg onload=alert(1)>"),
        "{got:?}"
    );
}

/// As mails have it, and as documents within documents.
#[test]
fn base64_is_undone_however_it_is_laid_out() {
    let folded = "PHNjcmlwdD5hbGVydChkb2N1bWVudC5jb29raWUpPC9zY3JpcHQ+\\r\\nPGltZyBzcmM9eCBvbmVycm9yPWFsZXJ0KDEpPg==\\r\\n";
    let want = "<script>alert(document.cookie)</script><img src=x onerror=alert(1)>";
    for body in [
        format!("{{\"a\":\"{folded}\"}}"),
        format!("{{\"a\":\" {folded}\"}}"),
        format!(
            "{{\"a\":\"{{\\\"b\\\":\\\"{}\\\"}}\"}}",
            folded.replace('\\', "\\\\")
        ),
        format!(
            "{{\"a\":\"{{\\\"b\\\":\\\"{}\\\"}}\"}}",
            folded.replace("\\r\\n", "").replace('+', "-")
        ),
    ] {
        let got = posted("application/json", body.as_bytes());
        let want = format!("json.a={want}");
        assert!(got.contains(&want), "{body} {got:?}");
    }
    // Lines make a file of what is sent, and hide nothing in an address.
    let file = "I2EKYgo8c3ZnL29ubG9hZD1hKCk+";
    let sent = posted(
        "application/json",
        format!("{{\"a\":\"{file}\"}}").as_bytes(),
    );
    assert!(!sent.iter().any(|v| v.contains("<svg")), "{sent:?}");
    let query = format!("a={file}");
    let request = Request {
        query: query.as_bytes(),
        ..Request::default()
    };
    let (asked, _) = values(&request);
    assert!(asked.iter().any(|v| v.contains("<svg")), "{asked:?}");
    let lines = br#"{"a":"Anna\nBertha\nCharlotte\nDorothea","b":" Hildegard and Bartholomew ","c":"{\"d\":\"Hildegard-Bartholomew\"}"}"#;
    // Four names and three texts, and nothing else.
    assert_eq!(posted("application/json", lines).len(), 7);
}

/// Which key a token is checked with is the client's to say.
#[test]
fn heads_of_tokens_are_read() {
    let token = "eyJhbGciOiJIUzI1NiIsImtpZCI6Ii4uLy4uL2EnIn0.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
    let headers = format!("Authorization: Bearer {token}\r\nCookie: t={token}\r\n");
    let query = format!("t={token}");
    let request = Request {
        query: query.as_bytes(),
        headers: headers.as_bytes(),
        ..Request::default()
    };
    let (got, _) = values(&request);
    for place in ["query.t", "header.authorization", "cookie.t"] {
        let want = format!("{place}=../../a'");
        assert!(got.contains(&want), "{want} in {got:?}");
    }
    let loosely = [
        format!("Authorization: Bearer  \"{token}\"\r\n"),
        format!("Authorization: Token token={token}\r\n"),
        format!("Cookie: t=\"{token}\"\r\n"),
    ];
    for headers in &loosely {
        let headers = headers.as_bytes();
        let request = Request {
            headers,
            ..Request::default()
        };
        let (got, _) = values(&request);
        assert!(got.iter().any(|v| v.ends_with("=../../a'")), "{got:?}");
    }
    // What it claims is anybody's name.
    assert!(!got.iter().any(|v| v.ends_with("=1")), "{got:?}");
}
