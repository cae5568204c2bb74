//! Whether memory stays where it is.

use std::fmt;

/// The shortest run that is judged: the first part is left out, since pools and caches fill up then.
const LOOKS: usize = 10;

/// How much more of it at the end is no growth: what is resident depends on the moment, too.
const TOLERANCE_PERCENT: u64 = 10;

/// Resident memory early and late, in KiB.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Growth {
    early: u64,
    late: u64,
}

/// The medians of the second and of the last fifth.
pub(super) fn growth(looks: &[u64]) -> Option<Growth> {
    if looks.len() < LOOKS {
        return None;
    }
    let fifth = looks.len() / 5;
    Some(Growth {
        early: median(&looks[fifth..2 * fifth]),
        late: median(&looks[looks.len() - fifth..]),
    })
}

impl Growth {
    pub(super) fn is_flat(&self) -> bool {
        self.late * 100 <= self.early * (100 + TOLERANCE_PERCENT)
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { early, late } = self;
        let more = (*late as f64 / *early as f64 - 1.0) * 100.0;
        write!(
            f,
            "{} MiB in the second fifth of the time, {} MiB in the last: {more:+.1} %, and up to {TOLERANCE_PERCENT} % more is allowed",
            early >> 10,
            late >> 10
        )
    }
}

fn median(numbers: &[u64]) -> u64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_left_out_and_a_leak_is_seen() {
        let settles: Vec<_> = (0..50)
            .map(|n| if n < 8 { n * 1000 } else { 30_000 })
            .collect();
        let growth_of = growth(&settles).unwrap();
        assert!(growth_of.is_flat());
        assert_eq!(
            growth_of.to_string(),
            "29 MiB in the second fifth of the time, 29 MiB in the last: +0.0 %, and up to 10 % more is allowed"
        );
        let leaks: Vec<_> = (0..50).map(|n| 30_000 + n * 200).collect();
        assert!(!growth(&leaks).unwrap().is_flat());
    }

    #[test]
    fn a_short_run_says_nothing() {
        assert_eq!(growth(&[1; 9]), None);
        assert!(growth(&[1; 10]).is_some());
    }
}
