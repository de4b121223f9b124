//! Scanners and exploit tools, by the name they give in their user agent. Honest ones only: the
//! others are known by what they send. Names that are words of any language are left out, and so
//! are libraries of HTTP, which anyone may use.

use super::detector::{Detector, Report};
use super::patterns::{pattern, Patterns};
use super::prefilter::{Hints, Marks};
use super::words::Words;
use super::{Family, Part};
use crate::decode::Value;

/// The detector of this family.
pub struct Scanner;

static PATTERNS: Patterns = Patterns::new(&[
    // Tools that exploit: nobody runs them at a site by chance.
    pattern("scanner.exploit", 0.95, 0.95, "\\b(?:sqlmap|sqlninja|havij|bsqlbf|absinthe|jsql|ghauri|nosqlmap|pangolin|mysqloit|commix|xsser|xsstrike|xspear|dalfox|fimap|kadimus|lfimap|lfi\\s?suite|panoptic|dotdotpwn|tplmap|sstimap|tinja|ssrfmap|metasploit|sn1per|brutus|hydra|medusa|patator|mirai|hakai|zmeu|jorgee|morfeus|gootkit|betabot|websploit|jexboss|routersploit|beef[- ]?(?:project|xss)|gopherus|interactsh|burpcollaborator|xxeinjector|nosqli\\b|wpforce|uro?ot|muhstik|masscan-ng)"),
    // Tools that look for holes; owners and researchers run them too, so that the name by itself
    // is never high confidence.
    pattern("scanner.tool", 0.55, 0.55, "\\b(?:nikto|nmap|nessus|nuclei|masscan|zgrab|wpscan|wpprobe|dirbuster|dirsearch|gobuster|feroxbuster|ffuf|wfuzz|acunetix|netsparker|invicti|nexpose|openvas|greenbone|arachni|skipfish|burp(?:suite)?|zaproxy|owasp|qualys\\w*|jaeles|whatweb|whatwaf|wafw00f|paros|webshag|joomscan|droopescan|cmseek|cmsmap|w3af|vega(?:/|$)|wapiti|dirb\\b|jbrofuzz|uniscan|webinspect|appscan|appspider|detectify|libwhisker|fhscan|nsauditor|crlfuzz|kiterunner|rustbuster|cgichk|n-stalker|golismero|nettacker|wprecon|ratproxy|arjun(?:/|$)|ironwasp|graphw00f|graphql-cop|shortscan|trufflehog|noseyparker|gitleaks|git-?dumper|bfac\\b|xray(?:/|$)|goby\\b|naabu|katana(?:/|$)|httpx\\s-\\s|subfinder|dnsx\\b|amass\\b|hakrawler|gospider|paramspider|photon(?:/|$)|corsy|smuggler|leakix|l9(?:explore|tcpid|scan)\\w*|lkxscan|whcc|prog\\.customcrawler|yeswehack|intigriti|hackerone|bugcrowd|projectdiscovery|caido|probely|immuniweb|pentera|rapid7|tenable|toata|netlab360|webbandit)"),
    // Forged by hand: no browser misspells itself.
    pattern("scanner.forged", 0.55, 0.55, "\\b(?:mozlila|mozila|mozzila|mozzilla|mozillla|moziila)/\\d"),
    pattern("scanner.kind", 0.55, 0.55, "\\b(?:\\w*vulnerab\\w*|pentest\\w*|\\w*exploit\\w*|\\w*fuzz(?:er|ing)?|sql\\s?injection|brute\\s?forc\\w+)|security[-_ ]?scan|(?:vuln|port|web|sys|dir|net|host|site|app|cgi|cve)[-_]?scan|securityscanner"),
]);

/// Tools that only look from outside and say so: search engines of hosts, and uptime checks.
const KNOWN: [&[u8]; 3] = [b"virusscan", b"mediscan", b"linkscan"];

impl Detector for Scanner {
    fn family(&self) -> Family {
        Family::Scanner
    }

    fn wants(&self, hints: &Hints) -> bool {
        hints.words.contains(Words::TOOL) && hints.has(Marks::AGENT)
    }

    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>) {
        if value.part != Part::Header || !value.name.eq_ignore_ascii_case(b"User-Agent") {
            return;
        }
        let text = value.bytes.to_ascii_lowercase();
        if !KNOWN
            .iter()
            .any(|k| memchr::memmem::find(&text, k).is_some())
        {
            PATTERNS.judge(value, &text, report);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::patterns;
    use crate::inspect::testing::score_at;

    #[test]
    fn tools_are_known_by_their_user_agent() {
        patterns::compiles(&PATTERNS);
        let agent = |text: &str| score_at(&Scanner, Part::Header, b"User-Agent", text);
        assert!(agent("sqlmap/1.7 (https://sqlmap.org)") >= 0.5);
        assert!(agent("Mozilla/5.0 (compatible; Nmap Scripting Engine)") >= 0.5);
        // Bare words, which no browser sends.
        for tool in [
            "nikto",
            "sqlmap",
            "OpenVAS",
            "dirbuster",
            "Ghauri/1.3",
            "TruffleHog",
            "netlab360/2.1",
            "webbandit/2.1",
        ] {
            assert!(agent(tool) >= 0.5, "{tool}");
        }
        assert!(agent("acme-security-scan") >= 0.5);
        assert!(agent("Mozila/5.0 (X11; Linux x86_64)") >= 0.5);
        for client in [
            "okhttp/4.12.0",
            "curl/8.5.0",
            "python-requests/2.31.0",
            "Go-http-client/1.1",
            "internal",
            "Scanbot/1.0",
            "VirusScan/2 (mail gateway)",
        ] {
            assert!(agent(client) < 0.5, "{client}");
        }
        assert!(agent("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36") < 0.5);
        assert!(agent("Googlebot/2.1 (+http://www.google.com/bot.html)") < 0.5);
        assert!(score_at(&Scanner, Part::Query, b"q", "how to use sqlmap/1.7") < 0.5);
    }
}
