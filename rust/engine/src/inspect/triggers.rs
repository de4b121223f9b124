//! The trigger words of the prefilter, in a table that is hashed when the crate is compiled.

use super::words::Words;

/// Conditions with a meaning of their own, above the three sets of bits of a trigger.
pub const LOGIC: u64 = 1;
pub const SORTS: u64 = 1 << 1;
pub const HEX: u64 = 1 << 2;
/// A command of a shell, where one may start.
pub const COMMAND: u64 = 1 << 3;
/// A scheme of URLs, before a host that is not an ordinary one.
pub const SCHEME: u64 = 1 << 4;
/// A function, before its arguments.
pub const INVOKED: u64 = 1 << 6;
/// A class or a module, before a point.
pub const DOTTED: u64 = 1 << 7;
/// A name between underscores, or an array behind one: `__proto__`, `_SESSION[`.
pub const DUNDER: u64 = 1 << 8;
/// An operator, behind a dollar.
pub const DOLLAR: u64 = 1 << 5;
/// A name before a closing bracket: `[php]`, `{php}`.
pub const BRACED: u64 = 1 << 9;
/// A name before two colons: `Gem::Installer`.
pub const SCOPED: u64 = 1 << 12;
/// A clause or a statement, behind what was ended: a quote, a bracket, a semicolon.
pub const BEHIND: u64 = 1 << 10;
/// A command of a line protocol, on the second line behind a single word.
pub const LINE: u64 = 1 << 11;

/// Slots of the table; a power of two, three times the words.
const SLOTS: usize = 2048;
/// Bits of the filter before the table; a power of two. One in forty strange words passes.
const KNOWN: usize = 32768;

/// Words with what they set. Shape: bits 0..16 always, 16..32 when called or looked into, 32..48
/// beside a separator of paths, 48..64 the conditions above. Of a word longer than eight letters
/// the last eight stand here.
pub struct Triggers {
    /// A bit for each hash of a word, so that most others are known by a small part of memory.
    known: [u64; KNOWN / 64],
    keys: [u64; SLOTS],
    sets: [u64; SLOTS],
    /// All that the same word sets where its conditions hold.
    most: [u16; SLOTS],
}

/// The table that the prefilter reads.
pub static TRIGGERS: Triggers = Triggers::new();

const fn sets(words: Words) -> u64 {
    words.bits() as u64
}

const fn called(words: Words) -> u64 {
    sets(words) << 16
}

const fn beside(words: Words) -> u64 {
    sets(words) << 32
}

const fn when(condition: u64) -> u64 {
    condition << 48
}

