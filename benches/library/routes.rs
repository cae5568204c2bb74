//! The gateway's route table, by what a request costs that passes it: the table itself is private. And by what it costs to
//! start with it.
//!
//! The client writes requests in bundles, so that little but the gateway's work on each request is left. The differences
//! between the numbers of routes are what matching costs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use criterion::{BatchSize, Bencher, Criterion};
use loom_benches::{CpuTime, cpu_time};
use loom_config::Loader;
use loom_gateway::{Gateway, Running};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::host_calls::scaled;

/// Requests that are under way at once.
const BUNDLE: u64 = 64;

pub(crate) fn measure(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("routes");
    group.measurement_time(Duration::from_secs(8));
    for routes in [10, 1_000, 10_000] {
        group.bench_function(routes.to_string(), |b| bundles(b, &by_prefix(routes)));
    }
    // Twenty of each host, of all kinds that are looked up: the last number is 10,000 routes on 500 hosts.
    for routes in [10, 1_000, 10_000] {
        group.bench_function(format!("kinds/{routes}"), |b| {
            bundles(b, &of_all_kinds(routes));
        });
    }
    group.sample_size(10);
    for routes in [10, 10_000] {
        group.bench_function(format!("from file to start/{routes}"), |b| {
            starts(b, routes);
        });
    }
    group.finish();
}

/// Routes, and requests for the last ones of them.
struct Table {
    routes: String,
    requests: Vec<String>,
}

/// Half of them by host and path, half by path alone.
fn by_prefix(routes: usize) -> Table {
    let mut text = String::new();
    for number in 0..routes / 2 {
        text += &format!("  - {{id: p{number}, path: /service-{number}/*, upstream: none}}\n");
        text += &format!(
            "  - {{id: h{number}, host: host-{number}.example.com, path: /api/*, upstream: none}}\n"
        );
    }
    let last = routes / 2 - 1;
    Table {
        routes: text,
        // HEAD: the answer has no body that would have to be looked at.
        requests: vec![
            format!("HEAD /service-{last}/a HTTP/1.1\r\nhost: example.com\r\n\r\n"),
            format!("HEAD /api/a HTTP/1.1\r\nhost: host-{last}.example.com\r\n\r\n"),
        ],
    }
}

/// How many routes a host has.
const EACH_HOST: usize = 20;

/// Of each host: exact paths, paths with parameters, prefixes, and regular expressions.
fn of_all_kinds(routes: usize) -> Table {
    let mut text = String::new();
    for number in 0..routes {
        let (host, place) = (number / EACH_HOST, number % EACH_HOST);
        let path = match place % 4 {
            0 => format!("/exact-{place}"),
            1 => format!("'/users/{{id}}/{place}'"),
            2 => format!("/prefix-{place}/*"),
            _ => format!("{{regex: '/place-{place}/[a-z]+/[0-9]+'}}"),
        };
        text += &format!(
            "  - {{id: r{number}, host: host-{host}.example.com, path: {path}, upstream: none}}\n"
        );
    }
    let last = routes - 1;
    // The last one of each kind; expressions are asked after all others.
    let of_kind = |kind: usize| (0..=last).rev().find(|number| number % 4 == kind);
    let request = |kind: usize| {
        let number = of_kind(kind).expect("four kinds");
        let (host, place) = (number / EACH_HOST, number % EACH_HOST);
        let path = match kind {
            0 => format!("/exact-{place}"),
            1 => format!("/users/42/{place}"),
            2 => format!("/prefix-{place}/a"),
            _ => format!("/place-{place}/a/42"),
        };
        format!("HEAD {path} HTTP/1.1\r\nhost: host-{host}.example.com\r\n\r\n")
    };
    Table {
        routes: text,
        requests: (0..4).map(request).collect(),
    }
}

/// The whole way of a file: read, checked, routers built, listening.
fn starts(bencher: &mut Bencher<'_, CpuTime>, routes: usize) {
    let file = File::new(&of_all_kinds(routes).routes);
    bencher.iter_batched(
        runtime,
        |runtime| {
            let running = file.start(&runtime);
            (running, runtime)
        },
        BatchSize::PerIteration,
    );
}

fn bundles(bencher: &mut Bencher<'_, CpuTime>, table: &Table) {
    let runtime = runtime();
    let running = File::new(&table.routes).start(&runtime);
    let mut client = Client::connect(running.addresses()[0].1, &table.requests);
    bencher.iter_custom(|times| {
        let bundles = times.div_ceil(BUNDLE);
        let begin = cpu_time();
        for _ in 0..bundles {
            client.bundle();
        }
        scaled(cpu_time() - begin, times, bundles * BUNDLE)
    });
}

/// A `loom.yaml`.
struct File {
    path: PathBuf,
    _folder: TempDir,
}

impl File {
    /// With these routes.
    fn new(routes: &str) -> Self {
        let text = format!(
            "listeners: [\"127.0.0.1:0\"]\nupstreams: [{{name: none, builtin: echo}}]\nroutes:\n{routes}"
        );
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("loom.yaml");
        std::fs::write(&path, text).expect("a file");
        Self {
            path,
            _folder: folder,
        }
    }

    /// A gateway with this configuration.
    fn start(&self, runtime: &Runtime) -> Running {
        let config = Loader::new([]).load(&self.path).expect("a configuration");
        runtime.block_on(Gateway::start(config)).expect("a gateway")
    }
}

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
}

struct Client {
    stream: TcpStream,
    bundle: Vec<u8>,
    answer: Vec<u8>,
}

impl Client {
    /// A client that sends these requests in turn.
    fn connect(address: SocketAddr, requests: &[String]) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        let turns = requests.iter().cycle().take(BUNDLE as usize);
        let bundle = turns.flat_map(|request| request.bytes()).collect();
        Self {
            stream,
            bundle,
            answer: vec![0; 64 << 10],
        }
    }

    /// Sends a bundle of requests and reads what is answered.
    fn bundle(&mut self) {
        self.stream.write_all(&self.bundle).expect("it is sent");
        let (mut answers, mut filled) = (0, 0);
        while answers < BUNDLE {
            let read = self
                .stream
                .read(&mut self.answer[filled..])
                .expect("an answer");
            assert!(read > 0, "the gateway closed the connection");
            filled += read;
            answers = count(&self.answer[..filled], b"\r\n\r\n");
        }
        assert_eq!(answers, count(&self.answer[..filled], b"HTTP/1.1 200 OK"));
    }
}

fn count(text: &[u8], what: &[u8]) -> u64 {
    text.windows(what.len())
        .filter(|window| *window == what)
        .count() as u64
}
