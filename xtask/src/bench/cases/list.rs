//! The list of all cases.

use super::Plugins::{Callout, Distinct, Header, None, ReadBody};
use super::{Case, What};
use crate::bench::load::{Content, Load, Wire};
use crate::bench::subjects::Kind;

const EVERYBODY: &[Kind] = &Kind::ALL;
/// Those that run plugins.
const BOTH: &[Kind] = &[Kind::Loom, Kind::Envoy];
/// Those that run plugins, with nginx beside them.
const HOSTS: &[Kind] = &[Kind::Loom, Kind::Nginx, Kind::Envoy];
/// The same, with the floor that their targets are explained by.
const HOSTS_AND_FLOOR: &[Kind] = &[Kind::Loom, Kind::Hyper, Kind::Nginx, Kind::Envoy];
/// Those that take over another configuration while they serve, told by a signal.
const RELOADING: &[Kind] = &[Kind::Loom, Kind::Nginx];
const LOOM: &[Kind] = &[Kind::Loom];

const HTTP2: Wire = Wire {
    h2: true,
    ..Wire::HTTP1
};
const HTTPS1: Wire = Wire {
    tls: true,
    ..Wire::HTTP1
};
const HTTPS2: Wire = Wire {
    h2: true,
    tls: true,
};

const fn get(path: &'static str) -> What {
    What::Load(Load::get(path))
}

const fn over(wire: Wire) -> What {
    What::Load(Load {
        wire,
        ..Load::get("/")
    })
}

const fn post(bytes: usize) -> What {
    What::Load(Load {
        content: Content::Bytes(bytes),
        ..Load::get("/post")
    })
}

const HANDSHAKES: What = What::Load(Load {
    wire: HTTPS1,
    once: true,
    ..Load::get("/")
});

const CALL: What = What::Load(Load {
    wire: HTTP2,
    content: Content::Call,
    ..Load::get("/helloworld.Greeter/SayHello")
});

/// All cases, the ones that say most first.
pub(in crate::bench) fn all() -> Vec<Case> {
    let mut cases = headers().to_vec();
    cases.extend(protocols());
    cases.extend(tls());
    cases.extend(bodies());
    cases.extend(other_loads());
    cases.extend(reloads());
    cases.extend(starts());
    cases.extend(memory());
    cases
}

fn headers() -> [Case; 4] {
    let header =
        |name, title, count| Case::new(name, title, HOSTS_AND_FLOOR, Header(count), get("/"));
    [
        Case::new("plain", "No plugin", EVERYBODY, None, get("/")),
        header("header-1", "1 header plugin", 1),
        header("header-5", "5 header plugins", 5),
        header("header-10", "10 header plugins", 10),
    ]
}

fn protocols() -> [Case; 3] {
    [
        Case::new(
            "h2c",
            "HTTP/2 from the client, no plugin",
            EVERYBODY,
            None,
            over(HTTP2),
        ),
        Case::new(
            "grpc",
            "A unary gRPC call, HTTP/2 on both sides, no plugin",
            EVERYBODY,
            None,
            CALL,
        ),
        Case::new(
            "grpc-header",
            "A unary gRPC call with 1 header plugin",
            HOSTS_AND_FLOOR,
            Header(1),
            CALL,
        ),
    ]
}

fn tls() -> [Case; 4] {
    [
        Case::new(
            "https",
            "HTTPS/1.1 on kept connections, no plugin",
            EVERYBODY,
            None,
            over(HTTPS1),
        ),
        Case::new(
            "https-h2",
            "HTTP/2 over TLS, no plugin",
            EVERYBODY,
            None,
            over(HTTPS2),
        ),
        Case::new(
            "https-h2-header",
            "HTTP/2 over TLS with 1 header plugin",
            HOSTS_AND_FLOOR,
            Header(1),
            over(HTTPS2),
        ),
        Case::new(
            "handshake",
            "A full TLS handshake per request, no plugin",
            EVERYBODY,
            None,
            HANDSHAKES,
        ),
    ]
}

fn bodies() -> [Case; 5] {
    let read = |name, title, subjects, what| Case::new(name, title, subjects, ReadBody, what);
    [
        read(
            "body-1k",
            "Response of 1 KiB, read by a plugin",
            HOSTS,
            get("/1k"),
        ),
        read(
            "body-64k",
            "Response of 64 KiB, read by a plugin",
            HOSTS,
            get("/64k"),
        ),
        read(
            "body-1m",
            "Response of 1 MiB, read by a plugin",
            HOSTS_AND_FLOOR,
            get("/1m"),
        ),
        read(
            "send-64k",
            "Request of 64 KiB, read by a plugin",
            HOSTS,
            post(64 << 10),
        ),
        Case::new(
            "untouched-1m",
            "Response of 1 MiB behind a header plugin",
            HOSTS,
            Header(1),
            get("/1m"),
        ),
    ]
}

fn other_loads() -> [Case; 4] {
    let two = |name, title, subjects, plugins| Case {
        workers: 2,
        ..Case::new(name, title, subjects, plugins, get("/"))
    };
    [
        Case::new(
            "callout",
            "A call to a server per request",
            HOSTS_AND_FLOOR,
            Callout,
            get("/"),
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

fn reloads() -> [Case; 1] {
    [Case {
        routes: 1_000,
        ..Case::new(
            "reload",
            "A reload with 10 plugins and 1,000 routes",
            RELOADING,
            Distinct(10),
            What::Reload,
        )
    }]
}

fn starts() -> [Case; 2] {
    let start = |name, title, plugins| Case::new(name, title, BOTH, plugins, What::Start);
    [
        start("start-1", "Start with 1 plugin", Header(1)),
        start("start-10", "Start with 10 plugins", Distinct(10)),
    ]
}

fn memory() -> [Case; 5] {
    let growth = |name, title, subjects, plugins, count| {
        Case::new(name, title, subjects, plugins, What::Growth { count })
    };
    let idle =
        |name, title, subjects, wire| Case::new(name, title, subjects, None, What::Idle(wire));
    [
        idle("idle", "A connection that rests", EVERYBODY, Wire::HTTP1),
        idle("idle-tls", "A TLS connection that rests", EVERYBODY, HTTPS1),
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
