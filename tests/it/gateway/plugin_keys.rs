//! What the keys of a plugin do, from outside: each test fails when the gateway does not look at its key.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use loom_gateway::{Gateway, Running};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::support::{Raw, Upstream, address, parse, start, within};
use crate::gateway::keys::shows;

shows! {
    ["plugins[]"]: "root_id" => root_id_is_what_the_plugin_reads;
    ["plugins[]"]: "vm_id" => vm_id_is_what_the_plugin_reads_and_its_name_without_one;
    ["plugins[]"]: "vm_configuration" => vm_configuration_is_what_the_vm_starts_with;
    ["plugins[]"]: "instances" => one_instance_counts_every_request_of_every_connection;
    ["plugins[]"]: "start_timeout" => start_timeout_ends_a_start_that_takes_too_long;
    ["plugins[]"]: "pause_timeout" => pause_timeout_ends_a_hold;
    ["plugins[]"]: "max_buffered_body" => max_buffered_body_bounds_what_a_plugin_holds;
    ["plugins[]"]: "allow_on_headers_stop_iteration" => allow_on_headers_stop_iteration_lets_the_body_decide_on_the_headers;
    ["plugins[]"]: "request_body" => request_body_before_inner_keeps_a_refused_body_from_the_upstream;
    ["plugins[]"]: "env" => env_is_the_environment_of_the_vm;
    ["plugins[]"]: "strict_imports" => strict_imports_refuses_what_would_be_a_stub;
    ["plugins[]"]: "header_values" => header_values_decides_what_a_plugin_sees;
    ["plugins[]"]: "service" => a_service_runs_without_a_route_in_one_vm;
}

