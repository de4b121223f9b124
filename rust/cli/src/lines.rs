//! JSON Lines files, plain or compressed with zstd, one typed row at a time.

use crate::error::Error;
use ruzstd::decoding::StreamingDecoder;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// First bytes of a zstd frame. Source: RFC 8878, section 3.1.1.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Rows of a file.
pub struct Lines {
    path: PathBuf,
    input: Box<dyn BufRead>,
    buffer: Vec<u8>,
    number: u64,
}

impl Lines {
    /// Opens a file; zstd is known by its first bytes, not by the name.
    pub fn open(path: &Path) -> Result<Lines, Error> {
        let mut file = File::open(path).map_err(Error::read(path))?;
        let mut magic = Vec::new();
        file.by_ref()
            .take(4)
            .read_to_end(&mut magic)
            .map_err(Error::read(path))?;
        file.seek(SeekFrom::Start(0)).map_err(Error::read(path))?;
        let input: Box<dyn BufRead> = if magic == ZSTD_MAGIC {
            let decoder = StreamingDecoder::new(BufReader::new(file))
                .map_err(|e| Error::read(path)(std::io::Error::other(e)))?;
            Box::new(BufReader::new(decoder))
        } else {
            Box::new(BufReader::new(file))
        };
        Ok(Lines {
            path: path.to_owned(),
            input,
            buffer: Vec::new(),
            number: 0,
        })
    }

    /// Reads the next row that is not blank.
    /// Errors: a line that is not such a row, with its number.
    pub fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Error> {
        loop {
            self.buffer.clear();
            self.number += 1;
            let read = self.input.read_until(b'\n', &mut self.buffer);
            if read.map_err(Error::read(&self.path))? == 0 {
                return Ok(None);
            }
            if self.buffer.trim_ascii().is_empty() {
                continue;
            }
            let row = serde_json::from_slice(&self.buffer);
            return row.map(Some).map_err(|e| self.complain(problem(&e)));
        }
    }

    /// Makes an error about the line that was read last.
    pub fn complain(&self, problem: impl ToString) -> Error {
        Error::Line {
            path: self.path.clone(),
            line: self.number,
            problem: problem.to_string(),
        }
    }
}

/// Tells what is wrong with a row; its line within the row, always the first, would mislead.
fn problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text);
    format!("{what} (column {})", error.column())
}

#[cfg(test)]
pub mod testing {
    use std::path::PathBuf;

    /// Writes a file for one test; `name` tells tests apart.
    pub fn file(name: &str, content: &str) -> PathBuf {
        let name = format!("threat-agent-{}-{name}.jsonl", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content).expect("the temporary folder can be written");
        path
    }
}
