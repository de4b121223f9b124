//! What can go wrong with what the operator hands to the tool. Each is exit status 2.

use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("could not read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}:{line}: {problem}", path.display())]
    Line {
        path: PathBuf,
        line: u64,
        problem: String,
    },
    #[error("{}: {source}", path.display())]
    Config {
        path: PathBuf,
        source: threat_agent_engine::Error,
    },
    #[error("{}: {} could not be compiled", path.display(), things(*count))]
    Rules { path: PathBuf, count: usize },
    #[error("{}: expected at least one row, got none", path.display())]
    Empty { path: PathBuf },
    #[error("could not reach {url}: {source}")]
    Http {
        url: String,
        source: Box<ureq::Error>,
    },
    #[error(
        "{url} answered {status}; is the plugin enabled there, and the token or header right?"
    )]
    Answer { url: String, status: u16 },
    #[error(
        "no incident told of the attack within {timeout_s} s; does an instance inspect the route?"
    )]
    Undetected { timeout_s: u64 },
    #[error("{0}")]
    Head(String),
    #[error("could not write the result: {0}")]
    Write(#[from] io::Error),
    #[error("could not write the result: {0}")]
    Json(#[from] serde_json::Error),
}

fn things(count: usize) -> String {
    match count {
        1 => "one rule".into(),
        n => format!("{n} rules"),
    }
}

impl Error {
    /// Wraps what went wrong while reading `path`.
    pub fn read(path: &Path) -> impl FnOnce(io::Error) -> Error + '_ {
        |source| Error::Read {
            path: path.to_owned(),
            source,
        }
    }

    /// Wraps what is wrong with the configuration in `path`.
    pub fn config(path: &Path) -> impl FnOnce(threat_agent_engine::Error) -> Error + '_ {
        |source| Error::Config {
            path: path.to_owned(),
            source,
        }
    }

    /// Wraps what went wrong while asking `url`.
    pub fn http(url: &str) -> impl FnOnce(ureq::Error) -> Error + '_ {
        |source| Error::Http {
            url: url.to_owned(),
            source: Box::new(source),
        }
    }

    /// Tells whether the reader of our output has gone away.
    pub fn is_broken_pipe(&self) -> bool {
        let kind = match self {
            Error::Write(error) => Some(error.kind()),
            Error::Json(error) => error.io_error_kind(),
            _ => None,
        };
        kind == Some(io::ErrorKind::BrokenPipe)
    }
}
