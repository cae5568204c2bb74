//! How far a run is, and how long the rest will take.

use std::time::{Duration, Instant};

use super::cases::{Case, What};
use super::rounds::{GROWTH_ROUNDS, LATENCY_ROUNDS, RELOADS, WARM_UP};
use super::subjects::Subject;

/// What an estimate takes a start to take, with the first look at the answer.
const START: Duration = Duration::from_secs(1);
/// Opening thousands of connections, one after the other.
const CONNECTIONS: Duration = Duration::from_secs(8);
/// Load with and without changes, six seconds each.
const CHANGES: Duration = Duration::from_secs(12);

/// What decides how long a case takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) rounds: usize,
    pub(super) time: Duration,
}

impl Pace {
    /// How long a case takes, about.
    pub(super) fn of(self, case: &Case, subjects: usize) -> Duration {
        let rounds = self.rounds as u32;
        let each = match case.what {
            What::Load(_) => {
                let turns = rounds + rounds.min(LATENCY_ROUNDS as u32);
                START + WARM_UP + self.time * turns
            }
            What::Idle(_) => START + CONNECTIONS,
            What::Start => START * (rounds + 2),
            What::Reload => START * (2 + RELOADS as u32 / 5) + CHANGES,
            What::Growth { .. } => START * (2 + 4 * rounds.min(GROWTH_ROUNDS as u32)),
        };
        each * subjects as u32
    }
}

/// Says before each case which one it is, and how long what is left takes.
#[derive(Debug)]
pub(super) struct Progress {
    begun: Instant,
    /// What the cases were estimated to take that are done, and all of them.
    done: Duration,
    all: Duration,
    count: usize,
    number: usize,
}

impl Progress {
    /// Says what is ahead.
    pub(super) fn new(cases: &[Case], subjects: &[Subject], pace: Pace) -> Self {
        let all = cases
            .iter()
            .map(|case| pace.of(case, case.of(subjects).count()))
            .sum();
        let progress = Self {
            begun: Instant::now(),
            done: Duration::ZERO,
            all,
            count: cases.len(),
            number: 0,
        };
        eprintln!(
            "{} cases, {} rounds of {} s for each subject: about {}. Ctrl-C ends it; what is measured by then is kept.",
            progress.count,
            pace.rounds,
            pace.time.as_secs(),
            short(all)
        );
        progress
    }

    /// Before a case.
    pub(super) fn begin(&mut self, case: &Case, subjects: &[Subject], pace: Pace) {
        self.number += 1;
        let names: Vec<_> = case.of(subjects).map(|one| one.kind.name()).collect();
        let rest = rest(self.begun.elapsed(), self.done, self.all);
        eprintln!(
            "\n[{}/{}] {}: {}; about {} left in all",
            self.number,
            self.count,
            case.name,
            names.join(", "),
            short(rest)
        );
        self.done += pace.of(case, names.len());
    }
}

/// The estimate of the rest, corrected by how wrong it was so far.
fn rest(taken: Duration, done: Duration, all: Duration) -> Duration {
    let ahead = all.saturating_sub(done);
    if done.is_zero() {
        return ahead;
    }
    ahead.mul_f64(taken.as_secs_f64() / done.as_secs_f64())
}

/// To the second below two minutes, else to the minute.
fn short(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_corrected_by_what_was_taken() {
        let seconds = Duration::from_secs;
        assert_eq!(rest(seconds(3), seconds(0), seconds(50)), seconds(50));
        assert_eq!(rest(seconds(20), seconds(10), seconds(50)), seconds(80));
        assert_eq!(rest(seconds(20), seconds(60), seconds(50)), seconds(0));
    }

    #[test]
    fn times_are_short() {
        assert_eq!(short(Duration::from_secs(119)), "119 s");
        assert_eq!(short(Duration::from_secs(121)), "3 min");
    }
}
