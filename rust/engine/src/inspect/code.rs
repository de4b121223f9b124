//! Code injection: PHP, Java (classes, gadgets and serialised objects), Node, Python, Perl, and
//! prototype pollution.
//!
//! Source: the languages' manuals; Java Object Serialization Specification, section 6.4.2 (magic
//! numbers); PHP's manual of `serialize`.

use super::detector::{Detector, Report};
use super::patterns::{pattern, quoted, Patterns};
use super::prefilter::{Hints, Marks};
use super::words::Words;
use super::{errors, programs, serialized, upload, Family, Part};
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
        "(?:system|exec|eval|unlink|fopen|fwrite|fputs|readfile|scandir|glob|extract|define|include(?:_once)?|require_once|chmod|chown|chgrp|copy|rename|tempnam|mkdir|opendir|readdir|implode|printf|vprintf|print_r|print|die|md5|sha1|chr|ord|getenv|putenv|setcookie|header|mail|error_log|ftp_\\w+|curl_(?:exec|init|file_create)|mysqli?_\\w+|odbc_\\w+|sqlite_\\w+|pg_\\w+|imap_\\w+|mb_ereg_replace|ereg_replace|preg_\\w+|token_name|stream_\\w+|dl|apache_\\w+|getcwd|escapeshellarg|is_callable|method_exists|filter_var|tmpfile|touch|link|file|session_\\w+|fread|fgets|feof|fputcsv|file_exists|filesize|fileperms|fstat|is_dir|is_file|is_link|lstat|parse_str|pathinfo|readlink|realpath|rmdir|stat|tempname|var_dump|intval|strval|strrev|is_array|array_(?:change_key_case|chunk|column|combine|count_values|u?diff\\w*|fill\\w*|filter|flip|u?intersect\\w*|is_list|keys?|key_\\w+|map|merge\\w*|multisort|pad|pop|product|push|rand|reduce|replace\\w*|reverse|search|shift|slice|splice|sum|unique|unshift|values|walk\\w*)|unpack|filegroup|assert_options|bzdecompress|ldap_\\w+|tidy_\\w+|file_\\w+|date_(?:create|default|interval|parse|sun)\\w*)"
    };
}

