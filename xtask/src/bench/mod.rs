//! `cargo xtask bench`: the gateway beside other proxies, under the same load on the same machine.
//!
//! Requests come from wrk and h2load, and go through a subject to one origin. What counts is the CPU time of the subject per
//! request: unlike the clock on the wall it hardly depends on what else the machine does.

mod cases;
mod idle;
mod instructions;
mod load;
mod machine;
mod origin;
mod report;
mod results;
mod rounds;
mod stats;
mod subjects;

pub use self::instructions::run as instructions;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::cases::{Case, Modules};
use self::load::Generators;
use self::results::Results;
use self::rounds::Bench;
use self::subjects::{Kind, Subject};
use crate::programs::{self, Program};
use crate::{Error, cargo, plugins, signals};

/// Where a run of all cases is kept, and where any other.
const WHOLE: &str = "gateway.json";
const PART: &str = "gateway-part.json";

/// What to measure, and for how long.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Few and short rounds: to see that it works.
    pub quick: bool,
    /// Take the programs that were built last.
    pub no_build: bool,
    /// Names of cases; without any, all.
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
}

/// Measures, prints what came of it, and keeps it in `target/bench`: a run of all cases as `gateway.json`.
///
/// # Errors
///
/// When a name is unknown, when something does not build, start or answer, or when nginx, wrk or h2load are missing.
pub fn gateway(root: &Path, options: &Options) -> Result<(), Error> {
    let cases = selected_cases(&options.cases)?;
    let folder = folder(root)?;
    let nginx = programs::need("nginx", "-v", "nginx")?;
    let generators = Generators::find(&folder)?;
    let (subjects, absent) = subjects(root, &nginx, options)?;
    let versions = versions(&subjects, &generators);
    let modules = modules(root, &folder, &cases)?;
    let origin = origin::start(&nginx, &folder)?;
    let time = Duration::from_secs(options.seconds.unwrap_or(if options.quick { 1 } else { 2 }));
    let bench = Bench {
        subjects: &subjects,
        modules,
        generators,
        origin: origin.address(),
        folder: &folder,
        rounds: options.rounds.unwrap_or(if options.quick { 1 } else { 5 }),
        time,
        stop: signals::stop()?,
    };
    let mut results = Results {
        machine: machine::describe(root),
        versions,
        absent,
        seconds_per_round: time.as_secs(),
        cases: Vec::new(),
    };
    for case in &cases {
        let measured = bench.measure(case)?;
        report::print(case, &measured);
        results.cases.push(measured);
        // After each case: what is there stays there, whatever comes.
        results.write(&folder.join(options.file()))?;
    }
    Ok(())
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

fn selected_cases(names: &[String]) -> Result<Vec<Case>, Error> {
    let all = cases::all();
    let known: Vec<_> = all.iter().map(|case| case.name).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        let known = known.join(", ");
        return Err(Error::new(format!(
            "there is no case `{unknown}`; there are: {known}"
        )));
    }
    let wanted = |case: &Case| names.is_empty() || names.iter().any(|name| name == case.name);
    Ok(all.into_iter().filter(wanted).collect())
}

/// The subjects that are there and wanted, and what is not there.
fn subjects(
    root: &Path,
    nginx: &Program,
    options: &Options,
) -> Result<(Vec<Subject>, Vec<String>), Error> {
    let names = &options.subjects;
    let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        let known = known.join(", ");
        return Err(Error::new(format!(
            "there is no subject `{unknown}`; there are: {known}"
        )));
    }
    let files = if options.no_build {
        built_last(root)
    } else {
        build(root)?
    };
    let (mut found, mut absent) = (Vec::new(), Vec::new());
    for kind in Kind::ALL {
        if !names.is_empty() && !names.iter().any(|name| name == kind.name()) {
            continue;
        }
        let program = match kind {
            Kind::Loom => Some(built(&files, "loom")?),
            Kind::Hyper => Some(built(&files, "bare-proxy")?),
            Kind::Nginx => Some(nginx.clone()),
            Kind::Haproxy => programs::find("haproxy", "-v"),
            Kind::Envoy => programs::envoy(root)
                .inspect_err(|error| eprintln!("{error}"))
                .ok(),
        };
        match program {
            Some(program) => found.push(Subject { kind, program }),
            None => absent.push(format!("{} is not there", kind.name())),
        }
    }
    for missing in &absent {
        eprintln!("{missing}, and is left out.");
    }
    Ok((found, absent))
}

/// Builds the programs of this workspace in one go, so that what they share is compiled once.
fn build(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut command = cargo::build_in(root);
    command.args(["--release", "--locked"]);
    command.args(["--package", "loom-gateway", "--bin", "loom"]);
    command.args([
        "--package",
        "loom-benches",
        "--bin",
        "bare-proxy",
        "--bin",
        "requests",
    ]);
    cargo::run(command, "the gateway")
}

fn built_last(root: &Path) -> Vec<PathBuf> {
    let folder = root.join("target").join("release");
    let programs = ["loom", "bare-proxy"].map(|name| folder.join(name));
    programs.into_iter().filter(|path| path.is_file()).collect()
}

fn built(files: &[PathBuf], name: &str) -> Result<Program, Error> {
    Ok(Program {
        path: program(files, name)?,
        version: format!("{name} {}", env!("CARGO_PKG_VERSION")),
    })
}

/// The program of this name among what was built.
fn program(files: &[PathBuf], name: &str) -> Result<PathBuf, Error> {
    let found = files
        .iter()
        .find(|file| file.file_stem().is_some_and(|stem| stem == name));
    found
        .cloned()
        .ok_or_else(|| Error::new(format!("cargo built {name}, but did not name it")))
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

/// Builds the plugins that the cases need.
fn modules(root: &Path, folder: &Path, cases: &[Case]) -> Result<Modules, Error> {
    let modules = Modules {
        header: plugins::plugin(root, "add-header")?,
        read_body: assembled(root, folder, "read-body")?,
        callout: assembled(root, folder, "callout")?,
        distinct: folder.join("distinct"),
    };
    let most = cases.iter().map(|case| case.plugins.distinct()).max();
    copies(&modules, most.unwrap_or(0))
        .map_err(|e| Error::because("cannot write copies of the header plugin", e))?;
    Ok(modules)
}

/// A module of `benches/guests`, from its text.
fn assembled(root: &Path, folder: &Path, name: &str) -> Result<PathBuf, Error> {
    let text = root
        .join("benches")
        .join("guests")
        .join(name)
        .with_extension("wat");
    let wasm = wat::parse_file(&text)
        .map_err(|e| Error::because(format!("cannot assemble {}", text.display()), e))?;
    let file = folder.join(name).with_extension("wasm");
    fs::write(&file, wasm)
        .map_err(|e| Error::because(format!("cannot write {}", file.display()), e))?;
    Ok(file)
}

/// The header plugin as files that differ, by a custom section at the end that nobody reads.
fn copies(modules: &Modules, count: usize) -> std::io::Result<()> {
    let code = fs::read(&modules.header)?;
    fs::create_dir_all(&modules.distinct)?;
    for number in 0..count {
        let mut copy = code.clone();
        // Section 0: six bytes, of which one is the length of its name, one the name, and four the number.
        copy.extend_from_slice(&[0, 6, 1, b'n']);
        copy.extend_from_slice(&(number as u32).to_le_bytes());
        fs::write(modules.distinct.join(format!("{number}.wasm")), copy)?;
    }
    Ok(())
}
