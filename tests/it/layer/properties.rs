//! Properties: what a plugin can ask about the request, the response, the connection, the route and itself.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use loom_layer::{ConnectionInfo, RouteInfo};

use super::support::{Answer, Guest, get, load, plugin, send, send_to};

/// Leaves a property in a header of the response, and the status in another.
fn asking(path: &str) -> Guest {
    let read = |map: u32| {
        format!(
            r#"(i32.store (i32.const 20) (i32.const 0))
               (call $set_num (i32.const {map}) @"x-status"
                 (call $get_property @"{path}" (i32.const 16) (i32.const 20)))
               (call $set (i32.const {map}) @"x-out" (call $out) (call $out_len))
               (if (i32.eq (call $out_len) (i32.const 8))
                 (then (call $set_num (i32.const {map}) @"x-number" (i32.load (call $out)))))"#
        )
    };
    Guest::new().on_request(&read(0)).on_response(&read(2))
}

fn request() -> Request<Full<Bytes>> {
    let mut request = Request::post("/a/b?c=d")
        .header("host", "example.com")
        .header("user-agent", "curl")
        .header("referer", "elsewhere")
        .header("x-request-id", "id-1")
        .header("x-many", "1")
        .header("x-many", "2")
        .header("content-length", "4")
        .body(Full::from("body"))
        .unwrap();
    let (peer, local) = ("192.0.2.7:4711", "[2001:db8::1]:8443");
    request.extensions_mut().insert(
        ConnectionInfo::new(peer.parse().unwrap(), local.parse().unwrap())
            .with_id(9)
            .with_tls(),
    );
    request
        .extensions_mut()
        .insert(RouteInfo::new("api").upstream("backend"));
    request
}

async fn ask(path: &str, request: Request<Full<Bytes>>) -> Answer {
    let plugin = plugin("properties", &asking(path))
        .root_id("the-root")
        .vm_id("the-vm");
    let response = Response::builder()
        .status(203)
        .header("x-many", "3")
        .body(Full::default())
        .unwrap();
    send_to(plugin.build().unwrap(), request, response).await
}

#[tokio::test]
async fn texts() {
    let cases = [
        ("plugin_name", "properties"),
        ("plugin_root_id", "the-root"),
        ("plugin_vm_id", "the-vm"),
        (r"request\00path", "/a/b?c=d"),
        (r"request\00url_path", "/a/b"),
        (r"request\00query", "c=d"),
        (r"request\00host", "example.com"),
        (r"request\00method", "POST"),
        (r"request\00scheme", "https"),
        (r"request\00protocol", "HTTP/1.1"),
        (r"request\00useragent", "curl"),
        (r"request\00referer", "elsewhere"),
        (r"request\00id", "id-1"),
        (r"request\00headers\00x-many", "1,2"),
        (r"request\00headers\00:path", "/a/b?c=d"),
        (r"source\00address", "192.0.2.7:4711"),
        (r"destination\00address", "[2001:db8::1]:8443"),
        (r"xds\00route_name", "api"),
        ("route_name", "api"),
        (r"cluster_name", "backend"),
        // The C++ SDK ends a path with NUL.
        (r"request\00method\00", "POST"),
    ];
    for (path, value) in cases {
        let answer = ask(path, request()).await;
        assert_eq!(
            (answer.seen("x-status"), answer.seen("x-out")),
            ("0", value),
            "{path}"
        );
        // All of it is known in the response too.
        assert_eq!(answer.header("x-out"), value, "{path}");
    }
}

#[tokio::test]
async fn numbers() {
    let cases = [
        (r"source\00port", "4711"),
        (r"destination\00port", "8443"),
        (r"connection\00id", "9"),
        ("connection_id", "9"),
        (r"request\00size", "4"),
    ];
    for (path, value) in cases {
        let answer = ask(path, request()).await;
        assert_eq!(
            (answer.seen("x-status"), answer.seen("x-number")),
            ("0", value),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_response_s_are_known_with_the_response() {
    for (path, value) in [
        (r"response\00code", "203"),
        (r"response\00headers\00x-many", "3"),
    ] {
        let answer = ask(path, request()).await;
        assert_eq!(answer.seen("x-status"), "1", "{path}");
        assert_eq!(answer.header("x-status"), "0", "{path}");
        let known = if value == "3" { "x-out" } else { "x-number" };
        assert_eq!(answer.header(known), value, "{path}");
    }
    let answer = ask(r"response\00code_details", request()).await;
    assert_eq!(answer.header("x-out"), "via_upstream");
}

#[tokio::test]
async fn what_is_not_known() {
    for path in [
        "",
        "nothing",
        r"request",
        r"request\00nothing",
        r"request\00headers\00x-none",
        r"request\00method\00more",
        r"\00\00\00\00",
        r"response\00code",
        r"\ff\fe",
    ] {
        let answer = ask(path, request()).await;
        assert_eq!(answer.seen("x-status"), "1", "{path}");
        assert_eq!(answer.seen("x-out"), "", "{path}");
    }
    for path in [r"source\00address", r"connection\00id", "route_name"] {
        let answer = ask(path, get(&[])).await;
        assert_eq!(answer.seen("x-status"), "1", "{path} without extensions");
    }
}

#[tokio::test]
async fn the_extensions_stay_on_the_request() {
    let answer = send(
        load("properties-stay", &Guest::new().on_request("")),
        request(),
    )
    .await;
    let seen = answer.seen.expect("forwarded");
    assert_eq!(
        seen.extensions.get::<RouteInfo>().unwrap().route_name(),
        "api"
    );
    assert_eq!(seen.extensions.get::<ConnectionInfo>().unwrap().id(), 9);
}

#[tokio::test]
async fn what_a_plugin_stores() {
    let guest = Guest::new()
        .on_request(
            r#"(call $set_num (i32.const 0) @"x-set" (call $set_property @"my\00own" @"\01\02"))
               (drop (call $set_property @"my\00own" @"ab"))
               (call $set_num (i32.const 0) @"x-large"
                 (call $set_property @"large" (i32.const 0) (i32.const 262144)))"#,
        )
        .on_response(
            r#"(drop (call $get_property @"my\00own" (i32.const 16) (i32.const 20)))
               (call $set (i32.const 2) @"x-own" (call $out) (call $out_len))"#,
        );
    let plugin = load("properties-own", &guest);
    let answer = send(plugin.clone(), get(&[])).await;
    assert_eq!(answer.seen("x-set"), "0");
    assert_eq!(answer.seen("x-large"), "2", "there is a limit");
    assert_eq!(answer.header("x-own"), "ab");
}

#[tokio::test]
async fn a_property_of_one_stream_is_not_another_s() {
    let guest = Guest::new().on_request(
        r#"(call $set_num (i32.const 0) @"x-status" (call $get_property @"mine" (i32.const 16) (i32.const 20)))
           (drop (call $set_property @"mine" @"v"))"#,
    );
    let plugin = load("properties-apart", &guest);
    for _ in 0..2 {
        assert_eq!(send(plugin.clone(), get(&[])).await.seen("x-status"), "1");
    }
}
