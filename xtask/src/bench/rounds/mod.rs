//! How one case is measured: all its subjects run at once, and take turns.
//!
//! What others do on the machine changes from minute to minute. Taking turns, all subjects have the same share of it.

mod memory;
mod reload;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::cases::{Case, Files, What};
use super::check;
use super::load::{CONNECTIONS, Generators, Load};
use super::results::{CaseResults, Round, SubjectResults};
use super::subjects::Subject;
use crate::Error;
use crate::server::Server;

pub(super) use self::memory::GROWTH_ROUNDS;
pub(super) use self::reload::RELOADS;

/// How long a subject is under load before it is measured.
pub(super) const WARM_UP: Duration = Duration::from_secs(1);

/// At a fixed rate fewer rounds will do: each has all latencies of its time.
pub(super) const LATENCY_ROUNDS: usize = 3;

/// The fixed rate, in parts of what the slowest subject of a case can do.
const RATE: f64 = 0.4;

/// What the bench runs with.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    pub(super) subjects: &'a [Subject],
    pub(super) files: Files,
    pub(super) generators: Generators,
    pub(super) origin: SocketAddr,
    /// The one for calls of gRPC, where a case has them.
    pub(super) grpc_origin: Option<SocketAddr>,
    pub(super) folder: &'a Path,
    pub(super) rounds: usize,
    pub(super) time: Duration,
    /// Becomes true when the run is to end, with all servers that it started.
    pub(super) stop: Arc<AtomicBool>,
}

/// A subject of a case.
struct Running {
    server: Server,
    results: SubjectResults,
}

impl Bench<'_> {
    pub(super) fn measure(&self, case: &Case) -> Result<CaseResults, Error> {
        let mut settled = None;
        let subjects = match case.what {
            What::Load(load) => self.load(case, load, &mut settled)?,
            What::Idle(wire) => self.each(case, |subject| self.idle(case, wire, subject))?,
            What::Start => self.each(case, |subject| self.starts(case, subject))?,
            What::Reload => self.each(case, |subject| self.reloads(case, subject))?,
            What::Growth { count } => {
                self.each(case, |subject| self.growth(case, subject, count))?
            }
        };
        Ok(CaseResults {
            name: case.name.to_owned(),
            settled,
            subjects,
        })
    }

    fn each(
        &self,
        case: &Case,
        measure: impl Fn(&Subject) -> Result<SubjectResults, Error>,
    ) -> Result<Vec<SubjectResults>, Error> {
        case.of(self.subjects).map(measure).collect()
    }

    /// Whether somebody has asked for the end.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn go_on(&self) -> Result<(), Error> {
        if self.is_stopped() {
            return Err(Error::new("stopped"));
        }
        Ok(())
    }

    /// Starts a subject, and sees whether it answers as the case wants it.
    fn start(&self, case: &Case, subject: &Subject, connections: usize) -> Result<Server, Error> {
        self.go_on()?;
        let task = case.task(subject.kind, &self.files, connections);
        let server = subject.start(&task, self.origin(case)?, self.folder)?;
        let load = match case.what {
            What::Load(load) => load,
            _ => Load {
                wire: case.wire(),
                ..Load::get("/")
            },
        };
        check::answer(case, load, &task, server.address(), &self.generators).map_err(|error| {
            let name = subject.kind.name();
            Error::because(format!("{name} cannot be measured"), error)
        })?;
        Ok(server)
    }

    fn origin(&self, case: &Case) -> Result<SocketAddr, Error> {
        if case.calls() {
            let missing = || Error::new("there is no origin for gRPC");
            return self.grpc_origin.ok_or_else(missing);
        }
        Ok(self.origin)
    }

    fn load(
        &self,
        case: &Case,
        load: Load,
        settled: &mut Option<String>,
    ) -> Result<Vec<SubjectResults>, Error> {
        let mut running = Vec::new();
        for subject in case.of(self.subjects) {
            let server = self.start(case, subject, 1024)?;
            if load.wire.tls {
                let now = check::settled(load, server.address(), &self.generators)?;
                check::same(case, settled, subject.kind, now)?;
            }
            self.generators.saturate(load, server.address(), WARM_UP)?;
            let results = SubjectResults::new(subject.kind, case.workers);
            running.push(Running { server, results });
        }
        for _ in 0..self.rounds {
            for subject in &mut running {
                let round = self.round(load, &subject.server)?;
                subject.results.rounds.push(round);
            }
        }
        let slowest = running
            .iter()
            .map(|subject| subject.results.requests_per_second())
            .fold(f64::INFINITY, f64::min);
        let rate = ((slowest * RATE) as u64).max(CONNECTIONS as u64);
        for _ in 0..self.rounds.min(LATENCY_ROUNDS) {
            for Running { server, results } in &mut running {
                self.go_on()?;
                let address = server.address();
                let latency = self.generators.at_rate(load, address, rate, self.time)?;
                results.latencies.push(latency);
            }
        }
        for Running { server, results } in &mut running {
            results.resident_kib = server.usage()?.resident_kib;
        }
        Ok(running.into_iter().map(|subject| subject.results).collect())
    }

    fn round(&self, load: Load, server: &Server) -> Result<Round, Error> {
        self.go_on()?;
        let (before, begun) = (server.usage()?, Instant::now());
        let requests = self
            .generators
            .saturate(load, server.address(), self.time)?;
        let (taken, after) = (begun.elapsed(), server.usage()?);
        Ok(Round {
            requests,
            requests_per_second: requests as f64 / taken.as_secs_f64(),
            cpu_us_per_request: (after.cpu - before.cpu).as_secs_f64() * 1e6 / requests as f64,
        })
    }

    fn starts(&self, case: &Case, subject: &Subject) -> Result<SubjectResults, Error> {
        let mut results = SubjectResults::new(subject.kind, case.workers);
        // The first start fills a cache of compiled code, where there is one.
        drop(self.start(case, subject, CONNECTIONS)?);
        for _ in 0..self.rounds {
            self.go_on()?;
            let task = case.task(subject.kind, &self.files, CONNECTIONS);
            let server = subject.start(&task, self.origin, self.folder)?;
            // One request is answered by then.
            check::first(case, &server)?;
            results.start_ms.push(server.age().as_secs_f64() * 1e3);
            results.resident_kib = server.usage()?.resident_kib;
        }
        Ok(results)
    }
}
