//! What is shown of the results: lines on the terminal, and `docs/performance.md` with its charts.

mod chart;
mod document;
mod library;
mod targets;
mod terminal;

use std::fs;
use std::path::Path;

use self::chart::{Chart, Group};
use self::document::Picture;
use self::library::Library;
use super::results::{Results, SubjectResults};
use super::{cases, origin};
use crate::Error;

pub(super) use self::terminal::{complain, print};

/// A chart of some cases, and what a bar shows of a case.
struct Plan {
    picture: Picture,
    cases: &'static [&'static str],
    value: fn(&str, &SubjectResults) -> Option<f64>,
}

const PLANS: [Plan; 5] = [
    Plan {
        picture: Picture {
            file: "cpu.svg",
            title: "CPU per request in microseconds (less is better)",
        },
        cases: &["plain", "header-1", "header-5", "header-10", "callout"],
        value: |_, row| Some(row.cpu()),
    },
    Plan {
        picture: Picture {
            file: "protocols.svg",
            title: "CPU per request over HTTP/2 and TLS in microseconds (less is better)",
        },
        cases: &["h2c", "grpc", "https", "https-h2", "https-h2-header"],
        value: |_, row| Some(row.cpu()),
    },
    Plan {
        picture: Picture {
            file: "handshakes.svg",
            title: "CPU per request with a full TLS handshake in microseconds (less is better)",
        },
        cases: &["handshake"],
        value: |_, row| Some(row.cpu()),
    },
    Plan {
        picture: Picture {
            file: "bodies.svg",
            title: "Bodies read by a plugin: MiB per second of CPU (more is better)",
        },
        cases: &["body-64k", "body-1m"],
        value: |case, row| Some(body_mib(case)? * 1e6 / row.cpu()),
    },
    Plan {
        picture: Picture {
            file: "connections.svg",
            title: "Memory of a connection that rests, in KiB (less is better)",
        },
        cases: &["idle", "idle-tls"],
        value: |_, row| Some(row.bytes_each? / 1024.0),
    },
];

/// Writes the document and its charts.
pub(super) fn write(root: &Path, results: &Results) -> Result<(), Error> {
    let docs = root.join("docs");
    let folder = docs.join("performance");
    fs::create_dir_all(&folder)
        .map_err(|e| Error::because(format!("cannot make {}", folder.display()), e))?;
    let mut pictures = Vec::new();
    for plan in PLANS {
        put(&folder.join(plan.picture.file), &plan.chart(results).svg())?;
        pictures.push(plan.picture);
    }
    let text = document::text(results, &Library::read(root), &pictures);
    put(&docs.join("performance.md"), &text)
}

impl Plan {
    fn chart(&self, results: &Results) -> Chart<'_> {
        let titles = cases::all();
        let groups = self.cases.iter().filter_map(|name| {
            let bars = results.case(name)?.subjects.iter();
            let title = titles.iter().find(|case| case.name == *name)?.title;
            Some(Group {
                name: title.to_owned(),
                bars: bars
                    .filter_map(|row| Some((row.subject, (self.value)(name, row)?)))
                    .collect(),
            })
        });
        Chart {
            title: self.picture.title,
            groups: groups.collect(),
        }
    }
}

/// The size of the body that a case is about.
fn body_mib(case: &str) -> Option<f64> {
    let name = case.strip_prefix("body-")?;
    let (_, size) = origin::BODIES.iter().find(|(body, _)| *body == name)?;
    Some(*size as f64 / f64::from(1 << 20))
}

fn put(file: &Path, text: &str) -> Result<(), Error> {
    fs::write(file, text).map_err(|e| Error::because(format!("cannot write {}", file.display()), e))
}
