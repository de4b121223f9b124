//! `threat-agent drill`: a marked attack on a route of a running gateway, followed from the first
//! refusal to the incident, the action, its end, and the route as it was.

use crate::error::Error;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What is sent: an injection that no upstream executes when it is let through, in a parameter that
/// names itself.
const PAYLOAD: &str = "threat-agent-drill=1%27%20UNION%20SELECT%20password%20FROM%20users--%20";
const POLL: Duration = Duration::from_millis(250);

/// Play a marked attack against a route of a running gateway and report how it was met.
///
/// The requests come from this machine's address or, where the gateway trusts it (trusted_ips),
/// from --client: what the agent does about it is taken back at the end, unless --keep is given.
/// Where the instance only monitors, nothing is refused, and the report says what would have been
/// done. Fails when no incident tells of the attack.
#[derive(clap::Args)]
pub struct Args {
    /// The gateway's proxy.
    #[arg(long, default_value = "http://127.0.0.1:8000")]
    proxy: String,
    /// Its Admin API.
    #[arg(long, default_value = "http://127.0.0.1:8001")]
    admin: String,
    /// RBAC token for the Admin API.
    #[arg(long, env = "KONG_ADMIN_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The dashboard's route, such as https://gateway/threat-agent, where the node has no Admin API: on a data plane.
    #[arg(long, conflicts_with = "admin")]
    dashboard: Option<String>,
    /// Credential of an operator on the dashboard's route: a header, such as "apikey: …".
    #[arg(long, env = "THREAT_AGENT_DRILL_HEADER", hide_env_values = true, value_parser = header)]
    header: Option<(String, String)>,
    /// A path of the route to attack.
    #[arg(long, default_value = "/")]
    path: String,
    /// Host header, where the route asks for one.
    #[arg(long)]
    host: Option<String>,
    /// Address to play, as X-Forwarded-For: addresses of this machine are protected.
    #[arg(long)]
    client: Option<std::net::IpAddr>,
    /// Requests of the attack.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    requests: u32,
    /// Longest wait for each of incident, action and end. Units: seconds.
    #[arg(long, default_value_t = 30)]
    timeout_s: u64,
    /// Leave the action standing.
    #[arg(long)]
    keep: bool,
    /// Print JSON instead of lines.
    #[arg(long)]
    json: bool,
}

/// What was seen. Times are seconds since the first request of the attack.
#[derive(Debug, Default, Serialize)]
struct Report {
    enforcing: bool,
    status_before: u16,
    sent: u32,
    refused: u32,
    first_refusal_s: Option<f64>,
    incident: Option<String>,
    incident_s: Option<f64>,
    title: Option<String>,
    action: Option<String>,
    action_state: Option<String>,
    action_s: Option<f64>,
    why: Option<String>,
    status_during: Option<u16>,
    reverted: bool,
    status_after: Option<u16>,
}

#[derive(Deserialize)]
struct List {
    data: Vec<Value>,
}

struct Drill<'a> {
    args: &'a Args,
    agent: ureq::Agent,
    started: Instant,
}

