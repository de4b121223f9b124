//! `threat-agent baselines`: what a node has learned, as a file to read, to keep and to move.

use crate::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use threat_agent_engine::analyst::Saved;
use threat_agent_engine::baseline::Drift;

/// Export or import what a node has learned to be normal.
///
/// A node keeps it in `<prefix>/threat-agent/learned.json`, writes it now and then, and reads it
/// when it starts.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Print a node's file as JSON, with the limit that each route and consumer suggests.
    Export {
        /// The node's file.
        file: PathBuf,
        /// Print a table of the suggested limits instead.
        #[arg(long)]
        limits: bool,
    },
    /// Put baselines into the file of a node that does not run, keeping what it knows better.
    Import {
        /// What `export` printed, or another node's file.
        from: PathBuf,
        /// The node's file; made when there is none.
        into: PathBuf,
    },
}

pub fn run(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    match &args.command {
        Command::Export { file, limits } => {
            let saved = read(file)?;
            if *limits {
                return table(&saved, out);
            }
            serde_json::to_writer_pretty(&mut *out, &saved)?;
            writeln!(out)?;
        }
        Command::Import { from, into } => {
            let new = read(from)?;
            let count = new.places.len();
            let (saved, taken) = if into.exists() {
                let mut known = read(into)?;
                let taken = known.merge(new);
                (known, taken)
            } else {
                (new, count)
            };
            write(into, &serde_json::to_vec(&saved)?)?;
            writeln!(out, "took in {taken} of {count} places")?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Saved, Error> {
    let json = std::fs::read(path).map_err(Error::read(path))?;
    Saved::read(&json).map_err(Error::config(path))
}

/// Writes beside the file and renames, so that a node never reads half of it.
fn write(path: &Path, json: &[u8]) -> Result<(), Error> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    let done = std::fs::write(&beside, json).and_then(|()| std::fs::rename(&beside, path));
    done.map_err(|source| {
        let told = format!("could not write {}: {source}", path.display());
        Error::Write(std::io::Error::other(told))
    })
}

fn table(saved: &Saved, out: &mut dyn Write) -> Result<(), Error> {
    writeln!(
        out,
        "{:13} {:38} {:>9} {:>7} {:>7} {:>7} {:>9}",
        "service", "route or consumer", "limit/10s", "p50", "p90", "p99", "samples"
    )?;
    for place in &saved.places {
        for drifted in &place.drifts {
            let (service, route) = (&place.service, &place.route);
            let Drift { from, to, .. } = drifted.drift;
            let what = drifted.what;
            writeln!(
                out,
                "{service:13.13} {route:38} changed for good: {what} from {from:.3} to {to:.3}"
            )?;
        }
        let Some(limit) = place.suggested_limit else {
            continue;
        };
        writeln!(
            out,
            "{:13.13} {:38} {:9} {:7.1} {:7.1} {:7.1} {:9}",
            place.service, place.route, limit.limit, limit.p50, limit.p90, limit.p99, limit.samples
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use threat_agent_engine::Analyst;

    #[test]
    fn baselines_move_from_node_to_node() {
        let folder = std::env::temp_dir().join(format!("baselines-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (from, into) = (folder.join("from.json"), folder.join("into.json"));
        std::fs::write(&from, Analyst::new().export()).unwrap();
        let run = |command| {
            let mut out = Vec::new();
            run(&Args { command }, &mut out).map(|()| String::from_utf8(out).unwrap())
        };
        let import = || Command::Import {
            from: from.clone(),
            into: into.clone(),
        };
        for _ in 0..2 {
            assert_eq!(run(import()).unwrap(), "took in 0 of 0 places\n");
        }
        let export = |file: &Path, limits| Command::Export {
            file: file.to_owned(),
            limits,
        };
        assert!(run(export(&into, false))
            .unwrap()
            .contains("threat-agent-learned"));
        assert!(run(export(&into, true)).unwrap().starts_with("service"));
        std::fs::write(&from, "{}").unwrap();
        let problem = run(import()).unwrap_err().to_string();
        assert!(
            problem.contains("from.json") && problem.contains("format"),
            "{problem}"
        );
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