static PATTERNS: Patterns = Patterns::new(&[
    // PHP.
    pattern("code.php_tag", 0.85, 0.55, "<\\?(?:php\\b|=|[\\s\\n]|xml[^a-z\\s-]|xml\\s+:)|\\w<\\?$|\\[[/\\\\]?php\\]|\\{/?php\\}|<script\\s+language\\s*=\\s*[\"']?php"),
    pattern("code.php_call", 0.85, 0.5, concat!("\\b(?:passthru|shell_exec|proc_open|popen|pcntl_exec|phpinfo|create_function|call_user_func(?:_array)?|preg_replace_callback|gzinflate|gzuncompress|gzdecode|str_rot13|base64_decode|convert_uudecode|highlight_file|show_source|php_uname|posix_getpwuid|posix_\\w+|ini_set|ini_get|set_time_limit|move_uploaded_file|file_get_contents|file_put_contents|fsockopen|pfsockopen|unserialize|parse_ini_file|allow_url_\\w+|register_shutdown_function|get_defined_(?:vars|functions)|func_get_args|hex2bin|bin2hex|php_strip_whitespace|readgzfile|symlink|zlib_decode|getmyuid|disk_free_space|gethostbyname[l]?|runkit_\\w+|ob_start|array_(?:map|filter|walk\\w*|diff_u\\w+)|usort|uasort|uksort|iterator_apply|spl_autoload\\w*|var_dump|var_export|zlib_\\w+|zip_open|forward_static_call(?:_array)?|register_tick_function)", call!(), "|\\bnew\\s+reflection(?:function|method|class)\\b|\\bassert", call!(), "\\s*[^)\\s]")),
    pattern("code.php_call", 0.75, 0.25, concat!("(?:^|[^\\w.>])", functions!(), "['\")]*\\(", "\\s*(?:['\"$`@\\\\/\\[(]|[a-z_]{3}|\\d+\\s*(?:[^)\\d\\s]|\\)\\s*(?:$|[^.\\s\\w]))|\\w\\w\\s*\\)\\s*(?:$|[^\\s\\w.,])|\\w{1,2}\\s*[,.(\\[+*-]|\\)\\s*;?\\s*(?:$|;|\\}))[^\\n]*(?:\\)|;|$)")),
    // With a blank before the bracket it may be a sentence's: `the system (it is open)`.
    quoted("code.php_call", 0.75, 0.25, concat!("(?:^|[^\\w.>])", functions!(), plain_call!(), "\\s*(?:['\"$`@\\\\/\\[(]|\\w+\\s*(?:(?:,[^\\n]{0,80})?\\)\\s*;|[(\\[])|\\d+\\s*(?:[^)\\d\\s]|\\)\\s*(?:$|[^.\\s\\w]))|\\)\\s*;?\\s*(?:$|;|\\}))[^\\n]*(?:\\)|;|$)")),
    // More than a blank there is no sentence's.
    quoted("code.php_call", 0.75, 0.25, concat!("(?:^|[^\\w.>])", functions!(), "(?:\\s{2,}|[\\t\\r\\n]|\\s*(?:/\\*[^*]{0,40}\\*/|#[^\\n]{0,40}\\n|//[^\\n]{0,40}\\n)\\s*)\\(\\s*\\w")),
    pattern("code.php_variable", 0.85, 0.4, "\\$_(?:get|post|request|cookie|server|files|env|session)\\b|\\$globals\\b|\\$http_(?:raw_)?post\\w*|\\$this->|\\$\\{?_(?:[^a-z_]|_+(?:[^a-z_]|$))|\\bauto_(?:pre|ap)pend_file\\b|allow_url_(?:include|fopen)\\b|\\bdisable_functions\\b|\\bopen_basedir\\b|\\bopcache\\.\\w|\\bsuhosin\\.|\\bextension_dir\\s*="),
    // Names are in one case where they are a function's of PHP: formulas mix it, `${addDays(x, 1)}`, and
    // titles go on in brackets behind a blank, `$host (all)`.
    pattern("code.php_variable", 0.75, 0.2, "\\$+(?:\\s*\\{@?[a-z_]\\w*\\}|\\s*\\{@?(?-i:[a-z_][a-z0-9_]*|[A-Z_][A-Z0-9_]*)|\\s*@?(?-i:[a-z_][a-z0-9_]*|[A-Z_][A-Z0-9_]*|_\\w*)\\}?)(?:(?:/\\*[^*]*\\*/|\\s)*[\\[{][^\\]}\\n]{1,24}[\\]}])*(?:(?:/\\*[^*]*\\*/|\\s)*\\((?:[^()\\na-z][^()\\n]{0,60})?\\)|(?:/\\*[^*]*\\*/)?\\([^()\\n]{0,60}\\))|\\$\\w+->\\$?\\w+(?:\\(|->)|\\$\\$\\w|\\$globals\\[|::\\$\\w+\\s*\\(|\\$\\s+\\{\\s*[$'\"@\\w][^}]{0,60}\\}|^\\s*\\$\\w+\\s*=[^=]|\\$\\{@?\\w+\\}\\("),
    pattern("code.php_variable", 0.75, 0.2, "\\(?['\"](?:system|exec|passthru|assert|eval|phpinfo|shell_exec)['\"]\\s*\\)?\\s*(?:/\\*[^*]*\\*/\\s*)*\\(|\\(\\s*['\"][\\w.'\" ]+['\"]\\s*\\)\\s*\\(|\\(string\\)\\s*['\"]"),
    // A function's name in brackets or quotes, called: PHP takes any expression for one.
    pattern("code.php_invoked", 0.8, 0.35, "[(\\[{\"']\\s*(?:/\\*[^*]*\\*/\\s*)?[\"']?\\s*(?:system|(?:shell_)?exec|passthru|assert|eval|phpinfo|popen|proc_open|call_user_func)\\s*[\"']?\\s*[)\\]}\"'][\\s)\\]}]*(?:\\[\\s*\\d\\s*\\]|\\{[^}]{0,40}\\}|[\\s)}\\]]|/\\*[^*]*\\*/)*\\("),
    pattern("code.php_invoked", 0.75, 0.2, "^\\W{0,4}\\(\\s*string\\s*\\)\\s*[\"'({\\[]|[\"']\\s*\\.\\s*[\"'][\\w\"'.\\s]*\\)*\\s*\\(|\\(\\w+\\.\\(\\w+\\)[.\\w()]*\\)\\s*\\(|(?:\\\\x[0-9a-f]{2}\\w*){2,}[\"']\\s*\\(|\\(\\s*~[\\x80-\\xff]{2,}"),
    // What frameworks and old settings let a parameter's name, or a function's name in one, reach.
    pattern("code.php_name", 0.75, 0.1, "\\[#(?:post_render|pre_render|lazy_builder|access_callback|value_callback|process|submit|validate|markup|type)\\]|^(?:_(?:get|post|session|server|cookie|files|env|request)|globals)\\[|\\binvokefunction\\b|^(?:call_user_func(?:_array)?|shell_exec|passthru|proc_open|__construct)$"),
    // Languages of this kind name their functions so; a field that holds a call and nothing else
    // is no ordinary one. Arguments without quotes and dollars are a query's: `rate_of(a_b[5m])`.
    pattern("code.call", 0.55, 0.0, "^[@!;\"')\\s]{0,4}[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?:\\s|/\\*[^*]*\\*/)*\\((?:[^()a-z{\\['\"$]|\\$\\w+|'[^'()]*(?:'|$)|\"[^\"()]*(?:\"|$))*\\)?\\W*$"),
    pattern("code.php_object", 0.9, 0.7, "(?:^|[^a-z])[oc]:\\+?\\d+:[\"'][\\w\\\\]+[\"']:\\d+:[{;]|[|'\"]a:\\d+:\\{[is]:\\d+"),
    // Java.
    pattern("code.java_class", 0.85, 0.45, "\\b(?:java\\.(?:lang|io|net|beans|rmi|naming|security)\\.\\w|java\\.(?:util\\.(?:scanner|serviceloader|logging\\.\\w|jar\\.|zip\\.|concurrent\\.forkjoin)|sql\\.drivermanager)|javax?\\.(?:script|naming|management|el|evil)|com\\.sun\\.|com\\.mysql\\.(?:cj\\.)?(?:jdbc\\.)?interceptors|sun\\.(?:misc|reflect|rmi)|com\\.opensymphony|org\\.apache\\.(?:commons|xalan|struts2?|catalina|velocity|shiro|log4j|ibatis|tomcat|dubbo|naming|wicket)(?:$|[^\\w:-])|org\\.apache\\.commons\\.(?:collections|beanutils|io|jxpath|text|configuration)|org\\.(?:springframework\\.(?:context\\.support|expression|beans\\.factory|cloud\\.function|aop|jndi|core\\.serializer)\\.|omg\\.corba\\b|hibernate\\.(?:engine\\.spi|tuple|jmx|property)\\.|jboss\\.(?:interceptor|weld|util\\.propertyeditor)|codehaus\\.groovy\\.runtime|mozilla\\.javascript|python\\.(?:core|util)\\.|eclipse\\.jetty\\.(?:plus|util\\.component))|jdk\\.nashorn\\.|freemarker\\.|groovy\\.lang|ognl\\.|com\\.(?:mchange|alibaba|ibm\\.ws|bea|newrelic|zaxxer|caucho)\\.|weblogic\\.|bsh\\.interpreter|javassist\\.|net\\.sf\\.|clojure\\.)"),
    pattern("code.java_class", 0.7, 0.3, "^\\W*(?:java|javax|org|com)\\.[\\w.]*(?:runtime|processbuilder|processimpl)|\\b(?:runtime|processbuilder)(?:\\.\\w+)*\\.(?:exec|getruntime|start|evil|clonetransformer|\\w*(?:transformer|closure|factory))\\b|\\bprocessbuilder\\s*\\(|\\bjava\\.\\w+\\.?runtime\\b|^\\s*java\\.processbuilder\\s*$"),
    pattern("code.java_gadget", 0.9, 0.6, "\\b(?:invokertransformer|prototypeclonefactory|chainedtransformer|constanttransformer|templatesimpl|jdbcrowsetimpl|badattributevalueexp|annotationinvocationhandler|xmldecoder|objectinputstream|classpathxmlapplicationcontext|javax\\.script\\.scriptenginemanager|beanfactory|unicastref)\\b|@type[\"']?\\s*:\\s*[\"'](?:\\[*[a-z_$][\\w$]*(?:\\.[\\w$]+)+;*[\"']|[^\"'\\n]{0,80}\\\\[ux])|\\bclass\\.(?:module\\.)?classloader|forclosure|whileclosure|clonetransformer|instantiatetransformer|instantiatefactory|prototypeserializationfactory"),
    // Connection strings whose driver runs, reads or deserialises; XML-RPC's objects; escapes in source.
    pattern("code.java_object", 0.8, 0.6, "\\bjdbc:h2:[^\\n]*\\binit\\s*=|\\bautodeserialize\\b|\\ballowloadlocalinfile\\b|\\bjdbc:[a-z0-9]+:[^\\n]*(?:socketfactory|statementinterceptors|queryinterceptors|loggerfile|clientrerouteserverlistjndiname)|<(?:\\w+:)?serializable\\b|\\.(?:\\\\u+00[67][0-9a-f]\\w*|\\w+\\\\u+00[67][0-9a-f]\\w*)\\("),
    pattern("code.java_object", 0.95, 0.9, "\\xac\\xed\\x00\\x05|^aced0005[0-9a-f]{4}|\\bro0ab[a-z0-9+/]|\\bkztaa[a-z0-9+/]|\\bcs7qa[a-z0-9+/]|\\baaeaaad/////"),
    // Node and browsers' prototypes.
    pattern("code.node", 0.85, 0.4, "\\b(?:require|import)\\s*\\(\\s*['\"`](?:node:)?(?:child_process|fs|vm|net|http|os|crypto|cluster)|\\bchild_process\\b|process\\.(?:mainmodule|binding|dlopen|env(?:[^\\s\\w]|\\s*$)|(?:exit|kill)\\s*\\()|_\\$\\$nd_func\\$\\$_|\\bglobal(?:this)?\\.process|\\bspawnsync\\b|\\bexecsync\\b|\\bfs\\.(?:readfile|writefile|readdir)|\\b(?:this|global)\\.constructor|new\\s+function\\s*\\(|\\bfunction\\s*\\(\\s*['\"`]|\\bres(?:ponse)?\\.(?:end|send|write)\\s*\\(|\\bconstructor\\._load|\\bwhile\\s*\\(\\s*(?:true|1|!0|!!1|\\+?1|[!+-]*\\s*(?:new\\s+)?(?:\\w+|``|\"\"|''|\\{\\}|\\[\\]))\\s*\\)\\s*(?:;|\\{|$)|\\bset(?:timeout|interval)\\s*\\("),
    quoted("code.node", 0.7, 0.1, "\\bconsole\\.(?:log|info|error|debug|dir|trace|warn)(?:\\.call)?\\s*\\(|\\b(?:process|require)\\s*\\[\\s*(?:[\"']|mainmodule|env\\b|req\\.)|\\bthis\\.constructor\\.|\\bconsole\\[\\s*[\"']|\\bmodule\\.exports\\s*=|\\b_response:_chunks|:constructor:constructor"),
    // Script of brackets alone: names are cut from what `false` and `undefined` are spelled as.
    pattern("code.node", 0.8, 0.5, "!\\[\\]\\s*\\+?\\s*\\[[^\\w]{0,12}\\]\\s*\\)?\\s*\\[|\\[\\]\\s*\\[\\s*\\(\\s*!\\[\\]"),
    pattern("code.prototype", 0.85, 0.5, "__proto__|\\bconstructor\\s*(?:\\[|\\.)\\s*['\"]?prototype|\\[['\"]?prototype['\"]?\\]\\s*[\\[.=]|\\[['\"]?constructor['\"]?\\]\\[|\\b__define[gs]etter__|__lookup[gs]etter__"),
    // Options of a template engine that become its program.
    pattern("code.node", 0.8, 0.3, "\\[view options\\]\\[(?:outputfunctionname|escapefunction|escape|client|localsname|destructuredlocals|compiledebug)"),
    // Python, Perl, Ruby.
    pattern("code.python", 0.85, 0.3, "\\b__import__\\s*\\(|\\.os\\.system\\b|\\bos\\.(?:system|popen|exec\\w*|spawn\\w*)\\s*\\(|\\bsubprocess\\.|\\bpty\\.spawn|\\bcompile\\s*\\(.*exec|\\bexec\\s*\\(\\s*['\"]|\\beval\\s*\\(\\s*(?:compile|['\"]|__)|\\bcos\\nsystem\\n|\\bcposix\\n|!!python/|!ruby/(?:object|hash)|\\bpickle\\.loads|\\b(?:import|from)\\s+(?:os|subprocess|socket|pty)\\b\\s*[;,]|\\bsocket\\.socket\\(|\\.__(?:class|globals|subclasses)__|\\bbreakpoint\\s*\\(\\s*\\)|\\bpy/(?:object|reduce|function|type)\\b|^c(?:__builtin__|builtins|nt|subprocess|commands)\\n\\w+\\n"),
    pattern("code.ruby", 0.8, 0.25, "\\bsend\\s*\\(\\s*:(?:system|exec|eval|instance_eval|open|spawn)\\b|\\bgem::(?:installer|requirement|specfetcher|package|source|resolver|requestset|stubspecification)\\b|\\bkernel\\s*\\.\\s*(?:system|eval|spawn)\\b|\\bmarshal\\.load\\b"),
    // The runtimes of .NET, Groovy, Erlang and Nashorn.
    pattern("code.dotnet", 0.8, 0.25, "\\bsystem\\.(?:diagnostics\\.process|reflection\\.assembly|windows\\.(?:data\\.objectdataprovider|markup\\.xaml)|management\\.automation|data\\.services\\.internal|runtime\\.remoting|web\\.ui\\.losformatter|configuration\\.install|security\\.principal\\.windowsidentity)|\\bobjectdataprovider\\b|\\bexpandedwrapper|\\bassembly(?:\\]::|\\.)load(?:from|file)?\\s*\\(|\\bprocess\\.start\\s*\\("),
    pattern("code.script", 0.75, 0.15, "[\"'\\]]\\s*\\.execute\\s*\\(\\s*\\)|\\bnew\\s+groovyshell\\b|@(?:groovy\\.transform\\.)?asttest\\b|\\bos:cmd\\s*\\(|\\bsystem\\.(?:exit|getproperty|getenv|loadlibrary)\\s*\\(|\\bjava\\.type\\s*\\("),
    // Documents that run programs: TeX's shell escape, a spreadsheet's dynamic data exchange.
    pattern("code.document", 0.8, 0.5, "\\\\write18\\b|\\\\input\\s*\\{?\\s*\\|"),
    pattern("code.document", 0.8, 0.2, "^[\\s\"']*[=+@-][^\\n]*\\|\\s*'[^'\\n]*'\\s*!\\s*[a-z]"),
    pattern("code.perl", 0.85, 0.4, "@\\{\\s*\\[|\\buse\\s+(?:socket|io::socket)|\\bkernel\\.(?:exec|open|fork)|\\bprocess\\.(?:spawn|kill|daemon)\\b|%x[({\\[|]|\\bio\\.popen|\\bopen3?\\s*\\(\\s*['\"]?\\||\\berb\\.new|\\binstance_eval|(?:^|[;{}(&|=])\\s*system\\s+['\"]|\\bgetpwuid|#\\{\\s*(?:`|%x|system|exec|file|io|dir)|<%\\s*(?:=\\s*)?(?:response|out|request|runtime|system|eval|execute|server|dim|set|new\\s)|<%@|<%--|<jsp:|@grab(?:config|resolver)?\\s*\\(|<cf(?:execute|file|invoke)|\\bwscript\\.shell|\\bcreateobject\\s*\\("),
    pattern("code.eval", 0.6, 0.15, concat!("^[\\s'\"();{}+.-]{0,12}(?:eval|assert|execute)", call!(), "|['\"]\\s*[.+;]\\s*(?:eval|system|exec|print|die|sleep|phpinfo|assert)", call!(), "|^\\s*(?:data:|javascript:)?(?:print|sleep|die|exit)\\s*\\(\\s*(?:md5|\\d+|['\"])[^)]*\\)\\s*;?\\s*$")),
]);