impl Drill<'_> {
    fn seconds(&self) -> f64 {
        (self.started.elapsed().as_secs_f64() * 1_000.0).round() / 1_000.0
    }

    /// Sends a request through the proxy; returns its status and the incident reference.
    fn probe(&self, query: &str) -> Result<(u16, Option<String>), Error> {
        let url = format!("{}{}{query}", self.args.proxy, self.args.path);
        let mut request = self
            .agent
            .get(&url)
            .header("User-Agent", "threat-agent-drill");
        if let Some(host) = &self.args.host {
            request = request.header("Host", host);
        }
        if let Some(client) = self.args.client {
            request = request.header("X-Forwarded-For", client.to_string());
        }
        let response = request.call().map_err(Error::http(&url))?;
        let reference = response.headers().get("x-threat-agent-incident");
        let reference = reference.and_then(|r| r.to_str().ok()).map(str::to_owned);
        Ok((response.status().as_u16(), reference))
    }

    /// Where one of the plugin's views is, such as `/status`.
    fn view(&self, path: &str) -> String {
        match &self.args.dashboard {
            Some(route) => format!("{}{path}", route.trim_end_matches('/')),
            None => format!("{}/threat-agent{path}", self.args.admin),
        }
    }

    /// Adds the credential of whom is asked, and of nobody else.
    fn authorized<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        let Args {
            dashboard,
            header,
            token,
            ..
        } = self.args;
        match (dashboard, header, token) {
            (Some(_), Some((name, value)), _) => request.header(name, value),
            (None, _, Some(token)) => request.header("Kong-Admin-Token", token),
            _ => request,
        }
    }

    fn ask(&self, path: &str) -> Result<Value, Error> {
        let url = self.view(path);
        let response = self.authorized(self.agent.get(&url)).call();
        let mut response = succeeded(&url, response)?;
        let text = response
            .body_mut()
            .read_to_string()
            .map_err(Error::http(&url))?;
        Ok(serde_json::from_str(&text)?)
    }

    fn list(&self, path: &str) -> Result<Vec<Value>, Error> {
        Ok(serde_json::from_value::<List>(self.ask(path)?)?.data)
    }

    fn revert(&self, id: &str) -> Result<(), Error> {
        let url = self.view(&format!("/actions/{id}/revert"));
        let request = self.authorized(self.agent.post(&url));
        // The dashboard takes no request that a browser may have been led to send.
        let request = request.header("X-Requested-With", "threat-agent");
        succeeded(&url, request.send_empty())?;
        Ok(())
    }

    /// Asks until there is an answer, or time is up.
    fn wait<T>(
        &self,
        mut ask: impl FnMut() -> Result<Option<T>, Error>,
    ) -> Result<Option<T>, Error> {
        let until = Instant::now() + Duration::from_secs(self.args.timeout_s);
        loop {
            let found = ask()?;
            if found.is_some() || Instant::now() >= until {
                return Ok(found);
            }
            sleep(POLL);
        }
    }

    /// The node's status, once each of its workers has tested itself: a node that has just been
    /// started does not enforce yet.
    fn status(&self) -> Result<Value, Error> {
        const PATH: &str = "/status";
        let tested = self.wait(|| {
            let status = self.ask(PATH)?;
            Ok((status["self_test"]["passed"] == true).then_some(status))
        })?;
        tested.map_or_else(|| self.ask(PATH), Ok)
    }

    fn attack(&self, report: &mut Report) -> Result<Vec<String>, Error> {
        let mut references = Vec::new();
        for nth in 0..self.args.requests {
            let (status, reference) = self.probe(&format!("?{PAYLOAD}{nth}"))?;
            report.sent += 1;
            if matches!(status, 403 | 429) && reference.is_some() {
                report.refused += 1;
                report.first_refusal_s.get_or_insert(self.seconds());
            }
            references.extend(reference);
        }
        Ok(references)
    }

    /// The incident that names one of the references; where nothing was refused, the latest of the
    /// kind that changed since the attack began.
    fn incident(&self, references: &[String], since_s: u64) -> Result<Option<Value>, Error> {
        self.wait(|| {
            let mut list = self.list("/incidents")?.into_iter();
            Ok(list.find(|incident| {
                let named = strings(incident, "sample_references");
                let ours = named.iter().any(|r| references.iter().any(|own| own == r));
                let recent = incident["updated_s"].as_u64().unwrap_or(0) >= since_s;
                ours || (references.is_empty()
                    && recent
                    && incident["category"] == "payload_injection")
            }))
        })
    }

    fn action(&self, incident: &str) -> Result<Option<Value>, Error> {
        self.wait(|| {
            let mut list = self.list("/actions")?.into_iter();
            Ok(list.find(|a| a["incident"] == incident && a["state"] != "applying"))
        })
    }

    fn run(&self) -> Result<Report, Error> {
        let status = self.status()?;
        let mut report = Report {
            enforcing: status["enforcing"] == true,
            status_before: self.probe("")?.0,
            ..Report::default()
        };
        let since_s = unix_s();
        let references = self.attack(&mut report)?;
        let Some(incident) = self.incident(&references, since_s)? else {
            return Ok(report);
        };
        report.incident_s = Some(self.seconds());
        report.title = text(&incident, "title");
        report.incident = text(&incident, "id");
        let Some(action) = self.action(report.incident.as_deref().unwrap_or_default())? else {
            return Ok(report);
        };
        report.action_s = Some(self.seconds());
        report.action = text(&action, "action");
        report.action_state = text(&action, "state");
        report.why = text(&action, "why");
        report.status_during = Some(self.probe("")?.0);
        if action["state"] == "active" && !self.args.keep {
            let id = text(&action, "id").unwrap_or_default();
            self.revert(&id)?;
            let ended = self.wait(|| {
                let mut list = self.list("/actions")?.into_iter();
                Ok(list.find(|a| a["id"] == *id && a["state"] == "reverted"))
            })?;
            report.reverted = ended.is_some();
            report.status_after = Some(self.probe("")?.0);
        }
        Ok(report)
    }
}

/// Reads a header as curl takes it.
fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("expected a header, such as \"apikey: …\"")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn succeeded(
    url: &str,
    response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<ureq::http::Response<ureq::Body>, Error> {
    let response = response.map_err(Error::http(url))?;
    if response.status().is_success() {
        return Ok(response);
    }
    Err(Error::Answer {
        url: url.to_owned(),
        status: response.status().as_u16(),
    })
}

fn unix_s() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |d| d.as_secs())
}

fn text(value: &Value, field: &str) -> Option<String> {
    value[field].as_str().map(str::to_owned)
}

fn strings(value: &Value, field: &str) -> Vec<String> {
    let list = value[field].as_array().into_iter().flatten();
    list.filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

fn print(report: &Report, out: &mut dyn Write) -> Result<(), Error> {
    let at = |time: Option<f64>| time.map_or("never".to_owned(), |s| format!("{s:.1} s"));
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let during = report
        .status_during
        .map_or("-".to_owned(), |s| s.to_string());
    let after = report
        .status_after
        .map_or("-".to_owned(), |s| s.to_string());
    writeln!(out, "enforcing        {}", report.enforcing)?;
    writeln!(
        out,
        "attack           {} of {} requests refused, the first after {}",
        report.refused,
        report.sent,
        at(report.first_refusal_s)
    )?;
    writeln!(
        out,
        "incident         {} after {}: {}",
        or_none(&report.incident),
        at(report.incident_s),
        or_none(&report.title)
    )?;
    writeln!(
        out,
        "action           {} {} after {}{}",
        or_none(&report.action),
        or_none(&report.action_state),
        at(report.action_s),
        report
            .why
            .as_ref()
            .map_or(String::new(), |w| format!(": {w}"))
    )?;
    writeln!(
        out,
        "ordinary request {} before, {during} during, {after} after (taken back: {})",
        report.status_before, report.reverted
    )?;
    Ok(())
}

/// Errors: a proxy, Admin API or dashboard that does not answer; an attack that went unnoticed.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(10)))
        .build();
    let drill = Drill {
        args,
        agent: config.into(),
        started: Instant::now(),
    };
    let report = drill.run()?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &report)?;
        writeln!(out)?;
    } else {
        print(&report, out)?;
    }
    match report.incident {
        Some(_) => Ok(()),
        None => Err(Error::Undetected {
            timeout_s: args.timeout_s,
        }),
    }
}
