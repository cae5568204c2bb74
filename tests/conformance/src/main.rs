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

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use crate::differences::{Classes, Document};
use crate::hosts::{Envoy, Host, Loom};
use crate::module::Modules;
use crate::recorded::{Answers, Recorded};
use crate::report::{Outcome, Report};
use crate::suite::Named;
use crate::transcript::Transcript;
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
    /// Run the cases against Envoy first, and compare Loom with what that answers instead of with what is recorded
    #[arg(long, conflicts_with_all = ["record", "host"])]
    compare: bool,
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
    let kit = Kit::load(arguments)?;
    let loom = || -> Result<Loom, Error> {
        let program = arguments.loom.canonicalize()?;
        Ok(Loom { program })
    };
    let envoy = || -> Result<Envoy, Error> {
        let program = arguments.envoy.canonicalize()?;
        Ok(Envoy { program })
    };
    match arguments.host {
        _ if arguments.compare => kit.compare(&envoy()?, &loom()?).await,
        Which::Loom => kit.run(&loom()?).await,
        Which::Envoy => kit.run(&envoy()?).await,
    }
}

/// What a run needs beside the host.
struct Kit<'a> {
    arguments: &'a Arguments,
    /// Every case, and those that are meant.
    all: Vec<Named>,
    cases: Vec<Named>,
    classes: Classes,
    document: Document,
    recorded: Recorded,
}

impl<'a> Kit<'a> {
    fn load(arguments: &'a Arguments) -> Result<Self, Error> {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let all = suite::load(package)?;
        let filter = arguments.filter.as_deref().unwrap_or_default();
        let is_meant = |case: &&Named| case.id().contains(filter);
        Ok(Self {
            arguments,
            cases: all.iter().filter(is_meant).cloned().collect(),
            classes: Classes::load(&package.join("differences.yaml"), &all)?,
            document: Document(package.join("../../docs/abi.md")),
            recorded: Recorded::load(&package.join("recorded"))?,
            all,
        })
    }

    /// Runs the cases on a host, and compares with what is recorded.
    async fn run(mut self, host: &impl Host) -> Result<bool, Error> {
        let transcripts = self.transcripts(host).await?;
        if self.arguments.record {
            for (case, transcript) in self.cases.iter().zip(&transcripts) {
                self.recorded.record(case, host.name(), transcript);
            }
        }
        let expected = |case: &Named| self.recorded.of(case).cloned();
        let report = self.report(host.name(), host.name(), transcripts, expected);
        report.print(self.arguments.show);
        report.write(&self.arguments.report)?;
        if self.arguments.record {
            self.recorded.save(&self.all)?;
            self.document.write(&self.classes, &self.all)?;
        } else if !self.document.is_current(&self.classes, &self.all)? {
            return Err("the list of differences in docs/abi.md is not that of the cases; `--record` writes it".into());
        }
        Ok(report.is_good())
    }

    /// Runs the cases on both hosts, and compares the one with the other.
    async fn compare(self, envoy: &Envoy, loom: &Loom) -> Result<bool, Error> {
        let theirs = self.transcripts(envoy).await?;
        let ours = self.transcripts(loom).await?;
        let live: HashMap<_, _> = self.cases.iter().map(Named::id).zip(theirs).collect();
        let expected = |case: &Named| {
            let recorded = self.recorded.of(case);
            Some(Answers {
                envoy: live.get(&case.id())?.0.clone(),
                loom: recorded
                    .map(|answers| answers.loom.clone())
                    .unwrap_or_default(),
            })
        };
        let report = self.report("loom-and-envoy", loom.name(), ours, expected);
        report.print(self.arguments.show);
        report.write(&self.arguments.report)?;
        Ok(report.is_good())
    }

    async fn transcripts(&self, host: &impl Host) -> Result<Vec<Transcript>, Error> {
        let mut modules = Modules::new(self.arguments.modules.canonicalize()?)?;
        run::all(host, &self.cases, &mut modules).await
    }

    fn report(
        &self,
        title: &'static str,
        host: &str,
        transcripts: Vec<Transcript>,
        expected: impl Fn(&Named) -> Option<Answers>,
    ) -> Report {
        let outcome = |(case, transcript): (&Named, _)| Outcome {
            id: case.id(),
            verdict: judge(case, host, expected(case).as_ref(), &transcript),
            difference: case.case.differs.as_ref().map(|class| {
                let reason = self.classes.reason(class);
                (class.clone(), reason.to_owned())
            }),
            transcript,
        };
        let outcomes = self.cases.iter().zip(transcripts).map(outcome);
        Report::new(title, outcomes.collect())
    }
}
