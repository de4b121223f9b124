//! Traversals, and paths that are none.

use super::*;
use crate::inspect::testing::{self, score, score_at};

#[test]
fn sources_import_each_other() {
    let json = |text: &str| score_at(&Traversal, Part::Json, b"diff", text);
    assert!(json("--- a/x.js\n-import a from '../../a'\n+import a from '../../../a'\n") < 0.5);
    assert!(json("[Group](../index.md) / Group\n\n[a](../../a.md) and [b](../../b.md)\n") < 0.5);
    let notes = "Logs are in /var/log/syslog.\n\n[a](../a.md), [b](../b.md), [c](../../c.md)\n";
    assert!(json(notes) < 0.5);
    assert!(json("Logs are\nhere:\n../../../../var/log/syslog\n") >= 0.5);
    assert!(json("../../../../x") >= 0.5);
    assert!(json("file:///var/run/secrets/token") >= 0.5);
    assert!(json("uploads/../../private/keys.pem") >= 0.5);
    assert!(json("src/../lib/../index.js") < 0.5);
    assert!(json("webpack://app/../../node_modules/a.js") < 0.5);
    assert!(json("file:///Users/anna/a.html") < 0.5);
    assert!(json("jar:file:/root/a.jar!/b") >= 0.5);
    assert!(json("jar:file:/app/a.jar!/b") < 0.5);
}

#[test]
fn descriptions_refer_to_files_beside_them() {
    let at = |name, text: &str| score_at(&Traversal, Part::Json, name, text) >= 0.5;
    for text in [
        "../../../shared/models/list.yml",
        "../../../../v2/error.json#/definitions/id",
    ] {
        assert!(!at(b"allOf.$ref", text), "{text}");
        assert!(at(b"allOf.file", text), "{text}");
        assert!(score_at(&Traversal, Part::Query, b"$ref", text) >= 0.5);
    }
    for (name, text) in [
        (
            &b"dependencies.lexer"[..],
            "link:../../../../packages/lexer",
        ),
        (b"dependencies.b", "file:../../../a/node_modules/b"),
        (b"resources", "../../../../manifests/base/crds/full"),
    ] {
        assert!(!at(name, text), "{text}");
        assert!(at(b"file", text), "{text}");
    }
    for text in [
        "../../../../etc/passwd",
        "../../../../etc",
        "../../../../a/",
        "../../../../a.key",
    ] {
        assert!(at(b"resources", text), "{text}");
    }
    let schema = "../../../xsd/platform.coreTypes.xsd";
    assert!(score_at(&Traversal, Part::Body, b"schemaLocation", schema) < 0.5);
    assert!(score_at(&Traversal, Part::Body, b"location", schema) >= 0.5);
    for text in [
        "../../../../etc/passwd",
        "../../../../etc/passwd#x.yml",
        "../../../../etc/passwd\0.yml",
        "../../../../root/.ssh/id_rsa",
        "../../../../etc/app/settings.yml",
        "../../../../Root/backup.json",
        "../../../../.config/tokens.json",
        "../../../../shared/.cache/tokens.json",
        "../../shared/../../../../app/settings.yml",
        "../../.././../../app/settings.yml",
        "../..//../../../app/settings.yml",
        "file:../../../../var/lib/app/settings.json",
    ] {
        assert!(at(b"allOf.$ref", text), "{text}");
    }
    assert!(!at(b"allOf.$ref", "../../../../home/v1.2/types.yaml"));
    for text in ["../../a/../../../../b", "../.././../../b", "../../../tmp/b"] {
        assert!(at(b"resources", text), "{text}");
    }
    let within = |inner| {
        let value = Value {
            part: Part::Json,
            name: b"resources",
            inner,
            ..testing::value(b"../../../../srv/app")
        };
        is_reference(&value, value.bytes)
    };
    assert!(within(b"") && within(b"bases") && !within(b"file"));
}

#[test]
fn sites_have_folders_that_servers_have() {
    let path = |text: &str| score_at(&Traversal, Part::Path, b"", text) >= 0.5;
    for text in ["/etc/designs/shop.min.css", "/etc/replication/tree.html"] {
        assert!(!path(text), "{text}");
    }
    for text in [
        "/etc/nginx/nginx.conf",
        "/etc/passwd",
        "/etc/../x.html/../../..",
    ] {
        assert!(path(text), "{text}");
    }
}

