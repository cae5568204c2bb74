//! What is measured: every case with the proxies that can do it.

use std::path::{Path, PathBuf};

use super::load::Load;
use super::subjects::{Kind, Plugin, Task};

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
    Idle,
    /// Starts with a warm cache of compiled code.
    Start,
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

/// Where the modules are.
#[derive(Debug)]
pub(super) struct Modules {
    pub(super) header: PathBuf,
    pub(super) read_body: PathBuf,
    pub(super) callout: PathBuf,
    pub(super) distinct: PathBuf,
}

const EVERYBODY: &[Kind] = &Kind::ALL;
/// Those that are more than a floor.
const PROXIES: &[Kind] = &[Kind::Loom, Kind::Nginx, Kind::Haproxy, Kind::Envoy];
/// Those that run plugins.
const BOTH: &[Kind] = &[Kind::Loom, Kind::Envoy];
/// Those that run plugins, with nginx beside them.
const HOSTS: &[Kind] = &[Kind::Loom, Kind::Nginx, Kind::Envoy];
const LOOM: &[Kind] = &[Kind::Loom];

const fn get(path: &'static str) -> What {
    What::Load(Load {
        path,
        send: 0,
        h2: false,
    })
}

const fn post(send: usize) -> What {
    What::Load(Load {
        path: "/post",
        send,
        h2: false,
    })
}

const H2C: What = What::Load(Load {
    path: "/",
    send: 0,
    h2: true,
});

/// All cases, the ones that say most first.
pub(super) fn all() -> Vec<Case> {
    let mut cases = headers().to_vec();
    cases.extend(bodies());
    cases.extend(other_loads());
    cases.extend(starts_and_memory());
    cases
}

fn headers() -> [Case; 4] {
    use Plugins::{Header, None};
    [
        Case::new("plain", "No plugin", EVERYBODY, None, get("/")),
        Case::new("header-1", "1 header plugin", HOSTS, Header(1), get("/")),
        Case::new("header-5", "5 header plugins", HOSTS, Header(5), get("/")),
        Case::new(
            "header-10",
            "10 header plugins",
            HOSTS,
            Header(10),
            get("/"),
        ),
    ]
}

fn bodies() -> [Case; 5] {
    let read = |name, title, what| Case::new(name, title, HOSTS, Plugins::ReadBody, what);
    [
        read("body-1k", "Response of 1 KiB, read by a plugin", get("/1k")),
        read(
            "body-64k",
            "Response of 64 KiB, read by a plugin",
            get("/64k"),
        ),
        read("body-1m", "Response of 1 MiB, read by a plugin", get("/1m")),
        read(
            "send-64k",
            "Request of 64 KiB, read by a plugin",
            post(64 << 10),
        ),
        Case {
            plugins: Plugins::Header(1),
            ..read(
                "untouched-1m",
                "Response of 1 MiB behind a header plugin",
                get("/1m"),
            )
        },
    ]
}

fn other_loads() -> [Case; 5] {
    use Plugins::{Callout, Header, None};
    let two = |name, title, subjects, plugins| Case {
        workers: 2,
        ..Case::new(name, title, subjects, plugins, get("/"))
    };
    [
        Case::new(
            "callout",
            "A call to a server per request",
            HOSTS,
            Callout,
            get("/"),
        ),
        Case::new(
            "h2c",
            "HTTP/2 from the client, no plugin",
            PROXIES,
            None,
            H2C,
        ),
        two("two-workers", "No plugin, two workers", EVERYBODY, None),
        two(
            "two-workers-header",
            "1 header plugin, two workers",
            HOSTS,
            Header(1),
        ),
        Case {
            routes: 1_000,
            ..Case::new(
                "routes-1000",
                "1 header plugin, 1,000 more routes with a configuration of their own",
                LOOM,
                Header(1),
                get("/"),
            )
        },
    ]
}

fn starts_and_memory() -> [Case; 6] {
    use Plugins::{Distinct, Header, None};
    let growth = |name, title, subjects, plugins, count| {
        Case::new(name, title, subjects, plugins, What::Growth { count })
    };
    [
        Case::new(
            "start-1",
            "Start with 1 plugin",
            BOTH,
            Header(1),
            What::Start,
        ),
        Case::new(
            "start-10",
            "Start with 10 plugins",
            BOTH,
            Distinct(10),
            What::Start,
        ),
        Case::new("idle", "A connection that rests", HOSTS, None, What::Idle),
        Case {
            instances: Some(65),
            ..growth(
                "memory-vms",
                "A further VM of a plugin",
                LOOM,
                Header(1),
                64,
            )
        },
        growth(
            "memory-plugins",
            "A plugin of its own",
            BOTH,
            Distinct(100),
            99,
        ),
        Case {
            routes: 1_000,
            ..growth(
                "memory-routes",
                "A route with a configuration of its own",
                LOOM,
                Header(1),
                1_000,
            )
        },
    ]
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

    pub(super) fn task(&self, kind: Kind, modules: &Modules, connections: usize) -> Task {
        // Those that have none are measured beside the others as they are.
        let has_plugins = matches!(kind, Kind::Loom | Kind::Envoy);
        Task {
            workers: self.workers,
            plugins: if has_plugins {
                self.plugins.list(modules)
            } else {
                Vec::new()
            },
            routes: self.routes,
            instances: self.instances,
            connections,
            h2: matches!(self.what, What::Load(Load { h2: true, .. })),
        }
    }
}

impl Plugins {
    fn list(self, modules: &Modules) -> Vec<Plugin> {
        let same = |count: usize, module: &Path| {
            let plugin = |number| Plugin {
                name: format!("plugin-{number}"),
                module: module.to_path_buf(),
            };
            (0..count).map(plugin).collect()
        };
        match self {
            Self::None => Vec::new(),
            Self::Header(count) => same(count, &modules.header),
            Self::ReadBody => same(1, &modules.read_body),
            Self::Callout => same(1, &modules.callout),
            Self::Distinct(count) => (0..count)
                .map(|number| Plugin {
                    name: format!("plugin-{number}"),
                    module: modules.distinct.join(format!("{number}.wasm")),
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
