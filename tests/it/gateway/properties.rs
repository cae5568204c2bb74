//! What plugins can ask about connections and upstreams in the gateway.

use std::fmt::Write;
use std::net::SocketAddr;

use loom_gateway::Running;
use tempfile::TempDir;

use super::support::{Raw, Upstream, address, refused_address, start};

/// Shows in the response's header `x-N` the N-th of these properties: its number or bit, its text, or `-` if it is not there.
pub(super) fn shows(paths: &[&str]) -> String {
    let (mut data, mut asks) = (String::new(), String::new());
    for (number, path) in paths.iter().enumerate() {
        let at = 1024 + 64 * number;
        let length = path.replace("\\00", "|").len();
        write!(data, "(data (i32.const {at}) \"{path}\")").expect("a string");
        write!(
            asks,
            "(i32.store8 (i32.const 18) (i32.const {}))
             (call $show (call $property (i32.const {at}) (i32.const {length}) (i32.const 0) (i32.const 4)))",
            48 + number
        )
        .expect("a string");
    }
    format!(
        r#"(module
          (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
          (import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 16) "x-0")
          (data (i32.const 24) "-")
          {data}
          (func (export "proxy_abi_version_0_2_1"))
          (global $heap (mut i32) (i32.const 4096))
          (func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
            (global.set $heap (i32.add (global.get $heap) (local.get $size)))
            (i32.sub (global.get $heap) (local.get $size)))
          (func $text (param $at i32) (param $len i32)
            (drop (call $add (i32.const 2) (i32.const 16) (i32.const 3) (local.get $at) (local.get $len))))
          (func $show (param $status i32) (local $n i32) (local $at i32)
            (if (local.get $status) (then (call $text (i32.const 24) (i32.const 1)) (return)))
            (if (i32.and (i32.eq (i32.load (i32.const 4)) (i32.const 1)) (i32.lt_u (i32.load8_u (i32.load (i32.const 0))) (i32.const 2)))
              (then
                (i32.store8 (i32.const 28) (i32.add (i32.const 48) (i32.load8_u (i32.load (i32.const 0)))))
                (call $text (i32.const 28) (i32.const 1)) (return)))
            (if (i32.ne (i32.load (i32.const 4)) (i32.const 8))
              (then (call $text (i32.load (i32.const 0)) (i32.load (i32.const 4))) (return)))
            (local.set $n (i32.load (i32.load (i32.const 0))))
            (local.set $at (i32.const 64))
            (loop $more
              (local.set $at (i32.sub (local.get $at) (i32.const 1)))
              (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
              (local.set $n (i32.div_u (local.get $n) (i32.const 10)))
              (br_if $more (local.get $n)))
            (call $text (local.get $at) (i32.sub (i32.const 64) (local.get $at))))
          (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
            {asks}
            i32.const 0))"#
    )
}

/// A gateway with a plugin that shows these properties, on `/` before these endpoints and on `/refused` before nobody.
async fn gateway(paths: &[&str], endpoints: &str) -> (Running, TempDir) {
    on_path(paths, "/*", endpoints).await
}

/// The same on another path than `/*`.
async fn on_path(paths: &[&str], on: &str, endpoints: &str) -> (Running, TempDir) {
    beside(paths, "", on, endpoints).await
}

/// The same with further keys of the file.
async fn beside(paths: &[&str], keys: &str, on: &str, endpoints: &str) -> (Running, TempDir) {
    with_all(paths, keys, on, &format!("endpoints: [{endpoints}]")).await
}

/// The same with these keys of the upstream.
async fn with_upstream(paths: &[&str], on: &str, upstream: &str) -> (Running, TempDir) {
    with_all(paths, "", on, upstream).await
}

async fn with_all(paths: &[&str], keys: &str, on: &str, upstream: &str) -> (Running, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("shows.wasm");
    std::fs::write(&path, wat::parse_str(shows(paths)).expect("valid")).expect("written");
    let refused = refused_address().await;
    let gateway = start(&format!(
        "{keys}
plugins: [{{name: shows, path: '{}'}}]
routes:
  - {{id: main, path: '{on}', plugins: [shows], upstream: backend}}
  - {{id: refused, path: /refused, plugins: [shows], upstream: nobody}}
upstreams:
  - {{name: backend, {upstream}}}
  - {{name: nobody, endpoints: '{refused}'}}",
        path.display()
    ))
    .await;
    (gateway, folder)
}

async fn shown(connection: &mut Raw, path: &str) -> Vec<String> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
    answered(connection, &request).await
}

async fn answered(connection: &mut Raw, request: &str) -> Vec<String> {
    connection.send(request).await;
    let response = connection.response().await;
    let values = response
        .lines()
        .filter(|line| line.starts_with("x-") && line.as_bytes()[2].is_ascii_digit());
    values.map(|line| line[5..].to_owned()).collect()
}

fn local(connection: &Raw) -> SocketAddr {
    connection.0.local_addr().expect("an address")
}

#[tokio::test]
async fn each_connection_has_a_number_and_its_addresses() {
    let paths = [
        r"connection\00id",
        "connection_id",
        r"source\00address",
        r"destination\00address",
        r"connection\00tls_version",
    ];
    let backend = Upstream::bind().await.say("hello");
    let (gateway, _folder) = gateway(&paths, &format!("'{backend}'")).await;
    let address = address(&gateway);
    let (mut one, mut two) = (Raw::connect(address).await, Raw::connect(address).await);
    let first = shown(&mut one, "/").await;
    assert_eq!(first, shown(&mut one, "/").await);
    let second = shown(&mut two, "/").await;
    assert_ne!(first[0], second[0]);
    for (connection, shown) in [(one, first), (two, second)] {
        assert!(shown[0].parse::<u64>().is_ok_and(|id| id > 0), "{shown:?}");
        assert_eq!(shown[1], shown[0]);
        assert_eq!(shown[2], local(&connection).to_string());
        assert_eq!(shown[3], address.to_string());
        assert_eq!(shown[4], "-");
    }
}

