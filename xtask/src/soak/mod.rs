//! `cargo xtask soak`: the gateway under load for a long time, while its upstreams are killed and its configuration
//! changes.
//!
//! Every route has plugins. Of three upstream processes one after the other is killed and started again, and once a second
//! the gateway gets another configuration, in which one plugin is new. Whatever a client may safely ask for twice must be
//! answered all the same, and memory must stay where it is.

mod changes;
mod config;
mod load;
mod memory;
mod upstreams;

use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use self::changes::Changes;
use self::config::Modules;
use self::load::{Load, Slice};
use self::upstreams::Upstreams;
use crate::server::{Server, free_address};
use crate::{Error, cargo, plugins, signals};

/// How long is loaded before the next line is printed: a twentieth of the time, within these bounds.
const SLICES: u32 = 20;
const SLICE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(10);

/// How long it takes until pools and caches are full: what memory is in a shorter run says nothing.
const SETTLED: Duration = Duration::from_secs(100);

/// How long the gateway may take to end: a little more than it gives to running requests.
const STOP: Duration = Duration::from_secs(35);

/// How long, and what with.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long there is load.
    pub time: Duration,
    /// The program; without it, one is built with the release profile.
    pub program: Option<PathBuf>,
}

/// Runs it, prints a line now and then, and says at the end what came of it.
///
/// # Errors
///
/// When a request failed, when memory grew, when a reload was refused, or when something does not build or start.
pub fn run(root: &Path, options: &Options) -> Result<(), Error> {
    let program = match &options.program {
        Some(program) => program.clone(),
        None => build(root)?,
    };
    let folder = root.join("target").join("soak");
    fs::create_dir_all(&folder)
        .map_err(|e| Error::because(format!("cannot make {}", folder.display()), e))?;
    let modules = Modules {
        header: plugins::plugin(root, "add-header")?,
        rewrite: plugins::plugin(root, "body-rewrite")?,
        limit: plugins::plugin(root, "rate-limit")?,
    };
    let stop = signals::stop()?;

    let upstreams = Upstreams::start(&program, &folder)?;
    let gateway = Gateway::start(&program, &folder, modules, upstreams.addresses())?;
    println!(
        "The gateway listens on {}, its admin listener on {}; logs are in {}.",
        gateway.server.address(),
        gateway.changes.admin(),
        folder.display()
    );
    let disturbance = Arc::new(AtomicBool::new(true));
    let killing = upstreams.kill_by_turns(Arc::clone(&disturbance));
    let changing = gateway.changes.each_second(Arc::clone(&disturbance));

    let disturbed = || (killing.count(), changing.count());
    let begun = Instant::now();
    let loaded = load_in_slices(&gateway.server, &folder, options.time, disturbed, || {
        stop.load(Ordering::Relaxed) || killing.has_ended() || changing.has_ended()
    });
    let took = begun.elapsed();
    disturbance.store(false, Ordering::Relaxed);
    let killed = killing.end();
    let changed = changing.end();
    let stopped = gateway.server.stop(STOP);

    let slices = loaded?;
    let (killed, changed) = (killed?, changed?);
    verdict(&slices, took, killed, changed)?;
    stopped?;
    println!("The gateway ended as it should. All is well.");
    Ok(())
}

fn build(root: &Path) -> Result<PathBuf, Error> {
    let mut command = cargo::build_in(root);
    command.args(["--release", "--locked", "--package", "loom-gateway"]);
    command.args(["--bin", "loom"]);
    cargo::run(command, "the gateway")?
        .into_iter()
        .find(|file| file.file_stem().is_some_and(|stem| stem == "loom"))
        .ok_or_else(|| Error::new("cargo built the gateway, but did not name it"))
}

struct Gateway {
    server: Server,
    changes: Changes,
}

impl Gateway {
    fn start(
        program: &Path,
        folder: &Path,
        modules: Modules,
        upstreams: Vec<std::net::SocketAddr>,
    ) -> Result<Self, Error> {
        let listen = free_address()?;
        let admin = free_address()?;
        let changes = Changes::new(
            folder.join("loom.yaml"),
            config::Setting {
                listen,
                admin,
                upstreams,
                modules,
            },
        )?;
        let mut command = Command::new(program);
        command.arg("-config").arg(changes.file());
        let server = Server::start("the gateway", command, listen, &folder.join("gateway.log"))?;
        Ok(Self { server, changes })
    }
}

/// What one slice of load came to, and the gateway's memory at its end.
struct Measured {
    load: Slice,
    resident_kib: u64,
}

/// Loads until time is up or there is no sense in going on.
fn load_in_slices(
    gateway: &Server,
    folder: &Path,
    time: Duration,
    disturbed: impl Fn() -> (u64, u64),
    is_over: impl Fn() -> bool,
) -> Result<Vec<Measured>, Error> {
    let load = Load::new(folder, gateway.address())?;
    let slice = (time / SLICES).clamp(*SLICE.start(), *SLICE.end());
    let begun = Instant::now();
    let mut slices = Vec::new();
    println!(
        "{}",
        line(["time", "requests", "failed", "kills", "reloads", "memory"].map(str::to_owned))
    );
    while begun.elapsed() < time && !is_over() {
        let slice = slice.min(time.saturating_sub(begun.elapsed()));
        let measured = Measured {
            load: load.run(slice.max(Duration::from_secs(1)))?,
            resident_kib: gateway.usage()?.resident_kib,
        };
        let (kills, reloads) = disturbed();
        let cells = [
            format!("{} s", begun.elapsed().as_secs()),
            measured.load.requests.to_string(),
            measured.load.failed().to_string(),
            kills.to_string(),
            reloads.to_string(),
            format!("{} MiB", measured.resident_kib >> 10),
        ];
        println!("{}", line(cells));
        for failure in &measured.load.failures {
            println!("         {failure}");
        }
        slices.push(measured);
    }
    Ok(slices)
}

fn line(cells: [String; 6]) -> String {
    let [time, requests, failed, kills, reloads, memory] = cells;
    format!("{time:>7}  {requests:>9}  {failed:>6}  {kills:>5}  {reloads:>7}  {memory:>8}")
}

fn verdict(slices: &[Measured], took: Duration, killed: u64, changed: u64) -> Result<(), Error> {
    let requests: u64 = slices.iter().map(|slice| slice.load.requests).sum();
    let failed: u64 = slices.iter().map(|slice| slice.load.failed()).sum();
    println!(
        "Requests: {requests}, of which {failed} failed; all of them may be asked twice, and none may fail."
    );
    println!(
        "Upstreams were killed {killed} times, and {changed} changes of the configuration were taken over."
    );
    let resident: Vec<_> = slices.iter().map(|slice| slice.resident_kib).collect();
    let growth = memory::growth(&resident).filter(|_| took >= SETTLED);
    match &growth {
        Some(growth) => println!("Memory: {growth}."),
        None => println!("Memory: not judged, since it takes some {SETTLED:?} to settle."),
    }
    if failed > 0 {
        return Err(Error::new(format!("{failed} requests failed")));
    }
    if growth.is_some_and(|growth| !growth.is_flat()) {
        return Err(Error::new("memory grew"));
    }
    Ok(())
}
