//! ROC, precision over recall, and reliability, as SVG written by hand: three line charts do not
//! justify a plotting library with its font stack.

use super::bags::Data;
use super::judges::Comparison;
use super::loso::{Scores, JUDGES};
use crate::error::Error;
use std::fmt::Write;
use std::path::Path;

const COLOURS: [&str; JUDGES.len()] = ["#888888", "#1f77b4", "#ff7f0e", "#2ca02c"];
/// Side of the square that the curves lie in. Units: pixels.
const SIDE: f64 = 400.0;
const MARGIN: f64 = 60.0;
/// Points that a curve keeps.
const POINTS: usize = 400;

type Curve = Vec<(f64, f64)>;

/// Writes `roc.svg`, `precision_recall.svg` and `calibration.svg` into a folder.
pub fn write(
    folder: &Path,
    data: &Data,
    scores: &[Scores],
    compared: &Comparison,
) -> Result<(), Error> {
    std::fs::create_dir_all(folder)?;
    let mut roc = Vec::new();
    let mut precision = Vec::new();
    for nth in 0..JUDGES.len() {
        let (a, b) = curves(data, scores, nth);
        roc.push(a);
        precision.push(b);
    }
    let reliability = compared.judges.iter().map(|judge| {
        let bins = judge.reliability.iter();
        bins.map(|b| (b.probability, b.malicious)).collect()
    });
    let charts = [
        (
            "roc.svg",
            "ROC (false positives up to 10 %)",
            ["FPR", "TPR"],
            0.1,
            roc,
        ),
        (
            "precision_recall.svg",
            "Precision over recall",
            ["recall", "precision"],
            1.0,
            precision,
        ),
        (
            "calibration.svg",
            "Calibration",
            ["probability", "share of attacks"],
            1.0,
            reliability.collect(),
        ),
    ];
    for (file, title, axes, most, curves) in charts {
        std::fs::write(folder.join(file), chart(title, axes, most, &curves))?;
    }
    Ok(())
}

/// (FPR, TPR) and (recall, precision) as the threshold falls.
fn curves(data: &Data, scores: &[Scores], nth: usize) -> (Curve, Curve) {
    let rows = data.bags.iter().zip(scores);
    let mut rows: Vec<(f32, bool)> = rows.map(|(b, s)| (s[nth], b.malicious)).collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let attacks = rows.iter().filter(|r| r.1).count().max(1) as f64;
    let others = (rows.len() as f64 - attacks).max(1.0);
    let (mut hits, mut alarms) = (0.0, 0.0);
    let (mut roc, mut precision) = (vec![(0.0, 0.0)], Vec::new());
    for (i, (score, malicious)) in rows.iter().enumerate() {
        *(if *malicious { &mut hits } else { &mut alarms }) += 1.0;
        if rows.get(i + 1).is_none_or(|next| next.0 < *score) {
            roc.push((alarms / others, hits / attacks));
            precision.push((hits / attacks, hits / (hits + alarms)));
        }
    }
    (thin(roc), thin(precision))
}

/// Keeps points that are far enough from the one before.
fn thin(curve: Curve) -> Curve {
    let near = 1.0 / POINTS as f64;
    let mut kept: Curve = Vec::new();
    for (x, y) in curve {
        let far = |(a, b): &(f64, f64)| (x - a).abs() * 10.0 + (y - b).abs() > near;
        if kept.last().is_none_or(far) {
            kept.push((x, y));
        }
    }
    kept
}

fn chart(title: &str, [across, up]: [&str; 2], most: f64, curves: &[Curve]) -> String {
    let whole = SIDE + 2.0 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {whole} {whole}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{whole}\" height=\"{whole}\" fill=\"white\"/>\n\
         <text x=\"{MARGIN}\" y=\"30\" font-size=\"16\">{title}</text>\n"
    );
    for step in 0..=5 {
        let part = f64::from(step) / 5.0;
        let (x, y) = (MARGIN + SIDE * part, MARGIN + SIDE * (1.0 - part));
        let end = MARGIN + SIDE;
        let _ = write!(
            svg,
            "<path d=\"M{x} {MARGIN}V{end}M{MARGIN} {y}H{end}\" stroke=\"#ddd\"/>\n\
             <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{:.2}</text>\n\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{part:.1}</text>\n",
            end + 18.0,
            part * most,
            MARGIN - 6.0,
            y + 4.0,
        );
    }
    for (nth, curve) in curves.iter().enumerate() {
        let inside = curve.iter().filter(|(x, _)| *x <= most);
        let points: Vec<String> = inside
            .map(|(x, y)| {
                let (x, y) = (x / most * SIDE + MARGIN, (1.0 - y) * SIDE + MARGIN);
                format!("{x:.1},{y:.1}")
            })
            .collect();
        let _ = write!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n\
             <text x=\"{}\" y=\"{}\" fill=\"{}\">{}</text>\n",
            points.join(" "),
            COLOURS[nth],
            MARGIN + SIDE - 120.0,
            MARGIN + SIDE - 70.0 + 16.0 * nth as f64,
            COLOURS[nth],
            JUDGES[nth],
        );
    }
    let _ = write!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{across}</text>\n\
         <text transform=\"translate(18 {}) rotate(-90)\" text-anchor=\"middle\">{up}</text>\n</svg>\n",
        MARGIN + SIDE / 2.0,
        whole - 14.0,
        MARGIN + SIDE / 2.0,
    );
    svg
}
