//! How one case is measured: all its subjects run at once, and take turns.
//!
//! What others do on the machine changes from minute to minute. Taking turns, all subjects have the same share of it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::cases::{Case, Modules, Plugins, What};
use super::idle;
use super::load::{CONNECTIONS, Generators, Load};
use super::results::{CaseResults, Round, SubjectResults};
use super::stats;
use super::subjects::Subject;
use crate::server::Server;
use crate::{Error, http};

/// How long a subject is under load before it is measured.
const WARM_UP: Duration = Duration::from_secs(1);

/// At a fixed rate fewer rounds will do: each has all latencies of its time.
const LATENCY_ROUNDS: usize = 3;

/// The fixed rate, in parts of what the slowest subject of a case can do.
const RATE: f64 = 0.4;

/// Connections that rest.
const IDLE: usize = 10_000;

/// What the bench runs with.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    pub(super) subjects: &'a [Subject],
    pub(super) modules: Modules,
    pub(super) generators: Generators,
    pub(super) origin: SocketAddr,
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
        let subjects = match case.what {
            What::Load(load) => self.load(case, load)?,
            What::Idle => self.each(case, |subject| self.idle(case, subject))?,
            What::Start => self.each(case, |subject| self.starts(case, subject))?,
            What::Growth { count } => {
                self.each(case, |subject| self.growth(case, subject, count))?
            }
        };
        Ok(CaseResults {
            name: case.name.to_owned(),
            subjects,
        })
    }

    fn of_case<'b>(&'b self, case: &Case) -> impl Iterator<Item = &'b Subject> {
        let kinds = case.subjects;
        self.subjects
            .iter()
            .filter(move |subject| kinds.contains(&subject.kind))
    }

    fn each(
        &self,
        case: &Case,
        measure: impl Fn(&Subject) -> Result<SubjectResults, Error>,
    ) -> Result<Vec<SubjectResults>, Error> {
        self.of_case(case).map(measure).collect()
    }

    fn go_on(&self) -> Result<(), Error> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Error::new("stopped"));
        }
        Ok(())
    }

    fn start(&self, case: &Case, subject: &Subject, connections: usize) -> Result<Server, Error> {
        self.go_on()?;
        let task = case.task(subject.kind, &self.modules, connections);
        let server = subject.start(&task, self.origin, self.folder)?;
        if !task.plugins.is_empty() {
            check(case, &server)?;
        }
        Ok(server)
    }

    fn load(&self, case: &Case, load: Load) -> Result<Vec<SubjectResults>, Error> {
        let mut running = Vec::new();
        for subject in self.of_case(case) {
            let server = self.start(case, subject, 1024)?;
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

    fn idle(&self, case: &Case, subject: &Subject) -> Result<SubjectResults, Error> {
        let count = idle::possible(IDLE)?;
        let server = self.start(case, subject, count + 100)?;
        // What the first requests make a server set up does not count.
        drop(idle::connections(server.address(), 10)?);
        let before = server.usage()?.resident_kib;
        let connections = idle::connections(server.address(), count)?;
        let after = server.usage()?.resident_kib;
        drop(connections);
        let mut results = SubjectResults::new(subject.kind, case.workers);
        results.resident_kib = after;
        results.bytes_each = Some(each(before, after, count));
        Ok(results)
    }

    fn starts(&self, case: &Case, subject: &Subject) -> Result<SubjectResults, Error> {
        let mut results = SubjectResults::new(subject.kind, case.workers);
        // The first start fills a cache of compiled code, where there is one.
        drop(self.start(case, subject, CONNECTIONS)?);
        for _ in 0..self.rounds {
            // It has answered one request by then.
            let server = self.start(case, subject, CONNECTIONS)?;
            results.start_ms.push(server.age().as_secs_f64() * 1e3);
            results.resident_kib = server.usage()?.resident_kib;
        }
        Ok(results)
    }

    fn growth(
        &self,
        case: &Case,
        subject: &Subject,
        count: usize,
    ) -> Result<SubjectResults, Error> {
        let small = Case {
            plugins: Plugins::Header(1),
            routes: 0,
            instances: None,
            ..case.clone()
        };
        let (mut smaller, mut larger) = (Vec::new(), Vec::new());
        // The first start fills a cache of compiled code, where there is one.
        drop(self.start(case, subject, CONNECTIONS)?);
        for _ in 0..self.rounds.min(3) {
            let server = self.start(&small, subject, CONNECTIONS)?;
            smaller.push(server.settled_kib()? as f64);
            let server = self.start(case, subject, CONNECTIONS)?;
            larger.push(server.settled_kib()? as f64);
        }
        let (smaller, larger) = (stats::median(smaller), stats::median(larger));
        let mut results = SubjectResults::new(subject.kind, case.workers);
        results.resident_kib = larger as u64;
        results.bytes_each = Some(each(smaller as u64, larger as u64, count));
        Ok(results)
    }
}

fn each(before_kib: u64, after_kib: u64, count: usize) -> f64 {
    (after_kib as f64 - before_kib as f64) * 1024.0 / count as f64
}

/// One request has to show that the plugins take part.
fn check(case: &Case, server: &Server) -> Result<(), Error> {
    let Some((name, times)) = case.plugins.mark() else {
        return Ok(());
    };
    let failed = |why: String| Error::new(format!("case {}: {why}", case.name));
    let response = http::get(server.address(), "/")
        .map_err(|e| Error::because(format!("case {}: no answer", case.name), e))?;
    let found = response
        .headers
        .iter()
        .filter(|(header, _)| header == name)
        .count();
    if response.status != "HTTP/1.1 200 OK" || found != times {
        return Err(failed(format!(
            "{times} headers {name} were expected, and this came: {response:?}"
        )));
    }
    Ok(())
}
