//! Which of h2spec's failures are faults.

use std::fmt;

use super::deviations::Deviation;
use super::report::{Case, Outcome};

/// How a run went.
#[derive(Debug)]
pub(super) struct Verdict {
    listener: &'static str,
    passed: usize,
    skipped: Vec<Case>,
    known: Vec<(Case, &'static str)>,
    /// Failed, and no known deviation.
    failed: Vec<(Case, String)>,
    /// Deviations that do not fail, or whose case does not exist.
    over: Vec<&'static Deviation>,
}

impl Verdict {
    pub(super) fn of(
        listener: &'static str,
        cases: Vec<Case>,
        deviations: &'static [Deviation],
    ) -> Self {
        let mut verdict = Self {
            listener,
            passed: 0,
            skipped: Vec::new(),
            known: Vec::new(),
            failed: Vec::new(),
            over: Vec::new(),
        };
        let here = |known: &&Deviation| known.listeners.contains(&listener);
        for case in cases {
            let mut known = deviations.iter().filter(here);
            let known = known.find(|known| is_about(known, &case));
            match (case.outcome.clone(), known) {
                (Outcome::Failed(_), Some(known)) => verdict.known.push((case, known.why)),
                (Outcome::Failed(why), None) => verdict.failed.push((case, why)),
                (Outcome::Skipped, _) => verdict.skipped.push(case),
                (Outcome::Passed, _) => verdict.passed += 1,
            }
        }
        let known = &verdict.known;
        let fails =
            |deviation: &&Deviation| known.iter().any(|(case, _)| is_about(deviation, case));
        let over = deviations.iter().filter(here).filter(|known| !fails(known));
        verdict.over = over.collect();
        verdict
    }

    /// How many things are wrong. A case that is skipped was not asked.
    pub(super) fn faults(&self) -> usize {
        self.failed.len() + self.over.len() + self.skipped.len()
    }
}

fn is_about(deviation: &Deviation, case: &Case) -> bool {
    (deviation.section, deviation.title) == (case.section.as_str(), case.title.as_str())
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (case, why) in &self.failed {
            writeln!(f, "FAILED   {}: {}", case.section, case.title)?;
            for line in why.lines() {
                writeln!(f, "         {line}")?;
            }
        }
        for case in &self.skipped {
            writeln!(f, "SKIPPED  {}: {}", case.section, case.title)?;
        }
        for known in &self.over {
            writeln!(f, "PASSES   {}: {}", known.section, known.title)?;
            writeln!(
                f,
                "         It is a known deviation no longer: take it off the list."
            )?;
        }
        for (case, why) in &self.known {
            writeln!(f, "known    {}: {}", case.section, case.title)?;
            writeln!(f, "         {why}")?;
        }
        writeln!(
            f,
            "{}: {} passed, {} known deviations, {} faults",
            self.listener,
            self.passed,
            self.known.len(),
            self.faults()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[Deviation] = &[Deviation {
        listeners: &["plain"],
        section: "http2/5",
        title: "known",
        why: "because",
    }];

    fn case(title: &str, outcome: Outcome) -> Case {
        Case {
            section: "http2/5".to_owned(),
            title: title.to_owned(),
            outcome,
        }
    }

    fn failed() -> Outcome {
        Outcome::Failed("timeout".to_owned())
    }

    #[test]
    fn a_known_deviation_is_no_fault_and_another_failure_is() {
        let cases = vec![case("known", failed()), case("good", Outcome::Passed)];
        assert_eq!(Verdict::of("plain", cases, KNOWN).faults(), 0);
        let cases = vec![case("known", failed()), case("bad", failed())];
        let verdict = Verdict::of("plain", cases, KNOWN);
        assert_eq!(verdict.faults(), 1);
        let text = verdict.to_string();
        assert!(
            text.contains("FAILED   http2/5: bad\n         timeout"),
            "{text}"
        );
    }

    #[test]
    fn a_deviation_that_does_not_fail_any_more_is_a_fault() {
        for cases in [vec![case("known", Outcome::Passed)], Vec::new()] {
            assert_eq!(Verdict::of("plain", cases, KNOWN).faults(), 1);
        }
    }

    #[test]
    fn a_deviation_holds_for_its_listeners_alone() {
        let cases = vec![case("known", failed())];
        assert_eq!(Verdict::of("secure", cases, KNOWN).faults(), 1);
        let cases = vec![case("known", Outcome::Passed)];
        assert_eq!(Verdict::of("secure", cases, KNOWN).faults(), 0);
    }

    #[test]
    fn what_was_not_asked_is_a_fault() {
        let cases = vec![case("other", Outcome::Skipped), case("known", failed())];
        assert_eq!(Verdict::of("plain", cases, KNOWN).faults(), 1);
    }
}
