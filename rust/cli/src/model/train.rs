//! `threat-agent train`: learns the payload scorer that the engine carries.

use super::bags::{self, Data};
use super::{loso, scorer};
use crate::error::Error;
use serde_json::{json, Value};
use std::io::Write;
use std::path::PathBuf;
use threat_agent_engine::model::{artifact, features, ngram, HIGH_CONFIDENCE};
use threat_agent_engine::Model;

/// Learn the payload scorer from labelled requests and write it to a file.
///
/// The same data and seed give the same file. Rows marked `weak` are left out, and so are the
/// headers of rows marked `wrapped`. The engine carries the file that
/// `rust/engine/src/model/payload.model` holds when it is built.
#[derive(clap::Args)]
pub struct Args {
    /// Labelled requests, JSON Lines, plain or zstd.
    #[arg(long)]
    data: PathBuf,
    /// Where the model goes.
    #[arg(long)]
    out: PathBuf,
    /// Seed of all that is drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub fn run(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    let data = bags::read(&args.data)?;
    let [model, _] = scorer::learn(&data, &|_| true, args.seed);
    let metadata = metadata(&data, &model, args.seed);
    let bytes = artifact::write(&model, &metadata.to_string());
    std::fs::write(&args.out, &bytes)?;
    writeln!(
        out,
        "{}: {} bytes, version {}, features {:08x}, trained on {} requests of {} sources",
        args.out.display(),
        bytes.len(),
        artifact::VERSION,
        features::hash(),
        data.bags.len(),
        data.sources.len(),
    )?;
    for (at, weight) in model.weights.iter().enumerate() {
        writeln!(out, "  {:32} {weight:8.3}", features::name(at))?;
    }
    Ok(())
}

fn metadata(data: &Data, model: &Model, seed: u64) -> Value {
    let mut sources = vec![[0u64; 2]; data.sources.len()];
    let mut hits = [[0u64; 3]; 2];
    for bag in &data.bags {
        let kind = usize::from(bag.malicious);
        let probability = loso::probability(model, bag, true);
        sources[bag.source][kind] += 1;
        hits[kind][0] += 1;
        hits[kind][1] += u64::from(probability >= 0.5);
        hits[kind][2] += u64::from(probability >= HIGH_CONFIDENCE);
    }
    let ratio = |kind: usize, at: usize| hits[kind][at] as f64 / hits[kind][0].max(1) as f64;
    let named = data.sources.iter().zip(&sources);
    let named = named.map(|(name, [benign, malicious])| {
        json!({"name": name, "benign": benign, "malicious": malicious})
    });
    json!({
        "seed": seed,
        "sources": named.collect::<Vec<_>>(),
        "ngrams": {"places": ngram::DIMS, "lengths": ngram::LENGTHS, "shapes": ngram::SHAPES},
        // On the very rows it was trained on: `evaluate --leave-one-source-out` tells the truth.
        "in_sample": {
            "tpr": ratio(1, 1), "fpr": ratio(0, 1),
            "tpr_high_confidence": ratio(1, 2), "fpr_high_confidence": ratio(0, 2),
        },
    })
}
