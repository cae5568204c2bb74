//! Shows that a Proxy-Wasm host behaves as Envoy does: `cargo xtask conformance`, explained in the README.

mod case;
mod client;
mod hosts;
mod module;
mod recorded;
mod report;
mod run;
mod suite;
mod text;
mod transcript;
mod upstream;
mod verdict;
mod wire;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use crate::hosts::{Envoy, Host, Loom};
use crate::module::Modules;
use crate::recorded::Recorded;
use crate::report::{Outcome, Report};
use crate::suite::Named;
use crate::verdict::judge;

/// Whatever ends the kit.
type Error = Box<dyn std::error::Error + Send + Sync>;

/// Runs the cases against a Proxy-Wasm host and compares its answers with those recorded of Envoy
#[derive(Debug, Parser)]
#[command(name = "cargo xtask conformance", bin_name = "cargo xtask conformance")]
struct Arguments {
    /// What to run the cases against
    #[arg(long, value_enum, default_value = "loom")]
    host: Which,
    /// Only cases with this text in their name, such as `headers/`
    #[arg(long)]
    filter: Option<String>,
    /// Keep the answers: Envoy's are what is expected from then on, Loom's are kept of cases that are marked as different
    #[arg(long)]
    record: bool,
    /// Show the whole transcript of each case
    #[arg(long)]
    show: bool,
    /// The program `loom`
    #[arg(long, default_value = "target/debug/loom")]
    loom: PathBuf,
    /// The program `envoy`
    #[arg(long, default_value = "target/conformance/envoy")]
    envoy: PathBuf,
    /// Where the plugin's modules are
    #[arg(long, default_value = "target/conformance/guest")]
    modules: PathBuf,
    /// Where the report goes
    #[arg(long, default_value = "target/conformance")]
    report: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    Loom,
    Envoy,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<bool, Error> {
    match arguments.host {
        Which::Loom => {
            let program = arguments.loom.canonicalize()?;
            run_on(&Loom { program }, arguments).await
        }
        Which::Envoy => {
            let program = arguments.envoy.canonicalize()?;
            run_on(&Envoy { program }, arguments).await
        }
    }
}

async fn run_on(host: &impl Host, arguments: &Arguments) -> Result<bool, Error> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = suite::load(&package.join("cases"), arguments.filter.as_deref())?;
    let mut recorded = Recorded::load(&package.join("recorded"))?;
    let mut modules = Modules::new(arguments.modules.canonicalize()?)?;
    let transcripts = run::all(host, &cases, &mut modules).await?;
    if arguments.record {
        for (case, transcript) in cases.iter().zip(&transcripts) {
            recorded.record(case, host.name(), transcript);
        }
    }
    let outcome = |(case, transcript): (&Named, _)| Outcome {
        id: case.id(),
        verdict: judge(case, host.name(), recorded.of(case), &transcript),
        difference: case.case.differs.clone(),
        transcript,
    };
    let outcomes = cases.iter().zip(transcripts).map(outcome).collect();
    let report = Report::new(host.name(), outcomes);
    report.print(arguments.show);
    report.write(&arguments.report)?;
    if arguments.record {
        recorded.save(&suite::load(&package.join("cases"), None)?)?;
    }
    Ok(report.is_good())
}
