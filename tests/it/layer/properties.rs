//! Properties: what a plugin can ask about the request, the response, the connection, the route and itself.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use loom_layer::{
    BoxError, ConnectionInfo, LoomChain, LoomPlugin, RequestBody, RouteInfo, TlsInfo,
    UpstreamFailure, UpstreamInfo,
};
use tower::{Layer, ServiceExt, service_fn};

use super::support::{Answer, Guest, eventually, get, load, logs, plugin, send, send_to};

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
    // As a socket that takes both kinds of addresses shows it.
    let (peer, local) = ("[::ffff:192.0.2.7]:4711", "[2001:db8::1]:8443");
    request.extensions_mut().insert(
        ConnectionInfo::new(peer.parse().unwrap(), local.parse().unwrap())
            .with_id(9)
            .with_tls(TlsInfo::new("TLSv1.3").server_name("sni")),
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
        (r"connection\00tls_version", "TLSv1.3"),
        (r"connection\00requested_server_name", "sni"),
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

/// Logs numbers and texts of properties at the end of a stream; `-` for one that is not there.
fn at_the_end(paths: &[&str]) -> Guest {
    let ask = |path: &str| {
        format!(
            r#"(if (call $get_property @"{path}" (i32.const 16) (i32.const 20))
                 (then (call $say @"-"))
                 (else (if (i32.eq (call $out_len) (i32.const 8))
                   (then (call $say_num (i32.load (call $out))))
                   (else (call $say (call $out) (call $out_len))))))"#
        )
    };
    let all: String = paths.iter().map(|path| ask(path)).collect();
    Guest::new().on("proxy_on_log", &all)
}

fn trailers(status: &'static str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    trailers
}

/// A request whose length nobody tells, to a service that reads it and answers with a body and trailers.
async fn exchange_sizes(plugins: impl Into<LoomChain>) {
    let frames = ["abc", "defg"].map(|data| Ok::<_, Infallible>(Frame::data(Bytes::from(data))));
    let body = StreamBody::new(futures_util::stream::iter(frames));
    let request = Request::post("/").header("x-a", "1").body(body).unwrap();
    let service = service_fn(|request: Request<RequestBody<_>>| async {
        let body: Result<_, BoxError> = request.into_body().collect().await;
        let frames = [
            Frame::data(Bytes::from("hello, ")),
            Frame::data(body?.to_bytes()),
            Frame::trailers(trailers("7")),
        ];
        let frames = futures_util::stream::iter(frames.map(Ok::<_, Infallible>));
        Ok::<_, BoxError>(Response::new(StreamBody::new(frames)))
    });
    let response = plugins.into().layer(service).oneshot(request).await;
    response.unwrap().into_body().collect().await.unwrap();
}

const SIZES: [&str; 7] = [
    r"request\00size",
    r"request\00total_size",
    r"response\00size",
    r"response\00total_size",
    r"response\00grpc_status",
    r"response\00trailers\00grpc-status",
    r"response\00flags",
];

/// `:path` and `/`, `:method` and `POST`, `:scheme` and `http`, `x-a` and `1`.
const REQUEST_HEAD: usize = 6 + 11 + 11 + 4;

#[tokio::test]
async fn sizes_are_known_at_the_end_whether_or_not_a_plugin_looks_at_the_bodies() {
    let plain = at_the_end(&SIZES);
    let looking = plain.clone().item(
        r#"(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (i32.const 0))
           (func (export "proxy_on_response_trailers") (param i32 i32) (result i32) (i32.const 0))"#,
    );
    exchange_sizes(load("sizes-plain", &plain)).await;
    exchange_sizes(load("sizes-looking", &looking)).await;
    let (request, total) = ("7", (7 + REQUEST_HEAD).to_string());
    // `:status` and `200`; without a plugin that looks at trailers nobody knows them.
    assert_eq!(
        logs::said("sizes-plain"),
        [request, &total, "14", "24", "2", "-", "0"]
    );
    // With `grpc-status` and `7`.
    assert_eq!(
        logs::said("sizes-looking"),
        [request, &total, "14", "36", "7", "7", "0"]
    );
}

