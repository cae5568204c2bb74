//! The gateway's route table, by what a request costs that passes it: the table itself is private.
//!
//! The client writes requests in bundles, so that little but the gateway's work on each request is left. The differences
//! between the numbers of routes are what matching costs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use criterion::{Bencher, Criterion};
use loom_benches::{CpuTime, cpu_time};
use loom_config::Loader;
use loom_gateway::{Gateway, Running};
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
    // Twenty of each host, of all kinds that are looked up.
    for routes in [20, 1_000, 10_000] {
        group.bench_function(format!("kinds/{routes}"), |b| {
            bundles(b, &of_all_kinds(routes));
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

/// Of each host: exact paths, paths with parameters, prefixes, and prefixes with conditions.
fn of_all_kinds(routes: usize) -> Table {
    let mut text = String::new();
    for number in 0..routes {
        let (host, place) = (number / 20, number % 20);
        let path = match place % 4 {
            0 => format!("/exact-{place}"),
            1 => format!("'/users/{{id}}/{place}'"),
            2 => format!("/prefix-{place}/*"),
            _ => format!("/*, methods: HEAD, headers: {{name: x-place, exact: 'at-{place}'}}"),
        };
        text += &format!(
            "  - {{id: r{number}, host: host-{host}.example.com, path: {path}, upstream: none}}\n"
        );
    }
    let host = routes / 20 - 1;
    let request = |path: &str, header: &str| {
        format!("HEAD {path} HTTP/1.1\r\nhost: host-{host}.example.com\r\n{header}\r\n")
    };
    Table {
        routes: text,
        requests: vec![
            request("/exact-16", ""),
            request("/users/42/17", ""),
            request("/prefix-18/a", ""),
            request("/else", "x-place: at-19\r\n"),
        ],
    }
}

fn bundles(bencher: &mut Bencher<'_, CpuTime>, table: &Table) {
    let (_runtime, running) = start(&table.routes);
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

/// A gateway with these routes.
fn start(routes: &str) -> (Runtime, Running) {
    let text = format!(
        "listeners: [\"127.0.0.1:0\"]\nupstreams: [{{name: none, builtin: echo}}]\nroutes:\n{routes}"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("loom.yaml");
    std::fs::write(&file, text).expect("a file");
    let config = Loader::new([]).load(&file).expect("a configuration");
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let running = runtime.block_on(Gateway::start(config)).expect("a gateway");
    (runtime, running)
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