/// Each group's words, apart by blanks.
const GROUPS: [(u64, &str); 24] = [
    (when(BRACED), "php options"),
    (when(SCOPED), "gem kernel marshal assembly"),
    (
        beside(Words::CODE),
        "func construct invokefunction httpd prepend execute render builder",
    ),
    (
        called(Words::CODE),
        "py ruby python globals objectdataprovider expandedwrapper specfetcher requirement installer",
    ),
    (when(LOGIC), "or and xor"),
    (when(SORTS), "order group"),
    (when(HEX), "x"),
    (
        sets(Words::SQL),
        "union select exec declare waitfor having outfile infile dumpfile rlike benchmark extractvalue \
         updatexml iif",
    ),
    (
        sets(Words::SQL_LIKE),
        "insert delete drop truncate execute shutdown sleep case char chr where update alter \
         limit exists uni unio sel sele selec copy backup",
    ),
    (
        called(Words::SQL_LIKE),
        "if ascii bin cast coalesce concat convert database elt hex ifnull instr lower mid ord rand substr \
         substring sysdate unhex upper user version",
    ),
    (
        called(Words::SCRIPT),
        "script alert confirm prompt eval document window adw top self parent fetch location navigator \
         localstorage sessionstorage globalthis reflect createelement getscript sendbeacon import \
         xmlhttprequest settimeout setinterval function frames throw",
    ),
    (
        sets(Words::SCRIPT),
        "javascript vbscript constructor fromcharcode",
    ),
    (
        beside(Words::FILE),
        "etc passwd proc ini windows winnt php file data expect zip phar boot inf htaccess \
         htpasswd git ssh rsa log logs history inetpub xampp var jar netdoc glob ogg usr lampp \
         program httpd bashrc bash aws docker kube asa sys root compress svn mysql apache secrets env tomcat gitconfig",
    ),
    (
        beside(Words::ADMIN),
        "git env hg svn aws ssh npmrc netrc actuator phpunit wp owa vscode idea swp bak hnap solr \
         cfide boaform geoserver druid telescope ecp hudson invoker gponform dana vpns jmx cgi \
         phpinfo struts console manager config phpmyadmin autodiscover nacos jolokia debug sql \
         htaccess htpasswd htusers backup dump wls axis heapdump profiler sdk cursor mcp ds \
         solrconfig mgmt portal remote remoting hnap evox sslvpn aspx jsp cfm vendor server \
         filemanager xmlrpc install crossdomain dockerenv kube bashrc bash mysql id rest rpc webrpc \
         goform userrpm webtools descriptorbyname securityrealm cf jsf css js png ico gif jpg \
         layouts vti submissions jars ws eam vsan sslmgr ztp mifs nf vpnuser bsh bshservlet servlet \
         ueditor seeyon hcm think fragment human guestaccess setupwizard setup tinymce telerik \
         dialoghandler axd passwordrecovered customnode gremlin containers cluster minio zabbix \
         mainfunction authlogin iissamples iisadmpwd iishelp msadc totp psemhub fileupload uploadify kcfinder elfinder timthumb \
         compose application appsettings tfstate tfvars jenkins ignition key pem pma",
    ),
    (
        when(COMMAND),
        "sh bash dash zsh ksh csh tcsh cmd pwsh wget curl nc ncat netcat telnet whoami ifconfig \
         ipconfig uname netstat nslookup tasklist passwd chmod chown perl python ruby php lua \
         node gcc ping traceroute nmap tftp scp ssh rsync busybox socat certutil bitsadmin rundll \
         regsvr wmic cscript wscript mshta sleep kill killall crontab mkfifo mknod xterm base xxd \
         awk gawk sed env printenv rm mv cp ls cat tac nl head tail less more id pwd ps find grep \
         egrep dir type del copy net reg echo printf eval exec source set export alias touch mkdir \
         rmdir ln dd df du mount shutdown reboot halt hostname who last date sysinfo dig host \
         finger route arp ip ss lsof strings od rev sort uniq cut tee xargs nohup sudo su at \
         timeout time start call for if ver vol tree taskkill attrib schtasks sc msiexec iex \
         invoke comspec windir system ifs bin fold vi vim emacs ftp cd tar zip gzip unzip kubectl \
         docker useradd adduser powershell systeminfo systemroot expr netsh strace visudo htop gunzip \
         zcat zstdcat bzcat xzcat apt yum pip npm gem openssl screen tmux trap ansible chef",
    ),
    (
        when(INVOKED),
        "system exec eval assert popen passthru unlink fopen fwrite readfile getenv require \
         function open spawn print printf echo phpinfo unserialize extract getclass forname ini \
         gzinflate md chr define usort include scandir glob dump settimeout fork readline func \
         preg call map mb create highlight contents decode compile import base rot encode decode \
         var die array getruntime newinstance grab grabconfig grabresolver find findone insert update remove mapreduce aggregate count while loader load get put byname get file string execute breakpoint cmd exit getproperty loadlibrary groovyshell asttest type send load loadfrom start reflectionfunction \
         tojson tojsononeline drop addv adde iterate",
    ),
    (
        when(DOTTED),
        "java javax ognl sun runtime class process apache processbuilder xwork opensymphony apoc dbms \
         springframework hibernate groovy springboot rowset netscape weblogic bea codehaus \
         constructor mainmodule pty subprocess os freemarker velocity jndi console module org \
         prototype diagnostics reflection automation nashorn",
    ),
    (
        sets(Words::CODE),
        "passthru gzinflate processbuilder ognl childprocess unserialize opcache \
         instantiatefactory instantiatetransformer clonetransformer forclosure whileclosure \
         chainedtransformer invokertransformer ysoserial jdbc autodeserialize serializable \
         allowloadlocalinfile cfexecute mchange beanutils xalan javassist",
    ),
    (
        when(DUNDER),
        "proto class globals mro subclasses builtins import init bases session server get post request \
         cookie files env",
    ),
    (when(SCHEME), "http https ftp ftps ws wss url"),
    (
        beside(Words::URL),
        "gopher dict ldap ldaps rmi sftp tftp jar netdoc file localhost dns corba iiop ssh smb \
         imap telnet metadata unix loopback internal localdomain lvh localtest vcap jdbc gophers mongodb irc ircs svn nfs afp rtsp ircu mailto ssh",
    ),
    (
        when(BEHIND),
        "return throw match detach delete remove set call with load for foreach filter allow drop while var \
         do union optional object tojson this",
    ),
    (
        when(LINE),
        "set setex get del keys hset hgetall lpush rpush sadd zadd expire migrate publish rename add \
         replace append config flushall flushdb flush slaveof replicaof module script debug eval \
         bgsave bgrewriteaof stats",
    ),
    (
        when(DOLLAR),
        "ne gt gte lt lte in nin eq regex where exists or and not elem elemmatch all expr func \
         type size mod nor lookup function accumulator jsonschema text match options bitsallset bitsanyset",
    ),
];