#[tokio::test]
async fn durations_are_known_when_the_stream_is_over() {
    let paths = [r"request\00duration", r"response\00backend_latency"];
    let early: String = paths
        .iter()
        .map(|path| {
            format!(
                r#"(call $say_num (call $get_property @"{path}" (i32.const 16) (i32.const 20)))"#
            )
        })
        .collect();
    let guest = at_the_end(&paths).on_response(&early);
    send(load("durations", &guest), get(&[])).await;
    let said = logs::said("durations");
    assert_eq!(said[..2], ["1", "1"], "NOT_FOUND until then");
    let nanoseconds: Vec<u64> = said[2..].iter().map(|text| text.parse().unwrap()).collect();
    assert!(
        nanoseconds[0] >= nanoseconds[1] && nanoseconds[1] > 0,
        "{said:?}"
    );
}

#[tokio::test]
async fn a_client_that_goes_away_is_a_flag() {
    let guest = at_the_end(&[r"response\00flags", r"response\00size"]);
    let service = service_fn(|_: Request<RequestBody<Full<Bytes>>>| async {
        Ok::<_, Infallible>(Response::new(Full::from("hello")))
    });
    let layer = load("flag-gone", &guest).layer(service);
    drop(layer.oneshot(get(&[])).await.unwrap());
    eventually("it ends", || logs::said("flag-gone").len() == 2).await;
    assert_eq!(logs::said("flag-gone"), ["16384", "0"]);
}

#[tokio::test]
async fn the_inner_service_tells_how_it_answered() {
    let paths = [
        r"upstream\00address",
        r"upstream\00port",
        r"upstream\00num_endpoints",
        r"response\00flags",
        r"response\00code_details",
        r"xds\00route_name",
    ];
    let mut response = Response::new(Full::default());
    let told = UpstreamInfo::new()
        .address("192.0.2.9:3000".parse().unwrap())
        .endpoints(2)
        .failure(UpstreamFailure::Closed);
    response.extensions_mut().insert(told);
    response.extensions_mut().insert(RouteInfo::new("other"));
    let plugin = load("properties-told", &at_the_end(&paths));
    assert!(LoomChain::from(plugin.clone()).reads_properties());
    send_to(plugin, request(), response).await;
    assert_eq!(
        logs::said("properties-told"),
        [
            "192.0.2.9:3000",
            "3000",
            "2",
            "64",
            "upstream_reset_before_response_started{connection_termination}",
            "other"
        ]
    );
}

/// Stores `name` under its own name in `callback`; shows at the end what it and the others stored.
fn storing(name: &str, callback: &str) -> LoomPlugin {
    let guest = at_the_end(&["outer", "inner"]).on(
        callback,
        &format!(r#"(drop (call $set_property @"{name}" @"from {name}")) (i32.const 0)"#),
    );
    load(&format!("shared-{name}"), &guest)
}

#[tokio::test]
async fn what_is_stored_is_shared_by_all_layers_of_a_request() {
    let (request, response) = ("proxy_on_request_headers", "proxy_on_response_headers");
    for (outer, inner) in [
        (request, request),
        (request, response),
        (response, request),
        (response, response),
    ] {
        logs::forget("shared-outer");
        logs::forget("shared-inner");
        let service = service_fn(|_: Request<RequestBody<RequestBody<Full<Bytes>>>>| async {
            Ok::<_, Infallible>(Response::new(Full::from("hello")))
        });
        let service = storing("inner", inner).layer(service);
        let service = storing("outer", outer).layer(service);
        let answer = service.oneshot(get(&[])).await.unwrap();
        answer.into_body().collect().await.unwrap();
        for name in ["shared-outer", "shared-inner"] {
            eventually("it ends", || logs::said(name).len() == 2).await;
            assert_eq!(
                logs::said(name),
                ["from outer", "from inner"],
                "{outer}, {inner}"
            );
        }
    }
}