/// What every guest here has: host calls, room, an allocator, and `$show`, which adds `x-value` to a header map.
///
/// Host calls leave an address at 0 and a length at 4; texts stand from 64 on, the heap begins at 1024.
const PRELUDE: &str = r#"
  (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
  (import "env" "proxy_get_metric" (func $metric (param i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_value" (func $header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (data (i32.const 64) "x-value")
  (data (i32.const 80) "plugin_root_id")
  (data (i32.const 96) "plugin_vm_id")
  (data (i32.const 112) "vms")
  (func (export "proxy_abi_version_0_2_1"))
  (global $heap (mut i32) (i32.const 1024))
  (func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
    (global.set $heap (i32.add (global.get $heap) (local.get $size)))
    (i32.sub (global.get $heap) (local.get $size)))
  (func $show (param $map i32) (param $at i32) (param $len i32)
    (drop (call $add (local.get $map) (i32.const 64) (i32.const 7) (local.get $at) (local.get $len))))
  ;; A number below 100, with two digits.
  (func $show_number (param $map i32) (param $n i32)
    (i32.store8 (i32.const 16) (i32.add (i32.const 48) (i32.div_u (local.get $n) (i32.const 10))))
    (i32.store8 (i32.const 17) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
    (call $show (local.get $map) (i32.const 16) (i32.const 2)))
"#;

/// Shows this property in the response.
fn shows_property(address: u32, length: usize) -> String {
    on(
        "proxy_on_response_headers",
        &format!(
            "(drop (call $property (i32.const {address}) (i32.const {length}) (i32.const 0) (i32.const 4)))
             (call $show (i32.const 2) (i32.load (i32.const 0)) (i32.load (i32.const 4)))
             i32.const 0"
        ),
    )
}

/// A callback of a stream.
fn on(callback: &str, body: &str) -> String {
    format!(
        "(func (export \"{callback}\") (param $id i32) (param $size i32) (param $end i32) (result i32) {body})"
    )
}

/// Holds the body of a request until all of it is there, and does this then.
fn with_whole_body(body: &str) -> String {
    let body =
        format!("(if (i32.eqz (local.get $end)) (then (return (i32.const 1)))) {body} i32.const 0");
    on("proxy_on_request_body", &body)
}

/// A `loom.yaml` with plugins, each on the route `/NAME`, and the folder of their files.
struct Setup {
    folder: TempDir,
    plugins: String,
    routes: String,
    upstreams: String,
}

impl Setup {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            plugins: "plugins:\n".to_owned(),
            routes: "routes:\n".to_owned(),
            upstreams: "upstreams:\n  - {name: echo, builtin: echo}\n".to_owned(),
        }
    }

    /// A plugin on no route. `imports` are those besides what every guest has.
    fn off_route(mut self, name: &str, imports: &str, guest: &str, keys: &str) -> Self {
        let path = self.folder.path().join(format!("{name}.wasm"));
        let wasm = format!("(module {imports} {PRELUDE} {guest})");
        std::fs::write(&path, wat::parse_str(wasm).expect("valid")).expect("written");
        let path = path.display();
        writeln!(self.plugins, "  - {{name: {name}, path: '{path}', {keys}}}").expect("a string");
        self
    }

    /// As [`off_route`](Self::off_route), on the route `/NAME`.
    fn on_route(
        self,
        (name, imports, guest, keys): (&str, &str, &str, &str),
        upstream: &str,
    ) -> Self {
        let mut this = self.off_route(name, imports, guest, keys);
        writeln!(
            this.routes,
            "  - {{id: {name}, path: /{name}, plugins: [{name}], upstream: {upstream}}}"
        )
        .expect("a string");
        this
    }

    /// A plugin in front of the echo upstream. `keys` are those of the plugin besides name and path.
    fn plugin(self, name: &str, guest: &str, keys: &str) -> Self {
        self.plugin_to(name, guest, keys, "echo")
    }

    /// As [`plugin`](Self::plugin), in front of another upstream.
    fn plugin_to(self, name: &str, guest: &str, keys: &str, upstream: &str) -> Self {
        self.on_route((name, "", guest, keys), upstream)
    }

    fn upstream(mut self, name: &str, endpoint: SocketAddr) -> Self {
        writeln!(
            self.upstreams,
            "  - {{name: {name}, endpoints: '{endpoint}'}}"
        )
        .expect("a string");
        self
    }

    fn yaml(&self) -> String {
        [&*self.plugins, &*self.routes, &*self.upstreams].concat()
    }

    async fn start(&self) -> Running {
        start(&self.yaml()).await
    }

    /// Why it does not start.
    async fn refusal(&self) -> String {
        let config = parse("loom.yaml", &self.yaml());
        within(Gateway::start(config.expect("a configuration")))
            .await
            .expect_err("it does not start")
            .to_string()
    }
}

async fn get(gateway: SocketAddr, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    Raw::exchange(gateway, &request).await
}

async fn post(gateway: SocketAddr, path: &str, length: usize) -> String {
    let body = "x".repeat(length);
    let request = format!("{}{body}", post_head(path, length));
    Raw::exchange(gateway, &request).await
}

fn post_head(path: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    )
}

fn status(response: &str) -> &str {
    response.get(9..12).unwrap_or(response)
}

/// `x-value` of a response.
fn value(response: &str) -> &str {
    let mut lines = response.lines();
    lines
        .find_map(|line| line.strip_prefix("x-value: "))
        .unwrap_or("none")
}

#[tokio::test]
async fn root_id_is_what_the_plugin_reads() {
    let guest = shows_property(80, "plugin_root_id".len());
    let gateway = Setup::new()
        .plugin("p", &guest, "root_id: the root")
        .start()
        .await;
    assert_eq!(value(&get(address(&gateway), "/p").await), "the root");
}

#[tokio::test]
async fn vm_id_is_what_the_plugin_reads_and_its_name_without_one() {
    let guest = shows_property(96, "plugin_vm_id".len());
    let gateway = Setup::new()
        .plugin("p", &guest, "vm_id: the vm")
        .plugin("q", &guest, "")
        .start()
        .await;
    assert_eq!(value(&get(address(&gateway), "/p").await), "the vm");
    assert_eq!(value(&get(address(&gateway), "/q").await), "q");
}

#[tokio::test]
async fn vm_configuration_is_what_the_vm_starts_with() {
    let guest = r#"
      (global $at (mut i32) (i32.const 0))
      (global $len (mut i32) (i32.const 0))
      (func (export "proxy_on_vm_start") (param $root i32) (param $size i32) (result i32)
        (drop (call $buffer (i32.const 6) (i32.const 0) (local.get $size) (i32.const 0) (i32.const 4)))
        (global.set $at (i32.load (i32.const 0)))
        (global.set $len (i32.load (i32.const 4)))
        i32.const 1)
    "#;
    let shows = on(
        "proxy_on_response_headers",
        "(call $show (i32.const 2) (global.get $at) (global.get $len)) i32.const 0",
    );
    let guest = [guest, &shows].concat();
    let gateway = Setup::new()
        .plugin(
            "json",
            &guest,
            "vm_configuration: {z: 1, a: [true, x]}, config: other",
        )
        .plugin("text", &guest, "vm_configuration: as it is")
        .start()
        .await;
    let address = address(&gateway);
    assert_eq!(
        value(&get(address, "/json").await),
        r#"{"z":1,"a":[true,"x"]}"#
    );
    assert_eq!(value(&get(address, "/text").await), "as it is");
}

/// Counts in its memory, and shows how far it is.
fn counter() -> String {
    let counts = on(
        "proxy_on_response_headers",
        "(global.set $count (i32.add (global.get $count) (i32.const 1)))
         (call $show_number (i32.const 2) (global.get $count))
         i32.const 0",
    );
    format!("(global $count (mut i32) (i32.const 0)) {counts}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_instance_counts_every_request_of_every_connection() {
    const CONNECTIONS: usize = 8;
    const REQUESTS: usize = 8;
    let gateway = Setup::new()
        .plugin("p", &counter(), "instances: 1")
        .start()
        .await;
    let address = address(&gateway);
    let mut clients = JoinSet::new();
    for _ in 0..CONNECTIONS {
        clients.spawn(async move {
            let mut connection = Raw::connect(address).await;
            let mut counts = Vec::new();
            for _ in 0..REQUESTS {
                connection.send("GET /p HTTP/1.1\r\nhost: a\r\n\r\n").await;
                counts.push(value(&connection.response().await).to_owned());
            }
            counts
        });
    }
    let counts: BTreeSet<String> = clients.join_all().await.into_iter().flatten().collect();
    let expected = (1..=CONNECTIONS * REQUESTS).map(|count| format!("{count:02}"));
    assert_eq!(counts, expected.collect());
}

#[tokio::test]
async fn instances_is_the_number_of_vms() {
    // Every VM counts itself as it starts; a metric belongs to all of them.
    let guest = r#"
      (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
        (drop (call $define (i32.const 0) (i32.const 112) (i32.const 3) (i32.const 8)))
        (drop (call $increment (i32.load (i32.const 8)) (i64.const 1)))
        i32.const 1)
    "#;
    let shows = on(
        "proxy_on_response_headers",
        "(drop (call $metric (i32.load (i32.const 8)) (i32.const 24)))
         (call $show_number (i32.const 2) (i32.load (i32.const 24)))
         i32.const 0",
    );
    let setup = Setup::new().plugin("p", &[guest, &shows].concat(), "instances: 7");
    let gateway = start(&format!("workers: 2\n{}", setup.yaml())).await;
    let address = address(&gateway);
    // The first VM is started before the gateway is, the others after it.
    within(async { while value(&get(address, "/p").await) != "07" {} }).await;
}

#[tokio::test]
async fn start_timeout_ends_a_start_that_takes_too_long() {
    let guest = r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
      (loop $for_ever (br $for_ever)) unreachable)"#;
    let setup = Setup::new().plugin("p", guest, "start_timeout: 50ms");
    let error = setup.refusal().await;
    assert!(error.contains("`start_timeout` is 50 ms"), "{error}");
    assert!(error.contains("raise `start_timeout`"), "{error}");
}

#[tokio::test]
async fn pause_timeout_ends_a_hold() {
    let guest = on("proxy_on_request_headers", "i32.const 1");
    let gateway = Setup::new()
        .plugin("p", &guest, "pause_timeout: 50ms")
        .start()
        .await;
    let begun = Instant::now();
    assert_eq!(status(&get(address(&gateway), "/p").await), "504");
    // Far from the 60s that it takes without the key.
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn max_buffered_body_bounds_what_a_plugin_holds() {
    let holds = with_whole_body("");
    let gateway = Setup::new()
        .plugin("small", &holds, "max_buffered_body: 2KiB")
        .plugin("default", &holds, "")
        .start()
        .await;
    let address = address(&gateway);
    for (path, most) in [("/small", 2 << 10), ("/default", 1 << 20)] {
        assert_eq!(status(&post(address, path, most).await), "200", "{path}");
        // One byte more than the plugin may hold, and one that never comes: so it has to hold all that was sent.
        let mut raw = Raw::connect(address).await;
        raw.send(post_head(path, most + 2)).await;
        raw.send("x".repeat(most + 1)).await;
        assert_eq!(status(&raw.rest().await), "413", "{path}");
    }
}

#[tokio::test]
async fn allow_on_headers_stop_iteration_lets_the_body_decide_on_the_headers() {
    let guest = [
        on("proxy_on_request_headers", "i32.const 1"),
        with_whole_body("(call $show_number (i32.const 0) (local.get $size))"),
    ]
    .concat();
    let gateway = Setup::new()
        // Without the first key the second one ends the test.
        .plugin(
            "p",
            &guest,
            "allow_on_headers_stop_iteration: true, pause_timeout: 5s",
        )
        .plugin("q", &guest, "pause_timeout: 50ms")
        .start()
        .await;
    let response = post(address(&gateway), "/p", 42).await;
    assert_eq!(status(&response), "200");
    assert!(response.contains(r#""x-value":["42"]"#), "{response}");
    // By default a plugin that holds the headers does not get the body.
    assert_eq!(status(&post(address(&gateway), "/q", 42).await), "504");
}

#[tokio::test]
async fn request_body_before_inner_keeps_a_refused_body_from_the_upstream() {
    let refuses = on(
        "proxy_on_request_body",
        "(drop (call $reply (i32.const 400) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
           (i32.const 0) (i32.const 0) (i32.const -1)))
         i32.const 1",
    );
    let (called, spared) = (Upstream::bind().await, Upstream::bind().await);
    let gateway = Setup::new()
        .plugin_to("before", &refuses, "request_body: before_inner", "spared")
        .plugin_to("streaming", &refuses, "", "called")
        .upstream("spared", spared.address())
        .upstream("called", called.address())
        .start()
        .await;
    let mut before = Raw::connect(address(&gateway)).await;
    before.send(post_head("/before", 3)).await;
    let mut streaming = Raw::connect(address(&gateway)).await;
    streaming.send(post_head("/streaming", 3)).await;
    // By default the upstream is called as soon as the headers are there. This request came second, on the same thread: so
    // the other upstream would have been called by now, too.
    let _call = called.accept().await;
    for mut request in [before, streaming] {
        request.send("bad").await;
        assert_eq!(status(&request.rest().await), "400");
    }
    // Nobody was there before this connection.
    let mut own = TcpStream::connect(spared.address()).await.expect("room");
    own.write_all(b"own").await.expect("a reader");
    drop(own);
    let mut first = String::new();
    let mut connection = spared.accept().await;
    within(connection.read_to_string(&mut first))
        .await
        .expect("text");
    assert_eq!(first, "own");
}

#[tokio::test]
async fn env_is_the_environment_of_the_vm() {
    let imports = r#"
      (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
    "#;
    // The variables one after the other, with their NULs written as commas.
    let shows = on(
        "proxy_on_response_headers",
        "(local $at i32)
         (drop (call $sizes (i32.const 32) (i32.const 36)))
         (drop (call $environ (i32.const 128) (i32.const 256)))
         (local.set $at (i32.const 256))
         (loop $more
           (if (i32.eqz (i32.load8_u (local.get $at))) (then (i32.store8 (local.get $at) (i32.const 44))))
           (local.set $at (i32.add (local.get $at) (i32.const 1)))
           (br_if $more (i32.lt_u (i32.sub (local.get $at) (i32.const 256)) (i32.load (i32.const 36)))))
         (call $show (i32.const 2) (i32.const 256) (i32.load (i32.const 36)))
         (call $show_number (i32.const 2) (i32.load (i32.const 32)))
         (call $show_number (i32.const 2) (i32.sub (i32.load (i32.const 132)) (i32.const 256)))
         i32.const 0",
    );
    let gateway = Setup::new()
        .on_route(("p", imports, &shows, "env: {LEVEL: high, A: ''}"), "echo")
        .start()
        .await;
    let response = get(address(&gateway), "/p").await;
    let values: Vec<_> = response
        .lines()
        .filter_map(|line| line.strip_prefix("x-value: "))
        .collect();
    assert_eq!(values, ["A=,LEVEL=high,", "02", "03"]);
}

#[tokio::test]
async fn strict_imports_refuses_what_would_be_a_stub() {
    let imports = r#"(import "env" "no_such_function" (func))"#;
    let plugin = |keys| Setup::new().on_route(("p", imports, "", keys), "echo");
    let refusal = plugin("strict_imports: true").refusal().await;
    assert!(
        refusal.contains("imports functions that this host does not have: no_such_function"),
        "{refusal}"
    );
    assert!(
        refusal.contains("set `strict_imports` to false"),
        "{refusal}"
    );
    let gateway = plugin("").start().await;
    assert_eq!(status(&get(address(&gateway), "/p").await), "200");
}

#[tokio::test]
async fn header_values_decides_what_a_plugin_sees() {
    // The length of a header of the request and of one of the response; the name stands behind the other texts.
    let shows = |map: u32| {
        on(
            "proxy_on_response_headers",
            &format!(
                r#"(i32.store (i32.const 4) (i32.const 0))
                   (drop (call $header (i32.const {map}) (i32.const 120) (i32.const 5) (i32.const 0) (i32.const 4)))
                   (call $show_number (i32.const 2) (i32.load (i32.const 4)))
                   i32.const 0"#
            ),
        )
    };
    let data = r#"(data (i32.const 120) "x-bin")"#;
    let (request, response) = (shows(0) + data, shows(2) + data);
    // Without a request callback the plugin would not be asked about the request.
    let request = request + &on("proxy_on_request_headers", "i32.const 0");
    let binary = || async {
        let upstream = Upstream::bind().await;
        upstream.answer_and_close(
            b"HTTP/1.1 200 OK\r\nx-bin: a\xff\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        )
    };
    let mut setup = Setup::new().upstream("binary", binary().await);
    for (name, keys) in [
        ("bytes", ""),
        ("lossy", "header_values: lossy"),
        ("reject", "header_values: reject"),
    ] {
        setup = setup
            .plugin(&format!("{name}-request"), &request, keys)
            .plugin_to(&format!("{name}-response"), &response, keys, "binary");
    }
    let gateway = setup.start().await;
    let address = address(&gateway);
    let get = |path: &'static str| async move {
        let mut raw = Raw::connect(address).await;
        let head = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n");
        let rest: &[u8] = if path.ends_with("request") {
            b"x-bin: a\xff\r\n\r\n"
        } else {
            b"\r\n"
        };
        raw.send([head.as_bytes(), rest].concat()).await;
        raw.rest().await
    };
    for (path, length) in [
        ("/bytes-request", "02"),
        ("/bytes-response", "02"),
        ("/lossy-request", "04"),
        ("/lossy-response", "04"),
    ] {
        assert_eq!(value(&get(path).await), length, "{path}");
    }
    let (request, response) = (get("/reject-request").await, get("/reject-response").await);
    assert_eq!(status(&request), "400");
    assert!(
        request.contains("the value of `x-bin` in the request is not UTF-8"),
        "{request}"
    );
    assert_eq!(status(&response), "502");
    assert!(
        response.contains("the value of `x-bin` in the response is not UTF-8"),
        "{response}"
    );
}

#[tokio::test]
async fn a_service_runs_without_a_route_in_one_vm() {
    let imports = r#"
      (import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))
      (import "env" "proxy_set_shared_data" (func $store (param i32 i32 i32 i32 i32) (result i32)))
      (import "env" "proxy_get_shared_data" (func $load (param i32 i32 i32 i32 i32) (result i32)))
    "#;
    // Counts its VMs in a metric and its ticks in shared data, under the texts that every guest has.
    let ticks = r#"
      (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
        (drop (call $define (i32.const 0) (i32.const 112) (i32.const 3) (i32.const 8)))
        (drop (call $increment (i32.load (i32.const 8)) (i64.const 1)))
        (drop (call $tick (i32.const 10)))
        i32.const 1)
      (func (export "proxy_on_tick") (param i32)
        (i32.store (i32.const 32) (i32.add (i32.load (i32.const 32)) (i32.const 1)))
        (drop (call $store (i32.const 112) (i32.const 3) (i32.const 32) (i32.const 4) (i32.const 0))))
    "#;
    let shows = on(
        "proxy_on_response_headers",
        "(if (i32.eqz (call $load (i32.const 112) (i32.const 3) (i32.const 0) (i32.const 4) (i32.const 48)))
           (then (call $show_number (i32.const 2) (i32.rem_u (i32.load (i32.load (i32.const 0))) (i32.const 100)))))
         (drop (call $define (i32.const 0) (i32.const 112) (i32.const 3) (i32.const 8)))
         (drop (call $metric (i32.load (i32.const 8)) (i32.const 24)))
         (call $show_number (i32.const 2) (i32.load (i32.const 24)))
         i32.const 0",
    );
    let setup = Setup::new()
        .off_route("service", imports, ticks, "service: true, vm_id: v")
        .on_route(("p", imports, &shows, "vm_id: v"), "echo");
    let gateway = start(&format!("workers: 4\n{}", setup.yaml())).await;
    let address = address(&gateway);
    // A plugin that nobody keeps would not tick for long.
    let response = within(async {
        loop {
            let response = get(address, "/p").await;
            if value(&response).parse().is_ok_and(|ticks: u32| ticks >= 5)
                && response.matches("x-value").count() == 2
            {
                return response;
            }
        }
    })
    .await;
    let vms = response
        .lines()
        .filter_map(|line| line.strip_prefix("x-value: "))
        .nth(1);
    assert_eq!(vms, Some("01"));
}
