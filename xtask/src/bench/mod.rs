//! `cargo xtask bench`: the gateway beside other proxies, under the same load on the same machine.
//!
//! Requests come from wrk, h2load and `clients`, and go through a subject to one origin. What counts is the CPU time of the
//! subject per request: unlike the clock on the wall it hardly depends on what else the machine does.

mod built;
mod cases;
mod certificate;
mod check;
mod files;
mod idle;
mod instructions;
mod load;
mod machine;
mod origin;
mod progress;
mod report;
mod results;
mod rounds;
mod selection;
mod stats;
mod subjects;

pub use self::instructions::run as instructions;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::built::Built;
use self::load::Generators;
use self::progress::{Pace, Progress};
use self::results::Results;
use self::rounds::Bench;
use self::subjects::Subject;
use crate::{Error, programs, signals};

/// Where a run of all cases is kept, and where any other.
const WHOLE: &str = "gateway.json";
const PART: &str = "gateway-part.json";

/// What to measure, and for how long.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Few and short rounds: to see that it works.
    pub quick: bool,
    /// A folder with programs that were built earlier, in place of a build.
    pub programs: Option<PathBuf>,
    /// Names of cases, or how they begin and a `*`; without any, all.
    pub cases: Vec<String>,
    /// Names of subjects; without any, all that are there.
    pub subjects: Vec<String>,
    /// Another number of rounds.
    pub rounds: Option<usize>,
    /// Other seconds per round.
    pub seconds: Option<u64>,
}

impl Options {
    /// Only whole runs are compared with targets and shown in the documentation.
    fn file(&self) -> &'static str {
        let is_whole = !self.quick && self.cases.is_empty() && self.subjects.is_empty();
        if is_whole { WHOLE } else { PART }
    }

    fn pace(&self) -> Pace {
        Pace {
            rounds: self.rounds.unwrap_or(if self.quick { 1 } else { 5 }),
            time: Duration::from_secs(self.seconds.unwrap_or(if self.quick { 1 } else { 2 })),
        }
    }
}

/// Measures, prints what came of it, and keeps it in `target/bench`: a run of all cases as `gateway.json`.
///
/// # Errors
///
/// When a name is unknown, when something does not build, start or answer right, or when nginx, wrk or h2load are missing.
pub fn gateway(root: &Path, options: &Options) -> Result<(), Error> {
    let mut cases = selection::cases(&options.cases)?;
    let kinds = selection::kinds(&options.subjects)?;
    let folder = folder(root)?;
    let nginx = programs::need("nginx", "-v", "nginx")?;
    programs::need("curl", "--version", "curl")?;
    let built = match &options.programs {
        Some(programs) => Built::in_folder(programs),
        None => Built::build(root)?,
    };
    let generators = Generators::find(&folder, built.path("clients")?)?;
    let (subjects, absent) = selection::subjects(root, &nginx, &built, &kinds)?;
    cases.retain(|case| case.of(&subjects).next().is_some());
    let versions = versions(&subjects, &generators);
    let files = files::prepare(root, &folder, &cases)?;
    let origin = origin::start(&nginx, &folder)?;
    let has_calls = cases.iter().any(cases::Case::calls);
    let grpc_origin = has_calls.then(|| origin::start_grpc(&built.path("grpc-origin")?, &folder));
    let grpc_origin = grpc_origin.transpose()?;
    let pace = options.pace();
    let bench = Bench {
        subjects: &subjects,
        files,
        generators,
        origin: origin.address(),
        grpc_origin: grpc_origin.as_ref().map(crate::server::Server::address),
        folder: &folder,
        rounds: pace.rounds,
        time: pace.time,
        stop: signals::stop()?,
    };
    let mut results = Results {
        machine: machine::describe(root),
        versions,
        absent,
        seconds_per_round: pace.time.as_secs(),
        cases: Vec::new(),
    };
    let file = folder.join(options.file());
    let mut progress = Progress::new(&cases, &subjects, pace);
    let mut failed = Vec::new();
    for case in &cases {
        progress.begin(case, &subjects, pace);
        match bench.measure(case) {
            Ok(measured) => {
                report::print(case, &measured);
                results.cases.push(measured);
            }
            // Ctrl-C ends the load, too, whose complaint says less.
            Err(_) if bench.is_stopped() => return Err(Error::new("stopped")),
            Err(error) => {
                report::complain(&error);
                failed.push(case.name);
                results
                    .absent
                    .push(format!("the case {} failed", case.name));
            }
        }
        // After each case: what is there stays there, whatever comes.
        results.write(&file)?;
    }
    eprintln!("\nThe results are in {}.", file.display());
    if failed.is_empty() {
        return Ok(());
    }
    Err(Error::new(format!("cases failed: {}", failed.join(", "))))
}

/// Prints the names of all cases, what each is about, and who takes part.
pub fn list() {
    for case in cases::all() {
        let names: Vec<_> = case.subjects.iter().map(|kind| kind.name()).collect();
        println!("{:20} {} ({})", case.name, case.title, names.join(", "));
    }
}

/// Writes `docs/performance.md` and its charts from what a whole run and `cargo bench -p loom-benches` left in `target`.
///
/// # Errors
///
/// When there are no results, or when the document cannot be written.
pub fn report(root: &Path) -> Result<(), Error> {
    let results = Results::read(&root.join("target").join("bench").join(WHOLE))?;
    report::write(root, &results)
}

/// Where everything is kept that is made on the way.
fn folder(root: &Path) -> Result<PathBuf, Error> {
    let folder = root.join("target").join("bench");
    fs::create_dir_all(&folder)
        .map_err(|e| Error::because(format!("cannot make {}", folder.display()), e))?;
    Ok(folder)
}

fn versions(subjects: &[Subject], generators: &Generators) -> BTreeMap<String, String> {
    let mut versions: BTreeMap<_, _> = subjects
        .iter()
        .map(|subject| {
            (
                subject.kind.name().to_owned(),
                subject.program.version.clone(),
            )
        })
        .collect();
    for (name, program) in [("wrk", &generators.wrk), ("h2load", &generators.h2load)] {
        versions.insert(name.to_owned(), program.version.clone());
    }
    versions
}
