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

/// Everybody, and those that run plugins with nginx beside them.
const EVERYBODY: &[Kind] = &Kind::ALL;
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
    use Plugins::{Callout, Distinct, Header, None, ReadBody};
    let case = |name, title, subjects, plugins, what| Case {
        name,
        title,
        subjects,
        workers: 1,
        plugins,
        routes: 0,
        what,
    };
    vec![
        case("plain", "No plugin", EVERYBODY, None, get("/")),
        case("header-1", "1 header plugin", HOSTS, Header(1), get("/")),
        case("header-5", "5 header plugins", HOSTS, Header(5), get("/")),
        case(
            "header-10",
            "10 header plugins",
            HOSTS,
            Header(10),
            get("/"),
        ),
        case(
            "body-1k",
            "Response of 1 KiB, read by a plugin",
            HOSTS,
            ReadBody,
            get("/1k"),
        ),
        case(
            "body-64k",
            "Response of 64 KiB, read by a plugin",
            HOSTS,
            ReadBody,
            get("/64k"),
        ),
        case(
            "body-1m",
            "Response of 1 MiB, read by a plugin",
            HOSTS,
            ReadBody,
            get("/1m"),
        ),
        case(
            "send-64k",
            "Request of 64 KiB, read by a plugin",
            HOSTS,
            ReadBody,
            post(64 << 10),
        ),
        case(
            "untouched-1m",
            "Response of 1 MiB behind a header plugin",
            HOSTS,
            Header(1),
            get("/1m"),
        ),
        case(
            "callout",
            "A call to a server per request",
            HOSTS,
            Callout,
            get("/"),
        ),
        case(
            "h2c",
            "HTTP/2 from the client, no plugin",
            &[Kind::Loom, Kind::Nginx, Kind::Haproxy, Kind::Envoy],
            None,
            H2C,
        ),
        Case {
            workers: 2,
            ..case(
                "two-workers",
                "No plugin, two workers",
                EVERYBODY,
                None,
                get("/"),
            )
        },
        Case {
            workers: 2,
            ..case(
                "two-workers-header",
                "1 header plugin, two workers",
                HOSTS,
                Header(1),
                get("/"),
            )
        },
        Case {
            routes: 1_000,
            ..case(
                "routes-1000",
                "1 header plugin, 1,000 more routes with a configuration of their own",
                LOOM,
                Header(1),
                get("/"),
            )
        },
        case(
            "idle",
            "Connections that rest",
            &[Kind::Loom, Kind::Nginx, Kind::Haproxy, Kind::Envoy],
            None,
            What::Idle,
        ),
        case(
            "start-1",
            "Start with 1 plugin",
            &[Kind::Loom, Kind::Envoy],
            Header(1),
            What::Start,
        ),
        case(
            "start-10",
            "Start with 10 plugins, each a file of its own",
            &[Kind::Loom, Kind::Envoy],
            Distinct(10),
            What::Start,
        ),
        Case {
            routes: 1_000,
            ..case(
                "memory-routes",
                "Memory of a route with a configuration of its own",
                LOOM,
                Header(1),
                What::Growth { count: 1_000 },
            )
        },
        case(
            "memory-plugins",
            "Memory of a plugin of its own",
            &[Kind::Loom, Kind::Envoy],
            Distinct(100),
            What::Growth { count: 99 },
        ),
    ]
}

impl Case {
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