#[tokio::test]
async fn the_source_is_the_client_that_a_trusted_proxy_names() {
    let paths = [
        r"source\00address",
        r"source\00port",
        r"request\00scheme",
        r"request\00headers\00x-forwarded-for",
    ];
    let backend = format!("'{}'", Upstream::bind().await.say("hello"));
    let headers = "x-forwarded-for: 192.0.2.7\r\nx-forwarded-proto: https\r\n";
    let get = format!("GET / HTTP/1.1\r\nhost: a\r\n{headers}\r\n");
    let trusting = |network: &str| {
        format!("listeners: [{{name: web, address: '127.0.0.1:0', trusted_proxies: '{network}'}}]")
    };
    let (gateway, _folder) = beside(&paths, &trusting("127.0.0.0/8"), "/*", &backend).await;
    let mut connection = Raw::connect(address(&gateway)).await;
    let wanted = ["192.0.2.7:0", "0", "https", "192.0.2.7, 127.0.0.1"];
    assert_eq!(answered(&mut connection, &get).await, wanted);
    // What a proxy says of one request does not hold for the next one.
    let get_bare = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    let wanted = ["127.0.0.1:0", "0", "http", "127.0.0.1"];
    assert_eq!(answered(&mut connection, get_bare).await, wanted);
    let (gateway, _folder) = beside(&paths, &trusting("10.0.0.0/8"), "/*", &backend).await;
    let mut connection = Raw::connect(address(&gateway)).await;
    let own = local(&connection);
    let port = own.port().to_string();
    let wanted = [&*own.to_string(), &*port, "http", "127.0.0.1"];
    assert_eq!(answered(&mut connection, &get).await, wanted);
}

#[tokio::test]
async fn the_upstream_s_endpoint_is_known_with_the_response() {
    let paths = [
        r"upstream\00address",
        r"upstream\00port",
        r"upstream\00num_endpoints",
        r"upstream\00request_attempt_count",
        r"xds\00cluster_name",
        r"response\00code_details",
    ];
    let (one, two) = (Upstream::bind().await, Upstream::bind().await);
    let (one, two) = (one.say("hello"), two.say("hello"));
    let (gateway, _folder) = gateway(&paths, &format!("'{one}', '{two}'")).await;
    let mut connection = Raw::connect(address(&gateway)).await;
    // They take turns.
    for endpoint in [one, two, one] {
        let (address, port) = (endpoint.to_string(), endpoint.port().to_string());
        let wanted = [&*address, &*port, "2", "1", "backend", "via_upstream"];
        assert_eq!(shown(&mut connection, "/").await, wanted);
    }
}

#[tokio::test]
async fn a_failure_to_connect_is_told() {
    let paths = [
        r"response\00code",
        r"response\00flags",
        r"response\00code_details",
        r"upstream\00num_endpoints",
        r"upstream\00address",
    ];
    let (gateway, _folder) = gateway(&paths, "'127.0.0.1:1'").await;
    let mut connection = Raw::connect(address(&gateway)).await;
    assert_eq!(
        shown(&mut connection, "/refused").await,
        [
            "502",
            "32",
            "upstream_reset_before_response_started{remote_connection_failure}",
            "1",
            "-"
        ]
    );
}

#[tokio::test]
async fn an_upstream_that_is_full_or_slow_is_told() {
    let paths = [
        r"response\00code",
        r"response\00flags",
        r"response\00code_details",
    ];
    let silent = Upstream::bind().await;
    let endpoint = silent.address();
    let upstream = format!("endpoints: '{endpoint}', timeouts: {{per_try: 50ms}}");
    let (gateway, _folder) = with_upstream(&paths, "/*", &upstream).await;
    let mut connection = Raw::connect(address(&gateway)).await;
    assert_eq!(
        shown(&mut connection, "/").await,
        ["504", "4", "upstream_per_try_timeout"]
    );
    drop(silent.accept().await);

    let upstream = format!("endpoints: '{endpoint}', limits: {{connections: 1, pending: 0}}");
    let (gateway, _folder) = with_upstream(&paths, "/*", &upstream).await;
    let mut first = Raw::connect(address(&gateway)).await;
    first.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut held = Raw(silent.accept().await);
    held.until("\r\n\r\n").await;
    let mut connection = Raw::connect(address(&gateway)).await;
    assert_eq!(
        shown(&mut connection, "/").await,
        [
            "503",
            "128",
            "upstream_reset_before_response_started{overflow}"
        ]
    );
}

#[tokio::test]
async fn what_a_path_has_names_for_is_known() {
    let paths = [
        r"loom\00path_parameters\00id",
        r"loom\00path_parameters\00post",
        r"loom\00path_parameters\00nothing",
    ];
    let backend = Upstream::bind().await.say("hello");
    let on = "/users/{id}/posts/{post}";
    let (gateway, _folder) = on_path(&paths, on, &format!("'{backend}'")).await;
    let mut connection = Raw::connect(address(&gateway)).await;
    for (path, wanted) in [
        ("/users/42/posts/a%2Fb?c", ["42", "a%2Fb", "-"]),
        ("/users/%34/./posts//x", ["4", "x", "-"]),
    ] {
        assert_eq!(shown(&mut connection, path).await, wanted, "{path}");
    }
}
