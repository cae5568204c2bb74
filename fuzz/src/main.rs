//! The runner: `cargo xtask fuzz` builds and starts it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::{fs, io};

use clap::{Parser, Subcommand};
use loom_fuzz::engine::{self, Mutator, Plan, Ran};
use loom_fuzz::targets::{ALL, Target};

/// Runs fuzz targets without nightly Rust
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// The names of the targets
    List,
    /// Run one target on inputs that are made from a seed
    Run {
        target: String,
        /// How many; without it, as many as a short run has
        #[arg(long)]
        executions: Option<u64>,
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// The number of the first input
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// Where inputs that fail are put
        #[arg(long)]
        artifacts: PathBuf,
        /// A file that holds the number of the input that runs
        #[arg(long)]
        current: Option<PathBuf>,
    },
    /// Run one target on files
    Files {
        target: String,
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Write an input to a file
    Input {
        target: String,
        #[arg(long)]
        seed: u64,
        #[arg(long)]
        number: u64,
        file: PathBuf,
    },
    /// Write what a target begins with into a folder
    Seeds { target: String, folder: PathBuf },
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> io::Result<ExitCode> {
    match task {
        Task::List => {
            for target in ALL {
                println!("{:12} {}", target.name, target.about);
            }
        }
        Task::Run {
            target,
            executions,
            seed,
            from,
            artifacts,
            current,
        } => {
            let target = named(&target)?;
            let plan = Plan {
                target,
                seed,
                from,
                executions: executions.unwrap_or(target.short_run),
                artifacts: &artifacts,
                current: current.as_deref(),
            };
            return Ok(tell(&plan, &engine::run(&plan)?));
        }
        Task::Files { target, files } => {
            let target = named(&target)?;
            for file in files {
                println!("{}: {}", target.name, file.display());
                (target.run)(&fs::read(file)?);
            }
        }
        Task::Input {
            target,
            seed,
            number,
            file,
        } => {
            let mutator = Mutator::new(named(&target)?, seed);
            fs::write(file, mutator.input(number))?;
        }
        Task::Seeds { target, folder } => {
            fs::create_dir_all(&folder)?;
            for (number, input) in (named(&target)?.seeds)().iter().enumerate() {
                fs::write(folder.join(format!("seed-{number:04}")), input)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn named(name: &str) -> io::Result<&'static Target> {
    let found = ALL.iter().find(|target| target.name == name);
    found.ok_or_else(|| {
        let names: Vec<_> = ALL.iter().map(|target| target.name).collect();
        io::Error::other(format!(
            "there is no target `{name}`; there are {}",
            names.join(", ")
        ))
    })
}

fn tell(plan: &Plan<'_>, ran: &Ran) -> ExitCode {
    let name = plan.target.name;
    println!(
        "{name}: {} executions in {:.1} s, {}/s",
        ran.executions,
        ran.time.as_secs_f64(),
        ran.rate()
    );
    let Some(found) = &ran.found else {
        return ExitCode::SUCCESS;
    };
    println!(
        "{name}: input {} of seed {} failed: {}",
        found.number, plan.seed, found.why
    );
    println!("  the input: {}", found.file.display());
    let again = match &found.smallest {
        Some(smallest) => {
            println!("  made small: {}", smallest.display());
            format!("--input {}", smallest.display())
        }
        None => {
            println!("  it does not fail alone: what ran before it matters");
            format!("--seed {} --executions {}", plan.seed, found.number + 1)
        }
    };
    println!("  to see it again: cargo xtask fuzz --target {name} {again}");
    ExitCode::FAILURE
}
