//! NoSQL injection: query operators where a plain value belongs, JavaScript conditions, and
//! commands of MongoDB, CouchDB and Redis.
//!
//! Source: MongoDB's manual of query operators.

use super::detector::{Detector, Report};
use super::patterns::{pattern, Patterns};
use super::prefilter::{Hints, Marks};
use super::words::Words;
use super::{Family, Part};
use crate::decode::Value;

/// The detector of this family.
pub struct NosqlInjection;

macro_rules! operators {
    () => {
        "(?:ne|gte?|lte?|n?in|eq|regex|where|exists|or|and|not|elemmatch|all|expr|func|function|type|mod|nor|jsonschema|text|lookup|accumulator)"
    };
}

static PATTERNS: Patterns = Patterns::new(&[
    pattern("nosql.operator", 0.75, 0.5, concat!("\\[[\"']?[$&]", operators!(), "[\"']?\\]")),
    pattern("nosql.operator", 0.7, 0.2, concat!("[{,]\\s*[\"'][$&]", operators!(), "[\"']\\s*:")),
    // Without quotes only before a value: variables of GraphQL stand before the name of a type.
    pattern("nosql.operator", 0.7, 0.2, concat!("[{,]\\s*[$&]", operators!(), "\\s*:\\s*(?:[\"'{/\\d.+-]|\\[\\s*[\"'\\d{/\\]-]|true\\b|false\\b|null\\b|undefined\\b|function\\b|new\\b|this\\b|$)")),
    pattern("nosql.where", 0.8, 0.3, "[$&]where\\b['\"\\])]*\\s*[:=]\\s*(?:['\"\\d(]|function\\b|this\\b|return\\b|sleep|\\{)"),
    pattern("nosql.condition", 0.65, 0.2, "^['\"\\w\\s]{0,24}(?:\\|\\||&&)\\s*['\"(]?\\w*['\")]?\\s*={2,3}\\s*['\"(]?\\w*|['\"]\\s*(?:\\|\\||&&)\\s*['\"]?\\w+['\"]?\\s*={1,3}\\s*['\"]?\\w"),
    pattern("nosql.script", 0.8, 0.4, "\\bthis\\.(?:\\w+)\\s*(?:\\.match\\(|[=!]=|\\.length|\\.charat|\\[)|['\"]\\s*[;}]\\s*(?:return\\b|var\\s|sleep\\(|it\\s*=|while\\s*\\()|\\bdo\\s*\\{\\s*\\w+\\s*=\\s*new\\s+date|new\\s+date\\(\\)\\s*;\\s*(?:do|while)|;\\s*sleep\\(\\d+\\)|\\breturn\\s+(?:true|1|!0)\\s*;?\\s*(?:\\}|//|$)"),
    pattern("nosql.command", 0.75, 0.3, "\\bdb\\.(?:\\w+\\.)?(?:find(?:one)?|insert(?:one|many)?|update|remove|drop|mapreduce|getcollectionnames|eval|getname|version|count|aggregate|createcollection|dropdatabase|hostinfo|currentop)\\s*\\(|\\bmapreduce\\s*\\(\\s*function|_all_dbs\\b|\\btojson(?:one)?\\s*\\(|\\bruncommand\\s*\\("),
    pattern("nosql.redis", 0.7, 0.3, "[\\r\\n](?:\\*\\d+\\r?\\n\\$\\d+|(?:config\\s+set|slaveof|flushall|eval\\s+[\"'])\\s)"),
]);

impl Detector for NosqlInjection {
    fn family(&self) -> Family {
        Family::NosqlInjection
    }

    fn wants(&self, hints: &Hints) -> bool {
        hints.words.contains(Words::OPERATOR.or(Words::CODE)) || hints.has(Marks::PIPES)
    }

    fn judge(&self, value: &Value<'_>, report: &mut Report<'_>) {
        if let (Part::Json | Part::Form | Part::Query, Some(score)) = (value.part, bare(value)) {
            report.add("nosql.operator", score);
        }
        PATTERNS.judge(value, value.bytes, report);
    }
}

/// A key that is an operator by itself. Logging in with one is telling; searching, less so.
fn bare(value: &Value<'_>) -> Option<f32> {
    const KEYS: [&[u8]; 14] = [
        b"$ne",
        b"$gt",
        b"$gte",
        b"$lt",
        b"$lte",
        b"$nin",
        b"$regex",
        b"$where",
        b"$exists",
        b"$eq",
        b"$in",
        b"$or",
        b"$func",
        b"$function",
    ];
    let operator = KEYS.iter().find(|k| value.bytes.eq_ignore_ascii_case(k))?;
    let name = value.name.to_ascii_lowercase();
    let secret = [
        &b"pass"[..],
        b"user",
        b"login",
        b"mail",
        b"token",
        b"pwd",
        b"secret",
    ]
    .iter()
    .any(|word| memchr::memmem::find(&name, word).is_some());
    let code = matches!(*operator, b"$where" | b"$func" | b"$function");
    Some(if secret || code { 0.85 } else { 0.5 })
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
        ] {
            assert!(score(&NosqlInjection, text) < 0.5, "{text}");
        }
    }
}
