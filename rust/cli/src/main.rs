//! `threat-agent`: the gateway's engine at the command line.

mod baselines;
mod check;
mod drill;
mod error;
mod evaluate;
mod explain;
mod kong_log;
mod ledger;
mod lines;
mod model;
mod openapi;
mod replay;
mod rows;
mod schema;
mod settings;
mod simulate;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Judge labelled requests, replay logs, simulate traffic and check configurations with the engine
/// of the gateway.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Evaluate(evaluate::Args),
    Replay(replay::Args),
    Simulate(simulate::Args),
    Baselines(baselines::Args),
    Check(check::Args),
    Ledger(ledger::Args),
    Drill(drill::Args),
    Schema(schema::Args),
    Train(model::train::Args),
    Explain(explain::Args),
    Openapi(openapi::Args),
}

fn main() -> ExitCode {
    let mut out = std::io::stdout().lock();
    let done = match Cli::parse().command {
        Command::Evaluate(args) => evaluate::run(&args, &mut out),
        Command::Replay(args) => replay::run(&args, &mut out),
        Command::Simulate(args) => simulate::run(&args, &mut out),
        Command::Baselines(args) => baselines::run(&args, &mut out),
        Command::Check(args) => check::run(&args, &mut out),
        Command::Drill(args) => drill::run(&args, &mut out),
        Command::Ledger(args) => ledger::run(&args, &mut out),
        Command::Schema(args) => schema::run(&args, &mut out),
        Command::Train(args) => model::train::run(&args, &mut out),
        Command::Explain(args) => explain::run(&args, &mut out),
        Command::Openapi(args) => openapi::run(&args, &mut out),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough: `threat-agent ... | head`.
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("threat-agent: {error}");
            ExitCode::from(2)
        }
    }
}
