//! Shows that a Proxy-Wasm host behaves as Envoy does: `cargo xtask conformance`, explained in the README.

mod case;
mod client;
mod differences;
mod hosts;
mod matrix;
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

use crate::differences::{Classes, Document};
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
    let all = suite::load(package)?;
    let classes = Classes::load(&package.join("differences.yaml"), &all)?;
    let document = Document(package.join("../../docs/abi.md"));
    let mut recorded = Recorded::load(&package.join("recorded"))?;
    let mut modules = Modules::new(arguments.modules.canonicalize()?)?;

    let filter = arguments.filter.as_deref().unwrap_or_default();
    let is_meant = |case: &&Named| case.id().contains(filter);
    let cases: Vec<_> = all.iter().filter(is_meant).cloned().collect();
    let transcripts = run::all(host, &cases, &mut modules).await?;
    if arguments.record {
        for (case, transcript) in cases.iter().zip(&transcripts) {
            recorded.record(case, host.name(), transcript);
        }
    }
    let outcome = |(case, transcript): (&Named, _)| Outcome {
        id: case.id(),
        verdict: judge(case, host.name(), recorded.of(case), &transcript),
        difference: case.case.differs.as_ref().map(|class| {
            let reason = classes.reason(class);
            (class.clone(), reason.to_owned())
        }),
        transcript,
    };
    let outcomes = cases.iter().zip(transcripts).map(outcome).collect();
    let report = Report::new(host.name(), outcomes);
    report.print(arguments.show);
    report.write(&arguments.report)?;
    if arguments.record {
        recorded.save(&all)?;
        document.write(&classes, &all)?;
    } else if !document.is_current(&classes, &all)? {
        return Err(
            "the list of differences in docs/abi.md is not that of the cases; `--record` writes it"
                .into(),
        );
    }
    Ok(report.is_good())
}
