//! Scanners and exploit tools, by the name they give in their user agent. Honest ones only: the
//! others are known by what they send.

use super::detector::{Detector, Report};
use super::patterns::{pattern, Patterns};
use super::prefilter::Hints;
use super::words::Words;
use super::{Family, Part};
use crate::decode::Value;

/// The detector of this family.
pub struct Scanner;

static PATTERNS: Patterns = Patterns::new(&[
    pattern("scanner.tool", 0.9, 0.9, "\\b(?:nikto|sqlmap|nmap|nessus|nuclei|masscan|zgrab|wpscan|dirbuster|gobuster|ffuf|wfuzz|acunetix|netsparker|openvas|arachni|skipfish|havij|burp(?:suite)?|zaproxy|qualys|jaeles|whatweb|fimap|paros|webshag|brutus|hydra|joomscan|w3af|vega/|wapiti|zmeu|jorgee|morfeus|feroxbuster|dirb\\b|dalfox|xsser|commix|jbrofuzz|pangolin|uniscan|sqlninja|dirsearch|webinspect|gootkit|detectify|libwhisker|fhscan|bsqlbf|absinthe|nsauditor|metasploit|interactsh|tplmap|crlfuzz|kiterunner|cgichk|appscan|burpcollaborator|nosqlmap|ssrfmap|leakix|whcc|mysqloit|prog\\.customcrawler|hakai|mirai|xsstrike|jsql|lfimap|sstimap|nettacker|droopescan|n-stalker|appspider|cmseek|cmsmap|dotdotpwn|golismero|whatwaf|wafw00f|sn1per|wprecon|betabot|xspear|invicti|nexpose|ratproxy|arjun/)"),
    pattern("scanner.kind", 0.6, 0.6, "\\b(?:\\w*vulnerab\\w*|pentest\\w*|\\w*exploit\\w*|\\w*fuzz(?:er|ing)?|sql\\s?injection|brute\\s?forc\\w+)"),
]);

/// Tools that only look from outside and say so: search engines of hosts, and uptime checks.
const KNOWN: [&[u8]; 3] = [b"virusscan", b"mediscan", b"linkscan"];

impl Detector for Scanner {
    fn family(&self) -> Family {
        Family::Scanner
    }

    fn wants(&self, hints: &Hints) -> bool {
        hints.words.contains(Words::TOOL)
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
        assert!(agent("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36") < 0.5);
        assert!(agent("Googlebot/2.1 (+http://www.google.com/bot.html)") < 0.5);
        assert!(score_at(&Scanner, Part::Query, b"q", "how to use sqlmap/1.7") < 0.5);
    }
}