/// Most that is said of what another language would read so.
const FOREIGN: f32 = 0.2;

impl Detector for CodeInjection {
    fn family(&self) -> Family {
        Family::CodeInjection
    }

    fn wants(&self, hints: &Hints) -> bool {
        hints.words.contains(Words::CODE) || hints.has(MARKS)
    }

    /// Reports of errors, uploads and other languages' programs are told apart first.
    fn steps(&self, bytes: usize) -> usize {
        8 + bytes / 2
    }

    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>) {
        upload::judge(value, report);
        serialized::judge(value, report);
        if let Some(foreign) = programs::foreign(value) {
            report.doubt(foreign, FOREIGN);
        }
        let plain = errors::left_out(value.bytes);
        PATTERNS.judge(value, plain.as_deref().unwrap_or(value.bytes), report);
        if value.part == Part::Json && value.name.ends_with(b"constructor.prototype") {
            report.add("code.prototype", 0.85);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::{patterns, testing::score, testing::score_at};

    #[test]
    fn code_is_found() {
        patterns::compiles(&PATTERNS);
        for text in [
            "$run ('id')",
            "$run ()",
            "$a/**/(b)",
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
            "$__=1;",
            "${_}[0]",
            "my_own_call($x, \"id\")",
            "x;array_sum([1,2]);",
            "any_call(\"id",
            "while(true);",
            "@{[system 'id']}",
            "$a(1)",
            "$text('id')",
            "${$a}['b'](13)",
            "${chosen('id')}",
            "${SYSTEM(id)}",
            "${@PhpInfo()}",
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
            "_SESSION[login]",
            "globals[x]",
            "mail[#post_render][]",
            "call_user_func_array",
            "settings[view options][escapeFunction]",
            "(new ReflectionFunction('system'))->invoke('id')",
            "exec  (blah)",
            "Function('x')()",
            "cposix\nsystem\np0",
            "--- !ruby/object:Gem::Installer",
            "Gem::Requirement",
            "System.Windows.Data.ObjectDataProvider, PresentationFramework",
            "System.Diagnostics.Process",
            "\"id\".execute().text",
            "os:cmd(\"id\").",
            "aced00057372001164",
            "\\immediate\\write18{id}",
            "=cmd|'/c calc'!A1",
            "jdk.nashorn.internal.objects.NativeString",
            "com.mchange.v2.c3p0.JndiRefForwardingDataSource",
            "org.springframework.context.support.FileSystemXmlApplicationContext",
            "import('fs').then(m=>m)",
            "require('node:child_process')",
            "process.env",
            "process.env.TOKEN",
            "x;process.exit()//",
        ] {
            assert!(score(&CodeInjection, text) >= 0.5, "{text}");
        }
    }

    #[test]
    fn scripts_of_manifests_are_programs() {
        let json = |name, text| score_at(&CodeInjection, Part::Json, name, text) >= 0.5;
        let text = "node -e \"console.log(require('./package.json').version)\"";
        assert!(!json(b"scripts.version", text));
        assert!(json(b"note", text));
        let text = "node -e \"require('child_process').exec('id')\"";
        assert!(json(b"scripts.version", text));
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in [
            "Statistics for $host (all of them)",
            "$fromAI(\"name\", \"Name\", \"string\")",
            "com.example.app",
            "process.env undefined",
            "process.exit in tests",
            "import('./a.js')",
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
            "print(s)",
            "file(s) not found",
            "system (OS)",
            "mail(at)a.example",
            "include (a) and (b)",
            "header(1).png",
            "<?",
            "key system \"x\"",
            "a:1:{s:4:\"name\";s:3:\"Bob\";}",
            "java.util.List",
            "java.lang.NullPointerException: null",
            "org.springframework.boot:spring-boot-starter-web:3.1.0",
            "org.apache.commons:commons-lang3:3.12.0",
            "Gem::Version",
            "+49 30 123|456",
            "callback",
            "prototype",
            "class.name",
            "system.log",
            "{\"@context\": \"https://schema.org\", \"@type\": \"Person\"}",
            "{\"@type\": \"type.googleapis.com/google.rpc.Help\"}",
            "rate(bytes_read[$__interval])",
            "x | where array_length(tags) > 2 and array_concat(a, b) has \"c\"",
            "sum(up{job=\"$job\"}[${__range}])",
            "avg_over_time(up[5m])",
            "top_label(node_info, \"release\")",
            "sum_over_time({app=\"a\"} | unwrap b [3m])",
            "={{ $order.text.trim() }}",
            "={{ $now.minus(5, \"day\").year }}",
            "Due ${addDays(start, 3)}: ${formatNumber(total, 2)} Euro",
        ] {
            assert!(score(&CodeInjection, text) < 0.5, "{text}");
        }
    }

    #[test]
    fn other_languages_are_no_php() {
        let json = |text: &str| score_at(&CodeInjection, Part::Json, b"code", text);
        for text in [
            "def handler(event, context):\n    print(event)\n    return \"nothing\"\n",
            "# sums\nimport numpy as np\nprint(np.sum(x), file)",
            "SELECT $__timeGroup(at, '5m') AS time FROM $table",
        ] {
            assert!(json(text) < 0.5, "{text}");
        }
        for text in [
            "def x(): system('id');",
            "import x\n<?php passthru('id');",
            "import os; os.system('id')",
            "import os\nos.system('id')",
            "import x;\nsystem('id');",
            "import x\nsystem('id');",
            "from os import system\nsystem('id')",
            "SELECT $__timeFilter(x); system('id')",
            "SELECT $a('id')",
            "SELECT chr(113)||chr(122)",
            "SELECT $__x('id')",
        ] {
            assert!(json(text) >= 0.5, "{text}");
        }
        let cell = |text: &str| score_at(&CodeInjection, Part::Json, b"cells.source", text);
        assert!(cell("print(data.dtype)") < 0.5);
        assert!(cell("console.log(x)") < 0.5);
        assert!(cell("<?php system('id');") >= 0.5);
        assert!(cell("import os; os.system('id')") >= 0.5);
        assert!(cell("require('child_process').exec('id')") >= 0.5);
        assert!(json("print(data.dtype)") >= 0.5);
        let sample = |name, text| score_at(&CodeInjection, Part::Json, name, text);
        assert!(sample(b"body.sample", "console.log(\"hi\")") < 0.5);
        assert!(sample(b"sample", "console.log(\"hi\")") >= 0.5);
        assert!(sample(b"body.sample", "<?php f($_GET[0]);") >= 0.5);
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
