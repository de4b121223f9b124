//! Labelled requests as a scorer learns from them: bags of values, of which an attack needs one.

use crate::error::Error;
use crate::lines::Lines;
use crate::rows::{Label, Row};
use std::path::Path;
use threat_agent_engine::config::bounds;
use threat_agent_engine::decode::{self, kind, Scratch, Value};
use threat_agent_engine::inspect::{self, Evidence, Family, Findings, Inspector, Judged, Part};
use threat_agent_engine::model::ngram::{self, Hit};
use threat_agent_engine::Model;

/// Most windows of a request that are learned though no detector wanted them.
const COLD: usize = 64;

/// One value that a detector looked at, owned.
pub struct Sample {
    part: Part,
    bytes: Box<[u8]>,
    text: bool,
    extra_rounds: u8,
    odd_utf8: bool,
    evidence: Evidence,
    /// Whether the row's label is about it: headers of wrapped rows were drawn at random.
    pub learn: bool,
    /// Places in the n-gram table, window by window.
    pub windows: Vec<Box<[u32]>>,
}

impl Sample {
    fn new(judged: &Judged<'_>, learn: bool) -> Sample {
        let value = judged.value;
        let windows = if learn && value.part != Part::Header {
            windows(value.bytes, judged.text)
        } else {
            Vec::new()
        };
        Sample {
            part: value.part,
            bytes: value.bytes.into(),
            text: judged.text,
            extra_rounds: value.extra_rounds,
            odd_utf8: value.odd_utf8,
            evidence: judged.evidence,
            learn,
            windows,
        }
    }

    /// What the rules say about it.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Hands it out as the engine knows it; without what the rules say when `rules` is false.
    pub fn judged<T>(&self, rules: bool, see: impl FnOnce(&Judged<'_>) -> T) -> T {
        let value = Value {
            part: self.part,
            name: b"",
            bytes: &self.bytes,
            inner: b"",
            seen: kind::seen(b""),
            extra_rounds: self.extra_rounds,
            odd_utf8: self.odd_utf8,
        };
        see(&Judged {
            value: &value,
            text: self.text,
            evidence: if rules {
                self.evidence
            } else {
                Evidence::default()
            },
        })
    }
}

/// The windows of a value as [`ngram::Table::score`] forms them.
fn windows(bytes: &[u8], text: bool) -> Vec<Box<[u32]>> {
    let mut blocks: Vec<Vec<u32>> = vec![Vec::new()];
    ngram::runs(bytes, text, |hit| match hit {
        Hit::Run(at) => {
            if let Some(block) = blocks.last_mut() {
                block.push(at as u32);
            }
        }
        Hit::Block => blocks.push(Vec::new()),
    });
    blocks.pop();
    if blocks.len() == 1 {
        return blocks.into_iter().map(Vec::into_boxed_slice).collect();
    }
    blocks
        .windows(2)
        .map(|pair| pair.concat().into_boxed_slice())
        .collect()
}

/// One labelled request.
pub struct Bag {
    pub id: serde_json::Value,
    /// Index in [`Data::sources`].
    pub source: usize,
    pub category: String,
    pub malicious: bool,
    pub samples: Vec<Sample>,
    /// Windows of a benign request's values that no detector wanted.
    pub cold: Vec<Box<[u32]>>,
    /// What the rules say of the whole request. Shape: 0..=1.
    pub rules: f32,
    /// Path, query and body as sent: all that the baseline sees.
    pub text: Vec<u8>,
}

/// A file of labelled requests.
pub struct Data {
    pub bags: Vec<Bag>,
    pub sources: Vec<String>,
}

/// Reads labelled requests; rows marked `weak` are left out.
pub fn read(path: &Path) -> Result<Data, Error> {
    let inspector = Inspector::new(&Family::ALL);
    let most = bounds::DEFAULT_BODY_BYTES as usize;
    let mut data = Data {
        bags: Vec::new(),
        sources: Vec::new(),
    };
    let mut lines = Lines::open(path)?;
    while let Some(row) = lines.next::<Row>()? {
        if row.weak {
            continue;
        }
        let known = data.sources.iter().position(|s| *s == row.source);
        let source = known.unwrap_or_else(|| {
            data.sources.push(row.source.clone());
            data.sources.len() - 1
        });
        let (category, malicious) = (row.category.clone(), row.label == Label::Malicious);
        let wrapped = row.wrapped;
        let id = row.id.clone();
        let owned = row.into_request().map_err(|e| lines.complain(e))?;
        let request = owned.request(most);
        let mut found = Findings::default();
        let mut samples = Vec::new();
        inspector.inspect_each(&request, &mut found, |judged| {
            let envelope = matches!(judged.value.part, Part::Header | Part::Cookie);
            let learn = !(wrapped && envelope) && Model::concerns(judged);
            samples.push(Sample::new(judged, learn));
        });
        let mut cold = Vec::new();
        if !malicious {
            decode::walk(&request, &mut Scratch::default(), |value| {
                let judged = |s: &Sample| *s.bytes == *value.bytes;
                let envelope = value.part == Part::Header || wrapped && value.part == Part::Cookie;
                if !envelope && cold.len() < COLD && !samples.iter().any(judged) {
                    cold.extend(windows(value.bytes, inspect::is_text(value)));
                }
            });
        }
        let clean: f32 = found.list.iter().map(|f| 1.0 - f.score).product();
        data.bags.push(Bag {
            id,
            source,
            category,
            malicious,
            samples,
            cold,
            rules: 1.0 - clean,
            text: [request.path, b"?", request.query, b"\n", request.body.bytes].concat(),
        });
    }
    if data.bags.is_empty() {
        return Err(Error::Empty {
            path: path.to_owned(),
        });
    }
    Ok(data)
}
