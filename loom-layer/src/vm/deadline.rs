//! How a guest call is kept within its time.
//!
//! The engine's epoch ticks; a call that sees a tick is asked for its time. The clock that counts is the CPU time of the
//! calling thread, so that a thread which the system does not schedule does not kill its streams, with a cap on the wall
//! clock. Reading it costs a system call, so it is first read at a call's first tick: a short call never pays for it, and
//! a long one gets at most one tick more.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::UpdateDeadline;

use super::clock::Clock;
use crate::limits;

/// The deadline of the running call.
#[derive(Debug)]
pub(super) struct Deadline {
    clock: Arc<Clock>,
    budget: Duration,
    /// What the user calls the budget.
    setting: &'static str,
    /// Set at the first tick that the call sees.
    started: Option<(Instant, Duration)>,
}

/// A call took longer than it may.
#[derive(Debug)]
pub(super) struct Exceeded {
    budget: Duration,
    setting: &'static str,
    cpu: Duration,
    wall: Duration,
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the call took {} ms of CPU time ({} ms by the clock), and `{}` is {} ms",
            self.cpu.as_millis(),
            self.wall.as_millis(),
            self.setting,
            self.budget.as_millis()
        )
    }
}

impl std::error::Error for Exceeded {}

impl Exceeded {
    /// What the user calls the time that was exceeded.
    pub(super) const fn setting(&self) -> &'static str {
        self.setting
    }
}

impl Deadline {
    pub(super) fn new(clock: Arc<Clock>, budget: Duration, setting: &'static str) -> Self {
        clock.keep_awake();
        Self {
            clock,
            budget,
            setting,
            started: None,
        }
    }

    /// A new call begins.
    pub(super) fn restart(&mut self, budget: Duration, setting: &'static str) {
        self.clock.keep_awake();
        self.budget = budget;
        self.setting = setting;
        self.started = None;
    }

    /// A tick passed during the call.
    pub(super) fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        self.clock.keep_awake();
        let (wall, cpu) = (Instant::now(), thread_cpu_time(Instant::now()));
        let (wall_start, cpu_start) = *self.started.get_or_insert((wall, cpu));
        let exceeded = Exceeded {
            budget: self.budget,
            setting: self.setting,
            cpu: cpu.saturating_sub(cpu_start),
            wall: wall.saturating_duration_since(wall_start),
        };
        let left = self.budget.saturating_sub(exceeded.cpu);
        if left.is_zero() || exceeded.wall >= self.budget.saturating_mul(limits::WALL_CLOCK_FACTOR)
        {
            return Err(exceeded.into());
        }
        Ok(UpdateDeadline::Continue(ticks(left)))
    }
}

/// How many ticks a duration takes, at least one; less than the clock goes on without hearing of a call.
fn ticks(duration: Duration) -> u64 {
    let tick = limits::EPOCH_TICK.as_nanos().max(1);
    let most = u64::try_from(limits::CLOCK_AWAKE_TICKS).unwrap_or(u64::MAX) / 2;
    u64::try_from(duration.as_nanos().div_ceil(tick))
        .unwrap_or(most)
        .clamp(1, most)
}

#[cfg(target_os = "linux")]
fn thread_cpu_time(_: Instant) -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// Elsewhere the clock on the wall has to do.
#[cfg(not(target_os = "linux"))]
fn thread_cpu_time(now: Instant) -> Duration {
    static FIRST: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    now.saturating_duration_since(*FIRST.get_or_init(|| now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_waits_is_not_charged_and_one_that_works_is() {
        let mut deadline = Deadline::new(Arc::default(), Duration::from_millis(20), "timeout");
        assert!(matches!(deadline.tick(), Ok(UpdateDeadline::Continue(4))));
        std::thread::sleep(Duration::from_millis(40));
        assert!(deadline.tick().is_ok(), "sleeping is no CPU time");
        let start = Instant::now();
        while thread_cpu_time(start)
            < deadline.started.expect("ticked").1 + Duration::from_millis(25)
        {
            std::hint::spin_loop();
        }
        let error = deadline.tick().err().expect("25 ms are too much");
        assert!(error.to_string().contains("`timeout` is 20 ms"), "{error}");
    }

    #[test]
    fn the_clock_on_the_wall_is_a_cap() {
        let mut deadline = Deadline::new(Arc::default(), Duration::from_millis(2), "timeout");
        assert!(deadline.tick().is_ok());
        std::thread::sleep(Duration::from_millis(25));
        assert!(deadline.tick().is_err());
    }
}
