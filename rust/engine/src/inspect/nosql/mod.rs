//! NoSQL injection: query operators where a plain value belongs, JavaScript behind a string that was
//! ended, clauses of graph databases there, and commands of MongoDB, CouchDB, Redis and memcached.
//!
//! Source: the manuals of MongoDB, Neo4j (Cypher), ArangoDB (AQL), Cassandra (CQL), TinkerPop
//! (Gremlin), and the protocols of Redis and memcached.

mod operator;

use super::detector::{Detector, Report};
use super::patterns::{pattern, Patterns};
use super::prefilter::{Hints, Marks};
use super::words::Words;
use super::Family;
use crate::decode::{kind, Value};

/// The detector of this family.
pub struct NosqlInjection;

macro_rules! operators {
    () => {
        "(?:ne|gte?|lte?|n?in|eq|regex|where|exists|or|and|not|elemmatch|all|expr|func|function|type|mod|nor|jsonschema|text|lookup|accumulator)"
    };
}

/// What JavaScript goes on with behind a string, or a number, that was ended.
macro_rules! script {
    () => {
        "!?\\(?(?:this\\b|object\\.\\w+\\(|tojson|json\\.stringify|return\\b\\s*(?:\\(|true|false|this|!|[01]\\b|['\"]|db\\b|\\w+\\.|\\w+\\s*[=!]=)|sleep\\s*\\(|while\\s*\\(|for\\s*\\(|do\\s*\\{|throw\\s|db\\.\\w|\\(?function\\s*\\(|new\\s+date|var\\s+\\w+\\s*=|let\\s+\\w+\\s*=|it\\s*=\\s*new\\b|print\\s*\\()"
    };
}

/// A quote that ends the application's own string: the first of the value, and the brackets that it
/// may have stood in.
macro_rules! broken {
    () => {
        "^[^'\"]{0,48}['\"]\\s*[)}\\]]*\\s*"
    };
}

static PATTERNS: Patterns = Patterns::new(&[
    pattern("nosql.operator", 0.75, 0.5, concat!("\\[[\"']?[$&]", operators!(), "[\"']?\\]")),
    pattern("nosql.operator", 0.7, 0.2, concat!("[{,]\\s*[\"'][$&]", operators!(), "[\"']\\s*:")),
    // Without quotes only before a value: variables of GraphQL stand before the name of a type.
    pattern("nosql.operator", 0.7, 0.2, concat!("[{,]\\s*[$&]", operators!(), "\\s*:\\s*(?:[\"'{/\\d.+-]|\\[\\s*[\"'\\d{/\\]-]|true\\b|false\\b|null\\b|undefined\\b|function\\b|new\\b|this\\b|$)")),
    pattern("nosql.where", 0.8, 0.3, "[$&]where\\b['\"\\])]*\\s*[:=]\\s*(?:['\"\\d(]|function\\b|this\\b|return\\b|sleep|\\{)"),
    pattern("nosql.condition", 0.65, 0.2, "^(?:[\\w\\s]{0,24}['\"]\\s*|\\s*|\\s*-?\\d+\\s*)(?:\\|\\||&&)\\s*['\"(]?[\\w.]*['\")]?\\s*={2,3}\\s*['\"(]?\\w*|^[^'\"]{0,48}['\"]\\s*\\)*\\s*(?:\\|\\||&&)\\s*['\"]?[\\w.]+['\"]?\\s*={1,3}\\s*['\"]?\\w"),
    pattern("nosql.script", 0.8, 0.4, concat!(broken!(), "(?:\\|\\||&&|[;+,-])\\s*", script!())),
    pattern("nosql.script", 0.8, 0.3, concat!("^\\s*-?\\d+\\s*(?:\\|\\||&&|;)\\s*", script!())),
    pattern("nosql.script", 0.8, 0.4, "\\bthis\\.(?:pass\\w*|pwd|secret|token|hash|pin|salt)\\s*(?:\\.match\\(|[=!]=|\\.length|\\.charat|\\[|\\.substr)|\\bdo\\s*\\{\\s*\\w+\\s*=\\s*new\\s+date|new\\s+date\\(\\)\\s*;\\s*(?:do|while)|;\\s*sleep\\(\\d+\\)|\\b(?:object\\.keys|tojson(?:oneline)?)\\(\\s*this\\s*\\)"),
    pattern("nosql.command", 0.75, 0.3, "\\bdb\\.(?:\\w+\\.)?(?:find(?:one)?|insert(?:one|many)?|update|remove|drop|mapreduce|getcollectionnames|eval|getname|version|count|aggregate|createcollection|dropdatabase|hostinfo|currentop)\\s*\\(|\\bmapreduce\\s*\\(\\s*function|_all_dbs\\b|\\btojson(?:one)?\\s*\\(|\\bruncommand\\s*\\(|\\bredis\\.p?call\\s*\\(\\s*['\"]"),
    pattern("nosql.graph", 0.8, 0.3, concat!(broken!(), ";?\\s*(?:(?:and\\b|or\\b|\\|\\||&&).{0,48}\\b)?(?:return\\s+[\\w.*]+\\s*(?:[,;}]|//|limit\\b|union\\b|order\\b|$)|(?:optional\\s+)?match\\s*\\(|detach\\s+delete\\b|delete\\s+\\w+\\s*(?://|$)|set\\s+\\w+\\.\\w+\\s*=|remove\\s+['\"\\w]+(?:[.:]\\w+|\\s+in\\s+\\w+)|filter\\s+\\w+\\.\\w+\\s*(?:[=!<>]|in\\b|like\\b)|call\\s+(?:db|dbms|apoc)\\.|call\\s*\\{|with\\s+[\\w.*]+\\s+(?:as|match|call|load)\\b|load\\s+csv\\b|for\\s+\\w+\\s+in\\s+\\w+\\s+\\w|foreach\\s*\\(|allow\\s+filtering\\b|union\\s+(?:all\\s+)?match\\b)")),
    // Both JavaScript and Cypher cut off what follows by it; SQL does not.
    pattern("nosql.graph", 0.7, 0.3, concat!(broken!(), "(?:(?:or|and)\\b|\\|\\||&&)\\s*[^'\"/]{1,48}//\\s*$")),
    pattern("nosql.graph", 0.75, 0.2, "\\bcall\\s+(?:dbms|apoc)\\.\\w+|^[^'\"]{0,48}['\"]\\s*\\)(?:\\.\\w+\\([^()]*\\))*\\.(?:drop|addv|adde|sideeffect|property|iterate|valuemap|tolist)\\(|\\bg\\.[ve]\\(\\)(?:\\.\\w+\\([^()]*\\))*\\.drop\\("),
    pattern("nosql.redis", 0.7, 0.3, "[\\r\\n]\\s*(?:\\*\\d+\\r?\\n\\$\\d+|(?:config\\s+set|slaveof|replicaof|module\\s+load|script\\s+load|debug\\s+sleep)\\s+\\S|(?:flushall|flushdb|flush_all|bgsave|bgrewriteaof)\\s*(?:[\\r\\n]|$)|eval\\s+[\"']|stats\\s+(?:items|slabs|cachedump)\\b)"),
    // Commands that are words of prose as well: in capitals, or with the numbers of memcached, behind a key.
    pattern("nosql.redis", 0.65, 0.2, "^\\S{0,64}\\r?\\n(?:.*\\n)?(?:(?-i:SET|SETEX|GET|DEL|KEYS|HSET|HGETALL|LPUSH|RPUSH|SADD|ZADD|EXPIRE|MIGRATE|PUBLISH|RENAME)\\s+\\S[^\\r\\n]{0,64}\\r?\\n|(?:set|add|replace|append)\\s+\\S+\\s+\\d+\\s+\\d+\\s+\\d+\\s*(?:\\r|\\n|$))"),
]);

