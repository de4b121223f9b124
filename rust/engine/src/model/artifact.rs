//! The file that a model is kept in.
//!
//! Little-endian: magic, version, hash of the feature list, length of the metadata, its JSON
//! (sources, metrics, seed, date of the data), then bias, weights, knots, the n-gram step and
//! table, and a CRC-32 (IEEE 802.3) over everything before.

use super::features::{self, COUNT};
use super::ngram::{self, Table};
use super::Model;

const MAGIC: [u8; 8] = *b"TAMODEL\0";
/// Raised when a byte moves or a number changes its meaning.
pub const VERSION: u32 = 2;
/// Most points of the calibration curve.
pub const KNOTS: usize = 16;

/// What is wrong with an artifact.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("expected a model's first bytes, got something else")]
    Magic,
    #[error("expected version {VERSION}, got {0}: train it anew with this version")]
    Version(u32),
    #[error("made for other features ({0:08x}): train it anew with this version")]
    Features(u32),
    #[error("the file ends early or goes on after its end")]
    Length,
    #[error("the checksum differs: the file is damaged")]
    Checksum,
    #[error("expected finite numbers, and knots that ascend within 0..=1")]
    Numbers,
}

/// Writes a model with its metadata, JSON.
pub fn write(model: &Model, metadata: &str) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    let mut word = |n: u32| out.extend_from_slice(&n.to_le_bytes());
    word(VERSION);
    word(features::hash());
    word(metadata.len() as u32);
    out.extend_from_slice(metadata.as_bytes());
    let mut number = |x: f32| out.extend_from_slice(&x.to_le_bytes());
    number(model.bias);
    model.weights.iter().for_each(|w| number(*w));
    number(model.knots.len() as f32);
    for (x, p) in &model.knots {
        number(*x);
        number(*p);
    }
    number(model.table.step);
    number(model.table.bias);
    out.extend(model.table.weights.iter().map(|w| *w as u8));
    out.extend_from_slice(&crc(&out).to_le_bytes());
    out
}

/// Reads a model and its metadata.
/// Errors: anything but what [`write`] wrote for this version's features.
pub fn read(bytes: &[u8]) -> Result<(Model, String), Error> {
    let mut from = Reader { rest: bytes };
    if from.take(MAGIC.len()).ok_or(Error::Magic)? != MAGIC {
        return Err(Error::Magic);
    }
    let version = from.word()?;
    if version != VERSION {
        return Err(Error::Version(version));
    }
    let (body, sum) = bytes.split_last_chunk::<4>().ok_or(Error::Length)?;
    if crc(body) != u32::from_le_bytes(*sum) {
        return Err(Error::Checksum);
    }
    let features = from.word()?;
    if features != features::hash() {
        return Err(Error::Features(features));
    }
    let length = from.word()? as usize;
    let metadata = from.take(length).ok_or(Error::Length)?;
    let metadata = String::from_utf8_lossy(metadata).into_owned();
    let bias = from.number()?;
    let mut weights = [0.0; COUNT];
    for weight in &mut weights {
        *weight = from.number()?;
    }
    let count = from.number()? as usize;
    if !(1..=KNOTS).contains(&count) {
        return Err(Error::Numbers);
    }
    let mut knots: Vec<(f32, f32)> = Vec::with_capacity(count);
    for _ in 0..count {
        let (x, p) = (from.number()?, from.number()?);
        let rises = knots.last().is_none_or(|(x0, p0)| x > *x0 && p >= *p0);
        if !rises || !(0.0..=1.0).contains(&p) {
            return Err(Error::Numbers);
        }
        knots.push((x, p));
    }
    let (step, bias_of_table) = (from.number()?, from.number()?);
    let table = from.take(ngram::DIMS).ok_or(Error::Length)?;
    let mut packed = Box::new([0i8; ngram::DIMS]);
    for (to, byte) in packed.iter_mut().zip(table) {
        *to = *byte as i8;
    }
    if from.rest.len() != 4 {
        return Err(Error::Length);
    }
    let table = Table {
        weights: packed,
        step,
        bias: bias_of_table,
    };
    let model = Model {
        table,
        weights,
        bias,
        knots,
    };
    Ok((model, metadata))
}

struct Reader<'b> {
    rest: &'b [u8],
}

impl<'b> Reader<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn word(&mut self) -> Result<u32, Error> {
        let (bytes, rest) = self.rest.split_first_chunk::<4>().ok_or(Error::Length)?;
        self.rest = rest;
        Ok(u32::from_le_bytes(*bytes))
    }

    fn number(&mut self) -> Result<f32, Error> {
        let number = f32::from_bits(self.word()?);
        if number.is_finite() {
            Ok(number)
        } else {
            Err(Error::Numbers)
        }
    }
}

/// Source: CRC-32 of IEEE 802.3, reflected, bit by bit: an artifact is read once.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Model {
        let mut weights = Box::new([0; ngram::DIMS]);
        weights[7] = -5;
        Model {
            table: Table {
                weights,
                step: 0.5,
                bias: -0.5,
            },
            weights: [0.25; COUNT],
            bias: -1.0,
            knots: vec![(-1.0, 0.1), (1.0, 0.9)],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let (read, metadata) = read(&write(&model(), "{\"a\":1}")).unwrap();
        assert_eq!(metadata, "{\"a\":1}");
        assert_eq!(read.weights, model().weights);
        assert_eq!(read.knots, model().knots);
        assert_eq!(read.table.weights, model().table.weights);
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let good = write(&model(), "{}");
        let error = |bytes: &[u8]| read(bytes).err();
        assert_eq!(error(b""), Some(Error::Magic));
        assert_eq!(error(b"GIF89a......."), Some(Error::Magic));
        for at in 12..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            if at % 997 == 0 || at < 40 {
                assert_eq!(error(&bad), Some(Error::Checksum), "{at}");
            }
        }
        let mut other = good.clone();
        other[8] = 99;
        assert_eq!(error(&other), Some(Error::Version(99)));
        let mut unsound = model();
        unsound.knots = vec![(1.0, 0.5), (0.0, 0.6)];
        assert_eq!(error(&write(&unsound, "")), Some(Error::Numbers));
        unsound.knots = vec![(f32::NAN, 0.5)];
        assert_eq!(error(&write(&unsound, "")), Some(Error::Numbers));
    }
}