#[test]
fn settings_name_folders_of_servers() {
    for (name, text, want) in [
        (
            &b"spec.volumeMounts.mountPath"[..],
            "/etc/nginx/conf.d",
            false,
        ),
        (b"log", "/var/log/nginx/access.log", false),
        (b"volumes", "./data:/var/lib/mysql", false),
        (b"hostPath.path", "/var/log/pods", false),
        (b"monitor.caFile", "/etc/prometheus/certs/ca.crt", false),
        (b"monitor.caFile", "/etc/shadow", true),
        (b"login", "/etc/nginx/nginx.conf", true),
        (b"catalog.file", "/etc/mysql/my.cnf", true),
        (b"confirmation", "/root/.ssh/id_rsa", true),
        (b"auth.rootcertbundle", "/etc/registry/root.crt", false),
        (b"registry.command", "/etc/registry/config.yml", false),
        (b"registry.command", "/etc/shadow", true),
        (b"mountPath", "/etc/shadow", true),
        (b"Metadata.Init.setup.files", "/etc/cfn/hup.conf", false),
        (b"Metadata.Init.setup.files", "/etc/passwd", true),
        (b"Metadata.Init.setup.files", "/proc/self/environ", true),
        (b"params.arguments.path", "/etc/cfn/hup.conf", true),
        (b"path", "/etc/nginx/nginx.conf", true),
    ] {
        let found = score_at(&Traversal, Part::Json, name, text) >= 0.5;
        assert_eq!(found, want, "{text}");
    }
}

#[test]
fn traversals_are_found() {
    for text in [
        "../../../../etc/passwd",
        "..\\..\\..\\windows\\win.ini",
        "....//....//....//x",
        "/etc//passwd",
        "/./etc/./passwd",
        "..;/..;/..;/x",
        "php://filter/convert.base64-encode/resource=index.php",
        "file:///etc/hosts",
        "C:\\boot.ini",
        "/var/www/../../../etc/shadow\0.png",
        "index.php\0",
        "..2f..2f..2fetc2fx",
        "/..%u2216..%u2216..%u2216",
        "..%2%f..%2%fetc%2%fissue",
        "%2%e%2%e0x2fetc",
        "/etc/hostname.le0",
        "/proc/meminfo",
        ".. /.. /.. /x",
        "/opt/app/.env",
        "/home/git/.gitconfig",
        "jar:file:///tmp/a.zip!/x",
        "/etc/passwd-",
        "/run/secrets/kubernetes.io/serviceaccount/token",
        "/var/log/x",
        "/..\u{2216}..\u{2216}..\u{2216}x",
        "..%2%fetc%2%fpasswd",
        ".?%5%c.?%5%cboot.ini",
        "/..//..//",
        "/.//../x",
        "/..\x1c..\x1c..\x1c",
        "\\..\\x.inc",
        "http://a.example/x/../",
        "[a](../../../../etc/passwd)",
        "........etcpasswd",
        "/......../x",
        "/var/log/error_log ",
        "C:\\Program Files\\Apache\\conf\\httpd.conf",
        "C:\\Users\\anna\\.ssh\\id_rsa",
        "../../../img/a.png",
        "../index.php\0.png",
        "../config.json",
    ] {
        assert!(score(&Traversal, text) >= 0.5, "{text}");
    }
}

#[test]
fn ordinary_paths_are_left_alone() {
    for text in [
        "images/../logo.png",
        "/srv/../x",
        "https://a.example/docs/v1..v2/file.tar.gz",
        "see ../../README.md and edit /etc/hosts to match",
        "wait... what?",
        "https://...",
        "data:image/png;base64,AAAA",
        "/home/log/data.ini",
        "version 1..2 from 2..5",
        "100%2 and 50%5",
        "/srv/app/x",
        "first line\nsecond line",
        "... and so on",
        "/...",
        "fetch passwd",
        "/logs/access",
        "process.env",
        "dev.environment",
        "/docs/etc/passwd-management",
        "../images/logo.png",
        "../../blog/post-5.jpg",
        "C:\\Users\\anna\\Desktop",
        "C:\\Program Files\\Acme\\bin",
    ] {
        assert!(score(&Traversal, text) < 0.5, "{text}");
    }
}