impl Detector for NosqlInjection {
    fn family(&self) -> Family {
        Family::NosqlInjection
    }

    fn wants(&self, hints: &Hints) -> bool {
        let seen = hints.seen;
        hints.words.contains(Words::OPERATOR.or(Words::CODE))
            || hints.has(Marks::PIPES)
            || hints.words.contains(Words::SQL)
                && seen.any & kind::QUOTE != 0
                && seen.twice & kind::SLASH != 0
    }

    /// Values that are short cost it most, for their length.
    fn steps(&self, bytes: usize) -> usize {
        40 + bytes / 2
    }

    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>) {
        if let Some(score) = operator::judge(value) {
            report.add("nosql.operator", score);
        }
        if !operator::is_bracketed(value.bytes) {
            PATTERNS.judge(value, value.bytes, report);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::{patterns, testing::score};

    #[test]
    fn operators_are_found() {
        patterns::compiles(&PATTERNS);
        for text in [
            "password[$ne]",
            "{\"$gt\": \"\"}",
            "', $where: '1 == 1'",
            "' || '1'=='1",
            "|| 1==1",
            "'; return true; //",
            "{ $ne: 1 }",
            "db.users.find({})",
            "$where",
            "1;return 1",
            "'|| !this.pin ||'",
            "\"); return(true);//",
            "' || Object.keys(this).length > 2 || '",
            "'; throw new Error(1); //",
            "x'}) RETURN 1 UNION MATCH (u:User) RETURN u.password //",
            "' MATCH (n) DETACH DELETE n //",
            "x' SET n.role='admin' //",
            "'}) CALL db.labels() YIELD label RETURN label //",
            "' FOR u IN users RETURN u //",
            "x' ALLOW FILTERING; --",
            "').drop().V('",
            "x\r\nSET admin 1\r\n",
            "k\r\nflush_all\r\n",
            "v\r\nset s 0 0 5\r\nadmin\r\n",
            "x\r\nSLAVEOF 10.0.0.5 6379",
            "x' && Object.values(this).length>1 && 'a'=='a",
            "' || c.role == 'admin",
            "x' OR true //",
            "' FILTER u.role == 'admin' RETURN u //",
        ] {
            assert!(score(&NosqlInjection, text) >= 0.5, "{text}");
        }
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in [
            "$ref",
            "in $100 or $gt terms",
            "{\"size\": 10, \"from\": 2}",
            "a && b",
            "{ users { id name } }",
            "price is $5 and not more",
            "query($id: ID!, $where: Filter) { a(where: $where) { id } }",
            "this.amount > 100 && this.currency == 'EUR'",
            "function() { return true; }",
            "'return' to sender",
            "let s = ''; return s;",
            "\"Foo\" with (bar)",
            "'Matches' match (see below)",
            "milk\nget bread\nset the table",
            "eggs\r\nset of 4 plates",
            "MATCH (n:User) RETURN n",
            "x = 'a'; return this.b",
            "a == 'x' || b == 'y'",
            "a || b == 1",
            "subject\nKEYS needed",
            "see 'it' // and more",
            "3 for 2",
        ] {
            assert!(score(&NosqlInjection, text) < 0.5, "{text}");
        }
    }
}
