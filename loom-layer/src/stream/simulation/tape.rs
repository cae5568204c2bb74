//! Where all decisions of a run come from: a generator that writes down what it gave, or such a record, played again.
//!
//! A run is a function of its tape alone. So one that fails is made smaller by making its tape smaller.

use std::cell::RefCell;
use std::rc::Rc;

/// See the module's text. All clones read on from the same place.
#[derive(Debug, Clone)]
pub(super) struct Tape(Rc<RefCell<Inner>>);

#[derive(Debug)]
struct Inner {
    decisions: Vec<u32>,
    at: usize,
    /// Nothing, when a record is played: behind its end all decisions are 0, the tamest ones.
    generator: Option<u64>,
}

impl Tape {
    #[cfg(test)]
    pub(super) fn random(seed: u64) -> Self {
        // The generator must not begin with 0, and neighbouring seeds should not look alike.
        let seed = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self::of(Vec::new(), Some(seed))
    }

    pub(super) fn record(decisions: Vec<u32>) -> Self {
        Self::of(decisions, None)
    }

    fn of(decisions: Vec<u32>, generator: Option<u64>) -> Self {
        Self(Rc::new(RefCell::new(Inner {
            decisions,
            at: 0,
            generator,
        })))
    }

    /// A number below `bound`.
    pub(super) fn below(&self, bound: usize) -> usize {
        let mut inner = self.0.borrow_mut();
        let inner = &mut *inner;
        if let Some(state) = &mut inner.generator {
            // xorshift
            *state ^= *state << 13;
            *state ^= *state >> 7;
            *state ^= *state << 17;
            let decision = u32::try_from(*state >> 33).expect("31 bits");
            inner
                .decisions
                .push(decision % u32::try_from(bound).expect("small"));
        }
        let decision = inner.decisions.get(inner.at).copied().unwrap_or_default();
        inner.at += 1;
        decision as usize % bound
    }

    /// True once in so many times.
    pub(super) fn once_in(&self, times: usize) -> bool {
        // So that 0, which stands for everything behind the end of a record, is the usual case.
        self.below(times) == times - 1
    }

    pub(super) fn pick<T: Clone>(&self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// What was decided so far.
    #[cfg(test)]
    pub(super) fn decisions(&self) -> Vec<u32> {
        let inner = self.0.borrow();
        inner.decisions[..inner.at.min(inner.decisions.len())].to_vec()
    }
}

/// The smallest record found that still fails, and how it fails.
#[cfg(test)]
pub(super) fn shrink(
    mut smallest: Vec<u32>,
    mut why: String,
    fails: impl Fn(Vec<u32>) -> Option<String>,
) -> (Vec<u32>, String) {
    let mut attempt = |candidate: Vec<u32>, smallest: &mut Vec<u32>| {
        let failure = fails(candidate.clone());
        if let Some(failure) = failure {
            why = failure;
            *smallest = candidate;
            return true;
        }
        false
    };
    loop {
        let before = smallest.clone();
        let mut size = smallest.len().max(1);
        while size > 0 {
            let mut at = 0;
            while at < smallest.len() {
                let end = (at + size).min(smallest.len());
                let without = [&smallest[..at], &smallest[end..]].concat();
                if !attempt(without, &mut smallest) {
                    at += size;
                }
            }
            size /= 2;
        }
        for at in 0..smallest.len() {
            for smaller in [0, smallest[at] / 2, smallest[at].saturating_sub(1)] {
                if smaller < smallest[at] {
                    let mut candidate = smallest.clone();
                    candidate[at] = smaller;
                    if attempt(candidate, &mut smallest) {
                        break;
                    }
                }
            }
        }
        if smallest == before {
            return (smallest, why);
        }
    }
}

#[test]
fn a_failure_is_made_small() {
    let fails = |decisions: Vec<u32>| {
        let tape = Tape::record(decisions);
        let drawn: Vec<_> = (0..20).map(|_| tape.below(10)).collect();
        (drawn.iter().filter(|&&number| number > 6).count() >= 2).then(|| format!("{drawn:?}"))
    };
    let tape = (0..).map(Tape::random).find(|tape| {
        for _ in 0..20 {
            tape.below(10);
        }
        fails(tape.decisions()).is_some()
    });
    let decisions = tape.expect("one of them fails").decisions();
    let (smallest, _) = shrink(decisions, String::new(), fails);
    assert_eq!(smallest, [7, 7]);
}
