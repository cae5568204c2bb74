//! Values that are not UTF-8, and plugins that cannot read them.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use loom_layer::{BoxError, HeaderValues, LoomPlugin, RequestBody};
use tower::{Layer, ServiceExt, service_fn};

use super::support::{Guest, get, plugin, send, send_to};

const RAW: &[u8] = b"a\xffb";

fn raw() -> HeaderValue {
    HeaderValue::from_bytes(RAW).unwrap()
}

/// Copies `x-raw` of a map into `x-read`, the number of bytes of all pairs into `x-pairs`, and the map's size into `x-size`.
fn reads(callback: &str, map: u32) -> Guest {
    let pairs = "(func $get_all (param i32 i32 i32) (result i32))";
    Guest::new()
        .import("env", "proxy_get_header_map_pairs", pairs)
        .on(
            callback,
            &format!(
                r#"(drop (call $get_all (i32.const {map}) (i32.const 16) (i32.const 20)))
                   (local.set $i (call $out_len))
                   (drop (call $map_size (i32.const {map}) (i32.const 24)))
                   (if (call $has (i32.const {map}) @"x-raw")
                     (then (call $set (i32.const {map}) @"x-read" (call $out) (call $out_len))))
                   (call $set_num (i32.const {map}) @"x-pairs" (local.get $i))
                   (call $set_num (i32.const {map}) @"x-size" (i32.load (i32.const 24)))
                   (i32.const 0)"#
            ),
        )
}

fn built(name: &str, guest: &Guest, values: HeaderValues) -> LoomPlugin {
    plugin(name, guest).header_values(values).build().unwrap()
}

fn request() -> Request<Full<Bytes>> {
    let mut request = get(&[]);
    request.headers_mut().insert("x-raw", raw());
    request
}

#[tokio::test]
async fn a_plugin_reads_text_and_the_rest_stays_as_it_was() {
    let guest = reads("proxy_on_request_headers", 0);
    let bytes = send(
        built("values-bytes", &guest, HeaderValues::Bytes),
        request(),
    )
    .await;
    let bytes = bytes.seen.unwrap().headers;
    let lossy = send(
        built("values-lossy", &guest, HeaderValues::Lossy),
        request(),
    )
    .await;
    let lossy = lossy.seen.unwrap().headers;
    assert_eq!(bytes["x-read"], RAW);
    assert_eq!(lossy["x-read"].as_bytes(), "a\u{fffd}b".as_bytes());
    assert_eq!(lossy["x-raw"], RAW, "the service gets what was sent");
    // U+FFFD has three bytes.
    for name in ["x-pairs", "x-size"] {
        let number =
            |headers: &HeaderMap| headers[name].to_str().unwrap().parse::<usize>().unwrap();
        assert_eq!(number(&lossy), number(&bytes) + 2, "{name}");
    }
}

#[tokio::test]
async fn a_request_is_refused_with_400() {
    let guest = reads("proxy_on_request_headers", 0);
    let plugin = built("values-reject", &guest, HeaderValues::Reject);
    let answer = send(plugin.clone(), request()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        answer.body,
        "the value of `x-raw` in the request is not UTF-8"
    );
    assert!(answer.seen.is_none());
    let mut utf8 = get(&[]);
    let value = HeaderValue::from_bytes("\u{e4}".as_bytes()).unwrap();
    utf8.headers_mut().insert("x-raw", value);
    assert_eq!(send(plugin, utf8).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_response_becomes_a_502() {
    let guest = reads("proxy_on_response_headers", 2);
    let response = || {
        let mut response = Response::new(Full::from("hello"));
        response.headers_mut().insert("x-raw", raw());
        response
    };
    let plugin = built("values-response", &guest, HeaderValues::Reject);
    let answer = send_to(plugin, get(&[]), response()).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(
        answer.body,
        "the value of `x-raw` in the response is not UTF-8"
    );
    // Whoever does not look at the response does not mind.
    let guest = reads("proxy_on_request_headers", 0);
    let plugin = built("values-elsewhere", &guest, HeaderValues::Reject);
    let answer = send_to(plugin, get(&[]), response()).await;
    assert_eq!((answer.status, &*answer.body), (StatusCode::OK, "hello"));
}

#[tokio::test]
async fn trailers_count_too() {
    let guest = Guest::new().item(
        r#"(func (export "proxy_on_request_trailers") (param i32 i32) (result i32) (i32.const 0))
           (func (export "proxy_on_response_trailers") (param i32 i32) (result i32) (i32.const 0))"#,
    );
    let plugin = built("values-trailers", &guest, HeaderValues::Reject);
    let body = |name: &'static str| {
        let trailers = HeaderMap::from_iter([(http::HeaderName::from_static(name), raw())]);
        let frames = [Frame::data(Bytes::from("hello")), Frame::trailers(trailers)];
        StreamBody::new(futures_util::stream::iter(frames.map(Ok::<_, Infallible>)))
    };
    // The request's, while the service reads them.
    let reader = service_fn(|request: Request<RequestBody<_>>| async {
        let body: Result<_, BoxError> = request.into_body().collect().await;
        body.map(|_| Response::new(Full::<Bytes>::default()))
    });
    let answer = plugin
        .clone()
        .layer(reader)
        .oneshot(Request::new(body("x-raw")));
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    // The response's: its head is out.
    let writer = service_fn(|_: Request<RequestBody<Full<Bytes>>>| async {
        Ok::<_, Infallible>(Response::new(body("x-raw")))
    });
    let answer = plugin.layer(writer).oneshot(get(&[])).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.into_body().collect().await.is_err(), "it is cut");
}
