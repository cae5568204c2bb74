//! The command `loom`.

mod args;
mod config;
mod health;
mod help;
mod open_files;
mod output;
mod route;
mod routes;
mod run;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

/// Runs `loom` with these arguments, of which the first is the program's own name.
///
/// The exit code is 0 after a shutdown by signal and after a check without faults, 1 when the gateway cannot start or
/// the configuration has faults, 2 when the arguments are wrong, 3 when `loom route` finds no route.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let Args { options, command } = Args::parse_from(args::with_two_dashes(arguments));
    let done = match command {
        Some(Command::Check(args)) => run::check(&options, &args),
        Some(Command::Routes(args)) => routes::run(&options, &args),
        Some(Command::Route(args)) => route::run(&options, &args),
        Some(Command::Health) => health::run(&options),
        Some(Command::Schema) => run::schema(),
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
