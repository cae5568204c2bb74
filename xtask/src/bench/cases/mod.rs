//! What is measured: every case with the proxies that can do it.

use std::path::{Path, PathBuf};

use super::certificate::Certificate;
use super::load::{Load, Wire};
use super::subjects::{Kind, Plugin, Subject, Task};

mod list;

pub(super) use self::list::all;

/// One thing to measure.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) name: &'static str,
    /// For the document.
    pub(super) title: &'static str,
    pub(super) subjects: &'static [Kind],
    pub(super) workers: usize,
    pub(super) plugins: Plugins,
    pub(super) routes: usize,
    /// VMs of each plugin; one per worker by default.
    pub(super) instances: Option<usize>,
    pub(super) what: What,
}

/// What is done with a proxy that runs.
#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    /// Requests, at saturation and at a fixed rate.
    Load(Load),
    /// Connections that rest: what each takes.
    Idle(Wire),
    /// Starts with a warm cache of compiled code.
    Start,
    /// A change of the configuration: alone, and each second under load.
    Reload,
    /// Memory with the plugins and routes of the case, less that of the case with one plugin, for each of so many.
    Growth { count: usize },
}

/// Which plugins, and how many.
#[derive(Debug, Clone, Copy)]
pub(super) enum Plugins {
    None,
    /// The guide's plugin.
    Header(usize),
    /// As many files that differ.
    Distinct(usize),
    ReadBody,
    Callout,
}

/// The files that subjects are given: modules, and who they are.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) header: PathBuf,
    pub(super) read_body: PathBuf,
    pub(super) callout: PathBuf,
    pub(super) distinct: PathBuf,
    pub(super) certificate: Certificate,
}

impl Case {
    fn new(
        name: &'static str,
        title: &'static str,
        subjects: &'static [Kind],
        plugins: Plugins,
        what: What,
    ) -> Self {
        Self {
            name,
            title,
            subjects,
            workers: 1,
            plugins,
            routes: 0,
            instances: None,
            what,
        }
    }

    pub(super) fn task(&self, kind: Kind, files: &Files, connections: usize) -> Task {
        // Those that have none are measured beside the others as they are.
        let has_plugins = matches!(kind, Kind::Loom | Kind::Envoy);
        Task {
            workers: self.workers,
            plugins: if has_plugins {
                self.plugins.list(files)
            } else {
                Vec::new()
            },
            routes: self.routes,
            instances: self.instances,
            connections,
            wire: self.wire(),
            certificate: files.certificate.clone(),
            calls: self.calls(),
            generation: matches!(self.what, What::Reload).then_some(0),
        }
    }

    /// Of these subjects those that take part.
    pub(super) fn of<'a>(&self, subjects: &'a [Subject]) -> impl Iterator<Item = &'a Subject> {
        let kinds = self.subjects;
        let takes_part = move |subject: &&Subject| kinds.contains(&subject.kind);
        subjects.iter().filter(takes_part)
    }

    /// What clients speak.
    pub(super) fn wire(&self) -> Wire {
        match self.what {
            What::Load(load) => load.wire,
            What::Idle(wire) => wire,
            What::Start | What::Reload | What::Growth { .. } => Wire::HTTP1,
        }
    }

    /// Whether the origin is one of gRPC.
    pub(super) fn calls(&self) -> bool {
        matches!(self.what, What::Load(load) if load.is_call())
    }
}

impl Plugins {
    fn list(self, files: &Files) -> Vec<Plugin> {
        let same = |count: usize, module: &Path| {
            let plugin = |number| Plugin {
                name: format!("plugin-{number}"),
                module: module.to_path_buf(),
            };
            (0..count).map(plugin).collect()
        };
        match self {
            Self::None => Vec::new(),
            Self::Header(count) => same(count, &files.header),
            Self::ReadBody => same(1, &files.read_body),
            Self::Callout => same(1, &files.callout),
            Self::Distinct(count) => (0..count)
                .map(|number| Plugin {
                    name: format!("plugin-{number}"),
                    module: files.distinct.join(format!("{number}.wasm")),
                })
                .collect(),
        }
    }

    /// How many files that differ it takes.
    pub(super) fn distinct(self) -> usize {
        match self {
            Self::Distinct(count) => count,
            _ => 0,
        }
    }

    /// A header of the response by which it shows that all of them took part, and how often it is there.
    pub(super) fn mark(self) -> Option<(&'static str, usize)> {
        match self {
            Self::None => None,
            Self::Header(count) | Self::Distinct(count) => Some(("x-gateway", count)),
            Self::ReadBody | Self::Callout => Some(("x-guest", 1)),
        }
    }
}