/// Parts of the names of scanners and exploit tools; looked for in the user agent only.
const TOOLS: &str = "nikto sqlmap nmap nessus nuclei masscan zgrab wpscan dirbuster gobuster ffuf \
    wfuzz acunetix netsparker openvas arachni skipfish havij burp burpsuite zaproxy qualys jaeles \
    whatweb fimap grabber paros webshag brutus hydra joomscan vega wapiti zmeu jorgee morfeus \
    feroxbuster dirb dalfox xsser commix jbrofuzz pangolin uniscan sqlninja scanner fuzzer fuzz \
    dirsearch webinspect xray gootkit scan vuln detectify libwhisker mirai zeus goby fscan bsqlbf \
    absinthe nsauditor metasploit interactsh appscan tplmap crlfuzz kiterunner rustbuster \
    whisker exploit cgichk webtrends hakai vulnerability pentest injection \
    ssrfmap nosqlmap websploit leakix xsstrike jsql lfimap sstimap nettacker droopescan \
    stalker appspider cmseek cmsmap dotdotpwn golismero whatwaf wafw wprecon betabot xspear \
    invicti nexpose ratproxy arjun vulnerabilities vulnerable exploits fuzzing \
    greenbone ghauri kadimus lfisuite suite panoptic tinja medusa patator jexboss routersploit gopherus \
    xxeinjector wpforce muhstik wpprobe owasp ironwasp graphw graphql shortscan trufflehog noseyparker \
    gitleaks dumper bfac naabu katana httpx subfinder dnsx amass hakrawler gospider paramspider photon \
    corsy smuggler explore tcpid lkxscan whcc customcrawler yeswehack \
    intigriti hackerone bugcrowd projectdiscovery caido probely immuniweb pentera \
    tenable rapid toata securityscanner sysscan vulnscan webscan portscan netscan \
    sitescan dirscan hostscan cgiscan af beef qualysguard mozlila mozila mozzila mozzilla mozillla moziila sn mysqloit netlab webbandit nosqli tsunamisecurityscanner";

impl Triggers {
    const fn new() -> Triggers {
        let mut table = Triggers {
            known: [0; KNOWN / 64],
            keys: [0; SLOTS],
            sets: [0; SLOTS],
            most: [0; SLOTS],
        };
        let mut group = 0;
        while group < GROUPS.len() {
            table.add_all(GROUPS[group]);
            group += 1;
        }
        table.add_all((sets(Words::TOOL), TOOLS));
        table
    }

    const fn add_all(&mut self, (sets, words): (u64, &str)) {
        let words = words.as_bytes();
        let mut from = 0;
        let mut at = 0;
        while at <= words.len() {
            if at == words.len() || words[at] == b' ' {
                if at > from {
                    self.add(pack(words, from, at), at - from > 8, sets);
                }
                from = at + 1;
            }
            at += 1;
        }
    }

    const fn add(&mut self, packed: u64, long: bool, sets: u64) {
        let key = key(packed, long);
        let hash = hash(packed);
        self.known[hash / 64] |= 1 << (hash % 64);
        let mut slot = hash % SLOTS;
        while self.keys[slot] != 0 && self.keys[slot] != key {
            slot = (slot + 1) % SLOTS;
        }
        self.keys[slot] = key;
        self.sets[slot] |= sets;
        self.most[slot] |= most(sets);
    }

    /// Tells whether a word may set anything; most do not. `packed` holds its last eight letters in
    /// lower case, the first in the lowest byte. Cost: one load.
    #[inline(always)]
    pub fn may_know(&self, packed: u64) -> bool {
        let hash = hash(packed);
        self.known[hash / 64] >> (hash % 64) & 1 != 0
    }

    /// Finds what such a word sets, and all that this may come to; zeros for those that are not listed.
    /// `long` tells that it has more letters than that.
    pub fn find(&self, packed: u64, long: bool) -> (u64, u16) {
        let key = key(packed, long);
        let mut slot = hash(packed) % SLOTS;
        loop {
            let held = self.keys[slot];
            if held == key {
                return (self.sets[slot], self.most[slot]);
            }
            if held == 0 {
                return (0, 0);
            }
            slot = (slot + 1) % SLOTS;
        }
    }
}

/// Long words are told apart by a bit that letters do not have.
const fn key(packed: u64, long: bool) -> u64 {
    packed | (long as u64) << 63
}

/// Hashes into the filter; what is left of it modulo the slots is the place in the table.
const fn hash(packed: u64) -> usize {
    (packed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % KNOWN
}

/// Joins what is set always, when called, beside a separator, and where a condition holds.
const fn most(sets: u64) -> u16 {
    let conditions = [
        (LOGIC | SORTS, Words::SQL),
        (HEX, Words::FILE),
        (COMMAND, Words::SHELL),
        (SCHEME, Words::URL),
        (INVOKED | DOTTED | DUNDER | BRACED | SCOPED, Words::CODE),
        (DOLLAR | BEHIND | LINE, Words::OPERATOR),
    ];
    let mut most = (sets | sets >> 16 | sets >> 32) as u16;
    let mut i = 0;
    while i < conditions.len() {
        if (sets >> 48) & conditions[i].0 != 0 {
            most |= conditions[i].1.bits();
        }
        i += 1;
    }
    most
}

const fn pack(words: &[u8], from: usize, to: usize) -> u64 {
    let from = if to - from > 8 { to - 8 } else { from };
    let mut packed = 0;
    let mut i = to;
    while i > from {
        i -= 1;
        packed = packed << 8 | words[i] as u64;
    }
    packed
}
