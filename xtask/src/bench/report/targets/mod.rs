//! What Loom has to reach, beside what it reached, and what bounds it where that is less.

mod floors;
mod requests;
mod rest;

use super::library::Library;
use crate::bench::results::{Results, SubjectResults};
use crate::bench::subjects::Kind;

/// One line of the table.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) what: &'static str,
    pub(super) wanted: &'static str,
    /// `None` when it was not measured.
    pub(super) reached: Option<Reached>,
    /// What nobody who does it this way can be better than, as it was measured.
    pub(super) floor: Option<String>,
}

/// A value.
#[derive(Debug)]
pub(super) struct Reached {
    pub(super) text: String,
    /// Whether it is good enough; `None` where this machine cannot tell.
    pub(super) is_met: Option<bool>,
}

pub(super) fn all(results: &Results, library: &Library) -> Vec<Target> {
    let measured = Measured { results, library };
    let mut targets = measured.requests();
    targets.extend(measured.protocols());
    targets.extend(measured.layer());
    targets.extend(measured.starts());
    targets.extend(measured.reloads());
    targets.extend(measured.memory());
    targets
}

struct Measured<'a> {
    results: &'a Results,
    library: &'a Library,
}

impl Measured<'_> {
    fn row(&self, case: &str, kind: Kind) -> Option<&SubjectResults> {
        self.results.case(case)?.subject(kind)
    }

    fn cpu(&self, case: &str, kind: Kind) -> Option<f64> {
        self.row(case, kind).map(SubjectResults::cpu)
    }

    /// The first in parts of the second.
    fn ratio(&self, case: &str, kind: Kind, of: Kind) -> Option<f64> {
        Some(self.cpu(case, kind)? / self.cpu(case, of)?)
    }

    /// In microseconds of CPU per request.
    fn each_further(&self, kind: Kind) -> Option<f64> {
        Some((self.cpu("header-10", kind)? - self.cpu("header-1", kind)?) / 9.0)
    }

    /// The difference of two benchmarks of the library, in microseconds.
    fn over(&self, more: &str, less: &str) -> Option<f64> {
        let (more, less) = (
            self.library.nanoseconds(more)?,
            self.library.nanoseconds(less)?,
        );
        Some((more - less) / 1e3)
    }
}

impl Target {
    fn new(what: &'static str, wanted: &'static str, reached: Option<Reached>) -> Self {
        Self {
            what,
            wanted,
            reached,
            floor: None,
        }
    }

    fn floor(mut self, floor: Option<String>) -> Self {
        self.floor = floor;
        self
    }

    /// Whether it was measured, and is not good enough.
    pub(super) fn is_missed(&self) -> bool {
        self.reached
            .as_ref()
            .is_some_and(|reached| reached.is_met == Some(false))
    }
}

fn at_most(value: f64, most: f64, of: &str) -> Reached {
    Reached {
        text: format!("{value:.2} of {of}"),
        is_met: Some(value <= most),
    }
}

fn microseconds(value: f64, most: f64) -> Reached {
    Reached {
        text: format!("{value:.2} us"),
        is_met: Some(value <= most),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::{CaseResults, Machine, Round};

    /// A case in which these subjects took so many microseconds for each request.
    fn case(name: &str, took: &[(Kind, f64)]) -> CaseResults {
        let subject = |&(kind, cpu_us_per_request): &(Kind, f64)| {
            let mut row = SubjectResults::new(kind, 1);
            row.rounds.push(Round {
                requests: 1,
                requests_per_second: 1.0,
                cpu_us_per_request,
            });
            row
        };
        CaseResults {
            name: name.to_owned(),
            settled: None,
            subjects: took.iter().map(subject).collect(),
        }
    }

    fn results(cases: Vec<CaseResults>) -> Results {
        Results {
            machine: Machine::default(),
            versions: std::collections::BTreeMap::new(),
            absent: Vec::new(),
            seconds_per_round: 1,
            cases,
        }
    }

    #[test]
    fn floors_are_made_of_what_was_measured() {
        let results = results(vec![
            case("plain", &[(Kind::Loom, 20.0), (Kind::Envoy, 40.0)]),
            case(
                "header-1",
                &[
                    (Kind::Loom, 30.0),
                    (Kind::Hyper, 19.5),
                    (Kind::Nginx, 16.0),
                    (Kind::Envoy, 50.0),
                ],
            ),
            case("header-10", &[(Kind::Loom, 48.0), (Kind::Envoy, 86.0)]),
        ]);
        let library = Library::of(&[
            ("layer/header plugin without a host", 500.0),
            ("host call/header replace", 90.0),
            ("layer/header plugin x1", 2_000.0),
            ("layer/header plugin x10", 11_000.0),
        ]);
        let missed = all(&results, &library)
            .into_iter()
            .filter(Target::is_missed);
        let floors: Vec<_> = missed
            .filter_map(|target| Some((target.what, target.floor?)))
            .collect();
        let header = "Gateway with the header plugin";
        let guest =
            "A bare proxy of hyper (19.5 us) and the guest's own code (1 x 0.50 us) take 20.0 us,";
        let expected = [
            (
                header,
                format!(
                    "{guest} 0.40 of Envoy. Plugins and their VMs add 10.0 us to Loom and 10.0 us to Envoy with V8."
                ),
            ),
            (header, format!("{guest} 1.25 of nginx.")),
            (
                "Each further header plugin in the gateway",
                "The guest's own code in wasmtime is 0.50 us of it, and the two headers that it sets are 0.18 us. In the layer \
                 alone, where caches are warm, a further plugin takes 1.00 us, in Envoy with V8 4.00 us."
                    .to_owned(),
            ),
        ];
        assert_eq!(floors, expected);
    }

    #[test]
    fn what_was_not_measured_is_not_missed_and_has_no_floor() {
        let targets = all(&results(Vec::new()), &Library::of(&[]));
        for target in targets {
            let what = target.what;
            assert!(!target.is_missed() && target.reached.is_none(), "{what}");
            assert_eq!(target.floor, None, "{what}");
        }
    }
}
