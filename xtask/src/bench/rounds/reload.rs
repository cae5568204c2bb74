//! What a change of the configuration costs, alone and under load.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Bench;
use crate::Error;
use crate::bench::cases::Case;
use crate::bench::check;
use crate::bench::load::Load;
use crate::bench::results::{Reloading, SubjectResults};
use crate::bench::subjects::{Subject, Task};
use crate::server::Server;

/// Changes that are measured alone: CPU time is counted in steps of 10 ms, so that it is that of all of them.
pub(in crate::bench) const RELOADS: u64 = 10;

/// From one change to the next under load, and how many.
const INTERVAL: Duration = Duration::from_secs(1);
const UNDER_LOAD: u64 = 5;

/// How long it may take until a change is in force, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(2);

/// What ends after a change, such as workers and VMs that nobody needs any more, does so within this time.
const SETTLING: Duration = Duration::from_millis(500);

/// A subject whose configuration changes.
struct Changing<'a> {
    bench: &'a Bench<'a>,
    subject: &'a Subject,
    server: &'a Server,
    task: Task,
}

impl Bench<'_> {
    pub(super) fn reloads(&self, case: &Case, subject: &Subject) -> Result<SubjectResults, Error> {
        // The first start fills a cache of compiled code, where there is one.
        drop(self.start(case, subject, 1024)?);
        let server = self.start(case, subject, 1024)?;
        let mut changing = Changing {
            bench: self,
            subject,
            server: &server,
            task: case.task(subject.kind, &self.files, 1024),
        };
        let mut results = SubjectResults::new(subject.kind, case.workers);
        let before = server.cpu_of_all()?;
        for _ in 0..RELOADS {
            self.go_on()?;
            results
                .reload_ms
                .push(changing.change()?.as_secs_f64() * 1e3);
        }
        thread::sleep(SETTLING);
        let cpu = server.cpu_of_all()? - before;
        results.reloading = Some(Reloading {
            cpu_ms: cpu.as_secs_f64() * 1e3 / RELOADS as f64,
            ..changing.under_load()?
        });
        results.resident_kib = server.usage()?.resident_kib;
        Ok(results)
    }
}

impl Changing<'_> {
    /// Changes what `/generation` is answered with, and waits until it is. Gives back how long that took.
    fn change(&mut self) -> Result<Duration, Error> {
        let generation = self.task.generation.map_or(1, |last| last + 1);
        self.task.generation = Some(generation);
        let address = self.server.address();
        let bench = self.bench;
        self.subject
            .configure(&self.task, address, bench.origin, bench.folder)?;
        let begun = Instant::now();
        self.server.hang_up()?;
        while check::generation(address) != Some(generation) {
            if begun.elapsed() > PATIENCE {
                return Err(Error::new(format!(
                    "{} did not take over a change within {} seconds",
                    self.subject.kind.name(),
                    PATIENCE.as_secs()
                )));
            }
            thread::sleep(GLANCE);
        }
        Ok(begun.elapsed())
    }

    /// Requests while the configuration changes each second, and beside them as many without.
    fn under_load(&mut self) -> Result<Reloading, Error> {
        let (load, address) = (Load::get("/"), self.server.address());
        let time = INTERVAL * (UNDER_LOAD as u32 + 1);
        let bench = self.bench;
        let generators = &bench.generators;
        let quiet = generators.wrk(load, address, time)?;
        let is_over = AtomicBool::new(false);
        let (counted, changes) = thread::scope(|scope| {
            let changing = scope.spawn(|| self.each_second(&is_over));
            let counted = generators.wrk(load, address, time);
            is_over.store(true, Ordering::Relaxed);
            let changes = changing.join();
            (
                counted,
                changes.unwrap_or_else(|_| Err(Error::new("the thread of the changes panicked"))),
            )
        });
        let counted = counted?;
        let each = |count: u64| count as f64 / time.as_secs_f64();
        Ok(Reloading {
            cpu_ms: 0.0,
            changes: changes?,
            quiet_per_second: each(quiet.all_answered()?),
            requests_per_second: each(counted.answered),
            answered: counted.answered,
            failed: counted.failed,
        })
    }

    fn each_second(&mut self, is_over: &AtomicBool) -> Result<u64, Error> {
        let mut changes = 0;
        while !is_over.load(Ordering::Relaxed) {
            let begun = Instant::now();
            self.change()?;
            changes += 1;
            let rest = INTERVAL.saturating_sub(begun.elapsed());
            thread::sleep(rest);
        }
        Ok(changes)
    }
}
