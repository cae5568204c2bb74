//! The command `loom`.

mod args;
mod config;
mod run;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

/// Runs `loom` with these arguments, of which the first is the program's own name.
///
/// The exit code is 0 after a shutdown by signal and after a check without faults, 1 when the gateway cannot start or
/// the configuration has faults, 2 when the arguments are wrong.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let Args { options, command } = Args::parse_from(args::with_two_dashes(arguments));
    let done = match command {
        Some(Command::Check) => run::check(&options),
        None => run::serve(&options),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
