//! What searches are made with: built when it is first asked for, once in a process.

use std::sync::OnceLock;

/// Something that takes long to build. [`super::detector::prepare`] is to ask for all of it, so that no
/// request waits.
pub struct Built<T>(OnceLock<T>);

impl<T> Built<T> {
    pub const fn new() -> Built<T> {
        Built(OnceLock::new())
    }

    /// Gives what `build` made of it the first time.
    pub fn get_or(&self, build: impl FnOnce() -> T) -> &T {
        self.0.get_or_init(|| {
            #[cfg(test)]
            tests::BUILT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            build()
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::inspect::{Family, Findings, Inspector};
    use crate::request::{Body, Request};
    use std::process::Command;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// How often anything was built.
    pub static BUILT: AtomicUsize = AtomicUsize::new(0);

    /// Set in the process in which this test is alone.
    const ALONE: &str = "THREAT_AGENT_TEST_ALONE";
    const NAME: &str = "inspect::built::tests::no_request_waits_for_what_is_built";

    /// Other tests build as well, so it is counted in a process of its own.
    #[test]
    fn no_request_waits_for_what_is_built() {
        if std::env::var_os(ALONE).is_none() {
            let mut alone = Command::new(std::env::current_exe().unwrap());
            alone.args(["--exact", NAME]).env(ALONE, "");
            let output = alone.output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(
                output.status.success() && said.contains("1 passed"),
                "{said}"
            );
            return;
        }
        let built = || BUILT.load(Ordering::Relaxed);
        let inspector = Inspector::new(&Family::ALL);
        let prepared = built();
        assert!(prepared > 0);
        for (content_type, body) in requests() {
            let request = Request {
                method: b"POST",
                path: b"/a/../../etc/passwd",
                query: b"a=..%2f..%2fetc%2fpasswd&b=x'%20or%201=1--&c=%3Cscript%3Ealert(1)",
                headers: content_type.as_bytes(),
                body: Body {
                    bytes: body.as_bytes(),
                    ..Body::default()
                },
                ..Request::default()
            };
            let mut found = Findings::default();
            inspector.inspect(&request, &mut found);
            assert_eq!(built(), prepared, "{body}");
        }
    }

    /// A page where pages are taken, a file, a report of an error, and a value of each family.
    fn requests() -> Vec<(&'static str, String)> {
        let page = format!(
            "<!DOCTYPE html><html><head><title>x</title></head><body>{}<script>go()</script></body></html>",
            "<p>All that you need.</p>".repeat(10)
        );
        let json = "Content-Type: application/json\r\n";
        let values = [
            "java.lang.IllegalStateException: x\\n\\tat a.B.c(B.java:1) Runtime.getRuntime().exec('id')",
            "; cat /etc/passwd",
            "{{7*7}}${T(java.lang.Runtime)}",
            "http://169.254.169.254/latest/meta-data",
            "php://filter/read=convert.base64-encode/resource=x",
            "*)(uid=*))(|(uid=*",
            "' or count(/user)=1 or 'a'='b",
            "<!--#exec cmd=\\\"id\\\"-->",
            "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>",
            "x\\r\\nSet-Cookie: a=b",
        ];
        let values = values.iter().map(|v| {
            (
                json,
                format!("{{\"a\":\"{v}\",\"b\":{{\"$where\":\"sleep(1)\"}}}}"),
            )
        });
        let file = "--b\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a.php\"\r\n\r\n<?php x();\r\n--b--\r\n";
        let parts = (
            "Content-Type: multipart/form-data; boundary=b\r\n",
            file.to_owned(),
        );
        let pages = (json, format!("{{\"html\":\"{page}\"}}"));
        values.chain([parts, pages]).collect()
    }
}
